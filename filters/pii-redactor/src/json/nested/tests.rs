use std::rc::Rc;

use proptest::prelude::*;

use super::MAX_NESTED_BYTES;
use crate::fixtures::plan_of;
use crate::json::JsonRewriter;
use crate::plan::Plan;
use crate::tally::{Count, Finding, Tally};

const RULES: &str = r#"{
    "nested_json": true,
    "rules": [{
        "name": "all",
        "detect": ["EMAIL", "CREDIT_CARD", "US_SSN", "PASSWORD", "POSTAL_CODE"],
        "fields": [
            { "name": "secret", "action": "remove" },
            { "name": "dob", "action": "null" },
            { "name": "ref", "action": { "mask": { "keep_last": 2 } } },
            { "path": "$.gone", "action": "remove" }
        ]
    }],
    "actions": { "CREDIT_CARD": { "mask": { "keep_last": 4 } }, "POSTAL_CODE": "zip3" }
}"#;

fn rewrite_with(plan: &Rc<Plan>, body: &[u8], size: usize) -> (Vec<u8>, Tally) {
    let mut rewriter = JsonRewriter::new(Rc::clone(plan));
    let (mut out, mut tally) = (Vec::new(), Tally::default());
    tally.findings = Some(Vec::new());
    for chunk in body.chunks(size) {
        rewriter.write(chunk, &mut out, &mut tally);
        assert!(rewriter.held() <= MAX_NESTED_BYTES + 2048);
    }
    rewriter.finish(&mut out, &mut tally);
    (out, tally)
}

/// Whole, byte by byte, and cut at every place, with and without the loop: all must give the same,
/// and count the same.
fn check_with(rules: &str, input: &str, expected: &str) -> Tally {
    let plan = plan_of(rules);
    let bytes = input.as_bytes();
    let (whole, tally) = rewrite_with(&plan, bytes, bytes.len().max(1));
    assert_eq!(String::from_utf8_lossy(&whole), expected, "{input}");
    let same = |(out, counted): (Vec<u8>, Tally), how: &str| {
        assert_eq!(String::from_utf8_lossy(&out), expected, "{input} {how}");
        assert_eq!(
            format!("{counted:?}"),
            format!("{tally:?}"),
            "{input} {how}"
        );
    };
    same(rewrite_with(&plan, bytes, 1), "byte by byte");
    for cut in 0..=bytes.len() {
        let mut rewriter = JsonRewriter::new(Rc::clone(&plan));
        rewriter.traits.runs = cut % 2 == 0;
        let (mut out, mut counted) = (Vec::new(), Tally::default());
        counted.findings = Some(Vec::new());
        let (left, right) = bytes.split_at(cut);
        for chunk in [left, right] {
            rewriter.write(chunk, &mut out, &mut counted);
        }
        rewriter.finish(&mut out, &mut counted);
        same((out, counted), &format!("cut at {cut}"));
    }
    tally
}

fn check(input: &str, expected: &str) {
    check_with(RULES, input, expected);
}

