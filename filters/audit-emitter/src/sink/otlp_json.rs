//! Batches as OTLP/HTTP JSON (OpenTelemetry protocol, `POST /v1/logs`).
//!
//! The record travels as a string body, byte for byte; what collectors route by is repeated in
//! flat attributes. Records of one retention class share a resource, so that a collector can send
//! each class to its own store without reading the records.

use audit::canonical::push_string;

use super::{Routing, decision};
use crate::queue::QueuedRecord;

/// The request body for a batch.
pub(super) fn export_request(batch: &[QueuedRecord], observed_ns: u64) -> String {
    let mut body = String::with_capacity(super::capacity(batch));
    body.push_str(r#"{"resourceLogs":["#);
    for (index, class) in super::classes(batch).into_iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(r#"{"resource":{"attributes":["#);
        push_attribute(&mut body, "service.name", super::SERVICE);
        body.push(',');
        push_attribute(&mut body, super::RETENTION_CLASS, class);
        body.push_str(
            r#"]},"scopeLogs":[{"scope":{"name":"meshward.audit-emitter"},"logRecords":["#,
        );
        let records = batch.iter().filter(|record| record.class == class);
        for (index, record) in records.enumerate() {
            if index > 0 {
                body.push(',');
            }
            push_record(&mut body, record, observed_ns);
        }
        body.push_str("]}]}");
    }
    body.push_str("]}");
    body
}

fn push_record(body: &mut String, record: &QueuedRecord, observed_ns: u64) {
    let routing = Routing::of(record);
    body.push_str(r#"{"timeUnixNano":""#);
    body.push_str(&record.time_ns.to_string());
    body.push_str(r#"","observedTimeUnixNano":""#);
    body.push_str(&observed_ns.to_string());
    body.push_str(r#"","severityNumber":"#);
    body.push_str(&routing.severity_number.to_string());
    body.push_str(r#","eventName":""#);
    body.push_str(routing.event_name);
    body.push_str(r#"","body":{"stringValue":"#);
    push_string(body, &record.json);
    body.push_str(r#"},"attributes":["#);
    push_attribute(body, "audit.uid", &record.uid());
    body.push(',');
    push_attribute(body, super::RETENTION_CLASS, &record.class);
    body.push(',');
    push_attribute(body, "audit.decision", decision(record.kind));
    if let Some(status) = record.status {
        // Integers have 64 bits in OTLP, and those are strings in the JSON of protobuf.
        body.push_str(r#",{"key":"http.response.status_code","value":{"intValue":""#);
        body.push_str(&status.to_string());
        body.push_str(r#""}}"#);
    }
    body.push(']');
    if let Some(trace) = record.trace.as_deref() {
        body.push_str(r#","flags":"#);
        body.push_str(&trace.flags.to_string());
        body.push_str(r#","traceId":"#);
        push_string(body, &trace.trace_id);
        body.push_str(r#","spanId":"#);
        push_string(body, &trace.span_id);
    }
    body.push('}');
}

fn push_attribute(body: &mut String, key: &str, value: &str) {
    body.push_str(r#"{"key":"#);
    push_string(body, key);
    body.push_str(r#","value":{"stringValue":"#);
    push_string(body, value);
    body.push_str("}}");
}

#[cfg(test)]
mod tests {
    use policy::json::Json;

    use super::*;

    fn items<'j>(json: &'j Json, name: &str) -> &'j [Json] {
        match json.member(name) {
            Some(Json::Array(items)) => items,
            _ => panic!("{name}"),
        }
    }

    #[test]
    fn classes_are_apart_and_records_are_untouched() {
        let record = |json: &str, class: &str| QueuedRecord {
            json: json.to_owned(),
            class: class.to_owned(),
            time_ns: 1_800_000_000_000_000_001,
            ..QueuedRecord::default()
        };
        let records = [
            record(r#"{"a":"\"é\n"}"#, "hipaa"),
            record("{}", "default"),
            record("[]", "hipaa"),
        ];
        let text = export_request(&records, 5);
        let request = Json::parse(text.as_bytes()).unwrap();
        let body = |log: &Json| {
            log.at("body.stringValue")
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        };
        let bodies: Vec<Vec<String>> = items(&request, "resourceLogs")
            .iter()
            .map(|resource| {
                let scope = &items(resource, "scopeLogs")[0];
                items(scope, "logRecords").iter().map(body).collect()
            })
            .collect();
        assert_eq!(
            bodies,
            [
                vec!["{}".to_owned()],
                vec![r#"{"a":"\"é\n"}"#.to_owned(), "[]".to_owned()]
            ]
        );
        assert!(text.contains(r#""timeUnixNano":"1800000000000000001""#));
    }

    #[test]
    fn what_collectors_route_by_is_outside_of_the_record() {
        let plain = QueuedRecord {
            json: "{}".to_owned(),
            chain_uid: "e1".to_owned(),
            sequence: 7,
            class: "hipaa".to_owned(),
            ..QueuedRecord::default()
        };
        let refused = plain.clone().refused();
        let text = |record: &QueuedRecord| {
            let mut text = String::new();
            push_record(&mut text, record, 5);
            text
        };
        assert_eq!(
            text(&plain),
            concat!(
                r#"{"timeUnixNano":"0","observedTimeUnixNano":"5","severityNumber":9,"eventName":"api_activity","#,
                r#""body":{"stringValue":"{}"},"attributes":["#,
                r#"{"key":"audit.uid","value":{"stringValue":"e1:7"}},"#,
                r#"{"key":"audit.retention_class","value":{"stringValue":"hipaa"}},"#,
                r#"{"key":"audit.decision","value":{"stringValue":"allowed"}}]}"#
            )
        );
        let text = text(&refused);
        for expected in [
            r#""severityNumber":13"#,
            r#","flags":3,"#,
            r#"{"key":"audit.decision","value":{"stringValue":"denied"}}"#,
            r#"{"key":"http.response.status_code","value":{"intValue":"403"}}"#,
            r#""traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7""#,
        ] {
            assert!(text.contains(expected), "{expected} is not in {text}");
        }
    }
}
