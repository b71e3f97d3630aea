//! Operations by the paths of rules, the most concrete first, and rules that say the same made one.

use std::collections::BTreeSet;

use comply::openapi::Described;
use policy::path::{PathPattern, PathRouting};

/// What is said of the requests with one method that fit one path.
#[derive(Clone, Debug)]
pub(super) struct Target<T> {
    path: Path,
    pub(super) method: String,
    pub(super) says: T,
}

/// A path of a rule.
#[derive(Clone, Debug)]
struct Path {
    text: String,
    pattern: PathPattern,
    order: Vec<Segment>,
}

/// A segment of a template. Exact ones are before those that may be any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Exact(String),
    /// No rule names it: a part of it may be any, or it has signs that servers disagree about.
    Unnamed,
    Any,
}

impl Path {
    /// The path for a template: each segment with a variable may be any, and so may one that no rule can name.
    fn of(template: &str) -> Option<Self> {
        let segments = template.split('/').filter(|segment| !segment.is_empty());
        let order: Vec<Segment> = segments.map(Segment::of).collect();
        let names: Vec<&str> = order
            .iter()
            .map(|segment| match segment {
                Segment::Exact(name) => name,
                Segment::Any | Segment::Unnamed => "*",
            })
            .collect();
        let text = format!("/{}", names.join("/"));
        Some(Self {
            pattern: PathPattern::parse(&text, PathRouting::default()).ok()?,
            text,
            order,
        })
    }

    /// Whether it fits requests for this template only.
    fn is_exact(&self) -> bool {
        !self.order.contains(&Segment::Unnamed)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.pattern.covers(&other.pattern) && other.pattern.covers(&self.pattern)
    }
}

impl Segment {
    fn of(text: &str) -> Self {
        let is_variable = |text: &str| {
            let inner = text
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            inner.is_some_and(|name| !name.contains(['{', '}']))
        };
        if is_variable(text) {
            return Self::Any;
        }
        // Patterns are written decoded.
        let name = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
        let is_named = !name.contains(['/', '*'])
            && PathPattern::parse(&format!("/{name}"), PathRouting::default()).is_ok();
        match is_named {
            true => Self::Exact(name.into_owned()),
            false => Self::Unnamed,
        }
    }
}

/// A rule for several targets.
#[derive(Debug)]
pub(super) struct Merged<T> {
    pub(super) paths: Vec<String>,
    pub(super) methods: BTreeSet<String>,
    pub(super) says: T,
    patterns: Vec<PathPattern>,
}

/// Targets for operations, the most concrete paths first. What several operations say of one target is put
/// together by `combine`. A path that no rule can name is under the targets that cover it, whose rules would
/// decide about it; where there is none, `keeps` says whether one with any segment is to stand for it.
pub(super) fn targets<T: Clone>(
    operations: impl Iterator<Item = (String, String, T)>,
    mut combine: impl FnMut(&mut T, T, &str),
    mut keeps: impl FnMut(&str) -> bool,
) -> Vec<Target<T>> {
    let mut targets: Vec<Target<T>> = Vec::new();
    let mut unnamed = Vec::new();
    for (method, template, says) in operations {
        let Some(path) = Path::of(&template) else {
            keeps(&format!("{method} {template}"));
            continue;
        };
        if !path.is_exact() {
            unnamed.push((template, Target { path, method, says }));
            continue;
        }
        let mut known = targets.iter_mut();
        match known.find(|known| known.method == method && known.path.is_same(&path)) {
            Some(known) => combine(&mut known.says, says, &format!("{method} {}", path.text)),
            None => targets.push(Target { path, method, says }),
        }
    }
    for (template, other) in unnamed {
        let place = format!("{} {template}", other.method);
        let mut is_covered = false;
        for known in &mut targets {
            let pattern = &known.path.pattern;
            if known.method == other.method && pattern.covers(&other.path.pattern) {
                combine(&mut known.says, other.says.clone(), &place);
                is_covered = true;
            }
        }
        if !is_covered && keeps(&place) {
            targets.push(other);
        }
    }
    targets.sort_by(|one, other| {
        let one = (&one.path.order, &one.method);
        one.cmp(&(&other.path.order, &other.method))
    });
    targets
}

/// Adds what rules about `GET` mean for `HEAD`, which servers answer with what they have for `GET`.
pub(super) fn with_heads<T: Clone>(targets: &mut Vec<Target<T>>) {
    let is_there = |path: &Path| {
        let mut heads = targets.iter().filter(|target| target.method == "HEAD");
        heads.any(|target| target.path.is_same(path))
    };
    let gets = targets.iter().filter(|target| target.method == "GET");
    let heads: Vec<Target<T>> = gets
        .filter(|target| !is_there(&target.path))
        .map(|target| Target {
            method: "HEAD".to_owned(),
            ..target.clone()
        })
        .collect();
    targets.extend(heads);
    targets.sort_by(|one, other| one.path.order.cmp(&other.path.order));
}

/// Where a less concrete path fits requests for a more concrete one as well, `widen` makes it let through what that one has.
pub(super) fn widened<T: Clone>(targets: &mut [Target<T>], widen: impl Fn(&mut T, &T)) {
    for place in 1..targets.len() {
        let (before, rest) = targets.split_at_mut(place);
        let Some(own) = rest.first_mut() else { return };
        for other in before {
            if other.method == own.method && other.path.pattern.overlaps(&own.path.pattern) {
                widen(&mut own.says, &other.says);
            }
        }
    }
}

/// One rule for all targets that say the same, as far as the order of rules allows.
pub(super) fn merged<T: PartialEq + Clone>(targets: Vec<Target<T>>) -> Vec<Merged<T>> {
    // First the methods of one path.
    let mut rules: Vec<Merged<T>> = Vec::new();
    for target in targets {
        let same_path = rules.iter_mut().rev().take_while(|rule| {
            let own = rule.patterns.first();
            own.is_some_and(|own| *own == target.path.pattern)
        });
        let mut same = same_path.filter(|rule| rule.says == target.says);
        if let Some(rule) = same.next() {
            rule.methods.insert(target.method);
            continue;
        }
        rules.push(Merged {
            paths: vec![target.path.text],
            methods: BTreeSet::from([target.method]),
            says: target.says,
            patterns: vec![target.path.pattern],
        });
    }
    // Then the paths of one rule.
    let mut whole: Vec<Merged<T>> = Vec::new();
    for rule in rules {
        let overlaps = |known: &Merged<T>| {
            let mut patterns = known.patterns.iter();
            !known.methods.is_disjoint(&rule.methods)
                && patterns.any(|known| rule.patterns.iter().any(|own| own.overlaps(known)))
        };
        let is_same = |known: &Merged<T>| {
            known.says == rule.says
                && known.methods == rule.methods
                && known.paths.len() + rule.paths.len() <= MAX_PATHS
        };
        let found = whole
            .iter()
            .rposition(|known| is_same(known) || overlaps(known));
        match found.and_then(|place| whole.get_mut(place)) {
            Some(known) if is_same(known) => {
                known.paths.extend(rule.paths);
                known.patterns.extend(rule.patterns);
            }
            _ => whole.push(rule),
        }
    }
    whole
}

/// `GET /patients/{id}`.
pub(super) fn label(described: &Described<'_>) -> String {
    format!("{} {}", described.method, described.template)
}

/// Of one rule.
const MAX_PATHS: usize = 1000;
