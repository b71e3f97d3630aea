//! How requests end that do not end well, and names that would make the log unreadable.

use std::time::Duration;

use crate::support::{Collector, assert_whole, get, with_configuration};
use audit_emitter::AuditEmitter;
use host::fake::{HOST_CALLS, Profile, Proxy, Request, Response};
use policy::json::Json;

const SAMPLED: &str = r#"{"sink":{"otlp_http":{"cluster":"collector"}},"rules":[{"sample":"1%"}]}"#;

/// The upstream's connection ends after 5 of 100 kB: the status is 200, and the client has not got what
/// it asked for. A sample takes of what went well only.
#[test]
fn a_truncated_response_is_a_failure_and_never_left_out_by_sampling() {
    let mut proxy = with_configuration(Profile::Envoy, SAMPLED);
    let collector = Collector::of(&mut proxy);
    for number in 0..30 {
        let request = Request::get(&format!("/cut/{number}"));
        let stream = proxy.start(&request);
        proxy.send(stream, &request);
        proxy.respond_headers(
            stream,
            &Response::new(200).header("content-length", "100000"),
        );
        proxy.respond_chunk(stream, &[b'x'; 5_000], false);
        let outcome = proxy.finish(stream);
        assert_eq!(outcome.trap, None);
        get(&mut proxy, &format!("/whole/{number}"));
    }
    proxy.advance(Duration::from_secs(2));
    let (cut, whole): (Vec<String>, Vec<String>) = collector
        .paths()
        .into_iter()
        .partition(|path| path.starts_with("/cut/"));
    let expected: Vec<String> = (0..30).map(|number| format!("/cut/{number}")).collect();
    assert_eq!(cut, expected);
    // Of 30 that went well, one in a hundred is taken.
    assert!(whole.len() < 10, "{whole:?}");
    for record in collector.records() {
        let is_cut = record.to_string().contains("/cut/");
        assert_eq!(
            record.member("status_id"),
            Some(&Json::from(if is_cut { 2 } else { 1 })),
            "{record}"
        );
    }
    assert_whole(&collector.texts.borrow());
}

/// A message without a body names nobody; of one that nobody has read, nobody knows.
#[test]
fn where_there_is_no_body_there_are_no_people_in_it() {
    let configuration = r#"{"sink":{"otlp_http":{"cluster":"collector"}},"subject":{"pseudonymize":{"key_env":"KEY","epoch":"1"}},
        "rules":[{"data_subject":[{"request":"$.p"},{"response":"$.p"}]}]}"#;
    let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
    proxy
        .host()
        .set_environment_variable("KEY", "fJ3kq8ZtR1vXwL0sPn7yBcDgHmQeUaTo");
    proxy.configure(configuration).unwrap();
    let collector = Collector::of(&mut proxy);
    for body in ["", "{}"] {
        let request = Request::get("/patients");
        let stream = proxy.start(&request);
        proxy.send(stream, &request);
        proxy.respond_headers(stream, &Response::new(200));
        proxy.respond_chunk(stream, body.as_bytes(), true);
        assert_eq!(proxy.finish(stream).trap, None);
    }
    proxy.advance(Duration::from_secs(2));
    let incomplete: Vec<bool> = collector
        .records()
        .iter()
        .map(|record| record.at("unmapped.data_subject.incomplete").is_some())
        .collect();
    assert_eq!(incomplete, [false, true]);
}

/// Whoever configures the proxy would hide records, or make some up, in every line of its log.
#[test]
fn a_name_that_looks_like_a_log_line_is_refused() {
    let configuration = r#"{"sink":"host_log"}"#;
    let names = ["plugin_name", "plugin_root_id", "plugin_vm_id"];
    for name in names {
        for (value, is_accepted) in [
            ("[meshward-audit/1 - 2] {}", false),
            ("edge [meshward-audit/1 ", false),
            ("meshward.audit-emitter", true),
            ("[meshward-audit/1", true),
            ("meshward-audit/1 ", true),
        ] {
            let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
            proxy.host().set_attribute(&[name], value);
            match proxy.configure(configuration) {
                Ok(()) => assert!(is_accepted, "{name}: {value}"),
                Err(refused) => {
                    assert!(!is_accepted, "{name}: {value}: {}", refused.text());
                    assert!(refused.text().contains(name), "{}", refused.text());
                    assert!(
                        refused.text().contains("marks audit records"),
                        "{}",
                        refused.text()
                    );
                }
            }
        }
    }
}

/// What a request costs in calls of the host, each of which leaves the VM: what its level does not
/// want is not read.
#[test]
fn a_request_costs_the_host_calls_that_its_record_needs() {
    let made = |level: &str| -> u64 {
        let configuration = format!(
            r#"{{"sink":{{"otlp_http":{{"cluster":"collector"}}}},"rules":[{{"level":"{level}"}}]}}"#
        );
        let mut proxy = with_configuration(Profile::Envoy, &configuration);
        let count = |proxy: &Proxy| -> u64 {
            let times = HOST_CALLS.map(|call| proxy.host().times_called(call));
            times.into_iter().sum()
        };
        // The first one opens the chain.
        get(&mut proxy, "/1");
        let before = count(&proxy);
        get(&mut proxy, "/2");
        count(&proxy) - before
    };
    assert_eq!(["none", "metadata", "full"].map(made), [4, 11, 15]);
}
