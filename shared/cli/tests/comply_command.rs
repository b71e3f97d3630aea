//! `meshward comply` and `meshward audit inventory` over configurations and trails as people have them.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod bed;

use std::path::Path;
use std::process::Command;

use audit::{Hash, Range};
use bed::{Bed, Outcome, joined};
use policy::json::Json;
use trail::synthetic::{Emitter, Random, Request, emitter_key};

fn comply(bed: &Bed, arguments: &str) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_meshward"))
        .arg("comply")
        .args(arguments.split_whitespace())
        .current_dir(bed.folder.path())
        .output()
        .unwrap();
    Outcome::of(output)
}

const CONFIG: &str = r#"{
  "audit": {"sink": "host_log", "chain": {"signing_key_env": "MESHWARD_CHAIN_KEY"},
            "retention": {"class": "pci", "keep": {"at_least": "1y", "at_most": "2y"}}},
  "auth": {"providers": {"partners": {"api_keys": {"from": [{"header": "x-api-key"}], "keys": [{"id": "acme", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}]}}},
           "rules": [{"match": {"paths": ["/orders/**"]}, "require": {"provider": "partners", "scopes": ["orders:read"]}}]},
  "redact": {"mode": "report", "presets": ["pci"]}
}"#;

/// A trail of twelve requests, two of which were refused, and a configuration beside it.
fn bed() -> Bed {
    let bed = Bed::with_keys();
    bed.write("meshward.json", CONFIG);
    let mut emitter = Emitter::new(8, "pci", Some(emitter_key()));
    emitter.config_sha256 = Hash::configuration(CONFIG);
    let mut lines = vec![emitter.open(None).text];
    for number in 0..12_u64 {
        let request = Request {
            subject: Some("jane".to_owned()),
            operation: "GET /patients/{id}".to_owned(),
            method: "GET",
            path: format!("/patients/{number}"),
            status: if number < 2 { 403 } else { 200 },
            refused: (number < 2).then_some(("jwt-auth/rules[0]", "scope_missing")),
            data: vec![("EMAIL", 1)],
            ..Request::some(&mut Random(number))
        };
        lines.push(emitter.request(&request).text);
    }
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    bed
}

/// The state of a requirement in the JSON of an assessment.
fn state(assessments: &Json, control: &str) -> String {
    let controls = assessments.as_array().unwrap()[0]
        .member("controls")
        .unwrap();
    let controls = controls.as_array().unwrap();
    let is_it = |one: &&Json| one.member("id").and_then(Json::as_str) == Some(control);
    let found = controls.iter().find(is_it).unwrap();
    found.member("state").unwrap().as_str().unwrap().to_owned()
}

/// A filter does nothing with a configuration that it refuses.
#[test]
fn what_a_filter_refuses_is_no_setting() {
    let bed = bed();
    for (right, wrong) in [
        ("\"provider\": \"partners\"", "\"provider\": \"partner\""),
        ("\"presets\": [\"pci\"]", "\"presets\": [\"pcj\"]"),
    ] {
        bed.write("wrong.json", CONFIG.replace(right, wrong));
        let refused = comply(&bed, "--framework soc2 --config wrong.json");
        let refused = refused.expect(2).err;
        assert!(
            refused.contains("wrong.json") && refused.contains("refuses"),
            "{refused}"
        );
    }
}

/// A measure that a route undoes is taken for some requests only, and the output says where.
#[test]
fn what_a_route_undoes_is_told_with_its_place() {
    let bed = bed();
    let own = r#"{"redact": {"presets": ["pci"], "route_config": true}}"#;
    bed.write("own.json", own);
    let said = "static_resources: {}\nroute:\n  metadata:\n    filter_metadata:\n      meshward.pii-redactor:\n        config: '{\"actions\": {\"CREDIT_CARD\": \"detect\"}}'\n";
    bed.write("routes.yaml", said);
    let with = "--framework pci --format json --config own.json";
    let alone = comply(&bed, with).expect(1).json();
    assert_eq!(state(&alone, "3.4.1"), "set");
    let both = format!("{with} --config routes.yaml");
    assert_eq!(
        state(&comply(&bed, &both).expect(1).json(), "3.4.1"),
        "partial"
    );
    let text = comply(
        &bed,
        "--framework pci --config own.json --config routes.yaml",
    );
    let text = text.expect(1).out;
    assert!(text.contains("for some requests only"), "{text}");
    assert!(
        text.contains("the metadata at routes.yaml:5: it is not done"),
        "{text}"
    );
}

