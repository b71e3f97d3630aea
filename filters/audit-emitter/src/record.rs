//! The audit record: who did what to which data, from where, and who decided.
//!
//! OCSF 1.8.0, class API Activity (6003), profiles security_control, trace and
//! data_classification. What the schema has no place for is under `unmapped`. Everything that a
//! client chose is a JSON string of bounded length here, so no request can forge a record, end a
//! line or fill the queue by itself.

mod activity;
mod bound;
mod consent;
mod data_subject;
mod findings;
mod observation;
mod parties;

use std::time::Duration;

use audit::canonical::Writer;
use audit::{Chain, Committed, Group, Salts};
use policy::identity::AuthenticationMethod;

pub use consent::{ConsentDetail, ConsentSignal};
pub use data_subject::Disclosed;
pub use observation::{Observation, ObservedSubjects, TraceContext};

use crate::config::{FieldSettings, Level, Retention};
use crate::pseudonym::Pseudonymizer;

/// What the emitter adds to an observation.
#[derive(Debug)]
pub struct Envelope<'e> {
    /// The chain that the record is the next of.
    pub chain: &'e Chain,
    /// A salt for each commitment, drawn for this record alone.
    pub salts: Salts,
    /// How much of the request is recorded.
    pub level: Level,
    /// Whether it is about a request that was only received, without a response yet.
    pub is_received: bool,
    /// What the rule calls such requests.
    pub template: Option<&'e str>,
    /// How long it must be kept.
    pub retention: &'e Retention,
    /// What is recorded of personal parts.
    pub fields: &'e FieldSettings,
    /// Turns subjects into pseudonyms, if the configuration wants that.
    pub subject: Option<&'e Pseudonymizer>,
}

/// Writes the record, of at most so many bytes in whatever way a store or a log spells it. What has
/// to be cut for that is marked with `…`, and the record with `unmapped.truncated`.
#[must_use]
pub fn write(observation: &Observation, envelope: &Envelope<'_>, max_bytes: usize) -> Writer {
    let people = data_subject::pseudonyms(observation, envelope);
    let mut writer = write_whole(observation, envelope, &people);
    for bound in bound::STEPS {
        if writer.fits_escaped(max_bytes) {
            break;
        }
        let people = people.get(..bound.people).unwrap_or(&people);
        writer = write_whole(&bound.cut(observation, envelope), envelope, people);
    }
    writer
}

/// `people` are those of the data subjects who have a place in the record.
fn write_whole(observation: &Observation, envelope: &Envelope<'_>, people: &[String]) -> Writer {
    let personal = Personal::of(observation, envelope, people);
    let committed = personal.committed(&envelope.salts);
    let stopped = observation.was_stopped();
    let activity = activity::id(observation.method.as_deref());
    let mut writer = Writer::with_capacity(TYPICAL_BYTES);
    writer.object(|w| {
        w.number_member("action_id", action_id(observation));
        w.number_member("activity_id", activity);
        if activity == activity::OTHER {
            name(w, "activity_name", observation.method.as_deref());
        }
        w.cut_member("actor", |w| w.fragment(&personal.actor));
        w.member("api", |w| activity::write_api(w, observation, envelope));
        activity::write_authorizations(w, observation);
        w.number_member("category_uid", 6);
        w.number_member("class_uid", API_ACTIVITY);
        w.number_member("disposition_id", disposition_id(observation, envelope));
        parties::write_upstream(w, observation, envelope.level);
        w.number_member("duration", observation.duration_ms);
        activity::write_http_request(w, observation, envelope.level, &personal);
        if let Some(status) = observation.status {
            w.member("http_response", |w| {
                w.object(|w| w.number_member("code", u64::from(status)));
            });
        }
        w.member("metadata", |w| write_metadata(w, observation, envelope));
        findings::write_resources(w, observation, envelope);
        w.number_member("severity_id", if stopped { 3 } else { 1 });
        w.cut_member("src_endpoint", |w| w.fragment(&personal.source));
        if let Some(status) = observation.status {
            w.text_member("status_code", &status.to_string());
        }
        text(w, "status_detail", observation.status_details.as_deref());
        let status_id = match (envelope.is_received, observation.failed()) {
            // It has none yet.
            (true, _) => 99,
            (false, true) => 2,
            (false, false) => 1,
        };
        w.number_member("status_id", status_id);
        w.number_member("time", observation.time_ms);
        if let Some(trace) = &observation.trace {
            w.member("trace", |w| {
                w.object(|w| w.text_member("uid", &trace.trace_id));
            });
        }
        w.number_member(
            "type_uid",
            API_ACTIVITY.saturating_mul(100).saturating_add(activity),
        );
        w.member("unmapped", |w| {
            write_unmapped(w, observation, envelope, &personal, &committed);
        });
    });
    writer
}

