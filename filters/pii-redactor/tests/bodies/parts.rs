//! Multipart bodies.

use super::*;

/// A part that is compressed is not read.
#[test]
fn compressed_parts_are_reported() {
    for (kind, expected) in [
        ("application/json", 1),
        ("application/http", 1),
        ("application/octet-stream", 0),
        ("image/png", 0),
    ] {
        let inner = format!("Content-Type: {kind}\r\nContent-Encoding: gzip\r\n\r\n\u{1f}\u{8}\0");
        let body = format!("--b-1\r\n{inner}\r\n--b-1--\r\n");
        let (out, pipeline) = run(&plan(RULES), MULTIPART, std::iter::once(body.as_bytes()));
        assert_eq!(out, body.as_bytes());
        assert_eq!(pipeline.unsearched().encoded_parts, expected, "{kind}");
        let message = format!("HTTP/1.1 200 OK\r\n{inner}");
        let (out, pipeline) = run(
            &plan(RULES),
            "application/http",
            std::iter::once(message.as_bytes()),
        );
        assert_eq!(out, message.as_bytes());
        assert_eq!(pipeline.unsearched().encoded_parts, expected, "{kind}");
    }
}

/// A mail and a message of HTTP are read as their own headers say, alone and in a part.
#[test]
fn messages_are_read_as_their_headers_say() {
    let json = "{\"secret\":1,\"ssn\":536221234}";
    let redacted = "{\"ssn\":\"[US_SSN]\"}";
    let encoded = "amFuZUBleGFtcGxlLmNvbQ==";
    for (kind, head, body, expected_head, expected) in [
        (
            "application/http",
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSecret: 1\r\n\r\n",
            json,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
            redacted,
        ),
        (
            "message/http",
            "GET /?mail=jane@example.com HTTP/1.1\nX: jane@example.com\n\n",
            "",
            "GET /?mail=[EMAIL] HTTP/1.1\nX: [EMAIL]\n\n",
            "",
        ),
        (
            "message/rfc822",
            "From: <jane@example.com>\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n",
            encoded,
            "From: <[EMAIL]>\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n",
            "W0VNQUlMXQ==",
        ),
        (
            "message/rfc822",
            "Content-Type: multipart/alternative; boundary=c\r\n\r\n",
            "--c\r\nContent-Transfer-Encoding: base64\r\n\r\namFuZUBleGFtcGxlLmNvbQ==\r\n--c--\r\n",
            "Content-Type: multipart/alternative; boundary=c\r\n\r\n",
            "--c\r\nContent-Transfer-Encoding: base64\r\n\r\nW0VNQUlMXQ==\r\n--c--\r\n",
        ),
        (
            "message/rfc822",
            "\r\n",
            "jane@example.com\r\n\r\nx: 1",
            "\r\n",
            "[EMAIL]\r\n\r\nx: 1",
        ),
        (
            "message/global",
            "Subject: of jane@example.com",
            "",
            "Subject: of [EMAIL]",
            "",
        ),
    ] {
        let (message, expected) = (
            format!("{head}{body}"),
            format!("{expected_head}{expected}"),
        );
        check(kind, &message, &expected);
        let part = |message: &str| {
            format!("--b-1\r\nContent-Type: {kind}\r\n\r\n{message}\r\n--b-1--\r\n")
        };
        check(
            "multipart/mixed; boundary=b-1",
            &part(&message),
            &part(&expected),
        );
    }
}

#[test]
fn parts() {
    let body = |parts: &[(&str, &str)]| {
        let parts: String = parts
            .iter()
            .map(|(head, text)| format!("--b-1\r\n{head}\r\n\r\n{text}\r\n"))
            .collect();
        format!("{parts}--b-1--\r\n")
    };
    let named = |name: &str| format!("Content-Disposition: form-data; name=\"{name}\"");
    let (note, secret, reference, fixed) =
        (named("note"), named("secret"), named("ref"), named("fixed"));
    let json = format!("{}\r\nContent-Type: application/json", named("data"));
    let file =
        "Content-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\nContent-Type: image/png"
            .to_owned();
    let input = body(&[
        (&note, "Mail jane@example.com\r\nnow"),
        (&secret, "x"),
        (
            &json,
            "{\"mail\":\"jane@example.com\",\"secret\":1,\"a\":2}",
        ),
        (&file, "jane@example.com\r\n--b-2"),
        (&reference, "AB-12345"),
        (&fixed, "anything"),
        (&note, ""),
    ]);
    let expected = body(&[
        (&note, "Mail [EMAIL]\r\nnow"),
        (&json, "{\"mail\":\"[EMAIL]\",\"a\":2}"),
        (&file, "jane@example.com\r\n--b-2"),
        (&reference, "**-***45"),
        (&fixed, "a b"),
        (&note, ""),
    ]);
    check(MULTIPART, &input, &expected);
    let (_, pipeline) = run(&plan(RULES), MULTIPART, std::iter::once(input.as_bytes()));
    assert_eq!(pipeline.unsearched().files, 1);
    assert!(!pipeline.is_malformed());

    let encoded = body(&[(
        &format!("{note}\r\nContent-Transfer-Encoding: x-uuencode"),
        "amFuZQ==",
    )]);
    let (_, pipeline) = run(&plan(RULES), MULTIPART, std::iter::once(encoded.as_bytes()));
    assert_eq!(pipeline.unsearched().encoded_parts, 1);

    // What is none is text.
    check(MULTIPART, "jane@example.com", "[EMAIL]");
    check(
        MULTIPART,
        "--b-1\r\nX: jane@example.com",
        "--b-1\r\nX: [EMAIL]",
    );
    let endless = format!("--b-1\r\nX: {}", "y".repeat(20_000));
    let (out, pipeline) = run(&plan(RULES), MULTIPART, endless.as_bytes().chunks(1000));
    assert_eq!(out, endless.as_bytes());
    assert!(pipeline.is_malformed());

    let only = r#"{"rules":[{"allow_fields":["$.note"]}]}"#;
    check_with(
        only,
        MULTIPART,
        &body(&[(&secret, "x"), (&note, "y")]),
        &body(&[(&note, "y")]),
    );
}

