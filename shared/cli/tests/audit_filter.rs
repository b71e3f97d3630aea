//! What the filter really writes verifies, in the form in which it is sent, with what it wrote to
//! the log; and is read the fast way.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use audit_emitter::AuditEmitter;
use host::fake::{
    AnyCall, CallResponse, Process, Profile, Proxy, Request, Response, StreamProperties,
};
use policy::decision::{Decision, Outcome};
use policy::finding::{Category, Finding, FindingOutcome, Place};
use policy::identity::Identity;
use policy::json::Json;
use tempfile::TempDir;
use trail::item::Checker;
use trail::keyring::Keyring;

const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const PSEUDONYM_KEY: &str = "hV7nXq2LrT9cZb4WmK6sYd3PfG8jRt5Q";

const CONFIGURATION: &str = r#"{
    "sink": {"SINK": {"cluster": "collector"MORE}},
    "queue": {"max_bytes": "64KiB", "max_records": 40, "on_full": "ON_FULL"},
    "rules": [
        {"match": {"paths": ["/patients/**"]}, "level": "full", "template": "/patients/{id}", "retention": {"class": "hipaa", "keep": "6y"}},
        {"level": "request"}
    ],
    "fields": {"query": "keys", "headers": ["x-tenant"]},
    "subject": {"pseudonymize": {"key_env": "SUBJECT", "epoch": "2026"}},
    "chain": {"signing_key_env": "KEY", "key_id": "edge-1"}
}"#;

/// A collector: the bodies that it has got, and whether it is down.
#[derive(Clone, Default)]
struct Collector {
    bodies: Rc<RefCell<Vec<Vec<u8>>>>,
    down: Rc<Cell<bool>>,
}

impl Collector {
    fn serve(&self, proxy: &mut Proxy) {
        let this = self.clone();
        proxy.respond_to_calls(move |call| {
            if this.down.get() {
                return Some(CallResponse::http(503, "down"));
            }
            let AnyCall::Http { body, .. } = &call.call else {
                panic!()
            };
            this.bodies.borrow_mut().push(body.clone());
            Some(CallResponse::http(200, "{}"))
        });
    }

    /// As a collector's file holds them.
    fn file(&self) -> Vec<u8> {
        let bodies = self.bodies.borrow();
        let lines = bodies.iter().map(|body| {
            // Requests in protobuf stand one behind the other.
            let is_text = body.starts_with(b"{") || body.starts_with(b"[");
            let end: &[u8] = if !is_text || body.ends_with(b"\n") {
                b""
            } else {
                b"\n"
            };
            [body.as_slice(), end].concat()
        });
        lines.collect::<Vec<_>>().concat()
    }
}

fn worker(process: &Process, seed: u64, configuration: &str) -> Proxy {
    let mut proxy = Proxy::native_worker::<AuditEmitter>(process);
    proxy.host().set_random_seed(seed);
    proxy.host().set_environment_variable("KEY", SEED);
    proxy
        .host()
        .set_environment_variable("SUBJECT", PSEUDONYM_KEY);
    proxy.configure(configuration).unwrap();
    proxy
}

