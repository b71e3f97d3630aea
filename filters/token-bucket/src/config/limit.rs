//! One limit.

use std::time::Duration;

use host::key::{KeyPart, OnMissingKey};
use policy::config::{Fields, Node};
use policy::json::Json;
use policy::matching::Match;
use policy::mode::{Mode, OnError};
use policy::refusal::CustomResponse;
use policy::units::Rate;

use super::{Service, plain_name, response};
use crate::windows::{MAX_WINDOWS, Windows};
use policy::gcra::Gcra;

/// A limit: which requests it counts, by which key, and how many may pass.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Its name, in responses, metrics and decisions.
    pub name: String,
    /// The requests that it counts.
    pub matches: Match,
    /// What tells clients apart: the parts of the key of a bucket.
    pub key: Vec<KeyPart>,
    /// What to do with a request that lacks a part of the key.
    pub on_missing_key: OnMissingKey,
    /// Rates and bursts that this proxy counts, for this replica.
    pub windows: Option<Windows>,
    /// The rate limit service that counts for all proxies, by its place in the configuration.
    pub service: Option<usize>,
    /// How that service knows the parts of the key.
    pub entry_keys: Vec<String>,
    /// How many units a request costs.
    pub cost: Cost,
    /// The mode of this limit: its own, or that of the filter.
    pub mode: Mode,
    /// It says by itself that it only reports, and then never holds other limits back. Limits of a
    /// filter in report mode are counted as they would be if they acted: all or nothing.
    pub reports_alone: bool,
    /// What happens when it cannot be decided.
    pub on_error: OnErrors,
    /// The response to refused clients, instead of problem details.
    pub response: Option<CustomResponse>,
}

/// How many units a request costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Each request costs the same.
    Fixed(u64),
    /// What a header says, from 1 to `max`.
    Header {
        /// The header's name, in lower case.
        name: String,
        /// The most that it can say, and what it says when it is no number.
        max: u64,
        /// The cost of a request without it.
        default: u64,
    },
}

/// What happens to a request, by what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnErrors {
    /// Shared memory does not respond.
    pub storage: OnError,
    /// The service does not respond in time.
    pub timeout: OnError,
    /// The service cannot be reached.
    pub unavailable: OnError,
    /// The service responds with an error.
    pub error: OnError,
    /// The response of the service cannot be read.
    pub invalid: OnError,
}

impl Cost {
    const fn most(&self) -> u64 {
        match self {
            Self::Fixed(cost) => *cost,
            Self::Header { max, .. } => *max,
        }
    }

    fn read(node: &Node<'_>) -> Option<Self> {
        if matches!(node.json(), Json::Object(_)) {
            return node.object(|fields| {
                let name = fields
                    .required("header", "the name of a header")
                    .and_then(|n| n.header_name());
                let max = fields
                    .required("max", "the most that a request can cost")
                    .and_then(|n| n.integer(1..=MAX_BURST));
                let default = fields.or("default", 1, |n| n.integer(1..=MAX_BURST));
                if max.is_some_and(|max| default > max) {
                    fields.node().reject_unseen("the default is more than max");
                }
                Some(Self::Header {
                    name: name?,
                    max: max?,
                    default,
                })
            });
        }
        node.integer(1..=MAX_BURST).map(Self::Fixed)
    }
}

impl OnErrors {
    const fn all(on_error: OnError) -> Self {
        Self {
            storage: on_error,
            timeout: on_error,
            unavailable: on_error,
            error: on_error,
            invalid: on_error,
        }
    }

    fn read(node: &Node<'_>) -> Option<Self> {
        if !matches!(node.json(), Json::Object(_)) {
            return OnError::read(node).map(Self::all);
        }
        node.object(|fields| {
            let mut of = |name| fields.or(name, OnError::Deny, |n| OnError::read(&n));
            Some(Self {
                storage: of("storage"),
                timeout: of("timeout"),
                unavailable: of("unavailable"),
                error: of("error"),
                invalid: of("invalid"),
            })
        })
    }
}

