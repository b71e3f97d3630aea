//! What an envelope says about the record in it. Collectors route by it and people search by it, and
//! nothing signs it: so it is compared with what the record says.

use std::borrow::Cow;

use super::members::{self, Members};
use super::otlp::LogRecord;

/// What an envelope says, as text; what it leaves out is not compared. What is no number where one is
/// expected, or no name of ours, stays as it is, and so is never what the record says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// `metadata.uid`.
    pub uid: Option<String>,
    /// `unmapped.retention.class`, in each place where the envelope has it.
    pub classes: Vec<String>,
    /// `allowed`, `denied` or `control`.
    pub decision: Option<String>,
    /// `api_activity` or `audit_control`.
    pub event: Option<String>,
    /// `http_response.code`.
    pub status: Option<String>,
    /// `time`, milliseconds since 1970.
    pub time_ms: Option<String>,
    /// `metadata.sequence`.
    pub sequence: Option<String>,
    /// `chain_uid`.
    pub chain_uid: Option<String>,
    /// `trace.uid`.
    pub trace: Option<String>,
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
    /// The whole record.
    pub text: &'r str,
}

impl Claims {
    pub(super) fn of_log(log: &LogRecord<'_>, class: Option<&str>) -> Self {
        let mut claims = Self {
            classes: class.map(str::to_owned).into_iter().collect(),
            trace: log
                .trace_id
                .as_ref()
                .map(|text| text.0.to_ascii_lowercase())
                .filter(|trace| !trace.is_empty()),
            event: log
                .event_name
                .as_ref()
                .map(|text| text.0.clone().into_owned()),
            // Zero is an unknown time.
            time_ms: log.time.as_ref().and_then(|time| match time.number() {
                Some(0) => None,
                Some(ns) => Some((ns / 1_000_000).to_string()),
                None => Some(time.spelled()),
            }),
            ..Self::default()
        };
        for attribute in &log.attributes {
            claims.add_attribute(&attribute.key.0, || attribute.value.spelled());
        }
        claims
    }

    /// What the columns of a table say in which a store keeps the attributes of OTLP. `None`: nothing.
    pub(super) fn of_row(row: &Members<'_>) -> Option<Self> {
        let mut claims = Self::default();
        for name in ["LogAttributes", "ResourceAttributes"] {
            let attributes = row.get(name).and_then(|text| Members::read(text).ok());
            for (key, value) in attributes.iter().flat_map(Members::iter) {
                claims.add_attribute(key, || spelled(value));
            }
        }
        (claims != Self::default()).then_some(claims)
    }

    fn add_attribute(&mut self, key: &str, value: impl FnOnce() -> String) {
        match key {
            "audit.uid" => self.uid = Some(value()),
            "audit.retention_class" => self.classes.push(value()),
            "audit.decision" => self.decision = Some(value()),
            "http.response.status_code" => self.status = Some(value()),
            _ => {}
        }
    }

    pub(super) fn of_event(event: &Members<'_>) -> Self {
        // An attribute that is null is not there.
        let text = |name: &str| event.get(name).filter(|text| *text != "null").map(spelled);
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
        Self {
            uid: text("id"),
            classes: text("retentionclass").into_iter().collect(),
            event: kind,
            time_ms: text("time").map(|text| match crate::time::parse_ms(&text) {
                Ok(ms) => ms.to_string(),
                Err(_) => text,
            }),
            // Some write zeros in front.
            sequence: text("sequence").map(|text| match text.parse::<u64>() {
                Ok(number) => number.to_string(),
                Err(_) => text,
            }),
            chain_uid: text("source").map(|source| own(source, "/meshward/audit/")),
            trace,
            ..Self::default()
        }
    }

    /// What of it the record does not say. `None`: nothing.
    #[must_use]
    pub fn contradiction(&self, facts: &Facts<'_>) -> Option<String> {
        let differs = |what: &str, claimed: &str, said: &str| {
            Some(format!(
                "its envelope says {what} {claimed:?}, the record {said:?}"
            ))
        };
        let [status, time_ms, sequence] =
            [facts.status, facts.time_ms, facts.sequence].map(|number| number.to_string());
        let chain = facts.uid.split(':').next().unwrap_or_default();
        let texts = [
            ("uid", &self.uid, facts.uid),
            ("decision", &self.decision, facts.decision),
            ("event", &self.event, facts.event),
            ("chain", &self.chain_uid, chain),
            ("status", &self.status, &status),
            ("time", &self.time_ms, &time_ms),
            ("sequence", &self.sequence, &sequence),
        ];
        for (what, claimed, said) in texts {
            if let Some(claimed) = claimed.as_deref().filter(|claimed| *claimed != said) {
                return differs(what, claimed, said);
            }
        }
        if let Some(class) = self.classes.iter().find(|class| *class != facts.class) {
            return differs("retention class", class, facts.class);
        }
        if let Some(trace) = &self.trace
            && !facts
                .text
                .contains(&format!(r#""trace":{{"uid":"{trace}"}}"#))
        {
            return Some(format!(
                "its envelope says trace {trace:?}, and the record does not"
            ));
        }
        None
    }
}

/// A string, or the text of what is none.
fn spelled(value: &str) -> String {
    members::string(value).map_or_else(|| value.to_owned(), Cow::into_owned)
}
