//! What an envelope says about the record in it. Collectors route by it and people search by it, and
//! nothing signs it: so it is compared with what the record says.

use std::borrow::Cow;

use policy::json::Json;

use super::members::{self, Members};
use super::otlp::{Attribute, LogRecord};
use crate::item::parse;

/// What an envelope says, as text, each time that it does: readers differ in which of two they take. What it leaves
/// out is not compared. What is no number where one is expected, or no name of ours, stays as it is, and so is never
/// what the record says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    said: Vec<(About, String)>,
    /// Members of the record that stand beside it too, by their dotted paths: what a store has taken out of its text.
    members: Vec<(String, String)>,
    /// It holds something beside the record that readers may take for it.
    holds_another: bool,
}

/// What a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// The record's id, `metadata.uid`.
    Uid,
    /// The retention class, `unmapped.retention.class`.
    Class,
    /// The decision: `allowed`, `denied` or `control`.
    Decision,
    /// The kind of record: `api_activity` or `audit_control`.
    Event,
    /// The status of the response, `http_response.code`.
    Status,
    /// The time, in milliseconds since 1970.
    Time,
    /// The record's number in its chain, `metadata.sequence`.
    Sequence,
    /// The chain's id, `chain_uid`.
    Chain,
    /// The id of the trace, `trace.uid`.
    Trace,
    /// OTLP's number of the severity: that of a warning for what was refused, else that of an information.
    Severity,
    /// The same in words.
    SeverityText,
}

/// What the record says, for comparison.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "as in Claims")]
pub struct Facts<'r> {
    pub uid: &'r str,
    pub class: &'r str,
    pub decision: &'r str,
    pub event: &'r str,
    pub status: u64,
    pub time_ms: u64,
    pub sequence: u64,
    pub severity: u64,
    /// The whole record as it was kept.
    pub text: &'r str,
}

