//! One configuration for four filters.
//!
//! ```json
//! { "client_address": {...}, "audit": {...}, "auth": {...}, "limits": {...}, "redact": {...} }
//! ```
//!
//! Each part is the configuration of its filter, word for word. What several of them have in common
//! may stand beside the parts, once, and then counts for each that knows it.

mod agreement;
mod by_route;
mod data_subject;

use std::collections::BTreeSet;

use host::route_config::RoutePart;
use policy::config::{Checked, Configuration, Problem, Problems, Warning, join};
use policy::filters::{
    AUDIT_EMITTER, DATA_SUBJECTS_PROPERTY, DECISIONS_PROPERTY, IDENTITY_PROPERTY, JWT_AUTH,
    PII_REDACTOR, TOKEN_BUCKET, WITHIN_LIMITS_PROPERTY,
};
use policy::json::Json;
use policy::nearest::nearest;

/// A part of the configuration, and the filter that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named by their keys")]
pub enum Part {
    Audit,
    Auth,
    Limits,
    Redact,
}

impl Part {
    /// In the order of the chain.
    pub const ALL: [Self; 4] = [Self::Audit, Self::Auth, Self::Limits, Self::Redact];

    /// Its key in the configuration.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Auth => "auth",
            Self::Limits => "limits",
            Self::Redact => "redact",
        }
    }

    /// The name of its filter.
    #[must_use]
    pub const fn filter(self) -> &'static str {
        match self {
            Self::Audit => AUDIT_EMITTER,
            Self::Auth => JWT_AUTH,
            Self::Limits => TOKEN_BUCKET,
            Self::Redact => PII_REDACTOR,
        }
    }

    /// The part of a filter.
    #[must_use]
    pub fn of_filter(filter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.filter() == filter)
    }

    /// Reads a configuration as its filter does.
    #[must_use]
    pub fn check(self, text: &str) -> Checked<()> {
        match self {
            Self::Audit => audit_emitter::config::Config::check(text).map(drop),
            Self::Auth => jwt_auth::config::Config::check(text).map(drop),
            Self::Limits => token_bucket::config::Config::check(text).map(drop),
            Self::Redact => pii_redactor::config::Config::check(text).map(drop),
        }
    }

    /// What a route may say to its filter.
    #[must_use]
    pub const fn route_part(self) -> RoutePart {
        match self {
            Self::Audit => audit_emitter::config::Config::ROUTE_PART,
            Self::Auth => jwt_auth::config::Config::ROUTE_PART,
            Self::Limits => token_bucket::config::Config::ROUTE_PART,
            Self::Redact => pii_redactor::config::Config::ROUTE_PART,
        }
    }

    /// The keys at the top level of its filter's configuration.
    fn keys(self) -> BTreeSet<String> {
        let keys = self.check("{}").keys.into_iter();
        policy::sort::set(keys.filter(|key| !key.contains(['.', '['])))
    }

    /// The properties that filters outside the module may want: those that nobody inside is there
    /// to read.
    pub(crate) fn published_by_default(present: &[Self]) -> Vec<&'static str> {
        let lacks = |readers: &[Self]| readers.iter().any(|part| !present.contains(part));
        let readers: [(&'static str, &[Self]); 4] = [
            (
                IDENTITY_PROPERTY,
                &[Self::Audit, Self::Limits, Self::Redact],
            ),
            (DECISIONS_PROPERTY, &[Self::Audit]),
            (DATA_SUBJECTS_PROPERTY, &[Self::Audit]),
            (WITHIN_LIMITS_PROPERTY, &[Self::Audit, Self::Redact]),
        ];
        let lacking = readers.into_iter().filter(|(_, readers)| lacks(readers));
        lacking.map(|(name, _)| name).collect()
    }

    /// The properties that filters outside the module may have written, because a part that writes
    /// them is not there.
    pub(crate) fn adopted(present: &[Self]) -> Vec<&'static str> {
        let lacks = |writers: &[Self]| writers.iter().any(|part| !present.contains(part));
        let writers: [(&'static str, &[Self]); 4] = [
            (IDENTITY_PROPERTY, &[Self::Auth]),
            (
                DECISIONS_PROPERTY,
                &[Self::Auth, Self::Limits, Self::Redact],
            ),
            (DATA_SUBJECTS_PROPERTY, &[Self::Redact]),
            (WITHIN_LIMITS_PROPERTY, &[Self::Limits]),
        ];
        let lacking = writers.into_iter().filter(|(_, writers)| lacks(writers));
        lacking.map(|(name, _)| name).collect()
    }
}