#[test]
fn parts_are_read_as_whole_bodies_are() {
    let body = |kind: &str, text: &str| {
        format!(
            "--b-1\r\nContent-Disposition: form-data; name=\"data\"\r\nContent-Type: {kind}\r\n\r\n{text}\r\n--b-1--\r\n"
        )
    };
    let document = "{\"mail\":\"jane@example.com\",\"secret\":\"x\"}";
    for kind in [
        "application/jsonl",
        "application/x-ndjson",
        "application/x-json",
        "application/jsonlines",
        "application/json-seq",
        "application/yaml",
        "application/graphql",
        "text/csv",
        "text/javascript",
        "application/sql",
        "application/octet-stream",
        "application/vnd.api+json; charset=utf-8",
        "application/json, application/json",
    ] {
        check(
            MULTIPART,
            &body(kind, document),
            &body(kind, "{\"mail\":\"[EMAIL]\"}"),
        );
    }
    check(
        MULTIPART,
        &body(FORM, "secret=1&mail=jane%40example.com"),
        &body(FORM, "mail=%5BEMAIL%5D"),
    );
    let inner = |text: &str| format!("--i\r\n\r\n{text}\r\n--i--");
    check(
        MULTIPART,
        &body("multipart/mixed; boundary=i", &inner("jane@example.com")),
        &body("multipart/mixed; boundary=i", &inner("[EMAIL]")),
    );
    let file = |name: &str| {
        format!(
            "--b-1\r\nContent-Disposition: form-data; name=\"f\"; {name}\r\nContent-Type: image/png\r\n\r\nx\r\n--b-1--\r\n"
        )
    };
    for (name, expected) in [
        (
            "filename=\"jane@example.com.pdf\"",
            "filename=\"[EMAIL].pdf\"",
        ),
        (
            "filename=\"cv of jane@example.com; 1\"",
            "filename=\"cv of [EMAIL]; 1\"",
        ),
        (
            "filename*=UTF-8''jane%40example.com",
            "filename*=UTF-8''%5BEMAIL%5D",
        ),
        ("filename=\"a;b.pdf\"", "filename=\"a;b.pdf\""),
    ] {
        check(MULTIPART, &file(name), &file(expected));
    }
    // Parts without names are documents of their own.
    let only = r#"{"rules":[{"allow_fields":["$.id"]}]}"#;
    let range =
        |text: &str| format!("--r\r\nContent-Type: application/json\r\n\r\n{text}\r\n--r--\r\n");
    check_with(
        only,
        "multipart/x-mixed-replace; boundary=r",
        &range("{\"id\":1,\"ssn\":2}"),
        &range("{\"id\":1}"),
    );
}

#[test]
fn parts_in_base64_are_searched() {
    let part = |headers: &str, text: &str| {
        format!(
            "--b-1\r\nContent-Disposition: form-data; {headers}\r\nContent-Transfer-Encoding: Base64\r\n\r\n{text}\r\n--b-1--\r\n"
        )
    };
    let note = "name=\"note\"";
    let data = "name=\"data\"\r\nContent-Type: application/json";
    let long = "x".repeat(60);
    for (headers, text, expected) in [
        (note, "bmFtZQ==", "bmFtZQ=="),
        // jane@example.com
        (note, "amFuZUBleGFtcGxlLmNvbQ==", "W0VNQUlMXQ=="),
        (note, "amFuZUBleGFt\r\ncGxlLmNvbQ==", "W0VNQUlMXQ=="),
        // {"mail":"jane@example.com","secret":"x"}
        (
            data,
            "eyJtYWlsIjoiamFuZUBleGFtcGxlLmNvbSIsInNlY3JldCI6IngifQ==",
            "eyJtYWlsIjoiW0VNQUlMXSJ9",
        ),
        (
            "name=\"f\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream",
            "eyJtYWlsIjoiamFuZUBleGFtcGxlLmNvbSIsInNlY3JldCI6IngifQ==",
            "eyJtYWlsIjoiW0VNQUlMXSJ9",
        ),
        // AB-12345, of which the rule keeps two.
        ("name=\"ref\"", "QUItMTIzNDU=", "KiotKioqNDU="),
        ("name=\"fixed\"", "QUItMTIzNDU=", "YSBi"),
        // A reader that does not decode finds an address.
        (note, "jane@example.com", "jane[EMAIL]"),
        (note, &long, &long),
    ] {
        if text.contains('@') {
            let body = part(headers, text);
            let (_, pipeline) = run(&plan(RULES), MULTIPART, std::iter::once(body.as_bytes()));
            assert_eq!(pipeline.unsearched().encoded_parts, 1);
            continue;
        }
        check(MULTIPART, &part(headers, text), &part(headers, expected));
    }
}

