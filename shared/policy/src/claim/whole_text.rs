//! Regular expressions in conditions on claims.

use regex_lite::{Regex, RegexBuilder};

/// A regular expression that must fit the whole text: one that fits anywhere lets `xadmin` pass
/// for `admin`. Matching takes time in proportion to the text, whatever the expression.
#[derive(Clone, Debug)]
pub(super) struct WholeText {
    pub(super) source: String,
    regex: Regex,
}

impl WholeText {
    pub(super) fn new(source: &str) -> Result<Self, String> {
        // The expression alone first: `a)|(b` would break out of the group.
        let build = |text: &str| {
            let mut builder = RegexBuilder::new(text);
            let built = builder.size_limit(MAX_REGEX_BYTES).nest_limit(32).build();
            built.map_err(|error| error.to_string())
        };
        build(source)?;
        Ok(Self {
            source: source.to_owned(),
            regex: build(&format!("^(?:{source})$"))?,
        })
    }

    pub(super) fn fits(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for WholeText {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for WholeText {}

const MAX_REGEX_BYTES: usize = 64 * 1024;
