//! Something that was found in a text.

use std::ops::Range;

use policy::json::Json;

use super::codes::Code;

/// An error or a warning about a place in a file.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What kind of finding it is.
    pub code: &'static Code,
    /// The configuration is refused; else it is a warning.
    pub is_error: bool,
    /// The name of the file.
    pub file: String,
    /// The bytes of the text that it is about.
    pub span: Option<Range<usize>>,
    /// Where in the configuration: `limits[2].rate`.
    pub path: String,
    /// The message: what is wrong.
    pub message: String,
    /// A hint: what to do about it.
    pub hint: Option<String>,
    /// The filters that requests pass by because of it.
    pub bypasses: Vec<Bypass>,
    /// The line, from 1; 0 where there is no place.
    pub line: usize,
    /// The column in characters, from 1; 0 where there is no place.
    pub column: usize,
}

/// A filter that does not see requests, though it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bypass {
    /// The filter, or the bundle.
    pub filter: &'static str,
    /// It sees none at all; else some pass it by.
    pub is_of_all: bool,
}

impl Finding {
    /// With the line and the column of its span.
    pub(super) fn placed(mut self, text: &str) -> Self {
        if let Some(span) = &self.span {
            let before = text.get(..span.start).unwrap_or(text);
            let line_start = before.rfind('\n').map_or(0, |end| end + 1);
            self.line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
            self.column = before.get(line_start..).unwrap_or("").chars().count() + 1;
        }
        self
    }

    /// The level of the finding: `error` or `warning`.
    #[must_use]
    pub const fn level(&self) -> &'static str {
        if self.is_error { "error" } else { "warning" }
    }

    /// The message with the path before it.
    #[must_use]
    pub fn whole(&self) -> String {
        if self.path.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", self.path, self.message)
        }
    }

    /// The file, and the place in it where there is one.
    #[must_use]
    pub fn place(&self) -> String {
        match self.line {
            0 => self.file.clone(),
            line => format!("{}:{line}:{}", self.file, self.column),
        }
    }

    /// The finding as JSON, for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        let number = |number: usize| Json::from(u64::try_from(number).unwrap_or(u64::MAX));
        let mut members = vec![
            ("file", self.file.as_str().into()),
            ("line", number(self.line)),
            ("column", number(self.column)),
            ("level", self.level().into()),
            ("code", self.code.id.into()),
            ("name", self.code.name.into()),
            ("path", self.path.as_str().into()),
            ("message", self.message.as_str().into()),
        ];
        if let Some(hint) = &self.hint {
            members.push(("hint", hint.as_str().into()));
        }
        let members = members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Json::Object(members.collect())
    }
}
