//! Request paths as rules see them, so that no spelling walks around a rule.
//!
//! Proxies, frameworks and file systems disagree on what a path says: whether `%2F` separates,
//! whether `;x` belongs to a segment, whether `//` is `/`, whether `..` leads upwards, how often to
//! decode, and in which order. A filter that picks one reading is walked around by a spelling that
//! its upstream reads differently. So a [`RequestPath`] holds every reading that a known server,
//! or a chain of a proxy and a server, has (nearly always exactly one), and [`crate::matching`]
//! decides only when all readings lead to the same rule.
//!
//! An upstream is a set of independent choices; the private module `readings` takes them one after
//! the other and keeps both outcomes of each. [`SERVERS`] lists what known servers choose.
//!
//! What no reading can make sense of (a broken escape, a control character, bytes that are not
//! UTF-8, no leading slash, more readings than any honest path has) is a [`PathError`], which
//! authentication refuses.

mod escapes;
mod pattern;
mod readings;
mod route_trust;
mod servers;

pub use pattern::{PathFit, PathPattern, PathRouting, PathVariable, PatternError, Significance};
pub use route_trust::RouteTrust;
pub use servers::{SERVERS, Server, Step};

use crate::overrides::Overrides;
use crate::values::MAX_VALUES;

pub(crate) use escapes::replace;
use escapes::{decode, is_unreserved};
use pattern::is_same_name;
use readings::Work;

/// A request path, in all its readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath {
    readings: Vec<Reading>,
    /// Whether some reading is of another place than the one that the path names as it was sent.
    strays: bool,
}

/// One way to read a path: its segments.
///
/// A trailing slash makes no difference, so there is no empty segment at the end. There is one in
/// the middle only where a server keeps empty segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    segments: Vec<String>,
    /// Whether `*` stands for an empty segment, too: servers disagree on that as well.
    wildcard_takes_empty: bool,
    /// Where the last segment may end without an extension, which patterns may look past.
    extensions: [Option<usize>; 2],
    /// The segments that may name a script, which patterns may look past.
    scripts: [Option<usize>; 2],
    /// The segments that may name what serves the request, whatever stands behind them.
    handlers: [Option<usize>; 2],
}

impl RequestPath {
    /// Reads the value of `:path`, with or without query.
    ///
    /// # Errors
    /// The path cannot be read at all; see [`PathError`].
    pub fn parse(raw: &[u8]) -> Result<Self, PathError> {
        Self::parse_within(raw, &mut Work::default())
    }

    fn parse_within(raw: &[u8], work: &mut Work) -> Result<Self, PathError> {
        let raw = std::str::from_utf8(raw).map_err(|_| PathError::NotUtf8)?;
        let target = without_origin(raw);
        let path = target.split(['?', '#']).next().unwrap_or(target);
        if path == "*" {
            // OPTIONS * (RFC 9110 section 9.3.7) is about the server, not about a path.
            return Ok(Self::plain(Reading::new(vec!["*".to_owned()])));
        }
        if !path.starts_with(['/', '\\']) {
            return Err(PathError::NotAbsolute);
        }
        // A query that begins with `?` is one for every server; a `#` is not (Go keeps it).
        let path_and_fragment = target.split('?').next().unwrap_or(target);
        if path_and_fragment.len() == path.len() && is_plain(path) {
            return Ok(Self::plain(Reading::canonical(path)));
        }
        let decoded = decode(path)?;
        let canonical = Reading::canonical(&decoded);
        if !is_ambiguous(path_and_fragment) {
            let strays = !canonical.is_in_place(&decoded);
            return Ok(Self {
                readings: vec![canonical],
                strays,
            });
        }
        decode(path_and_fragment)?;
        let mut readings = vec![canonical];
        readings::add_all(path_and_fragment, &mut readings, work)?;
        // Proxies route by a fragment too, or refuse it.
        let has_fragment = path_and_fragment.len() != path.len();
        Ok(Self {
            strays: has_fragment || !readings.iter().all(|one| one.is_in_place(&decoded)),
            readings,
        })
    }

    fn plain(reading: Reading) -> Self {
        Self {
            readings: vec![reading],
            strays: false,
        }
    }

