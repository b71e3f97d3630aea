//! People that audit rules want to know of and that stand in bodies: "redact" finds them.

use policy::config::{Problem, Warning};
use policy::json::Json;
use policy::json_path::Path;

use super::{Part, Split};

/// Gives "redact" a rule for each rule of "audit" whose people stand in bodies. It changes nothing,
/// and finds them.
pub(super) fn hand_on(split: &mut Split) {
    let audit = split.parts.iter().find(|text| text.part == Part::Audit);
    let Some(audit) = audit.and_then(|text| Json::parse(text.json.as_bytes()).ok()) else {
        return;
    };
    let rules = audit.member("rules").and_then(Json::as_array);
    let mut wanted = Vec::new();
    for (place, rule) in rules.unwrap_or_default().iter().enumerate() {
        let found = in_bodies(rule);
        if found.is_empty() {
            continue;
        }
        if !split.parts.iter().any(|text| text.part == Part::Redact) {
            let message =
                "people in bodies are found by pii-redactor, whose part \"redact\" is not here";
            let path = format!("audit.rules[{place}].data_subject");
            split.problems.push(Problem::new(path, message));
            continue;
        }
        wanted.push(rule_of(rule, found));
    }
    let redact = split
        .parts
        .iter_mut()
        .find(|text| text.part == Part::Redact);
    if let Some(redact) = redact.filter(|_| !wanted.is_empty())
        && let Ok(Json::Object(mut members)) = Json::parse(redact.json.as_bytes())
    {
        match members.iter_mut().find(|(name, _)| name == "rules") {
            Some((_, Json::Array(rules))) => rules.extend(wanted),
            Some(_) => {}
            None => members.push(("rules".to_owned(), Json::Array(wanted))),
        }
        redact.json = Json::Object(members).to_string();
    }
}

/// Warns of rules of "redact" that look for people for whom no rule of "audit" asks.
pub(super) fn warnings(split: &Split) -> Vec<Warning> {
    let rules_of = |part: Part| {
        let text = split.parts.iter().find(|text| text.part == part);
        let json = text.and_then(|text| Json::parse(text.json.as_bytes()).ok());
        let rules = json.as_ref().and_then(|json| json.member("rules"));
        rules.and_then(Json::as_array).unwrap_or_default().to_vec()
    };
    if rules_of(Part::Audit)
        .iter()
        .any(|rule| !in_bodies(rule).is_empty())
    {
        return Vec::new();
    }
    let redact = rules_of(Part::Redact);
    let looking = redact.iter().enumerate();
    let looking = looking.filter(|(_, rule)| rule.member("data_subject").is_some());
    let message = "no rule of \"audit\" asks for people in bodies, so nobody is named: say it there, and \"redact\" looks by itself";
    looking
        .map(|(place, _)| {
            let path = format!("redact.rules[{place}].data_subject");
            Warning::new("data_subject_unused", path, message)
        })
        .collect()
}

/// The sources of a rule that "redact" can follow. What is wrong with the others, "audit" says.
fn in_bodies(rule: &Json) -> Vec<(&'static str, Json)> {
    let sources = match rule.member("data_subject") {
        Some(Json::Array(items)) => items.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let mut found = Vec::new();
    for source in sources {
        for way in ["request", "response"] {
            let path = source.member(way).and_then(Json::as_str);
            if path.is_some_and(|path| Path::parse(path).is_ok()) {
                found.push((way, source.clone()));
            }
        }
    }
    found
}

fn rule_of(rule: &Json, found: Vec<(&'static str, Json)>) -> Json {
    let mut places: Vec<&str> = found.iter().map(|(way, _)| *way).collect();
    places.sort_unstable();
    places.dedup();
    let places = places
        .into_iter()
        .map(|way| Json::String(format!("{way}.body")));
    let mut members = vec![
        ("name".to_owned(), Json::from("data-subject")),
        ("mode".to_owned(), Json::from("report")),
        ("apply_to".to_owned(), Json::Array(places.collect())),
    ];
    if let Some(matches) = rule.member("match") {
        members.push(("match".to_owned(), matches.clone()));
    }
    let sources = found.into_iter().map(|(_, source)| source);
    members.push(("data_subject".to_owned(), Json::Array(sources.collect())));
    Json::Object(members)
}
