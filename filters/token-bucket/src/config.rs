//! The configuration: which limits, whose buckets, and what happens when nothing can be decided.

use host::FactSources;
use host::exchange::IdentitySource;
use policy::claim::ClaimCondition;
use policy::config::{self, Fields, Node, Problems};
use policy::consent::ConsentSources;
use policy::matching::Match;
use policy::mode::{Mode, OnError};
use policy::units::Rate;

use crate::gcra::Gcra;
use crate::key::{AddressRules, IpRange, KeyPart};

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// The mode of the whole filter.
    pub mode: Mode,
    /// Every limit that matches a request counts it.
    pub limits: Vec<Limit>,
    /// Who is never limited.
    pub bypass: Bypass,
    /// How addresses become keys.
    pub addresses: AddressRules,
    /// Buckets in the table of each limit.
    pub slots: u64,
    /// What to do where the host shares no data.
    pub scope: Scope,
    /// Which headers tell clients where they stand.
    pub headers: HeaderStyle,
    /// Where identity and consent come from.
    pub sources: FactSources,
}

/// One limit.
#[derive(Debug)]
pub struct Limit {
    /// Its name, in answers, metrics and decisions.
    pub name: String,
    /// Which requests it is about.
    pub matches: Match,
    /// Whose bucket.
    pub key: Vec<KeyPart>,
    /// What happens to a request without that key.
    pub on_missing_key: OnMissingKey,
    /// Rate and burst, for this replica.
    pub gcra: Gcra,
    /// How many units a request costs.
    pub cost: Cost,
    /// The mode of this limit.
    pub mode: Mode,
    /// What happens when the storage does not answer.
    pub on_error: OnError,
}

/// What happens to a request that lacks a part of a limit's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnMissingKey {
    /// The limit does not count it.
    Skip,
    /// It is refused.
    Deny,
    /// All such requests share one bucket.
    Shared,
    /// Another key counts.
    Fallback(Vec<KeyPart>),
}

/// What a request costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Always the same.
    Fixed(u64),
    /// What a header says, at most `max`; 1 where it says nothing sensible.
    Header {
        /// Its lower-case name.
        name: String,
        /// The most that it can say.
        max: u64,
    },
}

impl Cost {
    const fn most(&self) -> u64 {
        match self {
            Self::Fixed(cost) => *cost,
            Self::Header { max, .. } => *max,
        }
    }
}

/// Who is never limited.
#[derive(Debug, Default)]
pub struct Bypass {
    /// Clients from these ranges.
    pub ips: Vec<IpRange>,
    /// Callers with any of these claims.
    pub claims: Vec<ClaimCondition>,
}

/// How far a bucket reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All workers of the process, or each worker alone where the host shares no data.
    Worker,
    /// All workers of the process; a host that shares no data refuses the configuration.
    Process,
}

/// The headers that tell clients where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderStyle {
    /// `x-ratelimit-limit`, `-remaining`, `-reset`, as Envoy writes them.
    XRateLimit,
    /// None.
    None,
}

impl Config {
    /// Reads the plugin configuration.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        config::read(text, |node| node.object(Self::read))
    }

    /// Reads the top level; public for the test that compares keys and documentation.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let replicas = fields.or("replicas", 1, |n| n.integer(1..=10_000));
        let limits = fields
            .required("limits", "an array of limits")
            .and_then(|node| {
                let limits = node.non_empty_list(|limit| Limit::read(&limit, replicas))?;
                for (index, limit) in limits.iter().enumerate() {
                    if limits
                        .iter()
                        .take(index)
                        .any(|earlier| earlier.name == limit.name)
                    {
                        node.reject_unseen(format_args!("two limits are named {:?}", limit.name));
                    }
                }
                Some(limits)
            });
        let config = Self {
            mode: fields.or("mode", Mode::Enforce, |n| Mode::read(&n)),
            limits: Vec::new(),
            bypass: fields.or("bypass", Bypass::default(), |n| n.object(Bypass::read)),
            addresses: read_addresses(fields),
            slots: fields.or("table", DEFAULT_SLOTS, |n| {
                n.object(|table| {
                    Some(table.or("slots", DEFAULT_SLOTS, |n| n.integer(16..=16_777_216)))
                })
            }),
            scope: fields.or("scope", Scope::Worker, |n| {
                n.one_of(&[("worker", Scope::Worker), ("process", Scope::Process)])
            }),
            headers: fields.or("headers", HeaderStyle::XRateLimit, |n| {
                n.one_of(&[
                    ("x-ratelimit", HeaderStyle::XRateLimit),
                    ("none", HeaderStyle::None),
                ])
            }),
            sources: FactSources {
                identity: fields.or("identity_from", IdentitySource::default(), |n| {
                    IdentitySource::read(&n)
                }),
                consent: fields.or("consent", ConsentSources::default(), |n| {
                    ConsentSources::read(&n)
                }),
            },
        };
        Some(Self {
            limits: limits?,
            ..config
        })
    }
}