/// What stands in a manifest and never sees a request is no measure, whichever way it was switched off.
#[test]
fn filters_that_requests_pass_by_are_no_measures() {
    let bed = bed();
    let envoy = include_str!("../../../envoy-test/envoy/bundle.yaml");
    let entry = "- name: meshward\n";
    let at = envoy.find(entry).unwrap();
    let indent = " ".repeat(at - envoy[..at].rfind('\n').unwrap() - 1);
    let router = format!("{indent}- name: envoy.filters.http.router\n{indent}{entry}");
    let admin = "static_resources:\n  listeners:\n    - name: beside\n      filter_chains:\n        - filters:\n            - name: hcm\n              typed_config:\n                http_filters: [{name: envoy.filters.http.router}]\n                route_config: {virtual_hosts: [{name: all, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: upstream}}]}]}\n";
    assert!(
        envoy.contains("cluster: upstream"),
        "the cluster of the second listener"
    );
    let quoted = CONFIG.replace('\n', " ");
    let kong = |chain: &str, filter: &str| {
        format!(
            "filter_chains:\n- name: all\n  {chain}\n  filters:\n  - name: meshward\n    {filter}\n    config: '{quoted}'\n"
        )
    };
    let disabled = format!("{indent}{entry}{indent}  disabled: true\n");
    let switched = |with: &str| envoy.replacen(&format!("{indent}{entry}"), with, 1);
    for (name, manifest, authentication) in [
        ("as it runs", envoy.to_owned(), "set"),
        ("disabled", switched(&disabled), "missing"),
        ("behind the router", switched(&router), "missing"),
        (
            "fail open",
            envoy.replacen(
                "failure_policy: FAIL_RELOAD",
                "failure_policy: FAIL_OPEN",
                1,
            ),
            "limited",
        ),
        (
            "another listener",
            envoy.replacen("static_resources:\n  listeners:\n", admin, 1),
            "limited",
        ),
        ("Kong", kong("enabled: true", "enabled: true"), "set"),
        (
            "a chain of Kong",
            kong("enabled: false", "enabled: true"),
            "missing",
        ),
        (
            "a filter of Kong",
            kong("enabled: true", "enabled: false"),
            "missing",
        ),
    ] {
        bed.write("manifest.yaml", &manifest);
        assert!(name == "as it runs" || manifest != envoy, "{name}");
        let made = comply(
            &bed,
            "--framework soc2 --format json --config manifest.yaml",
        );
        let made = made.expect(1).out;
        let pack: serde_json::Value = serde_json::from_str(&made).unwrap();
        let controls = pack[0]["controls"].as_array().unwrap();
        let measures = controls
            .iter()
            .flat_map(|one| one["measures"].as_array().unwrap());
        let found = measures
            .clone()
            .find(|one| one["id"] == "authentication")
            .unwrap();
        assert_eq!(found["state"], authentication, "{name}: {found}");
        if authentication != "set" {
            let gap = found["gaps"][0].as_str().unwrap();
            assert!(gap.starts_with("manifest.yaml:"), "{name}: {gap}");
        }
    }
}

