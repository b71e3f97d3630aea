//! Which limits count a request, in whose name, and how much.

use host::{Direction, Host};
use policy::matching::{Match, applies};

use crate::config::{Cost, Limit, OnMissingKey};
use crate::key::{KeyPart, KeySource, composed};
use crate::lazy::LazyRequest;
use crate::rls::Descriptor;
use crate::table::HashedKey;

use super::TokenBucket;

/// A limit that counts a request.
#[derive(Debug)]
pub(super) struct Counted {
    /// The place of the limit in the configuration.
    pub(super) limit: usize,
    pub(super) cost: u64,
    /// The bucket, where this proxy counts.
    pub(super) key: Option<HashedKey>,
    /// The entries, where a service counts.
    pub(super) descriptor: Option<Descriptor>,
}

/// The parts of the key that a request has, and what kind of key they are.
struct Chosen<'l> {
    kind: u8,
    parts: &'l [KeyPart],
    bytes: Vec<u8>,
}

impl TokenBucket {
    /// The limits that count this request, and those that refuse it for want of a key.
    pub(super) fn counted(
        &self,
        host: &dyn Host,
        request: &LazyRequest<'_>,
    ) -> (Vec<Counted>, Vec<usize>) {
        let source = KeySource {
            host,
            request,
            facts: &self.config.sources,
        };
        let everything = Match::default();
        let (mut counted, mut lacking) = (Vec::new(), Vec::new());
        for (index, (limit, table)) in self.config.limits.iter().zip(&self.tables).enumerate() {
            let is_meant = || {
                let facts = request.get().facts(host, source.facts, Direction::Request);
                applies(&limit.matches, &facts)
            };
            if limit.matches != everything && !is_meant() {
                continue;
            }
            let Some(chosen) = chosen(limit, source) else {
                if limit.on_missing_key == OnMissingKey::Deny {
                    lacking.push(index);
                }
                continue;
            };
            let is_asked = limit.service.is_some();
            counted.push(Counted {
                limit: index,
                cost: cost(host, request, &limit.cost),
                key: table.as_ref().map(|table| table.hash(&chosen.bytes)),
                descriptor: is_asked.then(|| descriptor(limit, &chosen, source)),
            });
        }
        (counted, lacking)
    }
}

/// The key of a request, by the limit's own parts or by what it has for requests that lack one.
fn chosen<'l>(limit: &'l Limit, source: KeySource<'_>) -> Option<Chosen<'l>> {
    // The first byte keeps the kinds of keys apart: a fallback never meets a real one.
    let of = |kind, parts: &'l [KeyPart]| {
        let bytes = composed(kind, parts, source)?;
        Some(Chosen { kind, parts, bytes })
    };
    let shared = || Chosen {
        kind: SHARED,
        parts: &[],
        bytes: vec![SHARED],
    };
    of(OWN, &limit.key).or_else(|| match &limit.on_missing_key {
        OnMissingKey::Skip | OnMissingKey::Deny => None,
        OnMissingKey::Shared => Some(shared()),
        OnMissingKey::Fallback(parts) => Some(of(FALLBACK, parts).unwrap_or_else(shared)),
    })
}

/// What a service is asked about: the limit's entries by their names, those of a fallback by
/// theirs, and for requests without any key the name of the limit.
fn descriptor(limit: &Limit, chosen: &Chosen<'_>, source: KeySource<'_>) -> Descriptor {
    if chosen.kind == SHARED {
        return vec![("generic_key".to_owned(), limit.name.clone())];
    }
    let entries = chosen.parts.iter().enumerate().map(|(place, part)| {
        let own = limit.entry_keys.get(place).filter(|_| chosen.kind == OWN);
        let key = own.map_or_else(|| part.entry_key(), String::as_str);
        let value = match part {
            KeyPart::Constant => limit.name.clone(),
            part => bounded(part.text(source).unwrap_or_default()),
        };
        (key.to_owned(), value)
    });
    entries.collect()
}

/// What clients choose becomes a key in the store of the service: a long one goes as its hash.
fn bounded(text: String) -> String {
    use sha2::{Digest as _, Sha256};
    use std::fmt::Write as _;

    if text.len() <= MAX_ENTRY_BYTES {
        return text;
    }
    let mut hashed = "sha256:".to_owned();
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(hashed, "{byte:02x}");
    }
    hashed
}

/// What the request costs. A client that may say it must not get out of the limit: nonsense and
/// huge numbers cost the most that it could say, and nothing costs nothing.
fn cost(host: &dyn Host, request: &LazyRequest<'_>, cost: &Cost) -> u64 {
    match cost {
        Cost::Fixed(cost) => *cost,
        Cost::Header { name, max, default } => match request.get().header(host, name) {
            None => *default,
            Some(text) => text.trim().parse().unwrap_or(*max).clamp(1, *max),
        },
    }
}

const OWN: u8 = b'k';
const FALLBACK: u8 = b'f';
const SHARED: u8 = b's';
const MAX_ENTRY_BYTES: usize = 256;
