use proptest::prelude::*;

use super::*;
use crate::action::{Action, Actions, Mask};
use crate::fields::{FieldPath, FieldRule, Selector};

fn scan_rules() -> Rc<ScanRules> {
    let mask = Action::Mask(Mask {
        keep_first: 0,
        keep_last: 4,
        character: '*',
    });
    Rc::new(ScanRules {
        wanted: Entity::ALL.to_vec(),
        actions: Actions {
            default: Action::Label,
            by_entity: vec![(Entity::CreditCard, mask)],
        },
    })
}

fn path(text: &str, action: FieldAction) -> FieldRule {
    FieldRule {
        selector: Selector::Path(FieldPath::parse(text).unwrap()),
        action,
    }
}

fn names(list: &[&str], action: FieldAction) -> FieldRule {
    let names = list.iter().map(|name| folded(name)).collect();
    FieldRule {
        selector: Selector::Names(names),
        action,
    }
}

fn field_rules() -> Vec<FieldRule> {
    vec![
        path("$.patients[*].notes", FieldAction::Remove),
        path("$..secret", FieldAction::Remove),
        path("$.list[1]", FieldAction::Remove),
        names(&["dob", "birth_date"], FieldAction::Null),
        names(&["password"], FieldAction::Replace("[\"x\"]".to_owned())),
    ]
}

fn rewrite_chunks<'c>(
    fields: Vec<FieldRule>,
    chunks: impl Iterator<Item = &'c [u8]>,
) -> (Vec<u8>, JsonRewriter) {
    let mut rewriter = JsonRewriter::new(scan_rules(), Rc::new(FieldRules::new(fields)));
    let mut out = Vec::new();
    for chunk in chunks {
        rewriter.write(chunk, &mut out);
        assert!(rewriter.held() <= 8_000, "held {}", rewriter.held());
    }
    rewriter.finish(&mut out);
    (out, rewriter)
}

fn rewrite(input: &[u8]) -> Vec<u8> {
    rewrite_chunks(field_rules(), std::iter::once(input)).0
}

/// Whole, byte by byte, and cut at every place: all must give the same.
fn check(input: &str, expected: &str) {
    let input = input.as_bytes();
    assert_eq!(String::from_utf8_lossy(&rewrite(input)), expected);
    let (bytewise, _) = rewrite_chunks(field_rules(), input.chunks(1));
    assert_eq!(String::from_utf8_lossy(&bytewise), expected, "byte by byte");
    for cut in 0..=input.len() {
        let (left, right) = input.split_at(cut);
        let (out, _) = rewrite_chunks(field_rules(), [left, right].into_iter());
        assert_eq!(String::from_utf8_lossy(&out), expected, "cut at {cut}");
    }
}