fn configuration(sink: &str, on_full: &str) -> String {
    // The encoding of OTLP.
    let (sink, more) = match sink {
        "otlp_http, json" => ("otlp_http", r#","encoding":"json""#),
        other => (other, ""),
    };
    CONFIGURATION
        .replace("SINK", sink)
        .replace("MORE", more)
        .replace("ON_FULL", on_full)
}

fn patient(proxy: &mut Proxy, subject: &str) {
    let identity = Identity {
        subject: Some(subject.to_owned()),
        client_id: Some("portal \"one\"".to_owned()),
        issuer: Some("https://idp.example.com".to_owned()),
        tenant: Some("north".to_owned()),
        provider: "corp".to_owned(),
        ..Identity::default()
    };
    let redacted = Decision::new("pii-redactor", Outcome::Redacted)
        .rule("patients")
        .found(found("EMAIL", 2))
        .found(found("US_SSN", 1));
    let allowed = Decision::new("jwt-auth", Outcome::Allowed).rule("rules[1]");
    let request = Request::get("/patients/7?name=J%C3%A4ne&x=\u{1}")
        .header("sec-gpc", "1")
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .header("user-agent", "curl/8 \"é\" \u{2028}")
        .header("x-tenant", "north\tsouth")
        .header("x-forwarded-for", "192.0.2.1, 2001:db8::1")
        .identity(&identity)
        .decisions(&[allowed, redacted]);
    assert_eq!(proxy.run(&request, &Response::json("{}")).trap, None);
}

fn refused(proxy: &mut Proxy) {
    let denied = Decision::new("jwt-auth", Outcome::Denied).rule("rules[2]");
    let request = Request::get("/orders/1").decisions(&[denied]);
    proxy.run(&request, &Response::json("{}"));
}

/// The lines of the proxy's log, as Envoy writes them.
/// The log as Envoy writes it: in front of each line stand the names that the configuration gives
/// the plugin and its VM, which may look like anything.
fn log(proxy: &Proxy) -> String {
    let lines = proxy.host().logs().into_iter();
    lines
        .map(|line| {
            format!(
                "[2026-11-24 21:00:00.000][7][critical][wasm] wasm log meshward.audit \
                 [meshward-audit/1 meshward.audit-emitter: {}\n",
                line.text
            )
        })
        .collect()
}

fn audit(folder: &Path, command: &str) -> (i32, Json) {
    let output = Command::new(env!("CARGO_BIN_EXE_meshward"))
        .arg("audit")
        .args(command.split(' '))
        .args(["--key", &format!("edge-1={PUBLIC}")])
        .current_dir(folder)
        .env("SUBJECT", PSEUDONYM_KEY)
        .output()
        .unwrap();
    let json = Json::parse(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), json)
}

fn number(json: &Json, path: &str) -> u64 {
    json.at(path)
        .unwrap_or_else(|| panic!("{path}"))
        .to_string()
        .parse()
        .unwrap()
}

/// All records in a file of OTLP requests or of lines are such as the fast check takes, but for
/// those about chains.
fn assert_fast(file: &[u8]) {
    let text = std::str::from_utf8(file).unwrap();
    let mut requests = 0;
    for line in text.lines() {
        let bodies: Vec<String> = match trail::envelope::read(line, &[]) {
            trail::envelope::Line::Record(text) => vec![text.to_owned()],
            trail::envelope::Line::Holds(contents) => {
                let found = contents.found.into_iter();
                found.map(|found| found.text.into_owned()).collect()
            }
            other => panic!("{other:?}"),
        };
        for body in bodies
            .iter()
            .filter(|body| body.contains("\"class_uid\":6003"))
        {
            assert!(
                Checker::new(&Keyring::default()).check_fast(body).is_some(),
                "{body}"
            );
            requests += 1;
        }
    }
    assert!(requests > 0);
}

fn found(kind: &str, count: u64) -> Finding {
    let outcome = FindingOutcome::Seen;
    Finding::new(kind, Category::Personal, Place::ResponseBody, outcome).times(count)
}