#[test]
fn parts_that_readers_may_take_apart_differently_are_ambiguous() {
    let named = |name: &str| format!("Content-Disposition: form-data; {name}");
    let note = named("name=\"note\"");
    let body = |head: &str| format!("--b-1\r\n{head}\r\n\r\nx\r\n--b-1--\r\n");
    for (input, expected) in [
        (body(&note), false),
        (
            body(&named("name=note; filename=a; filename*=UTF-8''b")),
            false,
        ),
        (body(&format!("{note}\r\nContent-Type: text/plain")), false),
        (format!("preamble\r\n{}", body(&note)), false),
        (body(&note).replace("\r\n", "\n"), false),
        (body(&named("name=\"a\"; name=\"secret\"")), true),
        (body(&named("name=\"a\"; name*=UTF-8''secret")), true),
        (body(&format!("{note}\r\n{}", named("name=secret"))), true),
        (
            body(&note).replace("--b-1\r\nContent", "--b-1x\r\nContent"),
            true,
        ),
        (
            body(&note).replace("--b-1\r\nContent", "--b-1\nContent"),
            true,
        ),
        (
            format!(
                "{}--b-1\n\nx\n--b-1--\n",
                body(&note).replace("--b-1--\r\n", "")
            ),
            true,
        ),
        (
            body(&format!(
                "{note}\r\nContent-Type: multipart/mixed; boundary=x; boundary=y"
            )),
            true,
        ),
    ] {
        for size in [1, 7, input.len()] {
            let (_, pipeline) = run(&plan(RULES), MULTIPART, input.as_bytes().chunks(size));
            let fault = pipeline.malformed().map(|malformed| malformed.what);
            let is_ambiguous = fault.is_some_and(|fault| fault.is_ambiguous());
            assert_eq!(is_ambiguous, expected, "{input:?}, {fault:?}");
        }
    }
    // Under every name a rule acts.
    check(
        MULTIPART,
        &body(&named("name=\"a\"; name=\"secret\"")),
        "--b-1--\r\n",
    );
    check(
        MULTIPART,
        &body(&named("name*=UTF-8''secret")),
        "--b-1--\r\n",
    );
    check(MULTIPART, &body(&named("name=\"sec\\ret\"")), "--b-1--\r\n");
}

#[test]
fn fields_are_text_whatever_their_types_say() {
    let body = |headers: &str, text: &str| {
        format!(
            "--b-1\r\nContent-Disposition: form-data; name=\"data\"{headers}\r\n\r\n{text}\r\n--b-1--\r\n"
        )
    };
    for kind in ["image/png", "application/pdf", "application/grpc", "x/y"] {
        for headers in [
            format!("\r\nContent-Type: {kind}"),
            format!("; filename=\"\"\r\nContent-Type: {kind}"),
        ] {
            check(
                MULTIPART,
                &body(&headers, "\u{1}jane@example.com"),
                &body(&headers, "\u{1}[EMAIL]"),
            );
            check(
                MULTIPART,
                &body(&headers, "{\"secret\":1,\"a\":2}"),
                &body(&headers, "{\"a\":2}"),
            );
        }
    }
}

/// Members of a document in quoted-printable are not read, so it is as if the encoding were not known.
#[test]
fn documents_in_quoted_printable_are_not_read() {
    for (text, is_document) in [
        ("{\"secret\":1}", true),
        ("=7B\"secret\":1}", true),
        ("=\r\n=20=EF=BB=BF{}", true),
        ("= \t\n [ =31, 2]", true),
        ("[EMAIL] a", false),
        ("a {", false),
        ("=", false),
        ("", false),
    ] {
        let body = format!(
            "--b-1\r\nContent-Disposition: form-data; name=\"n\"\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n{text}\r\n--b-1--\r\n"
        );
        for size in [1, 2, 1000] {
            let (_, pipeline) = run(&plan(RULES), MULTIPART, body.as_bytes().chunks(size));
            let encoded = pipeline.unsearched().encoded_parts;
            assert_eq!(encoded, u64::from(is_document), "{text}");
        }
    }
}
