//! Where records are in a line: a line by themselves, in an OTLP request, in a batch of CloudEvents,
//! or in a line of a proxy's log.

use std::borrow::Cow;

use audit::log_line;
use policy::json::Json;
use serde::Deserialize;

/// A record in a line.
#[derive(Debug)]
pub enum Found<'l> {
    /// Its text, as it was written.
    Text(Cow<'l, str>),
    /// The same, from a line of a log, which may also be the words of a client.
    Logged(&'l str),
    /// A document whose spelling was changed on the way.
    Json(Json),
    /// A part of one.
    Part(Part),
}

/// A part of a record that was too long for a line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The id of the record.
    pub uid: String,
    /// Which part, from 1.
    pub number: usize,
    /// Of how many.
    pub count: usize,
    /// The text. `None`: the line was cut off, it has less than it says.
    pub text: Option<String>,
}

/// What a line is.
#[derive(Debug)]
pub enum Line<'l> {
    /// A record by itself.
    Record(&'l str),
    /// It holds records.
    Holds(Vec<Found<'l>>),
    /// It says something else.
    Other,
    /// It holds records, but not as it should.
    Malformed(String),
}

/// Reads a line. `in_log` says whether the lines of its file may say something else.
#[must_use]
pub fn read(line: &str, in_log: bool) -> Line<'_> {
    if line.starts_with(OTLP) || line.starts_with('{') && is_otlp(line) {
        return otlp(line);
    }
    if line.starts_with("[{") || line == "[]" {
        return cloud_events(line);
    }
    if line.starts_with('{') {
        return Line::Record(line);
    }
    if line.contains(log_line::MARK) {
        return log_line(line);
    }
    if in_log || line.is_empty() {
        Line::Other
    } else {
        Line::Record(line)
    }
}

/// Whether a file that begins with this line is a log.
#[must_use]
pub fn is_log(line: &str) -> bool {
    !(line.starts_with('{') || line.starts_with("[{") || line == "[]" || line.is_empty())
}

/// An OTLP request in another spelling than the usual.
fn is_otlp(line: &str) -> bool {
    let inner = line.strip_prefix('{').unwrap_or_default().trim_start();
    inner.starts_with("\"resourceLogs\"") || inner.starts_with("\"resource_logs\"")
}

fn otlp(line: &str) -> Line<'_> {
    match serde_json::from_str::<Request<'_>>(line) {
        Ok(request) => {
            let logs = request.resource_logs.into_iter();
            let logs = logs.flat_map(|resource| resource.scope_logs);
            let logs = logs.flat_map(|scope| scope.log_records);
            let bodies = logs.filter_map(|log| log.body.string_value);
            Line::Holds(bodies.map(|body| Found::Text(body.0)).collect())
        }
        Err(error) => Line::Malformed(format!("not an OTLP request: {error}")),
    }
}

fn cloud_events(line: &str) -> Line<'_> {
    match Json::parse(line.as_bytes()) {
        Ok(Json::Array(events)) => {
            let data = events.into_iter().filter_map(|event| match event {
                Json::Object(members) => members.into_iter().find(|(name, _)| name == "data"),
                _ => None,
            });
            Line::Holds(data.map(|(_, data)| Found::Json(data)).collect())
        }
        Ok(_) => Line::Malformed("not a batch of CloudEvents".to_owned()),
        Err(error) => Line::Malformed(format!("not a batch of CloudEvents: {error}")),
    }
}

/// A line of a log, in which a host has put other words beside the record.
fn log_line(line: &str) -> Line<'_> {
    let found = log_line::find(line).map(|found| match found.part {
        None => Found::Logged(found.text.unwrap_or_default()),
        Some(part) => Found::Part(Part {
            uid: part.uid.to_owned(),
            number: part.number,
            count: part.count,
            text: found.text.map(str::to_owned),
        }),
    });
    let found: Vec<Found<'_>> = found.collect();
    if found.is_empty() {
        Line::Other
    } else {
        Line::Holds(found)
    }
}

/// Puts parts together, in bounded memory.
#[derive(Debug, Default)]
pub struct Parts {
    pending: std::collections::HashMap<String, Vec<Option<String>>>,
    bytes: usize,
}

impl Parts {
    /// Adds a part; answers the record if it was the last that was missing.
    pub fn add(&mut self, part: Part) -> Option<String> {
        if self.bytes > MAX_PENDING_BYTES {
            self.pending.clear();
            self.bytes = 0;
        }
        self.bytes += part.text.as_ref().map_or(0, String::len) + part.uid.len();
        let places = &mut self.bytes;
        let texts = self.pending.entry(part.uid.clone()).or_insert_with(|| {
            *places += part.count * size_of::<Option<String>>();
            vec![None; part.count]
        });
        if let (Some(slot), Some(text)) = (texts.get_mut(part.number - 1), part.text) {
            *slot = Some(text);
        }
        if texts.iter().any(Option::is_none) {
            return None;
        }
        let texts = self.pending.remove(&part.uid)?;
        let text: String = texts.into_iter().flatten().collect();
        self.bytes = self.bytes.saturating_sub(text.len());
        Some(text)
    }

