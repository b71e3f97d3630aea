//! Whatever a client sends, a record stays one line of bounded length.

use super::*;

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
        query: long("k=v&"),
        headers: vec![("x-a".to_owned(), long("v").unwrap())],
        upstream: long("u"),
        tls_version: long("t"),
        peer: long("p"),
        identity: Some(identity.into()),
        ..Observation::default()
    };
    let mut context = Context::new();
    context.level = Level::Full;
    context.fields.query = QueryForm::Keys;
    let text = context.text(&observation);
    assert!(!text.contains(['\n', '\r', '\0']));
    assert!(text.len() < 12 * 1024, "{}", text.len());
    assert!(text.contains('…'), "what is cut says so");
    let record = Json::parse(text.as_bytes()).unwrap();
    assert_eq!(record.at("unmapped.truncated"), Some(&Json::Bool(true)));
}

#[test]
fn no_caller_changes_his_own_name_by_what_else_he_sends() {
    let padding = "é".repeat(900);
    let observation = |subject: &str, client_id: Option<&str>, peer: Option<&str>, pads: bool| {
        let identity = Identity {
            subject: Some(subject.to_owned()),
            client_id: client_id.map(str::to_owned),
            ..Identity::default()
        };
        let headers = (0..16).map(|number| (format!("x-{number}"), padding.clone()));
        Observation {
            method: Some("GET".to_owned()),
            path: Some("/".to_owned()),
            query: Some(format!("q={}", "v".repeat(400))),
            headers: headers.filter(|_| pads).collect(),
            user_agent: Some(padding.clone()).filter(|_| pads),
            identity: peer.is_none().then(|| identity.into()),
            peer: peer.map(str::to_owned),
            ..Observation::default()
        }
    };
    let at = |record: &Json, path: &str| record.at(path).and_then(Json::as_str).map(str::to_owned);
    let (long, longer) = ("s".repeat(255), "s".repeat(1100));
    for (mut context, subject) in [
        (Context::pseudonymous(), "jane@example.com"),
        (Context::pseudonymous(), &long),
        (Context::pseudonymous(), &longer),
        (Context::new(), &long),
    ] {
        context.level = Level::Request;
        if context.subject.is_some() {
            context.fields.query = QueryForm::Hash;
        }
        for (client_id, peer) in [(None, None), (Some(subject), None), (None, Some(subject))] {
            let record = |pads| context.json(&observation(subject, client_id, peer, pads));
            let (short, padded) = (record(false), record(true));
            assert_eq!(padded.at("unmapped.truncated"), Some(&Json::Bool(true)));
            for path in [
                "actor.user.uid",
                "actor.app_uid",
                "http_request.url.query_string",
            ] {
                assert_eq!(at(&short, path), at(&padded, path), "{path} of {subject}");
            }
            assert!(at(&short, "actor.user.uid").is_some());
        }
    }
}

