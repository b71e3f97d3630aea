//! The filter: every limit that matches a request counts it, and all must let it pass.

use std::collections::BTreeMap;
use std::time::Duration;

use host::{
    Action, Capabilities, ContextId, Direction, Filter, HeaderMap, Host, LogLevel, Metrics,
    Request, Stream, Throttle, exchange, header_text, refuse, shared_data,
};
use policy::config::Problems;
use policy::decision::{Decision, Outcome};
use policy::facts::Facts as _;
use policy::matching::applies;
use policy::mode::OnError;
use policy::refusal::Refusal;

use crate::config::{Config, Cost, HeaderStyle, Limit, OnMissingKey, RETRY_AFTER_STORAGE, Scope};
use crate::headers::{retry_after, x_ratelimit};
use crate::key::{client_address, composed};
use crate::storage::{SharedStorage, WorkerStorage};
use crate::table::{Answer, HashedKey, Storage, Table};

/// The filter in one VM.
pub struct TokenBucket {
    config: Config,
    /// One for each limit, in the same order.
    tables: Vec<Table>,
    /// Where the host shares no data.
    own_storage: Option<WorkerStorage>,
    metrics: Metrics,
    throttle: Throttle,
}

impl Filter for TokenBucket {
    const NAME: &'static str = "token-bucket";
    type Stream = LimitedStream;

    fn configure(
        host: &dyn Host,
        capabilities: &Capabilities,
        configuration: &str,
    ) -> Result<Self, Problems> {
        let config = Config::parse(configuration)?;
        let metrics = Metrics::new(Self::NAME);
        let mut seed = [0; 16];
        host.random(&mut seed).map_err(|status| {
            Problems::whole(format!("the host has no random source: {status}"))
        })?;
        let shared = capabilities
            .shares_data()
            .then(|| shared_data::insert_if_absent(host, SEED_KEY, &seed).ok())
            .flatten()
            .and_then(|value| <[u8; 16]>::try_from(value.bytes).ok());
        let own_storage = match (shared, config.scope) {
            (Some(shared_seed), _) => {
                seed = shared_seed;
                None
            }
            (None, Scope::Process) => {
                return Err(Problems::whole(
                    r#"this host shares no data among workers, so "scope": "process" cannot be kept"#,
                ));
            }
            (None, Scope::Worker) => {
                host.log(
                    LogLevel::Warn,
                    "token-bucket: this host shares no data: each worker counts alone, so clients \
                     get up to the limit times the number of workers",
                );
                metrics.count(host, "unshared_total", &[]);
                Some(WorkerStorage::default())
            }
        };
        let tables = config
            .limits
            .iter()
            .map(|limit| Table::new(&limit.name, config.slots, seed, limit.gcra))
            .collect();
        Ok(Self {
            config,
            tables,
            own_storage,
            metrics,
            throttle: Throttle::default(),
        })
    }

    fn stream(&mut self, _context: ContextId) -> LimitedStream {
        LimitedStream::default()
    }
}

/// One request.
#[derive(Default)]
pub struct LimitedStream {
    /// What the response will say about the strictest limit.
    headers: Vec<(&'static str, String)>,
}

impl Stream<TokenBucket> for LimitedStream {
    fn on_request_headers(
        &mut self,
        filter: &mut TokenBucket,
        host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        let request = Request::capture(host);
        if filter.bypasses(host, &request) {
            filter.metrics.count(host, "bypassed_total", &[]);
            return Action::Continue;
        }
        let verdict = filter.decide(host, &request);
        self.headers = verdict.headers;
        let Some((limit, refusal)) = verdict.refused else {
            if verdict.counted {
                exchange::append_decision(host, Decision::new(TokenBucket::NAME, Outcome::Allowed));
            }
            return Action::Continue;
        };
        let decision = Decision::new(TokenBucket::NAME, Outcome::Denied)
            .rule(limit)
            .reason(refusal.code);
        exchange::append_decision(host, decision);
        let id = request.request_id(host);
        filter.throttle.log(host, LogLevel::Info, || {
            format!(
                "token-bucket: refused request {} by limit {}: {}",
                id.unwrap_or("-"),
                limit,
                refusal.code
            )
        });
        refuse::send(host, &refusal, TokenBucket::NAME, id, request.is_grpc());
        // The refusal carries the headers already.
        self.headers.clear();
        Action::Pause
    }

