//! The filter in a host in memory: a collector that comes and goes, queues that fill, endings.

use std::time::Duration;

use crate::support::{
    Collector, assert_whole, configured, get, get_and_send, logged, metric, requests_in, spilled,
    with_configuration,
};
use audit_emitter::AuditEmitter;
use host::fake::{Profile, Proxy, Request, Response, StreamProperties};
use policy::decision::{Decision, Outcome as Decided};
use policy::finding::{Category, Finding, FindingOutcome, Place};
use policy::identity::Identity;
use policy::json::Json;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn found(kind: &str, count: u64) -> Finding {
    let outcome = FindingOutcome::Masked;
    Finding::new(kind, Category::Personal, Place::ResponseBody, outcome).times(count)
}

#[test]
fn every_request_arrives_once_in_order() {
    for profile in [Profile::Envoy, Profile::Kong] {
        let mut proxy = configured(profile, "log");
        let collector = Collector::of(&mut proxy);
        for number in 0..5 {
            get(&mut proxy, &format!("/orders/{number}?secret=1"));
        }
        get_and_send(&mut proxy, "/healthz");
        let expected: Vec<String> = (0..5).map(|number| format!("/orders/{number}")).collect();
        assert_eq!(collector.paths(), expected, "{profile:?}");
        let records = collector.records();
        let numbers: Vec<String> = records
            .iter()
            .map(|record| record.at("metadata.sequence").unwrap().to_string())
            .collect();
        assert_eq!(numbers, ["1", "2", "3", "4", "5"]);
        assert_whole(&collector.texts.borrow());
        assert!(!records[0].to_string().contains("secret"));
    }
}

#[test]
fn nothing_is_lost_while_the_collector_is_away() {
    let mut proxy = configured(Profile::Envoy, "log");
    let collector = Collector::of(&mut proxy);
    collector.down.set(true);
    for number in 0..18 {
        get(&mut proxy, &format!("/orders/{number}"));
        proxy.advance(Duration::from_secs(1));
    }
    assert_eq!(collector.paths(), Vec::<String>::new());
    collector.down.set(false);
    proxy.advance(Duration::from_secs(40));
    let expected: Vec<String> = (0..18).map(|number| format!("/orders/{number}")).collect();
    assert_eq!(collector.paths(), expected);
    assert_eq!(spilled(&proxy), 0);
    for gauge in ["queue_records", "queue_bytes", "oldest_record_seconds"] {
        assert_eq!(metric(&proxy, gauge), 0, "{gauge}");
    }
    assert_whole(&collector.texts.borrow());
}

#[test]
fn a_full_queue_goes_the_configured_way() {
    for (on_full, refused, in_log, lost) in
        [("log", 0, 12, 0), ("drop", 0, 0, 12), ("reject", 12, 0, 0)]
    {
        let mut proxy = configured(Profile::Envoy, on_full);
        let collector = Collector::of(&mut proxy);
        collector.down.set(true);
        let statuses: Vec<u16> = (0..30).map(|_| get(&mut proxy, "/orders/1")).collect();
        assert_eq!(
            get(&mut proxy, "/healthz"),
            200,
            "what is not recorded is not refused"
        );
        proxy.advance(Duration::from_secs(1));
        if on_full == "reject" {
            assert!(statuses.iter().filter(|status| **status == 503).count() >= refused);
        } else {
            assert!(statuses.iter().all(|status| *status == 200));
            assert_eq!(
                metric(&proxy, "lost_total;reason=queue_full"),
                lost,
                "{on_full}"
            );
            assert_eq!(spilled(&proxy), in_log, "{on_full}");
        }
        let records = metric(&proxy, "records_total;class=default;decision=allowed")
            + metric(&proxy, "records_total;class=default;decision=denied");
        assert_eq!(records, 30, "refused requests are recorded too");
        collector.down.set(false);
        proxy.advance(Duration::from_secs(40));
        let arrived = i64::try_from(collector.paths().len() + spilled(&proxy)).unwrap();
        assert_eq!(arrived + lost, 30, "{on_full}");
        assert_whole(&collector.texts.borrow());
    }
}

#[test]
fn what_the_collector_rejects_and_what_is_left_at_the_end_is_in_the_log() {
    let mut proxy = configured(Profile::Envoy, "log");
    let collector = Collector::of(&mut proxy);
    collector.status.set(400);
    get_and_send(&mut proxy, "/orders/1");
    assert_eq!(spilled(&proxy), 1);
    get(&mut proxy, "/orders/2");
    assert!(proxy.shut_down());
    assert_eq!(spilled(&proxy), 2);
}

