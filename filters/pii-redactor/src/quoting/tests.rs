use crate::fixtures::{assert_redacts, plan_of, redacted_in_pieces};

const PRESETS: &str = r#"{"presets":["gdpr","pci"]}"#;

#[test]
fn members_of_documents_in_texts_stay_values() {
    let plan = plan_of(PRESETS);
    assert_redacts(
        &plan,
        "text/html",
        &[
            (
                r#"<script id="__NEXT_DATA__" type="application/json">{"props":{"ssn":536228145,"phone": 4155550123,"n":[4111111111111111,1]}}</script>"#,
                r#"<script id="__NEXT_DATA__" type="application/json">{"props":{"ssn":"[US_SSN]","phone": "[PHONE]","n":["[CREDIT_CARD]",1]}}</script>"#,
            ),
            (
                r#"<div data-page="{&quot;ssn&quot;:536228145}">x</div>"#,
                r#"<div data-page="{&quot;ssn&quot;:&quot;[US_SSN]&quot;}">x</div>"#,
            ),
            (
                r#"<script>push([1,"{\"ssn\":536228145,\"a\":1}"])</script>"#,
                r#"<script>push([1,"{\"ssn\":\"[US_SSN]\",\"a\":1}"])</script>"#,
            ),
        ],
    );
    assert_redacts(
        &plan,
        "application/javascript",
        &[
            (r#"cb({"ssn":536228145});"#, r#"cb({"ssn":"[US_SSN]"});"#),
            (r#"cb({'ssn':536228145});"#, r#"cb({'ssn':'[US_SSN]'});"#),
            (
                r#"cb({"n":-4111111111111111.0,"a":1});"#,
                r#"cb({"n":"-[CREDIT_CARD].0","a":1});"#,
            ),
        ],
    );
    assert_redacts(
        &plan,
        "application/json",
        &[(
            r#"{"payload":"{\"n\":4111111111111111}"}"#,
            r#"{"payload":"{\"n\":\"[CREDIT_CARD]\"}"}"#,
        )],
    );
    assert_redacts(
        &plan,
        "application/x-www-form-urlencoded",
        &[(
            "payload=%7B%22n%22%3A4111111111111111%7D",
            "payload=%7B%22n%22%3A%22%5BCREDIT_CARD%5D%22%7D",
        )],
    );
    assert_redacts(
        &plan,
        "text/html",
        &[
            (
                "<script>var u={a: 1, phone:4155550123, ssn: 536228145};let phone = 4155550123;</script>",
                "<script>var u={a: 1, phone:'[PHONE]', ssn: '[US_SSN]'};let phone = '[PHONE]';</script>",
            ),
            (
                "<i onclick=\"f({phone: 4155550123})\">phone: 4155550123</i>",
                "<i onclick=\"f({phone: '[PHONE]'})\">phone: [PHONE]</i>",
            ),
        ],
    );
    // In prose, and behind a quoted word that ends a sentence, nothing is a member.
    assert_redacts(
        &plan,
        "text/plain",
        &[
            ("SSN: 536228145, bye", "SSN: [US_SSN], bye"),
            ("a, phone: 4155550123, b", "a, phone: [PHONE], b"),
            (
                "he said \"ssn\": 536228145 then",
                "he said \"ssn\": [US_SSN] then",
            ),
        ],
    );
}

#[test]
fn values_of_programs_and_statements_stay_values() {
    let plan = plan_of(PRESETS);
    assert_redacts(
        &plan,
        "application/javascript",
        &[
            ("f(4111111111111111);", "f('[CREDIT_CARD]');"),
            (
                "g(1, x, 4111111111111111, \"y, z\")",
                "g(1, x, '[CREDIT_CARD]', \"y, z\")",
            ),
            (
                "f(\"a b\", 4111111111111111n)",
                "f(\"a b\", '[CREDIT_CARD]n')",
            ),
            (
                "const l = [4111111111111111, 2, 5500000000000004];",
                "const l = ['[CREDIT_CARD]', 2, '[CREDIT_CARD]'];",
            ),
            ("a[4111111111111111]=1", "a['[CREDIT_CARD]']=1"),
            ("return 4111111111111111;", "return '[CREDIT_CARD]';"),
            (
                "if (a === 4111111111111111) {}",
                "if (a === '[CREDIT_CARD]') {}",
            ),
            ("x = 4111111111111111;", "x = '[CREDIT_CARD]';"),
            (
                "switch(x){case 4111111111111111: y}",
                "switch(x){case '[CREDIT_CARD]': y}",
            ),
            (
                "rows = [(1, 4111111111111111)]",
                "rows = [(1, '[CREDIT_CARD]')]",
            ),
            ("f(-4111111111111111)", "f('-[CREDIT_CARD]')"),
        ],
    );
    assert_redacts(
        &plan,
        "application/sql",
        &[
            (
                "INSERT INTO t VALUES (1, 4111111111111111);",
                "INSERT INTO t VALUES (1, '[CREDIT_CARD]');",
            ),
            (
                "INSERT INTO t (a,b) VALUES (1,'x y',4111111111111111),(2,NULL, 5500000000000004);",
                "INSERT INTO t (a,b) VALUES (1,'x y','[CREDIT_CARD]'),(2,NULL, '[CREDIT_CARD]');",
            ),
            (
                "SELECT * FROM t WHERE pan = 4111111111111111 AND n IN (5500000000000004, 2)",
                "SELECT * FROM t WHERE pan = '[CREDIT_CARD]' AND n IN ('[CREDIT_CARD]', 2)",
            ),
            (
                "UPDATE t SET pan=4111111111111111, x=1",
                "UPDATE t SET pan='[CREDIT_CARD]', x=1",
            ),
            ("x <> 4111111111111111", "x <> '[CREDIT_CARD]'"),
        ],
    );
    assert_redacts(
        &plan,
        "text/html",
        &[(
            "<i onclick='f(4111111111111111)'>",
            "<i onclick='f(\"[CREDIT_CARD]\")'>",
        )],
    );
    // Sentences and lines of logs have no values of a program.
    assert_redacts(
        &plan,
        "text/plain",
        &[
            (
                "paid (by card 12, 4111111111111111) today",
                "paid (by card 12, [CREDIT_CARD]) today",
            ),
            ("card (4111111111111111)", "card ([CREDIT_CARD])"),
            ("card=4111111111111111, x=2", "card=[CREDIT_CARD], x=2"),
            ("card=4111111111111111;x=2", "card=[CREDIT_CARD];x=2"),
            ("[card](4111111111111111)", "[card]([CREDIT_CARD])"),
            (
                "cards 1, 4111111111111111, and 5500000000000004.",
                "cards 1, [CREDIT_CARD], and [CREDIT_CARD].",
            ),
        ],
    );
}

#[test]
fn values_of_yaml_and_toml_stay_values() {
    let plan = plan_of(PRESETS);
    assert_redacts(
        &plan,
        "application/yaml",
        &[
            (
                "mail: jane@example.com is it's # a\nn: 1\n",
                "mail: '[EMAIL] is it''s' # a\nn: 1\n",
            ),
            ("mail: jane@example.com\n", "mail: \"[EMAIL]\"\n"),
            ("? jane@example.com\n: 1\n", "? \"[EMAIL]\"\n: 1\n"),
            (
                "mail:\n  jane@example.com\nx: 1\n",
                "mail:\n  \"[EMAIL]\"\nx: 1\n",
            ),
            (
                "list: [\n  a,\n  jane@example.com\n]\n",
                "list: [\n  a,\n  \"[EMAIL]\"\n]\n",
            ),
            (
                "text: |\n  jane@example.com\n  jane@example.com says\n",
                "text: |\n  [EMAIL]\n  [EMAIL] says\n",
            ),
            ("- jane@example.com\r\n", "- \"[EMAIL]\"\r\n"),
            (
                "list: [jane@example.com, x, joe@example.com]\n",
                "list: [\"[EMAIL]\", x, \"[EMAIL]\"]\n",
            ),
            ("mail: \"jane@example.com\"\n", "mail: \"[EMAIL]\"\n"),
            (
                "list: [\"ask, jane@example.com, or\"]\n",
                "list: [\"ask, [EMAIL], or\"]\n",
            ),
            ("card: 4111111111111111\n", "card: \"[CREDIT_CARD]\"\n"),
            ("jane@example.com: 1\n  x: y\n", "\"[EMAIL]\": 1\n  x: y\n"),
            (
                "a: {b: jane@example.com, c: 1}\n",
                "a: {b: \"[EMAIL]\", c: 1}\n",
            ),
            ("  b: jane@example.com,\n", "  b: \"[EMAIL]\",\n"),
            (
                "a: \"ask: jane@example.com now\"\n",
                "a: \"ask: [EMAIL] now\"\n",
            ),
            (
                "a: jane@example.com x # joe@example.com\n",
                "a: '[EMAIL] x' # [EMAIL]\n",
            ),
            (
                "note: write to jane@example.com\n",
                "note: write to [EMAIL]\n",
            ),
        ],
    );
    assert_redacts(
        &plan,
        "application/toml",
        &[(
            "ssn = 536228145\ndob = 1980-01-02\n",
            "ssn = \"[US_SSN]\"\ndob = \"[PERSON_DATE]\"\n",
        )],
    );
    assert_redacts(
        &plan,
        "text/ldif",
        &[(
            "dn: ou=people\nmail: jane@example.com\n",
            "dn: ou=people\nmail: [EMAIL]\n",
        )],
    );
}

/// A long document is searched in windows, and a value may stand at the edge of one.
#[test]
fn values_at_the_edges_of_windows_get_the_same_quotes() {
    let plan = plan_of(PRESETS);
    let page = (
        "text/html",
        r#"<i>{"ssn":536228145,"a":-4111111111111111.0,"phone": 4155550123,"n":[4111111111111111,1]} "#,
        r#"<i>{"ssn":"[US_SSN]","a":"-[CREDIT_CARD].0","phone": "[PHONE]","n":["[CREDIT_CARD]",1]} "#,
    );
    let yaml = (
        "application/yaml",
        "mail: jane@example.com is it's # a\ncards: [4111111111111111, 1]\nn: \"x jane@example.com\"\n",
        "mail: '[EMAIL] is it''s' # a\ncards: [\"[CREDIT_CARD]\", 1]\nn: \"x [EMAIL]\"\n",
    );
    for (content_type, body, expected) in [page, yaml] {
        let (body, expected) = (body.repeat(2000), expected.repeat(2000));
        for size in [997, 4096, 16_384, body.len()] {
            let pieces: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
            let out = redacted_in_pieces(&plan, content_type, &pieces);
            let differs = out.bytes().zip(expected.bytes()).position(|(a, b)| a != b);
            let shown = differs.map(|at| out.get(at.saturating_sub(60)..at + 60));
            assert!(
                out == expected,
                "{content_type} {size}: {differs:?} {shown:?}"
            );
        }
    }
}