impl Claims {
    /// What is said around the record of a log of OTLP: `around` are the attributes of its resource and its scope.
    pub(super) fn of_log(log: &LogRecord<'_>, around: &[&[Attribute<'_>]]) -> Self {
        let mut claims = Self {
            holds_another: log.body.is_of_several_kinds(),
            ..Self::default()
        };
        let trace = log
            .trace_id
            .as_ref()
            .map(|text| text.0.to_ascii_lowercase());
        claims.add(About::Trace, trace.filter(|trace| !trace.is_empty()));
        let event = log.event_name.as_ref();
        claims.add(About::Event, event.map(|text| text.0.clone().into_owned()));
        for attribute in around
            .iter()
            .copied()
            .chain([&log.attributes[..]])
            .flatten()
        {
            claims.add_attribute(&attribute.key.0, || attribute.value.spelled());
        }
        // What only wraps a line of somebody's log may leave open when that was, and how grave.
        let is_ours = claims.has_uid() || event.is_some();
        let time = log.time.as_ref().and_then(|time| match time.as_ms() {
            Some(0) if !is_ours => None,
            Some(ms) => Some(ms.to_string()),
            None => Some(time.spelled()),
        });
        claims.add(About::Time, time);
        let severity = log
            .severity
            .as_ref()
            .map(|number| severity(&number.spelled()));
        claims.add(
            About::Severity,
            severity.filter(|number| is_ours || number != "0"),
        );
        let text = log
            .severity_text
            .as_ref()
            .map(|text| text.0.clone().into_owned());
        claims.add(About::SeverityText, text.filter(|text| !text.is_empty()));
        claims
    }

    /// What the columns of a table say in which a store keeps the attributes of OTLP, or what it has taken out of the
    /// record. `None`: nothing.
    pub(super) fn of_row(row: &Members<'_>) -> Option<Self> {
        let mut claims = Self::default();
        let mut beside = Vec::new();
        leaves(row, "", 0, &mut beside);
        for (path, value) in &beside {
            let name: String = path.chars().filter(char::is_ascii_alphanumeric).collect();
            let name = name.to_ascii_lowercase();
            let is = |(end, _): &&(&str, About)| name.ends_with(end);
            if let Some((_, about)) = ATTRIBUTES.iter().find(is) {
                claims.add(*about, Some(spelled(value)));
            }
            let top = path.split('.').next().unwrap_or_default();
            if MEMBERS.contains(&top) {
                claims.members.push((path.clone(), spelled(value)));
            }
        }
        // Others have columns of these names too.
        if claims.has_uid() {
            for (path, value) in &beside {
                let about = match path.as_str() {
                    "SeverityNumber" | "severity_number" => About::Severity,
                    "SeverityText" | "severity_text" => About::SeverityText,
                    "EventName" | "event_name" => About::Event,
                    "TraceId" | "trace_id" => About::Trace,
                    _ => continue,
                };
                let said = spelled(value);
                let is_said = !matches!(said.as_str(), "" | "0" | "null");
                claims.add(about, Some(said).filter(|_| is_said));
            }
        }
        (claims != Self::default()).then_some(claims)
    }

    fn add(&mut self, about: About, value: Option<String>) {
        self.said.extend(value.map(|value| (about, value)));
    }

    fn add_attribute(&mut self, key: &str, value: impl FnOnce() -> String) {
        let is = |(name, _): &&(&str, About)| *name == key;
        if let Some((_, about)) = KEYS.iter().find(is) {
            self.add(*about, Some(value()));
        }
    }

    pub(super) fn of_event(event: &Members<'_>) -> Self {
        // An attribute that is null is not there.
        let there = |name: &str| event.get(name).filter(|text| *text != "null");
        let text = |name: &str| there(name).map(spelled);
        let own = |text: String, prefix: &str| match text.strip_prefix(prefix) {
            Some(own) => own.to_owned(),
            None => text,
        };
        let kind = text("type").map(|kind| match kind.as_str() {
            "com.meshward.audit.control" => "audit_control".to_owned(),
            _ => own(kind, "com.meshward.audit."),
        });
        let trace = text("traceparent").map(|text| match text.split('-').nth(1) {
            Some(trace) => trace.to_owned(),
            None => text,
        });
        let time = text("time").map(|text| match crate::time::parse_ms(&text) {
            Ok(ms) => ms.to_string(),
            Err(_) => text,
        });
        // Some write zeros in front.
        let sequence = text("sequence").map(|text| match text.parse::<u64>() {
            Ok(number) => number.to_string(),
            Err(_) => text,
        });
        let mut claims = Self {
            // The format has one of them at most.
            holds_another: there("data").is_some() && there("data_base64").is_some(),
            ..Self::default()
        };
        for (about, value) in [
            (About::Uid, text("id")),
            (About::Class, text("retentionclass")),
            (About::Event, kind),
            (About::Time, time),
            (About::Sequence, sequence),
            (
                About::Chain,
                text("source").map(|source| own(source, "/meshward/audit/")),
            ),
            (About::Trace, trace),
        ] {
            claims.add(about, value);
        }
        claims
    }

    /// Whether it names the record that it holds.
    pub(super) fn has_uid(&self) -> bool {
        self.said.iter().any(|(about, _)| *about == About::Uid)
    }

    /// What of it the record does not say. `None`: nothing.
    #[must_use]
    pub fn contradiction(&self, facts: &Facts<'_>) -> Option<String> {
        if self.holds_another {
            return Some(
                "its envelope holds something else beside it, and readers differ in which they take"
                    .to_owned(),
            );
        }
        let said = self.said.iter().find_map(|(about, claimed)| {
            let number = match about {
                About::Status => facts.status,
                About::Time => facts.time_ms,
                About::Sequence => facts.sequence,
                About::Severity => facts.severity,
                _ => 0,
            };
            let number = number.to_string();
            let (what, said) = match about {
                About::Uid => ("uid", facts.uid),
                About::Class => ("retention class", facts.class),
                About::Decision => ("decision", facts.decision),
                About::Event => ("event", facts.event),
                About::Status => ("status", &*number),
                About::Time => ("time", &*number),
                About::Sequence => ("sequence", &*number),
                About::Chain => ("chain", facts.uid.split(':').next().unwrap_or_default()),
                About::Severity => ("severity", &*number),
                About::SeverityText => {
                    let word = match facts.severity {
                        WARN => "warn",
                        _ => "info",
                    };
                    let is_said = claimed.to_ascii_lowercase().starts_with(word);
                    ("severity", if is_said { claimed.as_str() } else { word })
                }
                About::Trace => {
                    let trace = format!(r#""trace":{{"uid":"{claimed}"}}"#);
                    return (!facts.text.contains(&trace)).then(|| {
                        format!("its envelope says trace {claimed:?}, and the record does not")
                    });
                }
            };
            (claimed != said)
                .then(|| format!("its envelope says {what} {claimed:?}, the record {said:?}"))
        });
        said.or_else(|| self.differing_member(facts.text))
    }

    /// A member of the record that says something else beside it. What was erased from the record may stand there
    /// still; that is for `erase` to tell.
    fn differing_member(&self, record: &str) -> Option<String> {
        if self.members.is_empty() {
            return None;
        }
        let record = parse(record).ok()?;
        self.members.iter().find_map(|(path, claimed)| {
            let said = match record.at(path)? {
                Json::String(text) if matches!(text.as_str(), "erased" | "/erased") => return None,
                Json::String(text) => text.clone(),
                Json::Object(_) | Json::Array(_) => return None,
                other => other.to_string(),
            };
            let number = |text: &str| text.parse::<f64>().ok();
            let is_same =
                said == *claimed || number(&said).is_some() && number(&said) == number(claimed);
            (!is_same)
                .then(|| format!("beside it stands {path} {claimed:?}, the record says {said:?}"))
        })
    }
}

