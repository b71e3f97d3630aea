use audit::record::Record;
use policy::decision::{Decision, Outcome};
use policy::finding::{Category, Finding, FindingOutcome, Place};
use policy::identity::Identity;
use policy::json::Json;

use super::*;
use crate::config::{IpForm, PathForm, QueryForm};

mod limits;
mod personal;

const SALTS: Salts = [[1; 16], [5; 16], [2; 16], [3; 16], [4; 16]];

/// Owns what an envelope borrows.
struct Context {
    chain: Chain,
    retention: Retention,
    fields: FieldSettings,
    subject: Option<Pseudonymizer>,
    level: Level,
    template: Option<&'static str>,
    is_received: bool,
    max_bytes: usize,
}

impl Context {
    fn new() -> Self {
        Self {
            chain: Chain::new([7; 16]),
            retention: Retention::default(),
            fields: FieldSettings::default(),
            subject: None,
            level: Level::Metadata,
            template: None,
            is_received: false,
            max_bytes: 12 * 1024,
        }
    }

    fn pseudonymous() -> Self {
        Self {
            subject: Some(Pseudonymizer::new(&[7; 32], "2026".to_owned())),
            ..Self::new()
        }
    }

    /// The record as text, which is checked to be canonical and to fit its own hash.
    fn text(&self, observation: &Observation) -> String {
        let envelope = Envelope {
            chain: &self.chain,
            salts: SALTS,
            level: self.level,
            is_received: self.is_received,
            template: self.template,
            retention: &self.retention,
            fields: &self.fields,
            subject: self.subject.as_ref(),
        };
        let writer = write(observation, &envelope, self.max_bytes);
        let bytes = writer.sealed_bytes();
        let sealed = self.chain.clone().seal(writer, None);
        assert_eq!(sealed.text.len(), bytes);
        Record::check_text(&sealed.text).unwrap();
        sealed.text
    }

    fn json(&self, observation: &Observation) -> Json {
        Json::parse(self.text(observation).as_bytes()).unwrap()
    }
}

