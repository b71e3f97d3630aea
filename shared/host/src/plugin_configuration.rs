//! The bytes of the plugin configuration as JSON text.
//!
//! A `google.protobuf.StringValue` (or `BytesValue`) arrives as the text itself. A
//! `google.protobuf.Struct` arrives as protobuf wire bytes on every Envoy, whatever its
//! documentation says, so it is decoded here and both forms work.

use policy::config::{Checked, Problems};
use policy::json::Json;
use serde_json::Number;

use crate::protobuf::{Value, fields};
use crate::{Host, LogLevel};

/// Takes over what was read of the configuration of a filter, and logs the warnings about it.
///
/// # Errors
/// All that is wrong with it.
pub fn accept<T>(host: &dyn Host, filter: &str, checked: Checked<T>) -> Result<T, Problems> {
    for warning in &checked.warnings {
        let line = format!("{filter}: configuration: {warning}");
        host.log(LogLevel::Warn, &line);
    }
    checked.result
}

/// Turns the bytes into JSON text.
///
/// # Errors
/// They are neither text nor a `Struct`. Text that is no JSON is for the reader of the
/// configuration to report.
pub fn to_json(bytes: &[u8]) -> Result<String, Problems> {
    let text = std::str::from_utf8(bytes).ok();
    // A Struct begins with 0x0a, which is white space in JSON: only parsing tells them apart.
    if let Some(text) = text.filter(|text| Json::parse(text.as_bytes()).is_ok()) {
        return Ok(text.to_owned());
    }
    if let Some(tree) = (!bytes.is_empty())
        .then(|| structure(bytes, MAX_DEPTH))
        .flatten()
    {
        return Ok(tree.to_string());
    }
    match text {
        Some(text) if text.trim().is_empty() => Err(Problems::whole(
            "there is no configuration; expected a JSON object",
        )),
        Some(text) => Ok(text.to_owned()),
        None => Err(Problems::whole(
            "neither JSON text (google.protobuf.StringValue) nor a google.protobuf.Struct",
        )),
    }
}

/// `google.protobuf.Struct`: `map<string, Value> fields = 1`.
fn structure(message: &[u8], depth: u32) -> Option<Json> {
    let depth = depth.checked_sub(1)?;
    let mut members: Vec<(String, Json)> = Vec::new();
    for field in fields(message) {
        let (1, Value::Bytes(entry)) = field.ok()? else {
            return None;
        };
        let (mut name, mut value) = (String::new(), Json::Null);
        for part in fields(entry) {
            match part.ok()? {
                (1, Value::Bytes(bytes)) => name = String::from_utf8(bytes.to_vec()).ok()?,
                (2, Value::Bytes(bytes)) => value = dynamic_value(bytes, depth)?,
                _ => return None,
            }
        }
        // The last entry of a name wins (protobuf maps).
        members.retain(|(known, _)| *known != name);
        members.push((name, value));
    }
    Some(Json::Object(members))
}

/// `google.protobuf.Value`, a oneof of 1 null, 2 number, 3 string, 4 bool, 5 struct, 6 list.
fn dynamic_value(message: &[u8], depth: u32) -> Option<Json> {
    let depth = depth.checked_sub(1)?;
    let mut value = Json::Null;
    for field in fields(message) {
        value = match field.ok()? {
            (1, Value::Varint(_)) => Json::Null,
            (2, Value::Fixed64(bytes)) => Json::Number(number(f64::from_le_bytes(bytes))?),
            (3, Value::Bytes(bytes)) => Json::String(String::from_utf8(bytes.to_vec()).ok()?),
            (4, Value::Varint(bit)) => Json::Bool(bit != 0),
            (5, Value::Bytes(bytes)) => structure(bytes, depth)?,
            (6, Value::Bytes(bytes)) => {
                let item = |field| match field {
                    Ok((1, Value::Bytes(item))) => dynamic_value(item, depth),
                    _ => None,
                };
                Json::Array(fields(bytes).map(item).collect::<Option<_>>()?)
            }
            _ => return None,
        };
    }
    Some(value)
}

/// A Struct has doubles only; a whole one is an integer in the configuration.
fn number(value: f64) -> Option<Number> {
    const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT_INTEGERS {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a whole number within 2^53"
        )]
        return Some((value as i64).into());
    }
    Number::from_f64(value)
}

const MAX_DEPTH: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::Writer;

    fn entry(name: &str, value: &[u8]) -> Vec<u8> {
        Writer::default()
            .bytes(1, name.as_bytes())
            .bytes(2, value)
            .finish()
    }

    #[test]
    fn text_stays_as_it_is() {
        for text in [r#"{"mode": "report"}"#, " \n{}", "{not json", "\n{"] {
            assert_eq!(to_json(text.as_bytes()).unwrap(), text);
        }
    }

    #[test]
    fn a_struct_becomes_json() {
        let string = Writer::default().bytes(3, "é\"".as_bytes()).finish();
        let number = |value: f64| {
            let mut bytes = vec![0x11];
            bytes.extend(value.to_le_bytes());
            bytes
        };
        let list = Writer::default()
            .bytes(
                6,
                &Writer::default()
                    .bytes(1, &string)
                    .bytes(1, &number(1.5))
                    .finish(),
            )
            .finish();
        let inner = Writer::default()
            .bytes(
                5,
                &Writer::default()
                    .bytes(1, &entry("x", &number(20.0)))
                    .finish(),
            )
            .finish();
        let message = Writer::default()
            .bytes(1, &entry("list", &list))
            .bytes(1, &entry("inner", &inner))
            .bytes(1, &entry("yes", &Writer::default().varint(4, 1).finish()))
            .bytes(
                1,
                &entry("nothing", &Writer::default().varint(1, 0).finish()),
            )
            .finish();
        let text = to_json(&message).unwrap();
        assert_eq!(
            text,
            r#"{"list":["é\"",1.5],"inner":{"x":20},"yes":true,"nothing":null}"#
        );
    }

    /// An entry of 123 bytes makes a Struct begin with "\n{".
    #[test]
    fn a_struct_that_looks_like_text() {
        let value = Writer::default().bytes(3, &[b'v'; 113]).finish();
        let message = Writer::default().bytes(1, &entry("name", &value)).finish();
        assert_eq!(message[..2], *b"\n{");
        assert!(to_json(&message).unwrap().starts_with(r#"{"name":"vvv"#));
    }

    #[test]
    fn what_is_neither_is_an_error() {
        for bytes in [&b""[..], b"  ", b"\xff\xfe", b"\x0a\x03\xff\xff\xff"] {
            assert!(to_json(bytes).is_err(), "{bytes:?}");
        }
        let mut deep = Vec::new();
        for _ in 0..200 {
            deep = Writer::default()
                .bytes(5, &Writer::default().bytes(1, &entry("d", &deep)).finish())
                .finish();
        }
        let message = Writer::default().bytes(1, &entry("d", &deep)).finish();
        assert!(to_json(&message).map_or(true, |text| Json::parse(text.as_bytes()).is_err()));
    }
}
