//! The audit record: who did what to which data, from where, and who decided.
//!
//! OCSF 1.8.0, class API Activity (6003), profiles security_control, trace and
//! data_classification. What the schema has no place for is under `unmapped`. Everything that a
//! client chose is a JSON string of bounded length here, so no request can forge a record, end a
//! line or fill the queue by itself.

mod activity;
mod parties;

use policy::decision::{Decision, Outcome};
use policy::identity::{AuthenticationMethod, Identity};
use policy::json::Json;

use crate::config::{Level, Retention};
use crate::pseudonym::Pseudonymizer;

/// What was observed of one request; absent is what the host did not tell.
#[derive(Debug, Default)]
pub struct Observation {
    /// Milliseconds since 1970, when the request came.
    pub time_ms: u64,
    /// Milliseconds until it was complete.
    pub duration_ms: u64,
    /// The proxy's id of the request.
    pub request_id: Option<String>,
    /// As sent.
    pub method: Option<String>,
    /// The canonical path as the client sent it, before rewrites, without query; as sent where it
    /// has no canonical form.
    pub path: Option<String>,
    /// Lower case, without port.
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
    /// `User-Agent`, from level `request` on.
    pub user_agent: Option<String>,
    /// `X-Forwarded-For`, which clients can write; from level `full` on.
    pub forwarded_for: Option<String>,
    /// The verified caller.
    pub identity: Option<Identity>,
    /// What every filter decided.
    pub decisions: Vec<Decision>,
    /// `Sec-GPC: 1` was sent.
    pub opted_out: bool,
    /// The purposes consented to, where a source says.
    pub purposes: Option<Vec<String>>,
}

impl Observation {
    /// Whether a filter refused the request, or could not decide and stopped it or its answer.
    #[must_use]
    pub fn was_stopped(&self) -> bool {
        self.was_denied() || self.has_applied(Outcome::Error)
    }

    fn was_denied(&self) -> bool {
        self.has_applied(Outcome::Denied)
    }

    fn has_applied(&self, outcome: Outcome) -> bool {
        let applied = |decision: &Decision| decision.outcome == outcome && !decision.report_only;
        self.decisions.iter().any(applied)
    }
}

/// What a W3C `traceparent` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// 32 hexadecimal digits, lower case.
    pub trace_id: String,
    /// 16 hexadecimal digits, lower case: the span of the caller.
    pub span_id: String,
}

impl TraceContext {
    /// The memory that it takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            .saturating_add(self.trace_id.len())
            .saturating_add(self.span_id.len())
    }
}

/// What the emitter adds to an observation.
#[derive(Debug)]
pub struct Envelope<'e> {
    /// The random id of this emitter.
    pub emitter: &'e str,
    /// The number of the record, from 1 without gaps.
    pub sequence: u64,
    /// How much is recorded.
    pub level: Level,
    /// How long it must be kept.
    pub retention: &'e Retention,
    /// How subjects are written.
    pub subject: Option<&'e Pseudonymizer>,
}

impl Envelope<'_> {
    /// The id of the record, the same however often it is sent.
    #[must_use]
    pub fn uid(&self) -> String {
        format!("{}:{}", self.emitter, self.sequence)
    }
}

/// Builds the record.
#[must_use]
pub fn record(observation: &Observation, envelope: &Envelope<'_>) -> Json {
    let stopped = observation.was_stopped();
    let activity = activity::id(observation.method.as_deref());
    let failed = stopped
        || observation.status.is_none_or(|status| status >= 400)
        || observation.grpc_status.is_some_and(|status| status > 0);
    object([
        ("activity_id", Some(Json::from(activity))),
        ("category_uid", Some(Json::from(6))),
        ("class_uid", Some(Json::from(API_ACTIVITY))),
        (
            "type_uid",
            Some(Json::from(
                API_ACTIVITY.saturating_mul(100).saturating_add(activity),
            )),
        ),
        ("severity_id", Some(Json::from(if stopped { 3 } else { 1 }))),
        ("time", Some(Json::from(observation.time_ms))),
        ("duration", Some(Json::from(observation.duration_ms))),
        ("action_id", Some(Json::from(if stopped { 2 } else { 1 }))),
        (
            "disposition_id",
            Some(Json::from(disposition_id(observation))),
        ),
        ("status_id", Some(Json::from(if failed { 2 } else { 1 }))),
        (
            "status_code",
            observation
                .status
                .map(|status| Json::String(status.to_string())),
        ),
        ("status_detail", text(observation.status_details.as_ref())),
        ("metadata", Some(metadata(observation, envelope))),
        ("actor", Some(parties::actor(observation, envelope.subject))),
        (
            "src_endpoint",
            Some(parties::source(observation, envelope.level)),
        ),
        ("api", Some(activity::api(observation))),
        (
            "http_request",
            activity::http_request(observation, envelope.level),
        ),
        (
            "http_response",
            observation
                .status
                .map(|status| object([("code", Some(Json::from(u64::from(status))))])),
        ),
        ("authorizations", activity::authorizations(observation)),
        ("resources", activity::resources(observation)),
        (
            "trace",
            observation
                .trace
                .as_ref()
                .map(|trace| object([("uid", text(Some(&trace.trace_id)))])),
        ),
        ("unmapped", Some(unmapped(observation, envelope))),
    ])
}