/// The configuration of one filter, with what is said once for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartText {
    /// The part that the text is of.
    pub part: Part,
    /// The configuration as its filter reads it.
    pub json: String,
    /// The keys that stand beside the parts.
    inherited: Vec<&'static str>,
}

impl PartText {
    /// Adds what the filter has found wrong, at its place in the whole configuration.
    pub(crate) fn report(&self, found: Problems, problems: &mut Vec<Problem>) {
        for problem in found {
            let problem = self.placed(problem);
            // What is said once is wrong once.
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }

    fn placed(&self, problem: Problem) -> Problem {
        if let Some(path) = self.path_in_rule(problem.path()) {
            return Problem::new(path, problem.message());
        }
        let key = top_key(problem.path()).to_owned();
        if self.inherited.contains(&key.as_str()) {
            return problem;
        }
        let is_unknown = !key.is_empty() && problem.path() == key;
        let owner = Part::ALL
            .into_iter()
            .find(|other| is_unknown && *other != self.part && other.keys().contains(&key));
        let problem = match owner {
            Some(owner) if !self.part.keys().contains(&key) => Problem::new(
                key,
                format!(
                    "unknown key; it is one of {}, whose part is {:?}",
                    owner.filter(),
                    owner.key()
                ),
            ),
            _ => problem,
        };
        problem.under(self.part.key())
    }

    /// Where `_rules_[0].default` of a part is in the whole configuration: `_rules_[0].auth.default`.
    fn path_in_rule(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix(FOLDED)?;
        Some(match rest.split_once("].") {
            Some((place, within)) if !within.starts_with("_match_") => {
                format!("{FOLDED}{place}].{}.{within}", self.part.key())
            }
            _ => path.to_owned(),
        })
    }

    fn warned(&self, warning: Warning) -> Warning {
        let key = top_key(warning.problem().path());
        if self.inherited.contains(&key) {
            return warning;
        }
        warning.under(self.part.key())
    }
}

fn top_key(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or_default()
}

/// A configuration of the bundle, split into those of its parts.
#[derive(Debug, Default)]
pub struct Split {
    /// The parts that are there, in the order of the chain.
    pub parts: Vec<PartText>,
    /// The properties to write for filters outside the module, where the configuration says so.
    pub published: Option<Vec<&'static str>>,
    /// What is wrong beside and between the parts.
    pub problems: Vec<Problem>,
}

/// Takes a configuration apart. What is wrong within a part is for its filter to say.
#[must_use]
pub fn split(text: &str) -> Split {
    let mut split = Split::default();
    let members = match Json::parse(text.as_bytes()) {
        Ok(Json::Object(members)) => members,
        Ok(other) => {
            let message = format!(
                "expected an object with {}, found {}",
                parts(),
                other.kind()
            );
            split.problems.push(Problem::new("", message));
            return split;
        }
        Err(error) => {
            split.problems.push(Problem::new("", error.to_string()));
            return split;
        }
    };
    for (name, value) in &members {
        if let Some(message) = misplaced(name, value) {
            split.problems.push(Problem::new(name.as_str(), message));
        }
    }
    split.refuse_unknown_parts_of_rules(&members);
    let member = |key: &str| members.iter().find(|(name, _)| name == key);
    let shared: Vec<(&'static str, &Json)> = SHARED
        .into_iter()
        .filter_map(|key| member(key).map(|(_, value)| (key, value)))
        .collect();
    let mut is_read = vec![false; shared.len()];
    for part in Part::ALL {
        let Some((_, Json::Object(own))) = member(part.key()) else {
            continue;
        };
        let keys = part.keys();
        let mut object = own.clone();
        if let Some((_, rules)) = member(FOLDED) {
            object.push((FOLDED.to_owned(), folded_for(part, rules)));
        }
        let mut inherited = Vec::new();
        for ((key, value), is_read) in shared.iter().zip(&mut is_read) {
            if !keys.contains(*key) {
                continue;
            }
            *is_read = true;
            match own.iter().find(|(name, _)| name == key) {
                None => {
                    object.push(((*key).to_owned(), (*value).clone()));
                    inherited.push(*key);
                }
                Some((_, same)) if agreement::is_same(same, value) => {}
                Some(_) => split.problems.push(Problem::new(
                    format!("{}.{key}", part.key()),
                    format!("contradicts {key:?} beside the parts; say it in one place"),
                )),
            }
        }
        split.parts.push(PartText {
            part,
            json: Json::Object(object).to_string(),
            inherited,
        });
    }
    for ((key, _), _) in shared
        .iter()
        .zip(&is_read)
        .filter(|(_, is_read)| !**is_read)
    {
        let message = "no part of this configuration has such a key";
        split.problems.push(Problem::new(*key, message));
    }
    agreement::check(&mut split);
    data_subject::hand_on(&mut split);
    by_route::hand_on(&mut split);
    split.refuse_identity_headers();
    if let Some((_, value)) = member("publish") {
        split.read_published(value);
    }
    if split.parts.is_empty() && split.problems.is_empty() {
        let message = format!("nothing to do; expected {}", parts());
        split.problems.push(Problem::new("", message));
    }
    split
}

impl Split {
    /// The rules that Higress folds in have the parts, as the plugin has.
    fn refuse_unknown_parts_of_rules(&mut self, members: &[(String, Json)]) {
        let rules = members.iter().find(|(name, _)| name == FOLDED);
        let Some(rules) = rules.and_then(|(_, rules)| rules.as_array()) else {
            return;
        };
        for (place, rule) in rules.iter().enumerate() {
            let Json::Object(members) = rule else {
                continue;
            };
            for (name, value) in members {
                let is_part = Part::ALL.iter().any(|part| part.key() == name);
                let message = match value {
                    _ if name.starts_with("_match_") => continue,
                    Json::Object(_) if is_part => continue,
                    other if is_part => format!("expected an object, found {}", other.kind()),
                    _ => format!("unknown part; expected {}", parts()),
                };
                let path = join(&format!("{FOLDED}[{place}]"), name);
                self.problems.push(Problem::new(path, message));
            }
        }
    }

    /// With "auth" in the module the identity is at hand; nobody would write the header.
    fn refuse_identity_headers(&mut self) {
        if !self.parts.iter().any(|text| text.part == Part::Auth) {
            return;
        }
        for text in &self.parts {
            let json = Json::parse(text.json.as_bytes()).ok();
            let source = json.as_ref().and_then(|json| json.member("identity_from"));
            if source.and_then(Json::as_str) != Some("header") {
                continue;
            }
            let problem = Problem::new(
                "identity_from",
                r#""header": "auth" hands the identity on within the module; leave it out"#,
            );
            let problem = text.placed(problem);
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }

    fn read_published(&mut self, value: &Json) {
        let words = [
            ("identity", IDENTITY_PROPERTY),
            ("decisions", DECISIONS_PROPERTY),
            ("data_subjects", DATA_SUBJECTS_PROPERTY),
            ("within_limits", WITHIN_LIMITS_PROPERTY),
        ];
        let Some(items) = value.as_array() else {
            let message = r#"expected an array of "identity", "decisions", "data_subjects" and "within_limits""#;
            self.problems.push(Problem::new("publish", message));
            return;
        };
        let mut published = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let word = item.as_str().unwrap_or_default();
            match words.iter().find(|(known, _)| *known == word) {
                Some((_, name)) => published.push(*name),
                None => {
                    let near = nearest(word, words.iter().map(|(known, _)| *known));
                    let near = near.map_or_else(
                        || {
                            r#"use "identity", "decisions", "data_subjects" or "within_limits""#
                                .to_owned()
                        },
                        |near| format!("did you mean {near:?}?"),
                    );
                    let message = format!("{item}: unknown property; {near}");
                    let path = format!("publish[{place}]");
                    self.problems.push(Problem::new(path, message));
                }
            }
        }
        self.published = Some(published);
    }
}

/// What is wrong with a member at the top level, by its name and kind.
fn misplaced(name: &str, value: &Json) -> Option<String> {
    if let Some(part) = Part::ALL.into_iter().find(|part| part.key() == name) {
        return match value {
            Json::Object(_) => None,
            other => Some(format!(
                "expected an object, the configuration of {}; found {}",
                part.filter(),
                other.kind()
            )),
        };
    }
    // The address of the schema, for editors.
    if name == "$schema" || name == "publish" || name == FOLDED || SHARED.contains(&name) {
        return None;
    }
    if let Some(part) = Part::of_filter(name) {
        return Some(format!("unknown part; that of {name} is {:?}", part.key()));
    }
    if let Some(near) = nearest(name, known()) {
        return Some(format!("unknown part; did you mean {near:?}?"));
    }
    let owners: Vec<String> = Part::ALL
        .into_iter()
        .filter(|part| part.keys().contains(name))
        .map(|part| format!("{:?}", part.key()))
        .collect();
    if !owners.is_empty() {
        return Some(format!("belongs into {}", owners.join(" or ")));
    }
    let known: Vec<&str> = known().collect();
    Some(format!("unknown part; known here: {}", known.join(", ")))
}

fn known() -> impl Iterator<Item = &'static str> {
    let parts = Part::ALL.into_iter().map(Part::key);
    parts.chain(SHARED).chain(["publish"])
}

fn parts() -> &'static str {
    r#"at least one of "audit", "auth", "limits" and "redact""#
}

