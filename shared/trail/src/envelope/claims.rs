//! What an envelope says about the record in it. Collectors route by it and people search by it, and
//! nothing signs it: so it is compared with what the record says.

use std::borrow::Cow;

use super::members::Members;
use super::otlp::LogRecord;

/// What an envelope says; what it leaves out is not compared.
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
    pub status: Option<u64>,
    /// `time`, milliseconds since 1970.
    pub time_ms: Option<u64>,
    /// `metadata.sequence`.
    pub sequence: Option<u64>,
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
            time_ms: log
                .time
                .as_ref()
                .and_then(|time| time.number().filter(|ns| *ns > 0))
                .map(|ns| ns / 1_000_000),
            ..Self::default()
        };
        for attribute in &log.attributes {
            let text = || {
                attribute
                    .value
                    .string_value
                    .as_ref()
                    .map(|text| text.0.clone().into_owned())
            };
            match attribute.key.0.as_ref() {
                "audit.uid" => claims.uid = text(),
                "audit.retention_class" => claims.classes.extend(text()),
                "audit.decision" => claims.decision = text(),
                "http.response.status_code" => {
                    claims.status = attribute
                        .value
                        .int_value
                        .as_ref()
                        .and_then(super::otlp::Integer::number);
                }
                _ => {}
            }
        }
        claims
    }

    pub(super) fn of_event(event: &Members<'_>) -> Self {
        let text = |name: &str| event.string(name).map(Cow::into_owned);
        let kind = text("type").and_then(|kind| match kind.as_str() {
            "com.meshward.audit.control" => Some("audit_control".to_owned()),
            "com.meshward.audit.api_activity" => Some("api_activity".to_owned()),
            _ => None,
        });
        let source = text("source");
        let trace = text("traceparent").and_then(|text| Some(text.split('-').nth(1)?.to_owned()));
        let chain_uid =
            source.and_then(|text| Some(text.strip_prefix("/meshward/audit/")?.to_owned()));
        Self {
            uid: text("id"),
            classes: text("retentionclass").into_iter().collect(),
            event: kind,
            time_ms: text("time").and_then(|text| crate::time::parse_ms(&text).ok()),
            sequence: text("sequence").and_then(|text| text.parse().ok()),
            chain_uid,
            trace,
            ..Self::default()
        }
    }

    /// What of it the record does not say. `None`: nothing.
    #[must_use]
    pub fn contradiction(&self, facts: &Facts<'_>) -> Option<String> {
        let differs =
            |what: &str, claimed: &dyn std::fmt::Display, said: &dyn std::fmt::Display| {
                Some(format!(
                    "its envelope says {what} {claimed:?}, the record {said:?}",
                    claimed = claimed.to_string(),
                    said = said.to_string()
                ))
            };
        let texts = [
            ("uid", self.uid.as_deref(), facts.uid),
            ("decision", self.decision.as_deref(), facts.decision),
            ("event", self.event.as_deref(), facts.event),
            (
                "chain",
                self.chain_uid.as_deref(),
                facts.uid.split(':').next().unwrap_or_default(),
            ),
        ];
        for (what, claimed, said) in texts {
            if let Some(claimed) = claimed.filter(|claimed| *claimed != said) {
                return differs(what, &claimed, &said);
            }
        }
        if let Some(class) = self.classes.iter().find(|class| *class != facts.class) {
            return differs("retention class", class, &facts.class);
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
        let numbers = [
            ("status", self.status, facts.status),
            ("time", self.time_ms, facts.time_ms),
            ("sequence", self.sequence, facts.sequence),
        ];
        numbers.into_iter().find_map(|(what, claimed, said)| {
            let claimed = claimed.filter(|claimed| *claimed != said)?;
            differs(what, &claimed, &said)
        })
    }
}