#[test]
fn what_is_sent_verifies_in_every_form() {
    for sink in [
        "otlp_http",
        "otlp_http, json",
        "ndjson_http",
        "cloudevents_http",
    ] {
        let process = Process::new(Profile::Envoy);
        let mut proxy = worker(&process, 1, &configuration(sink, "log"));
        let collector = Collector::default();
        collector.serve(&mut proxy);
        for _ in 0..4 {
            patient(&mut proxy, "jane");
            patient(&mut proxy, "john");
            refused(&mut proxy);
            proxy.advance(Duration::from_secs(3));
        }
        proxy.advance(Duration::from_secs(200));
        assert!(proxy.shut_down());
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("sent"), collector.file()).unwrap();
        std::fs::write(folder.path().join("envoy.log"), log(&proxy)).unwrap();
        if matches!(sink, "otlp_http, json" | "ndjson_http") {
            assert_fast(&collector.file());
        }
        let (code, verdict) = audit(folder.path(), "verify --json sent envoy.log");
        assert_eq!(code, 0, "{sink}: {verdict}");
        assert_eq!(number(&verdict, "records.requests"), 12);
        let jane =
            "report --format json --subject jane --pseudonym-key-env 2026=SUBJECT sent envoy.log";
        let (_, report) = audit(folder.path(), jane);
        assert_eq!(number(&report, "totals.requests"), 4, "{report}");
        let (_, report) = audit(folder.path(), "report --format json sent envoy.log");
        for (path, expected) in [
            ("totals.requests", 12),
            ("totals.refused", 4),
            ("consent.opted_out", 8),
        ] {
            assert_eq!(number(&report, path), expected, "{path}");
        }
        let Some(Json::Array(classes)) = report.at("data_classes") else {
            panic!()
        };
        assert_eq!(
            classes[0].to_string(),
            r#"{"class":"EMAIL","requests":8,"values":16,"subjects":2}"#
        );
        // Without the log, the end is missing, and said to be.
        let (code, _) = audit(folder.path(), "verify --json sent");
        assert_ne!(code, 0);
    }
}

#[test]
fn losses_are_named() {
    for (on_full, lost) in [("drop", true), ("log", false)] {
        let process = Process::new(Profile::Envoy);
        let mut proxy = worker(&process, 1, &configuration("otlp_http", on_full));
        let collector = Collector::default();
        collector.serve(&mut proxy);
        refused(&mut proxy);
        proxy.advance(Duration::from_secs(3));
        collector.down.set(true);
        for _ in 0..90 {
            let properties = StreamProperties::default();
            proxy.run(
                &Request::get("/orders/1").properties(&properties),
                &Response::json("{}"),
            );
        }
        collector.down.set(false);
        proxy.advance(Duration::from_secs(60));
        assert!(proxy.shut_down());
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("sent"), collector.file()).unwrap();
        std::fs::write(folder.path().join("envoy.log"), log(&proxy)).unwrap();
        let (code, verdict) = audit(folder.path(), "verify --json sent envoy.log");
        assert_eq!(code, if lost { 2 } else { 0 }, "{on_full}: {verdict}");
        let there = number(&verdict, "records.requests");
        let Some(Json::Array(gaps)) = verdict.at("declared_gaps") else {
            panic!()
        };
        let absent = if lost {
            number(&gaps[0], "requests")
        } else {
            0
        };
        assert_eq!(there + absent, 91, "{verdict}");
        assert_eq!(number(&verdict, "records.missing"), 0);
    }
}

#[test]
fn a_reload_leaves_no_hole() {
    let process = Process::new(Profile::Envoy);
    let before = configuration("otlp_http", "log");
    let mut old = worker(&process, 1, &before);
    let collector = Collector::default();
    collector.serve(&mut old);
    patient(&mut old, "jane");
    old.advance(Duration::from_secs(3));
    collector.down.set(true);
    patient(&mut old, "jane");
    let mut new = worker(&process, 2, &before.replace("6y", "7y"));
    collector.serve(&mut new);
    patient(&mut new, "john");
    assert!(old.shut_down());
    collector.down.set(false);
    new.advance(Duration::from_secs(60));
    patient(&mut new, "john");
    new.advance(Duration::from_secs(3));
    assert!(new.shut_down());
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("sent"), collector.file()).unwrap();
    std::fs::write(folder.path().join("envoy.log"), log(&old) + &log(&new)).unwrap();
    let (code, verdict) = audit(folder.path(), "verify --json sent envoy.log");
    assert_eq!(code, 0, "{verdict}");
    assert_eq!(number(&verdict, "records.requests"), 4);
}