/// What the trail says was lost is not recorded, whatever the configuration says.
#[test]
fn a_trail_with_losses_does_not_show_that_all_is_recorded() {
    let bed = bed();
    let whole = "--framework soc2 --config meshward.json --trail trail.ndjson --keys emitter.json --format json --at 2027-01-16";
    let state_of = |id: &str| {
        let made = comply(&bed, whole).expect(1).out;
        let pack: serde_json::Value = serde_json::from_str(&made).unwrap();
        let controls = pack[0]["controls"].as_array().unwrap();
        let mut measures = controls
            .iter()
            .flat_map(|one| one["measures"].as_array().unwrap());
        measures.find(|one| one["id"] == id).unwrap().clone()
    };
    assert_eq!(state_of("records")["state"], "shown");
    let mut emitter = Emitter::new(8, "pci", Some(emitter_key()));
    emitter.config_sha256 = Hash::configuration(CONFIG);
    let mut lines = vec![emitter.open(None).text, emitter.some_request().text];
    lines.push(emitter.gap(vec![Range(7, 9)], None).text);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    for id in ["records", "no_silent_loss"] {
        let found = state_of(id);
        assert_ne!(found["state"], "shown", "{found}");
    }
    let gap = state_of("records")["gaps"].to_string();
    assert!(gap.contains("requests have no record"), "{gap}");
}

#[test]
fn requirements_are_shown_set_partial_and_missing() {
    let bed = bed();
    let with = "--framework pci --config meshward.json --format json --at 2027-01-16";
    let keys = "--trail trail.ndjson --keys emitter.json";
    let shown = comply(&bed, &format!("{with} {keys}")).expect(1).json();
    for (control, expected) in [
        // Refusals of jwt-auth are in the trail.
        ("7.3.3", "shown"),
        ("10.3.4", "shown"),
        // Only a purge or an expiry would show it, and the synthetic records have none.
        ("10.5.1", "set"),
        // The redactor only reports.
        ("3.4.1", "partial"),
        ("4.2.1", "missing"),
        ("9", "beyond"),
    ] {
        assert_eq!(state(&shown, control), expected, "{control}");
    }
    // Without keys nothing is evidence, and without a trail neither.
    let unproven = comply(&bed, &format!("{with} --trail trail.ndjson"))
        .expect(1)
        .json();
    assert_eq!(state(&unproven, "7.3.3"), "set");
    let alone = comply(&bed, with).expect(1).json();
    assert_eq!(state(&alone, "7.3.3"), "set");
    // Nor outside of the period.
    let later = comply(&bed, &format!("{with} {keys} --from 2027-02-01"))
        .expect(1)
        .json();
    assert_eq!(state(&later, "7.3.3"), "set");
    // Nor is a trail that was changed.
    let changed = bed
        .read("trail.ndjson")
        .replacen("scope_missing", "scope_mislaid", 1);
    bed.write("trail.ndjson", changed);
    let changed = comply(&bed, &format!("{with} {keys}")).expect(1);
    assert_eq!(state(&changed.json(), "7.3.3"), "set");
    let text = comply(
        &bed,
        &format!("{with} {keys}").replace("json --at", "text --at"),
    );
    assert!(text.out.contains("does not verify"), "{}", text.out);
}

/// What was set up yesterday is not shown by the records of last month, nor by those of another gateway.
#[test]
fn records_show_the_configuration_that_they_were_made_under() {
    let bed = bed();
    let with = "--framework pci --at 2027-01-16 --trail trail.ndjson --keys emitter.json";
    let json = |config: &str| {
        bed.write("now.json", config);
        comply(&bed, &format!("{with} --format json --config now.json"))
            .expect(1)
            .json()
    };
    // However it is spelled.
    let spelled: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
    assert_eq!(state(&json(&spelled.to_string()), "7.3.3"), "shown");
    let other = CONFIG.replace("\"mode\": \"report\", ", "");
    let assessed = json(&other);
    assert_eq!(state(&assessed, "7.3.3"), "set");
    let others = assessed.as_array().unwrap()[0]
        .at("trail.of_other_configurations")
        .unwrap()
        .to_string();
    assert!(
        others.contains(&Hash::configuration(CONFIG).to_hex()),
        "{others}"
    );
    let text = comply(&bed, &format!("{with} --config now.json"))
        .expect(1)
        .out;
    assert!(
        text.contains("14 records from 2027-01-15") && text.contains("another configuration"),
        "{text}"
    );
    // Of a filter alone, it is that of the filter.
    let audit = spelled.get("audit").unwrap().to_string();
    let mut emitter = Emitter::new(8, "pci", Some(emitter_key()));
    emitter.config_sha256 = Hash::configuration(&audit);
    let lines = [emitter.open(None).text, emitter.close().text];
    bed.write("trail.ndjson", joined(&lines));
    assert_eq!(state(&json(&audit), "10.3.4"), "shown");
    assert_eq!(state(&json(&audit.replace("1y", "2y")), "10.3.4"), "set");
}

