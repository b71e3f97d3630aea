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
    routing: PathRouting,
}

/// What an upstream makes of a part of a path that a pattern does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Significance {
    /// Nobody has said: it may be either.
    #[default]
    Unknown,
    /// It routes the path as one without.
    Ignored,
    /// The part tells paths apart: the upstream routes them differently.
    Significant,
}

/// How an upstream routes paths: what it makes of parts that many servers look past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathRouting {
    /// The key `ignore_case`: ASP.NET Core, IIS, Express and file systems route `/Admin` as `/admin`.
    pub case: Significance,
    /// The key `ignore_extension`: Rails and others route `/users.json` as `/users`.
    pub extension: Significance,
    /// The key `ignore_script`: PHP applications route `/index.php/users` as `/users`, and run `/login.php` for
    /// `/login.php/x`.
    pub script: Significance,
}

/// How a reading of a path fits a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFit {
    /// The pattern does not fit.
    No,
    /// To some upstreams: but for the case of letters, an extension, or a script, which they look past.
    Maybe,
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
    pub fn parse(text: &str, routing: PathRouting) -> Result<Self, PatternError> {
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
            routing,
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
        let is_strict = self.routing.case == Significance::Significant;
        let takes = |own, other| own != Significance::Significant || own == other;
        let routing_fits = takes(self.routing.case, other.routing.case)
            && takes(self.routing.extension, other.routing.extension)
            && takes(self.routing.script, other.routing.script);
        let same = |own: &Segment, other: &Segment| match (own, other) {
            (Segment::Any, _) => true,
            (Segment::Exact(own), Segment::Exact(other)) if !is_strict => is_same_name(own, other),
            (own, other) => own == other,
        };
        let mut pairs = self.segments.iter().zip(&other.segments);
        length_fits && routing_fits && pairs.all(|(own, other)| same(own, other))
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

    /// Whether this reading of a path fits the pattern, to all upstreams that the pattern is about, to
    /// some, or to none.
    #[must_use]
    pub fn fit(&self, reading: &Reading) -> PathFit {
        if !reading.has_parts() {
            return self.fit_view(&View::whole(reading));
        }
        if !self.may_fit(reading) {
            return PathFit::No;
        }
        let whole = self.fit_view(&View::whole(reading));
        let mut fits = self.views(reading, whole).map(|view| self.fit_view(&view));
        let first = fits.next().unwrap_or(whole);
        if fits.all(|fit| fit == first) {
            first
        } else {
            PathFit::Maybe
        }
    }

    /// Whether some view of the reading may fit, by what is the same in all of them: a client can ask for many
    /// readings of many views, and each rule looks at all.
    fn may_fit(&self, reading: &Reading) -> bool {
        let longest = reading.segments.len();
        let handler = reading.handlers.iter().flatten().min();
        let shortest = handler.map_or(longest, |place| {
            let behind = place.saturating_add(1);
            behind.min(longest.saturating_sub(1))
        });
        let own = self.segments.len();
        let length_fits = own <= longest && (self.open_end || own >= shortest);
        let before_last = longest.saturating_sub(1);
        let kept = handler.copied();
        let kept = kept.map_or(before_last, |script| script.min(before_last));
        let mut pairs = self.segments.iter().zip(&reading.segments).take(kept);
        length_fits
            && pairs.all(|(own, segment)| match own {
                Segment::Any => true,
                Segment::Exact(exact) => self.name_fit(exact, segment) != PathFit::No,
            })
    }

    /// What upstreams may take a path for: as it is, without its extension, without the script in it.
    /// What the pattern itself spells out is neither: `/openapi.json` is about that file.
    fn views<'r>(&self, reading: &'r Reading, whole: PathFit) -> impl Iterator<Item = View<'r>> {
        let spelled = |place: usize| {
            let segment = self.segments.get(place);
            whole != PathFit::No && matches!(segment, Some(Segment::Exact(_)))
        };
        let last = reading.segments.len().saturating_sub(1);
        let extensions = match self.routing.extension {
            Significance::Significant => [None; 2],
            _ if spelled(last) => [None; 2],
            _ => reading.extensions,
        };
        let unspelled = |places: [Option<usize>; 2]| match self.routing.script {
            Significance::Significant => [None; 2],
            _ => places.map(|place| place.filter(|place| !spelled(*place))),
        };
        let scripts = unspelled(reading.scripts);
        let ends = choices(self.routing.extension, extensions);
        let past_script = choices(self.routing.script, scripts).flat_map(move |script| {
            ends.clone().map(move |end| View {
                script,
                end,
                ..View::whole(reading)
            })
        });
        // Where scripts are looked past, those count that the pattern names, but for a front controller.
        let is_past = self.routing.script == Significance::Ignored;
        let names = move |place: usize| {
            let (own, name) = (self.segments.get(place), reading.segments.get(place));
            let (Some(Segment::Exact(own)), Some(name)) = (own, name) else {
                return false;
            };
            self.segments.len() == place.saturating_add(1)
                && !name.starts_with("index.")
                && self.name_fit(own, name) != PathFit::No
        };
        let handlers = unspelled(reading.handlers).into_iter().flatten();
        let handled = handlers.filter(move |place| !is_past || names(*place));
        past_script.chain(handled.map(|place| View {
            last: Some(place),
            ..View::whole(reading)
        }))
    }

    fn fit_view(&self, view: &View<'_>) -> PathFit {
        let length = view.len();
        let length_fits = if self.open_end {
            length >= self.segments.len()
        } else {
            length == self.segments.len()
        };
        if !length_fits {
            return PathFit::No;
        }
        let mut fit = PathFit::Yes;
        for (pattern, segment) in self.segments.iter().zip(view.segments()) {
            match pattern {
                Segment::Any if segment.is_empty() && !view.reading.wildcard_takes_empty => {
                    return PathFit::No;
                }
                Segment::Any => {}
                Segment::Exact(exact) => match self.name_fit(exact, segment) {
                    PathFit::Yes => {}
                    PathFit::Maybe => fit = PathFit::Maybe,
                    PathFit::No => return PathFit::No,
                },
            }
        }
        fit
    }

    /// Whether a segment has this name, as far as case matters.
    fn name_fit(&self, name: &str, segment: &str) -> PathFit {
        if name == segment {
            return PathFit::Yes;
        }
        let is_certain = match self.routing.case {
            Significance::Significant => return PathFit::No,
            Significance::Ignored => true,
            Significance::Unknown => false,
        };
        // No letter is four times as long in another case.
        if name.len() > segment.len().saturating_mul(4)
            || segment.len() > name.len().saturating_mul(4)
        {
            return PathFit::No;
        }
        if is_certain && is_same_lower_case(name, segment) {
            return PathFit::Yes;
        }
        match is_same_name(name, segment) {
            true => PathFit::Maybe,
            false => PathFit::No,
        }
    }
}