    fn on_response_headers(
        &mut self,
        _filter: &mut TokenBucket,
        host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        let map = HeaderMap::ResponseHeaders;
        let remaining = |text: &str| text.trim().parse::<u64>().ok();
        let own = self.headers.iter().find(|(name, _)| *name == REMAINING);
        let theirs = header_text(host, map, REMAINING).and_then(|text| remaining(&text));
        // An upstream that limits too may be stricter; its word must not be overwritten.
        let stricter = match (theirs, own.and_then(|(_, text)| remaining(text))) {
            (Some(theirs), Some(own)) => theirs < own,
            _ => false,
        };
        if !stricter {
            for (name, value) in self.headers.drain(..) {
                let _ = host.set_header(map, name, value.as_bytes());
            }
        }
        Action::Continue
    }
}

/// What all limits together say about a request.
struct Verdict<'f> {
    counted: bool,
    refused: Option<(&'f str, Refusal)>,
    headers: Vec<(&'static str, String)>,
}

/// A limit that counts the request.
struct Charge<'f> {
    limit: &'f Limit,
    table: &'f Table,
    key: HashedKey,
    cost: u64,
}

impl TokenBucket {
    fn bypasses(&self, host: &dyn Host, request: &Request) -> bool {
        let bypass = &self.config.bypass;
        let from_range = || {
            client_address(host, self.config.addresses.trusted_hops)
                .is_some_and(|ip| bypass.ips.iter().any(|range| range.contains(ip)))
        };
        let facts = request.facts(host, &self.config.sources, Direction::Request);
        (!bypass.ips.is_empty() && from_range())
            || bypass
                .claims
                .iter()
                .any(|claim| claim.holds(facts.identity()))
    }

    fn decide(&self, host: &dyn Host, request: &Request) -> Verdict<'_> {
        let mut verdict = Verdict {
            counted: false,
            refused: None,
            headers: Vec::new(),
        };
        let charges = match self.charges(host, request) {
            Ok(charges) => charges,
            Err(limit) => {
                self.count(host, limit, "refused");
                let refusal = Refusal::new(
                    429,
                    "rate_limit_key_missing",
                    format!(
                        "The limit {:?} cannot tell whose request this is.",
                        limit.name
                    ),
                );
                verdict.refused = Some((&limit.name, refusal));
                return verdict;
            }
        };
        verdict.counted = !charges.is_empty();
        let shared = SharedStorage::new(host);
        let storage: &dyn Storage = match &self.own_storage {
            Some(own) => own,
            None => &shared,
        };
        let now_ns = host.monotonic_ns();
        let enforced = |charge: &&Charge<'_>| self.config.mode.and(charge.limit.mode).enforces();
        // A limit in report mode counts by itself and never holds the others back.
        for charge in charges.iter().filter(|charge| !enforced(charge)) {
            let outcome = charge.table.take(storage, charge.key, now_ns, charge.cost);
            let word = match &outcome {
                Ok(answer) if answer.admitted => "admitted",
                Ok(_) => "reported",
                Err(_) => "error",
            };
            self.count(host, charge.limit, word);
            if word == "reported" {
                let decision = Decision::new(Self::NAME, Outcome::Denied)
                    .rule(charge.limit.name.as_str())
                    .reason("rate_limited")
                    .report_only(true);
                exchange::append_decision(host, decision);
            }
        }
        let enforced: Vec<&Charge<'_>> = charges.iter().filter(enforced).collect();
        // All or nothing: look first, so that a refusal by one limit takes nothing from another.
        if enforced.len() > 1 {
            for charge in &enforced {
                let peeked = charge.table.peek(storage, charge.key, now_ns, charge.cost);
                if let Ok(answer) = peeked
                    && !answer.admitted
                {
                    self.refuse(host, charge, &answer, &mut verdict);
                    return verdict;
                }
            }
        }
        let mut taken: Vec<(&Charge<'_>, Answer)> = Vec::new();
        for charge in enforced {
            let give_all_back = |taken: &[(&Charge<'_>, Answer)]| {
                for (earlier, answer) in taken.iter().rev() {
                    earlier.table.give_back(storage, earlier.key, answer);
                }
            };
            match charge.table.take(storage, charge.key, now_ns, charge.cost) {
                Ok(answer) => {
                    self.note(host, charge.limit, &answer);
                    if !answer.admitted {
                        give_all_back(&taken);
                        self.refuse(host, charge, &answer, &mut verdict);
                        return verdict;
                    }
                    taken.push((charge, answer));
                }
                Err(_) => {
                    self.count(host, charge.limit, "error");
                    if charge.limit.on_error == OnError::Deny {
                        give_all_back(&taken);
                        let refusal = Refusal::new(
                            503,
                            "rate_limit_undecided",
                            "The rate limit could not be checked.",
                        )
                        .header("retry-after", retry_after(RETRY_AFTER_STORAGE));
                        verdict.refused = Some((charge.limit.name.as_str(), refusal));
                        return verdict;
                    }
                }
            }
        }
        for (charge, _) in &taken {
            self.count(host, charge.limit, "admitted");
        }
        if let Some((charge, answer)) = taken.iter().min_by_key(|(_, answer)| answer.remaining) {
            verdict.headers = self.headers(charge, answer);
        }
        verdict
    }

    /// The limits that count this request, or the one that refuses it for want of a key.
    fn charges(&self, host: &dyn Host, request: &Request) -> Result<Vec<Charge<'_>>, &Limit> {
        let sources = &self.config.sources;
        let facts = request.facts(host, sources, Direction::Request);
        let mut charges = Vec::new();
        for (limit, table) in self.config.limits.iter().zip(&self.tables) {
            if !applies(&limit.matches, &facts) {
                continue;
            }
            let compose = |parts| composed(parts, host, request, sources, self.config.addresses);
            // The first byte keeps the kinds of keys apart: a fallback never meets a real one.
            let key = match (compose(&limit.key), &limit.on_missing_key) {
                (Some(key), _) => Some((b'k', key)),
                (None, OnMissingKey::Shared) => Some((b's', Vec::new())),
                (None, OnMissingKey::Fallback(parts)) => {
                    Some(compose(parts).map_or((b's', Vec::new()), |key| (b'f', key)))
                }
                (None, OnMissingKey::Skip) => None,
                (None, OnMissingKey::Deny) => {
                    if self.config.mode.and(limit.mode).enforces() {
                        return Err(limit);
                    }
                    self.count(host, limit, "reported");
                    None
                }
            };
            if let Some((kind, key)) = key {
                let mut tagged = vec![kind];
                tagged.extend(key);
                let cost = cost(host, &limit.cost);
                charges.push(Charge {
                    limit,
                    table,
                    key: table.hash(&tagged),
                    cost,
                });
            }
        }
        Ok(charges)
    }

