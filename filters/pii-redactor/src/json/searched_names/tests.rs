use std::rc::Rc;

use proptest::prelude::*;

use crate::fixtures::plan_of;
use crate::json::JsonRewriter;
use crate::plan::Plan;
use crate::tally::Tally;

/// No rule about members: nothing is held before a value.
const VALUES: &str = r#"{
    "search_names": true,
    "rules": [{ "name": "all", "detect": ["EMAIL", "CREDIT_CARD", "US_SSN", "PHONE", "PERSON_NAME"] }],
    "actions": { "CREDIT_CARD": { "mask": { "keep_last": 4 } }, "PHONE": "remove" }
}"#;

/// Members that go, by their names and paths.
const MEMBERS: &str = r#"{
    "search_names": true,
    "pseudonym_key_env": "KEY",
    "rules": [{
        "name": "all",
        "detect": ["EMAIL", "CREDIT_CARD", "US_SSN", "PHONE"],
        "fields": [
            { "words": "secret", "action": "remove" },
            { "name": "jane@example.com", "action": "null" },
            { "path": "$.users['joe@example.com']", "action": "remove" }
        ]
    }],
    "actions": { "EMAIL": "pseudonym", "US_SSN": "null" }
}"#;

fn rewrite_with(plan: &Rc<Plan>, runs: bool, body: &[u8], size: usize) -> (Vec<u8>, Tally) {
    let mut rewriter = JsonRewriter::new(Rc::clone(plan));
    rewriter.traits.runs = runs;
    let (mut out, mut tally) = (Vec::new(), Tally::default());
    tally.findings = Some(Vec::new());
    for chunk in body.chunks(size) {
        rewriter.write(chunk, &mut out, &mut tally);
        assert!(rewriter.held() <= 20_000, "held {}", rewriter.held());
    }
    rewriter.finish(&mut out, &mut tally);
    (out, tally)
}

/// Whole, in pieces of every size, with and without the loop: all must give the same, and count the
/// same.
fn check_with(rules: &str, input: &str, expected: &str) -> Tally {
    let plan = plan_of(rules);
    let bytes = input.as_bytes();
    let (whole, tally) = rewrite_with(&plan, true, bytes, bytes.len().max(1));
    assert_eq!(String::from_utf8_lossy(&whole), expected, "{input}");
    for size in 1..=bytes.len() {
        for runs in [true, false] {
            let (out, counted) = rewrite_with(&plan, runs, bytes, size);
            assert_eq!(String::from_utf8_lossy(&out), expected, "pieces of {size}");
            assert_eq!(
                format!("{counted:?}"),
                format!("{tally:?}"),
                "{input} {size}"
            );
        }
    }
    tally
}

fn check(input: &str, expected: &str) {
    check_with(VALUES, input, expected);
}

