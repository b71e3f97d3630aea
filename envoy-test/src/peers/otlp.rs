//! The JSON form of the OpenTelemetry logs protocol, read strictly.
//!
//! Receivers are free to ignore what they do not know; this one is not, because a field that no
//! receiver knows is a field that every receiver drops. Numbers of 64 bits are strings, enumerations
//! are numbers, trace and span ids are lower-case hex.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A log record with everything that its request said about it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The attributes of the resource.
    pub resource: BTreeMap<String, Value>,
    /// The name of the instrumentation scope.
    pub scope: String,
    /// When it happened, in nanoseconds since the epoch.
    pub time_unix_nano: u64,
    /// The severity number, 0 when absent.
    pub severity: u8,
    /// The attributes of the record.
    pub attributes: BTreeMap<String, Value>,
    /// The body; a text that is JSON is read as such.
    pub body: Value,
    /// The body as it came, where it is a text.
    pub text: String,
    /// The trace id, empty when absent.
    pub trace_id: String,
}

impl Record {
    /// The record as JSON, for people.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "resource": self.resource,
            "scope": self.scope,
            "time_unix_nano": self.time_unix_nano.to_string(),
            "severity": self.severity,
            "attributes": self.attributes,
            "body": self.body,
            "trace_id": self.trace_id,
        })
    }
}

/// Reads the body of a request to `/v1/logs`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read_logs(body: &[u8]) -> Result<Vec<Record>, String> {
    let request: LogsRequest = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut records = Vec::new();
    for resource_logs in request.resource_logs {
        let resource = attributes(resource_logs.resource.attributes)?;
        for scope_logs in resource_logs.scope_logs {
            for record in scope_logs.log_records {
                records.push(read_record(record, &resource, &scope_logs.scope.name)?);
            }
        }
    }
    Ok(records)
}

/// Reads the protobuf form as strictly, for all that it has in common with the JSON form.
///
/// # Errors
/// What is wrong with it, in words.
#[cfg(feature = "bed")]
pub fn read_protobuf_logs(body: &[u8]) -> Result<Vec<Record>, String> {
    let lines = trail::source::otlp_json(body).map_err(|error| error.to_string())?;
    let requests = lines.lines().map(|line| read_logs(line.as_bytes()));
    let records = requests.collect::<Result<Vec<_>, _>>()?;
    Ok(records.into_iter().flatten().collect())
}

fn read_record(
    record: LogRecord,
    resource: &BTreeMap<String, Value>,
    scope: &str,
) -> Result<Record, String> {
    let hex = |text: &str, length: usize| {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.is_empty() || (text.len() == length && text.bytes().all(hex))
    };
    if !hex(&record.trace_id, 32) || !hex(&record.span_id, 16) {
        return Err("traceId and spanId are 32 and 16 lower-case hex digits".to_owned());
    }
    if record.severity_number > 24 {
        return Err(format!(
            "severityNumber {} is above 24",
            record.severity_number
        ));
    }
    if let Some(observed) = &record.observed_time_unix_nano {
        number(observed)?;
    }
    let body = record
        .body
        .map(any_value)
        .transpose()?
        .unwrap_or(Value::Null);
    let text = body.as_str().unwrap_or_default().to_owned();
    Ok(Record {
        resource: resource.clone(),
        scope: scope.to_owned(),
        time_unix_nano: number(&record.time_unix_nano)?,
        severity: record.severity_number,
        attributes: attributes(record.attributes)?,
        body: serde_json::from_str(&text).unwrap_or(body),
        text,
        trace_id: record.trace_id,
    })
}

fn attributes(pairs: Vec<KeyValue>) -> Result<BTreeMap<String, Value>, String> {
    let mut read = BTreeMap::new();
    for pair in pairs {
        let value = any_value(pair.value)?;
        if read.insert(pair.key.clone(), value).is_some() {
            return Err(format!("the attribute {:?} is there twice", pair.key));
        }
    }
    Ok(read)
}

fn any_value(value: AnyValue) -> Result<Value, String> {
    Ok(match value {
        AnyValue::String(text) => json!(text),
        AnyValue::Bool(yes) => json!(yes),
        AnyValue::Int(text) => {
            json!(
                text.parse::<i64>()
                    .map_err(|_| format!("intValue {text:?} is no number"))?
            )
        }
        AnyValue::Double(number) => json!(number),
        AnyValue::Bytes(base64) => json!(base64),
        AnyValue::Array(array) => Value::Array(
            array
                .values
                .into_iter()
                .map(any_value)
                .collect::<Result<_, _>>()?,
        ),
        AnyValue::Kvlist(list) => {
            Value::Object(attributes(list.values)?.into_iter().collect::<Map<_, _>>())
        }
    })
}

