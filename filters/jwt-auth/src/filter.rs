//! The filter: finds the rule, checks the token, tells the others who the caller is.

use host::{
    Action, AnswerSizes, Buffer, CallToken, Capabilities, ContextId, Direction, Filter, HeaderMap,
    Host, HttpCall, LogLevel, Metrics, Request, Stream, Throttle, exchange, refuse,
};
use policy::config::Problems;
use policy::decision::{Decision, Outcome};
use policy::matching::{Selection, select};
use policy::mode::Mode;
use std::rc::Rc;
use std::time::Duration;

use crate::answer::{Detail, refusal};
use crate::authenticate::{Failure, ProviderKeys, authenticate};
use crate::config::{Access, Config, KeySource};
use crate::forward;
use crate::jwks::SkippedKey;
use crate::keys::{FetchError, MAX_JWKS_BYTES, RemoteKeySet};
use crate::reason::Reason;
use crate::signature::Engine;

/// The filter in one VM.
pub struct JwtAuth {
    /// Shared, so that a ruling can name a rule while the keys change.
    config: Rc<Config>,
    engine: Engine,
    /// One for each provider, in the order of the configuration.
    keys: Vec<ProviderKeys>,
    /// Requests that wait for keys.
    waiting: Vec<Waiting>,
    fetches_from_tick: bool,
    metrics: Metrics,
    throttle: Throttle,
}

struct Waiting {
    context: ContextId,
    request: Request,
    since_ns: u64,
}

/// What the filter does with a request.
enum Ruling<'f> {
    /// Let it pass; with the caller, if one was verified.
    Pass { rule: &'f str },
    /// Hold it until keys are there.
    Wait,
    /// Refuse it.
    Refuse {
        rule: &'f str,
        mode: Mode,
        reason: Reason,
        detail: Detail,
    },
}

impl Filter for JwtAuth {
    const NAME: &'static str = "jwt-auth";
    type Stream = AuthStream;

    fn configure(
        host: &dyn Host,
        capabilities: &Capabilities,
        configuration: &str,
    ) -> Result<Self, Problems> {
        let mut config = Config::parse(configuration)?;
        let engine = Engine::choose(host, capabilities);
        host.log(
            LogLevel::Debug,
            &format!("jwt-auth: signatures are checked by the {}", engine.name()),
        );
        let mut keys = Vec::new();
        let mut remote = false;
        for provider in &mut config.providers {
            keys.push(match &mut provider.keys {
                KeySource::Inline(set, skipped) => {
                    log_skipped(host, &provider.name, skipped);
                    ProviderKeys::Inline(std::mem::take(set))
                }
                KeySource::Remote(settings) => {
                    remote = true;
                    let set = RemoteKeySet::new(settings.clone());
                    ProviderKeys::Remote { set, call: None }
                }
            });
        }
        let fetches_from_tick = remote && capabilities.ticks();
        if fetches_from_tick {
            host.set_tick_period(TICK_PERIOD).map_err(|status| {
                Problems::whole(format!(
                    "the host refuses a tick, which fetching keys needs: {status}"
                ))
            })?;
        } else if remote {
            host.log(
                LogLevel::Warn,
                "jwt-auth: this host has no tick: keys are fetched when a request needs them",
            );
        }
        Ok(Self {
            config: Rc::new(config),
            engine,
            keys,
            waiting: Vec::new(),
            fetches_from_tick,
            metrics: Metrics::new(Self::NAME),
            throttle: Throttle::default(),
        })
    }

    fn stream(&mut self, context: ContextId) -> AuthStream {
        AuthStream {
            context,
            waits: false,
        }
    }

    fn on_tick(&mut self, host: &dyn Host) {
        self.fetch_due_keys(host);
        let now_ns = host.monotonic_ns();
        let expired = |waiting: &Waiting| now_ns.saturating_sub(waiting.since_ns) > MAX_WAIT_NS;
        if self.waiting.iter().any(expired) {
            self.settle_waiting(host, now_ns);
        }
    }

