use super::*;
use crate::canonical;

fn envelope(retention: &Retention) -> Envelope<'_> {
    Envelope {
        emitter: "e1",
        sequence: 7,
        level: Level::Metadata,
        retention,
        subject: None,
    }
}

#[test]
fn a_refused_request() {
    let observation = Observation {
        time_ms: 1_800_000_000_000,
        duration_ms: 2,
        request_id: Some("r-1".to_owned()),
        method: Some("GET".to_owned()),
        path: Some("/orders/1".to_owned()),
        status: Some(401),
        decisions: vec![
            Decision::new("jwt-auth", Outcome::Denied)
                .rule("rules[0]")
                .reason("token_expired"),
        ],
        ..Observation::default()
    };
    let retention = Retention::default();
    let text = canonical::to_string(&record(&observation, &envelope(&retention)));
    assert_eq!(
        text,
        concat!(
            r#"{"action_id":2,"activity_id":2,"actor":{"user":{"name":"anonymous","type_id":0}},"#,
            r#""api":{"operation":"GET","request":{"uid":"r-1"}},"#,
            r#""authorizations":[{"decision":"denied","policy":{"desc":"token_expired","is_applied":true,"name":"jwt-auth/rules[0]"}}],"#,
            r#""category_uid":6,"class_uid":6003,"disposition_id":26,"duration":2,"#,
            r#""http_request":{"http_method":"GET","url":{"path":"/orders/1"}},"http_response":{"code":401},"#,
            r#""metadata":{"correlation_uid":"r-1","product":{"name":"audit-emitter","vendor_name":"Meshward","version":"0.1.0"},"#,
            r#""profiles":["data_classification","security_control"],"sequence":7,"uid":"e1:7","version":"1.8.0"},"#,
            r#""severity_id":3,"src_endpoint":{},"status_code":"401","status_id":2,"time":1800000000000,"type_uid":600302,"#,
            r#""unmapped":{"consent":{"gpc":false},"level":"metadata","retention":{"class":"default"}}}"#
        )
    );
}

#[test]
fn redactions_and_identity() {
    let mut redacted = Decision::new("pii-redactor", Outcome::Redacted).rule("patients");
    redacted.counts.insert("EMAIL".to_owned(), 2);
    let identity = Identity {
        subject: Some("jane".to_owned()),
        provider: "corp".to_owned(),
        ..Identity::default()
    };
    let observation = Observation {
        method: Some("GET".to_owned()),
        status: Some(200),
        identity: Some(identity),
        decisions: vec![redacted],
        ..Observation::default()
    };
    let pseudonymizer = Pseudonymizer::new(&[7; 32], "2026".to_owned());
    let retention = Retention::default();
    let envelope = Envelope {
        subject: Some(&pseudonymizer),
        ..envelope(&retention)
    };
    let record = record(&observation, &envelope);
    let text = record.to_string();
    assert!(!text.contains("jane"), "{text}");
    assert!(
        record
            .at("actor.user.uid")
            .unwrap()
            .as_str()
            .unwrap()
            .starts_with("2026:")
    );
    assert!(
        text.contains(r#""discovery_details":[{"type":"EMAIL","count":2}]"#),
        "{text}"
    );
    assert_eq!(record.member("action_id"), Some(&Json::from(1)));
}

#[test]
fn nothing_that_a_client_sends_ends_a_line_or_grows_the_record() {
    let observation = Observation {
        method: Some("GET\r\n{\"forged\":1}".to_owned()),
        path: Some(format!("/\u{0}\n\"{}", "x".repeat(100_000))),
        ..Observation::default()
    };
    let retention = Retention::default();
    let text = canonical::to_string(&record(&observation, &envelope(&retention)));
    assert!(!text.contains(['\n', '\r', '\0']));
    assert!(text.len() < 8_000);
    assert!(Json::parse(text.as_bytes()).is_ok());
}