/// The parts that can be erased, each as canonical text.
struct Personal {
    actor: String,
    source: String,
    consent: String,
    data_subject: Option<String>,
    path: Option<String>,
    path_as_sent: Option<String>,
    query: Option<String>,
    user_agent: Option<String>,
    headers: Option<String>,
}

impl Personal {
    fn of(observation: &Observation, envelope: &Envelope<'_>, people: &[String]) -> Self {
        let detailed = envelope.level >= Level::Request;
        Self {
            actor: parties::actor(observation, envelope),
            source: parties::source(observation, envelope),
            consent: consent::consent(observation),
            data_subject: data_subject::written(observation, envelope, people),
            // The members of `http_request` are there where it is.
            path: activity::path(observation, envelope).filter(|_| observation.method.is_some()),
            path_as_sent: activity::path_as_sent(observation, envelope)
                .filter(|_| observation.method.is_some() && observation.path.is_some()),
            query: activity::query(observation, envelope)
                .filter(|_| detailed && observation.method.is_some() && observation.path.is_some()),
            user_agent: observation
                .user_agent
                .as_deref()
                .filter(|_| detailed && observation.method.is_some())
                .map(|agent| string(&cut(agent, MAX_TEXT_BYTES))),
            headers: activity::headers(observation)
                .filter(|_| detailed && observation.method.is_some()),
        }
    }

    fn committed(&self, salts: &Salts) -> Committed {
        let [consent, data_subject, source, subject, url] = *salts;
        let mut committed = Committed::default();
        committed.commit(
            Group::Consent,
            consent,
            &[("/unmapped/consent", Some(&self.consent))],
        );
        committed.commit(
            Group::DataSubject,
            data_subject,
            &[("/unmapped/data_subject", self.data_subject.as_deref())],
        );
        committed.commit(
            Group::Source,
            source,
            &[
                ("/http_request/http_headers", self.headers.as_deref()),
                ("/http_request/user_agent", self.user_agent.as_deref()),
                ("/src_endpoint", Some(&self.source)),
            ],
        );
        committed.commit(Group::Subject, subject, &[("/actor", Some(&self.actor))]);
        committed.commit(
            Group::Url,
            url,
            &[
                ("/http_request/url/path", self.path.as_deref()),
                ("/http_request/url/query_string", self.query.as_deref()),
                ("/http_request/url/url_string", self.path_as_sent.as_deref()),
            ],
        );
        committed
    }
}