impl Limit {
    fn read(node: &Node<'_>, replicas: u64) -> Option<Self> {
        node.object(|fields| {
            fields.not_yet("service");
            let name = fields
                .required("name", "a name")
                .and_then(|n| limit_name(&n));
            let rate = fields.required("rate", r#"a rate such as "100/min""#);
            let rate = rate.and_then(|n| n.rate());
            let burst = fields.optional("burst").map(|n| n.integer(1..=MAX_BURST));
            let key = fields
                .required("key", r#"an array such as ["ip"]"#)
                .and_then(|n| n.non_empty_list(|part| KeyPart::read(&part)));
            let cost = fields.or("cost", Cost::Fixed(1), |n| read_cost(&n));
            // Every key is asked for before any mistake ends this, or the rest would be unknown.
            let gcra = rate.and_then(|rate| gcra(fields, rate, burst, &cost, replicas));
            Some(Self {
                matches: fields.or("match", Match::default(), |n| Match::read(&n)),
                on_missing_key: fields.or("on_missing_key", OnMissingKey::Shared, |n| {
                    read_on_missing_key(&n)
                }),
                mode: fields.or("mode", Mode::Enforce, |n| Mode::read(&n)),
                on_error: fields.or("on_error", OnError::Deny, |n| OnError::read(&n)),
                name: name?,
                key: key?,
                gcra: gcra?,
                cost,
            })
        })
    }
}

impl Bypass {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            ips: fields.or("ips", Vec::new(), |n| {
                n.list(|range| range.parsed(IpRange::parse, "an address or a range"))
            }),
            claims: fields.or("claims", Vec::new(), |n| {
                n.list(|c| ClaimCondition::read(&c))
            }),
        })
    }
}

fn read_addresses(fields: &mut Fields<'_>) -> AddressRules {
    let small = |n: Node<'_>, most: u64| {
        n.integer(0..=most)
            .and_then(|value| u8::try_from(value).ok())
    };
    let (v4_prefix, v6_prefix) = fields.or("ip_prefix", (32, 64), |n| {
        n.object(|prefix| {
            Some((
                prefix.or("v4", 32, |n| small(n, 32)),
                prefix.or("v6", 64, |n| small(n, 128)),
            ))
        })
    });
    let trusted_hops = fields.or("trusted_hops", 0, |n| small(n, 16));
    AddressRules {
        v4_prefix,
        v6_prefix,
        trusted_hops,
    }
}

/// The name appears inside quoted strings of headers, so it is kept plain.
fn limit_name(node: &Node<'_>) -> Option<String> {
    let name = node.name(64)?;
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    {
        node.reject("expected letters, digits, dots, dashes and underscores");
        return None;
    }
    Some(name.to_owned())
}

/// `3`, or `{ "header": "x-cost", "max": 10 }`.
fn read_cost(node: &Node<'_>) -> Option<Cost> {
    if matches!(node.json(), policy::json::Json::Object(_)) {
        return node.object(|fields| {
            let name = fields.required("header", "the name of a header");
            let name = name.and_then(|n| n.header_name());
            let max = fields.required("max", "the most that a request can cost");
            let max = max.and_then(|n| n.integer(1..=MAX_BURST));
            Some(Cost::Header {
                name: name?,
                max: max?,
            })
        });
    }
    node.integer(1..=MAX_BURST).map(Cost::Fixed)
}

