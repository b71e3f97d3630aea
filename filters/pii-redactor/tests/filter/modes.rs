//! Rules that report, minimize, pseudonymize.

use super::*;

#[test]
fn report_mode_changes_nothing_and_counts() {
    let mut proxy = proxy(
        Profile::Envoy,
        &RULES.replacen('{', r#"{"mode":"report","#, 1),
    );
    let response = Response::json(BODY).header("content-length", BODY.len().to_string());
    let outcome = run(&mut proxy, "/patients/1", &response);
    assert_eq!(outcome.client().text(), BODY);
    assert!(outcome.client().header("content-length").is_some());
    assert_eq!(
        outcome.upstream().header("accept-encoding").as_deref(),
        Some("gzip")
    );
    let decisions = outcome.decisions();
    assert!(decisions[0].report_only);
    assert_eq!(decisions[0].count_of("EMAIL"), 1);
    let metric = "meshward.pii-redactor.findings_total;type=CREDIT_CARD;where=response.body;rule=patients;outcome=reported";
    assert_eq!(proxy.host().metric(metric), 1);
}

#[test]
fn only_named_members_pass() {
    let rules = r#"{"rules":[{"name":"min","allow_fields":["$.id","$.items[*].sku"]}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let body = r#"{"id":1,"mail":"x","items":[{"sku":"a","cost":2}]}"#;
    let outcome = run(&mut proxy, "/x", &Response::json(body));
    assert_eq!(outcome.client().text(), r#"{"id":1,"items":[{"sku":"a"}]}"#);
    // What has no members, or breaks off, has nothing that could be allowed.
    let text = Response::new(200)
        .header("content-type", "text/plain")
        .body("secret");
    assert_eq!(run(&mut proxy, "/x", &text).client().status(), Some(502));
    let outcome = run(&mut proxy, "/x", &Response::json(r#"{"id":1,]"secret":2}"#));
    assert!(outcome.reset && !outcome.client().text().contains("secret"));
}

#[test]
fn rules_that_only_report_stand_beside_rules_that_act() {
    let rules = r#"{"rules":[{"name":"act","detect":["EMAIL"]},
        {"name":"try","mode":"report","detect":["US_SSN"],"fields":[{"name":"notes","action":"remove"}]}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let body = r#"{"mail":"jane@example.com","ssn":"536-22-8145","notes":"x"}"#;
    let outcome = run(&mut proxy, "/x", &Response::json(body));
    assert_eq!(
        outcome.client().text(),
        r#"{"mail":"[EMAIL]","ssn":"536-22-8145","notes":"x"}"#
    );
    let decisions = outcome.decisions();
    let of = |rule: &str| {
        decisions
            .iter()
            .find(|decision| decision.rule.as_deref() == Some(rule))
            .unwrap()
    };
    assert!(!of("act").report_only && of("try").report_only);
    assert_eq!(of("try").count_of("US_SSN"), 1);
    assert_eq!(of("try").count_of("FIELD"), 1);
}

/// The mode of the filter is the default of its rules, and no more than that.
#[test]
fn a_rule_acts_in_a_filter_that_reports() {
    let rules = r#"{"mode":"report","rules":[{"name":"act","mode":"enforce","detect":["EMAIL"]},
        {"name":"try","detect":["US_SSN"]}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let body = r#"{"mail":"jane@example.com","ssn":"536-22-8145"}"#;
    let outcome = run(&mut proxy, "/x", &Response::json(body));
    assert_eq!(
        outcome.client().text(),
        r#"{"mail":"[EMAIL]","ssn":"536-22-8145"}"#
    );
}

#[test]
fn pseudonyms_need_their_key() {
    let rules = r#"{"rules":[{"detect":["EMAIL"]}],"actions":{"EMAIL":{"pseudonym":{"domain":"partner"}}},"pseudonym_key_env":"KEY"}"#;
    let mut keyless = Proxy::native::<PiiRedactor>(Profile::Envoy);
    let refused = keyless.configure(rules).unwrap_err();
    assert!(refused.text().contains("KEY"), "{}", refused.text());
    let mut proxy = Proxy::native::<PiiRedactor>(Profile::Envoy);
    proxy
        .host()
        .set_environment_variable("KEY", &"k".repeat(32));
    let refused = proxy.configure(rules).unwrap_err();
    assert!(
        refused.text().contains("can be guessed"),
        "{}",
        refused.text()
    );
    proxy
        .host()
        .set_environment_variable("KEY", "fJ3kq8ZtR1vXwL0sPn7yBcDgHmQeUaTo");
    proxy.configure(rules).unwrap();
    let body = r#"["jane@example.com","JANE@example.com","joe@example.com"]"#;
    let outcome = run(&mut proxy, "/x", &Response::json(body));
    let names: Vec<String> = serde_json::from_str(&outcome.client().text()).unwrap();
    assert!(
        names[0].starts_with("EMAIL_") && names[0] == names[1] && names[0] != names[2],
        "{names:?}"
    );
}

#[test]
fn headers_can_be_minimized() {
    let rules = r#"{"rules":[{"apply_to":["response.headers"],"allow_fields":["$['x-kept']"],
        "fields":[{"path":"$['x-kept']","action":{"replace":"kept"}}]}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let response = Response::json("{}")
        .header("x-kept", "1")
        .header("x-user", "jane")
        .header("retry-after", "1");
    let outcome = proxy.run(&Request::get("/x"), &response);
    assert_eq!(outcome.client().header("x-kept").as_deref(), Some("kept"));
    assert_eq!(outcome.client().header("x-user"), None);
    assert_eq!(outcome.client().header("retry-after").as_deref(), Some("1"));
    assert!(outcome.client().header("content-type").is_some());
}

/// A header that is not there costs no call of the host.
#[test]
fn only_headers_that_are_there_are_removed() {
    let mut proxy = proxy(Profile::Envoy, RULES);
    let removals = "proxy_remove_header_map_value";
    let response = Response::json(BODY).header("etag", "\"1\"");
    proxy.run(&Request::get("/patients/1"), &response);
    let without = proxy.host().times_called(removals);
    let request = Request::get("/patients/1").header("range", "bytes=0-9");
    let outcome = proxy.run(&request.header("accept-encoding", "gzip"), &response);
    assert_eq!(outcome.upstream().header("range"), None);
    assert_eq!((without, proxy.host().times_called(removals)), (0, 2));
}

#[test]
fn a_rule_that_only_counts_does_not_stand_before_one_that_acts() {
    let configuration = r#"{"rules":[
        {"name":"tried","mode":"report","fields":[{"name":["ssn"],"action":{"mask":{}}},{"name":["secret"],"action":"null"}]},
        {"name":"acts","detect":["US_SSN"],"fields":[{"name":["secret"],"action":"remove"}]},
        {"name":"hosts","detect":["EMAIL"],"fields":[{"name":["callback"],"hosts":["example.com"],"action":"null"}]}]}"#;
    let mut proxy = proxy(Profile::Envoy, configuration);
    let body = r#"{"ssn":"536-22-1234","n":{"ssn":536221234},"secret":1,"callback":"https://example.com/?m=jane@example.com"}"#;
    let outcome = run(&mut proxy, "/", &Response::json(body));
    assert_eq!(
        outcome.client().text(),
        r#"{"ssn":"[US_SSN]","n":{"ssn":"[US_SSN]"},"callback":"https://example.com/?m=[EMAIL]"}"#
    );
    let form = Response::new(200)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("ssn=536-22-1234&secret=1");
    let outcome = run(&mut proxy, "/", &form);
    assert_eq!(outcome.client().text(), "ssn=%5BUS_SSN%5D");
}

#[test]
fn which_year_tells_an_age_over_89_goes_by_the_clock() {
    for (years, left) in [(56, "1950"), (80, "[PERSON_DATE]")] {
        let process = host::fake::Process::new(Profile::Envoy);
        process.set_wall_clock(std::time::Duration::from_secs(years * 31_556_952));
        let mut proxy = Proxy::native_worker::<PiiRedactor>(&process);
        proxy.configure(r#"{"presets":["hipaa"]}"#).unwrap();
        let outcome = run(&mut proxy, "/", &Response::json(r#"{"dob":"1950-05-06"}"#));
        assert_eq!(outcome.client().text(), format!(r#"{{"dob":"{left}"}}"#));
    }
}
