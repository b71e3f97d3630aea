use proptest::prelude::*;

use super::*;
use crate::fixtures::plan_of;

/// Kinds, masks and members of every sort.
const RULES: &str = r#"{
    "rules": [{
        "name": "all",
        "detect": ["EMAIL", "CREDIT_CARD", "US_SSN"],
        "fields": [
            { "path": "$.patients[*].notes", "action": "remove" },
            { "path": "$..secret", "action": "remove" },
            { "path": "$.list[1]", "action": "remove" },
            { "name": ["dob", "birth_date"], "action": "null" },
            { "name": "password", "action": { "replace": "[\"x\"]" } },
            { "words": "masked", "action": { "mask": { "keep_last": 2 } } }
        ]
    }],
    "actions": { "CREDIT_CARD": { "mask": { "keep_last": 4 } }, "default": "label" }
}"#;

/// A path that leads nowhere, and nothing to find.
const NOTHING: &str = r#"{"rules":[{"fields":[{"path":"$.never.there","action":"remove"}]}]}"#;

fn rewrite_chunks<'c>(
    plan: &Rc<Plan>,
    chunks: impl Iterator<Item = &'c [u8]>,
) -> (Vec<u8>, JsonRewriter) {
    let mut rewriter = JsonRewriter::new(Rc::clone(plan));
    let (mut out, mut tally) = (Vec::new(), Tally::default());
    for chunk in chunks {
        rewriter.write(chunk, &mut out, &mut tally);
        assert!(rewriter.held() <= 18_000, "held {}", rewriter.held());
    }
    rewriter.finish(&mut out, &mut tally);
    (out, rewriter)
}

fn rewrite(input: &[u8]) -> Vec<u8> {
    rewrite_chunks(&plan_of(RULES), std::iter::once(input)).0
}

/// Whole, byte by byte, and cut at every place: all must give the same.
pub(in crate::json) fn check_with(rules: &str, input: &str, expected: &str) {
    let plan = plan_of(rules);
    let input = input.as_bytes();
    let (whole, _) = rewrite_chunks(&plan, std::iter::once(input));
    assert_eq!(String::from_utf8_lossy(&whole), expected);
    let (bytewise, _) = rewrite_chunks(&plan, input.chunks(1));
    assert_eq!(String::from_utf8_lossy(&bytewise), expected, "byte by byte");
    for cut in 0..=input.len() {
        let (left, right) = input.split_at(cut);
        let (out, _) = rewrite_chunks(&plan, [left, right].into_iter());
        assert_eq!(String::from_utf8_lossy(&out), expected, "cut at {cut}");
    }
}

fn check(input: &str, expected: &str) {
    check_with(RULES, input, expected);
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
            "[-4111111111111111,4111111111111111.0]",
            "[\"************1111\",\"************1111\"]",
        ),
        (
            "[1.4111111111111111,-12,1e9,0.5]",
            "[1.4111111111111111,-12,1e9,0.5]",
        ),
        ("536-22-8145\n", "[US_SSN]\n"),
        ("[536-22-8145]", "[[US_SSN]]"),
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
    let (_, rewriter) = rewrite_chunks(&plan_of(RULES), std::iter::once(&b"{]"[..]));
    assert!(rewriter.malformed().is_some());
}