#[test]
fn documents_in_strings_are_read_as_documents() {
    for (input, expected) in [
        // The name announces, numbers become strings, the rest of the document stays.
        (
            r#"{"p":"{\"ssn\":123456789,\"n\": 1.50e+3,\"order\":123456789}","x":1}"#,
            r#"{"p":"{\"ssn\":\"[US_SSN]\",\"n\": 1.50e+3,\"order\":123456789}","x":1}"#,
        ),
        // Rules about names act; those about paths are about the document outside.
        (
            r#"{"gone":1,"p":"{\"secret\":1,\"dob\":\"1970\",\"gone\":2,\"ref\":\"AB-12345\"}"}"#,
            r#"{"p":"{\"dob\":null,\"gone\":2,\"ref\":\"**-***45\"}"}"#,
        ),
        (
            r#"["[\"jane@example.com\",{\"secret\":[]}]","jane@example.com"]"#,
            r#"["[\"[EMAIL]\",{}]","[EMAIL]"]"#,
        ),
        // At the top, and on lines.
        (
            "\"{\\\"dob\\\":1}\"\n\"{\\\"dob\\\":2}\"\n",
            "\"{\\\"dob\\\":null}\"\n\"{\\\"dob\\\":null}\"\n",
        ),
        // A document in a string of a document in a string, and no deeper: there it is text.
        (
            r#"{"a":"{\"b\":\"{\\\"dob\\\":\\\"1970\\\"}\"}"}"#,
            r#"{"a":"{\"b\":\"{\\\"dob\\\":null}\"}"}"#,
        ),
        (
            r#"["[\"[\\\"{\\\\\\\"dob\\\\\\\":1,\\\\\\\"m\\\\\\\":\\\\\\\"jane@example.com\\\\\\\"}\\\"]\"]"]"#,
            r#"["[\"[\\\"{\\\\\\\"dob\\\\\\\":1,\\\\\\\"m\\\\\\\":\\\\\\\"[EMAIL]\\\\\\\"}\\\"]\"]"]"#,
        ),
        // The name of the string announces its items, and is the parent of its members.
        (
            r#"{"ssn":"[123456789, 5]","x":"[123456789]","ssns":["[123456789]"]}"#,
            r#"{"ssn":"[\"[US_SSN]\", 5]","x":"[123456789]","ssns":["[\"[US_SSN]\"]"]}"#,
        ),
        (
            r#"{"zip":"[94110]","y":"{\"zip\":94110}"}"#,
            r#"{"zip":"[941]","y":"{\"zip\":941}"}"#,
        ),
    ] {
        check(input, expected);
        check(expected, expected);
    }
}

