//! What a configuration does, in each form that requests may meet: as the filters have it, and as routes
//! change it (`_rules_`, metadata).
//!
//! A setting that stands in a file is not always done: a rule that no request reaches, an action that
//! changes nothing, another form for some routes. The filters' own readers say what comes of a
//! configuration; it stands beside the settings under `effective`, for predicates to ask about.

mod audit;
mod auth;
mod browser;
mod budget;
mod limits;
mod reach;
mod redact;

use std::collections::BTreeSet;
use std::time::Duration;

use meshward_bundle::config::Part;
use policy::mode::Mode;
use serde_json::{Map, Value};

use reach::{is_of_all, read_match};

/// The configurations that some requests meet, by the names of the bundle's parts.
#[derive(Clone, Debug)]
pub struct Form {
    /// Which requests: `all routes`, `_rules_[0] of jwt-auth`.
    pub name: String,
    /// The document that predicates are evaluated on.
    pub document: Value,
    /// Some requests meet it. Else it is what a file says, and the name is why no request does.
    pub is_met: bool,
}

/// A filter that requests pass by, though it is configured: it is switched off, or stands where they do not come.
#[derive(Clone, Debug)]
pub struct Bypassed {
    /// The filter.
    pub part: Part,
    /// All requests do; else some.
    pub is_of_all: bool,
    /// The place in the manifest, and what is wrong there.
    pub reason: String,
}

/// The forms where requests pass filters by: those that some meet, and what is configured and met by none.
pub(crate) fn passed_by(mut all: Vec<Form>, bypasses: &[Bypassed]) -> Vec<Form> {
    let written = all.clone();
    let lacking = |form: &mut Form, part: Part| {
        if let Some(document) = form.document.as_object_mut() {
            document.remove(part.key());
        }
    };
    for bypass in bypasses.iter().filter(|bypass| bypass.is_of_all) {
        for form in &mut all {
            lacking(form, bypass.part);
        }
    }
    let Some(plain) = all.first().cloned() else {
        return all;
    };
    for bypass in bypasses {
        let mut form = match written.first() {
            Some(written) if bypass.is_of_all => written.clone(),
            _ => plain.clone(),
        };
        form.name.clone_from(&bypass.reason);
        form.is_met = !bypass.is_of_all;
        if form.is_met {
            lacking(&mut form, bypass.part);
        }
        // One fault of the bundle is one of each of its filters.
        match all.iter_mut().find(|known| known.name == form.name) {
            Some(known) if known.is_met => lacking(known, bypass.part),
            Some(_) => {}
            None => all.push(form),
        }
    }
    all
}

/// What a route says in place of what a filter's configuration says.
#[derive(Clone, Debug)]
pub struct RouteConfig {
    /// The filter that the configuration is for.
    pub part: Part,
    /// The place in the manifest that has the configuration.
    pub place: String,
    /// The members of the configuration.
    pub members: Map<String, Value>,
}

/// All forms of the configurations of filters; the first is that of routes which say nothing. `now_s` is
/// the time, in seconds since 1970: what ends is asked how soon.
#[must_use]
pub fn forms(parts: &Map<String, Value>, routes: &[RouteConfig], now_s: i64) -> Vec<Form> {
    let known = |part: Part| parts.get(part.key()).and_then(Value::as_object);
    let mut plain: Map<String, Value> = Part::ALL
        .into_iter()
        .filter_map(|part| {
            let document = done(part, with(known(part)?, &Map::new()), now_s);
            Some((part.key().to_owned(), document))
        })
        .collect();
    join_objections(&mut plain);
    let mut all = vec![Form {
        name: "all routes".to_owned(),
        document: Value::Object(plain.clone()),
        is_met: true,
    }];
    for part in Part::ALL {
        let Some(config) = known(part) else {
            continue;
        };
        let reads_metadata = !matches!(
            config.get(METADATA_KEY),
            None | Some(Value::Null | Value::Bool(false))
        );
        let said = routes
            .iter()
            .filter(|route| route.part == part && reads_metadata)
            .map(|route| (route.place.clone(), route.members.clone()));
        for (name, own) in folded(part, config).into_iter().chain(said) {
            if own.is_empty() {
                continue;
            }
            let mut document = plain.clone();
            document.insert(part.key().to_owned(), done(part, with(config, &own), now_s));
            join_objections(&mut document);
            all.push(Form {
                name,
                document: Value::Object(document),
                is_met: true,
            });
        }
    }
    all
}

