//! Who sent the request, and from where.

use std::net::IpAddr;

use policy::identity::Identity;
use policy::json::Json;

use super::{Observation, name, object, text};
use crate::config::Level;
use crate::pseudonym::Pseudonymizer;

/// The object `actor`.
pub(super) fn actor(observation: &Observation, pseudonymizer: Option<&Pseudonymizer>) -> Json {
    let Some(identity) = &observation.identity else {
        let user = object([
            ("name", Some(Json::from("anonymous"))),
            ("type_id", Some(Json::from(0))),
        ]);
        return object([("user", Some(user))]);
    };
    let written = |subject: &String| match pseudonymizer {
        Some(pseudonymizer) => pseudonymizer.pseudonym(subject),
        None => subject.clone(),
    };
    let subject = identity.subject.as_ref().map(written);
    // Where an application acts for itself, its id is the subject, and written as such.
    let client_id = identity.client_id.as_ref().map(|client_id| {
        if identity.subject.as_ref() == Some(client_id) {
            written(client_id)
        } else {
            client_id.clone()
        }
    });
    let session = identity
        .issuer
        .as_ref()
        .map(|issuer| object([("issuer", text(Some(issuer)))]));
    object([
        (
            "user",
            Some(user(identity, subject.as_ref(), client_id.as_ref())),
        ),
        ("session", session),
        ("app_uid", text(client_id.as_ref())),
    ])
}

/// The object `src_endpoint`: an address where there is one (the schema takes nothing else for
/// it), and what the proxy calls it where it is none, such as the path of a socket.
pub(super) fn source(observation: &Observation, level: Level) -> Json {
    let source = observation.source_ip.as_ref();
    let address = source.filter(|source| source.parse::<IpAddr>().is_ok());
    let unnamed = "unknown".to_owned();
    let called = match address {
        Some(_) => None,
        None => source
            .filter(|source| !source.is_empty())
            .or(Some(&unnamed)),
    };
    object([
        ("ip", name(address)),
        ("name", name(called)),
        ("intermediate_ips", hops(observation, level)),
    ])
}

fn user(identity: &Identity, subject: Option<&String>, client_id: Option<&String>) -> Json {
    // The schema wants a name or an id. A token without subject is one of its application.
    let called = match subject {
        Some(_) => None,
        None => client_id.or(Some(&identity.provider)),
    };
    let organisation = identity
        .tenant
        .as_ref()
        .map(|tenant| object([("uid", text(Some(tenant)))]));
    object([
        ("uid", text(subject)),
        ("name", text(called)),
        ("type_id", Some(Json::from(1))),
        ("org", organisation),
    ])
}

/// The addresses in `X-Forwarded-For`, the last of them, which are the least easily forged; what
/// is no address says nothing.
fn hops(observation: &Observation, level: Level) -> Option<Json> {
    let chain = observation.forwarded_for.as_ref()?;
    if level < Level::Full {
        return None;
    }
    let addresses = chain
        .rsplit(',')
        .take(MAX_HOPS)
        .filter_map(|hop| hop.trim().parse::<IpAddr>().ok());
    let mut hops: Vec<Json> = addresses
        .map(|address| Json::String(address.to_string()))
        .collect();
    hops.reverse();
    (!hops.is_empty()).then_some(Json::Array(hops))
}

const MAX_HOPS: usize = 16;
