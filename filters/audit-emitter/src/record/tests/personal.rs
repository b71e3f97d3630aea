//! How people are written in a record.

use super::*;

#[test]
fn an_application_that_acts_for_itself_has_one_pseudonym() {
    let identity = |client_id: &str| Identity {
        subject: Some("billing-job".to_owned()),
        client_id: Some(client_id.to_owned()),
        ..Identity::default()
    };
    for (client_id, hidden) in [("billing-job", true), ("shop-app", false)] {
        let observation = Observation {
            identity: Some(identity(client_id).into()),
            ..Observation::default()
        };
        let record = Context::pseudonymous().json(&observation);
        assert!(!record.to_string().contains("billing-job"), "{record}");
        let written = record.at("actor.app_uid").and_then(Json::as_str);
        assert_eq!(written != Some(client_id), hidden, "{record}");
    }
}

#[test]
fn personal_parts_are_written_as_the_configuration_says() {
    let observation = Observation {
        method: Some("GET".to_owned()),
        path: Some("/patients/jane".to_owned()),
        query: Some("token=s3cret&name=jane&bare&=x".to_owned()),
        source_ip: Some("192.0.2.77".to_owned()),
        headers: vec![("x-tenant".to_owned(), "acme".to_owned())],
        user_agent: Some("curl".to_owned()),
        peer: Some("spiffe://shop/billing".to_owned()),
        ..Observation::default()
    };
    let at = |context: &Context, path: &str| {
        let record = context.json(&observation);
        record.at(path).map(ToString::to_string).unwrap_or_default()
    };
    let mut context = Context::pseudonymous();
    context.template = Some("/patients/{id}");
    for (path, expected) in [
        ("http_request.url.path", r#""/patients/jane""#),
        ("http_request.url.query_string", ""),
        ("http_request.http_headers", ""),
        ("http_request.user_agent", ""),
        ("api.operation", r#""GET /patients/{id}""#),
        ("src_endpoint.ip", r#""192.0.2.77""#),
        ("unmapped.authentication", r#""client_certificate""#),
    ] {
        assert_eq!(at(&context, path), expected, "{path}");
    }
    assert!(at(&context, "actor.user.uid").starts_with(r#""2026:"#));
    context.level = Level::Request;
    context.fields = FieldSettings {
        query: QueryForm::Keys,
        ip: IpForm::Prefix,
        path: PathForm::Template,
        ..FieldSettings::default()
    };
    for (path, expected) in [
        ("http_request.url.path", r#""/patients/{id}""#),
        ("http_request.url.query_string", r#""token&name""#),
        (
            "http_request.http_headers",
            r#"[{"name":"x-tenant","value":"acme"}]"#,
        ),
        ("http_request.user_agent", r#""curl""#),
        ("src_endpoint.ip", r#""192.0.2.0""#),
    ] {
        assert_eq!(at(&context, path), expected, "{path}");
    }
    context.fields.query = QueryForm::Hash;
    context.fields.ip = IpForm::Pseudonym;
    assert!(at(&context, "http_request.url.query_string").starts_with(r#""2026:"#));
    assert!(at(&context, "src_endpoint.name").starts_with(r#""2026:"#));
    context.fields.ip = IpForm::None;
    assert_eq!(at(&context, "src_endpoint"), r#"{"name":"hidden"}"#);
    let text = context.text(&observation);
    for hidden in ["192.0.2", "s3cret", "jane", "spiffe"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
}

#[test]
fn people_are_pseudonyms_in_a_group_that_can_be_erased() {
    let finding = |kind: &str, outcome, place| Finding {
        outcome,
        place,
        ..found(kind, 1)
    };
    let mut decision = Decision::new("pii-redactor", Outcome::Redacted);
    decision.findings = vec![
        finding("US_SSN", FindingOutcome::Masked, Place::ResponseBody),
        finding("EMAIL", FindingOutcome::Removed, Place::ResponseBody),
        finding("EMAIL", FindingOutcome::Seen, Place::ResponseHeaders),
        finding("PHONE", FindingOutcome::Sent, Place::RequestBody),
    ];
    let observation = Observation {
        data_subjects: Some(ObservedSubjects {
            values: vec!["7".to_owned(), "8".to_owned()],
            omitted: 9,
            is_incomplete: true,
        }),
        decisions: vec![decision],
        ..Observation::default()
    };
    let context = Context::pseudonymous();
    let text = context.text(&observation);
    let record = Json::parse(text.as_bytes()).unwrap();
    let keyed = Pseudonymizer::new(&[7; 32], "2026".to_owned());
    assert_eq!(
        record.at("unmapped.data_subject").unwrap().to_string(),
        format!(
            r#"{{"disclosed":[{{"class":"EMAIL","form":"clear"}},{{"class":"US_SSN","form":"masked"}}],"incomplete":true,"omitted":9,"uids":["{}","{}"]}}"#,
            keyed.data_subject("7"),
            keyed.data_subject("8")
        )
    );
    let mut erased = record;
    Group::DataSubject.erase(&mut erased);
    assert!(erased.at("unmapped.data_subject").is_none());
    let left = Record::check(&erased).unwrap();
    assert_eq!(left.erased, [Group::DataSubject]);
    // Without people there is no such group.
    let other = context.text(&Observation::default());
    assert!(!other.contains("data_subject"), "{other}");
}

#[test]
fn ten_thousand_people_do_not_lengthen_a_record() {
    let mut people = ObservedSubjects::default();
    let all: Vec<String> = (0..10_000).map(|id| format!("patient-{id}")).collect();
    people.add_all(&all);
    let observation = Observation {
        data_subjects: Some(people),
        ..Observation::default()
    };
    let text = Context::pseudonymous().text(&observation);
    assert!(text.len() < 12 * 1024, "{}", text.len());
    assert!(text.contains(r#""omitted":9900"#), "{text}");
}
