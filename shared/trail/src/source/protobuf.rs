//! OTLP requests in protobuf, as collectors and captures keep them, put into the JSON form: the logs of
//! each resource on a line of their own.

use std::io::{self, BufRead as _, BufReader, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use host::protobuf::{Malformed, Value, fields};
use serde_json::json;

use crate::hex::encode;

/// How requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// A request, or some one behind the other, which is the same.
    Bare,
    /// Before each, its length in four bytes, the most significant first: the file exporter of the
    /// OpenTelemetry collector.
    Lengths,
}

/// How a file that begins so keeps requests; `None` if it does not.
pub(super) fn framing(head: &[u8]) -> Option<Framing> {
    if begins_request(head) {
        return Some(Framing::Bare);
    }
    let (length, rest) = head.split_first_chunk::<4>()?;
    let is_length = (1..=MAX_BYTES).contains(&u64::from(u32::from_be_bytes(*length)));
    (is_length && begins_request(rest)).then_some(Framing::Lengths)
}

/// Whether bytes begin with the logs of a resource: its attributes, or those of a scope. Text does not:
/// each length has to fit into the one around it.
fn begins_request(head: &[u8]) -> bool {
    let mut rest = head;
    let mut begin = |number: u8| {
        let (key, behind) = rest.split_first()?;
        let (length, behind) = varint(behind).filter(|_| *key == number << 3 | 2)?;
        rest = behind;
        Some(length)
    };
    let Some(logs) = begin(1).filter(|length| *length <= MAX_BYTES) else {
        return false;
    };
    if let Some(resource) = begin(1) {
        // A key of an attribute, which has words for people in it.
        let (attribute, key) = (begin(1), begin(1));
        let is_inside = resource < logs && attribute < Some(resource) && key < attribute;
        let key = key.and_then(|key| rest.get(..usize::try_from(key).ok()?));
        return is_inside && key.is_some_and(|key| key.iter().all(u8::is_ascii_graphic));
    }
    begin(2).is_some_and(|scope| {
        let inner = begin(1).or_else(|| begin(2));
        scope < logs && inner.is_some_and(|inner| inner < scope)
    })
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let length = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    let (digits, rest) = bytes.split_at_checked(length)?;
    let number = digits
        .iter()
        .rev()
        .fold(0_u64, |number, digit| number << 7 | u64::from(digit & 0x7f));
    Some((number, rest))
}

/// A request in protobuf as requests in JSON, one for each resource on a line of its own.
///
/// # Errors
/// It is none.
pub fn otlp_json(request: &[u8]) -> io::Result<String> {
    let mut lines = String::new();
    Requests::new(request, Framing::Bare).read_to_string(&mut lines)?;
    Ok(lines)
}

/// Reads requests as lines of JSON.
pub(super) struct Requests<R> {
    reader: BufReader<R>,
    framing: Framing,
    message: Vec<u8>,
    lines: Vec<u8>,
    /// How much of the lines was given.
    given: usize,
}

impl<R: Read> Requests<R> {
    pub(super) fn new(reader: R, framing: Framing) -> Self {
        Self {
            reader: BufReader::new(reader),
            framing,
            message: Vec::new(),
            lines: Vec::new(),
            given: 0,
        }
    }

    /// Reads the next message. Returns whether there is one.
    fn next(&mut self) -> io::Result<bool> {
        if self.reader.fill_buf()?.is_empty() {
            return Ok(false);
        }
        self.lines.clear();
        self.given = 0;
        match self.framing {
            Framing::Lengths => {
                let mut length = [0; 4];
                self.reader.read_exact(&mut length)?;
                self.read_message(u64::from(u32::from_be_bytes(length)))?;
                for field in fields(&self.message) {
                    if let (1, Value::Bytes(logs)) = field.map_err(|Malformed| malformed())? {
                        add_line(logs, &mut self.lines)?;
                    }
                }
            }
            Framing::Bare => {
                // The request has no other field.
                let (key, length) = (self.read_varint()?, self.read_varint()?);
                if key != 1 << 3 | 2 {
                    return Err(malformed());
                }
                self.read_message(length)?;
                add_line(&self.message, &mut self.lines)?;
            }
        }
        Ok(true)
    }

    fn read_message(&mut self, length: u64) -> io::Result<()> {
        if length > MAX_BYTES {
            return Err(malformed());
        }
        self.message.clear();
        let mut limited = self.reader.by_ref().take(length);
        let read = limited.read_to_end(&mut self.message)?;
        if read as u64 == length {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the last OTLP request is cut off",
            ))
        }
    }

    fn read_varint(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.reader.read_exact(&mut byte)?;
            let [byte] = byte;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(malformed())
    }
}

impl<R: Read> Read for Requests<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given >= self.lines.len() {
            if !self.next()? {
                return Ok(0);
            }
        }
        let mut rest = self.lines.get(self.given..).unwrap_or_default();
        let count = rest.read(buffer)?;
        self.given += count;
        Ok(count)
    }
}

fn malformed() -> io::Error {
    io::Error::other("not an OTLP request in protobuf from here on")
}

