//! What is wrong with a configuration.

use std::fmt;

use crate::json::JsonError;

/// One mistake: where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    path: String,
    message: String,
}

impl Problem {
    /// A mistake at a JSON path; an empty path means the whole document.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }

    pub(crate) fn document(error: &JsonError) -> Self {
        Self::new("", error.to_string())
    }

    /// The path in the configuration: `limits[2].rate`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong there, and what to write instead.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same in a document that has this one as its member `parent`.
    #[must_use]
    pub fn under(self, parent: &str) -> Self {
        Self {
            path: path_under(parent, &self.path),
            ..self
        }
    }
}

fn path_under(parent: &str, path: &str) -> String {
    match path.chars().next() {
        _ if parent.is_empty() => path.to_owned(),
        None => parent.to_owned(),
        Some('[') => format!("{parent}{path}"),
        Some(_) => format!("{parent}.{path}"),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

/// Something that is accepted and probably not meant: `meshward check` prints it, the filter logs
/// it when it is configured, and neither refuses the configuration for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    code: &'static str,
    problem: Problem,
}

impl Warning {
    /// A warning at a JSON path, with a stable snake_case code.
    #[must_use]
    pub fn new(code: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        let problem = Problem::new(path, message);
        Self { code, problem }
    }

    /// The stable code of the warning: `rule_unreachable`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// What is probably not meant, and where.
    #[must_use]
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The same warning with `parent` before its path, as [`Problem::under`].
    #[must_use]
    pub fn under(self, parent: &str) -> Self {
        let problem = self.problem.under(parent);
        Self { problem, ..self }
    }
}

/// `rules[2]: rules[0] matches all that it does (rule_unreachable)`.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.problem, self.code)
    }
}

/// All mistakes of a configuration, in the order of the document's conversion; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    /// Several mistakes, at least one.
    #[must_use]
    pub const fn from_list(list: Vec<Problem>) -> Self {
        Self { list }
    }

    /// A single problem that concerns no place of the document, such as a host that lacks a call.
    #[must_use]
    pub fn whole(message: impl Into<String>) -> Self {
        Problem::new("", message).into()
    }

    /// All problems, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Self {
        Self::from_list(problems.into_iter().collect())
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self {
            list: vec![problem],
        }
    }
}

/// One line for each mistake.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.list.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
