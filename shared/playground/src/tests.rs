//! What the page is told, for each of its examples.

use super::*;

fn example(name: &str) -> Value {
    let all = examples::all();
    let found = all.as_array().unwrap().iter();
    let mut found = found.filter(|example| example["name"].as_str().unwrap().contains(name));
    let mut example = found.next().unwrap().clone();
    // 2026-06-01.
    inspect::set(&mut example, "now", 1_780_272_000_000_u64);
    example
}

fn told(ask: fn(&str) -> String, question: &Value) -> Value {
    serde_json::from_str(&ask(&question.to_string())).unwrap()
}

#[test]
fn every_example_but_the_one_with_mistakes_is_accepted() {
    for example in examples::all().as_array().unwrap() {
        let name = example["name"].as_str().unwrap();
        let findings = told(check, example)["findings"].clone();
        let findings = findings.as_array().unwrap();
        let is_refused = findings.iter().any(|finding| finding["level"] == "error");
        assert_eq!(
            is_refused,
            name.contains("mistakes"),
            "{name}: {findings:?}"
        );
    }
}

#[test]
fn findings_say_where_in_the_text_field_they_are() {
    let mut question = example("mistakes");
    // Outside of the basic plane: two units of UTF-16, four bytes of UTF-8.
    let text = question["configuration"].as_str().unwrap();
    let text = text.replace("per-client", "\u{1f600}");
    inspect::set(&mut question, "configuration", text.as_str());
    let findings = told(check, &question)["findings"].clone();
    let finding = findings.as_array().unwrap().iter();
    let mut finding = finding.filter(|finding| finding["path"] == "limits[0].rate");
    let span = finding.next().unwrap()["span"].clone();
    let units: Vec<u16> = text.encode_utf16().collect();
    let at = |place: usize| usize::try_from(span[place].as_u64().unwrap()).unwrap();
    let marked = String::from_utf16(&units[at(0)..at(1)]).unwrap();
    assert_eq!(marked, "\"100/fortnight\"");
}

#[test]
fn a_request_is_explained_filter_by_filter() {
    let told = told(explain, &example("without a token"));
    let titles: Vec<&str> = told["chapters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|chapter| chapter["title"].as_str().unwrap())
        .collect();
    let wanted = [
        "audit-emitter",
        "jwt-auth",
        "token-bucket",
        "pii-redactor",
        "result",
        "audit record",
        "while it cannot be reached",
    ];
    assert_eq!(titles, wanted);
    assert_eq!(told["document"]["response"]["status"], 401);
}

#[test]
fn a_response_is_redacted_for_a_caller_with_claims() {
    let told = told(explain, &example("patient's record"));
    let body = told["document"]["response"]["body"].as_str().unwrap();
    assert!(body.contains("[EMAIL]"), "{body}");
}

#[test]
fn requests_in_a_row_are_counted() {
    let question = example("25th");
    assert_eq!(
        told(explain, &question)["document"]["response"]["status"],
        429
    );
    let mut first = question;
    inspect::set(&mut first, "times", "1");
    assert_eq!(told(explain, &first)["document"]["response"]["status"], 200);
    inspect::set(&mut first, "times", "a million");
    assert_eq!(told(explain, &first)["field"], "times");
}

#[test]
fn the_connection_is_what_the_fields_say_of_it() {
    let question = example("a certificate");
    let with = |fields: &[(&'static str, &str)]| {
        let mut question = question.clone();
        for (field, text) in fields {
            inspect::set(&mut question, field, *text);
        }
        told(explain, &question)
    };
    let status =
        |fields: &[(&'static str, &str)]| with(fields)["document"]["response"]["status"].clone();
    assert_eq!(status(&[]), 200);
    assert_eq!(status(&[("tls", "")]), 200);
    assert_eq!(status(&[("tls", "1.1")]), 403);
    assert_eq!(status(&[("certificate", "")]), 403);
    let other = "uri_san = spiffe://example.com/ns/shop/sa/job";
    assert_eq!(status(&[("certificate", other)]), 403);
    let spaced = " uri_san = spiffe://example.com/ns/billing/sa/job \n\n dns_san = job.test";
    assert_eq!(status(&[("certificate", spaced)]), 200);
    for (field, text, message) in [
        ("tls", "1.4", "expected 1.0, 1.1, 1.2 or 1.3"),
        ("certificate", "uri_san", "expected FIELD=VALUE"),
        ("certificate", "san=a", "there are uri_san, dns_san"),
        (
            "certificate",
            "subject=a\nsubject=b",
            "subject is given twice",
        ),
        ("host", "nginx", "expected envoy, apisix or kong"),
        ("at", "yesterday", "expected a time"),
    ] {
        let told = with(&[(field, text)]);
        assert_eq!(told["field"], field, "{told}");
        assert!(told["error"].as_str().unwrap().contains(message), "{told}");
    }
}

#[test]
fn the_time_and_the_host_are_those_of_the_fields() {
    let mut question = example("without a token");
    inspect::set(&mut question, "at", "2031-01-01T00:00:00Z");
    let then = told(explain, &question)["document"].clone();
    let records = then["records"].to_string();
    // In milliseconds since 1970.
    assert!(records.contains("1924992000000"), "{records}");
    inspect::set(&mut question, "host", "apisix");
    let apisix = told(explain, &question);
    assert_ne!(apisix["document"], then, "{apisix}");
}

#[test]
fn a_body_is_redacted_by_the_part_of_the_redactor() {
    let question = example("a body");
    let told_alone = told(redact, &question);
    assert!(told_alone["body"].as_str().unwrap().contains("[EMAIL]"));
    let first = &told_alone["findings"][0];
    assert!(
        first["rule"] == "patients" && first["new"].is_string(),
        "{first}"
    );
    let mut bundle = question;
    inspect::set(
        &mut bundle,
        "configuration",
        example("without a token")["configuration"].clone(),
    );
    let told_of_bundle = told(redact, &bundle);
    assert!(told_of_bundle["body"].as_str().unwrap().contains("[EMAIL]"));
    inspect::set(&mut bundle, "content-type", "image/png");
    let error = told(redact, &bundle)["error"].clone();
    assert!(error.as_str().unwrap().contains("not searched"), "{error}");
}

#[test]
fn a_token_is_judged_and_its_signature_not_told() {
    let question = example("RFC 7515");
    let text = judge(&question.to_string());
    assert!(
        text.contains("token_expired") && !text.contains("dBjf"),
        "{text}"
    );
    let mut then = question;
    // 2011-03-22T18:00:00Z.
    inspect::set(&mut then, "now", 1_300_816_800_000_u64);
    assert_eq!(told(judge, &then)["providers"][0]["accepted"], true);
    inspect::set(&mut then, "configuration", "");
    assert_eq!(told(judge, &then)["claims"]["iss"], "joe");
    inspect::set(&mut then, "token", "a.b");
    let error = told(judge, &then)["error"].clone();
    assert!(
        error.as_str().unwrap().starts_with("token_malformed"),
        "{error}"
    );
}

#[test]
fn what_is_no_question_has_a_response() {
    for ask in [check, explain, redact, judge] {
        for text in ["", "{", "[]", "{\"configuration\": 1}"] {
            assert!(serde_json::from_str::<Value>(&ask(text)).is_ok());
        }
    }
}