impl Limit {
    pub(super) fn read(
        node: &Node<'_>,
        filter_mode: Mode,
        replicas: u64,
        services: &mut Vec<Service>,
    ) -> Option<Self> {
        // Every key is asked for before any mistake ends this, or the rest would be unknown.
        node.object(|fields| {
            let name = fields
                .required("name", "a name")
                .and_then(|n| plain_name(&n));
            let key = fields
                .required("key", r#"an array such as ["ip"]"#)
                .and_then(|n| KeyPart::read_all(n));
            let cost = fields.or("cost", Cost::Fixed(1), |n| Cost::read(&n));
            let service = fields.optional("service").map(|n| Service::read(&n));
            let windows = read_windows(fields, &cost, replicas, service.is_some());
            let on_missing_key = fields.or("on_missing_key", OnMissingKey::Shared, |n| {
                OnMissingKey::read(&n)
            });
            let matches = fields.or("match", Match::default(), |n| Match::read(&n));
            let own_mode = node.json().member("mode").is_some();
            let mode = Mode::of_rule(fields, filter_mode);
            let on_error = fields.or("on_error", OnErrors::all(OnError::Deny), |n| {
                OnErrors::read(&n)
            });
            let response = fields.optional("refusal").map(|n| response::read(&n));
            let (name, key) = (name?, key?);
            let (service, entry_keys) = match service {
                None => (None, Vec::new()),
                Some(read) => {
                    let (service, entry_keys) = read?;
                    let default = || key.iter().map(|part| part.entry_key().to_owned()).collect();
                    let entry_keys: Vec<String> = entry_keys.unwrap_or_else(default);
                    if entry_keys.len() != key.len() {
                        fields.node().reject_unseen(
                            "service.descriptor needs as many names as the key has parts",
                        );
                    }
                    (Some(place_of(service, services)), entry_keys)
                }
            };
            Some(Self {
                name,
                matches,
                key,
                on_missing_key,
                windows: windows?,
                service,
                entry_keys,
                cost,
                mode,
                reports_alone: own_mode && !mode.enforces(),
                on_error,
                response: response.flatten(),
            })
        })
    }
}

/// Limits with the same service share the calls to it.
fn place_of(service: Service, services: &mut Vec<Service>) -> usize {
    if let Some(place) = services.iter().position(|known| *known == service) {
        return place;
    }
    services.push(service);
    services.len().saturating_sub(1)
}

/// `rate` and `burst`, or `windows` with several of them; neither where a service counts alone. The
/// outer `None` is a mistake that has been reported.
fn read_windows(
    fields: &mut Fields<'_>,
    cost: &Cost,
    replicas: u64,
    has_service: bool,
) -> Option<Option<Windows>> {
    let one = Window::asked(fields);
    let several = fields.optional("windows");
    match (one, several) {
        (None, None) if has_service => Some(None),
        (None, None) => {
            fields
                .node()
                .reject_unseen(r#"expected a "rate" such as "100/min", "windows" or a "service""#);
            None
        }
        (Some(_), Some(several)) => {
            several.reject_unseen(r#"either "rate" and "burst" or "windows", not both"#);
            None
        }
        (Some(one), None) => {
            let gcra = one?.gcra(fields.node(), cost, replicas)?;
            Windows::new(vec![gcra]).map(Some)
        }
        (None, Some(several)) => {
            let several = several.at_most(MAX_WINDOWS);
            let list = several.non_empty_list(|node| {
                node.object(|fields| match Window::asked(fields) {
                    Some(window) => window?.gcra(fields.node(), cost, replicas),
                    None => {
                        fields.required("rate", r#"a rate such as "100/min""#)?;
                        None
                    }
                })
            })?;
            let count = match several.json() {
                Json::Array(items) => items.len(),
                _ => 0,
            };
            (list.len() == count)
                .then(|| Windows::new(list).map(Some))
                .flatten()
        }
    }
}

/// A rate and a burst as they are written.
struct Window {
    rate: Rate,
    burst: u64,
}

impl Window {
    /// `None` where neither key is there, `Some(None)` where a mistake has been reported.
    fn asked(fields: &mut Fields<'_>) -> Option<Option<Self>> {
        let rate = fields.optional("rate");
        let burst = fields.optional("burst");
        let Some(rate) = rate else {
            let burst = burst?;
            burst.reject("a burst needs a rate");
            return Some(None);
        };
        let rate = rate.rate();
        let burst = burst.map(|n| n.integer(1..=MAX_BURST));
        // Without a burst, one period's worth may come at once.
        let window = rate.and_then(|rate| {
            let burst = burst.unwrap_or(Some(rate.count))?;
            Some(Self { rate, burst })
        });
        Some(window)
    }

    /// The part of this replica: all replicas together never admit more than the whole.
    fn gcra(&self, node: &Node<'_>, cost: &Cost, replicas: u64) -> Option<Gcra> {
        let own_burst = self.burst.checked_div(replicas).unwrap_or(0);
        let most = cost.most();
        if own_burst < most {
            node.reject_unseen(format_args!(
                "a request can cost {most}, more than the burst of {own_burst} can ever hold{}",
                match replicas {
                    1 => String::new(),
                    _ => format!(" ({} shared by {replicas} replicas)", self.burst),
                }
            ));
            return None;
        }
        let replicas = u32::try_from(replicas).unwrap_or(u32::MAX);
        let rate = Rate {
            count: self.rate.count,
            period: self
                .rate
                .period
                .checked_mul(replicas)
                .unwrap_or(Duration::MAX),
        };
        let gcra = Gcra::new(rate, own_burst);
        if gcra.is_none() {
            node.reject_unseen(
                "rate and burst are out of range: a burst must fill within a century",
            );
        }
        gcra
    }
}

const MAX_BURST: u64 = 1_000_000_000;
