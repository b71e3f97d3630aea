//! What an envelope says about the record in it. Collectors route by it and people search by it, and
//! nothing signs it: so it is compared with what the record says.

use std::borrow::Cow;

use super::members::{self, Members};
use super::otlp::{Attribute, LogRecord};

/// What an envelope says, as text, each time that it does: readers differ in which of two they take. What it leaves
/// out is not compared. What is no number where one is expected, or no name of ours, stays as it is, and so is never
/// what the record says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    said: Vec<(About, String)>,
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
    /// The whole record as it was kept.
    pub text: &'r str,
}

impl Claims {
    /// What is said around the record of a log of OTLP: `around` are the attributes of its resource and its scope.
    pub(super) fn of_log(log: &LogRecord<'_>, around: &[&[Attribute<'_>]]) -> Self {
        let mut claims = Self {
            said: Vec::new(),
            holds_another: log.body.is_of_several_kinds(),
        };
        let trace = log
            .trace_id
            .as_ref()
            .map(|text| text.0.to_ascii_lowercase());
        claims.add(About::Trace, trace.filter(|trace| !trace.is_empty()));
        let event = log.event_name.as_ref();
        claims.add(About::Event, event.map(|text| text.0.clone().into_owned()));
        // Zero is an unknown time.
        let time = log.time.as_ref().and_then(|time| match time.number() {
            Some(0) => None,
            Some(ns) => Some((ns / 1_000_000).to_string()),
            None => Some(time.spelled()),
        });
        claims.add(About::Time, time);
        for attribute in around
            .iter()
            .copied()
            .chain([&log.attributes[..]])
            .flatten()
        {
            claims.add_attribute(&attribute.key.0, || attribute.value.spelled());
        }
        claims
    }

    /// What the columns of a table say in which a store keeps the attributes of OTLP. `None`: nothing.
    pub(super) fn of_row(row: &Members<'_>) -> Option<Self> {
        let mut claims = Self::default();
        for name in ["LogAttributes", "ScopeAttributes", "ResourceAttributes"] {
            let attributes = row.get(name).and_then(|text| Members::read(text).ok());
            for (key, value) in attributes.iter().flat_map(Members::iter) {
                claims.add_attribute(key, || spelled(value));
            }
        }
        (claims != Self::default()).then_some(claims)
    }

    fn add(&mut self, about: About, value: Option<String>) {
        self.said.extend(value.map(|value| (about, value)));
    }

    fn add_attribute(&mut self, key: &str, value: impl FnOnce() -> String) {
        let about = match key {
            "audit.uid" => About::Uid,
            "audit.retention_class" => About::Class,
            "audit.decision" => About::Decision,
            "http.response.status_code" => About::Status,
            _ => return,
        };
        self.add(about, Some(value()));
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
            said: Vec::new(),
            // The format has one of them at most.
            holds_another: there("data").is_some() && there("data_base64").is_some(),
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
        self.said.iter().find_map(|(about, claimed)| {
            let number = match about {
                About::Status => facts.status,
                About::Time => facts.time_ms,
                About::Sequence => facts.sequence,
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
                About::Trace => {
                    let trace = format!(r#""trace":{{"uid":"{claimed}"}}"#);
                    return (!facts.text.contains(&trace)).then(|| {
                        format!("its envelope says trace {claimed:?}, and the record does not")
                    });
                }
            };
            (claimed != said)
                .then(|| format!("its envelope says {what} {claimed:?}, the record {said:?}"))
        })
    }
}

/// A string, or the text of what is none.
fn spelled(value: &str) -> String {
    members::string(value).map_or_else(|| value.to_owned(), Cow::into_owned)
}