#[test]
fn no_caller_drives_out_of_his_record_what_he_got_to_see() {
    let kinds = [
        "CREDIT_CARD",
        "EMAIL",
        "PERSON_NAME",
        "STREET_ADDRESS",
        "US_SSN",
    ];
    let decision =
        Decision::new("pii-redactor", Outcome::Redacted).rule("patients of all hospitals");
    let decision = kinds
        .iter()
        .fold(decision, |one, kind| one.found(found(kind, 3)));
    let mut people = ObservedSubjects::default();
    people.add_all(
        &(0..91)
            .map(|id| format!("patient-{id}"))
            .collect::<Vec<_>>(),
    );
    let path = "/hospitals/university-hospital-of-zurich/patients";
    let escapes = "..%2f%e9\"<".repeat(200);
    let mut context = Context::pseudonymous();
    context.level = Level::Full;
    context.fields.query = QueryForm::Keys;
    let observation = Observation {
        method: Some("GET".to_owned()),
        path: Some(path.to_owned()),
        host: Some("clinic.example.com".to_owned()),
        path_as_sent: Some(format!("{path}{escapes}")),
        query: Some(format!("{}=1", "\"".repeat(2_000))),
        user_agent: Some("\"".repeat(2_000)),
        headers: (0..6)
            .map(|n| (format!("x-{n}"), "\"".repeat(2_000)))
            .collect(),
        forwarded_for: Some("2001:db8:1111:2222:3333:4444:5555:6666, ".repeat(200)),
        purposes: Some(vec!["\"".repeat(200); 64]),
        request_id: Some("\"".repeat(2_000)),
        data_subjects: Some(people),
        decisions: vec![decision],
        ..Observation::default()
    };
    let record = context.json(&observation);
    assert_eq!(record.at("unmapped.truncated"), Some(&Json::Bool(true)));
    let people = record.at("unmapped.data_subject").unwrap();
    let uids = people.member("uids").and_then(Json::as_array).unwrap();
    assert_eq!((uids.len(), people.member("omitted")), (91, None));
    assert_eq!(record.at("http_request.url.path"), Some(&Json::from(path)));
    let text = record.to_string();
    for kind in kinds {
        assert!(
            text.contains(&format!("\"kind\":\"{kind}\"")),
            "{kind}: {text}"
        );
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// However long what a client sends is, and however it has to be spelled.
    #[test]
    fn a_record_keeps_within_its_bound(
        piece in "[<\"\\\\é\u{1}\u{1F600}a/]{1,3}",
        times in 0_usize..20_000,
        items in 0_usize..60,
        least in 8_192_usize..20_000,
        epoch in 1_usize..32,
    ) {
        let text = piece.repeat(times);
        let some = || Some(text.clone());
        let decisions = (0..items).map(|number| {
            let outcome = if number == 20 { Outcome::Denied } else { Outcome::Redacted };
            (0..3).fold(Decision::new(&text, outcome).rule(text.as_str()).reason(&text), |one, kind| {
                one.found(Finding { rule: some(), ..found(&format!("{kind}{text}"), 2) })
            })
        });
        let observation = Observation {
            method: some(),
            request_id: some(),
            path: some(),
            path_as_sent: some(),
            query: some(),
            host: some(),
            route: some(),
            status_details: some(),
            source_ip: some(),
            upstream: some(),
            tls_version: some(),
            peer: some(),
            grpc_status: Some(u64::MAX),
            response_flags: Some(u64::MAX),
            user_agent: some(),
            headers: (0..items.min(32)).map(|number| (format!("x-{number}-{}", "n".repeat(100)), text.clone())).collect(),
            forwarded_for: Some("2001:db8:1111:2222:3333:4444:5555:6666, ".repeat(items)),
            identity: Some(Identity {
                subject: some(),
                client_id: some(),
                issuer: some(),
                tenant: some(),
                provider: text.clone(),
                ..Identity::default()
            }.into()),
            decisions: decisions.collect(),
            data_subjects: Some(ObservedSubjects {
                values: (0..items * 2).map(|number| number.to_string()).collect(),
                omitted: u64::MAX,
                is_incomplete: true,
            }),
            purposes: Some(vec![text.clone(); items]),
            trace: Some(TraceContext::default()),
            response_bytes: Some(u64::MAX),
            status: Some(200),
            ..Observation::default()
        };
        let mut context = Context::new();
        if items % 2 == 0 {
            context.subject = Some(Pseudonymizer::new(&[7; 32], "e".repeat(epoch)));
        }
        context.level = Level::Full;
        context.fields.query = QueryForm::Keys;
        context.retention.class = "c".repeat(64);
        context.max_bytes = least;
        let sealed = context.text(&observation);
        proptest::prop_assert!(audit::canonical::escaped_bytes(&sealed) <= least);
        let record = Json::parse(sealed.as_bytes()).unwrap();
        // A refusal is never what is left out.
        proptest::prop_assert_eq!(record.member("action_id"), Some(&Json::from(if items > 20 { 2 } else if items > 0 { 4 } else { 1 })));
    }
}