fn write_metadata(w: &mut Writer, observation: &Observation, envelope: &Envelope<'_>) {
    w.object(|w| {
        text(w, "correlation_uid", observation.request_id.as_deref());
        w.member("product", |w| w.fragment(PRODUCT));
        w.member("profiles", |w| {
            w.fragment(r#"["data_classification","security_control","trace"]"#);
        });
        w.number_member("sequence", envelope.chain.next_sequence());
        w.text_member("uid", &envelope.chain.next_uid());
        w.text_member("version", "1.8.0");
    });
}

fn write_unmapped(
    w: &mut Writer,
    observation: &Observation,
    envelope: &Envelope<'_>,
    personal: &Personal,
    committed: &Committed,
) {
    let identity = observation.identity.as_ref();
    let full = envelope.level >= Level::Full;
    w.object(|w| {
        let method = identity.map(|identity| match identity.method {
            AuthenticationMethod::ApiKey => "api_key",
            AuthenticationMethod::Introspection => "introspection",
            _ => "jwt",
        });
        let certificate = observation.peer.as_ref().map(|_| "client_certificate");
        text(w, "authentication", method.or(certificate));
        w.cut_member("consent", |w| w.fragment(&personal.consent));
        if let Some(people) = &personal.data_subject {
            w.cut_member("data_subject", |w| w.fragment(people));
        }
        findings::write_findings(w, observation);
        number(w, "grpc_status", observation.grpc_status);
        name(w, "http_method", activity::other_method(observation));
        w.text_member("level", envelope.level.as_str());
        // A span of the schema has a beginning and an end, which only the caller knows.
        if let Some(trace) = &observation.trace {
            w.text_member("parent_span_id", &trace.span_id);
        }
        name(w, "provider", identity.map(|i| i.provider.as_str()));
        envelope.chain.write_integrity(w, committed, false);
        number(
            w,
            "response_bytes",
            observation.response_bytes.filter(|_| full),
        );
        number(
            w,
            "response_flags",
            observation.response_flags.filter(|flags| *flags > 0),
        );
        w.member("retention", |w| {
            w.object(|w| {
                w.text_member("class", &envelope.retention.class);
                let after = |keep: Duration| {
                    let keep_ms = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
                    observation.time_ms.saturating_add(keep_ms)
                };
                let keep = envelope.retention.keep;
                number(w, "expires", keep.at_most.map(after));
                number(w, "required_until", keep.at_least.map(after));
            });
        });
        text(
            w,
            "stage",
            Some("received").filter(|_| envelope.is_received),
        );
        name(
            w,
            "tls_version",
            observation.tls_version.as_deref().filter(|_| full),
        );
        let flags = observation.trace.as_ref().map(|trace| trace.flags.into());
        number(w, "trace_flags", flags);
        if observation.is_truncated {
            w.member("truncated", |w| w.boolean(true));
        }
    });
}

/// Allowed, Denied, Modified of the profile security_control; Unknown where nobody can say.
fn action_id(observation: &Observation) -> u64 {
    if observation.was_stopped() {
        2
    } else if observation.is_isolated && observation.failed() {
        // Whether another filter refused it or the upstream, nobody can say.
        0
    } else if observation.was_modified() {
        4
    } else {
        1
    }
}

/// Allowed, Blocked, Unauthorized, Error of the profile security_control; Logged for what is only
/// received.
fn disposition_id(observation: &Observation, envelope: &Envelope<'_>) -> u64 {
    let unauthenticated =
        observation.status == Some(401) || observation.grpc_status == Some(GRPC_UNAUTHENTICATED);
    match (observation.was_denied(), observation.was_stopped()) {
        (true, _) if unauthenticated => 26,
        (true, _) => 2,
        (false, true) => 27,
        (false, false) if envelope.is_received => 17,
        (false, false) if observation.is_isolated && observation.failed() => 0,
        (false, false) => 1,
    }
}

/// A member with a text that clients or upstreams can make long.
fn text(writer: &mut Writer, member: &str, value: Option<&str>) {
    if let Some(value) = value {
        writer.text_member(member, &cut(value, MAX_TEXT_BYTES));
    }
}

/// A member with a text that is long only when somebody wants it to be.
fn name(writer: &mut Writer, member: &str, value: Option<&str>) {
    if let Some(value) = value {
        writer.text_member(member, &cut(value, MAX_NAME_BYTES));
    }
}

fn number(writer: &mut Writer, member: &str, value: Option<u64>) {
    if let Some(value) = value {
        writer.number_member(member, value);
    }
}

fn string(value: &str) -> String {
    let mut text = String::with_capacity(value.len().saturating_add(2));
    audit::canonical::push_string(&mut text, value);
    text
}

/// The beginning of a text, with a mark that it was longer.
pub fn cut(text: &str, max_bytes: usize) -> std::borrow::Cow<'_, str> {
    if text.len() <= max_bytes {
        return text.into();
    }
    let end = text.floor_char_boundary(max_bytes);
    let mut beginning = text.get(..end).unwrap_or_default().to_owned();
    beginning.push('…');
    beginning.into()
}

const API_ACTIVITY: u64 = 6003;
const GRPC_UNAUTHENTICATED: u64 = 16;
/// A path or a header may be as long as the proxy allows; a record is not.
const MAX_TEXT_BYTES: usize = 2048;
/// As long as a host name may be (RFC 1035 section 2.3.4).
pub const MAX_NAME_BYTES: usize = 255;
const MAX_PURPOSES: usize = 64;
const TYPICAL_BYTES: usize = 2048;
const PRODUCT: &str = concat!(
    r#"{"name":"audit-emitter","vendor_name":"Meshward","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}"#
);

#[cfg(test)]
mod tests;