#[test]
fn what_is_found_in_a_name_is_replaced_in_its_place() {
    for (input, expected) in [
        (
            r#"{"jane@example.com":{"visits":3},"b":1}"#,
            r#"{"[EMAIL]":{"visits":3},"b":1}"#,
        ),
        (
            "{ \"id\" : 7 ,\n \"4111 1111 1111 1111\" : [ ] , \"x of joe@example.com!\":\"joe@example.com\" }",
            "{ \"id\" : 7 ,\n \"**** **** **** 1111\" : [ ] , \"x of [EMAIL]!\":\"[EMAIL]\" }",
        ),
        // Escapes hide nothing, and stay where nothing is found.
        (
            r#"{"jane\u0040example.com":1,"caf\u00e9 \"x\"":2,"\"jane@example.com\"":3}"#,
            r#"{"[EMAIL]":1,"caf\u00e9 \"x\"":2,"\"[EMAIL]\"":3}"#,
        ),
        // A member cannot lose its name.
        (r#"{"+1 212 555 0147":1}"#, r#"{"[PHONE]":1}"#),
        // Two names may become the same.
        (
            r#"{"jane@example.com":1,"joe@example.com":2}"#,
            r#"{"[EMAIL]":1,"[EMAIL]":2}"#,
        ),
        // The member around announces its names as it does values, and speaks against them.
        (
            r#"{"ssn":{"123456789":1},"x":{"123456789":2},"ssns":[{"123456789":3}]}"#,
            r#"{"ssn":{"[US_SSN]":1},"x":{"123456789":2},"ssns":[{"[US_SSN]":3}]}"#,
        ),
        (
            r#"{"order_id":{"4111111111111111":1}}"#,
            r#"{"order_id":{"4111111111111111":1}}"#,
        ),
        // Kinds that are whole values are no names of members.
        (
            r#"{"name":{"first":"Jane","last":"Doe"}}"#,
            r#"{"name":{"first":"[PERSON_NAME]","last":"[PERSON_NAME]"}}"#,
        ),
        // What is found announces nothing.
        (
            r#"{"ssn@example.com":123456789,"ssn of a@example.com":123456789}"#,
            r#"{"[EMAIL]":123456789,"ssn of [EMAIL]":"[US_SSN]"}"#,
        ),
        // In documents one after the other, and where one breaks off.
        (
            "{\"a@b.com\":1}\n{\"a@b.com\":2}\n",
            "{\"[EMAIL]\":1}\n{\"[EMAIL]\":2}\n",
        ),
        (r#"{"a":1,"jane@example.com"#, r#"{"a":1,"[EMAIL]"#),
        (
            r#"{"a":1,"jane\u0040example.com\u00"#,
            r#"{"a":1,"[EMAIL]\u00"#,
        ),
        (r#"{"a@b.com" 1}"#, r#"{"[EMAIL]" 1}"#),
    ] {
        check(input, expected);
        check(expected, expected);
    }
}

#[test]
fn rules_about_members_go_by_the_name_that_came() {
    let plan = plan_of(MEMBERS);
    let pseudonym = |text: &str| {
        let (out, _) = rewrite_with(&plan, true, format!("[\"{text}\"]").as_bytes(), 99);
        let out = String::from_utf8(out).unwrap();
        out.trim_matches(['[', ']', '"']).to_owned()
    };
    let [jane, joe, ann] =
        ["jane@example.com", "joe@example.com", "ann@example.com"].map(pseudonym);
    assert!(
        jane.starts_with("EMAIL_") && jane != joe,
        "pseudonyms keep names apart"
    );
    for (input, expected) in [
        (
            r#"{"jane@example.com":1,"ann@example.com":2}"#,
            format!(r#"{{"{jane}":null,"{ann}":2}}"#),
        ),
        (
            r#"{"users":{"joe@example.com":{"x":1},"ann@example.com":{"x":1}}}"#,
            format!(r#"{{"users":{{"{ann}":{{"x":1}}}}}}"#),
        ),
        (
            r#"{"secret of joe@example.com":1 , "a":"\u0040", "123-45-6789":2 }"#,
            r#"{  "a":"\u0040", "[US_SSN]":2 }"#.to_owned(),
        ),
        (
            r#"{"s\u0065cret of joe@example.com":1, "b":{"joe\u0040example.com":2}}"#,
            format!(r#"{{ "b":{{"{joe}":2}}}}"#),
        ),
    ] {
        check_with(MEMBERS, input, &expected);
        check_with(MEMBERS, &expected, &expected);
    }
}

#[test]
fn names_count_like_values() {
    let tally = check_with(
        VALUES,
        r#"{"jane@example.com":"jane@example.com"}"#,
        r#"{"[EMAIL]":"[EMAIL]"}"#,
    );
    let counts: Vec<_> = tally.counts().iter().map(|count| count.number).collect();
    assert_eq!(counts, [2]);
    let places: Vec<_> = tally
        .findings
        .unwrap()
        .iter()
        .map(|finding| finding.offset)
        .collect();
    assert_eq!(places, [2, 21]);
    // A rule that only reports changes nothing.
    let reports = VALUES.replace(r#""name": "all""#, r#""name": "all", "mode": "report""#);
    let input = r#"{"jane@example.com":1,"joe\u0040example.com":2}"#;
    let tally = check_with(&reports, input, input);
    assert_eq!(
        tally.counts().iter().map(|count| count.number).sum::<u64>(),
        2
    );
}

#[test]
fn long_names_are_searched_in_windows() {
    for length in [200, 250, 1200, 1270, 1500, 1600, 5000, 50_000] {
        for rules in [VALUES, MEMBERS] {
            let plan = plan_of(rules);
            let name = format!(
                "secret {} jane@example.com {}",
                "a ".repeat(length / 2),
                "b ".repeat(length / 2)
            );
            let body = format!("{{\"x\":1 , \"{name}\":2,\"y\":3}}");
            let (whole, tally) = rewrite_with(&plan, true, body.as_bytes(), body.len());
            let text = String::from_utf8_lossy(&whole);
            assert!(!text.contains("jane@"), "{length}");
            assert_eq!(
                tally
                    .counts()
                    .iter()
                    .filter(|count| count.number == 1)
                    .count(),
                tally.counts().len()
            );
            serde_json::from_slice::<serde_json::Value>(&whole).unwrap();
            for size in [1, 7, 256, 1000, 4096] {
                let (pieces, _) = rewrite_with(&plan, true, body.as_bytes(), size);
                assert_eq!(
                    String::from_utf8_lossy(&pieces),
                    text,
                    "{length} in pieces of {size}"
                );
            }
        }
    }
}

#[test]
fn off_names_stay() {
    let input = r#"{"jane@example.com":{"ssn@example.com":123456789}}"#;
    let expected = r#"{"jane@example.com":{"ssn@example.com":"[US_SSN]"}}"#;
    check_with(&VALUES.replace("true", "false"), input, expected);
}

#[test]
fn in_documents_in_strings_too() {
    let rules = VALUES.replacen('{', r#"{"nested_json":true,"#, 1);
    check_with(
        &rules,
        r#"{"p":"{\"jane@example.com\":[1]}","ssn":"{\"123456789\":1}"}"#,
        r#"{"p":"{\"[EMAIL]\":[1]}","ssn":"{\"[US_SSN]\":1}"}"#,
    );
}

/// Documents with names in which something may be found.
fn documents() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "123456789",
        "\"jane@example.com\"",
        "\"x\"",
        "null",
    ]);
    let name = prop_oneof![
        Just(r"jane@example.com".to_owned()),
        Just(r"ssn of j\u006fe@example.com".to_owned()),
        Just("123-45-6789".to_owned()),
        Just("123456789".to_owned()),
        Just("+1 212 555 0147".to_owned()),
        Just("secret".to_owned()),
        Just("ssn".to_owned()),
        Just("phone".to_owned()),
        Just("[EMAIL]".to_owned()),
        Just("number".to_owned()),
        Just(r#"q\" a@b.com"#.to_owned()),
        Just("users".to_owned()),
        "[a-z@. ]{0,12}",
    ];
    leaf.prop_map(str::to_owned)
        .prop_recursive(4, 30, 4, move |inner| {
            let space = prop::sample::select(vec!["", " "]);
            let members = prop::collection::vec((name.clone(), inner.clone()), 0..4);
            prop_oneof![
                prop::collection::vec(inner, 0..3)
                    .prop_map(|items| format!("[{}]", items.join(","))),
                (members, space).prop_map(|(members, space)| {
                    let members: Vec<String> = members
                        .iter()
                        .map(|(name, value)| format!("{space}\"{name}\"{space}:{space}{value}"))
                        .collect();
                    format!("{{{}{space}}}", members.join(","))
                }),
            ]
        })
}

proptest! {
    #[test]
    fn chunks_make_no_difference(document in documents(), times in 1_usize..3, size in 1_usize..40, is_cut in any::<bool>()) {
        let mut body = document.repeat(times).into_bytes();
        if is_cut {
            body.truncate(body.len() / 2);
        }
        for rules in [VALUES, MEMBERS] {
            let plan = plan_of(rules);
            let (whole, tally) = rewrite_with(&plan, false, &body, body.len().max(1));
            let whole = String::from_utf8(whole).unwrap();
            for (runs, size) in [(true, size), (false, size), (true, body.len().max(1))] {
                let (pieces, counted) = rewrite_with(&plan, runs, &body, size);
                prop_assert_eq!(String::from_utf8_lossy(&pieces), &whole[..]);
                prop_assert_eq!(format!("{:?}", counted), format!("{:?}", tally));
            }
        }
    }

    #[test]
    fn valid_json_stays_valid_and_a_second_time_changes_nothing(document in documents()) {
        for rules in [VALUES, MEMBERS] {
            let plan = plan_of(rules);
            let (once, _) = rewrite_with(&plan, true, document.as_bytes(), document.len());
            let text = String::from_utf8(once).unwrap();
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
            let (twice, _) = rewrite_with(&plan, true, text.as_bytes(), text.len());
            prop_assert_eq!(String::from_utf8_lossy(&twice), text);
        }
    }
}