fn found(kind: &str, count: u64) -> Finding {
    let outcome = FindingOutcome::Masked;
    Finding::new(kind, Category::Personal, Place::ResponseBody, outcome).times(count)
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
    let text = Context::new().text(&observation);
    let (start, rest) = text.split_once(r#""record_integrity":{"#).unwrap();
    let (_, end) = rest.split_once("\"version\":1},").unwrap();
    assert_eq!(
        format!("{start}{end}"),
        concat!(
            r#"{"action_id":2,"activity_id":2,"actor":{"user":{"name":"anonymous","type_id":0}},"#,
            r#""api":{"operation":"GET","request":{"uid":"r-1"}},"#,
            r#""authorizations":[{"decision":"denied","policy":{"desc":"token_expired","is_applied":true,"name":"jwt-auth/rules[0]"}}],"#,
            r#""category_uid":6,"class_uid":6003,"disposition_id":26,"duration":2,"#,
            r#""http_request":{"http_method":"GET","url":{"path":"/orders/1"}},"http_response":{"code":401},"#,
            r#""metadata":{"correlation_uid":"r-1","product":{"name":"audit-emitter","vendor_name":"Meshward","version":"0.1.0"},"#,
            r#""profiles":["data_classification","security_control","trace"],"sequence":0,"uid":"07070707070707070707070707070707:0","version":"1.8.0"},"#,
            r#""severity_id":3,"src_endpoint":{"name":"unknown"},"status_code":"401","status_id":2,"time":1800000000000,"type_uid":600302,"#,
            r#""unmapped":{"consent":{"gpc":false},"level":"metadata","retention":{"class":"default"}}}"#
        )
    );
}

#[test]
fn redactions_and_identity() {
    let mut redacted = Decision::new("pii-redactor", Outcome::Redacted).rule("patients");
    redacted.findings.push(found("EMAIL", 2));
    let identity = Identity {
        subject: Some("jane".to_owned()),
        provider: "corp".to_owned(),
        ..Identity::default()
    };
    let observation = Observation {
        method: Some("GET".to_owned()),
        status: Some(200),
        identity: Some(identity.into()),
        decisions: vec![redacted],
        ..Observation::default()
    };
    let record = Context::pseudonymous().json(&observation);
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
        text.contains(r#""discovery_details":[{"count":2,"type":"EMAIL"}]"#),
        "{text}"
    );
    assert_eq!(record.member("action_id"), Some(&Json::from(4)));
}

#[test]
fn findings_say_where_and_what_became_of_them() {
    let of = |place, outcome, kind: &str, category| Finding {
        category,
        place,
        outcome,
        ..found(kind, 2)
    };
    let exempt = Decision::new("pii-redactor", Outcome::Allowed)
        .rule("patients")
        .found(of(
            Place::ResponseBody,
            FindingOutcome::Seen,
            "US_SSN",
            Category::Governmental,
        ))
        .found(of(
            Place::RequestQuery,
            FindingOutcome::Sent,
            "IBAN",
            Category::Financial,
        ));
    let observation = Observation {
        method: Some("GET".to_owned()),
        status: Some(200),
        decisions: vec![exempt.clone()],
        ..Observation::default()
    };
    let record = Context::new().json(&observation);
    // What is only seen is no change.
    assert_eq!(record.member("action_id"), Some(&Json::from(1)));
    assert_eq!(
        record.at("unmapped.findings").unwrap().to_string(),
        concat!(
            r#"[{"category":"governmental","count":2,"direction":"response","kind":"US_SSN","outcome":"seen","place":"response.body","rule":"patients"},"#,
            r#"{"category":"financial","count":2,"direction":"request","kind":"IBAN","outcome":"sent","place":"request.query","rule":"patients"}]"#,
        )
    );
    let resources = record.member("resources").unwrap().to_string();
    assert!(
        resources.contains(r#"{"category":"Governmental","category_id":2,"#),
        "{resources}"
    );
    assert!(
        resources.contains(r#"{"category":"Financial","category_id":3,"#),
        "{resources}"
    );
    let blocked = Decision::new("pii-redactor", Outcome::Denied).found(of(
        Place::RequestBody,
        FindingOutcome::Blocked,
        "PASSWORD",
        Category::Security,
    ));
    let record = Context::new().json(&Observation {
        decisions: vec![exempt, blocked],
        ..observation
    });
    assert_eq!(record.member("action_id"), Some(&Json::from(2)));
}

#[test]
fn a_response_that_was_cut_off_is_a_failure() {
    let ended = |flags: u64| {
        let observation = Observation {
            method: Some("GET".to_owned()),
            status: Some(200),
            response_flags: Some(flags),
            ..Observation::default()
        };
        let record = Context::new().json(&observation);
        (observation.failed(), record.member("status_id").cloned())
    };
    // No flag, a delay that somebody asked for, a cached response.
    for flags in [0, 1 << 9, 1 << 20] {
        assert_eq!(ended(flags), (false, Some(Json::from(1))), "{flags:b}");
    }
    // Upstream reset, upstream connection ended, client gone, time-outs, protocol errors.
    for bit in [2, 3, 4, 5, 6, 14, 16, 18, 19, 22, 23, 28] {
        assert_eq!(ended(1 << bit), (true, Some(Json::from(2))), "{bit}");
    }
}

#[test]
fn a_path_is_recorded_as_it_was_sent_where_that_is_not_its_reading() {
    let observation = Observation {
        method: Some("GET".to_owned()),
        path: Some("/b".to_owned()),
        path_as_sent: Some("/a/../b".to_owned()),
        ..Observation::default()
    };
    let mut context = Context::new();
    let url = |context: &Context, name: &str| {
        let record = context.json(&observation);
        let value = record.at(&format!("http_request.url.{name}"));
        value.and_then(Json::as_str).map(str::to_owned)
    };
    assert_eq!(url(&context, "path").as_deref(), Some("/b"));
    assert_eq!(url(&context, "url_string").as_deref(), Some("/a/../b"));
    // Who wants no paths in records gets none, also where the rule has no template.
    context.fields.path = PathForm::Template;
    assert_eq!(url(&context, "path").as_deref(), Some("/{path}"));
    assert_eq!(url(&context, "url_string"), None);
    context.template = Some("/a/{id}");
    assert_eq!(url(&context, "path").as_deref(), Some("/a/{id}"));
}

#[test]
fn another_activity_is_named_by_its_method() {
    for (method, name) in [("PURGE", Some("PURGE")), ("GET", None)] {
        let observation = Observation {
            method: Some(method.to_owned()),
            ..Observation::default()
        };
        let record = Context::new().json(&observation);
        let written = record.member("activity_name").and_then(Json::as_str);
        assert_eq!(written, name);
    }
}

#[test]
fn what_no_filter_could_say_is_unknown_and_not_allowed() {
    for (status, action, disposition) in [(200, 1, 1), (401, 0, 0), (503, 0, 0)] {
        let observation = Observation {
            method: Some("GET".to_owned()),
            status: Some(status),
            is_isolated: true,
            ..Observation::default()
        };
        let record = Context::new().json(&observation);
        assert_eq!(record.member("action_id"), Some(&Json::from(action)));
        assert_eq!(
            record.member("disposition_id"),
            Some(&Json::from(disposition))
        );
        let name = record.at("actor.user.name").and_then(Json::as_str);
        assert_eq!(name, Some("unknown"));
    }
}

#[test]
fn consent_that_cannot_be_read_is_said_to_be_and_not_repeated() {
    let observation = Observation {
        purposes: Some(Vec::new()),
        consent_unreadable: true,
        ..Observation::default()
    };
    let record = Context::new().json(&observation);
    assert_eq!(
        record.at("unmapped.consent").unwrap().to_string(),
        r#"{"gpc":false,"purposes":[],"unreadable":true}"#
    );
}

#[test]
fn a_record_says_who_says_what_of_consent_and_what_the_rule_wanted() {
    let signal = |source, is_trusted| ConsentSignal {
        source,
        is_trusted,
        is_readable: true,
        ..ConsentSignal::default()
    };
    let observation = Observation {
        purposes: Some(vec!["care".to_owned()]),
        consent: ConsentDetail {
            policy: Some("0a".repeat(32)),
            receipt: Some("r-1".to_owned()),
            required: vec!["care".to_owned(), "ads".to_owned()],
            signals: vec![
                signal("objection", true),
                signal("claim", true),
                ConsentSignal {
                    is_readable: false,
                    bits: Some("usp=Y".to_owned()),
                    sha256: Some("0b".repeat(32)),
                    ..signal("gpp", false)
                },
            ],
        },
        ..Observation::default()
    };
    let record = Context::new().json(&observation);
    let expected = format!(
        r#"{{"gpc":false,"policy":"{}","purposes":["care"],"receipt":"r-1","required":["care","ads"],"sources":[{{"asserted_by":"operator","name":"objection"}},{{"asserted_by":"issuer","name":"claim"}},{{"asserted_by":"caller","bits":"usp=Y","name":"gpp","readable":false,"sha256":"{}"}}]}}"#,
        "0a".repeat(32),
        "0b".repeat(32)
    );
    let consent = record.at("unmapped.consent").unwrap();
    assert_eq!(consent.to_string(), expected);
}

/// The schema wants one of several members in some objects, whatever is known.
#[test]
fn little_is_known_and_the_record_is_still_one() {
    let nameless = Identity {
        provider: "corp".to_owned(),
        ..Identity::default()
    };
    let mut redacted = Decision::new("pii-redactor", Outcome::Redacted);
    redacted.findings.push(found("EMAIL", 1));
    let observations = [
        Observation::default(),
        Observation {
            method: Some("PURGE".to_owned()),
            host: Some("shop.example".to_owned()),
            source_ip: Some("/run/proxy.sock".to_owned()),
            identity: Some(nameless.into()),
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
        let record = Context::new().json(observation);
        for (path, value) in expected {
            assert_eq!(record.at(path).and_then(Json::as_str), value, "{path}");
        }
        assert_eq!(record.at("src_endpoint.ip"), None);
        assert_eq!(record.at("http_request.http_method"), None);
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
        let record = Context::new().json(&observation);
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

#[test]
fn what_is_only_received_is_no_failure_and_no_success() {
    let observation = Observation {
        method: Some("GET".to_owned()),
        path: Some("/x".to_owned()),
        ..Observation::default()
    };
    let mut context = Context::new();
    context.is_received = true;
    let record = context.json(&observation);
    for (path, expected) in [
        ("status_id", "99"),
        ("disposition_id", "17"),
        ("unmapped.stage", r#""received""#),
        ("actor.user.name", r#""unverified""#),
    ] {
        assert_eq!(record.at(path).unwrap().to_string(), expected, "{path}");
    }
}
