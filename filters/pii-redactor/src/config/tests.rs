use super::*;

#[test]
fn every_mistake_is_named() {
    let text = r#"{
        "presets": ["pci", "gdrp"],
        "rules": [
            {"name": "a", "detect": ["EMIAL"]},
            {"name": "b", "apply_to": ["response.body", "body"], "detect": []},
            {"match": {"paths": ["x"]}, "fields": [{"name": ["--"], "action": "remove"}, {"path": "a.b", "action": "drop"},
             {"action": "remove"}, {"name": "dob", "action": {"date": "day"}}, {"name": "a", "words": "b", "action": "null"}]},
            {"name": "c", "unless": {}, "when": {"consent": {}}},
            {"allow_fields": ["$.a[-1]", "$[?@.b]"]}
        ],
        "actions": {"CREDIT_CARD": {"mask": {"keep_last": 12, "character": "xx"}}, "EMAIL": {"pseudonym": {}}, "PHONES": "label",
                    "default": {"replace": 5}, "PHONE": "mask", "AGE": {"age_cap": 500}},
        "detectors": [
            {"name": "lower", "regex": "a"}, {"name": "TWO"}, {"name": "EMPTY", "regex": "a*"}, {"name": "BROKEN", "regex": "a("},
            {"name": "BOTH", "regex": "a", "dictionary": ["b"]}, {"name": "CTX", "regex": "a", "needs_context": true}
        ],
        "allow": {"patterns": ["["]},
        "type_policy": "none",
        "nested_json": 2,
        "search_names": "keys",
        "min_confidence": 0.5,
        "inflate": {"max_ratio": 1},
        "on_error": {"unsupported_encoding": "drop", "trailer": "block", "budget_exceeded": "redact_text"}
    }"#;
    let problems = Config::parse(text).unwrap_err().to_string();
    for expected in [
        r#"presets[1]: "gdrp": did you mean "gdpr"?"#,
        r#"rules[0].detect[0]: "EMIAL": unknown kind; did you mean "EMAIL"?"#,
        r#"rules[1].apply_to[1]: "body""#,
        "rules[1].detect: an array: expected at least one item",
        r#"rules[2].match.paths[0]: "x": a path pattern starts with a slash"#,
        "rules[2].fields[0].name: an array: expected names",
        r#"rules[2].fields[1].path: "a.b": expected a path"#,
        r#"rules[2].fields[1].action: "drop""#,
        r#"rules[2].fields[2]: an object: expected exactly one of "name", "words" and "path""#,
        r#"rules[2].fields[3].action.date: "day""#,
        r#"rules[2].fields[4]: an object: expected exactly one of "name", "words" and "path""#,
        r#"rules[3].unless: an object: expected "scopes", "roles" or "claims""#,
        r#"rules[3].when.consent: an object: expected "granted" or "denied""#,
        r#"rules[3]: a rule needs "detect", "presets", "fields", "allow_fields", "owner", "data_subject", "max_body", "max_depth", "max_members" or "graphql""#,
        r#"rules[4].allow_fields[0]: "$.a[-1]": the end of an array"#,
        r#"rules[4].allow_fields[1]: "$[?@.b]": filters need"#,
        "actions.CREDIT_CARD.mask.keep_last: 12: expected an integer from 0 to 8",
        r#"actions.CREDIT_CARD.mask.character: "xx""#,
        "actions.EMAIL: pseudonyms need a key",
        r#"actions.PHONES: unknown kind; did you mean "PHONE"?"#,
        "actions.default.replace: 5: expected a string",
        "actions.AGE.age_cap: 500: expected an integer from 1 to 120",
        r#"detectors[0].name: "lower": expected capital letters"#,
        r#"detectors[1]: an object: expected exactly one of "regex" and "dictionary""#,
        r#"detectors[2].regex: "a*": matches nothing at all"#,
        r#"detectors[3].regex: "a(": not an expression"#,
        r#"detectors[4]: an object: expected exactly one of "regex" and "dictionary""#,
        r#"detectors[5]: "needs_context" needs "context""#,
        r#"allow.patterns[0]: "[": not an expression"#,
        r#"type_policy: "none""#,
        "min_confidence: 0.5",
        "nested_json: 2: expected true or false",
        r#"search_names: "keys": expected true or false"#,
        "inflate.max_ratio: 1: expected an integer from 2 to 1100",
        r#"on_error.unsupported_encoding: "drop""#,
        "on_error.trailer: unknown key",
        r#"on_error.budget_exceeded: "redact_text""#,
    ] {
        assert!(
            problems.contains(expected),
            "{expected} is not in\n{problems}"
        );
    }
    let nothing = Config::parse("{}").unwrap_err().to_string();
    assert!(
        nothing.contains(r#"expected "rules" or "presets""#),
        "{nothing}"
    );
}