#[test]
fn values_are_redacted_and_the_rest_stays() {
    for (input, expected) in [
        (
            "{ \"email\" : \"jane@example.com\",\r\n\t\"n\":12345678901234567890.10, \"u\":\"\\u00e9\\/\" }",
            "{ \"email\" : \"[EMAIL]\",\r\n\t\"n\":12345678901234567890.10, \"u\":\"\\u00e9\\/\" }",
        ),
        (
            r#"{"c":"4111 1111 1111 1111"}"#,
            r#"{"c":"**** **** **** 1111"}"#,
        ),
        (
            r#"{"c":4111111111111111,"d":[4111111111111111]}"#,
            r#"{"c":"************1111","d":["************1111"]}"#,
        ),
        (
            r#"["Call 123-45-6789 now","x"]"#,
            r#"["Call [US_SSN] now","x"]"#,
        ),
        (
            r#"{"ssn":123456789,"id":123456789}"#,
            r#"{"ssn":"[US_SSN]","id":123456789}"#,
        ),
        (
            r#"{"ssn":["123456789",123456789]}"#,
            r#"{"ssn":["[US_SSN]","[US_SSN]"]}"#,
        ),
        (r#""jane\u0040example.com""#, r#""[EMAIL]""#),
        (r#""\u006aane@example\u002ecom\n""#, r#""[EMAIL]\n""#),
        (r#""\"jane@example.com\"""#, r#""\"[EMAIL]\"""#),
        (
            "\"\u{1f600}jane@example.com\u{1f600}\"",
            "\"\u{1f600}[EMAIL]\u{1f600}\"",
        ),
        (
            r#""\ud83d\ude00jane@example.com""#,
            r#""\ud83d\ude00[EMAIL]""#,
        ),
        ("4111111111111111", "\"************1111\""),
        (
            "{\"a\":1}\n{\"b\":\"jane@example.com\"}\n",
            "{\"a\":1}\n{\"b\":\"[EMAIL]\"}\n",
        ),
        ("\u{feff}[1]", "\u{feff}[1]"),
        (r#"{"jane@example.com":"x"}"#, r#"{"jane@example.com":"x"}"#),
        (
            r#"{"t":"2026-11-24T10:00:00Z","u":"550e8400-e29b-41d4-a716-446655440000"}"#,
            r#"{"t":"2026-11-24T10:00:00Z","u":"550e8400-e29b-41d4-a716-446655440000"}"#,
        ),
    ] {
        check(input, expected);
    }
}

#[test]
fn members_go_with_their_comma() {
    for (input, expected) in [
        (r#"{"secret":1,"a":2}"#, r#"{"a":2}"#),
        (r#"{"a":2,"secret":1}"#, r#"{"a":2}"#),
        (
            r#"{"a":1,"secret":{"x":[1,"}\""]},"b":2}"#,
            r#"{"a":1,"b":2}"#,
        ),
        (r#"{"secret":"x"}"#, "{}"),
        (
            r#"{"secret":"x","secret":[],"a":{"secret":null}}"#,
            r#"{"a":{}}"#,
        ),
        ("{ \"secret\" : 1 , \"a\" : 2 }", "{  \"a\" : 2 }"),
        ("{ \"a\" : 2 , \"secret\" : true }", "{ \"a\" : 2  }"),
        (r#"{"s\u0065cret":1,"a":2}"#, r#"{"a":2}"#),
        (
            r#"{"patients":[{"notes":"n","id":1},{"id":2,"notes":null}],"notes":"stay"}"#,
            r#"{"patients":[{"id":1},{"id":2}],"notes":"stay"}"#,
        ),
        (r#"{"list":[1,2,3]}"#, r#"{"list":[1,3]}"#),
        (r#"{"list":[1, {"a":2} , 3]}"#, r#"{"list":[1 , 3]}"#),
        (
            r#"{"dob":"1970-01-01","Birth-Date":{"y":1970},"password":5}"#,
            r#"{"dob":null,"Birth-Date":null,"password":"[\"x\"]"}"#,
        ),
        (
            r#"[{"dob":1},{"dob":[[]]}]"#,
            r#"[{"dob":null},{"dob":null}]"#,
        ),
        ("{ }", "{ }"),
        ("[ ]", "[ ]"),
        (r#"{"a":[],"b":{}}"#, r#"{"a":[],"b":{}}"#),
    ] {
        check(input, expected);
    }
}

#[test]
fn what_is_no_json_is_scanned_as_text() {
    for (input, expected) in [
        ("hello jane@example.com", "hello [EMAIL]"),
        ("jane@example.com", "[EMAIL]"),
        ("5@example.com", "[EMAIL]"),
        ("a=4111 1111 1111 1111", "a=**** **** **** 1111"),
        ("4111 1111 1111 1111 is mine", "**** **** **** 1111 is mine"),
        (r#"{"a":1,}jane@example.com"#, r#"{"a":1,}[EMAIL]"#),
        (r#"{"a" "jane@example.com"}"#, r#"{"a" "[EMAIL]"}"#),
        (
            r#"{"a":[1}, "b":"jane\u0040example.com"}"#,
            r#"{"a":[1}, "b":"[EMAIL]"}"#,
        ),
        (r#"{"secret":}"#, r#"{"secret":}"#),
        (r#"{"a":"jane@example.com"#, r#"{"a":"[EMAIL]"#),
        (r#"{"a":"x\"#, r#"{"a":"x\"#),
        (r#"{"a":"x\u00"#, r#"{"a":"x\u00"#),
        (
            r#"{"a":"x\u00","b":"jane@example.com"}"#,
            r#"{"a":"x\u00","b":"[EMAIL]"}"#,
        ),
        (r#"{"a":"x\q jane@example.com"}"#, r#"{"a":"x\q [EMAIL]"}"#),
        (r#"{'a':'jane@example.com'}"#, r#"{'a':'[EMAIL]'}"#),
    ] {
        check(input, expected);
    }
    let (_, rewriter) = rewrite_chunks(Vec::new(), std::iter::once(&b"{]"[..]));
    assert!(rewriter.is_malformed());
}

#[test]
fn nothing_is_held_at_the_end_of_a_document() {
    for document in [r#"{"a":"jane@example.com"}"#, "[1,2,3]", r#"{"secret":1}"#] {
        let mut rewriter = JsonRewriter::new(scan_rules(), Rc::new(FieldRules::new(field_rules())));
        rewriter.write(document.as_bytes(), &mut Vec::new());
        assert_eq!(rewriter.held(), 0, "{document}");
    }
}

#[test]
fn hostile_documents_stay_bounded() {
    for document in [
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        " ".repeat(100_000),
        format!("[{}1]", " ".repeat(100_000)),
        format!("{{\"{}\":1}}", "n".repeat(100_000)),
        format!("[{}]", "1".repeat(100_000)),
        format!("\"{}\"", "a".repeat(100_000)),
        format!("\"{}\"", "\\u0061".repeat(100_000)),
        format!("\"{}\"", "a@".repeat(20_000)),
        format!("\"{}\"", "1 ".repeat(20_000)),
    ] {
        let (out, _) = rewrite_chunks(field_rules(), document.as_bytes().chunks(997));
        assert_eq!(out.len(), document.len());
    }
}

/// JSON with personal data, look-alikes and members of all rules in it.
fn documents() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("4111111111111111".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("1.50e+3".to_owned()),
        "[a-z0-9@. \\-]{0,24}".prop_map(|text| format!("{text:?}")),
        Just(r#""x jane\u0040example.com y""#.to_owned()),
        Just(r#""ä 123-45-6789 \"q\" 5555 5555 5555 4444""#.to_owned()),
    ];
    let name = prop_oneof![
        Just("secret"),
        Just("dob"),
        Just("ssn"),
        Just("patients"),
        Just("notes"),
        Just("list"),
        Just("a"),
        Just("password"),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let space = prop_oneof![Just(""), Just(" "), Just("\n\t")];
        prop_oneof![
            (
                proptest::collection::vec(inner.clone(), 0..5),
                space.clone()
            )
                .prop_map(|(items, space)| format!(
                    "[{space}{}{space}]",
                    items.join(&format!("{space},{space}"))
                )),
            (
                proptest::collection::vec((name.clone(), inner), 0..5),
                space
            )
                .prop_map(|(members, space)| {
                    let members: Vec<String> = members
                        .iter()
                        .map(|(name, value)| format!("\"{name}\"{space}:{space}{value}"))
                        .collect();
                    format!(
                        "{{{space}{}{space}}}",
                        members.join(&format!("{space},{space}"))
                    )
                }),
        ]
    })
}

proptest! {
    #[test]
    fn chunks_make_no_difference(document in documents(), cuts in proptest::collection::vec(1_usize..20, 1..20)) {
        let whole = rewrite(document.as_bytes());
        let mut rest = document.as_bytes();
        let mut chunks = Vec::new();
        for cut in cuts.iter().cycle() {
            let (chunk, after) = rest.split_at((*cut).min(rest.len()));
            chunks.push(chunk);
            rest = after;
            if rest.is_empty() { break; }
        }
        prop_assert_eq!(rewrite_chunks(field_rules(), chunks.into_iter()).0, whole);
    }

    #[test]
    fn valid_json_stays_valid_and_a_second_time_changes_nothing(document in documents()) {
        // Removing an item by its place moves the others there, so that rule is left out.
        let fields = || field_rules().into_iter().filter(|rule| *rule != path("$.list[1]", FieldAction::Remove)).collect();
        let rewrite = |input: &[u8]| rewrite_chunks(fields(), std::iter::once(input)).0;
        let once = rewrite(document.as_bytes());
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&once).is_ok(), "{}", String::from_utf8_lossy(&once));
        prop_assert_eq!(rewrite(&once), once);
    }

    #[test]
    fn without_a_match_every_byte_stays(bytes in proptest::collection::vec(any::<u8>(), 0..300), size in 1_usize..40) {
        let nothing = Rc::new(ScanRules::default());
        let fields = vec![path("$.never.there", FieldAction::Remove)];
        let mut rewriter = JsonRewriter::new(nothing, Rc::new(FieldRules::new(fields)));
        let mut out = Vec::new();
        for chunk in bytes.chunks(size) {
            rewriter.write(chunk, &mut out);
        }
        rewriter.finish(&mut out);
        prop_assert_eq!(out, bytes);
    }

    #[test]
    fn broken_json_keeps_its_bytes_too(text in "[\\[\\]{}:,\"a1 \\\\u-]{0,60}") {
        let fields = vec![path("$.never.there", FieldAction::Remove)];
        let (out, _) = rewrite_chunks(fields, text.as_bytes().chunks(3));
        prop_assert_eq!(String::from_utf8_lossy(&out), text);
    }
}