    fn on_http_answer(&mut self, host: &dyn Host, token: CallToken, answer: AnswerSizes) {
        let now_ns = host.monotonic_ns();
        let jitter = random_u32(host);
        let of_call = |keys: &ProviderKeys| matches!(keys, ProviderKeys::Remote { call, .. } if *call == Some(token));
        let Some(index) = self.keys.iter().position(of_call) else {
            return;
        };
        let name = self
            .config
            .providers
            .get(index)
            .map_or("", |provider| provider.name.as_str());
        let Some(ProviderKeys::Remote { set, call }) = self.keys.get_mut(index) else {
            return;
        };
        *call = None;
        let status = host
            .header(HeaderMap::HttpAnswerHeaders, ":status")
            .ok()
            .flatten();
        let body = if answer.body > MAX_JWKS_BYTES {
            Err(FetchError("too_large"))
        } else {
            host.buffer(Buffer::HttpAnswerBody, 0, answer.body)
                .map_err(|_| FetchError("no_body"))
        };
        let body = body.as_deref().map_err(|error| *error);
        let result = match set.answered(status.as_deref(), body, now_ns, jitter) {
            Ok(skipped) => {
                log_skipped(host, name, &skipped);
                host.log(
                    LogLevel::Info,
                    &format!("jwt-auth: fetched {} keys of {name}", set.key_count()),
                );
                "ok"
            }
            Err(FetchError(code)) => {
                self.throttle.log(host, LogLevel::Warn, || {
                    format!("jwt-auth: the keys of {name} could not be fetched: {code}")
                });
                code
            }
        };
        let labels = [("provider", name), ("result", result)];
        self.metrics.count(host, "key_fetches_total", &labels);
        self.settle_waiting(host, now_ns);
    }
}

/// One request.
pub struct AuthStream {
    context: ContextId,
    waits: bool,
}

impl Stream<JwtAuth> for AuthStream {
    fn on_request_headers(
        &mut self,
        filter: &mut JwtAuth,
        host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        forward::strip_managed_headers(host, &filter.config);
        let request = Request::capture(host);
        let now_ns = host.monotonic_ns();
        let config = Rc::clone(&filter.config);
        match filter.rule_on(&config, host, &request, now_ns) {
            Ruling::Wait if filter.waiting.len() < MAX_WAITING => {
                self.waits = true;
                let waiting = Waiting {
                    context: self.context,
                    request,
                    since_ns: now_ns,
                };
                filter.waiting.push(waiting);
                if !filter.fetches_from_tick {
                    filter.fetch_due_keys(host);
                }
                Action::Pause
            }
            Ruling::Wait => filter.carry_out(host, &request, keys_unavailable(&config)),
            ruling => filter.carry_out(host, &request, ruling),
        }
    }

    fn on_done(&mut self, filter: &mut JwtAuth, _host: &dyn Host) {
        if self.waits {
            filter
                .waiting
                .retain(|waiting| waiting.context != self.context);
        }
    }
}

impl JwtAuth {
    /// Starts the fetches that are due.
    fn fetch_due_keys(&mut self, host: &dyn Host) {
        let now_ns = host.monotonic_ns();
        for (provider, keys) in self.config.providers.iter().zip(&mut self.keys) {
            let ProviderKeys::Remote { set, call } = keys else {
                continue;
            };
            if !set.is_due(now_ns) {
                continue;
            }
            let settings = set.settings();
            let started = host.http_call(&HttpCall {
                upstream: &settings.upstream,
                headers: &[
                    (":method", "GET"),
                    (":path", &settings.path),
                    (":authority", &settings.authority),
                    (":scheme", "https"),
                    ("accept", "application/jwk-set+json, application/json"),
                ],
                body: b"",
                timeout: settings.timeout,
            });
            match started {
                Ok(token) => {
                    *call = Some(token);
                    set.started(now_ns);
                }
                Err(status) => {
                    set.failed_to_start(now_ns, random_u32(host));
                    let name = provider.name.as_str();
                    self.throttle.log(host, LogLevel::Warn, || {
                        format!("jwt-auth: the keys of {name} could not be asked for: {status}")
                    });
                    let labels = [("provider", name), ("result", "not_started")];
                    self.metrics.count(host, "key_fetches_total", &labels);
                }
            }
        }
    }

    /// Decides again about everybody who waits; who has waited too long is refused.
    fn settle_waiting(&mut self, host: &dyn Host, now_ns: u64) {
        let config = Rc::clone(&self.config);
        for waiting in std::mem::take(&mut self.waiting) {
            if host.set_effective_context(waiting.context).is_err() {
                continue;
            }
            let too_long = now_ns.saturating_sub(waiting.since_ns) > MAX_WAIT_NS;
            let action = match self.rule_on(&config, host, &waiting.request, now_ns) {
                Ruling::Wait if !too_long => {
                    self.waiting.push(waiting);
                    continue;
                }
                Ruling::Wait => self.carry_out(host, &waiting.request, keys_unavailable(&config)),
                ruling => self.carry_out(host, &waiting.request, ruling),
            };
            if action == Action::Continue && host.resume(Direction::Request).is_err() {
                host.log(
                    LogLevel::Warn,
                    "jwt-auth: a waiting request could not be resumed",
                );
            }
        }
    }