/// What a document becomes.
fn redacted(configuration: &str, document: &str) -> String {
    let plan = crate::fixtures::plan_of(configuration);
    let mut rewriter = crate::json::JsonRewriter::new(plan);
    let (mut out, mut tally) = (Vec::new(), crate::tally::Tally::default());
    rewriter.write(document.as_bytes(), &mut out, &mut tally);
    rewriter.finish(&mut out, &mut tally);
    String::from_utf8(out).unwrap()
}

#[test]
fn kinds_of_the_configuration() {
    let rules = r#"{
        "detectors": [
            { "name": "EMPLOYEE", "regex": "E-[0-9]{6}", "keywords": ["E-"] },
            { "name": "PROJECT", "dictionary": ["Falcon", "Blue Heron", "Müller"], "ignore_case": true },
            { "name": "BADGE", "regex": "[0-9]{5}", "context": ["badge"], "needs_context": true },
            { "name": "LOYALTY", "regex": "[0-9]{10}", "luhn": true },
            { "name": "ANCHORED", "regex": "^x[0-9]+$" }
        ],
        "rules": [{ "detect": ["EMPLOYEE", "PROJECT", "BADGE", "LOYALTY", "ANCHORED", "EMAIL"] }],
        "allow": { "values": ["support@example.com"], "suffixes": ["@example.org"], "prefixes": ["noreply@"], "patterns": ["e-00000[0-9]"] }
    }"#;
    for (document, expected) in [
        (
            r#"["E-123456 and E-000007"]"#,
            r#"["[EMPLOYEE] and E-000007"]"#,
        ),
        (
            r#"["on falcon, falcons, BLUE HERON"]"#,
            r#"["on [PROJECT], falcons, [PROJECT]"]"#,
        ),
        (r#"["Frau M\u00fcller"]"#, r#"["Frau [PROJECT]"]"#),
        (
            r#"{"badge":"12345","zip":"12345"}"#,
            r#"{"badge":"[BADGE]","zip":"12345"}"#,
        ),
        (r#"["badge 12345"]"#, r#"["badge [BADGE]"]"#),
        (
            r#"["0000000018","0000000019"]"#,
            r#"["[LOYALTY]","0000000019"]"#,
        ),
        (r#"["x12","x12 "]"#, r#"["[ANCHORED]","x12 "]"#),
        (
            r#"["Support@Example.com","a@example.org","noreply@a.com","jane@a.com"]"#,
            r#"["Support@Example.com","a@example.org","noreply@a.com","[EMAIL]"]"#,
        ),
    ] {
        assert_eq!(redacted(rules, document), expected, "{document}");
    }
}

#[test]
fn numbers_by_type_policy() {
    for (policy, expected) in [
        ("string", r#"{"ssn":"[US_SSN]","card":"[CREDIT_CARD]"}"#),
        ("zero", r#"{"ssn":0,"card":0}"#),
        ("null", r#"{"ssn":null,"card":null}"#),
        ("keep", r#"{"ssn":536228145,"card":4111111111111111}"#),
    ] {
        let rules = format!(
            r#"{{"rules":[{{"detect":["US_SSN","CREDIT_CARD"]}}],"type_policy":"{policy}"}}"#
        );
        assert_eq!(
            redacted(&rules, r#"{"ssn":536228145,"card":4111111111111111}"#),
            expected
        );
    }
}

#[test]
fn presets_bring_their_actions() {
    for (preset, document, expected) in [
        (
            "pci",
            r#"{"card":{"number":"4111 1111 1111 1111","cvv":"123","expiry":"12/30"},"mail":"jane@example.com"}"#,
            r#"{"card":{"number":"**** **** **** 1111","cvv":"","expiry":"[CARD_EXPIRY]"},"mail":"jane@example.com"}"#,
        ),
        (
            "hipaa",
            r#"{"patient":{"name":"Jane","dob":"1970-05-06","zip":"94110","age":97,"mrn":"77"},"npi":"1234567893"}"#,
            r#"{"patient":{"name":"[PERSON_NAME]","dob":"1970","zip":"941","age":90,"mrn":"[MEDICAL_RECORD]"},"npi":"[US_NPI]"}"#,
        ),
        (
            "gdpr",
            r#"{"ip":"203.0.113.7","lat":52.52001,"religion":"none","iban":"DE89370400440532013000"}"#,
            r#"{"ip":"203.0.113.0","lat":52.52,"religion":"","iban":"[IBAN]"}"#,
        ),
        (
            "ccpa",
            r#"{"ssn":"536-22-8145","race":"x","longitude":-122.41942}"#,
            r#"{"ssn":"[US_SSN]","race":"[ETHNICITY]","longitude":-122.41}"#,
        ),
        (
            "secrets",
            r#"{"password":"hunter2","note":"use AKIAIOSFODNN7EXAMPLE","ssn":"536-22-8145"}"#,
            r#"{"password":"[PASSWORD]","note":"use [AWS_ACCESS_KEY]","ssn":"536-22-8145"}"#,
        ),
    ] {
        assert_eq!(
            redacted(&format!(r#"{{"presets":["{preset}"]}}"#), document),
            expected,
            "{preset}"
        );
    }
    // What a configuration says of a kind wins over what a preset does; a default does not.
    let rest = r#"{"presets":["pci"],"actions":{"default":"remove"}}"#;
    assert_eq!(
        redacted(rest, r#"["4111111111111111"]"#),
        r#"["************1111"]"#
    );
    let own = r#"{"presets":["pci"],"actions":{"CREDIT_CARD":"remove"}}"#;
    assert_eq!(redacted(own, r#"["4111111111111111"]"#), r#"[""]"#);
}

#[test]
fn ids_are_no_cards() {
    let rules = r#"{"presets":["pci","hipaa","gdpr","ccpa","secrets"]}"#;
    let clean = r#"{"order_id":"4111111111111111","id":4111111111111111,"uuid":"550e8400-e29b-41d4-a716-446655440000",
        "sha":"da39a3ee5e6b4b0d3255bfef95601890afd80709","at":"2026-11-24T10:00:00.123456Z","version":"1.2.3.4",
        "ts":1700000000000,"price":1234.56,"name":"Cup","status":"ok","count":1234567890123456,"sku":"AB-123-456-789"}"#;
    assert_eq!(redacted(rules, clean), clean);
    let strict = r#"{"presets":["pci"],"negative_context":false}"#;
    assert_eq!(
        redacted(strict, r#"{"order_id":"4111111111111111"}"#),
        r#"{"order_id":"************1111"}"#
    );
}

#[test]
fn a_mask_by_field_shows_no_more_of_a_card_either() {
    let check = |selector: &str, first: usize, last: usize| {
        Config::parse(&format!(
            r#"{{"rules":[{{"fields":[{{{selector},"action":{{"mask":{{"keep_first":{first},"keep_last":{last}}}}}}}]}}]}}"#
        ))
    };
    for selector in [
        r#""name":["id","card_number"]"#,
        r#""name":"creditCard""#,
        r#""words":["pan"]"#,
        r#""path":"$.payments[*].card.number""#,
    ] {
        assert!(check(selector, 6, 4).is_ok(), "{selector}");
        let problems = check(selector, 6, 6).unwrap_err().to_string();
        assert!(
            problems.contains("rules[0].fields[0]: of a card at most the first 8 and the last 4"),
            "{selector}: {problems}"
        );
    }
    assert!(check(r#""name":"reference""#, 6, 6).is_ok());
}

#[test]
fn limits_say_what_they_are_about() {
    for (rule, expected) in [
        (
            r#""max_body":"1MiB""#,
            r#"rules[0]: "max_body" needs "request.body" or "response.body" in "apply_to""#,
        ),
        (
            r#""apply_to":["request.query"],"max_depth":3"#,
            r#""max_depth" needs "request.body""#,
        ),
        (
            r#""apply_to":["response.body"],"graphql":{}"#,
            r#""graphql" needs "request.body" or "request.query""#,
        ),
        (
            r#""apply_to":["request.body"],"max_depth":513"#,
            "rules[0].max_depth: 513: expected an integer from 1 to 512",
        ),
        (
            r#""apply_to":["request.body"],"graphql":{"max_dept":3}"#,
            r#"did you mean "max_depth"?"#,
        ),
        (
            r#""detect":["EMAIL"],"allow_fields_action":"refuse""#,
            r#""allow_fields_action" needs "allow_fields""#,
        ),
        (
            r#""allow_fields":["$.a"],"allow_fields_action":"block""#,
            r#"expected "remove" or "refuse""#,
        ),
        (
            r#""fields":[{"name":["url"],"hosts":["[::1]"],"action":"block"}]"#,
            "no value can lead there",
        ),
        (
            r#""fields":[{"name":["url"],"hosts":["https://a.example"],"action":"block"}]"#,
            "rules[0].fields[0].hosts[0]",
        ),
    ] {
        let text = format!(r#"{{"rules":[{{{rule}}}]}}"#);
        let problems = Config::check(&text).result.unwrap_err().to_string();
        assert!(problems.contains(expected), "{text}: {problems}");
    }
    let text =
        r#"{"apply_to":["request.body"],"rules":[{"max_body":"1MiB","graphql":{"max_cost":9}}]}"#;
    assert!(Config::check(text).result.is_ok());
}
