//! Patterns over request paths.

use super::Reading;
use crate::request_value::is_variable_name;

/// A pattern such as `/orders/*/items` or `/admin/**`.
///
/// `*` stands for exactly one segment, `**` (at the end only) for any number, none included.
/// A trailing slash makes no difference, and neither does one in the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<Segment>,
    open_end: bool,
    case: PathCase,
}

/// What an upstream makes of letters in another case than a pattern has: the key `ignore_case`.
///
/// ASP.NET Core, IIS, Express and file systems route `/Admin` as `/admin`; most others do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathCase {
    /// Nobody has said: it may be either.
    #[default]
    Unknown,
    /// They are the same.
    Ignored,
    /// Upper and lower case differ.
    Significant,
}

/// How a reading of a path fits a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFit {
    /// It does not.
    No,
    /// But for the case of letters, which some upstreams do not tell apart.
    InAnotherCase,
    /// The pattern matches the path.
    Yes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Exact(String),
    Any,
}

impl std::fmt::Display for PathPattern {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Exact(name) => write!(out, "/{name}")?,
                Segment::Any => out.write_str("/*")?,
            }
        }
        match (self.open_end, self.segments.is_empty()) {
            (true, _) => out.write_str("/**"),
            (false, true) => out.write_str("/"),
            (false, false) => Ok(()),
        }
    }
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn parse(text: &str, case: PathCase) -> Result<Self, PatternError> {
        let path = text.strip_prefix('/').ok_or(PatternError::NotAbsolute)?;
        if text.contains(['?', '#']) {
            return Err(PatternError::Query);
        }
        // No request has a control character in its path, decoded or not: it is refused.
        let invisible =
            |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}');
        if text.ends_with(char::is_whitespace) || text.contains(invisible) {
            return Err(PatternError::Space);
        }
        if text.contains(['%', '\\', ';']) {
            return Err(PatternError::Encoded);
        }
        let mut segments = Vec::new();
        let mut open_end = false;
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            if open_end {
                return Err(PatternError::OpenMiddle);
            }
            match segment {
                "**" => open_end = true,
                "*" => segments.push(Segment::Any),
                "." | ".." => return Err(PatternError::DotSegment),
                variable
                    if variable.contains(['{', '}'])
                        || (variable.starts_with(':') && variable.len() > 1) =>
                {
                    return Err(PatternError::Variable);
                }
                partial if partial.contains('*') => return Err(PatternError::PartialWildcard),
                exact => segments.push(Segment::Exact(exact.to_owned())),
            }
        }
        Ok(Self {
            segments,
            open_end,
            case,
        })
    }

    /// Whether some path fits both this and a template such as `/patients/{id}`, whose parts in braces
    /// stand for any segment.
    #[must_use]
    pub fn may_fit_template(&self, template: &str) -> bool {
        let parts: Vec<&str> = template
            .split('/')
            .filter(|part| !part.is_empty())
            .collect();
        let length_fits = match self.open_end {
            true => parts.len() >= self.segments.len(),
            false => parts.len() == self.segments.len(),
        };
        let fits = |(segment, part): (&Segment, &&str)| match segment {
            Segment::Any => true,
            Segment::Exact(name) => part.contains(['{', '}']) || is_same_name(name, part),
        };
        length_fits && self.segments.iter().zip(&parts).all(fits)
    }

    /// Whether this pattern fits every path that `other` fits, at least in another case: then no
    /// rule with `other` behind one with this decides about anything.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let length_fits = if self.open_end {
            other.segments.len() >= self.segments.len()
        } else {
            !other.open_end && other.segments.len() == self.segments.len()
        };
        let is_strict = self.case == PathCase::Significant;
        let case_fits = !is_strict || other.case == PathCase::Significant;
        let same = |own: &Segment, other: &Segment| match (own, other) {
            (Segment::Any, _) => true,
            (Segment::Exact(own), Segment::Exact(other)) if !is_strict => is_same_name(own, other),
            (own, other) => own == other,
        };
        let mut pairs = self.segments.iter().zip(&other.segments);
        length_fits && case_fits && pairs.all(|(own, other)| same(own, other))
    }

    /// Whether some path fits both, at least in another case.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let (shorter, longer) = if self.segments.len() <= other.segments.len() {
            (self, other)
        } else {
            (other, self)
        };
        let length_fits = shorter.open_end || shorter.segments.len() == longer.segments.len();
        let same = |one: &Segment, other: &Segment| match (one, other) {
            (Segment::Exact(one), Segment::Exact(other)) => is_same_name(one, other),
            _ => true,
        };
        let mut pairs = shorter.segments.iter().zip(&longer.segments);
        length_fits && pairs.all(|(one, other)| same(one, other))
    }

    /// Whether this reading of a path fits the pattern.
    #[must_use]
    pub fn fit(&self, reading: &Reading) -> PathFit {
        let path = reading.segments();
        let length_fits = if self.open_end {
            path.len() >= self.segments.len()
        } else {
            path.len() == self.segments.len()
        };
        if !length_fits {
            return PathFit::No;
        }
        let mut fit = PathFit::Yes;
        for (pattern, segment) in self.segments.iter().zip(path) {
            match pattern {
                Segment::Any if segment.is_empty() && !reading.wildcard_takes_empty => {
                    return PathFit::No;
                }
                Segment::Any => {}
                Segment::Exact(exact) if exact == segment => {}
                Segment::Exact(exact) => {
                    let is_certain = match self.case {
                        PathCase::Significant => return PathFit::No,
                        PathCase::Ignored => exact.to_lowercase() == segment.to_lowercase(),
                        PathCase::Unknown => false,
                    };
                    if !is_certain && !is_same_name(exact, segment) {
                        return PathFit::No;
                    }
                    if !is_certain {
                        fit = PathFit::InAnotherCase;
                    }
                }
            }
        }
        fit
    }
}

