//! What is known of one request when its record is written.

use policy::data_subject::MAX_DATA_SUBJECTS;
use policy::decision::{Decision, Outcome};
use policy::finding::FindingOutcome;
use policy::identity::Identity;
use policy::json::Json;
use serde::Serialize;
use std::rc::Rc;

use super::ConsentDetail;

/// What was observed of one request; absent is what the host did not tell.
#[derive(Debug, Default)]
pub struct Observation {
    /// Milliseconds since 1970, when the request came.
    pub time_ms: u64,
    /// Milliseconds until it was complete.
    pub duration_ms: u64,
    /// The proxy's id of the request.
    pub request_id: Option<String>,
    /// The method as it was sent.
    pub method: Option<String>,
    /// The canonical path as the client sent it, before rewrites, without query; as sent where it
    /// has no canonical form.
    pub path: Option<String>,
    /// The path as the client sent it, without query, where that is not its canonical form: the
    /// evidence of an attack.
    pub path_as_sent: Option<String>,
    /// The query as sent, from level `request` on.
    pub query: Option<String>,
    /// The host that was asked for, in lower case, without port.
    pub host: Option<String>,
    /// The name of the route.
    pub route: Option<String>,
    /// The final status; absent when the client left before one.
    pub status: Option<u16>,
    /// The proxy's own words for how the response came about.
    pub status_details: Option<String>,
    /// The proxy's flags for what went wrong, a bit set.
    pub response_flags: Option<u64>,
    /// The status of a gRPC call, 0 for success.
    pub grpc_status: Option<u64>,
    /// Where the request came from, without port.
    pub source_ip: Option<String>,
    /// The trace that the request belongs to.
    pub trace: Option<TraceContext>,
    /// Bytes of the request body.
    pub request_bytes: Option<u64>,
    /// Bytes of the response body.
    pub response_bytes: Option<u64>,
    /// Where the response came from, with port.
    pub upstream: Option<String>,
    /// The version of TLS as the proxy names it, such as `TLSv1.3`.
    pub tls_version: Option<String>,
    /// `User-Agent`, from level `request` on.
    pub user_agent: Option<String>,
    /// The headers that the configuration names, from level `request` on.
    pub headers: Vec<(String, String)>,
    /// `X-Forwarded-For`, which clients can write; from level `full` on.
    pub forwarded_for: Option<String>,
    /// The verified caller.
    pub identity: Option<Rc<Identity>>,
    /// Who the client certificate names, where no filter verified anybody.
    pub peer: Option<String>,
    /// About whom the request is, where its rule says where they stand.
    pub data_subjects: Option<ObservedSubjects>,
    /// The decisions of all filters, in their order.
    pub decisions: Vec<Decision>,
    /// Whether the request had `Sec-GPC: 1`.
    pub opted_out: bool,
    /// The purposes consented to, where a source says.
    pub purposes: Option<Vec<String>>,
    /// A source of consent says something that is no list of purposes.
    pub consent_unreadable: bool,
    /// Where the consent comes from, and what a rule wanted.
    pub consent: ConsentDetail,
    /// The host passes nothing from filter to filter: nobody can say who sent the request, and what
    /// other filters decided.
    pub is_isolated: bool,
    /// Something was cut off, so that the record keeps within its bound.
    pub is_truncated: bool,
}

impl Observation {
    /// Whether a filter refused the request, or could not decide and stopped it or its response.
    #[must_use]
    pub fn was_stopped(&self) -> bool {
        self.was_denied() || self.has_applied(Outcome::Error)
    }

    /// Whether it did not get what it asked for, for whatever reason.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.was_stopped()
            || self.status.is_none_or(|status| status >= 400)
            || self.grpc_status.is_some_and(|status| status > 0)
            || self.was_cut_off()
    }

    /// Whether the proxy says that something went wrong with a response that had begun, or with the
    /// connection to either side: a status of 200 does not tell.
    #[must_use]
    pub fn was_cut_off(&self) -> bool {
        self.response_flags
            .is_some_and(|flags| flags & !HARMLESS_FLAGS > 0)
    }

    /// Whether a filter changed the request or the response.
    #[must_use]
    pub fn was_modified(&self) -> bool {
        let changed = |decision: &Decision| {
            let mut outcomes = decision.findings.iter().map(|finding| finding.outcome);
            outcomes
                .any(|outcome| matches!(outcome, FindingOutcome::Masked | FindingOutcome::Removed))
        };
        self.has_applied(Outcome::Redacted) || self.decisions.iter().any(changed)
    }

    pub(super) fn was_denied(&self) -> bool {
        self.has_applied(Outcome::Denied)
    }

    fn has_applied(&self, outcome: Outcome) -> bool {
        let applied = |decision: &Decision| decision.outcome == outcome && !decision.report_only;
        self.decisions.iter().any(applied)
    }
}

/// About whom a request is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedSubjects {
    /// Who, as the messages name them.
    pub values: Vec<String>,
    /// How many more there were.
    pub omitted: u64,
    /// There may be others: a body was not read to its end, or servers read the request in more
    /// than one way.
    pub is_incomplete: bool,
}

impl ObservedSubjects {
    /// Adds people, each once; who has no place is counted.
    pub(crate) fn add_all(&mut self, people: &[String]) {
        for person in people {
            if self.values.contains(person) {
                continue;
            }
            if self.values.len() >= MAX_DATA_SUBJECTS {
                self.omitted = self.omitted.saturating_add(1);
            } else {
                self.values.push(person.clone());
            }
        }
    }
}

/// What a W3C `traceparent` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TraceContext {
    /// 32 hexadecimal digits, lower case.
    pub trace_id: String,
    /// 16 hexadecimal digits, lower case: the span of the caller.
    pub span_id: String,
    /// Whether the trace is sampled, and what else the caller says about it.
    pub flags: u8,
}

impl TraceContext {
    /// As another instance has written it.
    pub(crate) fn read(json: &Json) -> Option<Self> {
        let text = |name: &str| Some(json.member(name)?.as_str()?.to_owned());
        Some(Self {
            trace_id: text("trace_id")?,
            span_id: text("span_id")?,
            flags: u8::try_from(json.member("flags")?.as_u64()?).ok()?,
        })
    }
}

/// Writes the trace as a `traceparent` header.
impl std::fmt::Display for TraceContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "00-{}-{}-{:02x}",
            self.trace_id, self.span_id, self.flags
        )
    }
}

/// Flags of Envoy that say nothing about how a request ended: DelayInjected and
/// ResponseFromCacheFilter.
const HARMLESS_FLAGS: u64 = 1 << 9 | 1 << 20;