fn read_on_missing_key(node: &Node<'_>) -> Option<OnMissingKey> {
    match node.variant(&["skip", "deny", "shared", "fallback"])? {
        ("skip", None) => Some(OnMissingKey::Skip),
        ("deny", None) => Some(OnMissingKey::Deny),
        ("shared", None) => Some(OnMissingKey::Shared),
        ("fallback", Some(parts)) => parts
            .non_empty_list(|part| KeyPart::read(&part))
            .map(OnMissingKey::Fallback),
        _ => {
            node.reject(r#"expected "skip", "deny", "shared" or { "fallback": ["ip"] }"#);
            None
        }
    }
}

/// Rate and burst of this replica: all replicas together never admit more than the whole.
fn gcra(
    fields: &Fields<'_>,
    rate: Rate,
    burst: Option<Option<u64>>,
    cost: &Cost,
    replicas: u64,
) -> Option<Gcra> {
    // Without a burst, one period's worth may come at once. A burst that could not be read has
    // been reported.
    let burst = match burst {
        Some(read) => read?,
        None => rate.count,
    };
    let own_burst = burst.checked_div(replicas).unwrap_or(0);
    if own_burst < cost.most() {
        fields.node().reject_unseen(format_args!(
            "a request can cost {}, more than the burst of {own_burst} can ever hold",
            cost.most()
        ));
        return None;
    }
    let period = rate
        .period
        .saturating_mul(u32::try_from(replicas).unwrap_or(u32::MAX));
    let gcra = Gcra::new(
        Rate {
            count: rate.count,
            period,
        },
        own_burst,
    );
    if gcra.is_none() {
        fields.node().reject_unseen(
            "rate and burst are out of range: at most 1000000/s, and a burst that fills within a century",
        );
    }
    gcra
}

/// How long refused clients are asked to wait where no time would help.
pub const RETRY_AFTER_STORAGE: std::time::Duration = std::time::Duration::from_secs(1);
const DEFAULT_SLOTS: u64 = 65_536;
const MAX_BURST: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_named() {
        let text = r#"{
            "limits": [
                {"name": "a", "key": ["ip"], "rate": "0/s"},
                {"name": "b", "key": ["ipp"], "rate": "-5/s"},
                {"name": "c", "key": [], "rate": "5/fortnight"},
                {"name": "d", "key": ["claim:"], "rate": "5/s", "burst": 2, "cost": 3},
                {"name": "e", "key": ["ip"], "rate": "99999999999999999999/s"},
                {"name": "f f", "key": ["ip"], "rate": "1/s", "cost": {"header": "x"}},
                {"name": "g", "key": ["ip"], "rate": "1/s", "on_missing_key": "fallback"},
                {"name": "h", "key": ["ip"], "rate": "2000000/s"},
                {"name": "i", "key": ["ip"], "rate": "1/s", "service": {}},
                {"name": "j", "key": ["ip"], "rate": "1/s"},
                {"name": "j", "key": ["ip"], "rate": "1/s"}
            ],
            "bypass": {"ips": ["10.0.0.0/33"]},
            "ip_prefix": {"v4": 33},
            "table": {"slots": 1},
            "headers": "ietf",
            "replica": 2
        }"#;
        let problems = Config::parse(text).unwrap_err().to_string();
        for expected in [
            r#"limits[0].rate: "0/s": must be at least 1"#,
            r#"limits[1].key[0]: "ipp": expected "ip""#,
            "limits[1].rate: \"-5/s\"",
            "limits[2].key: an array: expected at least one item",
            r#"limits[2].rate: "5/fortnight": unknown unit "fortnight"; use s, min, h or day"#,
            "limits[3].key[0]",
            "limits[3]: a request can cost 3, more than the burst of 2 can ever hold",
            "limits[4].rate: \"99999999999999999999/s\": too large",
            r#"limits[5].name: "f f": expected letters"#,
            "limits[5].cost.max: missing",
            "limits[6].on_missing_key",
            "limits[7]: rate and burst are out of range",
            "limits[8].service: not supported yet",
            r#"limits: two limits are named "j""#,
            "bypass.ips[0]",
            "ip_prefix.v4: 33: expected an integer from 0 to 32",
            "table.slots: 1: expected an integer from 16",
            r#"headers: "ietf""#,
            r#"replica: unknown key; did you mean "replicas"?"#,
        ] {
            assert!(
                problems.contains(expected),
                "{expected} is not in\n{problems}"
            );
        }
    }

    #[test]
    fn one_mistake_is_one_problem() {
        let text = r#"{"limits":[{"name":"a","key":["ip"],"rate":"5/fortnight","cost":2,"burst":9,
            "match":{"paths":["/x"]},"mode":"report","on_error":"allow","on_missing_key":"skip"}]}"#;
        let problems = Config::parse(text).unwrap_err().to_string();
        let expected =
            r#"limits[0].rate: "5/fortnight": unknown unit "fortnight"; use s, min, h or day"#;
        assert_eq!(problems, expected);
        let problems = Config::parse(
            r#"{"limits":[{"name":"a","key":["ip"],"rate":"5/s","cost":{"max":3}}]}"#,
        );
        let expected = "limits[0].cost.header: missing; expected the name of a header";
        assert_eq!(problems.unwrap_err().to_string(), expected);
    }

    #[test]
    fn replicas_share_one_limit() {
        let text = |replicas| {
            format!(
                r#"{{"limits":[{{"name":"a","key":["ip"],"rate":"100/min","burst":20}}],"replicas":{replicas}}}"#
            )
        };
        let own = |replicas| Config::parse(&text(replicas)).unwrap().limits[0].gcra;
        assert_eq!(own(1).burst(), 20);
        assert_eq!(own(3).burst(), 6);
        assert!(3.0 * 6.0 / own(3).window().as_secs_f64() <= 100.0 / 60.0);
        assert!(Config::parse(&text(21)).is_err(), "a burst of nothing");
    }
}
