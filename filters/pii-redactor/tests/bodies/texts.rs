//! Forms, events, lines, and texts that spell in other ways.

use super::*;

#[test]
fn forms() {
    for (input, expected) in [
        ("a=1&b=2", "a=1&b=2"),
        ("mail=jane%40example.com&x=1", "mail=%5BEMAIL%5D&x=1"),
        ("mail=jane@example.com", "mail=%5BEMAIL%5D"),
        (
            "card=4111+1111+1111+1111&n=%zz%4",
            "card=****+****+****+1111&n=%zz%4",
        ),
        ("secret=1&a=2", "a=2"),
        ("a=2&secret=1", "a=2"),
        ("a=1&secret=x%26y&b=2", "a=1&b=2"),
        ("secret=1", ""),
        ("s%65cret=1&a=2", "a=2"),
        ("fixed=1&ref=AB-12345", "fixed=a+b&ref=**-***45"),
        (
            "firstName=J%C3%A4ne&cvv=123",
            "firstName=%5BPERSON_NAME%5D&cvv=%5BCARD_CVV%5D",
        ),
        ("jane%40example.com", "%5BEMAIL%5D"),
        ("&&a=1&", "&&a=1&"),
        // Some servers take `;` for `&`; to the others the value goes on.
        ("a=1;secret=2", "a=1"),
        ("a=1;secret=2;c=3&d=4", "a=1;c=3&d=4"),
        ("secret=2;a=1&b=3", "b=3"),
        ("a;secret=2", "a"),
        (";;a=1;", ";;a=1;"),
        ("a=x;y=%zz;+b", "a=x;y=%zz;+b"),
        (
            "cvv=123;2&a=1;ref=AB-12345",
            "cvv=%5BCARD_CVV%5D;2&a=1;ref=**-***45",
        ),
        (
            "phone=030-901820;040-1234567&a=040-1234567",
            "phone=%5BPHONE%5D;%5BPHONE%5D&a=040-1234567",
        ),
        // Members of members, as frameworks read them.
        ("user[secret]=1&a=2", "a=2"),
        ("user.secret=1&a=2", "a=2"),
        ("u[0][secret][]=1&a=2", "a=2"),
        ("user%5Bsecret%5D=1&a=2", "a=2"),
        ("secret[a]=1&a=2", "a=2"),
        ("user[cvv]=123", "user[cvv]=%5BCARD_CVV%5D"),
        ("a[b]=1&c.d=2&[]=3", "a[b]=1&c.d=2&[]=3"),
        ("a", "a"),
        ("", ""),
        (
            "phone=030-901820&order=030-901820",
            "phone=%5BPHONE%5D&order=030-901820",
        ),
    ] {
        check(FORM, input, expected);
    }
    let rules = r#"{"rules":[{"allow_fields":["$.a","$.c"]}]}"#;
    check_with(rules, FORM, "a=1&b=2&c=3", "a=1&c=3");
    check_with(rules, FORM, "b=2&a=1&x", "a=1");
    check_with(rules, FORM, "a=2;b=1;c=3&a[b]=1", "a=2;c=3");
    let rules = r#"{"rules":[{"fields":[{"path":"$.users[*].mail","action":"remove"}]}]}"#;
    check_with(
        rules,
        FORM,
        "users[0][mail]=a&users[mail]=b&x=1",
        "users[mail]=b&x=1",
    );
    check_with(rules, FORM, "users[][mail]=a&users.3.mail=b&x=1", "x=1");
}