#[test]
fn a_host_that_cannot_send_writes_to_its_log() {
    let mut proxy = configured(Profile::Apisix, "log");
    assert!(
        proxy
            .host()
            .logs()
            .iter()
            .any(|line| line.text.contains("records go to its log"))
    );
    get(&mut proxy, "/orders/1");
    get(&mut proxy, "/orders/2");
    assert_eq!(spilled(&proxy), 2);
}

#[test]
fn records_say_who_decided_what() {
    let mut proxy = configured(Profile::Envoy, "log");
    let collector = Collector::of(&mut proxy);
    let identity = Identity {
        subject: Some("jane".to_owned()),
        provider: "corp".to_owned(),
        roles: vec!["nurse".to_owned(), "staff".to_owned()],
        ..Identity::default()
    };
    let redacted = Decision::new("pii-redactor", Decided::Redacted).rule("patients");
    let allowed = Decision::new("jwt-auth", Decided::Allowed).rule("rules[1]");
    let request = Request::get("/patients/1")
        .header("sec-gpc", "1")
        .header("traceparent", TRACEPARENT)
        .header("user-agent", "curl")
        .identity(&identity)
        .decisions(&[allowed, redacted.found(found("EMAIL", 2))]);
    proxy.run(&request, &Response::json("{}"));
    proxy.advance(Duration::from_secs(2));
    let records = collector.records();
    let at = |path: &str| {
        records[0]
            .at(path)
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    for (path, expected) in [
        ("actor.user.uid", r#""jane""#),
        (
            "actor.user.groups",
            r#"[{"name":"nurse"},{"name":"staff"}]"#,
        ),
        ("unmapped.retention.class", r#""hipaa""#),
        ("unmapped.consent.gpc", "true"),
        ("trace.uid", r#""4bf92f3577b34da6a3ce929d0e0e4736""#),
        ("unmapped.parent_span_id", r#""00f067aa0ba902b7""#),
        ("http_request.user_agent", r#""curl""#),
        ("http_response.code", "200"),
    ] {
        assert_eq!(at(path), expected, "{path}");
    }
    let log = collector.logs.borrow()[1].clone();
    for (name, expected) in [
        ("traceId", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("spanId", "00f067aa0ba902b7"),
    ] {
        assert_eq!(log.at(name).and_then(Json::as_str), Some(expected));
    }
    assert!(at("authorizations").contains("jwt-auth/rules[1]"));
    assert!(at("resources").contains(r#""type":"EMAIL""#));
    let expires: u64 = at("unmapped.retention.expires").parse().unwrap();
    let time: u64 = at("time").parse().unwrap();
    assert_eq!(expires - time, 6 * 366 * 86_400_000);
}

/// Sixteen of twenty places are taken, so that `reject` looks at every further request.
fn nearly_full(rules: &str) -> Proxy {
    let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
    let configuration = r#"{"sink":{"otlp_http":{"cluster":"collector"}},
        "queue":{"max_records":20,"on_full":"reject"},
        "rules":[{"match":{"paths":["/fill"]}},RULES]}"#;
    proxy
        .configure(configuration.replace("RULES", rules))
        .unwrap();
    for _ in 0..16 {
        assert_eq!(get(&mut proxy, "/fill"), 200);
    }
    proxy
}

/// When the request comes, jwt-auth has not seen it yet; when the record is made, it has.
#[test]
fn who_is_verified_later_is_recorded_also_when_the_queue_is_nearly_full() {
    let rules = r#"{"match":{"scopes":["admin"]},"level":"full"},{"level":"none"}"#;
    let mut proxy = nearly_full(rules);
    let collector = Collector::of(&mut proxy);
    let properties = StreamProperties::default();
    let request = Request::get("/orders/1").properties(&properties);
    let stream = proxy.start(&request);
    let identity = Identity {
        subject: Some("root".to_owned()),
        scopes: vec!["admin".to_owned()],
        provider: "corp".to_owned(),
        ..Identity::default()
    };
    properties.set("meshward.identity", identity.to_json());
    proxy.send(stream, &request);
    proxy.respond(stream, &Response::json("{}"));
    proxy.finish(stream);
    proxy.advance(Duration::from_secs(2));
    let records = collector.records();
    assert_eq!(records.len(), 17);
    let who = records[16].at("actor.user.uid").and_then(Json::as_str);
    assert_eq!(who, Some("root"));
}

#[test]
fn a_full_queue_refuses_whoever_says_who_they_are() {
    let mut proxy = nearly_full(r#"{"match":{"scopes":["smoke"]},"level":"none"}"#);
    // base64url of {"scopes":["smoke"],"method":"jwt","provider":""}.
    let forged = "eyJzY29wZXMiOlsic21va2UiXSwibWV0aG9kIjoiand0IiwicHJvdmlkZXIiOiIifQ";
    let request = Request::get("/orders/1").header("x-meshward-identity", forged);
    let configuration = r#"{"sink":{"otlp_http":{"cluster":"collector"}},"identity_from":"header",
        "queue":{"max_records":1,"on_full":"reject"},
        "rules":[{"match":{"scopes":["smoke"]},"level":"none"}]}"#;
    let mut by_header = Proxy::native::<AuditEmitter>(Profile::Kong);
    by_header.configure(configuration).unwrap();
    get(&mut by_header, "/fill");
    for proxy in [&mut proxy, &mut by_header] {
        let outcome = proxy.run(&request, &Response::json("{}"));
        assert_eq!(outcome.client().status(), Some(503));
    }
}

/// The mode of the filter is the default of its rules, and no more than that.
#[test]
fn a_rule_refuses_in_a_filter_that_reports() {
    let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
    let configuration = r#"{"sink":{"otlp_http":{"cluster":"collector"}},"mode":"report",
        "queue":{"max_records":10,"on_full":"reject"},"rules":[{"mode":"enforce"}]}"#;
    proxy.configure(configuration).unwrap();
    let refused = (0..30)
        .filter(|_| get(&mut proxy, "/orders/1") == 503)
        .count();
    assert_eq!(refused, 22);
}

#[test]
fn report_mode_refuses_nothing() {
    for (mode, rule) in [("report", "{}"), ("enforce", r#"{"mode":"report"}"#)] {
        let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
        let configuration = r#"{"sink":{"otlp_http":{"cluster":"collector"}},"mode":"MODE",
            "queue":{"max_records":10,"on_full":"reject"},"rules":[RULE]}"#;
        let configuration = configuration.replace("MODE", mode).replace("RULE", rule);
        proxy.configure(configuration).unwrap();
        for _ in 0..30 {
            assert_eq!(get(&mut proxy, "/orders/1"), 200);
        }
        proxy.tick();
        assert_eq!(
            metric(&proxy, "rejected_requests_total;outcome=reported"),
            22
        );
        assert_eq!(metric(&proxy, "rejected_requests_total;outcome=refused"), 0);
        assert_eq!(
            metric(&proxy, "records_total;class=default;decision=allowed"),
            30
        );
        // Nine, and the beginning of the chain.
        assert_eq!(metric(&proxy, "queue_records"), 10);
        assert_eq!(spilled(&proxy), 21);
    }
}

#[test]
fn a_probe_leaves_the_path_that_it_sent_but_no_query() {
    for profile in Profile::ALL {
        let mut proxy = configured(profile, "log");
        get(&mut proxy, "/admin/%zz?token=secret");
        proxy.shut_down();
        let records = requests_in(&logged(&proxy));
        assert!(!records[0].to_string().contains("secret"), "{records:?}");
        let path = records[0]
            .at("http_request.url.path")
            .and_then(Json::as_str);
        assert_eq!(path, Some("/admin/%zz"), "{profile:?}");
    }
}

#[test]
fn the_path_of_an_attack_is_recorded_as_it_was_sent() {
    for profile in Profile::ALL {
        for (sent, read) in [("/a/../b", "/b"), ("/orders/1", "/orders/1")] {
            let mut proxy = configured(profile, "log");
            get(&mut proxy, sent);
            proxy.shut_down();
            let records = requests_in(&logged(&proxy));
            let url = |name: &str| {
                let value = records[0].at(&format!("http_request.url.{name}"));
                value.and_then(Json::as_str).map(str::to_owned)
            };
            assert_eq!(url("path").as_deref(), Some(read), "{profile:?}");
            let as_sent = Some(sent.to_owned()).filter(|sent| sent != read);
            assert_eq!(url("url_string"), as_sent, "{profile:?}");
        }
    }
}

/// The end of a request on APISIX tells nothing of it.
#[test]
fn the_status_is_recorded_on_every_host() {
    for profile in Profile::ALL {
        for status in [200, 401, 503] {
            let mut proxy = configured(profile, "log");
            let response = Response::new(status);
            proxy.run(&Request::get("/orders/1"), &response);
            proxy.shut_down();
            let records = requests_in(&logged(&proxy));
            let code = records[0].at("http_response.code").cloned();
            assert_eq!(code, Some(Json::from(u64::from(status))), "{profile:?}");
            let failed = u64::from(status >= 400);
            let status_id = records[0].member("status_id").cloned();
            assert_eq!(status_id, Some(Json::from(1 + failed)), "{profile:?}");
            let user = records[0].at("actor.user.name").and_then(Json::as_str);
            let is_anonymous = profile == Profile::Envoy;
            assert_eq!(user == Some("anonymous"), is_anonymous, "{profile:?}");
        }
    }
}

#[test]
fn a_failed_call_of_grpc_web_is_a_failure_and_plain_http_has_no_grpc_status() {
    for (content_type, expected) in [
        ("application/grpc", Some(5)),
        ("application/grpc-web+proto", Some(5)),
        ("application/grpc-web-text", Some(5)),
        ("application/json", None),
    ] {
        let mut proxy = configured(Profile::Envoy, "log");
        let request = Request::get("/shop.Orders/Get").header("content-type", content_type);
        let response = Response::new(200).header("grpc-status", "5");
        proxy.run(&request, &response);
        proxy.shut_down();
        let records = requests_in(&logged(&proxy));
        let status = records[0].at("unmapped.grpc_status").cloned();
        assert_eq!(status, expected.map(Json::from), "{content_type}");
        let status_id = if expected.is_some() { 2 } else { 1 };
        assert_eq!(records[0].member("status_id"), Some(&Json::from(status_id)));
    }
}

#[test]
fn both_limits_of_the_default_queue_are_reached_at_about_the_same_time() {
    let mut proxy = with_configuration(
        Profile::Envoy,
        r#"{"sink":{"otlp_http":{"cluster":"collector"}},"queue":{"on_full":"drop"},"rules":[{"level":"request"}]}"#,
    );
    let collector = Collector::of(&mut proxy);
    collector.down.set(true);
    let request = Request::get("/orders/1").header("user-agent", "curl/8.5.0");
    for _ in 0..5_000 {
        proxy.run(&request, &Response::json("{}"));
    }
    proxy.advance(Duration::from_millis(200));
    let (bytes, records) = (
        metric(&proxy, "queue_bytes"),
        metric(&proxy, "queue_records"),
    );
    let share = |used: i64, limit: i64| used * 100 / limit;
    assert!(share(records, 5_000) >= 90, "{records} records");
    assert!(share(bytes, 16 << 20) >= 50, "{bytes} bytes");
}

/// nginx cuts long lines, and a client could make a record long that it does not want read.
#[test]
fn a_long_record_is_whole_in_the_log_of_nginx() {
    for profile in Profile::ALL {
        let mut proxy = Proxy::native::<AuditEmitter>(profile);
        proxy
            .configure(r#"{"sink":"host_log","rules":[{"level":"full"}]}"#)
            .unwrap();
        get(&mut proxy, &format!("/{}", "a".repeat(10_000)));
        let logs = proxy.host().logs();
        let lines = logs.iter().map(|line| line.text.as_str());
        let mut lines = lines.filter(|line| line.starts_with(audit::log_line::MARK));
        if profile != Profile::Envoy {
            assert!(lines.all(|line| line.len() < 1_900));
        }
        let texts = logged(&proxy);
        assert_whole(&texts);
        let path = requests_in(&texts)[0].at("http_request.url.path").cloned();
        assert!(path.unwrap().as_str().unwrap().starts_with("/aaa"));
    }
}

#[test]
fn what_a_filter_stopped_is_recorded_also_where_nothing_else_is() {
    let mut proxy = configured(Profile::Envoy, "log");
    let collector = Collector::of(&mut proxy);
    for outcome in [Decided::Denied, Decided::Error, Decided::Allowed] {
        let decided = Decision::new("jwt-auth", outcome);
        let request = Request::get("/healthz").decisions(&[decided]);
        proxy.run(&request, &Response::json("{}"));
    }
    proxy.advance(Duration::from_secs(2));
    assert_eq!(collector.paths(), ["/healthz", "/healthz"]);
    let logs = collector.logs.borrow();
    let denied = logs
        .iter()
        .filter(|log| log.to_string().contains(r#""stringValue":"denied""#));
    assert_eq!(denied.count(), 2);
    assert_eq!(
        metric(&proxy, "records_total;class=default;decision=denied"),
        2
    );
}

#[test]
fn pseudonyms_need_a_good_key() {
    let configuration =
        r#"{"sink":"host_log","subject":{"pseudonymize":{"key_env":"KEY","epoch":"2026"}}}"#;
    let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
    let refused = proxy.configure(configuration).unwrap_err();
    assert!(
        refused.text().contains("subject.pseudonymize.key_env"),
        "{}",
        refused.text()
    );
    proxy.host().set_environment_variable("KEY", "too short");
    assert!(proxy.configure(configuration).is_err());
    proxy
        .host()
        .set_environment_variable("KEY", &"k".repeat(32));
    assert!(proxy.configure(configuration).is_err());
    proxy
        .host()
        .set_environment_variable("KEY", "fJ3kq8ZtR1vXwL0sPn7yBcDgHmQeUaTo");
    proxy.configure(configuration).unwrap();
}
