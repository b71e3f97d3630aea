//! The loop and the steps must not be told apart.

use std::rc::Rc;

use proptest::prelude::*;

use crate::fixtures::plan_of;
use crate::json::JsonRewriter;
use crate::plan::Plan;
use crate::tally::Tally;

/// Rules about members by their names.
const NAMES: &str = r#"{
    "rules": [{
        "name": "all",
        "detect": ["EMAIL", "CREDIT_CARD", "US_SSN", "PHONE", "PERSON_DATE", "PERSON_NAME"],
        "fields": [
            { "name": ["secret"], "action": "remove" },
            { "name": ["dob"], "action": "null" },
            { "words": "masked", "action": { "mask": { "keep_last": 2 } } }
        ]
    }]
}"#;

/// And by their paths, which most of a document is not on.
const PATHS: &str = r#"{
    "rules": [{
        "name": "all",
        "detect": ["EMAIL", "CREDIT_CARD"],
        "fields": [
            { "path": "$.items[*].id", "action": "remove" },
            { "path": "$.a_name_with_13.items[1]", "action": "remove" },
            { "path": "$[0].name", "action": "null" },
            { "name": ["dob"], "action": "remove" }
        ]
    }]
}"#;

/// Only what is listed passes, some of it whole.
const ALLOWED: &str = r#"{
    "rules": [{
        "name": "all",
        "detect": ["EMAIL", "CREDIT_CARD"],
        "fields": [{ "name": ["dob"], "action": "null" }],
        "allow_fields": ["$.items", "$[*].name", "$.id", "$.email.phone[0]"]
    }]
}"#;

/// And documents in strings are read.
const NESTED: &str = r#"{
    "nested_json": true,
    "rules": [{
        "name": "all",
        "detect": ["EMAIL", "CREDIT_CARD", "US_SSN", "PHONE"],
        "fields": [{ "name": ["dob"], "action": "remove" }]
    }]
}"#;

const PRESETS: &str = r#"{"presets":["gdpr","ccpa","hipaa","pci","secrets"]}"#;

/// What comes out, what was counted, and what the rewriter says about itself.
fn rewrite(plan: &Rc<Plan>, runs: bool, body: &[u8], size: usize) -> (String, String) {
    let mut rewriter = JsonRewriter::new(Rc::clone(plan));
    assert!(rewriter.traits.runs);
    rewriter.traits.runs = runs;
    let (mut out, mut tally) = (Vec::new(), Tally::default());
    tally.findings = Some(Vec::new());
    for chunk in body.chunks(size) {
        rewriter.write(chunk, &mut out, &mut tally);
    }
    let before = (rewriter.held(), rewriter.is_between_documents());
    rewriter.finish(&mut out, &mut tally);
    let said = (rewriter.malformed().is_some(), rewriter.has_value());
    (
        out.escape_ascii().to_string(),
        format!("{before:?} {said:?} {tally:?}"),
    )
}

fn check(body: &[u8], size: usize) {
    for rules in [NAMES, PATHS, ALLOWED, NESTED, PRESETS] {
        let plan = plan_of(rules);
        let expected = rewrite(&plan, false, body, size);
        assert_eq!(rewrite(&plan, true, body, size), expected);
        // With names that have been learnt already, and what comes behind them.
        assert_eq!(rewrite(&plan, true, body, size), expected);
        assert_eq!(rewrite(&plan, true, body, body.len().max(1)).0, expected.0);
    }
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "id",
        "name",
        "email",
        "secret",
        "dob",
        "masked",
        "items",
        "phone",
        "a_name_with_13",
        "a_name_with_14c",
        "a_name_with_15ch",
        "a_name_that_is_longer_than_two_blocks_of_it",
        "a_name_that_is_much_too_long_for_the_table_of_the_names_that_are_known",
        "with \\\" in it",
        "caf\u{e9}",
        "",
    ])
}

fn scalar() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "true",
        "false",
        "null",
        "tru",
        "falsy",
        "0",
        "7",
        "007",
        "-1",
        "1.5",
        "1.",
        ".5",
        "1.2.3",
        "12345",
        "123456",
        "1234567",
        "12345678",
        "1234.5",
        "12345.6",
        "1e9",
        "4111111111111111",
        "\"\"",
        "\"blue gift\"",
        "\"jane@example.com\"",
        "\"4111 1111 1111 1111\"",
        "\"call 212-555-0147\"",
        "\"536-22-8145\"",
        "\"1519b9ab-a034-4fb7-a3aa-00007b855d9a\"",
        "\"2026-04-16T08:04:48Z\"",
        "\"2026-04-16T08:04:48.123Z\"",
        "\"a \\\\ b \\u0040 c\"",
        "\"d\u{e9}j\u{e0} vu\"",
        "\"it is a longer sentence that needs more than two blocks to be read\"",
        r#""{\"dob\":1,\"a\":\"jane@example.com\"}""#,
        r#""\u007b\"name\":[{}],\"dob\":{}}""#,
        "\"[4111111111111111]\"",
        "\"[-4111111111111111, 1234567]\"",
        "\" [] \"",
        "\"{not a document}\"",
        "\"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlMTIzNDU2Nzg5\"",
    ])
}

fn documents() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => scalar().prop_map(str::to_owned),
        1 => r#""[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}""#,
        1 => r#""[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?Z?""#,
        1 => r#""[ -!#-\[\]-~]{0,70}""#,
    ];
    leaf.prop_recursive(4, 60, 6, |inner| {
        let space = prop::sample::select(vec!["", "", " ", "\n\t", "\n            "]);
        let items = prop::collection::vec(inner.clone(), 0..5);
        let members = prop::collection::vec((name(), inner), 0..6);
        prop_oneof![
            (items, space.clone()).prop_map(|(items, space)| {
                format!("[{space}{}{space}]", items.join(&format!(",{space}")))
            }),
            (members, space, any::<bool>()).prop_map(|(members, space, is_wide)| {
                let colon = if is_wide { " : " } else { ":" };
                let members: Vec<String> = members
                    .iter()
                    .map(|(name, value)| format!("\"{name}\"{colon}{value}"))
                    .collect();
                format!("{{{space}{}{space}}}", members.join(&format!(",{space}")))
            }),
        ]
    })
}

#[test]
fn an_item_is_not_told_by_the_name_of_a_member_before_it() {
    let body = br#"[[true],{"name":{"":true}},true]"#;
    for size in 1..=body.len() {
        check(body, size);
    }
}

proptest! {
    #[test]
    fn documents_are_read_alike(document in documents(), times in 1_usize..4, size in 1_usize..80) {
        let body = format!("{document}\n").repeat(times);
        check(body.as_bytes(), size);
    }

    #[test]
    fn broken_documents_are_read_alike(
        document in documents(),
        place in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"\"\\{}[]:,x1 -.e\n\x00\xff".to_vec()),
        is_added in any::<bool>(),
        size in 1_usize..80,
    ) {
        let mut body = document.repeat(2).into_bytes();
        let place = place.index(body.len());
        if is_added {
            body.insert(place, byte);
        } else {
            body[place] = byte;
        }
        check(&body, size);
    }
}

#[test]
fn deep_documents_are_read_alike() {
    for opening in ["[", "{\"a\":", "[{\"a\":"] {
        let body = format!("[1,{}", opening.repeat(600));
        check(body.as_bytes(), 7);
    }
}