#[test]
fn what_is_around_a_malformed_spot_goes_on() {
    let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(600), "]".repeat(600));
    for (input, expected) in [
        (
            format!(
                r#"[{{"x":{}}},{{"secret":1,"a":2}}]"#,
                deep(r#""jane@example.com","]\"""#)
            ),
            format!(r#"[{{"x":{}}},{{"a":2}}]"#, deep(r#""[EMAIL]","]\"""#)),
        ),
        (
            r#"[{"x":1} {"secret":1,"a":2}]"#.to_owned(),
            r#"[{"x":1} {"a":2}]"#.to_owned(),
        ),
        (
            r#"{"x":"1" "dob":1,"b":2}"#.to_owned(),
            r#"{"x":"1" "dob":null,"b":2}"#.to_owned(),
        ),
        (
            r#"{"x":1}} {"secret":1,"a":2}"#.to_owned(),
            r#"{"x":1}} {"a":2}"#.to_owned(),
        ),
        (
            r#"{"i":ObjectId("jane@example.com"),"secret":L(2),"d":new Date (1),"b":[T(")", 2), X(y(1))],"dob":1}"#.to_owned(),
            r#"{"i":ObjectId("[EMAIL]"),"d":new Date (1),"b":[T(")", 2), X(y(1))],"dob":null}"#.to_owned(),
        ),
        (
            r#"{"secret":new Date("S3"),"dob":new Date(1) ,"email":u"jane@example.com","c":4111111111111111n}"#.to_owned(),
            r#"{"dob":null ,"email":u"[EMAIL]","c":"************1111"}"#.to_owned(),
        ),
        (
            "{\u{a0}\"x\"\u{a0}:\u{3000}1\u{a0},\u{feff}\"secret\":\u{a0}[1]\u{b},\u{2028}'a':2}".to_owned(),
            "{\u{a0}\"x\"\u{a0}:\u{3000}1\u{a0}\u{b},\u{2028}'a':2}".to_owned(),
        ),
    ] {
        let plan = plan_of(RULES);
        let (out, rewriter) = rewrite_chunks(&plan, std::iter::once(input.as_bytes()));
        assert_eq!(String::from_utf8_lossy(&out), expected);
        assert!(rewriter.malformed().is_some(), "{input}");
        let (out, _) = rewrite_chunks(&plan, input.as_bytes().chunks(1));
        assert_eq!(String::from_utf8_lossy(&out), expected, "byte by byte");
    }
}

#[test]
fn nothing_is_held_at_the_end_of_a_document() {
    for document in [r#"{"a":"jane@example.com"}"#, "[1,2,3]", r#"{"secret":1}"#] {
        let mut rewriter = JsonRewriter::new(plan_of(RULES));
        rewriter.write(document.as_bytes(), &mut Vec::new(), &mut Tally::default());
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
        let (out, _) = rewrite_chunks(&plan_of(RULES), document.as_bytes().chunks(997));
        assert_eq!(out.len(), document.len());
    }
}

#[test]
fn only_what_is_allowed_passes() {
    let rules = r#"{"rules":[{"allow_fields":["$.patients[*].id","$.patients[*].name","$.total","$.deep.*","$..keep"]}]}"#;
    for (input, expected) in [
        (
            r#"{"patients":[{"id":1,"ssn":"x","name":{"a":1}},{"ssn":2}],"total":2,"debug":{"a":[1]}}"#,
            r#"{"patients":[{"id":1,"name":{"a":1}},{}],"total":2,"debug":{"a":[]}}"#,
        ),
        (r#"{"x":1,"total":2,"y":3}"#, r#"{"total":2}"#),
        (r#"{ "x" : 1 , "y" : [ 1 , 2 ] }"#, r#"{  "y" : [  ] }"#),
        (r#"{"patients":"Jane"}"#, "{}"),
        (
            r#"{"deep":{"a":1,"b":{"c":2}}}"#,
            r#"{"deep":{"a":1,"b":{"c":2}}}"#,
        ),
        (r#"{"a":{"keep":1,"b":2}}"#, r#"{"a":{"keep":1}}"#),
        ("\"Jane\"", "null"),
        ("42\n", "null\n"),
        (r#"[1,{"keep":"x"},2]"#, r#"[{"keep":"x"}]"#),
    ] {
        check_with(rules, input, expected);
    }
}

#[test]
fn actions_on_whole_values() {
    let rules = r#"{"rules":[{"detect":["PERSON_NAME","PERSON_DATE","AGE","POSTAL_CODE","GEO_COORDINATE","CARD_CVV"],
        "fields":[{"name":"ref","action":{"mask":{"keep_last":3}}},{"path":"$.all","action":"label"}]}],
        "actions":{"PERSON_DATE":{"date":"year"},"AGE":"age_cap","POSTAL_CODE":"zip3","GEO_COORDINATE":{"decimals":1},"CARD_CVV":"null"}}"#;
    for (input, expected) in [
        (
            r#"{"firstName":"Jane","product":{"name":"Cup"}}"#,
            r#"{"firstName":"[PERSON_NAME]","product":{"name":"Cup"}}"#,
        ),
        (
            r#"{"user":{"name":"J\u00e4ne"}}"#,
            r#"{"user":{"name":"[PERSON_NAME]"}}"#,
        ),
        (
            r#"{"name":{"first":"Jane"}}"#,
            r#"{"name":{"first":"[PERSON_NAME]"}}"#,
        ),
        (
            r#"{"dob":"1970-05-06","age":97,"zip":94110}"#,
            r#"{"dob":"1970","age":90,"zip":941}"#,
        ),
        (
            r#"{"age":42,"lat":52.5200,"lng":"-13.4050"}"#,
            r#"{"age":42,"lat":52.5,"lng":"-13.4"}"#,
        ),
        (
            r#"{"cvv":"123","card":{"cvc":456}}"#,
            r#"{"cvv":null,"card":{"cvc":null}}"#,
        ),
        (r#"{"ref":"AB-123-456"}"#, r#"{"ref":"**-***-456"}"#),
        (
            r#"{"ref":["12345678",12345678]}"#,
            r#"{"ref":["*****678","*****678"]}"#,
        ),
        (
            r#"{"all":{"a":"x","b":[1,true,null]}}"#,
            r#"{"all":{"a":"[FIELD]","b":["[FIELD]",true,null]}}"#,
        ),
        (r#"{"firstName":""}"#, r#"{"firstName":""}"#),
    ] {
        check_with(rules, input, expected);
    }
    let long = format!(r#"{{"firstName":"{}","x":1}}"#, "a".repeat(10_000));
    let (out, _) = rewrite_chunks(&plan_of(rules), long.as_bytes().chunks(100));
    assert_eq!(
        String::from_utf8_lossy(&out),
        r#"{"firstName":"[PERSON_NAME]","x":1}"#
    );
}

#[test]
fn the_longest_whole_value_is_the_same_however_it_is_cut() {
    let plan =
        plan_of(r#"{"rules":[{"detect":["PERSON_NAME"]}],"actions":{"PERSON_NAME":{"mask":{}}}}"#);
    for length in 4080..4100 {
        let document = format!(r#"{{"firstName":"{}"}}"#, "a".repeat(length));
        let (whole, _) = rewrite_chunks(&plan, std::iter::once(document.as_bytes()));
        for size in [1, 13, 4096] {
            let (pieces, _) = rewrite_chunks(&plan, document.as_bytes().chunks(size));
            assert_eq!(pieces, whole, "{length} in pieces of {size}");
        }
    }
}

#[test]
fn keys_and_tokens_go_to_their_end() {
    let rules = r#"{"presets":["secrets"]}"#;
    let key = format!(
        "-----BEGIN PRIVATE KEY-----\\n{}-----END PRIVATE KEY-----",
        "MIIBVQIBADAN\\n".repeat(20)
    );
    check_with(
        rules,
        &format!(r#"{{"k":"{key}\n","x":1}}"#),
        r#"{"k":"[PRIVATE_KEY]\n","x":1}"#,
    );
    let long = format!(
        "x -----BEGIN RSA PRIVATE KEY-----{}-----END RSA PRIVATE KEY----- y",
        "ABCD".repeat(4000)
    );
    let document = format!(r#"{{"k":"{long}","x":1}}"#);
    let (whole, _) = rewrite_chunks(&plan_of(rules), std::iter::once(document.as_bytes()));
    assert!(
        !String::from_utf8_lossy(&whole).contains("ABCDABCD"),
        "{}",
        String::from_utf8_lossy(&whole)
    );
    assert!(
        whole.ends_with(b" y\",\"x\":1}"),
        "{}",
        String::from_utf8_lossy(&whole)
    );
    assert_eq!(
        String::from_utf8_lossy(&whole),
        r#"{"k":"x [PRIVATE_KEY] y","x":1}"#
    );
    let (pieces, _) = rewrite_chunks(&plan_of(rules), document.as_bytes().chunks(777));
    assert_eq!(whole, pieces);
    // A beginning without an end takes its string, and nothing else.
    check_with(
        rules,
        r#"["-----BEGIN PRIVATE KEY-----AAAA","stays"]"#,
        r#"["[PRIVATE_KEY]","stays"]"#,
    );
    let token = format!("eyJhbGciOiJIUzI1NiJ9.{}.sig", "abcd".repeat(4000));
    let document = format!(r#"["{token} y"]"#);
    let (whole, _) = rewrite_chunks(&plan_of(rules), std::iter::once(document.as_bytes()));
    assert_eq!(String::from_utf8_lossy(&whole), r#"["[JWT] y"]"#);
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
        prop_assert_eq!(rewrite_chunks(&plan_of(RULES), chunks.into_iter()).0, whole);
    }

    #[test]
    fn valid_json_stays_valid_and_a_second_time_changes_nothing(document in documents()) {
        // Removing an item by its place moves the others there, so that rule is left out.
        let plan = plan_of(&RULES.replace(r#"{ "path": "$.list[1]", "action": "remove" },"#, ""));
        let rewrite = |input: &[u8]| rewrite_chunks(&plan, std::iter::once(input)).0;
        let once = rewrite(document.as_bytes());
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&once).is_ok(), "{}", String::from_utf8_lossy(&once));
        prop_assert_eq!(rewrite(&once), once);
    }

    #[test]
    fn without_a_match_every_byte_stays(bytes in proptest::collection::vec(any::<u8>(), 0..300), size in 1_usize..40) {
        let (out, _) = rewrite_chunks(&plan_of(NOTHING), bytes.chunks(size));
        prop_assert_eq!(out, bytes);
    }

    #[test]
    fn broken_json_keeps_its_bytes_too(text in "[\\[\\]{}:,\"a1 \\\\u-]{0,60}") {
        let (out, _) = rewrite_chunks(&plan_of(NOTHING), text.as_bytes().chunks(3));
        prop_assert_eq!(String::from_utf8_lossy(&out), text);
    }
}

#[test]
fn json5_is_read() {
    for (input, expected) in [
        // Comments, wherever white space may stand.
        (
            "// jane@example.com\n{/* jane@example.com */\"secret\":1, // x\n \"a\"/**/:/*b*/2/**/,\"secret\"/*x*/:/*y*/3,\"b\":4}",
            "// [EMAIL]\n{ // x\n \"a\"/**/:/*b*/2/**/,\"b\":4}",
        ),
        (
            "{\"secret\":[1, // ] } \"\n 2, /* ' */ '}'], \"a\": [/* ] */ 1 /* * / **/, // jane@example.com\r\n2]}",
            "{ \"a\": [/* ] */ 1 /* * / **/, // [EMAIL]\r\n2]}",
        ),
        // Names without quotes, and with single ones.
        (
            "{secret: 1, a: 'x', $b_1 : 2, 'secret': 3, 'c': 4}",
            "{ a: 'x', $b_1 : 2, 'c': 4}",
        ),
        (
            "{dob: 'x', birthDate: 1, \u{e4}\u{f6}: 1}",
            "{dob: null, birthDate: null, \u{e4}\u{f6}: 1}",
        ),
        // Strings with single quotes.
        (
            "{\"a\": 'say \"jane@example.com\" isn\\'t', password: 'x', maskedId: 'ab-1234', secret: 'a\\'}', b: 1}",
            "{\"a\": 'say \"[EMAIL]\" isn\\'t', password: \"[\\\"x\\\"]\", maskedId: \"**-**34\", b: 1}",
        ),
        // Commas behind the last child.
        (
            "{\"a\":[1,2,],\"b\":{\"c\":1,},}",
            "{\"a\":[1,2,],\"b\":{\"c\":1,},}",
        ),
        ("{\"secret\":1,}", "{}"),
        ("{\"a\":1,\"secret\":1,}", "{\"a\":1,}"),
        (
            "{\"list\":[0,1,],\"b\":[\"jane@example.com\" , ]}",
            "{\"list\":[0,],\"b\":[\"[EMAIL]\" , ]}",
        ),
    ] {
        check(input, expected);
        let (_, rewriter) = rewrite_chunks(&plan_of(RULES), std::iter::once(input.as_bytes()));
        assert_eq!(rewriter.malformed(), None, "{input}");
        // Without rules about members, names and commas leave as they come.
        let detect = r#"{"rules":[{"detect":["EMAIL"]}]}"#;
        check_with(detect, input, &input.replace("jane@example.com", "[EMAIL]"));
        check_with(NOTHING, input, input);
    }
    let only = r#"{"rules":[{"allow_fields":["$.a"]}]}"#;
    check_with(only, "{/* jane */ a: 1, // Doe\n b: 2}", "{ a: 1}");
}

#[test]
fn what_only_begins_like_a_member_is_text() {
    for (input, expected) in [
        ("{\"jane@example.com\"}", "{\"[EMAIL]\"}"),
        (
            "{\"a\":1,\"jane@example.com\" , 2}",
            "{\"a\":1,\"[EMAIL]\" , 2}",
        ),
        ("{jane@example.com}", "{[EMAIL]}"),
        ("{ jane.doe@example.com likes it", "{ [EMAIL] likes it"),
        ("{'jane@example.com' likes", "{'[EMAIL]' likes"),
        ("{\"jane@example.com", "{\"[EMAIL]"),
        ("{'jane@example.com", "{'[EMAIL]"),
        ("{jane", "{jane"),
        ("{\"a\": 1 /", "{\"a\": 1 /"),
        ("{/jane@example.com", "{/[EMAIL]"),
        ("{// jane@example.com", "{// [EMAIL]"),
        ("{/* jane@example.com *", "{/* [EMAIL] *"),
        ("{it's of jane@example.com", "{it's of [EMAIL]"),
        ("{{ jane@example.com }}", "{{ [EMAIL] }}"),
        ("{\"a\\u0062\" jane@example.com", "{\"a\\u0062\" [EMAIL]"),
    ] {
        for rules in [RULES, r#"{"rules":[{"detect":["EMAIL"]}]}"#] {
            check_with(rules, input, expected);
        }
    }
}

#[test]
fn payments_and_vaults_name_what_is_theirs() {
    let config = r#"{"presets":["gdpr","hipaa","secrets"]}"#;
    for (input, expected) in [
        (
            r#"{"creditorName":"John Miles","debtorName":"Paul Simpson"}"#,
            r#"{"creditorName":"[PERSON_NAME]","debtorName":"[PERSON_NAME]"}"#,
        ),
        (
            r#"{"InitgPty":{"Nm":"Jane Doe"},"CtctDtls":{"Nm":"Jane Doe"}}"#,
            r#"{"InitgPty":{"Nm":"[PERSON_NAME]"},"CtctDtls":{"Nm":"[PERSON_NAME]"}}"#,
        ),
        (
            r#"{"PstlAdr":{"StrtNm":"5 Baker Lane","BldgNb":"12","TwnNm":"Leeds","Ctry":"GB"}}"#,
            r#"{"PstlAdr":{"StrtNm":"[STREET_ADDRESS]","BldgNb":"[STREET_ADDRESS]","TwnNm":"[CITY]","Ctry":"GB"}}"#,
        ),
        (
            r#"{"auth":{"client_token":"s.Zx81"},"client_token":"a1b2c3d4"}"#,
            r#"{"auth":{"client_token":"[API_KEY]"},"client_token":"a1b2c3d4"}"#,
        ),
        (
            r#"{"unseal_keys_b64":["a1b2c3d4"],"root_token":"a1b2c3d4"}"#,
            r#"{"unseal_keys_b64":["[API_KEY]"],"root_token":"[API_KEY]"}"#,
        ),
    ] {
        check_with(config, input, expected);
    }
}