#[test]
fn other_spellings_are_no_way_around() {
    for (input, expected) in [
        (r#"["\u007b\"dob\":1}"]"#, r#"["{\"dob\":null}"]"#),
        (r#"["\u005B{\"dob\":1}]"]"#, r#"["[{\"dob\":null}]"]"#),
        (
            r#"[" \n\t\r\u0020\u000A{\u0022do\u0062\":1}\n"]"#,
            r#"[" \n\t\r \n{\"dob\":null}\n"]"#,
        ),
        (r#"["{\"d\\u006fb\":1}"]"#, r#"["{\"d\\u006fb\":null}"]"#),
    ] {
        check(input, expected);
    }
}

#[test]
fn what_does_not_change_keeps_its_spelling() {
    for same in [
        r#"["{\"a\":\"\u00e9 \/ \\u00e9\", \"b\":[1.50]}"]"#,
        r#"["\u007b\u007D"]"#,
        r#"["{\"half\":\"\ud800\"}","{}","[]"," [ ] "]"#,
        "[\"{\\\"a\\\":\\\"caf\u{e9} \\u0007\\\"}\"]",
    ] {
        check(same, same);
    }
    for (input, expected) in [
        // Without a byte beyond ASCII before, there is none after.
        (
            r#"["{\"a\":\"\u00e9 \ud83d\ude00 \ud83d\",\"dob\":1,\"u\":\"a\/b\"}"]"#,
            r#"["{\"a\":\"\u00e9 \ud83d\ude00 \ud83d\",\"dob\":null,\"u\":\"a/b\"}"]"#,
        ),
        (
            "[\"{\\\"a\\\":\\\"\u{e4}\\u00e9\\\",\\\"dob\\\":1}\"]",
            "[\"{\\\"a\\\":\\\"\u{e4}\u{e9}\\\",\\\"dob\\\":null}\"]",
        ),
    ] {
        check(input, expected);
    }
}

#[test]
fn what_is_no_document_is_text() {
    for (input, expected) in [
        (
            r#"["{\"dob\":1} {\"dob\":2} jane@example.com"]"#,
            r#"["{\"dob\":1} {\"dob\":2} [EMAIL]"]"#,
        ),
        (
            r#"["{\"m\":\"jane@example.com\",","[EMAIL]","{jane@example.com}"]"#,
            r#"["{\"m\":\"[EMAIL]\",","[EMAIL]","{[EMAIL]}"]"#,
        ),
        (
            r#"["{","[","[}"," ","\\","\u007b"]"#,
            r#"["{","[","[}"," ","\\","\u007b"]"#,
        ),
        (
            r#"[" jane@example.com","\njane@example.com","\u006aane@example.com"]"#,
            r#"[" [EMAIL]","\n[EMAIL]","[EMAIL]"]"#,
        ),
        // The document outside breaks off, or is none.
        (
            r#"{"a":"{\"m\":\"jane@example.com\"#,
            r#"{"a":"{\"m\":\"[EMAIL]\"#,
        ),
        (r#"["{\"dob\":\q1}"]"#, r#"["{\"dob\":\q1}"]"#),
        (r#"["{\u00"]jane@example.com"#, r#"["{\u00"][EMAIL]"#),
    ] {
        check(input, expected);
    }
}

#[test]
fn rules_about_the_whole_string_come_first() {
    for (input, expected) in [
        (r#"{"ref":"{\"dob\":12}"}"#, r#"{"ref":"{\"***\":**}"}"#),
        (r#"{"dob":"{}","secret":"{}"}"#, r#"{"dob":null}"#),
        (
            r#"{"password":"{\"a\":1}"}"#,
            r#"{"password":"[PASSWORD]"}"#,
        ),
    ] {
        check(input, expected);
    }
    // A kind that only counts takes nothing away, and counts once.
    let rules = r#"{"nested_json":true,"rules":[
        {"name":"count","mode":"report","detect":["PASSWORD"]},
        {"name":"act","fields":[{"name":"dob","action":"null"}]}]}"#;
    let tally = check_with(
        rules,
        r#"{"password":"[\"x\",{\"dob\":1}]"}"#,
        r#"{"password":"[\"x\",{\"dob\":null}]"}"#,
    );
    let counts: Vec<_> = tally.counts().iter().map(|count| count.number).collect();
    assert_eq!(counts, [1, 1]);
}

#[test]
fn where_a_string_is_allowed_all_of_it_is() {
    let rules = r#"{"nested_json":true,"rules":[{
        "detect":["EMAIL"],"fields":[{"name":"dob","action":"remove"}],"allow_fields":["$.p","$.q.r"]}]}"#;
    check_with(
        rules,
        r#"{"p":"{\"a\":1,\"dob\":2,\"m\":\"jane@example.com\"}","q":"{\"r\":1}","z":"{}"}"#,
        r#"{"p":"{\"a\":1,\"m\":\"[EMAIL]\"}"}"#,
    );
}

#[test]
fn nothing_is_counted_twice() {
    // The document is found to be none behind two findings.
    let input = r#"["{\"m\":\"jane@example.com\",\"n\":\"joe@example.com\",}"]"#;
    let expected = r#"["{\"m\":\"[EMAIL]\",\"n\":\"[EMAIL]\",}"]"#;
    let tally = check_with(RULES, input, expected);
    assert!(matches!(
        tally.counts(),
        [Count {
            number: 2,
            became: crate::tally::Became::Masked,
            ..
        }]
    ));
    // The findings in a document are where its string is.
    let input = r#"{"p":"{\"dob\":1,\"m\":\"jane@example.com\"}"}"#;
    let tally = check_with(RULES, input, r#"{"p":"{\"dob\":null,\"m\":\"[EMAIL]\"}"}"#);
    let findings = tally.findings.unwrap();
    let places: Vec<_> = findings
        .iter()
        .map(|Finding { offset, length, .. }| (*offset, *length))
        .collect();
    assert_eq!(places, [(6, 38), (6, 38)]);
}

#[test]
fn long_strings_are_text() {
    let document = |length: usize| {
        let empty = r#"["{\"dob\":1,\"m\":\"jane@example.com\",\"p\":\"\"}"]"#;
        let padding = "p".repeat(length - (empty.len() - 2));
        empty.replace(r#"\"\"}"#, &format!(r#"\"{padding}\"}}"#))
    };
    let plan = plan_of(RULES);
    for (length, dob) in [
        (MAX_NESTED_BYTES - 1, "null"),
        (MAX_NESTED_BYTES, "null"),
        (MAX_NESTED_BYTES + 1, "1"),
        (MAX_NESTED_BYTES * 3, "1"),
    ] {
        let document = document(length);
        let expected = document
            .replace(r#"\"dob\":1"#, &format!(r#"\"dob\":{dob}"#))
            .replace("jane@example.com", "[EMAIL]");
        for size in [1, 1000, MAX_NESTED_BYTES - 1, document.len()] {
            let (out, tally) = rewrite_with(&plan, document.as_bytes(), size);
            assert!(out == expected.as_bytes(), "{length} in pieces of {size}");
            let emails = tally.counts().iter().map(|count| count.number).max();
            assert_eq!(emails, Some(1));
        }
    }
}

#[test]
fn deep_documents_and_many_brackets_stay_bounded() {
    for text in [
        "[".repeat(60_000),
        "[[[\\\"".repeat(9_000),
        "[\\\"".repeat(20_000),
    ] {
        let body = format!("[\"{text}\"]").repeat(3);
        let (out, _) = rewrite_with(&plan_of(RULES), body.as_bytes(), 997);
        assert!(out == body.as_bytes());
    }
}

#[test]
fn off_it_is_text() {
    let rules = RULES.replace("true", "false");
    let input = r#"["{\"dob\":1,\"m\":\"jane@example.com\"}"]"#;
    let tally = check_with(&rules, input, r#"["{\"dob\":1,\"m\":\"[EMAIL]\"}"]"#);
    assert_eq!(tally.counts().len(), 1);
}

/// Documents with strings that are documents, are close to them, or are not.
fn documents() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("123456789".to_owned()),
        Just("4111111111111111".to_owned()),
        Just("\"jane@example.com\"".to_owned()),
        Just("\"x 123-45-6789 \u{e9}\"".to_owned()),
        "[\\[{}\\] a1\u{e9}\"\\\\]{0,8}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    let name = prop::sample::select(vec!["secret", "dob", "ssn", "ref", "a", "zip", "gone"]);
    leaf.prop_recursive(5, 30, 4, move |inner| {
        let members = prop::collection::vec((name.clone(), inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(","))),
            members.prop_map(|members| {
                let members: Vec<String> = members
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(", "))
            }),
            (inner, any::<bool>()).prop_map(|(inner, escapes)| {
                let text = serde_json::to_string(&inner).unwrap();
                match escapes {
                    true => text.replace('{', "\\u007b").replace('\u{e9}', "\\u00e9"),
                    false => text,
                }
            }),
        ]
    })
}

proptest! {
    #[test]
    fn chunks_make_no_difference(document in documents(), size in 1_usize..40, is_cut in any::<bool>()) {
        let mut body = document.into_bytes();
        if is_cut {
            body.truncate(body.len() / 2);
        }
        let plan = plan_of(RULES);
        let (whole, tally) = rewrite_with(&plan, &body, body.len().max(1));
        let (pieces, counted) = rewrite_with(&plan, &body, size);
        prop_assert_eq!(String::from_utf8_lossy(&pieces), String::from_utf8_lossy(&whole));
        prop_assert_eq!(format!("{:?}", counted), format!("{:?}", tally));
    }

    #[test]
    fn valid_json_stays_valid_and_a_second_time_changes_nothing(document in documents()) {
        let plan = plan_of(RULES);
        let (once, _) = rewrite_with(&plan, document.as_bytes(), document.len());
        let text = String::from_utf8(once).unwrap();
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        let (twice, _) = rewrite_with(&plan, text.as_bytes(), text.len());
        prop_assert_eq!(String::from_utf8_lossy(&twice), text);
    }

    /// What a document inside a string becomes is what it becomes outside of it.
    #[test]
    fn inside_is_as_outside(document in documents()) {
        let document = format!("[{document}]");
        // Outside there is one more level, and paths.
        let rules = RULES.replace(r#"{ "path": "$.gone", "action": "remove" }"#, r#"{ "name": "none", "action": "null" }"#);
        let plan = plan_of(&rules);
        let mut inner = JsonRewriter::new(Rc::clone(&plan)).inside(super::Root::default());
        let (mut alone, mut tally) = (Vec::new(), Tally::default());
        inner.write(document.as_bytes(), &mut alone, &mut tally);
        inner.finish(&mut alone, &mut tally);
        let quoted = serde_json::to_string(&document).unwrap();
        let (out, _) = rewrite_with(&plan, quoted.as_bytes(), quoted.len());
        let text: String = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(text, String::from_utf8(alone).unwrap());
    }
}
