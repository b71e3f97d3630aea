//! The filter in a host in memory: a collector that comes and goes, queues that fill, endings.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use audit_emitter::AuditEmitter;
use host::fake::{Answer, AnyCall, Profile, Proxy, Request, Response, StreamProperties};
use policy::decision::{Decision, Outcome as Decided};
use policy::identity::Identity;
use policy::json::Json;

const COLLECTOR: &str = r#"{"sink":{"otlp_http":{"cluster":"collector"}},
    "queue":{"max_bytes":"64KiB","max_records":20,"on_full":"ON_FULL"},
    "rules":[{"match":{"paths":["/healthz"]},"level":"none"},
             {"match":{"paths":["/patients/**"]},"level":"full","retention":{"class":"hipaa","keep":"6y"}}]}"#;

fn configured(profile: Profile, on_full: &str) -> Proxy {
    let mut proxy = Proxy::native::<AuditEmitter>(profile);
    let configuration = COLLECTOR.replace("ON_FULL", on_full);
    proxy
        .configure(configuration)
        .unwrap_or_else(|refused| panic!("{}", refused.text()));
    proxy
}

/// A collector that can be down, and what it has got.
#[derive(Clone, Default)]
struct Collector {
    down: Rc<Cell<bool>>,
    status: Rc<Cell<u16>>,
    records: Rc<RefCell<Vec<Json>>>,
    logs: Rc<RefCell<Vec<Json>>>,
}

impl Collector {
    fn of(proxy: &mut Proxy) -> Self {
        let collector = Self::default();
        collector.status.set(200);
        let this = collector.clone();
        proxy.answer_calls(move |call| {
            if this.down.get() {
                return Some(Answer::http(503, "upstream connect error"));
            }
            let AnyCall::Http { body, .. } = &call.call else {
                panic!("not HTTP")
            };
            if this.status.get() == 200 {
                let logs = logs_in(body);
                this.records.borrow_mut().extend(logs.iter().map(record_in));
                this.logs.borrow_mut().extend(logs);
            }
            Some(Answer::http(this.status.get(), "{}"))
        });
        collector
    }

    fn paths(&self) -> Vec<String> {
        let path = |record: &Json| {
            record
                .at("http_request.url.path")
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        };
        self.records.borrow().iter().map(path).collect()
    }
}

fn items<'j>(json: &'j Json, name: &str) -> &'j [Json] {
    match json.member(name) {
        Some(Json::Array(items)) => items,
        _ => panic!("{name}"),
    }
}

/// The log records of a request, as they are.
fn logs_in(body: &[u8]) -> Vec<Json> {
    let request = Json::parse(body).unwrap();
    let resources = items(&request, "resourceLogs").iter();
    let scopes = resources.flat_map(|resource| items(resource, "scopeLogs"));
    let logs = scopes.flat_map(|scope| items(scope, "logRecords"));
    logs.cloned().collect()
}

/// The audit record inside a log record.
fn record_in(log: &Json) -> Json {
    let text = log.at("body.stringValue").unwrap().as_str().unwrap();
    Json::parse(text.as_bytes()).unwrap()
}

fn get(proxy: &mut Proxy, path: &str) -> u16 {
    let outcome = proxy.run(&Request::get(path), &Response::json("{}"));
    assert_eq!(outcome.trap, None);
    outcome.client().status().unwrap()
}

fn spilled(proxy: &Proxy) -> usize {
    proxy
        .host()
        .logs()
        .iter()
        .filter(|line| line.text.starts_with("meshward.audit {"))
        .count()
}

#[test]
fn every_request_arrives_once_in_order() {
    for profile in [Profile::Envoy, Profile::Kong] {
        let mut proxy = configured(profile, "log");
        let collector = Collector::of(&mut proxy);
        for number in 0..5 {
            get(&mut proxy, &format!("/orders/{number}?secret=1"));
        }
        get(&mut proxy, "/healthz");
        proxy.advance(Duration::from_secs(2));
        let expected: Vec<String> = (0..5).map(|number| format!("/orders/{number}")).collect();
        assert_eq!(collector.paths(), expected, "{profile:?}");
        let records = collector.records.borrow();
        let numbers: Vec<String> = records
            .iter()
            .map(|record| record.at("metadata.sequence").unwrap().to_string())
            .collect();
        assert_eq!(numbers, ["1", "2", "3", "4", "5"]);
        assert!(!records[0].to_string().contains("secret"));
    }
}

