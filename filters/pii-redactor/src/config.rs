//! The configuration: what is redacted in which answers, and what happens when it cannot be.

use std::rc::Rc;

use host::FactSources;
use host::exchange::IdentitySource;
use policy::config::{self, Fields, Node, Problems};
use policy::consent::{ConsentCondition, ConsentSources};
use policy::matching::Match;
use policy::mode::Mode;

use crate::action::{Action, Actions, Mask};
use crate::detect::Entity;
use crate::fields::{FieldAction, FieldPath, FieldRule, Selector, folded};
use crate::scan::ScanRules;

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// The mode of the whole filter.
    pub mode: Mode,
    /// Every rule that matches applies.
    pub rules: Vec<Rule>,
    /// What replaces detected values.
    pub actions: Actions,
    /// What happens when an answer cannot be redacted.
    pub on_error: OnError,
    /// Where identity and consent come from.
    pub sources: FactSources,
}

/// What is redacted in which answers.
#[derive(Debug)]
pub struct Rule {
    /// Its name, or its place.
    pub name: String,
    /// Which requests.
    pub matches: Match,
    /// What is looked for in values.
    pub detect: Vec<Entity>,
    /// Members by name and by path.
    pub fields: Vec<FieldRule>,
    /// Callers with all of these scopes see everything.
    pub unless_scopes: Vec<String>,
    /// The rule applies only where this holds.
    pub when_consent: Option<ConsentCondition>,
    /// The mode of this rule.
    pub mode: Mode,
}

/// What happens when an answer cannot be redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnError {
    /// It is compressed although the request forbade it.
    pub unsupported_encoding: Policy,
    /// It is not the JSON that it says it is.
    pub parse_error: ParseErrorPolicy,
    /// The host cannot change bodies.
    pub host_readonly: Policy,
}

/// What happens to an answer that cannot be redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The client gets a 502 in its place.
    Block,
    /// It passes as it is, counted and logged.
    Pass,
}

/// What happens to an answer that turns out not to be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseErrorPolicy {
    /// The rest is scanned as text.
    RedactText,
    /// The stream is reset.
    Block,
}

impl Config {
    /// Reads the plugin configuration.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        config::read(text, |node| node.object(Self::read))
    }

    /// Reads the top level; public for the test that compares keys and documentation.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        for later in ["presets", "pseudonym_key_env"] {
            fields.not_yet(later);
        }
        let rules = fields
            .required("rules", "an array of rules")
            .and_then(|n| n.non_empty_list(|rule| Rule::read(&rule)));
        let config = Self {
            mode: fields.or("mode", Mode::Enforce, |n| Mode::read(&n)),
            rules: Vec::new(),
            actions: fields.or("actions", Actions::default(), |n| read_actions(&n)),
            on_error: fields.or("on_error", OnError::default(), |n| OnError::read(&n)),
            sources: FactSources {
                identity: fields.or("identity_from", IdentitySource::default(), |n| {
                    IdentitySource::read(&n)
                }),
                consent: fields.or("consent", ConsentSources::default(), |n| {
                    ConsentSources::read(&n)
                }),
            },
        };
        Some(Self {
            rules: rules?,
            ..config
        })
    }

    /// The detectors of several rules together.
    #[must_use]
    pub fn scan_rules<'r>(&self, rules: impl Iterator<Item = &'r Rule>) -> Rc<ScanRules> {
        let mut wanted: Vec<Entity> = rules.flat_map(|rule| rule.detect.iter().copied()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        Rc::new(ScanRules {
            wanted,
            actions: self.actions.clone(),
        })
    }
}

impl Rule {
    fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            fields.not_yet("allow_fields");
            if let Some(places) = fields.optional("apply_to") {
                let _ = places.non_empty_list(|place| read_place(&place));
            }
            let rule = Self {
                name: fields.or("name", node.path().to_owned(), |n| {
                    n.name(64).map(str::to_owned)
                }),
                matches: fields.or("match", Match::default(), |n| Match::read(&n)),
                detect: fields.or("detect", Vec::new(), |n| {
                    n.non_empty_list(|entity| entity.one_of(&entity_words()))
                }),
                fields: fields.or("fields", Vec::new(), |n| {
                    n.non_empty_list(|field| read_field(&field))
                }),
                unless_scopes: fields.or("unless", Vec::new(), |n| {
                    n.object(|unless| unless.required("scopes", "an array of scopes")?.strings())
                }),
                when_consent: fields.or("when", None, |n| {
                    n.object(|when| {
                        let consent = when.required("consent", "a condition on consent")?;
                        ConsentCondition::read(&consent).map(Some)
                    })
                }),
                mode: fields.or("mode", Mode::Enforce, |n| Mode::read(&n)),
            };
            let has_work = ["detect", "fields"]
                .iter()
                .any(|key| node.json().member(key).is_some());
            if !has_work {
                fields
                    .node()
                    .reject_unseen(r#"a rule needs "detect" or "fields""#);
            }
            Some(rule)
        })
    }
}

