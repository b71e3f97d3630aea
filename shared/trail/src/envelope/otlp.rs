//! OTLP requests in JSON, as collectors keep them and as audit-emitter sends them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use policy::json::Json;
use serde::Deserialize;

use super::claims::Claims;
use super::{Contents, Origin};

impl<'l> Contents<'l> {
    pub(super) fn add_otlp(&mut self, text: &'l str, origin: Origin) {
        let request = match serde_json::from_str::<Request<'l>>(text) {
            Ok(request) => request,
            Err(error) => {
                self.malformed.push(format!("not an OTLP request: {error}"));
                return;
            }
        };
        for resource in request.resource_logs {
            for scope in resource.scope_logs {
                let around = [
                    &resource.resource.attributes[..],
                    &scope.scope.attributes[..],
                ];
                for log in scope.log_records {
                    let claims = Claims::of_log(&log, &around);
                    self.add_log(log.body, claims, origin);
                }
            }
        }
    }

    fn add_log(&mut self, body: Value<'l>, claims: Claims, origin: Origin) {
        let first = self.found.len();
        match body {
            Value {
                string_value: Some(text),
                ..
            } => self.add_string(text.0, origin),
            Value {
                kvlist_value: Some(_),
                ..
            } => {
                // Somebody's collector has parsed the record.
                let text = body.json().to_string();
                self.add_string(Cow::Owned(text), origin);
            }
            Value {
                bytes_value: Some(Text(encoded)),
                ..
            } => match text_of(&encoded) {
                Some(text) => self.add_string(Cow::Owned(text), origin),
                None => self.foreign += 1,
            },
            _ => self.foreign += 1,
        }
        let found = self.found.get_mut(first..).unwrap_or_default();
        match found {
            [only] if only.origin == Origin::Store => only.claims = Some(Box::new(claims)),
            [] if claims.has_uid() => self
                .malformed
                .push("not an audit record, although its envelope says so".to_owned()),
            _ => {}
        }
    }
}

#[derive(Deserialize)]
struct Request<'l> {
    #[serde(rename = "resourceLogs", alias = "resource_logs", default, borrow)]
    resource_logs: Vec<ResourceLogs<'l>>,
}

#[derive(Deserialize)]
struct ResourceLogs<'l> {
    #[serde(default, borrow)]
    resource: Resource<'l>,
    #[serde(rename = "scopeLogs", alias = "scope_logs", default, borrow)]
    scope_logs: Vec<ScopeLogs<'l>>,
}

/// A resource, or a scope.
#[derive(Default, Deserialize)]
struct Resource<'l> {
    #[serde(default, borrow)]
    attributes: Vec<Attribute<'l>>,
}

#[derive(Deserialize)]
struct ScopeLogs<'l> {
    #[serde(default, borrow)]
    scope: Resource<'l>,
    #[serde(rename = "logRecords", alias = "log_records", default, borrow)]
    log_records: Vec<LogRecord<'l>>,
}

#[derive(Deserialize)]
pub(super) struct LogRecord<'l> {
    #[serde(rename = "timeUnixNano", alias = "time_unix_nano", default, borrow)]
    pub(super) time: Option<Integer<'l>>,
    #[serde(rename = "severityNumber", alias = "severity_number", default, borrow)]
    pub(super) severity: Option<Integer<'l>>,
    #[serde(rename = "severityText", alias = "severity_text", default, borrow)]
    pub(super) severity_text: Option<Text<'l>>,
    #[serde(rename = "eventName", alias = "event_name", default, borrow)]
    pub(super) event_name: Option<Text<'l>>,
    #[serde(rename = "traceId", alias = "trace_id", default, borrow)]
    pub(super) trace_id: Option<Text<'l>>,
    #[serde(default, borrow)]
    pub(super) body: Value<'l>,
    #[serde(default, borrow)]
    pub(super) attributes: Vec<Attribute<'l>>,
}

#[derive(Deserialize)]
pub(super) struct Attribute<'l> {
    #[serde(borrow)]
    pub(super) key: Text<'l>,
    #[serde(default, borrow)]
    pub(super) value: Value<'l>,
}

