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
    object(vec![
        ("timeUnixNano", Json::String(record.time_ns.to_string())),
        (
            "observedTimeUnixNano",
            Json::String(observed_ns.to_string()),
        ),
        // INFO
        ("severityNumber", Json::from(9)),
        ("eventName", Json::from("api_activity")),
        (
            "body",
            object(vec![("stringValue", Json::from(record.json.as_str()))]),
        ),
        (
            "attributes",
            Json::Array(vec![attribute("audit.retention_class", &record.class)]),
        ),
    ])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_apart_and_records_are_untouched() {
        let record = |json: &str, class: &str| QueuedRecord {
            json: json.to_owned(),
            class: class.to_owned(),
            queued_ns: 1,
            time_ns: 1_800_000_000_000_000_001,
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
}