impl Default for OnError {
    fn default() -> Self {
        Self {
            unsupported_encoding: Policy::Block,
            parse_error: ParseErrorPolicy::RedactText,
            host_readonly: Policy::Block,
        }
    }
}

impl OnError {
    fn read(node: &Node<'_>) -> Option<Self> {
        let policy = |n: Node<'_>| n.one_of(&[("block", Policy::Block), ("pass", Policy::Pass)]);
        node.object(|fields| {
            let default = Self::default();
            Some(Self {
                unsupported_encoding: fields.or(
                    "unsupported_encoding",
                    default.unsupported_encoding,
                    policy,
                ),
                parse_error: fields.or("parse_error", default.parse_error, |n| {
                    n.one_of(&[
                        ("redact_text", ParseErrorPolicy::RedactText),
                        ("block", ParseErrorPolicy::Block),
                    ])
                }),
                host_readonly: fields.or("host_readonly", default.host_readonly, policy),
            })
        })
    }
}

fn entity_words() -> Vec<(&'static str, Entity)> {
    Entity::ALL.map(|entity| (entity.name(), entity)).into()
}

fn read_place(node: &Node<'_>) -> Option<()> {
    const LATER: [&str; 6] = [
        "request.body",
        "request.headers",
        "request.query",
        "request.cookies",
        "response.headers",
        "response.trailers",
    ];
    if node
        .json()
        .as_str()
        .is_some_and(|place| LATER.contains(&place))
    {
        node.reject(r#"not supported yet; use "response.body""#);
        return None;
    }
    node.one_of(&[("response.body", ())])
}

/// `{ "EMAIL": "label", "CREDIT_CARD": { "mask": { "keep_last": 4 } }, "default": "label" }`
fn read_actions(node: &Node<'_>) -> Option<Actions> {
    node.object(|fields| {
        let default = fields.or("default", Action::default(), |n| read_action(&n));
        let mut by_entity = Vec::new();
        for entity in Entity::ALL {
            if let Some(action) = fields.optional(entity.name()).and_then(|n| read_action(&n)) {
                by_entity.push((entity, action));
            }
        }
        Some(Actions { default, by_entity })
    })
}

fn read_action(node: &Node<'_>) -> Option<Action> {
    match node.variant(&["label", "remove", "mask", "replace", "pseudonym"])? {
        ("label", None) => Some(Action::Label),
        ("remove", None) => Some(Action::Remove),
        ("replace", Some(text)) => replacement(&text).map(Action::Replace),
        ("mask", None) => Some(Action::Mask(Mask {
            keep_first: 0,
            keep_last: 0,
            character: '*',
        })),
        ("mask", Some(mask)) => mask.object(|fields| {
            let kept = |n: Node<'_>| {
                n.integer(0..=8)
                    .and_then(|count| usize::try_from(count).ok())
            };
            Some(Action::Mask(Mask {
                keep_first: fields.or("keep_first", 0, kept),
                keep_last: fields.or("keep_last", 0, kept),
                character: fields.or("character", '*', |n| mask_character(&n)),
            }))
        }),
        ("pseudonym", _) => {
            node.reject_unseen("not supported yet");
            None
        }
        (word, _) => {
            node.reject(format_args!("{word:?} has another form; see the README"));
            None
        }
    }
}

