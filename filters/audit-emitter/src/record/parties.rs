//! Who sent the request, from where, and who responded.

use std::net::IpAddr;

use audit::canonical::Writer;
use policy::client_address::{self, Network, Prefixes};
use policy::identity::Identity;

use super::{Envelope, Observation, name, text};
use crate::config::{IpForm, Level};

/// The object `actor`, as canonical text.
pub(super) fn actor(observation: &Observation, envelope: &Envelope<'_>) -> String {
    let written = |subject: &str| match envelope.subject {
        Some(pseudonymizer) => pseudonymizer.pseudonym(subject),
        None => subject.to_owned(),
    };
    let mut writer = Writer::of_part(256);
    writer.object(|w| match (&observation.identity, &observation.peer) {
        (Some(identity), _) => write_identity(w, identity, &written),
        (None, Some(peer)) => w.member("user", |w| {
            w.object(|w| {
                w.number_member("type_id", 1);
                text(w, "uid", Some(&written(peer)));
            });
        }),
        // Who it is, filters after this one find out.
        (None, None) if envelope.is_received => w.member("user", |w| {
            w.fragment(r#"{"name":"unverified","type_id":0}"#);
        }),
        (None, None) if observation.is_isolated => w.member("user", |w| {
            w.fragment(r#"{"name":"unknown","type_id":0}"#);
        }),
        (None, None) => w.member("user", |w| {
            w.fragment(r#"{"name":"anonymous","type_id":0}"#);
        }),
    });
    writer.into_text()
}

fn write_identity(w: &mut Writer, identity: &Identity, written: &dyn Fn(&str) -> String) {
    let subject = identity.subject.as_deref().map(written);
    // Where an application acts for itself, its id is the subject, and written as such.
    let client_id = identity.client_id.as_deref().map(|client_id| {
        if identity.subject.as_deref() == Some(client_id) {
            written(client_id)
        } else {
            client_id.to_owned()
        }
    });
    text(w, "app_uid", client_id.as_deref());
    if let Some(issuer) = &identity.issuer {
        w.member("session", |w| w.object(|w| text(w, "issuer", Some(issuer))));
    }
    w.member("user", |w| {
        w.object(|w| {
            if !identity.roles.is_empty() {
                w.member("groups", |w| {
                    w.array(|w| {
                        for role in identity.roles.iter().take(MAX_ROLES) {
                            w.item(|w| w.object(|w| name(w, "name", Some(role))));
                        }
                    });
                });
            }
            // The schema wants a name or an id. A token without subject is one of its application.
            let called = match subject {
                Some(_) => None,
                None => client_id.as_deref().or(Some(&identity.provider)),
            };
            text(w, "name", called);
            if let Some(tenant) = &identity.tenant {
                w.member("org", |w| w.object(|w| text(w, "uid", Some(tenant))));
            }
            w.number_member("type_id", 1);
            text(w, "uid", subject.as_deref());
        });
    });
}

/// The object `src_endpoint`, as canonical text: an address where there is one (the schema takes
/// nothing else for it), and what the proxy calls it where it is none, such as the path of a socket.
pub(super) fn source(observation: &Observation, envelope: &Envelope<'_>) -> String {
    let source = observation.source_ip.as_deref();
    let address = source.and_then(|source| source.parse::<IpAddr>().ok());
    let hidden = |address: IpAddr| match envelope.fields.ip {
        IpForm::Full => (Some(address.to_string()), None),
        IpForm::Prefix => {
            let network = Network::of(address, RECORDED).address();
            (Some(network.to_string()), None)
        }
        IpForm::Pseudonym => {
            let pseudonym = envelope.subject.map(|p| p.pseudonym(&address.to_string()));
            (None, pseudonym.or_else(|| Some("hidden".to_owned())))
        }
        IpForm::None => (None, Some("hidden".to_owned())),
    };
    let (ip, called) = match (address, source) {
        (Some(address), _) => hidden(address),
        (None, Some(source)) if !source.is_empty() => (None, Some(source.to_owned())),
        _ => (None, Some("unknown".to_owned())),
    };
    let mut writer = Writer::of_part(64);
    writer.object(|w| {
        if envelope.fields.ip == IpForm::Full {
            write_hops(w, observation, envelope.level);
        }
        name(w, "ip", ip.as_deref());
        name(w, "name", called.as_deref());
    });
    writer.into_text()
}

/// The object `dst_endpoint`: who responded.
pub(super) fn write_upstream(w: &mut Writer, observation: &Observation, level: Level) {
    let Some(upstream) = observation
        .upstream
        .as_deref()
        .filter(|_| level >= Level::Full)
    else {
        return;
    };
    let socket = upstream.parse::<std::net::SocketAddr>().ok();
    w.member("dst_endpoint", |w| {
        w.object(|w| match socket {
            Some(socket) => {
                w.text_member("ip", &socket.ip().to_string());
                w.number_member("port", u64::from(socket.port()));
            }
            None => name(w, "name", Some(upstream)),
        });
    });
}

/// The addresses in `X-Forwarded-For`, the last of them, which are the least easily forged; what
/// is no address says nothing.
fn write_hops(w: &mut Writer, observation: &Observation, level: Level) {
    let chain = observation.forwarded_for.as_deref();
    let Some(chain) = chain.filter(|_| level >= Level::Full) else {
        return;
    };
    let addresses = chain
        .rsplit(',')
        .take(MAX_HOPS)
        .filter_map(client_address::parse);
    let mut hops: Vec<IpAddr> = addresses.collect();
    hops.reverse();
    if hops.is_empty() {
        return;
    }
    w.member("intermediate_ips", |w| {
        w.array(|w| {
            for hop in hops {
                w.item(|w| w.string(&hop.to_string()));
            }
        });
    });
}

/// So much of an address stays where only its network is recorded.
const RECORDED: Prefixes = Prefixes { v4: 24, v6: 48 };
const MAX_ROLES: usize = 32;
const MAX_HOPS: usize = 16;
