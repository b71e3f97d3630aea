//! The audit record: who did what to which data, from where, and who decided.
//!
//! OCSF 1.8.0, class API Activity (6003), profiles security_control and data_classification. What
//! the schema has no place for is under `unmapped`. Everything that a client chose is a JSON string
//! here, so no request can forge a record or end a line.

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
    /// The canonical path as the client sent it, before rewrites, without query.
    pub path: Option<String>,
    /// Lower case, without port.
    pub host: Option<String>,
    /// The name of the route.
    pub route: Option<String>,
    /// The final status; absent when the client left before one.
    pub status: Option<u16>,
    /// The proxy's own words for how the response came about.
    pub status_details: Option<String>,
    /// Where the request came from, without port.
    pub source_ip: Option<String>,
    /// W3C trace id (32 hexadecimal digits).
    pub trace_id: Option<String>,
    /// W3C span id (16 hexadecimal digits).
    pub span_id: Option<String>,
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

/// Whether the request was let through, for labels and severities.
#[must_use]
pub fn was_denied(observation: &Observation) -> bool {
    observation
        .decisions
        .iter()
        .any(|decision| decision.outcome == Outcome::Denied && !decision.report_only)
}

/// Builds the record.
#[must_use]
pub fn record(observation: &Observation, envelope: &Envelope<'_>) -> Json {
    let denied = was_denied(observation);
    let errored = observation
        .decisions
        .iter()
        .any(|decision| decision.outcome == Outcome::Error && !decision.report_only);
    let activity = activity_id(observation.method.as_deref());
    let failed = denied || errored || observation.status.is_none_or(|status| status >= 400);
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
        ("severity_id", Some(Json::from(if denied { 3 } else { 1 }))),
        ("time", Some(Json::from(observation.time_ms))),
        ("duration", Some(Json::from(observation.duration_ms))),
        (
            "action_id",
            Some(Json::from(if denied || errored { 2 } else { 1 })),
        ),
        (
            "disposition_id",
            Some(Json::from(disposition_id(observation, denied, errored))),
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
        ("actor", Some(actor(observation, envelope))),
        ("api", Some(api(observation))),
        ("http_request", http_request(observation, envelope.level)),
        (
            "http_response",
            observation
                .status
                .map(|status| object([("code", Some(Json::from(u64::from(status))))])),
        ),
        ("src_endpoint", Some(source(observation, envelope.level))),
        ("authorizations", authorizations(observation)),
        ("resources", resources(observation)),
        ("unmapped", Some(unmapped(observation, envelope))),
    ])
}

fn metadata(observation: &Observation, envelope: &Envelope<'_>) -> Json {
    let profiles = ["data_classification", "security_control"].map(Json::from);
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
        (
            "uid",
            Some(Json::String(format!(
                "{}:{}",
                envelope.emitter, envelope.sequence
            ))),
        ),
        ("sequence", Some(Json::from(envelope.sequence))),
        ("correlation_uid", text(observation.request_id.as_ref())),
    ])
}

fn actor(observation: &Observation, envelope: &Envelope<'_>) -> Json {
    let Some(identity) = &observation.identity else {
        let user = object([
            ("name", Some(Json::from("anonymous"))),
            ("type_id", Some(Json::from(0))),
        ]);
        return object([("user", Some(user))]);
    };
    let subject = identity
        .subject
        .as_ref()
        .map(|subject| match envelope.subject {
            Some(pseudonymizer) => pseudonymizer.pseudonym(subject),
            None => subject.clone(),
        });
    let user = object([
        ("uid", text(subject.as_ref())),
        ("type_id", Some(Json::from(1))),
        (
            "org",
            identity
                .tenant
                .as_ref()
                .map(|tenant| object([("uid", text(Some(tenant)))])),
        ),
    ]);
    object([
        ("user", Some(user)),
        (
            "session",
            Some(object([("issuer", text(identity.issuer.as_ref()))])),
        ),
        ("app_uid", text(identity.client_id.as_ref())),
    ])
}

fn api(observation: &Observation) -> Json {
    let operation = observation
        .route
        .clone()
        .or_else(|| observation.method.clone());
    object([
        (
            "operation",
            Some(Json::String(
                operation.unwrap_or_else(|| "unparsed".to_owned()),
            )),
        ),
        (
            "request",
            observation
                .request_id
                .as_ref()
                .map(|id| object([("uid", text(Some(id)))])),
        ),
        (
            "service",
            observation
                .host
                .as_ref()
                .map(|host| object([("name", text(Some(host)))])),
        ),
    ])
}

fn http_request(observation: &Observation, level: Level) -> Option<Json> {
    let method = observation.method.as_ref()?;
    let url = object([
        ("path", text(observation.path.as_ref())),
        ("hostname", text(observation.host.as_ref())),
    ]);
    let user_agent = observation
        .user_agent
        .as_ref()
        .filter(|_| level >= Level::Request);
    Some(object([
        ("http_method", Some(Json::String(method.clone()))),
        ("url", Some(url)),
        ("user_agent", text(user_agent)),
        (
            "length",
            observation
                .request_bytes
                .filter(|_| level >= Level::Full)
                .map(Json::from),
        ),
    ]))
}