/// A value of any kind; which, its member says.
#[derive(Default, Deserialize)]
pub(super) struct Value<'l> {
    #[serde(rename = "stringValue", alias = "string_value", default, borrow)]
    string_value: Option<Text<'l>>,
    #[serde(rename = "intValue", alias = "int_value", default, borrow)]
    int_value: Option<Integer<'l>>,
    #[serde(rename = "boolValue", alias = "bool_value", default)]
    bool_value: Option<bool>,
    #[serde(rename = "doubleValue", alias = "double_value", default)]
    double_value: Option<f64>,
    #[serde(rename = "bytesValue", alias = "bytes_value", default, borrow)]
    bytes_value: Option<Text<'l>>,
    #[serde(rename = "kvlistValue", alias = "kvlist_value", default, borrow)]
    kvlist_value: Option<List<Attribute<'l>>>,
    #[serde(rename = "arrayValue", alias = "array_value", default, borrow)]
    array_value: Option<List<Self>>,
}

#[derive(Deserialize)]
struct List<T> {
    #[serde(default = "Vec::new")]
    values: Vec<T>,
}

/// Integers of 64 bits are strings in the JSON of protobuf; some write numbers, and languages that have no integers
/// write `401.0`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Integer<'l> {
    Number(i64),
    Float(f64),
    Text(#[serde(borrow)] Cow<'l, str>),
}

impl Integer<'_> {
    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => u64::try_from(*number).ok(),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number below 2^63"
            )]
            Self::Float(number) => (number.fract() == 0.0 && (0.0..TWO_TO_63).contains(number))
                .then_some(*number as u64),
            Self::Text(text) => text.parse().ok(),
        }
    }

    /// As milliseconds, where it is a time in nanoseconds: a float has not all digits of one.
    pub(super) fn as_ms(&self) -> Option<u64> {
        let ns = self.number()?;
        Some(match self {
            Self::Float(_) => ns.saturating_add(NS_PER_MS / 2) / NS_PER_MS,
            _ => ns / NS_PER_MS,
        })
    }

    pub(super) fn spelled(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Float(number) => match self.number() {
                Some(whole) => whole.to_string(),
                None => number.to_string(),
            },
            Self::Text(text) => text.clone().into_owned(),
        }
    }
}

impl Value<'_> {
    /// Whether it has members for several kinds, of which one reader takes this and another that.
    pub(super) fn is_of_several_kinds(&self) -> bool {
        let kinds = [
            self.string_value.is_some(),
            self.int_value.is_some(),
            self.bool_value.is_some(),
            self.double_value.is_some(),
            self.bytes_value.is_some(),
            self.kvlist_value.is_some(),
            self.array_value.is_some(),
        ];
        kinds.into_iter().filter(|is_there| *is_there).count() > 1
    }

    /// A text or a whole number as text, and what else it is as JSON.
    pub(super) fn spelled(&self) -> String {
        match (&self.string_value, &self.int_value) {
            _ if self.is_of_several_kinds() => "a value of several kinds".to_owned(),
            (Some(text), _) => text.0.clone().into_owned(),
            (None, Some(number)) => number.spelled(),
            (None, None) => self.json().to_string(),
        }
    }

    fn json(&self) -> Json {
        if self.is_of_several_kinds() {
            return Json::Null;
        }
        if let Some(text) = &self.string_value {
            return Json::String(text.0.clone().into_owned());
        }
        if let Some(members) = &self.kvlist_value {
            let members = members.values.iter();
            return Json::Object(
                members
                    .map(|member| (member.key.0.clone().into_owned(), member.value.json()))
                    .collect(),
            );
        }
        if let Some(items) = &self.array_value {
            return Json::Array(items.values.iter().map(Value::json).collect());
        }
        if let Some(number) = self.int_value.as_ref().and_then(Integer::number) {
            return Json::from(number);
        }
        if let Some(number) = self.double_value.and_then(serde_json::Number::from_f64) {
            return Json::Number(number);
        }
        self.bool_value.map_or(Json::Null, Json::Bool)
    }
}

const NS_PER_MS: u64 = 1_000_000;
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// Bytes are base64 in the JSON of protobuf.
fn text_of(encoded: &str) -> Option<String> {
    let decoded = STANDARD.decode(encoded).ok()?;
    Some(String::from_utf8_lossy(&decoded).into_owned())
}

/// The JSON that a value of OTLP stands for.
#[must_use]
pub fn any_value(text: &str) -> Option<Json> {
    let value = serde_json::from_str::<Value<'_>>(text).ok()?;
    Some(value.json())
}

/// Borrowed where there is nothing to unescape; serde does so in an option only if it is told.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'l>(#[serde(borrow)] pub(super) Cow<'l, str>);