/// As it is, unless the part is there and certainly looked past, and without each of the parts.
fn choices(
    significance: Significance,
    parts: [Option<usize>; 2],
) -> impl Iterator<Item = Option<usize>> + Clone {
    let is_gone = significance == Significance::Ignored && parts.iter().any(Option::is_some);
    let whole = (!is_gone).then_some(None);
    whole
        .into_iter()
        .chain(parts.into_iter().filter(Option::is_some))
}

/// What an upstream may take a reading for.
struct View<'r> {
    reading: &'r Reading,
    /// The place of the segment that names a script, which is left out.
    script: Option<usize>,
    /// The place of the last segment, where what stands behind it is for the script that it names.
    last: Option<usize>,
    /// Where the last segment ends.
    end: Option<usize>,
}

impl<'r> View<'r> {
    const fn whole(reading: &'r Reading) -> Self {
        Self {
            reading,
            script: None,
            last: None,
            end: None,
        }
    }

    fn len(&self) -> usize {
        let length = self.reading.segments.len();
        let kept = self.last.map_or(length, |last| last.saturating_add(1));
        kept.saturating_sub(usize::from(self.script.is_some()))
    }

    fn segments(&self) -> impl Iterator<Item = &'r str> {
        let last = self.reading.segments.len().checked_sub(1);
        let (script, end) = (self.script, self.end);
        let kept = self.last.map_or(usize::MAX, |last| last.saturating_add(1));
        let segments = self.reading.segments.iter().take(kept).enumerate();
        segments
            .filter(move |(place, _)| script != Some(*place))
            .map(move |(place, segment)| match end {
                Some(end) if Some(place) == last => segment.get(..end).unwrap_or(segment),
                _ => segment,
            })
    }
}

impl Reading {
    /// Whether there may be an extension or a script in it.
    fn has_parts(&self) -> bool {
        self.extensions != [None; 2] || self.handlers != [None; 2]
    }
}