#[test]
fn events() {
    for (input, expected) in [
        (
            "data: {\"mail\":\"jane@example.com\",\"secret\":1}\n\ndata: [DONE]\n\n",
            "data: {\"mail\":\"[EMAIL]\"}\n\ndata: [DONE]\n\n",
        ),
        (
            "event: x\r\nid: 7\r\ndata: {\"a\":1,\r\ndata: \"mail\":\"jane@example.com\",\r\ndata:\"secret\":2}\r\n\r\n",
            "event: x\r\nid: 7\r\ndata: {\"a\":1,\r\ndata: \"mail\":\"[EMAIL]\"}\r\n\r\n",
        ),
        (
            ": jane@example.com\ndata: call jane@example.com\n\n",
            ": [EMAIL]\ndata: call [EMAIL]\n\n",
        ),
        ("data:jane@example.com\ndata\n\n", "data:[EMAIL]\ndata\n\n"),
        (
            "data: {\"mail\":\"jane@example.com",
            "data: {\"mail\":\"[EMAIL]",
        ),
        (
            "data: {\"mail\":\"jane@exam\ndata: ple.com\"}\n\n",
            "data: {\"mail\":\"[EMAIL]\ndata: ple.com\"}\n\n",
        ),
        ("retry: 5\n\n\n", "retry: 5\n\n\n"),
        (
            &format!(
                "data: {{\"a\":1,\ndata:{}\"secret\":2}}\n\ndata:{}{{\"secret\":1}}\n\n",
                " ".repeat(100),
                " ".repeat(100)
            ),
            &format!("data: {{\"a\":1}}\n\ndata:{}{{}}\n\n", " ".repeat(100)),
        ),
    ] {
        let expected = if input.contains("jane@exam\n") {
            input
        } else {
            expected
        };
        check("text/event-stream", input, expected);
    }
    let (_, pipeline) = run(
        &plan(RULES),
        "text/event-stream",
        std::iter::once(&b"data: [DONE]\n\n"[..]),
    );
    assert!(!pipeline.is_malformed());
    let (_, pipeline) = run(
        &plan(RULES),
        "text/event-stream",
        std::iter::once(&b"data: {\"a\":\"\";}\n\n"[..]),
    );
    assert!(pipeline.is_malformed());
}

#[test]
fn an_event_leaves_when_it_is_there() {
    let plan = plan(RULES);
    let mut pipeline = BodyPipeline::new(
        plan,
        &Framing::Events,
        Coding::Identity,
        InflateLimits::default(),
    );
    let mut out = Vec::new();
    pipeline.write(b"data: {\"a\":1}\n\n", &mut out).unwrap();
    assert_eq!(out, b"data: {\"a\":1}\n\n");
    assert_eq!(pipeline.held(), 0);
}

#[test]
fn lines_of_text() {
    for (input, expected) in [
        (
            "name,mail\r\nJane,jane@example.com\r\n",
            "name,mail\r\nJane,[EMAIL]\r\n",
        ),
        (
            "<a href=\"mailto:jane@example.com\">4111-1111-1111-1111</a>",
            "<a href=\"mailto:[EMAIL]\">****-****-****-1111</a>",
        ),
        (
            "SSN: 536228145\nID: 536228145\n",
            "SSN: [US_SSN]\nID: 536228145\n",
        ),
        (
            "x\n-----BEGIN PRIVATE KEY-----\nAAAA\nBBBB\n-----END PRIVATE KEY-----\ny\n",
            "x\n[PRIVATE_KEY]\ny\n",
        ),
        ("\u{0}jane@example.com\u{0}", "\u{0}[EMAIL]\u{0}"),
    ] {
        check("text/plain", input, expected);
        check("text/csv", input, expected);
    }
    let endless = format!(
        "-----BEGIN PRIVATE KEY-----\n{}stays\n",
        "AAAA\n".repeat(20_000)
    );
    let (out, _) = run(&plan(RULES), "text/csv", endless.as_bytes().chunks(1000));
    assert!(
        out.starts_with(b"[PRIVATE_KEY]") && out.ends_with(b"stays\n") && out.len() < endless.len()
    );
    // What is JSON although nothing says so is read as JSON.
    let document = "{\"secret\":1,\"mail\":\"jane\\u0040example.com\"}";
    check("text/plain", document, "{\"mail\":\"[EMAIL]\"}");
    check("", document, "{\"mail\":\"[EMAIL]\"}");
}

#[test]
fn references_and_escapes_of_texts_hide_nothing() {
    for (input, expected) in [
        ("<a>jane&#64;example.com</a>", "<a>[EMAIL]</a>"),
        ("<a>jane&#x40;example&period;com</a>", "<a>[EMAIL]</a>"),
        (
            "<a>jane&commat;example.com &amp; &lt;b&gt;</a>",
            "<a>[EMAIL] &amp; &lt;b&gt;</a>",
        ),
        (
            "&#52;111 1111 1111 1111 & &x &; &#xzz;",
            "**** **** **** 1111 & &x &; &#xzz;",
        ),
        ("a &#64", "a &#64"),
    ] {
        check("text/html", input, expected);
        check("application/xml", input, expected);
    }
    let part = |text: &str| {
        format!(
            "--b-1\r\nContent-Disposition: form-data; name=\"n\"\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n{text}\r\n--b-1--\r\n"
        )
    };
    check(
        MULTIPART,
        &part("Mail jane=40exam=\r\nple.com =3D x"),
        &part("Mail [EMAIL] =3D x"),
    );
}