fn add_line(logs: &[u8], lines: &mut Vec<u8>) -> io::Result<()> {
    let logs = resource_logs(logs).map_err(|Malformed| malformed())?;
    serde_json::to_writer(&mut *lines, &json!({"resourceLogs": [logs]}))?;
    lines.push(b'\n');
    Ok(())
}

type JsonOf = Result<serde_json::Value, Malformed>;

fn resource_logs(message: &[u8]) -> JsonOf {
    let (mut resource, mut scopes) = (Vec::new(), Vec::new());
    for field in fields(message) {
        match field? {
            // What comes twice is put together, as every reader of protobuf does.
            (1, Value::Bytes(message)) => resource.extend(list(message, 1, key_value)?),
            (2, Value::Bytes(message)) => scopes.push(json!({
                "scope": scope(message)?,
                "logRecords": list(message, 2, log_record)?,
            })),
            _ => {}
        }
    }
    Ok(json!({"resource": {"attributes": resource}, "scopeLogs": scopes}))
}

/// The messages in a field that is repeated.
fn list(
    message: &[u8],
    number: u32,
    read: fn(&[u8]) -> JsonOf,
) -> Result<Vec<serde_json::Value>, Malformed> {
    let mut items = Vec::new();
    for field in fields(message) {
        match field? {
            (found, Value::Bytes(item)) if found == number => items.push(read(item)?),
            _ => {}
        }
    }
    Ok(items)
}

fn scope(scope_logs: &[u8]) -> JsonOf {
    let (mut name, mut attributes) = ("", Vec::new());
    for field in fields(scope_logs) {
        let (1, Value::Bytes(scope)) = field? else {
            continue;
        };
        for field in fields(scope) {
            if let (1, Value::Bytes(bytes)) = field? {
                name = text(bytes)?;
            }
        }
        attributes.extend(list(scope, 3, key_value)?);
    }
    Ok(json!({"name": name, "attributes": attributes}))
}

fn log_record(message: &[u8]) -> JsonOf {
    let mut record = json!({"attributes": list(message, 6, key_value)?});
    for field in fields(message) {
        let (name, value) = match field? {
            (1, Value::Fixed64(time)) => {
                ("timeUnixNano", json!(u64::from_le_bytes(time).to_string()))
            }
            (2, Value::Varint(severity)) => ("severityNumber", json!(severity)),
            (3, Value::Bytes(severity)) => ("severityText", json!(text(severity)?)),
            (5, Value::Bytes(body)) => ("body", any_value(body, 0)?),
            (8, Value::Fixed32(flags)) => ("flags", json!(u32::from_le_bytes(flags))),
            (9, Value::Bytes(id)) => ("traceId", json!(encode(id))),
            (10, Value::Bytes(id)) => ("spanId", json!(encode(id))),
            (11, Value::Fixed64(time)) => (
                "observedTimeUnixNano",
                json!(u64::from_le_bytes(time).to_string()),
            ),
            (12, Value::Bytes(name)) => ("eventName", json!(text(name)?)),
            _ => continue,
        };
        if let Some(members) = record.as_object_mut() {
            // Nobody writes one twice, and readers put two bodies together in ways of their own.
            if members.insert(name.to_owned(), value).is_some() {
                return Err(Malformed);
            }
        }
    }
    Ok(record)
}

fn key_value(message: &[u8]) -> JsonOf {
    key_value_at(message, 0)
}

fn key_value_at(message: &[u8], depth: u32) -> JsonOf {
    let (mut key, mut value) = ("", json!({}));
    for field in fields(message) {
        match field? {
            (1, Value::Bytes(bytes)) => key = text(bytes)?,
            (2, Value::Bytes(bytes)) => value = any_value(bytes, depth)?,
            _ => {}
        }
    }
    Ok(json!({"key": key, "value": value}))
}

fn any_value(message: &[u8], depth: u32) -> JsonOf {
    if depth > MAX_DEPTH {
        return Err(Malformed);
    }
    let items = |message: &[u8], read: &dyn Fn(&[u8]) -> JsonOf| {
        let mut items = Vec::new();
        for field in fields(message) {
            if let (1, Value::Bytes(item)) = field? {
                items.push(read(item)?);
            }
        }
        Ok::<_, Malformed>(items)
    };
    let mut value = json!({});
    for field in fields(message) {
        value = match field? {
            (1, Value::Bytes(bytes)) => json!({"stringValue": String::from_utf8_lossy(bytes)}),
            (2, Value::Varint(number)) => json!({"boolValue": number != 0}),
            (3, Value::Varint(number)) => json!({"intValue": number.cast_signed().to_string()}),
            (4, Value::Fixed64(bytes)) => json!({"doubleValue": f64::from_le_bytes(bytes)}),
            (5, Value::Bytes(bytes)) => {
                json!({"arrayValue": {"values": items(bytes, &|item| any_value(item, depth + 1))?}})
            }
            (6, Value::Bytes(bytes)) => {
                json!({"kvlistValue": {"values": items(bytes, &|item| key_value_at(item, depth + 1))?}})
            }
            (7, Value::Bytes(bytes)) => json!({"bytesValue": STANDARD.encode(bytes)}),
            _ => continue,
        };
    }
    Ok(value)
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

/// As long as a line may be.
const MAX_BYTES: u64 = 64 << 20;
const MAX_DEPTH: u32 = 32;

#[cfg(test)]
mod tests;