/// What people object to goes on with the identity, so rules of pii-redactor stop it as well as those of jwt-auth.
fn join_objections(document: &mut Map<String, Value>) {
    let auth = document.get(Part::Auth.key()).and_then(Value::as_object);
    let Some(auth) = auth.cloned() else {
        return;
    };
    let rules = document.get_mut(Part::Redact.key());
    let rules = rules.and_then(|redact| redact.pointer_mut("/effective/rules")?.as_array_mut());
    for rule in rules.into_iter().flatten().filter_map(Value::as_object_mut) {
        let purposes = rule.get("acts_on_refusal_of").and_then(Value::as_array);
        let purposes = purposes.into_iter().flatten().filter_map(Value::as_str);
        let purposes: Vec<String> = purposes.map(str::to_owned).collect();
        let stops = auth::is_objected_to(&auth, &purposes);
        rule.insert("stops_objections".to_owned(), stops.into());
    }
}

/// What Higress folds in, each with its name.
fn folded(part: Part, config: &Map<String, Value>) -> Vec<(String, Map<String, Value>)> {
    let rules = config.get(FOLDED_KEY).and_then(Value::as_array);
    let rules = rules.into_iter().flatten().enumerate();
    rules
        .filter_map(|(index, rule)| {
            let own = rule.as_object()?.iter();
            let own = own.filter(|(key, _)| !key.starts_with("_match_"));
            let own = own.map(|(key, value)| (key.clone(), value.clone()));
            let name = format!("{FOLDED_KEY}[{index}] of {}", part.filter());
            Some((name, own.collect()))
        })
        .collect()
}

/// A configuration with what a route says in place of its own.
fn with(config: &Map<String, Value>, own: &Map<String, Value>) -> Map<String, Value> {
    let kept = config.iter().filter(|(key, _)| {
        !own.contains_key(*key) && ![METADATA_KEY, FOLDED_KEY].contains(&key.as_str())
    });
    kept.chain(own)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// A configuration without what cannot act, and with what comes of it.
fn done(part: Part, mut config: Map<String, Value>, now_s: i64) -> Value {
    let text = Value::Object(config.clone()).to_string();
    let warnings = part.check(&text).warnings;
    let warned = |code: &str| -> BTreeSet<String> {
        let such = warnings.iter().filter(|warning| warning.code() == code);
        such.map(|warning| warning.problem().path().to_owned())
            .collect()
    };
    let unreachable = warned("rule_unreachable");
    if let Some(providers) = config.get_mut("providers").and_then(Value::as_object_mut) {
        let unused = warned("provider_unused");
        providers.retain(|name, _| !unused.contains(&format!("providers.{name}")));
    }
    let effective = match part {
        Part::Audit => audit::effective(&text, &mut config),
        Part::Auth => auth::effective(&text, &config, &unreachable, now_s),
        Part::Limits => limits::effective(&text, &config),
        Part::Redact => redact::effective(&text, &config),
    };
    for key in ["rules", "limits"] {
        if let Some(Value::Array(rules)) = config.get_mut(key) {
            keep_reached(key, rules, &unreachable);
        }
    }
    if let Some(effective) = effective {
        config.insert(EFFECTIVE_KEY.to_owned(), effective);
    }
    Value::Object(config)
}

/// Leaves out the rules that no request reaches, and conditions that every request fulfils.
fn keep_reached(key: &str, rules: &mut Vec<Value>, unreachable: &BTreeSet<String>) {
    let mut index = 0_usize;
    rules.retain_mut(|rule| {
        let is_reached = !unreachable.contains(&format!("{key}[{index}]"));
        index += 1;
        if let Some(members) = rule.as_object_mut()
            && members
                .get("match")
                .is_some_and(|matches| read_match(matches).is_some_and(|read| is_of_all(&read)))
        {
            members.remove("match");
        }
        is_reached
    });
}

/// A time as predicates compare it.
fn span(time: Duration) -> String {
    format!("{}s", time.as_secs())
}

const fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Report => "report",
    }
}

/// The member in which what comes of a configuration stands.
pub const EFFECTIVE_KEY: &str = "effective";
const METADATA_KEY: &str = "route_config";
const FOLDED_KEY: &str = "_rules_";
