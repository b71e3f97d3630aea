use super::*;
use crate::fixtures::{assert_redacts, plan_of};

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

/// Redacts a document as a JSON response under a configuration.
pub(super) fn redacted(configuration: &str, document: &str) -> String {
    let plan = plan_of(configuration);
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
            r#"{"ip":"203.0.113.0","lat":52.52,"iban":"[IBAN]"}"#,
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
    let rules = r#"{"presets":["hipaa","gdpr","ccpa","secrets"]}"#;
    let clean = r#"{"order_id":"4111111111111111","id":4111111111111111,"uuid":"550e8400-e29b-41d4-a716-446655440000",
        "sha":"da39a3ee5e6b4b0d3255bfef95601890afd80709","at":"2026-11-24T10:00:00.123456Z","version":"1.2.3.4",
        "ts":1700000000000,"price":1234.56,"name":"Cup","status":"ok","count":1234567890123456,"sku":"AB-123-456-789"}"#;
    assert_eq!(redacted(rules, clean), clean);
}

#[test]
fn card_numbers_in_ids_are_found_where_pci_asks_for_them() {
    let pci = r#"{"presets":["pci"]}"#;
    for name in [
        "order_id",
        "id",
        "reference",
        "ref",
        "txn",
        "transaction_id",
        "invoice",
        "merchantReference",
        "payment_id",
        "uuid",
        "sku",
        "user_id",
    ] {
        for card in [
            "4111111111111111",
            "5555555555554444",
            "378282246310005",
            "6011111111111117",
        ] {
            let masked = format!("{}{}", "*".repeat(card.len() - 4), &card[card.len() - 4..]);
            for (value, expected) in [
                (format!("\"{card}\""), format!("\"{masked}\"")),
                (card.to_owned(), format!("\"{masked}\"")),
                (
                    format!("\"order #{card} paid\""),
                    format!("\"order #{masked} paid\""),
                ),
            ] {
                let document = format!(r#"{{"{name}":{value}}}"#);
                let expected = format!(r#"{{"{name}":{expected}}}"#);
                assert_eq!(redacted(pci, &document), expected);
            }
        }
    }
    let plan = plan_of(pci);
    assert_eq!(
        crate::fixtures::redacted(&plan, "text/csv", "order_id,n\n4111111111111111,1\n"),
        "order_id,n\n************1111,1\n"
    );
    // Times, ids that carry one, and numbers of other issuers, all with a right check digit.
    for id in [
        "1700000000009",
        "1700000000000008",
        "1700000000000000009",
        "1234567812345670",
        "589777669450",
        "6763000000000000000",
        "620000000000000009",
    ] {
        let document = format!(r#"{{"id":"{id}","note":"order {id}"}}"#);
        assert_eq!(redacted(pci, &document), document);
    }
}

#[test]
fn of_several_rules_about_a_kind_or_a_member_the_strictest_acts() {
    for (rules, document, expected) in [
        (
            r#"{"presets":["pci"],"rules":[{"detect":["CREDIT_CARD"],"actions":{"CREDIT_CARD":"remove"}}]}"#,
            r#"["4111111111111111"]"#,
            r#"[""]"#,
        ),
        (
            r#"{"rules":[{"presets":["pci"]},{"presets":["hipaa"]}]}"#,
            r#"["4111111111111111"]"#,
            r#"["[CREDIT_CARD]"]"#,
        ),
        (
            r#"{"rules":[{"detect":["EMAIL"],"actions":{"EMAIL":"detect"}},{"detect":["EMAIL"]}]}"#,
            r#"["jane@example.com"]"#,
            r#"["[EMAIL]"]"#,
        ),
        (
            r#"{"rules":[{"detect":["EMAIL"]},{"mode":"report","detect":["EMAIL"],"actions":{"EMAIL":"remove"}}]}"#,
            r#"["jane@example.com"]"#,
            r#"["[EMAIL]"]"#,
        ),
        (
            r#"{"rules":[{"fields":[{"name":"a","action":"detect"}]},{"fields":[{"path":"$.a","action":"label"}]}]}"#,
            r#"{"a":"x"}"#,
            r#"{"a":"[FIELD]"}"#,
        ),
        (
            r#"{"rules":[{"fields":[{"name":"a","action":"label"}]},{"fields":[{"name":"a","action":"remove"}]}]}"#,
            r#"{"a":"x","b":1}"#,
            r#"{"b":1}"#,
        ),
        // The entries of one rule are an order that somebody has chosen.
        (
            r#"{"rules":[{"fields":[{"path":"$.public.a","action":"detect"},{"name":"a","action":"label"}]}]}"#,
            r#"{"a":"x","public":{"a":"x"}}"#,
            r#"{"a":"[FIELD]","public":{"a":"x"}}"#,
        ),
    ] {
        assert_eq!(redacted(rules, document), expected, "{rules}");
    }
    let rules =
        r#"{"presets":["gdpr"],"rules":[{"detect":["EMAIL"],"actions":{"EMAIL":"block"}}]}"#;
    let plan = plan_of(rules);
    let mut rewriter = crate::json::JsonRewriter::new(plan);
    let (mut out, mut tally) = (Vec::new(), crate::tally::Tally::default());
    rewriter.write(br#"["jane@example.com"]"#, &mut out, &mut tally);
    assert!(tally.blocks);
}

#[test]
fn what_is_by_name_is_all_of_its_value() {
    for (preset, document, expected) in [
        (
            "gdpr",
            r#"{"dob":{"day":10,"month":11,"year":1980},"birthDate":[1980,11,10]}"#,
            r#"{"dob":{"day":"[PERSON_DATE]","month":"[PERSON_DATE]","year":"[PERSON_DATE]"},"birthDate":["[PERSON_DATE]","[PERSON_DATE]","[PERSON_DATE]"]}"#,
        ),
        (
            "hipaa",
            r#"{"dob":{"day":10,"month":11,"year":1980},"birthDate":[1980,11,10],"ssn":{"n":"536221234"}}"#,
            r#"{"dob":{"day":"[PERSON_DATE]","month":"[PERSON_DATE]","year":1980},"birthDate":[1980,"[PERSON_DATE]","[PERSON_DATE]"],"ssn":{"n":"[US_SSN]"}}"#,
        ),
        (
            "ccpa",
            r#"{"birthDate":{"$date":"1980-11-10T00:00:00Z"},"first_name":{"en":"Ada"},"street":{"line":"5 Main St"}}"#,
            r#"{"birthDate":{"$date":"[PERSON_DATE]"},"first_name":{"en":"[PERSON_NAME]"},"street":{"line":"[STREET_ADDRESS]"}}"#,
        ),
        (
            "pci",
            r#"{"pin":{"clear":"1234"},"cvv":{"N":"123"}}"#,
            r#"{"pin":{"clear":""},"cvv":{"N":""}}"#,
        ),
        (
            "secrets",
            r#"{"password":{"S":"hunter2"}}"#,
            r#"{"password":{"S":"[PASSWORD]"}}"#,
        ),
        (
            "hipaa",
            r#"{"age":"93 years, 2 months","patientAge":"P93Y","age_group":"90+"}"#,
            r#"{"age":"90","patientAge":"[AGE]","age_group":"90"}"#,
        ),
        (
            "hipaa",
            r#"{"age":{"low":90,"high":42}}"#,
            r#"{"age":{"low":90,"high":42}}"#,
        ),
        ("hipaa", r#"{"age":9.3e1}"#, r#"{"age":"[AGE]"}"#),
        ("hipaa", r#"{"age":-1}"#, r#"{"age":-1}"#),
        ("hipaa", r#"{"age":"1116 months"}"#, r#"{"age":"[AGE]"}"#),
        ("hipaa", r#"{"age":">89"}"#, r#"{"age":"[AGE]"}"#),
        (
            "hipaa",
            r#"{"dob":"/Date(-1201000000000)/","birth_month":12}"#,
            r#"{"dob":"[PERSON_DATE]","birth_month":"[PERSON_DATE]"}"#,
        ),
        (
            "gdpr",
            r#"{"lat":"52,520008","location":"geo:52.520008,13.404954","geo":"POINT(13.404954 52.520008)"}"#,
            r#"{"lat":"[GEO_COORDINATE]","location":"[GEO_COORDINATE]","geo":"[GEO_COORDINATE]"}"#,
        ),
        (
            "pci",
            r#"{"card":4.111111111111111e15,"n":4111111111111111e0}"#,
            r#"{"card":"************1111","n":"************1111"}"#,
        ),
        (
            "gdpr",
            r#"{"crimes":["x"],"felony":"x","arrests":[1],"criminal":true}"#,
            "{}",
        ),
        (
            "ccpa",
            r#"{"agent":"Chrome/120.0.0.0 Edg/120.0.0.0","spouse":"Ada"}"#,
            r#"{"agent":"Chrome/120.0.0.0 Edg/120.0.0.0","spouse":"[PERSON_NAME]"}"#,
        ),
        (
            "gdpr",
            r#"{"dob":{"type":"string","format":"date 2024","description":"since 1990"}}"#,
            r#"{"dob":{"type":"string","format":"date 2024","description":"since 1990"}}"#,
        ),
    ] {
        let rules = format!(r#"{{"presets":["{preset}"]}}"#);
        assert_eq!(redacted(&rules, document), expected, "{preset}");
    }
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
            r#""apply_to":["response.headers"],"owner":[{"path":"$.a[*].owner","equals":{"claim":"sub"},"else":"remove","if_missing":"else"}]"#,
            r#""owner" needs "request.body" or "response.body" in "apply_to""#,
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

#[test]
fn settings_that_hide_nothing_are_told() {
    let warnings = |text: &str| {
        let checked = Config::check(text);
        assert!(checked.result.is_ok(), "{text}");
        let all = checked.warnings.iter();
        let told = all.filter(|warning| warning.code() == "no_effect");
        told.map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for (text, expected) in [
        (
            r#"{"rules":[{"detect":["EMAIL"],"actions":{"US_SSN":"remove"}}]}"#,
            "rules[0].actions.US_SSN: the rule does not detect US_SSN",
        ),
        (
            r#"{"rules":[{"detect":["EMAIL"],"headers":["x-mail"]}]}"#,
            "rules[0].headers: none of these is searched",
        ),
        (
            r#"{"presets":["gdpr"],"actions":{"IP_ADDRESS":{"network":{"v4":32,"v6":128}}}}"#,
            "a network of all bits",
        ),
        (
            r#"{"presets":["pci"],"actions":{"CREDIT_CARD":"detect"}}"#,
            "actions.CREDIT_CARD: with",
        ),
        (
            r#"{"rules":[{"detect":["EMAIL"],"actions":{"EMAIL":{"replace":"hidden@example.com"}}}]}"#,
            "rules[0]: the text in the place of EMAIL is found itself",
        ),
        (
            r#"{"rules":[{"presets":["pci"],"actions":{"CREDIT_CARD":{"replace":"4111111111111111"}}}]}"#,
            "rules[0]: the text in the place of CREDIT_CARD is found itself",
        ),
        (
            r#"{"rules":[{"fields":[{"name":["callback"],"hosts":["*.com"],"action":"block"}]}]}"#,
            "rules[0].fields[0].hosts[0]: \"*.com\": anybody can have a host there",
        ),
    ] {
        let told = warnings(text);
        assert!(told.contains(expected), "{text}: {told}");
    }
    for text in [
        r#"{"rules":[{"presets":["gdpr"],"actions":{"EMAIL":"remove","default":"label"}}]}"#,
        r#"{"rules":[{"apply_to":["response.headers"],"detect":["EMAIL"],"headers":["x-mail"]}]}"#,
        r#"{"presets":["gdpr"],"actions":{"IP_ADDRESS":{"network":{"v4":16}}}}"#,
        r#"{"presets":["pci"],"actions":{"CREDIT_CARD":"label"}}"#,
        r#"{"rules":[{"detect":["EMAIL"],"actions":{"EMAIL":{"replace":"hidden"},"default":{"decimals":2}}}]}"#,
        r#"{"rules":[{"fields":[{"name":["callback"],"hosts":["*.partner.example","*.internal"],"action":"block"}]}]}"#,
    ] {
        assert_eq!(warnings(text), "", "{text}");
    }
}

#[test]
fn settings_that_would_leave_values_as_they_are_are_refused() {
    for (text, expected) in [
        (
            r#"{"rules":[{"fields":[{"path":"$.a[5:2]","action":"remove"}]}]}"#,
            "no item is in 5:2",
        ),
        (
            r#"{"rules":[{"fields":[{"path":"$.a[::0]","action":"remove"}]}]}"#,
            "no item is in ::0",
        ),
        (
            r#"{"rules":[{"detect":["X"]}],"detectors":[{"name":"X","regex":"abc","luhn":true}]}"#,
            "\"luhn\" needs digits",
        ),
        (
            r#"{"rules":[{"detect":["X"]}],"detectors":[{"name":"X","dictionary":["abc"],"luhn":true}]}"#,
            "\"luhn\" needs digits",
        ),
    ] {
        let problems = Config::parse(text).unwrap_err().to_string();
        assert!(problems.contains(expected), "{text}: {problems}");
    }
    // As a default it is for the kinds that it fits, and others get their label.
    let plan = plan_of(
        r#"{"rules":[{"detect":["CREDIT_CARD","PERSON_DATE"],"actions":{"default":{"date":"year"}}}]}"#,
    );
    assert_redacts(
        &plan,
        "application/json",
        &[(
            r#"{"card":"4111111111111111","dob":"1970-05-06"}"#,
            r#"{"card":"[CREDIT_CARD]","dob":"1970"}"#,
        )],
    );
    let luhn = r#"{"rules":[{"detect":["X"]}],"detectors":[{"name":"X","regex":"[[:digit:]]{8}","luhn":true}]}"#;
    assert!(Config::parse(luhn).is_ok());
}