fn metadata(observation: &Observation, envelope: &Envelope<'_>) -> Json {
    let profiles = ["data_classification", "security_control", "trace"].map(Json::from);
    object([
        ("version", Some(Json::from("1.8.0"))),
        ("profiles", Some(Json::Array(profiles.into()))),
        (
            "product",
            Some(object([
                ("name", Some(Json::from("audit-emitter"))),
                ("vendor_name", Some(Json::from("Meshward"))),
                ("version", Some(Json::from(env!("CARGO_PKG_VERSION")))),
            ])),
        ),
        ("uid", Some(Json::String(envelope.uid()))),
        ("sequence", Some(Json::from(envelope.sequence))),
        ("correlation_uid", text(observation.request_id.as_ref())),
    ])
}

fn unmapped(observation: &Observation, envelope: &Envelope<'_>) -> Json {
    let purposes = observation.purposes.as_ref().map(|list| {
        let names = list.iter().take(MAX_PURPOSES);
        Json::Array(names.filter_map(|purpose| name(Some(purpose))).collect())
    });
    let identity = observation.identity.as_ref();
    let method = identity.map(|identity| match identity.method {
        AuthenticationMethod::ApiKey => Json::from("api_key"),
        AuthenticationMethod::Introspection => Json::from("introspection"),
        _ => Json::from("jwt"),
    });
    let retention = object([
        (
            "class",
            Some(Json::String(envelope.retention.class.clone())),
        ),
        (
            "expires",
            envelope.retention.keep.map(|keep| {
                let keep_ms = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
                Json::from(observation.time_ms.saturating_add(keep_ms))
            }),
        ),
    ]);
    let consent = object([
        ("gpc", Some(Json::Bool(observation.opted_out))),
        ("purposes", purposes),
    ]);
    object([
        ("level", Some(Json::from(envelope.level.as_str()))),
        ("retention", Some(retention)),
        ("consent", Some(consent)),
        ("authentication", method),
        ("provider", identity.and_then(|i| name(Some(&i.provider)))),
        // A span of the schema has a beginning and an end, which only the caller knows.
        (
            "parent_span_id",
            observation
                .trace
                .as_ref()
                .and_then(|trace| text(Some(&trace.span_id))),
        ),
        ("http_method", activity::other_method(observation)),
        ("grpc_status", observation.grpc_status.map(Json::from)),
        (
            "response_flags",
            observation
                .response_flags
                .filter(|flags| *flags > 0)
                .map(Json::from),
        ),
        (
            "response_bytes",
            observation
                .response_bytes
                .filter(|_| envelope.level >= Level::Full)
                .map(Json::from),
        ),
    ])
}

/// Allowed, Blocked, Unauthorized, Error of the profile security_control.
fn disposition_id(observation: &Observation) -> u64 {
    let unauthenticated =
        observation.status == Some(401) || observation.grpc_status == Some(GRPC_UNAUTHENTICATED);
    match (observation.was_denied(), observation.was_stopped()) {
        (true, _) if unauthenticated => 26,
        (true, _) => 2,
        (false, true) => 27,
        (false, false) => 1,
    }
}

/// A text that clients or upstreams can make long.
fn text(value: Option<&String>) -> Option<Json> {
    value.map(|value| Json::String(cut(value, MAX_TEXT_BYTES)))
}

/// A text that is long only when somebody wants it to be.
fn name(value: Option<&String>) -> Option<Json> {
    value.map(|value| Json::String(cut(value, MAX_NAME_BYTES)))
}

/// The beginning of a text, with a mark that it was longer.
fn cut(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let mut bytes = 0_usize;
    let fits = |character: &char| {
        bytes = bytes.saturating_add(character.len_utf8());
        bytes <= max_bytes
    };
    let mut beginning: String = text.chars().take_while(fits).collect();
    beginning.push('…');
    beginning
}

fn object<const N: usize>(members: [(&str, Option<Json>); N]) -> Json {
    let present = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Json::Object(present.collect())
}

const API_ACTIVITY: u64 = 6003;
const GRPC_UNAUTHENTICATED: u64 = 16;
/// A path or a header may be as long as the proxy allows; a record is not.
const MAX_TEXT_BYTES: usize = 2048;
/// As long as a host name may be (RFC 1035 section 2.3.4).
const MAX_NAME_BYTES: usize = 255;
const MAX_PURPOSES: usize = 64;

#[cfg(test)]
mod tests;
