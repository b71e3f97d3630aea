//! Patterns over request paths.

use super::Reading;

/// A pattern such as `/orders/*/items` or `/admin/**`.
///
/// `*` stands for exactly one segment, `**` (at the end only) for any number, none included.
/// A trailing slash makes no difference, and neither does one in the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<Segment>,
    open_end: bool,
    ignore_case: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Exact(String),
    Any,
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn parse(text: &str, ignore_case: bool) -> Result<Self, PatternError> {
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
                exact if ignore_case => segments.push(Segment::Exact(exact.to_lowercase())),
                exact => segments.push(Segment::Exact(exact.to_owned())),
            }
        }
        Ok(Self {
            segments,
            open_end,
            ignore_case,
        })
    }

    /// Whether this pattern certainly fits every path that `other` fits.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let length_fits = if self.open_end {
            other.segments.len() >= self.segments.len()
        } else {
            !other.open_end && other.segments.len() == self.segments.len()
        };
        let case_fits = self.ignore_case || !other.ignore_case;
        let same = |own: &Segment, other: &Segment| match (own, other) {
            (Segment::Any, _) => true,
            (Segment::Exact(own), Segment::Exact(other)) if self.ignore_case => {
                *own == other.to_lowercase()
            }
            (own, other) => own == other,
        };
        let mut pairs = self.segments.iter().zip(&other.segments);
        length_fits && case_fits && pairs.all(|(own, other)| same(own, other))
    }

    /// Whether this reading of a path fits the pattern.
    #[must_use]
    pub fn matches(&self, reading: &Reading) -> bool {
        let path = reading.segments();
        let length_fits = if self.open_end {
            path.len() >= self.segments.len()
        } else {
            path.len() == self.segments.len()
        };
        length_fits
            && self
                .segments
                .iter()
                .zip(path)
                .all(|(pattern, segment)| match pattern {
                    Segment::Any => !segment.is_empty() || reading.wildcard_takes_empty,
                    Segment::Exact(exact) if self.ignore_case => *exact == segment.to_lowercase(),
                    Segment::Exact(exact) => exact == segment,
                })
    }
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
