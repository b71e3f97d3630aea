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
    /// Exact segments are before those that may be any.
    order: Vec<(bool, String)>,
}

impl Path {
    /// The path for a template: each segment with a variable may be any. `None`: no rule can name it.
    fn of(template: &str) -> Option<Self> {
        let segments = template.split('/').filter(|segment| !segment.is_empty());
        let order: Vec<(bool, String)> = segments
            .map(|segment| match segment.contains('{') {
                true => (true, "*".to_owned()),
                false => (false, segment.to_owned()),
            })
            .collect();
        let is_wild = |(is_any, text): &(bool, String)| !is_any && text.contains('*');
        if order.iter().any(is_wild) {
            return None;
        }
        let names: Vec<&str> = order.iter().map(|(_, text)| text.as_str()).collect();
        let text = format!("/{}", names.join("/"));
        Some(Self {
            pattern: PathPattern::parse(&text, PathRouting::default()).ok()?,
            text,
            order,
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.pattern.covers(&other.pattern) && other.pattern.covers(&self.pattern)
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
/// together by `combine`; operations whose paths no rule can name are told to `left_out`.
pub(super) fn targets<T>(
    operations: impl Iterator<Item = (String, String, T)>,
    mut combine: impl FnMut(&mut T, T, &str),
    mut left_out: impl FnMut(&str),
) -> Vec<Target<T>> {
    let mut targets: Vec<Target<T>> = Vec::new();
    for (method, template, says) in operations {
        let Some(path) = Path::of(&template) else {
            left_out(&format!("{method} {template}"));
            continue;
        };
        let mut known = targets.iter_mut();
        match known.find(|known| known.method == method && known.path.is_same(&path)) {
            Some(known) => combine(&mut known.says, says, &format!("{method} {}", path.text)),
            None => targets.push(Target { path, method, says }),
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