fn number(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a 64-bit number in a string"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LogsRequest {
    resource_logs: Vec<ResourceLogs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResourceLogs {
    #[serde(default)]
    resource: Resource,
    scope_logs: Vec<ScopeLogs>,
    #[serde(default, rename = "schemaUrl")]
    _schema_url: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Resource {
    #[serde(default)]
    attributes: Vec<KeyValue>,
    #[serde(default, rename = "droppedAttributesCount")]
    _dropped_attributes_count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScopeLogs {
    #[serde(default)]
    scope: Scope,
    log_records: Vec<LogRecord>,
    #[serde(default, rename = "schemaUrl")]
    _schema_url: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Scope {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "version")]
    _version: String,
    #[serde(default, rename = "attributes")]
    _attributes: Vec<KeyValue>,
    #[serde(default, rename = "droppedAttributesCount")]
    _dropped_attributes_count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LogRecord {
    time_unix_nano: String,
    observed_time_unix_nano: Option<String>,
    #[serde(default)]
    severity_number: u8,
    #[serde(default, rename = "severityText")]
    _severity_text: String,
    body: Option<AnyValue>,
    #[serde(default)]
    attributes: Vec<KeyValue>,
    #[serde(default, rename = "droppedAttributesCount")]
    _dropped_attributes_count: u32,
    #[serde(default, rename = "flags")]
    _flags: u32,
    #[serde(default)]
    trace_id: String,
    #[serde(default)]
    span_id: String,
    #[serde(default, rename = "eventName")]
    _event_name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyValue {
    key: String,
    value: AnyValue,
}

#[derive(Deserialize)]
enum AnyValue {
    #[serde(rename = "stringValue")]
    String(String),
    #[serde(rename = "boolValue")]
    Bool(bool),
    #[serde(rename = "intValue")]
    Int(String),
    #[serde(rename = "doubleValue")]
    Double(f64),
    #[serde(rename = "bytesValue")]
    Bytes(String),
    #[serde(rename = "arrayValue")]
    Array(Values<Self>),
    #[serde(rename = "kvlistValue")]
    Kvlist(Values<KeyValue>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Values<T> {
    values: Vec<T>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(record: Value) -> Vec<u8> {
        json!({"resourceLogs": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "m"}}]},
            "scopeLogs": [{"scope": {"name": "audit"}, "logRecords": [record]}],
        }]})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn reads_a_record_whole() {
        let body = request(json!({
            "timeUnixNano": "1700000000000000001",
            "severityNumber": 9,
            "traceId": "0af7651916cd43dd8448eb211c80319c",
            "body": {"stringValue": "{\"a\":[1]}"},
            "attributes": [
                {"key": "n", "value": {"intValue": "-3"}},
                {"key": "l", "value": {"arrayValue": {"values": [{"boolValue": true}]}}},
                {"key": "m", "value": {"kvlistValue": {"values": [
                    {"key": "x", "value": {"doubleValue": 0.5}}
                ]}}},
            ],
        }));
        let records = read_logs(&body).unwrap();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].time_unix_nano, 1_700_000_000_000_000_001);
        assert_eq!(records[0].scope, "audit");
        assert_eq!(records[0].resource["service.name"], json!("m"));
        assert_eq!(records[0].body, json!({"a": [1]}));
        assert_eq!(records[0].attributes["n"], json!(-3));
        assert_eq!(records[0].attributes["l"], json!([true]));
        assert_eq!(records[0].attributes["m"], json!({"x": 0.5}));
    }

    #[test]
    fn refuses_what_other_receivers_would_drop() {
        let time = "1700000000000000000";
        let cases = [
            (json!({}), "timeUnixNano"),
            (json!({"timeUnixNano": 17}), "string"),
            (json!({"timeUnixNano": "soon"}), "soon"),
            (
                json!({"timeUnixNano": time, "severityNumber": 25}),
                "severityNumber",
            ),
            (
                json!({"timeUnixNano": time, "severityNumber": "INFO"}),
                "invalid type",
            ),
            (json!({"timeUnixNano": time, "traceId": "0AF7"}), "traceId"),
            (json!({"timeUnixNano": time, "time": "x"}), "unknown field"),
            (json!({"timeUnixNano": time, "body": "text"}), "stringValue"),
            (
                json!({"timeUnixNano": time, "body": {"intValue": 3}}),
                "string",
            ),
            (
                json!({"timeUnixNano": time, "attributes": [
                    {"key": "a", "value": {"stringValue": ""}},
                    {"key": "a", "value": {"stringValue": ""}},
                ]}),
                "twice",
            ),
        ];
        for (record, part) in cases {
            let error = read_logs(&request(record.clone())).unwrap_err();
            assert!(error.contains(part), "{record}: {error}");
        }
        assert!(read_logs(b"").is_err());
        assert!(read_logs(b"[]").is_err());
    }
}