#[test]
fn nothing_is_lost_while_the_collector_is_away() {
    let mut proxy = configured(Profile::Envoy, "log");
    let collector = Collector::of(&mut proxy);
    collector.down.set(true);
    for number in 0..20 {
        get(&mut proxy, &format!("/orders/{number}"));
        proxy.advance(Duration::from_secs(1));
    }
    assert_eq!(collector.paths(), Vec::<String>::new());
    collector.down.set(false);
    proxy.advance(Duration::from_secs(40));
    let expected: Vec<String> = (0..20).map(|number| format!("/orders/{number}")).collect();
    assert_eq!(collector.paths(), expected);
    assert_eq!(spilled(&proxy), 0);
    assert_eq!(
        proxy.host().metric("meshward.audit-emitter.queue_records"),
        0
    );
    assert_eq!(proxy.host().metric("meshward.audit-emitter.queue_bytes"), 0);
}

#[test]
fn a_full_queue_goes_the_configured_way() {
    for (on_full, refused, in_log, lost) in
        [("log", 0, 10, 0), ("drop", 0, 0, 10), ("reject", 12, 0, 0)]
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
        let metric = |name: &str| {
            proxy
                .host()
                .metric(&format!("meshward.audit-emitter.{name}"))
        };
        if on_full == "reject" {
            assert!(statuses.iter().filter(|status| **status == 503).count() >= refused);
        } else {
            assert!(statuses.iter().all(|status| *status == 200));
            assert_eq!(metric("lost_total;reason=queue_full"), lost, "{on_full}");
            assert_eq!(spilled(&proxy), in_log, "{on_full}");
        }
        let records = metric("records_total;class=default;decision=allowed")
            + metric("records_total;class=default;decision=denied");
        assert_eq!(records, 30, "refused requests are recorded too");
        collector.down.set(false);
        proxy.advance(Duration::from_secs(40));
        let arrived = i64::try_from(collector.paths().len() + spilled(&proxy)).unwrap();
        assert_eq!(arrived + lost, 30, "{on_full}");
    }
}

