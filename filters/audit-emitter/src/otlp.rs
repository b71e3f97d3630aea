//! Batches as OTLP/HTTP JSON (OpenTelemetry protocol, `POST /v1/logs`).
//!
//! The record travels as a string body, byte for byte; what collectors route by is repeated in
//! flat attributes. Records of one retention class share a resource, so that a collector can send
//! each class to its own store without reading the records.

use policy::json::Json;

use crate::queue::QueuedRecord;

/// The request body for a batch.
#[must_use]
pub fn export_request(batch: &[&QueuedRecord], observed_ns: u64) -> String {
    let mut classes: Vec<&str> = batch.iter().map(|record| record.class.as_str()).collect();
    classes.sort_unstable();
    classes.dedup();
    let resources = classes.into_iter().map(|class| {
        let records = batch.iter().filter(|record| record.class == class);
        let records = records
            .map(|record| log_record(record, observed_ns))
            .collect();
        object(vec![
            (
                "resource",
                object(vec![(
                    "attributes",
                    Json::Array(vec![
                        attribute("service.name", "meshward.audit-emitter"),
                        attribute("audit.retention_class", class),
                    ]),
                )]),
            ),
            (
                "scopeLogs",
                Json::Array(vec![object(vec![
                    (
                        "scope",
                        object(vec![("name", Json::from("meshward.audit-emitter"))]),
                    ),
                    ("logRecords", Json::Array(records)),
                ])]),
            ),
        ])
    });
    object(vec![("resourceLogs", Json::Array(resources.collect()))]).to_string()
}

fn log_record(record: &QueuedRecord, observed_ns: u64) -> Json {
    let mut members = vec![
        ("timeUnixNano", Json::String(record.time_ns.to_string())),
        (
            "observedTimeUnixNano",
            Json::String(observed_ns.to_string()),
        ),
        (
            "severityNumber",
            Json::from(if record.denied { WARN } else { INFO }),
        ),
        ("eventName", Json::from("api_activity")),
        (
            "body",
            object(vec![("stringValue", Json::from(record.json.as_str()))]),
        ),
        ("attributes", Json::Array(attributes(record))),
    ];
    if let Some(trace) = &record.trace {
        members.push(("traceId", Json::from(trace.trace_id.as_str())));
        members.push(("spanId", Json::from(trace.span_id.as_str())));
    }
    object(members)
}

/// What collectors filter and count by.
fn attributes(record: &QueuedRecord) -> Vec<Json> {
    let decision = if record.denied { "denied" } else { "allowed" };
    let mut attributes = vec![
        attribute("audit.uid", &record.uid),
        attribute("audit.retention_class", &record.class),
        attribute("audit.decision", decision),
    ];
    if let Some(status) = record.status {
        // Integers have 64 bits in OTLP, and those are strings in the JSON of protobuf.
        let number = object(vec![("intValue", Json::String(status.to_string()))]);
        attributes.push(object(vec![
            ("key", Json::from("http.response.status_code")),
            ("value", number),
        ]));
    }
    attributes
}

fn attribute(key: &str, value: &str) -> Json {
    object(vec![
        ("key", Json::from(key)),
        ("value", object(vec![("stringValue", Json::from(value))])),
    ])
}

fn object(members: Vec<(&str, Json)>) -> Json {
    Json::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

const INFO: u64 = 9;
const WARN: u64 = 13;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::TraceContext;

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
        let text = export_request(&records.iter().collect::<Vec<_>>(), 5);
        let request = Json::parse(text.as_bytes()).unwrap();
        let Some(Json::Array(resources)) = request.member("resourceLogs") else {
            panic!()
        };
        let bodies: Vec<Vec<String>> = resources
            .iter()
            .map(|resource| {
                let Some(Json::Array(scopes)) = resource.member("scopeLogs") else {
                    panic!()
                };
                let Some(Json::Array(logs)) = scopes[0].member("logRecords") else {
                    panic!()
                };
                logs.iter()
                    .map(|log| {
                        log.at("body.stringValue")
                            .unwrap()
                            .as_str()
                            .unwrap()
                            .to_owned()
                    })
                    .collect()
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
            uid: "e1:7".to_owned(),
            class: "hipaa".to_owned(),
            ..QueuedRecord::default()
        };
        let refused = QueuedRecord {
            denied: true,
            status: Some(403),
            trace: Some(Box::new(TraceContext {
                trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
                span_id: "00f067aa0ba902b7".to_owned(),
            })),
            ..plain.clone()
        };
        assert_eq!(
            log_record(&plain, 5).to_string(),
            concat!(
                r#"{"timeUnixNano":"0","observedTimeUnixNano":"5","severityNumber":9,"eventName":"api_activity","#,
                r#""body":{"stringValue":"{}"},"attributes":["#,
                r#"{"key":"audit.uid","value":{"stringValue":"e1:7"}},"#,
                r#"{"key":"audit.retention_class","value":{"stringValue":"hipaa"}},"#,
                r#"{"key":"audit.decision","value":{"stringValue":"allowed"}}]}"#
            )
        );
        let text = log_record(&refused, 5).to_string();
        for expected in [
            r#""severityNumber":13"#,
            r#"{"key":"audit.decision","value":{"stringValue":"denied"}}"#,
            r#"{"key":"http.response.status_code","value":{"intValue":"403"}}"#,
            r#""traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7""#,
        ] {
            assert!(text.contains(expected), "{expected} is not in {text}");
        }
    }
}
