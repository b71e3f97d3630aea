//! The schema of the bundle: those of its parts under one roof, and what may be said once for all.

use meshward_bundle::config;
use policy::json::Json;

use crate::emit::{Members, text};
use crate::folded;
use crate::reference::Reference;
use crate::{WRONG, examples, folder, hold, known, policy_folder, read, readme, schema_of, value};

const BUNDLE: &str = "meshward";

fn object(members: Vec<(&str, Json)>) -> Json {
    let members = members.into_iter();
    Json::Object(
        members
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// A schema whose definitions have the name of their filter before them.
fn moved(schema: &Json, filter: &str) -> Json {
    match schema {
        Json::Array(items) => Json::Array(items.iter().map(|item| moved(item, filter)).collect()),
        Json::Object(members) => Json::Object(
            members
                .iter()
                .map(|(name, value)| {
                    let target = value
                        .as_str()
                        .and_then(|text| text.strip_prefix("#/$defs/"));
                    let value = match target.filter(|_| name == "$ref") {
                        Some(target) => text(&format!("#/$defs/{filter}.{target}")),
                        None => moved(value, filter),
                    };
                    (name.clone(), value)
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

fn schema() -> Json {
    let reference = Reference::read(&folder(BUNDLE));
    let described = |key: &str, schema: Json| {
        let entry = reference.find(key);
        let entry = entry.unwrap_or_else(|| panic!("{key} is not described"));
        let Json::Object(mut members) = schema else {
            panic!("{key}: a schema is an object");
        };
        members.retain(|(name, _)| name != "description");
        members.insert(0, ("description".to_owned(), text(&entry.plain())));
        Json::Object(members)
    };
    let shared = Reference::read(&policy_folder());
    let mut definitions: Members = Vec::new();
    let mut parts: Members = Vec::new();
    let mut once: Members = Vec::new();
    let mut of_routes: Members = Vec::new();
    let keys = config::check("{}").keys;
    for part in config::Part::ALL {
        let filter = part.filter();
        let known = known().iter().find(|known| known.filter == filter).unwrap();
        let Json::Object(members) = moved(&schema_of(known, &shared), filter) else {
            panic!("{filter}: a schema is an object");
        };
        let mut own: Members = Vec::new();
        for (name, value) in members {
            match (name.as_str(), value) {
                ("$schema" | "$id" | "examples", _) => {}
                ("$defs", Json::Object(inner)) => definitions.extend(
                    inner
                        .into_iter()
                        .map(|(name, schema)| (format!("{filter}.{name}"), schema)),
                ),
                ("properties", Json::Object(mut properties)) => {
                    // The address of the schema stands at the top only.
                    properties.retain(|(name, _)| name != "$schema");
                    for (name, schema) in &properties {
                        let is_new = !once.iter().any(|(known, _)| known == name);
                        let is_part = config::Part::ALL.iter().any(|part| part.key() == name);
                        if keys.contains(name) && is_new && !is_part {
                            once.push((name.clone(), described(name, schema.clone())));
                        }
                    }
                    let said = folded::of_keys(&properties, part.route_part().keys);
                    of_routes.push((
                        part.key().to_owned(),
                        object(vec![
                            ("type", text("object")),
                            ("properties", Json::Object(said)),
                            ("additionalProperties", Json::Bool(false)),
                        ]),
                    ));
                    own.push((name, Json::Object(properties)));
                }
                (_, value) => own.push((name, value)),
            }
        }
        definitions.push((filter.to_owned(), Json::Object(own)));
        let schema = object(vec![("$ref", text(&format!("#/$defs/{filter}")))]);
        parts.push((part.key().to_owned(), described(part.key(), schema)));
    }
    let address = object(vec![
        ("type", text("string")),
        (
            "description",
            text("the address of this schema, for editors"),
        ),
    ]);
    let words = ["identity", "decisions", "within_limits"].map(text);
    let publish = object(vec![
        ("type", text("array")),
        ("items", object(vec![("enum", Json::Array(words.into()))])),
    ]);
    let mut properties = vec![("$schema".to_owned(), address)];
    properties.append(&mut parts);
    folded::fill(&mut once, folded::rule(of_routes));
    properties.append(&mut once);
    properties.push(("publish".to_owned(), described("publish", publish)));
    let is_there =
        |part: config::Part| object(vec![("required", Json::Array(vec![text(part.key())]))]);
    let schema = object(vec![
        (
            "$schema",
            text("https://json-schema.org/draft/2020-12/schema"),
        ),
        (
            "$id",
            text(
                "https://raw.githubusercontent.com/meshward/meshward/main/filters/meshward/schema.json",
            ),
        ),
        (
            "title",
            text("The configuration of meshward, the four filters in one"),
        ),
        ("type", text("object")),
        ("properties", Json::Object(properties)),
        ("anyOf", Json::Array(config::Part::ALL.map(is_there).into())),
        ("additionalProperties", Json::Bool(false)),
        ("examples", Json::Array(examples(BUNDLE))),
        ("$defs", Json::Object(definitions)),
    ]);
    let unused = reference.unused();
    assert!(unused.is_empty(), "{unused:?} are no keys of the bundle");
    schema
}

fn validator() -> jsonschema::Validator {
    let schema = value(&schema());
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

#[test]
fn the_schema_of_the_bundle_is_that_of_its_parts() {
    let schema = schema();
    let made = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    hold(&folder(BUNDLE).join("schema.json"), &made);
    let keys = config::check("{}").keys;
    for key in keys {
        let place = schema.member("properties").and_then(|all| all.member(&key));
        assert!(place.is_some(), "{key} is not in the schema");
    }
}

#[test]
fn the_table_of_the_bundle_is_made_of_its_reference() {
    let reference = Reference::read(&folder(BUNDLE));
    let mut tables = Vec::new();
    for (name, entries) in &reference.tables {
        let mut rows = "| key | default | meaning |\n| --- | --- | --- |\n".to_owned();
        for entry in entries {
            let default = entry.default.as_deref().unwrap_or_default();
            rows.push_str(&format!(
                "| `{}` | {default} | {} |\n",
                entry.key, entry.meaning
            ));
        }
        tables.push((name.clone(), rows));
    }
    let path = folder(BUNDLE).join("README.md");
    hold(&path, &readme::with_tables(&read(&path), &tables));
}

/// What a filter takes, the bundle takes as its part, and what is wrong there is wrong here.
#[test]
fn parts_are_valid_where_they_are_valid_alone() {
    let validator = validator();
    for part in config::Part::ALL {
        let known = known()
            .iter()
            .find(|known| known.filter == part.filter())
            .unwrap();
        let mut tried = 0;
        for (document, _) in known.observed.good.iter().take(400) {
            let whole = object(vec![(part.key(), document.clone())]);
            if config::check(&whole.to_string()).result.is_ok() {
                tried += 1;
                if let Err(error) = validator.validate(&value(&whole)) {
                    panic!("{} {error}: {whole}", error.instance_path());
                }
            }
        }
        assert!(tried > 100, "{}: {tried}", part.filter());
        for (_, wrong) in WRONG.iter().filter(|(filter, _)| *filter == part.filter()) {
            let wrong = format!("{{{:?}: {wrong}}}", part.key());
            let document = Json::parse(wrong.as_bytes()).unwrap();
            assert!(!validator.is_valid(&value(&document)), "{wrong}");
        }
    }
}

#[test]
fn what_is_said_once_is_valid_beside_the_parts() {
    let validator = validator();
    let limits = r#""limits": {"limits": [{"name": "a", "key": ["ip"], "rate": "5/s"}]}"#;
    let is_valid = |members: &str| {
        let text = format!("{{{members}}}");
        let document = Json::parse(text.as_bytes()).unwrap();
        let is_taken = config::check(&text).result.is_ok();
        let is_valid = validator.is_valid(&value(&document));
        assert_eq!(is_taken, is_valid, "{text}");
        is_valid
    };
    for example in examples(BUNDLE) {
        assert!(validator.is_valid(&value(&example)), "{example}");
    }
    for right in [
        limits.to_owned(),
        format!(r#"{limits}, "mode": "report""#),
        format!(r#"{limits}, "$schema": "./schema.json""#),
        format!(r#"{limits}, "client_address": {{"trusted_hops": 1}}"#),
        format!(r#"{limits}, "publish": ["identity"]"#),
    ] {
        assert!(is_valid(&right), "{right}");
    }
    for wrong in [
        String::new(),
        r#""mode": "report""#.to_owned(),
        format!(r#"{limits}, "mode": "off""#),
        format!(r#"{limits}, "publish": ["secrets"]"#),
        format!(r#"{limits}, "rules": []"#),
        format!(r#"{limits}, "redact": []"#),
    ] {
        assert!(!is_valid(&wrong), "{wrong}");
    }
}