/// Reads a configuration as the module does, except for what only a host knows.
#[must_use]
pub fn check(text: &str) -> Checked<()> {
    let split = split(text);
    let mut warnings = data_subject::warnings(&split);
    let mut problems = split.problems;
    for text in &split.parts {
        let checked = text.part.check(&text.json);
        if let Err(found) = checked.result {
            text.report(found, &mut problems);
        }
        for warning in checked.warnings {
            let warning = text.warned(warning);
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }
    let keys = known().chain([FOLDED]).map(str::to_owned).collect();
    Checked::found(problems, warnings, keys)
}

/// Of the rules that Higress folds in, what they have for a part.
fn folded_for(part: Part, rules: &Json) -> Json {
    let Json::Array(rules) = rules else {
        return rules.clone();
    };
    let of_part = |rule: &Json| {
        let Json::Object(members) = rule else {
            return rule.clone();
        };
        let matches = members
            .iter()
            .filter(|(name, _)| name.starts_with("_match_"));
        let own = match rule.member(part.key()) {
            Some(Json::Object(own)) => own.as_slice(),
            _ => &[],
        };
        Json::Object(matches.chain(own).cloned().collect())
    };
    Json::Array(rules.iter().map(of_part).collect())
}

/// What Higress folds in: see [`host::route_config`].
const FOLDED: &str = "_rules_";

/// What may stand beside the parts.
const SHARED: [&str; 9] = [
    "mode",
    "route_config",
    "client_address",
    "consent",
    "identity_from",
    "method_override",
    "path_override",
    "host_override",
    "route_trust",
];