    /// Reads the value of `:path`, and the paths that some upstream may take in its place.
    ///
    /// # Errors
    /// One of them cannot be read, or there are too many.
    pub fn parse_overridden(raw: &[u8], overrides: &Overrides) -> Result<Self, PathError> {
        // What is too much for one path is too much for all of them together.
        let mut work = Work::default();
        let mut path = Self::parse_within(raw, &mut work)?;
        let sent = crate::text::lossy(raw);
        let sent = without_origin(&sent).split('?').next().unwrap_or_default();
        let given = overrides.paths.iter().map(|given| absolute(given));
        let left = overrides
            .prefixes
            .iter()
            .filter_map(|prefix| without_prefix(sent, prefix));
        let others: Vec<String> = given.chain(left).collect();
        let is_odd = |given: &String| is_odd_address(given);
        let lists = [&overrides.paths, &overrides.prefixes, &others];
        if overrides.is_unknown
            || lists.iter().any(|list| list.len() > MAX_VALUES)
            || overrides.paths.iter().any(is_odd)
        {
            return Err(PathError::TooAmbiguous);
        }
        for other in others {
            path.add(Self::parse_within(other.as_bytes(), &mut work)?.readings)?;
        }
        // ASP.NET and others compare segments, decoded and without case, whoever has named the path.
        let behind = path.behind(&overrides.prefixes, &mut work)?;
        path.add(behind)?;
        Ok(path)
    }

    /// Adds what stands in the place of the path, which is somewhere else.
    fn add(&mut self, readings: Vec<Reading>) -> Result<(), PathError> {
        for reading in readings {
            if !self.readings.contains(&reading) {
                self.readings.push(reading);
                self.strays = true;
            }
        }
        match self.readings.len() > MAX_READINGS {
            true => Err(PathError::TooAmbiguous),
            false => Ok(()),
        }
    }

    /// What is left of each reading behind each of the prefixes that it begins with.
    fn behind(&self, prefixes: &[String], work: &mut Work) -> Result<Vec<Reading>, PathError> {
        let mut left = Vec::new();
        for prefix in prefixes {
            // Servers with WSGI compare it as it is with a path that they have decoded.
            let texts = self.readings.iter().map(Reading::to_text);
            let rests = texts.filter_map(|text| without_prefix(&text, prefix));
            left.extend(rests.map(|rest| Reading::of_segments(&rest)));
            let Ok(prefix) = Self::parse_within(absolute(prefix).as_bytes(), work) else {
                continue;
            };
            for (reading, prefix) in self
                .readings
                .iter()
                .flat_map(|reading| prefix.readings.iter().map(move |prefix| (reading, prefix)))
            {
                left.extend(reading.behind(prefix));
                if left.len() > MAX_READINGS {
                    return Err(PathError::TooAmbiguous);
                }
            }
        }
        Ok(left)
    }

    /// The readings, the canonical one first.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The canonical reading as text, for records and logs: `/a/b`.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.readings
            .first()
            .map_or_else(String::new, Reading::to_text)
    }
}

impl Reading {
    fn new(segments: Vec<String>) -> Self {
        Self {
            extensions: pattern::extensions(&segments),
            scripts: pattern::named(&segments, &[pattern::SCRIPTS]),
            handlers: pattern::named(&segments, &[pattern::SCRIPTS, pattern::HANDLERS]),
            segments,
            wildcard_takes_empty: false,
        }
    }

    /// Of a path that is decoded and resolved.
    fn of_segments(path: &str) -> Self {
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        Self::new(segments.map(str::to_owned).collect())
    }

    /// The segments of this reading, decoded.
    #[must_use]
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// Whether this is the place that a path names, of which `decoded` is the text: the same text, however it is
    /// divided into segments (`/projects/a%2Fb`), or the end of its last segment cut off (`/a;v=1`, `/what%3F`,
    /// `/Acme%20Inc.`). A route by a prefix is the same for both.
    fn is_in_place(&self, decoded: &str) -> bool {
        let text = self.to_text();
        let left = decoded.strip_prefix(text.trim_end_matches('/'));
        let left = left.map(|left| left.trim_end_matches('/'));
        left.is_some_and(|left| {
            left.is_empty() || (left.starts_with([';', '?', '#', '.', ' ']) && !left.contains('/'))
        })
    }

    fn to_text(&self) -> String {
        if self.segments.is_empty() {
            return "/".to_owned();
        }
        self.segments
            .iter()
            .flat_map(|segment| ["/", segment.as_str()])
            .collect()
    }

    /// The rest of a path that begins with the segments of a prefix, in whatever case.
    fn behind(&self, prefix: &Self) -> Option<Self> {
        let (begin, rest) = self.segments.split_at_checked(prefix.segments.len())?;
        let mut pairs = begin.iter().zip(&prefix.segments);
        let is_prefix = !begin.is_empty() && pairs.all(|(a, b)| is_same_name(a, b));
        is_prefix.then(|| Self {
            wildcard_takes_empty: self.wildcard_takes_empty,
            ..Self::new(rest.to_vec())
        })
    }

