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
            r#""profiles":["data_classification","security_control","trace"],"sequence":7,"uid":"e1:7","version":"1.8.0"},"#,
            r#""severity_id":3,"src_endpoint":{"name":"unknown"},"status_code":"401","status_id":2,"time":1800000000000,"type_uid":600302,"#,
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
    let long = |start: &str| Some(format!("{start}{}", "\u{1F600}".repeat(25_000)));
    let identity = Identity {
        subject: long("s"),
        client_id: long("c"),
        issuer: long("i"),
        tenant: long("t"),
        ..Identity::default()
    };
    let observation = Observation {
        method: long("GET\r\n{\"forged\":1}"),
        path: long("/\u{0}\n\""),
        host: long("h"),
        route: long("r"),
        status_details: long("d"),
        source_ip: long("a"),
        user_agent: long("u"),
        forwarded_for: Some("2001:db8::1, ".repeat(10_000)),
        purposes: Some(vec![long("p").unwrap(); 1_000]),
        identity: Some(identity),
        ..Observation::default()
    };
    let retention = Retention::default();
    let envelope = Envelope {
        level: Level::Full,
        ..envelope(&retention)
    };
    let text = canonical::to_string(&record(&observation, &envelope));
    assert!(!text.contains(['\n', '\r', '\0']));
    assert!(text.len() < 40_000, "{}", text.len());
    assert!(text.contains('…'), "what is cut says so");
    assert!(Json::parse(text.as_bytes()).is_ok());
}

/// The schema wants one of several members in some objects, whatever is known.
#[test]
fn little_is_known_and_the_record_is_still_one() {
    let nameless = Identity {
        provider: "corp".to_owned(),
        ..Identity::default()
    };
    let mut redacted = Decision::new("pii-redactor", Outcome::Redacted);
    redacted.counts.insert("EMAIL".to_owned(), 1);
    let observations = [
        Observation::default(),
        Observation {
            method: Some("PURGE".to_owned()),
            host: Some("shop.example".to_owned()),
            source_ip: Some("/run/proxy.sock".to_owned()),
            identity: Some(nameless),
            decisions: vec![redacted],
            ..Observation::default()
        },
    ];
    for (observation, expected) in observations.iter().zip([
        [
            ("actor.user.name", Some("anonymous")),
            ("api.operation", Some("unparsed")),
            ("src_endpoint.name", Some("unknown")),
            ("http_request.url.hostname", None),
            ("unmapped.http_method", None),
        ],
        [
            ("actor.user.name", Some("corp")),
            ("api.operation", Some("PURGE")),
            ("src_endpoint.name", Some("/run/proxy.sock")),
            ("http_request.url.hostname", None),
            ("unmapped.http_method", Some("PURGE")),
        ],
    ]) {
        let retention = Retention::default();
        let record = record(observation, &envelope(&retention));
        for (path, value) in expected {
            assert_eq!(record.at(path).and_then(Json::as_str), value, "{path}");
        }
        assert_eq!(record.at("src_endpoint.ip"), None);
        assert_eq!(record.at("http_request.http_method"), None);
    }
}

#[test]
fn an_application_that_acts_for_itself_has_one_pseudonym() {
    let identity = |client_id: &str| Identity {
        subject: Some("billing-job".to_owned()),
        client_id: Some(client_id.to_owned()),
        ..Identity::default()
    };
    let pseudonymizer = Pseudonymizer::new(&[7; 32], "2026".to_owned());
    let retention = Retention::default();
    for (client_id, hidden) in [("billing-job", true), ("shop-app", false)] {
        let observation = Observation {
            identity: Some(identity(client_id)),
            ..Observation::default()
        };
        let envelope = Envelope {
            subject: Some(&pseudonymizer),
            ..envelope(&retention)
        };
        let record = record(&observation, &envelope);
        assert!(!record.to_string().contains("billing-job"), "{record}");
        let written = record.at("actor.app_uid").and_then(Json::as_str);
        assert_eq!(written != Some(client_id), hidden, "{record}");
    }
}

#[test]
fn outcomes() {
    let decided = |outcome| vec![Decision::new("jwt-auth", outcome)];
    let reported = vec![Decision::new("jwt-auth", Outcome::Denied).report_only(true)];
    // Decisions, status, gRPC status; action, disposition, status of the record.
    for (decisions, status, grpc, expected) in [
        (vec![], Some(200), None, [1, 1, 1]),
        (vec![], Some(404), None, [1, 1, 2]),
        (vec![], None, None, [1, 1, 2]),
        (vec![], Some(200), Some(0), [1, 1, 1]),
        (vec![], Some(200), Some(5), [1, 1, 2]),
        (reported, Some(200), None, [1, 1, 1]),
        (decided(Outcome::Denied), Some(401), None, [2, 26, 2]),
        (decided(Outcome::Denied), Some(403), None, [2, 2, 2]),
        (decided(Outcome::Denied), Some(200), Some(16), [2, 26, 2]),
        (decided(Outcome::Denied), Some(200), Some(7), [2, 2, 2]),
        (decided(Outcome::Error), Some(503), None, [2, 27, 2]),
    ] {
        let what = format!("{decisions:?} {status:?} {grpc:?}");
        let observation = Observation {
            decisions,
            status,
            grpc_status: grpc,
            ..Observation::default()
        };
        let retention = Retention::default();
        let record = record(&observation, &envelope(&retention));
        let found = ["action_id", "disposition_id", "status_id"];
        for (member, expected) in found.into_iter().zip(expected) {
            assert_eq!(
                record.member(member),
                Some(&Json::from(expected)),
                "{member} {what}"
            );
        }
    }
}