#[test]
fn text_and_page_say_what_to_set() {
    let bed = bed();
    let text = comply(&bed, "--framework pci,gdpr --config meshward.json")
        .expect(1)
        .out;
    for said in [
        "missing  4.2.1 Strong encryption on open networks",
        "\"require\": {\"tls\": {\"min_version\": \"1.2\"}}",
        "in report mode only",
        "no gateway can: ",
        "GDPR (Regulation (EU) 2016/679",
        "none was given (--trail)",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    comply(
        &bed,
        "--framework pci,gdpr --config meshward.json --format html -o pack.html",
    )
    .expect(1);
    let page = bed.read("pack.html");
    assert!(
        page.contains("<h1>PCI DSS 4.0.1") && page.contains("default-src 'none'"),
        "{page}"
    );
    let list = comply(&bed, "--framework list").expect(0).out;
    assert_eq!(list.lines().count(), 9, "{list}");
}

/// Whoever answers to an auditor knows which words of an issuer mean two factors.
#[test]
fn controls_may_be_ones_own() {
    let bed = bed();
    let config = r#"{"auth": {"providers": {"corp": {"issuer": "https://idp.example.com", "audiences": ["a"], "jwks": {"remote": {"uri": "https://idp.example.com/keys", "cluster": "idp"}}}}, "rules": [{"require": {"provider": "corp", "acr_values": ["urn:example:two-factors"]}}]}}"#;
    let own = r#"
id = "house"
title = "House rules"

[[control]]
id = "1"
title = "Two factors"
demands = "Everybody shows two."
measures = ["multiple_factors"]

[[measure]]
id = "multiple_factors"
setting = 'auth.effective.admits[acr only ["urn:example:two-factors"]]'
everywhere = 'not auth.effective.admits[not acr only ["urn:example:two-factors"]]'
"#;
    bed.write("strong.json", config);
    bed.write("own.toml", own);
    let states = |options: &str, control: &str| {
        let options = format!("{options} --config strong.json --format json");
        let out = comply(&bed, &options);
        state(&Json::parse(out.out.as_bytes()).unwrap(), control)
    };
    assert_eq!(states("--framework pci", "8.4.2"), "partial");
    assert_eq!(
        states("--framework pci --controls own.toml", "8.4.2"),
        "set"
    );
    assert_eq!(states("--framework house --controls own.toml", "1"), "set");
    let text = comply(
        &bed,
        "--framework house --controls own.toml --config strong.json",
    )
    .expect(0);
    assert!(text.out.contains("own.toml"), "{}", text.out);
    for (text, expected) in [
        ("[[measure]]\nid = \"none\"\n", "missing field"),
        (
            "[[measure]]\nid = \"records\"\nsetting = \"a ==\"\n",
            "setting",
        ),
        (
            "[[measure]]\nid = \"records\"\nsettings = \"a\"\n",
            "unknown field",
        ),
        (
            "id = \"x\"\ntitle = \"X\"\n[[control]]\nid = \"1\"\ntitle = \"a\"\ndemands = \"b\"\nmeasures = [\"c\"]\n",
            "there is no measure \"c\"",
        ),
    ] {
        bed.write("wrong.toml", text);
        let out = comply(
            &bed,
            "--framework pci --controls wrong.toml --config strong.json",
        )
        .expect(2);
        assert!(out.err.contains(expected), "{}", out.err);
    }
}

/// The shape that the schema of OSCAL 1.1.2 asks for: what must be there, and how ids are written.
#[test]
fn oscal_has_the_shape_of_its_schema() {
    let bed = bed();
    let all = "--config meshward.json --trail trail.ndjson --keys emitter.json --format oscal";
    let list = comply(&bed, "--framework list").expect(0).out;
    for line in list.lines() {
        let framework = line.split(' ').next().unwrap();
        let out = comply(&bed, &format!("--framework {framework} {all}")).expect(1);
        let document = serde_json::from_str(&out.out).unwrap();
        let schema = serde_json::from_str(OSCAL).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{framework}: {errors:#?}");
        // Each finding rests on observations that are there.
        let text = out.out;
        for line in text
            .lines()
            .filter(|line| line.contains("\"observation-uuid\""))
        {
            let id = line.split('"').nth(3).unwrap();
            assert!(text.contains(&format!("\"uuid\": \"{id}\"")), "{id}");
        }
        // So does everything that it points at.
        for line in text.lines().filter(|line| line.contains("\"href\"")) {
            let href = line.split('"').nth(3).unwrap();
            let id = href.strip_prefix('#').unwrap_or_else(|| panic!("{href}"));
            assert!(text.contains(&format!("\"uuid\": \"{id}\"")), "{href}");
        }
    }
    comply(
        &bed,
        "--framework pci,gdpr --config meshward.json --format oscal",
    )
    .expect(2);
}

/// The parts of the published schema (public domain) that assessment results of ours have.
const OSCAL: &str = r##"{
  "$defs": {
    "uuid": {"type": "string", "pattern": "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[45][0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}$"},
    "token": {"type": "string", "pattern": "^(\\p{L}|_)(\\p{L}|\\p{N}|[.\\-_])*$"},
    "time": {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?(Z|[+-]\\d{2}:\\d{2})$"},
    "text": {"type": "string", "pattern": "^\\S(.*\\S)?$"},
    "observation": {"type": "object", "required": ["uuid", "description", "methods", "collected"], "additionalProperties": false,
      "properties": {"uuid": {"$ref": "#/$defs/uuid"}, "title": {"type": "string"}, "description": {"type": "string"},
        "methods": {"type": "array", "minItems": 1, "items": {"enum": ["EXAMINE", "INTERVIEW", "TEST", "UNKNOWN"]}},
        "types": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/token"}},
        "collected": {"$ref": "#/$defs/time"},
        "relevant-evidence": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["description"], "additionalProperties": false,
          "properties": {"href": {"type": "string"}, "description": {"type": "string"}, "remarks": {"type": "string"}}}}}},
    "finding": {"type": "object", "required": ["uuid", "title", "description", "target"], "additionalProperties": false,
      "properties": {"uuid": {"$ref": "#/$defs/uuid"}, "title": {"type": "string"}, "description": {"type": "string"},
        "target": {"type": "object", "required": ["type", "target-id", "status"], "additionalProperties": false,
          "properties": {"type": {"enum": ["statement-id", "objective-id"]}, "target-id": {"$ref": "#/$defs/token"}, "title": {"type": "string"},
            "status": {"type": "object", "required": ["state"], "additionalProperties": false,
              "properties": {"state": {"enum": ["satisfied", "not-satisfied"]}, "reason": {"$ref": "#/$defs/token"}, "remarks": {"type": "string"}}}}},
        "related-observations": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["observation-uuid"], "additionalProperties": false,
          "properties": {"observation-uuid": {"$ref": "#/$defs/uuid"}}}}}}
  },
  "type": "object", "required": ["assessment-results"], "additionalProperties": false,
  "properties": {"assessment-results": {"type": "object", "required": ["uuid", "metadata", "import-ap", "results"], "additionalProperties": false,
    "properties": {
      "uuid": {"$ref": "#/$defs/uuid"},
      "metadata": {"type": "object", "required": ["title", "last-modified", "version", "oscal-version"], "additionalProperties": false,
        "properties": {"title": {"type": "string"}, "last-modified": {"$ref": "#/$defs/time"}, "version": {"$ref": "#/$defs/text"}, "oscal-version": {"$ref": "#/$defs/text"}}},
      "import-ap": {"type": "object", "required": ["href"], "additionalProperties": false, "properties": {"href": {"type": "string"}, "remarks": {"type": "string"}}},
      "back-matter": {"type": "object", "additionalProperties": false, "properties": {"resources": {"type": "array", "minItems": 1, "items": {"type": "object",
        "required": ["uuid"], "additionalProperties": false, "properties": {"uuid": {"$ref": "#/$defs/uuid"}, "title": {"type": "string"}, "description": {"type": "string"},
          "base64": {"type": "object", "required": ["value"], "additionalProperties": false, "properties": {"filename": {"$ref": "#/$defs/token"}, "media-type": {"type": "string"}, "value": {"type": "string", "pattern": "^[0-9A-Za-z+/]+={0,2}$"}}}}}}}},
      "results": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["uuid", "title", "description", "start", "reviewed-controls"], "additionalProperties": false,
        "properties": {"uuid": {"$ref": "#/$defs/uuid"}, "title": {"type": "string"}, "description": {"type": "string"}, "start": {"$ref": "#/$defs/time"}, "end": {"$ref": "#/$defs/time"},
          "reviewed-controls": {"type": "object", "required": ["control-selections"], "additionalProperties": false,
            "properties": {"control-selections": {"type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": false,
              "properties": {"include-all": {"type": "object"}, "include-controls": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["control-id"], "additionalProperties": false,
                "properties": {"control-id": {"$ref": "#/$defs/token"}}}}}}}}},
          "observations": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/observation"}},
          "findings": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/finding"}}}}}}}}
}"##;