/// The values in an object that are neither objects nor arrays, with their dotted paths.
fn leaves<'l>(object: &Members<'l>, path: &str, depth: usize, found: &mut Vec<(String, &'l str)>) {
    for (name, value) in object.iter() {
        let path = match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        match value.as_bytes().first() {
            _ if found.len() >= MAX_LEAVES => return,
            Some(b'{') if depth < MAX_DEPTH => {
                if let Ok(inner) = Members::read(value)
                    && !inner.are_of_a_record()
                {
                    leaves(&inner, &path, depth + 1, found);
                }
            }
            Some(b'{' | b'[') | None => {}
            Some(_) => found.push((path, value)),
        }
    }
}

/// A severity as OTLP counts: programs also write the names that its protobuf has for the numbers.
fn severity(text: &str) -> String {
    let number = text.strip_prefix("SEVERITY_NUMBER_").and_then(|name| {
        let (word, step) = match name.as_bytes().last()? {
            digit @ b'2'..=b'4' => (name.get(..name.len() - 1)?, u64::from(digit - b'1')),
            _ => (name, 0),
        };
        let words = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
        let first = (1..)
            .step_by(4)
            .zip(words)
            .find(|(_, known)| *known == word)?
            .0;
        Some(first + step)
    });
    number.map_or_else(|| text.to_owned(), |number| number.to_string())
}

/// OTLP's severity of what was refused, WARN, and of all else, INFO.
pub(crate) const WARN: u64 = 13;
pub(crate) const INFO: u64 = 9;

/// The attributes of OTLP that audit-emitter writes.
const KEYS: [(&str, About); 4] = [
    ("audit.uid", About::Uid),
    ("audit.retention_class", About::Class),
    ("audit.decision", About::Decision),
    ("http.response.status_code", About::Status),
];
/// The same in the spellings of stores, which have points, underscores or objects between the words, and the name of a
/// column in front.
const ATTRIBUTES: [(&str, About); 4] = [
    ("audituid", About::Uid),
    ("auditretentionclass", About::Class),
    ("auditdecision", About::Decision),
    ("httpresponsestatuscode", About::Status),
];
/// Members of records whose names are hardly anybody else's.
const MEMBERS: [&str; 10] = [
    "action_id",
    "activity_id",
    "actor",
    "api",
    "class_uid",
    "http_request",
    "http_response",
    "src_endpoint",
    "type_uid",
    "unmapped",
];
const MAX_DEPTH: usize = 8;
const MAX_LEAVES: usize = 1000;

/// A string, or the text of what is none.
fn spelled(value: &str) -> String {
    members::string(value).map_or_else(|| value.to_owned(), Cow::into_owned)
}