    /// Ids of records of which parts are missing.
    #[must_use]
    pub fn incomplete(&self) -> Vec<&str> {
        let mut uids: Vec<&str> = self.pending.keys().map(String::as_str).collect();
        uids.sort_unstable();
        uids
    }
}

#[derive(Deserialize)]
struct Request<'l> {
    #[serde(rename = "resourceLogs", alias = "resource_logs", default, borrow)]
    resource_logs: Vec<ResourceLogs<'l>>,
}

#[derive(Deserialize)]
struct ResourceLogs<'l> {
    #[serde(rename = "scopeLogs", alias = "scope_logs", default, borrow)]
    scope_logs: Vec<ScopeLogs<'l>>,
}

#[derive(Deserialize)]
struct ScopeLogs<'l> {
    #[serde(rename = "logRecords", alias = "log_records", default, borrow)]
    log_records: Vec<LogRecord<'l>>,
}

#[derive(Deserialize)]
struct LogRecord<'l> {
    #[serde(default, borrow)]
    body: Body<'l>,
}

#[derive(Default, Deserialize)]
struct Body<'l> {
    #[serde(rename = "stringValue", alias = "string_value", default, borrow)]
    string_value: Option<Text<'l>>,
}

/// Borrowed where there is nothing to unescape; serde does so in an option only if it is told.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'l>(#[serde(borrow)] Cow<'l, str>);

const OTLP: &str = r#"{"resourceLogs":"#;
const MAX_PENDING_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        match read(line, true) {
            Line::Record(text) => vec![text.to_owned()],
            Line::Holds(found) => found
                .into_iter()
                .map(|found| match found {
                    Found::Text(text) => text.into_owned(),
                    Found::Logged(text) => text.to_owned(),
                    Found::Json(json) => json.to_string(),
                    Found::Part(part) => format!("{part:?}"),
                })
                .collect(),
            Line::Other => vec!["other".to_owned()],
            Line::Malformed(why) => vec![why],
        }
    }

    #[test]
    fn every_form() {
        let otlp = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","body":{"stringValue":"{\"a\":\"\\n\"}"}},{"body":{"stringValue":"{}"}},{"body":{"intValue":"1"}}]}]}]}"#;
        for (line, expected) in [
            (r#"{"a":1}"#, &[r#"{"a":1}"#][..]),
            (otlp, &[r#"{"a":"\n"}"#, "{}"]),
            (&otlp.replacen('{', "{ ", 1), &[r#"{"a":"\n"}"#, "{}"]),
            (
                r#"[{"specversion":"1.0","data":{"b":2, "a":1}}]"#,
                &[r#"{"b":2,"a":1}"#],
            ),
            ("[]", &[]),
            ("[2026-11-24 21:00:00.000][7][info] started", &["other"]),
            (
                r#"[2026-11-24][7][critical] wasm log: [meshward-audit/1 - 9] {"a":"}"}"#,
                &[r#"{"a":"}"}"#],
            ),
            (
                r#"2026 [wasm] [meshward-audit/1 - 7] {"a":1} while logging request, client: "}""#,
                &[r#"{"a":1}"#],
            ),
            (r#"x [meshward-audit/1 - 99] {"a":"#, &[""]),
            ("x meshward.audit-emitter: hello", &["other"]),
        ] {
            assert_eq!(texts(line), expected, "{line}");
        }
        assert!(texts(r#"{"resourceLogs":[{]}"#)[0].starts_with("not an OTLP request"));
        assert!(matches!(read("garbage", false), Line::Record("garbage")));
    }

    #[test]
    fn parts_make_a_record_in_any_order() {
        let mut parts = Parts::default();
        let mut add = |line: &str| match read(line, true) {
            Line::Holds(mut found) => match found.pop() {
                Some(Found::Part(part)) => parts.add(part),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        for (line, expected) in [
            ("x [meshward-audit/1 - 3 ab:1 2/3]  b ", None),
            ("x [meshward-audit/1 - 1 ab:2 1/2] {", None),
            ("x [meshward-audit/1 - 2 ab:1 3/3] c}", None),
            ("x [meshward-audit/1 - 2 ab:1 3/3] c}", None),
            ("x [meshward-audit/1 - 2 ab:1 1/3] {a", Some("{a b c}")),
            // They end where they say, and not before.
            ("x [meshward-audit/1 - 3 ab:3 1/2] {\"a, client: 1", None),
            ("x [meshward-audit/1 - 4 ab:3 2/2] \":1", None),
            (
                "x [meshward-audit/1 - 4 ab:3 2/2] \":1} while logging",
                Some("{\"a\":1}"),
            ),
            ("x [meshward-audit/1 - 3 ab:4 1/1] {}", None),
        ] {
            assert_eq!(add(line).as_deref(), expected, "{line}");
        }
        assert_eq!(parts.incomplete(), ["ab:2", "ab:4"]);
    }
}