/// The configurations may stand in a manifest, or each in a file; of one filter there is one.
#[test]
fn configurations_come_from_wherever_they_stand() {
    let bed = bed();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manifest = root.join("envoy-test/envoy/meshward.yaml");
    let with = format!(
        "--framework pci --format json --config {}",
        manifest.display()
    );
    let assessed = comply(&bed, &with).expect(1).json();
    let sources = assessed.as_array().unwrap()[0]
        .member("configurations")
        .unwrap()
        .to_string();
    for part in ["audit", "auth", "limits", "redact"] {
        assert!(sources.contains(&format!("[\"{part}\"")), "{sources}");
    }
    // It fetches its keys without TLS.
    assert_eq!(state(&assessed, "8.2.1"), "partial");
    let twice = comply(&bed, &format!("{with} --config meshward.json"))
        .expect(2)
        .err;
    assert!(
        twice.contains("a second configuration for \"audit\""),
        "{twice}"
    );
    bed.write("nothing.json", "{}");
    let nothing = comply(&bed, "--framework pci --config nothing.json")
        .expect(2)
        .err;
    assert!(
        nothing.contains("no configuration of a filter"),
        "{nothing}"
    );
    let wrong = comply(&bed, "--framework pcii --config meshward.json")
        .expect(2)
        .err;
    assert!(wrong.contains("did you mean \"pci\""), "{wrong}");
    comply(&bed, "--config meshward.json").expect(64);
}