/// `{ "name": ["dob"], "action": "remove" }` or `{ "path": "$.a", ... }`
fn read_field(node: &Node<'_>) -> Option<FieldRule> {
    node.object(|fields| {
        let names = fields.optional("name").map(|n| {
            let names = n.strings()?;
            if names
                .iter()
                .any(|name| folded(name).is_empty() || name.len() > 128)
            {
                n.reject("expected names with letters or digits, at most 128 bytes long");
                return None;
            }
            Some(Selector::Names(
                names.iter().map(|name| folded(name)).collect(),
            ))
        });
        let path = fields
            .optional("path")
            .map(|n| n.parsed(FieldPath::parse, "a path").map(Selector::Path));
        let action = fields
            .required("action", r#"one of "remove", "null" and "replace""#)
            .and_then(|n| read_field_action(&n));
        let selector = match (names, path) {
            (Some(names), None) => names,
            (None, Some(path)) => path,
            _ => {
                fields
                    .node()
                    .reject(r#"expected exactly one of "name" and "path""#);
                None
            }
        };
        Some(FieldRule {
            selector: selector?,
            action: action?,
        })
    })
}

fn read_field_action(node: &Node<'_>) -> Option<FieldAction> {
    match node.variant(&["remove", "null", "replace", "date", "mask"])? {
        ("remove", None) => Some(FieldAction::Remove),
        ("null", None) => Some(FieldAction::Null),
        ("replace", Some(text)) => replacement(&text).map(FieldAction::Replace),
        ("date" | "mask", _) => {
            node.reject_unseen("not supported yet; use remove, null or replace");
            None
        }
        (word, _) => {
            node.reject(format_args!("{word:?} has another form; see the README"));
            None
        }
    }
}

fn replacement(node: &Node<'_>) -> Option<String> {
    let text = node.string()?;
    if text.len() > 256 || text.chars().any(char::is_control) {
        node.reject("expected at most 256 bytes without control characters");
        return None;
    }
    Some(text.to_owned())
}

fn mask_character(node: &Node<'_>) -> Option<char> {
    let mut characters = node.string()?.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) if character.is_ascii_graphic() && !character.is_alphanumeric() => {
            Some(character)
        }
        _ => {
            node.reject(r#"expected one printable sign that is no letter or digit, such as "*""#);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_named() {
        let text = r#"{
            "presets": ["pci"],
            "rules": [
                {"name": "a", "detect": ["EMIAL"]},
                {"name": "b", "apply_to": ["response.body", "request.query", "body"], "detect": []},
                {"match": {"paths": ["x"]}, "fields": [{"name": ["--"], "action": "remove"}, {"path": "a.b", "action": "drop"},
                 {"action": "remove"}, {"name": "dob", "action": {"date": "year"}}]},
                {"name": "c", "unless": {}, "when": {"consent": {}}},
                {"detect": ["EMAIL"], "allow_fields": ["$.a"]}
            ],
            "actions": {"CREDIT_CARD": {"mask": {"keep_last": 12, "character": "xx"}}, "EMAIL": {"pseudonym": {}}, "PHONE": "label", "default": {"replace": 5}},
            "on_error": {"unsupported_encoding": "drop", "trailer": "block"}
        }"#;
        let problems = Config::parse(text).unwrap_err().to_string();
        for expected in [
            "presets: not supported yet",
            r#"rules[0].detect[0]: "EMIAL": did you mean "EMAIL"?"#,
            r#"rules[1].apply_to[1]: "request.query": not supported yet"#,
            r#"rules[1].apply_to[2]: "body": expected "response.body""#,
            "rules[1].detect: an array: expected at least one item",
            r#"rules[2].match.paths[0]: "x": a path pattern starts with a slash"#,
            "rules[2].fields[0].name: an array: expected names",
            r#"rules[2].fields[1].path: "a.b": expected a path"#,
            r#"rules[2].fields[1].action: "drop""#,
            r#"rules[2].fields[2]: an object: expected exactly one of "name" and "path""#,
            "rules[2].fields[3].action: not supported yet",
            "rules[3].unless.scopes: missing",
            r#"rules[3].when.consent: an object: expected "granted" or "denied""#,
            r#"rules[3]: a rule needs "detect" or "fields""#,
            "rules[4].allow_fields: not supported yet",
            "actions.CREDIT_CARD.mask.keep_last: 12: expected an integer from 0 to 8",
            r#"actions.CREDIT_CARD.mask.character: "xx""#,
            "actions.EMAIL: not supported yet",
            "actions.PHONE: unknown key",
            "actions.default.replace: 5: expected a string",
            r#"on_error.unsupported_encoding: "drop""#,
            "on_error.trailer: unknown key",
        ] {
            assert!(
                problems.contains(expected),
                "{expected} is not in\n{problems}"
            );
        }
    }
}
