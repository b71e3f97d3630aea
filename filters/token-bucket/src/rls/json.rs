//! The messages of the rate limit service in JSON, as `POST /json` of envoyproxy/ratelimit takes
//! and gives them (the JSON mapping of protobuf: names in camel case or as in the definition,
//! enumerations by name or number, 64-bit numbers as text, durations as `"1.5s"`).

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use policy::json::Json;

use crate::rls::{
    Code, CurrentLimit, MAX_RESPONSE_BYTES, RateLimitRequest, ServiceResponse, Status,
    window_of_unit,
};

impl RateLimitRequest<'_> {
    /// Writes the message `RateLimitRequest` as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let text = |text: &str| Json::String(text.to_owned());
        let object = |members: Vec<(&str, Json)>| {
            let owned = |(name, value): (&str, Json)| (name.to_owned(), value);
            Json::Object(members.into_iter().map(owned).collect())
        };
        let descriptors = self.descriptors.iter().map(|entries| {
            let entry = |(key, value): &(String, String)| {
                object(vec![("key", text(key)), ("value", text(value))])
            };
            object(vec![(
                "entries",
                Json::Array(entries.iter().map(entry).collect()),
            )])
        });
        object(vec![
            ("domain", text(self.domain)),
            ("descriptors", Json::Array(descriptors.collect())),
            ("hitsAddend", Json::from(self.hits.min(u32::MAX.into()))),
        ])
        .to_string()
    }
}

/// The text is not a response of a rate limit service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoResponse;

impl ServiceResponse {
    /// Reads the message `RateLimitResponse`. Unknown members are skipped.
    ///
    /// # Errors
    /// It is no JSON object, a member is of the wrong kind, or it is longer than a service has
    /// reason to send.
    pub fn from_json(text: &[u8]) -> Result<Self, NoResponse> {
        if text.len() > MAX_RESPONSE_BYTES {
            return Err(NoResponse);
        }
        let message = Json::parse(text).map_err(|_| NoResponse)?;
        let read = || {
            Some(Self {
                code: member(&message, "overallCode", "overall_code", code)?,
                statuses: member(&message, "statuses", "statuses", |list| each(list, status))?,
                response_headers: headers(
                    &message,
                    "responseHeadersToAdd",
                    "response_headers_to_add",
                )?,
                request_headers: headers(
                    &message,
                    "requestHeadersToAdd",
                    "request_headers_to_add",
                )?,
                body: member(&message, "rawBody", "raw_body", bytes)?,
            })
        };
        match message {
            Json::Object(_) => read().ok_or(NoResponse),
            _ => Err(NoResponse),
        }
    }
}

/// A member by either of its names; absent and `null` are the default.
fn member<T: Default>(
    message: &Json,
    camel: &str,
    original: &str,
    read: impl FnOnce(&Json) -> Option<T>,
) -> Option<T> {
    match message.member(camel).or_else(|| message.member(original)) {
        None | Some(Json::Null) => Some(T::default()),
        Some(value) => read(value),
    }
}

fn each<T>(list: &Json, read: impl Fn(&Json) -> Option<T>) -> Option<Vec<T>> {
    match list {
        Json::Array(items) => items.iter().map(read).collect(),
        _ => None,
    }
}

fn text(value: &Json) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn number(value: &Json) -> Option<u64> {
    match value {
        Json::Number(number) => number.as_u64(),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn code(value: &Json) -> Option<Code> {
    match value {
        Json::String(name) => Some(match name.as_str() {
            "OK" => Code::Ok,
            "OVER_LIMIT" => Code::OverLimit,
            _ => Code::Unknown,
        }),
        other => number(other).map(Code::from_number),
    }
}

fn status(value: &Json) -> Option<Status> {
    Some(Status {
        code: member(value, "code", "code", code)?,
        limit: member(value, "currentLimit", "current_limit", |limit| {
            current_limit(limit).map(Some)
        })?,
        remaining: member(value, "limitRemaining", "limit_remaining", number)?,
        until_reset: member(value, "durationUntilReset", "duration_until_reset", |d| {
            Some(d.as_str().and_then(duration))
        })?,
    })
}

fn current_limit(value: &Json) -> Option<CurrentLimit> {
    Some(CurrentLimit {
        name: member(value, "name", "name", text)?,
        requests: member(value, "requestsPerUnit", "requests_per_unit", number)?,
        window: member(value, "unit", "unit", |unit| {
            let number = match unit.as_str() {
                Some(name) => UNITS.iter().position(|known| *known == name).unwrap_or(0),
                None => usize::try_from(number(unit)?).ok()?,
            };
            Some(u64::try_from(number).ok().and_then(window_of_unit))
        })?,
    })
}

/// Reads a `google.protobuf.Duration` in JSON: `"3s"`, `"3.000340012s"`.
fn duration(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?;
    let (seconds, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    Some(Duration::new(seconds.parse().ok()?, nanos))
}

fn headers(message: &Json, camel: &str, original: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let header = |header: &Json| {
        let key = member(header, "key", "key", text)?;
        let value = member(header, "value", "value", text)?;
        let raw = member(header, "rawValue", "raw_value", bytes)?;
        let value = if value.is_empty() {
            raw
        } else {
            value.into_bytes()
        };
        Some((key, value))
    };
    member(message, camel, original, |list| each(list, header))
}

fn bytes(value: &Json) -> Option<Vec<u8>> {
    let text = value.as_str()?.replace('-', "+").replace('_', "/");
    STANDARD.decode(text).ok()
}

const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// The names of `RateLimitResponse.RateLimit.Unit`, by number.
const UNITS: [&str; 8] = [
    "UNKNOWN", "SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR", "WEEK",
];