    fn refuse<'f>(
        &self,
        host: &dyn Host,
        charge: &Charge<'f>,
        answer: &Answer,
        verdict: &mut Verdict<'f>,
    ) {
        self.count(host, charge.limit, "refused");
        let detail = format!("The limit {:?} is used up.", charge.limit.name);
        let mut refusal = Refusal::new(429, "rate_limited", detail);
        // A request that costs more than the burst will never pass: no time to wait is true.
        if let Some(wait) = answer.wait {
            refusal = refusal.header(
                "retry-after",
                retry_after(wait.max(Duration::from_nanos(1))),
            );
        }
        for (name, value) in self.headers(charge, answer) {
            refusal = refusal.header(name, value);
        }
        verdict.refused = Some((charge.limit.name.as_str(), refusal));
    }

    fn headers(&self, charge: &Charge<'_>, answer: &Answer) -> Vec<(&'static str, String)> {
        match self.config.headers {
            HeaderStyle::XRateLimit => {
                x_ratelimit(&charge.limit.name, charge.table.gcra(), answer).into()
            }
            HeaderStyle::None => Vec::new(),
        }
    }

    fn count(&self, host: &dyn Host, limit: &Limit, outcome: &str) {
        let labels = [("limit", limit.name.as_str()), ("outcome", outcome)];
        self.metrics.count(host, "requests_total", &labels);
    }

    /// What an operator must know about the table itself.
    fn note(&self, host: &dyn Host, limit: &Limit, answer: &Answer) {
        let labels = [("limit", limit.name.as_str())];
        let events: BTreeMap<&str, u64> = BTreeMap::from([
            ("overflow_total", u64::from(answer.overflow)),
            ("corrupt_total", u64::from(answer.corrupt)),
            ("cas_retries_total", u64::from(answer.retries)),
        ]);
        for (name, number) in events.into_iter().filter(|(_, number)| *number > 0) {
            self.metrics.add(host, name, &labels, number);
        }
    }
}

/// What the request costs. A header that says nothing sensible costs 1: clients who may set it
/// must not get out of the limit by writing nonsense, and 0 would be that.
fn cost(host: &dyn Host, cost: &Cost) -> u64 {
    match cost {
        Cost::Fixed(cost) => *cost,
        Cost::Header { name, max } => header_text(host, HeaderMap::RequestHeaders, name)
            .and_then(|text| text.trim().parse::<u64>().ok())
            .unwrap_or(1)
            .clamp(1, *max),
    }
}

const REMAINING: &str = "x-ratelimit-remaining";
/// Random bytes that all workers hash keys with, so that no client can aim at a set.
const SEED_KEY: &str = "meshward/token-bucket/seed";