#[test]
fn what_the_collector_rejects_and_what_is_left_at_the_end_is_in_the_log() {
    let mut proxy = configured(Profile::Envoy, "log");
    let collector = Collector::of(&mut proxy);
    collector.status.set(400);
    get(&mut proxy, "/orders/1");
    proxy.advance(Duration::from_secs(2));
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
    let properties = StreamProperties::default();
    let identity = Identity {
        subject: Some("jane".to_owned()),
        provider: "corp".to_owned(),
        ..Identity::default()
    };
    properties.set("meshward.identity", identity.to_json());
    let mut redacted = Decision::new("pii-redactor", Decided::Redacted).rule("patients");
    redacted.counts.insert("EMAIL".to_owned(), 2);
    let list = [
        Decision::new("jwt-auth", Decided::Allowed).rule("rules[1]"),
        redacted,
    ];
    properties.set("meshward.decisions", Decision::list_to_json(&list));
    let request = Request::get("/patients/1")
        .header("sec-gpc", "1")
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .header("user-agent", "curl")
        .properties(&properties);
    proxy.run(&request, &Response::json("{}"));
    proxy.advance(Duration::from_secs(2));
    let records = collector.records.borrow();
    let at = |path: &str| {
        records[0]
            .at(path)
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    for (path, expected) in [
        ("actor.user.uid", r#""jane""#),
        ("unmapped.retention.class", r#""hipaa""#),
        ("unmapped.consent.gpc", "true"),
        ("trace.uid", r#""4bf92f3577b34da6a3ce929d0e0e4736""#),
        ("unmapped.parent_span_id", r#""00f067aa0ba902b7""#),
        ("http_request.user_agent", r#""curl""#),
        ("http_response.code", "200"),
    ] {
        assert_eq!(at(path), expected, "{path}");
    }
    let log = collector.logs.borrow()[0].clone();
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

/// Eighteen of twenty places are taken, so that `reject` looks at every further request.
fn nearly_full(rules: &str) -> Proxy {
    let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
    let configuration = r#"{"sink":{"otlp_http":{"cluster":"collector"}},
        "queue":{"max_records":20,"on_full":"reject"},
        "rules":[{"match":{"paths":["/fill"]}},RULES]}"#;
    proxy
        .configure(configuration.replace("RULES", rules))
        .unwrap();
    for _ in 0..18 {
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
    let records = collector.records.borrow();
    assert_eq!(records.len(), 19);
    let who = records[18].at("actor.user.uid").and_then(Json::as_str);
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

#[test]
fn report_mode_refuses_nothing() {
    for (mode, rule_mode) in [("report", "enforce"), ("enforce", "report")] {
        let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
        let configuration = r#"{"sink":{"otlp_http":{"cluster":"collector"}},"mode":"MODE",
            "queue":{"max_records":10,"on_full":"reject"},"rules":[{"mode":"RULE"}]}"#;
        let configuration = configuration
            .replace("MODE", mode)
            .replace("RULE", rule_mode);
        proxy.configure(configuration).unwrap();
        for _ in 0..30 {
            assert_eq!(get(&mut proxy, "/orders/1"), 200);
        }
        let metric = |name: &str| {
            proxy
                .host()
                .metric(&format!("meshward.audit-emitter.{name}"))
        };
        assert_eq!(metric("rejected_requests_total;outcome=reported"), 21);
        assert_eq!(metric("rejected_requests_total;outcome=refused"), 0);
        assert_eq!(metric("records_total;class=default;decision=allowed"), 30);
        assert_eq!(metric("queue_records"), 10);
        assert_eq!(spilled(&proxy), 20);
    }
}

#[test]
fn a_probe_leaves_the_path_that_it_sent_but_no_query() {
    for profile in Profile::ALL {
        let mut proxy = configured(profile, "log");
        get(&mut proxy, "/admin/%zz?token=secret");
        proxy.shut_down();
        let logs = proxy.host().logs();
        let mut lines = logs
            .iter()
            .filter_map(|line| line.text.strip_prefix("meshward.audit "));
        let line = lines.next().unwrap();
        assert!(!line.contains("secret"), "{line}");
        let record = Json::parse(line.as_bytes()).unwrap();
        let path = record.at("http_request.url.path").and_then(Json::as_str);
        assert_eq!(path, Some("/admin/%zz"), "{profile:?}");
    }
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
        let lines: Vec<&str> = lines
            .filter(|line| line.starts_with("meshward.audit"))
            .collect();
        let json: String = if profile == Profile::Envoy {
            assert_eq!(lines.len(), 1);
            lines[0].strip_prefix("meshward.audit ").unwrap().to_owned()
        } else {
            assert!(lines.iter().all(|line| line.len() < 1_900));
            lines
                .iter()
                .map(|line| line.splitn(4, ' ').nth(3).unwrap())
                .collect()
        };
        let record = Json::parse(json.as_bytes()).unwrap();
        let path = record.at("http_request.url.path").unwrap();
        assert!(path.as_str().unwrap().starts_with("/aaa"));
    }
}

#[test]
fn what_a_filter_stopped_is_recorded_also_where_nothing_else_is() {
    let mut proxy = configured(Profile::Envoy, "log");
    let collector = Collector::of(&mut proxy);
    for outcome in [Decided::Denied, Decided::Error, Decided::Allowed] {
        let properties = StreamProperties::default();
        let list = [Decision::new("jwt-auth", outcome)];
        properties.set("meshward.decisions", Decision::list_to_json(&list));
        let request = Request::get("/healthz").properties(&properties);
        proxy.run(&request, &Response::json("{}"));
    }
    proxy.advance(Duration::from_secs(2));
    assert_eq!(collector.paths(), ["/healthz", "/healthz"]);
    for log in collector.logs.borrow().iter() {
        assert!(log.to_string().contains(r#""stringValue":"denied""#));
    }
    let denied = "meshward.audit-emitter.records_total;class=default;decision=denied";
    assert_eq!(proxy.host().metric(denied), 2);
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
    proxy.configure(configuration).unwrap();
}