fn source(observation: &Observation, level: Level) -> Json {
    let forwarded = observation
        .forwarded_for
        .as_ref()
        .filter(|_| level >= Level::Full);
    let hops = forwarded.map(|chain| {
        Json::Array(
            chain
                .split(',')
                .take(16)
                .map(|hop| Json::from(hop.trim()))
                .collect(),
        )
    });
    object([
        ("ip", text(observation.source_ip.as_ref())),
        ("intermediate_ips", hops),
    ])
}

fn authorizations(observation: &Observation) -> Option<Json> {
    let items: Vec<Json> = observation
        .decisions
        .iter()
        .map(|decision| {
            let name = decision.rule.as_ref().map_or_else(
                || decision.filter.clone(),
                |rule| format!("{}/{rule}", decision.filter),
            );
            let policy = object([
                ("name", Some(Json::String(name))),
                (
                    "desc",
                    Some(&decision.reason)
                        .filter(|reason| !reason.is_empty())
                        .and_then(|r| text(Some(r))),
                ),
                ("is_applied", Some(Json::Bool(!decision.report_only))),
            ]);
            object([
                ("decision", Some(Json::from(decision.outcome.as_str()))),
                ("policy", Some(policy)),
            ])
        })
        .collect();
    (!items.is_empty()).then_some(Json::Array(items))
}

/// The data that the response held, by what was found in it.
fn resources(observation: &Observation) -> Option<Json> {
    let counts = observation
        .decisions
        .iter()
        .flat_map(|decision| &decision.counts);
    let classes: Vec<Json> = counts
        .map(|(kind, count)| {
            let details = object([
                ("type", Some(Json::String(kind.clone()))),
                ("count", Some(Json::from(*count))),
            ]);
            object([
                ("category_id", Some(Json::from(data_category(kind)))),
                ("discovery_details", Some(Json::Array(vec![details]))),
            ])
        })
        .collect();
    (!classes.is_empty()).then(|| {
        let resource = object([
            ("name", text(observation.path.as_ref())),
            ("data_classifications", Some(Json::Array(classes))),
        ]);
        Json::Array(vec![resource])
    })
}

fn unmapped(observation: &Observation, envelope: &Envelope<'_>) -> Json {
    let purposes = observation.purposes.as_ref().map(|list| {
        Json::Array(
            list.iter()
                .map(|purpose| Json::from(purpose.as_str()))
                .collect(),
        )
    });
    let method = observation
        .identity
        .as_ref()
        .map(|identity| match identity.method {
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
    let trace = observation.trace_id.as_ref().map(|trace| {
        object([
            ("trace_id", text(Some(trace))),
            ("span_id", text(observation.span_id.as_ref())),
        ])
    });
    object([
        ("retention", Some(retention)),
        (
            "consent",
            Some(object([
                ("gpc", Some(Json::Bool(observation.opted_out))),
                ("purposes", purposes),
            ])),
        ),
        ("authentication", method),
        (
            "provider",
            observation
                .identity
                .as_ref()
                .map(|i| Json::from(i.provider.as_str())),
        ),
        ("trace", trace),
        ("level", Some(Json::from(envelope.level.as_str()))),
        (
            "response_bytes",
            observation
                .response_bytes
                .filter(|_| envelope.level >= Level::Full)
                .map(Json::from),
        ),
    ])
}

/// Create, Read, Update, Delete, Other of the class.
fn activity_id(method: Option<&str>) -> u64 {
    match method {
        Some("POST") => 1,
        Some("GET" | "HEAD" | "OPTIONS") => 2,
        Some("PUT" | "PATCH") => 3,
        Some("DELETE") => 4,
        Some(_) => 99,
        None => 0,
    }
}

/// Allowed, Blocked, Unauthorized, Error of the profile security_control.
const fn disposition_id(observation: &Observation, denied: bool, errored: bool) -> u64 {
    match (denied, errored, observation.status) {
        (true, _, Some(401)) => 26,
        (true, _, _) => 2,
        (false, true, _) => 27,
        _ => 1,
    }
}

/// Personal, Financial or Security of the data classification.
fn data_category(kind: &str) -> u64 {
    match kind {
        "CREDIT_CARD" | "IBAN_CODE" => 3,
        "JWT" => 6,
        _ => 1,
    }
}

fn text(value: Option<&String>) -> Option<Json> {
    value.map(|value| Json::String(value.chars().take(MAX_TEXT_CHARACTERS).collect()))
}

fn object<const N: usize>(members: [(&str, Option<Json>); N]) -> Json {
    let present = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Json::Object(present.collect())
}

const API_ACTIVITY: u64 = 6003;
/// A path or a header may be as long as the proxy allows; a record is not.
const MAX_TEXT_CHARACTERS: usize = 2048;

#[cfg(test)]
mod tests;