/// Where the last segment ends without an extension: at its last dot (Rails, and the variables of
/// Spring), or at its first (the routes of Spring). A dot in front begins a name.
pub(super) fn extensions(segments: &[String]) -> [Option<usize>; 2] {
    let name = segments.last().map_or("", String::as_str);
    let dot = |place: &usize| *place > 0;
    let last = name.rfind('.').filter(dot);
    let first = name
        .find('.')
        .filter(dot)
        .filter(|_| name.find('.') != last);
    [last, first]
}

/// The segments whose names have one of these extensions, with a path for them behind them: servers look for
/// the first such file (Apache httpd), or for the last such name (nginx).
pub(super) fn named(segments: &[String], extensions: &[&[&str]]) -> [Option<usize>; 2] {
    let is_script = |name: &String| {
        name.rsplit_once('.').is_some_and(|(_, extension)| {
            let mut known = extensions.iter().copied().flatten();
            known.any(|known| known.eq_ignore_ascii_case(extension))
        })
    };
    let before_last = segments.split_last().map_or(&[][..], |(_, rest)| rest);
    let first = before_last.iter().position(is_script);
    let last = before_last.iter().rposition(is_script);
    [first, last.filter(|_| last != first)]
}

/// The extensions of scripts that are given what follows their name in a path (`PATH_INFO`).
pub(super) const SCRIPTS: &[&str] = &["php", "php5", "php7", "php8", "cgi", "fcgi", "cfm"];

/// The extensions of others that serve a request whatever stands behind their name.
pub(super) const HANDLERS: &[&str] = &["aspx", "ashx", "asmx", "asp", "svc", "phtml"];

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
            PathPattern::parse(&pattern, PathRouting::default()).map_err(|error| match error {
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

    /// Which segment it is; the first one is 1.
    pub(crate) const fn number(&self) -> usize {
        self.place.saturating_add(1)
    }

    /// Says how the upstream routes paths. In whatever case the other segments are, it takes this one
    /// for the value.
    pub(crate) const fn set_routing(&mut self, routing: PathRouting) {
        self.pattern.routing.extension = routing.extension;
        self.pattern.routing.script = routing.script;
    }

    /// The segment, where a reading of a path has it. A dot is part of it unless the upstream certainly
    /// looks past extensions: names and addresses have dots.
    #[must_use]
    pub fn value<'r>(&self, reading: &'r Reading) -> Option<&'r str> {
        let pattern = &self.pattern;
        let whole = pattern.fit_view(&View::whole(reading));
        let fits = |view: &View<'r>| pattern.fit_view(view) != PathFit::No;
        let view = pattern.views(reading, whole).find(fits)?;
        let is_certain = |part: Option<usize>, significance| {
            part.is_none() || significance == Significance::Ignored
        };
        let is_certain = view.last.is_none()
            && is_certain(view.end, pattern.routing.extension)
            && is_certain(view.script, pattern.routing.script);
        view.segments().nth(self.place).filter(|_| is_certain)
    }
}

/// Whether two names are the same to an upstream that ignores case. They differ in how: some compare
/// upper case, some lower case, and to the former `ı` is `i` and `ſ` is `s`.
pub(super) fn is_same_name(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    one.chars().map(folded).eq(other.chars().map(folded))
}

/// Whether two names are the same in lower case.
fn is_same_lower_case(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    one.to_lowercase() == other.to_lowercase()
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
    /// The pattern has no leading slash.
    #[error("a path pattern starts with a slash")]
    NotAbsolute,
    /// The pattern has a query or a fragment.
    #[error("a path pattern has no query: paths are matched without theirs")]
    Query,
    /// Something that the normalised path never has.
    #[error("a path pattern is written decoded, without % \\ and ;")]
    Encoded,
    /// The pattern has a dot segment, as in `/a/../b`.
    #[error("a path pattern has no dot segments: paths are matched resolved")]
    DotSegment,
    /// The pattern has a variable, as in `/users/{id}` or `/users/:id`.
    #[error("a path pattern has no variables: * stands for any one segment")]
    Variable,
    /// White space at the end, or a character that cannot be seen.
    #[error("a path pattern has no space at its end and no invisible characters")]
    Space,
    /// The pattern has `**` before its end, as in `/a/**/b`.
    #[error("** stands at the end only")]
    OpenMiddle,
    /// The pattern has a wildcard for a part of a segment, as in `/a*`.
    #[error("* stands for a whole segment: use /a/* or /a/**")]
    PartialWildcard,
}