    /// Of a path that was decoded once: both slashes separate, parameters go, empty segments do not
    /// count, and dot segments are resolved (RFC 3986 section 5.2.4).
    fn canonical(decoded: &str) -> Self {
        let mut resolved: Vec<&str> = Vec::new();
        // What stands before the first slash is no segment.
        for segment in decoded.split(['/', '\\']).skip(1) {
            match without_parameters(segment) {
                "" | "." => {}
                ".." => {
                    resolved.pop();
                }
                segment => resolved.push(segment),
            }
        }
        Self::new(resolved.into_iter().map(str::to_owned).collect())
    }
}

/// More readings, of a path and of all that overrides it, have no honest use: each rule looks at all of them.
const MAX_READINGS: usize = 96;

/// Why a path cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The request has no `:path` (CONNECT).
    #[error("the request has no path")]
    Missing,
    /// Neither `/...` nor `*` nor an absolute URI.
    #[error("the path does not start with a slash")]
    NotAbsolute,
    /// `%` without two hexadecimal digits.
    #[error("the path has a broken percent-escape")]
    BrokenEscape,
    /// A control character, raw or encoded, or a raw space, which some servers cut off.
    #[error("the path has a control character")]
    ControlCharacter,
    /// Bytes that are not UTF-8, raw or encoded: overlong forms hide characters.
    #[error("the path is not UTF-8")]
    NotUtf8,
    /// Servers read the path in more ways than can be looked at, or it is too long to look.
    #[error("the path can be read in too many ways")]
    TooAmbiguous,
}

impl PathError {
    /// A stable code for metrics, decisions and problem types.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "path_missing",
            Self::NotAbsolute => "path_not_absolute",
            Self::BrokenEscape => "path_broken_escape",
            Self::ControlCharacter => "path_control_character",
            Self::NotUtf8 => "path_not_utf8",
            Self::TooAmbiguous => "path_too_ambiguous",
        }
    }
}

/// `http://host/path` as `/path` (RFC 9112 section 3.2.2).
fn without_origin(raw: &str) -> &str {
    let Some((scheme, rest)) = raw.split_once("://") else {
        return raw;
    };
    if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return raw;
    }
    // The URL standard takes any number of slashes for two.
    if rest.starts_with(['/', '\\']) {
        return raw;
    }
    match rest
        .find(['/', '\\', '?', '#'])
        .and_then(|end| rest.split_at_checked(end))
    {
        Some((_, path)) if path.starts_with(['/', '\\']) => path,
        _ => "/",
    }
}

/// Whether a text is an address to the URL standard, but not in the usual spelling: `http:/host/path`. No honest
/// proxy writes it so.
fn is_odd_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(is_part);
    let host = rest.strip_prefix("//");
    is_scheme && host.is_none_or(|host| host.starts_with(['/', '\\']))
}

/// The path that a header gives: a path, or an address.
fn absolute(given: &str) -> String {
    if given.starts_with(['/', '\\']) || given.contains("://") {
        given.to_owned()
    } else {
        format!("/{given}")
    }
}

/// What follows the first occurrence of a prefix. Gunicorn looks for it anywhere, others at the
/// beginning.
fn without_prefix(path: &str, prefix: &str) -> Option<String> {
    let prefix = absolute(prefix.trim_end_matches('/'));
    if prefix == "/" {
        return None;
    }
    let (_, rest) = path.split_once(prefix.as_str())?;
    Some(match rest.starts_with(['?', '#']) || rest.is_empty() {
        true => format!("/{rest}"),
        false => absolute(rest),
    })
}

fn without_parameters(segment: &str) -> &str {
    segment.split(';').next().unwrap_or(segment)
}

/// Whether servers may disagree on `path`, which has no query. Nearly no path is: clients do not
/// escape what needs no escape, and resolve dot segments themselves.
fn is_ambiguous(path: &str) -> bool {
    path.contains(['#', ';', '\\'])
        || path.contains("//")
        || path.contains("/(")
        || path.contains("/%20")
        || path
            .split('/')
            .any(|segment| segment.ends_with('.') || segment.ends_with("%20"))
        || escapes::escaped(path).any(|byte| {
            is_unreserved(byte) || matches!(byte, b'/' | b'\\' | b';' | b'?' | b'#' | b'%' | b'(')
        })
}

/// Whether there is nothing in `path` to decode, to refuse or to disagree about: letters, digits,
/// single slashes and a few more, as in nearly all paths.
fn is_plain(path: &str) -> bool {
    let mut before = 0;
    let is_plain = path.bytes().all(|byte| {
        // `//`, `/.` and `/..`; names such as `.well-known` take the long way as well. So does a dot
        // at the end of a segment, and what may be a session, see `readings`.
        let may_move = matches!((before, byte), (b'/', b'/' | b'.' | b'(') | (b'.', b'/'));
        before = byte;
        !may_move && (byte.is_ascii_alphanumeric() || b"/-_.~@:,+=!$&'()*".contains(&byte))
    });
    is_plain && before != b'.'
}

#[cfg(test)]
pub(crate) mod tests;