const OPENAPI: &str = r##"
openapi: 3.1.0
info: {title: Ward, version: "1"}
security: [{oauth: []}]
paths:
  /patients/{id}:
    get: {operationId: readPatient}
    delete: {operationId: removePatient, deprecated: true}
  /patients/{id}/notes:
    get: {}
  /circle: {$ref: "#/paths/~1circle"}
"##;

#[test]
fn an_inventory_names_what_is_not_documented_and_what_is_not_used() {
    let bed = bed();
    let mut lines: Vec<String> = bed
        .read("trail.ndjson")
        .lines()
        .map(str::to_owned)
        .collect();
    // Goes on where it was closed: another chain.
    let mut emitter = Emitter::new(9, "other", Some(emitter_key()));
    emitter.id = "ffeeddccbbaa9988".to_owned();
    lines.push(emitter.open(None).text);
    let request = |method: &'static str, path: &str, status: u64, subject: Option<&str>| Request {
        subject: subject.map(str::to_owned),
        operation: "all".to_owned(),
        method,
        path: path.to_owned(),
        status,
        refused: None,
        data: Vec::new(),
        ..Request::some(&mut Random(3))
    };
    let refused = |path: &str| Request {
        refused: Some(("jwt-auth/rules[0]", "scope_missing")),
        client: "stranger",
        ..request("GET", path, 403, Some("mallory"))
    };
    for request in [
        request("DELETE", "/patients/7", 204, Some("jane")),
        request("GET", "/export/20260101", 200, Some("jane")),
        request("GET", "/export/20260102", 200, Some("john")),
        request("GET", "/.env", 404, None),
        request("GET", "/patients/8", 200, None),
        request("GET", "/{path}", 200, Some("jane")),
        refused("/export/20260103"),
        refused("/patients/9"),
    ] {
        lines.push(emitter.request(&request).text);
    }
    lines.push(emitter.close().text);
    // Nobody vouches for this one.
    let mut stranger = Emitter::new(10, "x", None);
    lines.push(stranger.open(None).text);
    lines.push(stranger.request(&request("GET", "/forged", 200, None)).text);
    bed.write("trail.ndjson", joined(&lines));
    bed.write("openapi.yaml", OPENAPI);
    let run = |arguments: &str| bed.run(&format!("inventory {arguments} trail.ndjson"));
    let outcome = run("--openapi openapi.yaml --keys emitter.json --json");
    let inventory = outcome.json();
    let names = |list: &str| -> Vec<String> {
        let rows = inventory.member(list).unwrap().as_array().unwrap();
        let name = |row: &Json| {
            row.member("operation")
                .unwrap_or(row)
                .as_str()
                .unwrap()
                .to_owned()
        };
        rows.iter().map(name).collect()
    };
    assert_eq!(
        names("documented"),
        ["GET /patients/{id}", "DELETE /patients/{id}"]
    );
    assert_eq!(names("undocumented"), ["GET /export/{id}"]);
    assert_eq!(names("unused"), ["GET /patients/{id}/notes"]);
    assert_eq!(names("deprecated"), ["DELETE /patients/{id}"]);
    assert_eq!(names("open"), ["GET /patients/{id}"]);
    assert_eq!(names("remarks").len(), 1);
    assert_eq!(outcome.number("not_found"), 1);
    assert_eq!(outcome.number("pathless"), 1);
    assert!(!outcome.out.contains("forged"), "{}", outcome.out);
    let classes = inventory.at("documented").unwrap().as_array().unwrap()[0].member("classes");
    assert!(classes.unwrap().to_string().contains("EMAIL seen"));
    let text = run("--openapi openapi.yaml --keys emitter.json").out;
    assert!(text.contains("Seen and not documented (1)"), "{text}");
    let draft = run("--processing --openapi openapi.yaml --keys emitter.json").out;
    assert!(
        draft.contains("GDPR 30") && draft.contains("EMAIL seen") && draft.contains("shop-web"),
        "{draft}"
    );
    // Who was refused has received nothing.
    assert!(!draft.contains("stranger"), "{draft}");
    let seen = run("--keys emitter.json").out;
    assert!(
        seen.contains("3  GET /export/{id}:")
            && seen.contains("1 requests whose path is not in the record")
            && seen.contains("1 requests that were refused or not found"),
        "{seen}"
    );
    bed.write("meshward.json", CONFIG);
    let pack = comply(
        &bed,
        "--framework pci --config meshward.json --trail trail.ndjson --keys emitter.json --openapi openapi.yaml",
    );
    assert!(
        pack.out
            .contains("2 operations documented and seen, 1 not documented"),
        "{}",
        pack.out
    );
    // Without keys nothing counts.
    let without = run("--openapi openapi.yaml");
    assert!(
        without.out.contains("Not counted: 21 requests"),
        "{}",
        without.out
    );
    for (wrong, expected) in [
        ("swagger: \"2.0\"\npaths: {}", "Swagger"),
        ("a: [1", "openapi.yaml: line"),
        (
            "{\"openapi\": \"3.0.0\", \"paths\": 1}",
            "\"paths\" is no object",
        ),
    ] {
        bed.write("openapi.yaml", wrong);
        let error = run("--openapi openapi.yaml").expect(2).err;
        assert!(error.contains(expected), "{error}");
    }
}