/// One segment of the paths that a pattern fits: `/users/{id}/**`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathVariable {
    pattern: PathPattern,
    /// The place of the segment.
    place: usize,
}

impl PathVariable {
    /// Reads a pattern of which one segment is `{name}`.
    ///
    /// # Errors
    /// It has none or several, or is no pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut places = Vec::new();
        let mut segments: Vec<&str> = Vec::new();
        for segment in text.split('/').filter(|segment| !segment.is_empty()) {
            let name = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            if name.is_some_and(is_variable_name) {
                places.push(segments.len());
                segments.push("*");
            } else {
                segments.push(segment);
            }
        }
        let [place] = places.as_slice() else {
            return Err(format!(
                "expected exactly one segment in braces, as in \"/users/{{id}}/**\", found {}",
                places.len()
            ));
        };
        let start = if text.starts_with('/') { "/" } else { "" };
        let pattern = format!("{start}{}", segments.join("/"));
        let pattern =
            PathPattern::parse(&pattern, PathCase::Unknown).map_err(|error| match error {
                PatternError::Variable => "a variable is a whole segment, such as {id}".to_owned(),
                other => other.to_string(),
            })?;
        Ok(Self {
            pattern,
            place: *place,
        })
    }

    /// The pattern that paths must fit to have the segment.
    #[must_use]
    pub const fn pattern(&self) -> &PathPattern {
        &self.pattern
    }

    /// The segment, where a reading of a path has it. Where servers disagree on the case of the
    /// other segments, those that route the path at all take this segment for the value.
    #[must_use]
    pub fn value<'r>(&self, reading: &'r Reading) -> Option<&'r str> {
        if self.pattern.fit(reading) == PathFit::No {
            return None;
        }
        reading.segments().get(self.place).map(String::as_str)
    }
}

/// Whether two names are the same to an upstream that ignores case. They differ in how: some compare
/// upper case, some lower case, and to the former `ı` is `i` and `ſ` is `s`.
fn is_same_name(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    one.chars().map(folded).eq(other.chars().map(folded))
}

/// One character for all that some upstream takes for it.
fn folded(character: char) -> char {
    let mut upper = character.to_uppercase();
    let upper = match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => character,
    };
    upper.to_lowercase().next().unwrap_or(upper)
}

/// Why a text is no path pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// No leading slash.
    #[error("a path pattern starts with a slash")]
    NotAbsolute,
    /// A query or fragment.
    #[error("a path pattern has no query: paths are matched without theirs")]
    Query,
    /// Something that the normalised path never has.
    #[error("a path pattern is written decoded, without % \\ and ;")]
    Encoded,
    /// `/a/../b`.
    #[error("a path pattern has no dot segments: paths are matched resolved")]
    DotSegment,
    /// `/users/{id}`, `/users/:id`.
    #[error("a path pattern has no variables: * stands for any one segment")]
    Variable,
    /// White space at the end, or a character that cannot be seen.
    #[error("a path pattern has no space at its end and no invisible characters")]
    Space,
    /// `/a/**/b`.
    #[error("** stands at the end only")]
    OpenMiddle,
    /// `/a*`.
    #[error("* stands for a whole segment: use /a/* or /a/**")]
    PartialWildcard,
}