#[test]
fn events_with_any_end_of_line() {
    let event =
        "event: x\ndata: {\"secret\":1,\ndata: \"mail\":\"jane@example.com\"}\n\ndata: [DONE]\n\n";
    let expected = "event: x\ndata: {\ndata: \"mail\":\"[EMAIL]\"}\n\ndata: [DONE]\n\n";
    for newline in ["\n", "\r", "\r\n"] {
        for mark in ["", "\u{feff}"] {
            let input = format!("{mark}{}", event.replace('\n', newline));
            let (out, _) = run(
                &plan(RULES),
                "text/event-stream",
                input.as_bytes().chunks(1),
            );
            let out = String::from_utf8(out).unwrap();
            assert!(
                !out.contains("secret") && !out.contains("jane"),
                "{newline:?}: {out}"
            );
            let lines = |text: &str| text.replace(newline, "\n").matches("data:").count();
            assert_eq!(lines(&out), lines(expected), "{out}");
            check("text/event-stream", &input, &out);
        }
    }
    let only = r#"{"rules":[{"allow_fields":["$.id","$[*].id"]}]}"#;
    check_with(
        only,
        "text/event-stream",
        ": jane\ndata: Jane Doe\n\ndata: {\"id\":1,\"n\":2}\n\ndata: [{\"id\":1,\"n\":2}]\n\ndata: [DONE]\n\n",
        ":\ndata: \n\ndata: {\"id\":1}\n\ndata: [{\"id\":1}]\n\ndata: [DONE]\n\n",
    );
}

#[test]
fn kinds_by_name_act_on_values_of_any_type() {
    let gdpr = r#"{"presets":["gdpr"]}"#;
    for (input, expected) in [
        (r#"{"pregnant":true,"a":1}"#, r#"{"a":1}"#),
        (r#"{"union_membership":true}"#, "{}"),
        (r#"{"disability":false,"religion":null}"#, "{}"),
        (
            r#"{"genetic":{"marker":"BRCA1","n":[{}]},"a":{}}"#,
            r#"{"a":{}}"#,
        ),
        (r#"{"religion":[{"name":"y"},"x",3]}"#, "{}"),
        (
            r#"{"street":{"no":1}, "city_count": true}"#,
            r#"{"street":{"no":"[STREET_ADDRESS]"}, "city_count": true}"#,
        ),
        (r#"{"street":null}"#, r#"{"street":null}"#),
        (
            r#"[{ "a":1 , "religion" : "x" } , {"religion":1,"b":{"religion":{}},"c":[]}]"#,
            r#"[{ "a":1  } , {"b":{},"c":[]}]"#,
        ),
        (
            r#"{"properties":{"religion":{"type":"string"}},"health":{"status":"green"}}"#,
            r#"{"properties":{"religion":{"type":"string"}},"health":{"status":"green"}}"#,
        ),
    ] {
        check_with(gdpr, "application/json", input, expected);
    }
    // Another action leaves the member.
    let empties = r#"{"presets":["gdpr"],"actions":{"RELIGION":{"replace":""}}}"#;
    for (input, expected) in [
        (r#"{"religion":null}"#, r#"{"religion":""}"#),
        (
            r#"{"religion":{"name":"y"},"a":1}"#,
            r#"{"religion":"","a":1}"#,
        ),
        (
            r#"{"religion":[{"name":"y"},"x",3]}"#,
            r#"{"religion":["","",""]}"#,
        ),
    ] {
        check_with(empties, "application/json", input, expected);
    }
    let secrets = r#"{"presets":["secrets"]}"#;
    let usual = r#"{"secret":{"name":"x"},"token":null,"password":true}"#;
    check_with(secrets, "application/json", usual, usual);
}
