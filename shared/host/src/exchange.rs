//! What the filters of one stream tell each other.
//!
//! jwt-auth publishes who the caller is, every filter appends what it decided, audit-emitter reads
//! both. They travel as stream properties, which only filters of the proxy can write. Where a host
//! keeps no properties, the identity can travel in a request header instead; a filter trusts that
//! header only when its configuration says so, and jwt-auth strips it from every request first.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policy::config::Node;
use policy::data_subject::DataSubjects;
use policy::decision::{Decision, Outcome};
use policy::explain::{self, Step};
use policy::filters::{
    DATA_SUBJECTS_PROPERTY as DATA_SUBJECTS, DECISIONS_PROPERTY as DECISIONS,
    IDENTITY_PROPERTY as IDENTITY, JWT_AUTH, TOKEN_BUCKET, WITHIN_LIMITS_PROPERTY as WITHIN_LIMITS,
};
use policy::identity::Identity;

use crate::{HeaderMap, Host, Status, identities};

/// The header that carries the identity where the host keeps no properties: base64url of the JSON.
pub use policy::filters::IDENTITY_HEADER;

/// Where a filter takes the identity from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdentitySource {
    /// The stream property, which no client can write.
    #[default]
    Property,
    /// The header [`IDENTITY_HEADER`]: only where a filter before this one strips what clients
    /// send.
    Header,
}

impl IdentitySource {
    /// Reads the key `identity_from`: `"property"` or `"header"`.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.one_of(&[("property", Self::Property), ("header", Self::Header)])
    }
}

/// The verified caller of the current stream; `None` when nobody verified one.
#[must_use]
pub fn identity(host: &dyn Host, source: IdentitySource) -> Option<Rc<Identity>> {
    let text = match source {
        IdentitySource::Property => read(host, IDENTITY)?,
        IdentitySource::Header => {
            let value = host
                .header(HeaderMap::RequestHeaders, IDENTITY_HEADER)
                .ok()??;
            URL_SAFE_NO_PAD.decode(value).ok()?
        }
    };
    identities::parse(&text)
}

/// Tells the filters after this one who the caller is: by property, else by header.
///
/// # Errors
/// Neither works on this host.
pub fn publish_identity(host: &dyn Host, identity: &Identity) -> Result<(), Status> {
    publish_identity_json(host, &identity.to_json())
}

/// As [`publish_identity`], of an identity that has been written before with
/// [`Identity::to_json`].
///
/// # Errors
/// Neither works on this host.
pub fn publish_identity_json(host: &dyn Host, text: &str) -> Result<(), Status> {
    explain::note(|| Step::Identifies(text.to_owned()));
    host.set_property(&[IDENTITY], text.as_bytes())
        .or_else(|_| {
            let encoded = URL_SAFE_NO_PAD.encode(text);
            host.set_header(
                HeaderMap::RequestHeaders,
                IDENTITY_HEADER,
                encoded.as_bytes(),
            )
        })
}

/// What the filters have decided so far, in the order of the chain. The identity, where there is
/// one, says who let the caller in.
#[must_use]
pub fn decisions(host: &dyn Host, identity: Option<&Identity>) -> Vec<Decision> {
    decisions_of(identity, |name| read(host, name))
}

/// As [`decisions`], of properties that are read in another way.
pub(crate) fn decisions_of(
    identity: Option<&Identity>,
    read: impl Fn(&str) -> Option<Vec<u8>>,
) -> Vec<Decision> {
    let let_in = identity.and_then(|identity| identity.rule.as_deref());
    let let_in = let_in.map(|rule| Decision::new(JWT_AUTH, Outcome::Allowed).rule(rule));
    let within = read(WITHIN_LIMITS).map(|_| Decision::new(TOKEN_BUCKET, Outcome::Allowed));
    let listed = read(DECISIONS).map(|text| Decision::parse_list(&text));
    let mut decisions = listed.unwrap_or_default();
    decisions.extend(let_in.into_iter().chain(within));
    // What stands in a property of its own has no place in the list.
    Decision::sort_by_chain(&mut decisions);
    decisions
}

/// Tells the filters after this one that a request is within the limits of `token-bucket`, and what
/// the response will say of that. Nearly all are, so this is a property of its own: a list would have
/// to be read and lengthened.
pub fn note_within_limits(host: &dyn Host, headers: &[(&'static str, String)]) {
    let length = headers.iter().fold(1, |sum: usize, (name, value)| {
        let line = name.len().saturating_add(value.len()).saturating_add(2);
        sum.saturating_add(line)
    });
    let mut text = String::with_capacity(length);
    for (name, value) in headers {
        text.push_str(name);
        text.push(':');
        text.push_str(value);
        text.push('\n');
    }
    if text.is_empty() {
        text.push('1');
    }
    explain::note(|| Step::Decides(Decision::new(TOKEN_BUCKET, Outcome::Allowed)));
    let _ = host.set_property(&[WITHIN_LIMITS], text.as_bytes());
}

/// What the response says of the limits of a request, for filters whose refusals do not pass
/// `token-bucket` on the way back: a local response on the response path goes to the client at once.
#[must_use]
pub fn limit_headers(host: &dyn Host) -> Vec<(String, String)> {
    let text = read(host, WITHIN_LIMITS).and_then(|text| String::from_utf8(text).ok());
    let lines = text.unwrap_or_default();
    lines
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Adds a decision to those of the stream; one that a filter has made before gets more findings. A
/// host without properties keeps none; there the logs and the metrics of each filter are the record.
pub fn append_decision(host: &dyn Host, decision: Decision) {
    explain::note(|| Step::Decides(decision.clone()));
    let mut list = read(host, DECISIONS).map_or_else(Vec::new, |text| Decision::parse_list(&text));
    decision.add_to(&mut list);
    let _ = host.set_property(&[DECISIONS], Decision::list_to_json(&list).as_bytes());
}

/// About whom the messages of the stream are, as far as their bodies have been read.
#[must_use]
pub fn data_subjects(host: &dyn Host) -> Vec<DataSubjects> {
    read(host, DATA_SUBJECTS).map_or_else(Vec::new, |text| DataSubjects::parse_list(&text))
}

/// Adds people to those that the messages of the stream are about.
pub fn append_data_subjects(host: &dyn Host, people: &[DataSubjects]) {
    let mut list = data_subjects(host);
    for found in people {
        found.clone().add_to(&mut list);
    }
    let text = DataSubjects::list_to_json(&list);
    let _ = host.set_property(&[DATA_SUBJECTS], text.as_bytes());
}

/// Envoy keeps what a filter sets under `wasm.` in the filter state, where it is `filter_state` and
/// `wasm.meshward.identity` to expressions. Filters find it by the bare name, as on all hosts,
/// unless an attribute has that name; none begins with `meshward`.
fn read(host: &dyn Host, name: &str) -> Option<Vec<u8>> {
    host.property(&[name])
        .ok()
        .filter(|value| !value.is_empty())
}