    /// Decides. On success the identity has been published and the headers are set.
    fn rule_on<'c>(
        &mut self,
        config: &'c Config,
        host: &dyn Host,
        request: &Request,
        now_ns: u64,
    ) -> Ruling<'c> {
        let Self { keys, engine, .. } = self;
        let facts = request.facts(host, &config.sources, Direction::Request);
        let mode = config.mode;
        let refuse = |rule, mode, reason| Ruling::Refuse {
            rule,
            mode,
            reason,
            detail: Detail::default(),
        };
        let (rule, mode, access) =
            match select(config.rules.iter().map(|rule| &rule.matches), &facts) {
                Selection::Rule(index) => match config.rules.get(index) {
                    Some(rule) => (rule.name.as_str(), mode.and(rule.mode), &rule.access),
                    None => return refuse("default", mode, Reason::NoRule),
                },
                Selection::NoRule => ("default", mode, &config.default),
                Selection::Ambiguous => return refuse("default", mode, Reason::PathAmbiguous),
                Selection::Unreadable(_) => return refuse("default", mode, Reason::PathUnreadable),
            };
        let requirement = match access {
            Access::Anonymous => return Ruling::Pass { rule },
            Access::Deny => return refuse(rule, mode, Reason::NoRule),
            Access::Require(requirement) => requirement,
        };
        match authenticate(host, request, config, keys, *engine, requirement, now_ns) {
            Ok(()) => Ruling::Pass { rule },
            Err(Failure::Wait) => Ruling::Wait,
            Err(Failure::Refused(reason, detail)) => Ruling::Refuse {
                rule,
                mode,
                reason,
                detail,
            },
        }
    }

    fn carry_out(&self, host: &dyn Host, request: &Request, ruling: Ruling<'_>) -> Action {
        let (rule, mode, reason, detail) = match ruling {
            Ruling::Pass { rule } => {
                let decision = Decision::new(Self::NAME, Outcome::Allowed).rule(rule);
                exchange::append_decision(host, decision);
                self.metrics
                    .count(host, "requests_total", &[("outcome", "allowed")]);
                return Action::Continue;
            }
            Ruling::Wait => return Action::Pause,
            Ruling::Refuse {
                rule,
                mode,
                reason,
                detail,
            } => (rule, mode, reason, detail),
        };
        let outcome = if mode.enforces() {
            "denied"
        } else {
            "reported"
        };
        let labels = [("outcome", outcome), ("reason", reason.code())];
        self.metrics.count(host, "requests_total", &labels);
        let kind = if reason == Reason::KeysUnavailable {
            Outcome::Error
        } else {
            Outcome::Denied
        };
        let decision = Decision::new(Self::NAME, kind)
            .rule(rule)
            .reason(reason.code())
            .report_only(!mode.enforces());
        exchange::append_decision(host, decision);
        let id = request.request_id(host);
        self.throttle.log(host, LogLevel::Info, || {
            format!(
                "jwt-auth: {outcome} request {} by {rule}: {}",
                id.unwrap_or("-"),
                reason.code()
            )
        });
        if !mode.enforces() {
            return Action::Continue;
        }
        let refusal = refusal(reason, &detail);
        refuse::send(host, &refusal, Self::NAME, id, request.is_grpc());
        Action::Pause
    }
}

const fn keys_unavailable(config: &Config) -> Ruling<'static> {
    Ruling::Refuse {
        rule: "keys",
        mode: config.mode,
        reason: Reason::KeysUnavailable,
        detail: Detail {
            scopes: Vec::new(),
            retry_after_s: None,
        },
    }
}

fn log_skipped(host: &dyn Host, provider: &str, skipped: &[SkippedKey]) {
    for key in skipped {
        let line = format!(
            "jwt-auth: keys[{}] of {provider} is left out: {}",
            key.index, key.reason
        );
        host.log(LogLevel::Warn, &line);
    }
}

fn random_u32(host: &dyn Host) -> u32 {
    let mut bytes = [0; 4];
    let _ = host.random(&mut bytes);
    u32::from_le_bytes(bytes)
}

/// How often due fetches are looked for; a request that finds no keys waits so long at most.
const TICK_PERIOD: Duration = Duration::from_millis(100);
/// Requests that wait for keys in one worker; each holds a connection and its headers.
const MAX_WAITING: usize = 1_000;
const MAX_WAIT_NS: u64 = 10_000_000_000;
