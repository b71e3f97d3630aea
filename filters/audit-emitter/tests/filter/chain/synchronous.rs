//! Requests that wait for their record.

use super::*;

#[test]
fn a_request_waits_for_its_record_where_the_rule_says_so() {
    let more = r#","rules":[{"match":{"paths":["/patients/**"]},"assurance":"synchronous"}]"#;
    let mut proxy = signed(OTLP, more);
    let collector = Collector::of(&mut proxy);
    let request = Request::get("/patients/7");
    // Acknowledged at once. Its headers are read once, for the rule before anybody has verified the
    // caller and for both records.
    let lists = "proxy_get_header_map_pairs";
    let before = proxy.host().times_called(lists);
    assert_eq!(get(&mut proxy, "/patients/7"), 200);
    assert_eq!(proxy.host().times_called(lists), before + 1);
    let received = collector.records();
    assert_eq!(received.len(), 1);
    assert_eq!(
        received[0].at("unmapped.stage").unwrap().to_string(),
        r#""received""#
    );
    // Nobody answers: the request is not served, and not for ever held.
    collector.hangs.set(true);
    let stream = proxy.start(&request);
    proxy.send(stream, &request);
    assert!(!proxy.request_arrived(stream));
    proxy.advance(Duration::from_secs(3));
    assert!(!proxy.request_arrived(stream));
    proxy.advance(Duration::from_secs(3));
    let outcome = proxy.finish(stream);
    assert_eq!(outcome.client().status(), Some(503));
    assert!(outcome.client().text().contains("audit_not_acknowledged"));
    assert_eq!(metric(&proxy, "rejected_requests_total;outcome=refused"), 1);
    // Others pass meanwhile.
    assert_eq!(get(&mut proxy, "/orders/1"), 200);
    // A client that leaves is forgotten.
    let stream = proxy.start(&request);
    proxy.send(stream, &request);
    proxy.finish(stream);
    collector.hangs.set(false);
    proxy.advance(Duration::from_secs(60));
    let texts = collector.texts.borrow();
    assert_whole(&texts);
    let denied = texts
        .iter()
        .filter(|text| text.contains("audit_not_acknowledged"));
    assert_eq!(denied.count(), 1);
    assert_eq!(requests_in(&texts).len(), 2 + 2 + 1 + 2);
}

#[test]
fn what_nobody_acknowledges_goes_on_where_the_configuration_says_so() {
    for (more, outcome) in [
        (
            r#","assurance":"synchronous","on_error":"allow""#,
            "allowed",
        ),
        (r#","assurance":"synchronous","mode":"report""#, "reported"),
    ] {
        let mut proxy = signed(OTLP, more);
        let collector = Collector::of(&mut proxy);
        collector.down.set(true);
        let request = Request::get("/patients/7");
        let stream = proxy.start(&request);
        proxy.send(stream, &request);
        // Report mode changes nothing, not even when the request arrives.
        assert_eq!(proxy.request_arrived(stream), outcome == "reported");
        proxy.advance(Duration::from_secs(6));
        assert!(proxy.request_arrived(stream), "{outcome}");
        proxy.respond(stream, &Response::json("{}"));
        assert_eq!(proxy.finish(stream).client().status(), Some(200));
        assert_eq!(
            metric(
                &proxy,
                &format!("rejected_requests_total;outcome={outcome}")
            ),
            1
        );
        // Rejected for good is not acknowledged either.
        collector.down.set(false);
        proxy.advance(Duration::from_secs(60));
        collector.status.set(400);
        assert_eq!(get(&mut proxy, "/patients/8"), 200);
    }
}

#[test]
fn a_host_that_cannot_hold_requests_says_so_and_writes_to_its_log_first() {
    let configuration = r#"{"sink":{"otlp_http":{"cluster":"c"}},"assurance":"synchronous"}"#;
    let mut kong = with_configuration(Profile::Kong, configuration);
    let logs = kong.host().logs();
    assert!(
        logs.iter()
            .any(|line| line.text.contains("cannot hold a request"))
    );
    let collector = Collector::of(&mut kong);
    let request = Request::get("/orders/1");
    let stream = kong.start(&request);
    kong.send(stream, &request);
    assert!(kong.request_arrived(stream));
    assert_eq!(spilled(&kong), 1);
    kong.respond(stream, &Response::json("{}"));
    kong.finish(stream);
    kong.advance(Duration::from_secs(2));
    assert_eq!(collector.records().len(), 1);
    assert_whole(&collector.texts.borrow());
    // In a log it is before the upstream has the request, on every host.
    for profile in Profile::ALL {
        let configuration = r#"{"sink":"host_log","assurance":"synchronous"}"#;
        let mut proxy = with_configuration(profile, configuration);
        let request = Request::get("/orders/1");
        let stream = proxy.start(&request);
        proxy.send(stream, &request);
        assert!(proxy.request_arrived(stream));
        assert_eq!(requests_in(&logged(&proxy)).len(), 1);
    }
}
