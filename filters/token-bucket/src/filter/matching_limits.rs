//! Which limits count a request, in whose name, and how much.

use host::key::{Chosen, Key, KeyPart, KeySource, choose};
use host::{Direction, Host, Request};
use policy::explain::{self, Condition, RuleName, Step};
use policy::matching::applies;

use crate::config::{Cost, Limit};
use crate::refusals::Reason;
use crate::rls::Descriptor;
use crate::table::HashedKey;

use super::TokenBucket;

/// A limit that counts a request.
#[derive(Debug)]
pub(super) struct MatchingLimit {
    /// The place of the limit in the configuration.
    pub(super) limit: usize,
    pub(super) cost: u64,
    /// The buckets, where this proxy counts: several where the request names a part of the key more
    /// than once.
    pub(super) buckets: Vec<HashedKey>,
    /// The entries of each key, where a service counts.
    pub(super) descriptors: Vec<Descriptor>,
}

/// The limits that count a request, and those that cannot.
#[derive(Debug, Default)]
pub(super) struct MatchingLimits {
    pub(super) counting: Vec<MatchingLimit>,
    /// Places of limits that refuse the request, for want of a key.
    pub(super) keyless: Vec<(usize, Reason)>,
}

impl TokenBucket {
    /// The limits that count this request, and those that refuse it for want of a key.
    pub(super) fn matching_limits(&self, host: &dyn Host, request: &Request) -> MatchingLimits {
        let source = KeySource {
            host,
            request,
            prefixes: self.config.sources.client_address.prefixes,
        };
        let facts = request.facts(host, Direction::Request);
        let mut found = MatchingLimits::default();
        explain::note(|| Step::Choosing {
            filter: Self::FILTER,
            about: "request",
        });
        for (place, limit) in self.limits.iter().enumerate() {
            let settings = &limit.settings;
            explain::note(|| Step::Rule(RuleName::Name(limit.rule.clone())));
            if !limit.counts_all && !applies(&settings.matches, &facts) {
                continue;
            }
            let chosen = match choose(&settings.key, &settings.on_missing_key, source) {
                Ok(Some(chosen)) => chosen,
                Ok(None) => {
                    explain::note(|| Step::Fails(key_missing(settings)));
                    continue;
                }
                Err(error) => {
                    explain::note(|| Step::Lacks(key_missing(settings)));
                    found.keyless.push((place, error.into()));
                    continue;
                }
            };
            explain::note(|| Step::Counts {
                limit: limit.rule.clone(),
                key: chosen.told(source),
                cost: cost(host, request, &settings.cost),
            });
            let table = limit.table.iter();
            let buckets = table.flat_map(|table| {
                let hash = |key: &Key| table.hash(key.bytes());
                chosen.keys.iter().map(hash)
            });
            found.counting.push(MatchingLimit {
                limit: place,
                cost: cost(host, request, &settings.cost),
                buckets: buckets.collect(),
                descriptors: match settings.service {
                    Some(_) => descriptors(settings, &chosen, source),
                    None => Vec::new(),
                },
            });
        }
        found
    }
}

/// What a limit counts by, where the request does not have it.
fn key_missing(limit: &Limit) -> Condition {
    let parts: Vec<String> = limit.key.iter().map(KeyPart::spelled).collect();
    Condition::new("key", parts, "the request has no such key")
}

/// What a service is asked about: the limit's entries by their names, those of a fallback by
/// theirs, and for requests without any key the name of the limit.
fn descriptors(limit: &Limit, chosen: &Chosen<'_>, source: KeySource<'_>) -> Vec<Descriptor> {
    if chosen.is_shared() {
        return vec![vec![("generic_key".to_owned(), limit.name.clone())]];
    }
    let descriptor = |key: &Key| {
        let values = key.entry_values(chosen.parts, source);
        let entries = chosen.parts.iter().zip(values).enumerate();
        let entry = |(place, (part, value)): (usize, (&KeyPart, String))| {
            let own = limit.entry_keys.get(place).filter(|_| chosen.is_own);
            let name = own.map_or_else(|| part.entry_key(), String::as_str);
            let value = match part {
                KeyPart::Constant => limit.name.clone(),
                _ => value,
            };
            (name.to_owned(), value)
        };
        entries.map(entry).collect()
    };
    chosen.keys.iter().map(descriptor).collect()
}

/// What the request costs. A client that may say it must not get out of the limit: nonsense and
/// huge numbers cost the most that it could say, and of several lines, in whatever spelling upstreams
/// fold, the dearest counts.
fn cost(host: &dyn Host, request: &Request, cost: &Cost) -> u64 {
    match cost {
        Cost::Fixed(cost) => *cost,
        Cost::Header { name, max, default } => {
            let lines = request.header_lines(host, name);
            let folded = request.folded_lines(host, name);
            let lines = lines.iter().map(AsRef::as_ref).chain(folded);
            let costs = lines.map(|line: &[u8]| {
                let text = std::str::from_utf8(line).unwrap_or_default();
                text.trim().parse().unwrap_or(*max).clamp(1, *max)
            });
            costs.max().unwrap_or(*default)
        }
    }
}
