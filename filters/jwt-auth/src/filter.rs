//! The filter: finds the rule, has the caller verified, and tells the others who it is.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use host::{
    Action, CallToken, Capabilities, ContextId, Direction, Filter, Host, LogLevel, Metrics,
    Request, ResponseSizes, Stream, Throttle, plugin_configuration,
};
use policy::config::Problems;

use crate::calls::{CallContexts, CallOwners, response_body};
use crate::config::{Config, KeySource, ProviderKind};
use crate::credential::source::CredentialSource;
use crate::decide::{AuthDecision, uncheckable, undecided};
use crate::enforce::managed_headers;
use crate::enforce::{Enforcer, ResponseHeaders};
use crate::host_limits;
use crate::jose::SkippedKey;
use crate::keys::document::Progress;
use crate::keys::{FetchError, nanoseconds};
use crate::opaque::introspection::{MAX_RESPONSE_BYTES, introspected};
use crate::reason::Reason;
use crate::verify::context::{Now, VerifyContext};
use crate::verify::{Import, Verifier};

/// The filter in one VM.
pub struct JwtAuth {
    /// Shared, so that a decision can name a rule while the keys change.
    config: Rc<Config>,
    verifier: Verifier,
    enforcer: Enforcer,
    /// Requests that wait for keys or for an introspection.
    waiting: Vec<Waiting>,
    /// What is still to be done to the responses of requests that have waited.
    responses: HashMap<ContextId, ResponseHeaders>,
    root: Option<ContextId>,
    calls_from_root: bool,
    /// Where only the request at hand can be answered: whose call each is.
    owners: Option<CallOwners>,
    metrics: Metrics,
    throttle: Throttle,
}

struct Waiting {
    context: ContextId,
    request: Request,
    since_ns: u64,
}

impl Filter for JwtAuth {
    const NAME: &'static str = "jwt-auth";
    type Stream = AuthStream;

    fn configure(
        host: &dyn Host,
        capabilities: &Capabilities,
        configuration: &str,
    ) -> Result<Self, Problems> {
        let checked = Config::check(configuration);
        let config = Rc::new(plugin_configuration::accept(host, Self::NAME, checked)?);
        let now_s = i64::try_from(host.wall_clock_ns() / 1_000_000_000).unwrap_or(i64::MAX);
        for warning in config.expired_keys(now_s) {
            host.log(
                LogLevel::Warn,
                &format!("jwt-auth: configuration: {warning}"),
            );
        }
        host_limits::check(&config, capabilities)?;
        let verifier = Verifier::new(host, capabilities, &config, Self::NAME)?;
        let by_host = verifier.signatures().checked_by_host().join(", ");
        let line = format!("jwt-auth: signatures that the host checks: {by_host}");
        host.log(LogLevel::Debug, &line);
        let metrics = Metrics::new(Self::NAME);
        for provider in &config.providers {
            if let ProviderKind::Token(token) = &provider.kind
                && let KeySource::Inline(keys) = &token.keys
            {
                report_skipped(host, &metrics, &provider.name, &keys.skipped);
            }
        }
        let fetches = verifier.makes_calls();
        if capabilities.ticks() {
            host.set_tick_period(TICK_PERIOD).map_err(|status| {
                Problems::whole(format!(
                    "the host refuses a tick, which fetching keys needs: {status}"
                ))
            })?;
        } else if fetches {
            host.log(
                LogLevel::Warn,
                "jwt-auth: this host has no tick: keys are fetched when a request needs them",
            );
        }
        warn_of_missing(host, capabilities, &config);
        Ok(Self {
            enforcer: Enforcer::new(&config, capabilities),
            config,
            verifier,
            waiting: Vec::new(),
            responses: HashMap::new(),
            root: None,
            calls_from_root: capabilities.calls_http_from_tick(),
            owners: (!capabilities.changes_context()).then(CallOwners::default),
            metrics,
            throttle: Throttle::default(),
        })
    }

    fn attach(&mut self, root: ContextId) {
        self.root = Some(root);
    }

    fn stream(&mut self, context: ContextId) -> AuthStream {
        AuthStream {
            context,
            waits: false,
            response: ResponseHeaders::default(),
        }
    }

    fn on_tick(&mut self, host: &dyn Host) {
        let now_ns = host.monotonic_ns();
        let mut settles = self.verifier.sync(host, now_ns);
        settles |= self.fetch_due_keys(host, None, now_ns);
        self.report_imports(host);
        self.note_calls(self.root);
        self.report_age(host, now_ns);
        let timeout_ns = nanoseconds(self.config.waiting.timeout);
        let expired = |waiting: &Waiting| now_ns.saturating_sub(waiting.since_ns) > timeout_ns;
        if settles || self.waiting.iter().any(expired) {
            self.settle_waiting(host, None);
        }
    }

    fn flush(&mut self, host: &dyn Host) {
        self.verifier.flush(host);
        self.enforcer.flush(host);
    }

    fn on_delete(&mut self, host: &dyn Host) {
        self.verifier.leave(host);
    }

    fn on_http_call_response(&mut self, host: &dyn Host, token: CallToken, sizes: ResponseSizes) {
        let owner = self.owners.as_mut().and_then(|owners| owners.take(token));
        let ended = self.take_response(host, token, sizes);
        self.note_calls(owner);
        if ended {
            self.settle_waiting(host, owner);
        }
    }
}

/// One request.
pub struct AuthStream {
    context: ContextId,
    waits: bool,
    response: ResponseHeaders,
}

impl Stream<JwtAuth> for AuthStream {
    fn on_request_headers(
        &mut self,
        filter: &mut JwtAuth,
        host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        let config = Rc::clone(&filter.config);
        let mut request = Request::capture(host, &config.sources);
        let managed = managed_headers::strip_managed_headers(host, &request, &config);
        let mode = config.strictest_mode();
        let overrides = config.sources.strip_overrides(host, &request, mode);
        let stripped = managed.and(overrides.map_err(|_| Reason::ManagedHeader));
        if let Err(reason) = stripped {
            let decision = uncheckable(&config, reason);
            let action = filter.enforcer.apply(host, &request, &decision);
            if action == Action::Pause {
                return action;
            }
        }
        let now = Now::of(host);
        let mut decision = filter.decide(&config, host, &mut request, self.context, &now, None);
        if matches!(decision, AuthDecision::Wait { .. })
            && filter.fetch_due_keys(host, Some(self.context), now.monotonic_ns())
        {
            // What it would wait for has failed at once.
            let since_ns = Some(now.monotonic_ns());
            decision = filter.decide(&config, host, &mut request, self.context, &now, since_ns);
        }
        filter.report_imports(host);
        let AuthDecision::Wait { mode, .. } = &decision else {
            self.response = filter.enforcer.response_headers(&decision, host, &request);
            let action = filter.enforcer.apply(host, &request, &decision);
            decision.drop_parsed_identities();
            return action;
        };
        let can_wait = filter.can_wait(self.context);
        // What only watches must not hold anybody up.
        if !mode.enforces() || !can_wait || filter.waiting.len() >= config.waiting.max_requests {
            let full = (mode.enforces() && can_wait).then_some(Reason::WaitingFull);
            if full.is_some() {
                filter.metrics.count(host, "waiting_overflow_total", &[]);
            }
            let decision = undecided(&decision, full);
            return filter.enforcer.apply(host, &request, &decision);
        }
        self.waits = true;
        filter.metrics.shift(host, "waiting_requests", &[], 1);
        filter.waiting.push(Waiting {
            context: self.context,
            request,
            since_ns: now.monotonic_ns(),
        });
        Action::Pause
    }

    fn on_response_headers(
        &mut self,
        filter: &mut JwtAuth,
        host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        if self.waits
            && let Some(response) = filter.responses.remove(&self.context)
        {
            self.response = response;
        }
        self.response.set(host);
        Action::Continue
    }

    fn on_done(&mut self, filter: &mut JwtAuth, host: &dyn Host) {
        filter.lose_calls(host, self.context);
        if !self.waits {
            return;
        }
        filter.responses.remove(&self.context);
        let before = filter.waiting.len();
        filter
            .waiting
            .retain(|waiting| waiting.context != self.context);
        if filter.waiting.len() < before {
            filter.metrics.shift(host, "waiting_requests", &[], -1);
        }
    }
}

impl JwtAuth {
    fn contexts(&self, stream: Option<ContextId>) -> CallContexts {
        CallContexts {
            root: self.root.filter(|_| self.calls_from_root),
            stream,
        }
    }

    fn decide<'c>(
        &mut self,
        config: &'c Config,
        host: &dyn Host,
        request: &mut Request,
        context: ContextId,
        now: &Now<'_>,
        waits_since_ns: Option<u64>,
    ) -> AuthDecision<'c> {
        let contexts = self.contexts(Some(context));
        let find = |request: &Request, requirement: &crate::config::Requirement| {
            let context = VerifyContext {
                host,
                request,
                contexts,
                now,
                waits_since_ns,
            };
            self.verifier.callers(context, requirement)
        };
        crate::decide::decide(config, host, request, find)
    }

    /// Starts the fetches that are due. Whether one failed at once: then nobody need wait for it.
    fn fetch_due_keys(&mut self, host: &dyn Host, stream: Option<ContextId>, now_ns: u64) -> bool {
        let contexts = self.contexts(stream);
        let failed = self.verifier.fetch_if_due(host, contexts, now_ns);
        for (document, FetchError(code)) in &failed {
            self.report_fetch(host, *document, code);
        }
        !failed.is_empty()
    }

    /// Whether a fetch or an introspection has come to its end: discovery goes on with the keys.
    fn take_response(&mut self, host: &dyn Host, token: CallToken, sizes: ResponseSizes) -> bool {
        let now = Now::of(host);
        let contexts = self.contexts(None);
        let keys = self
            .verifier
            .on_keys_response(host, contexts, token, sizes, now.monotonic_ns());
        match keys {
            Some((_, Progress::GoesOn)) => return false,
            Some((document, Progress::Ended(result))) => {
                let code = result.map_or_else(|FetchError(code)| code, |()| "ok");
                self.report_fetch(host, document, code);
                self.report_imports(host);
                return true;
            }
            _ => {}
        }
        let config = Rc::clone(&self.config);
        let named = config.providers.iter().zip(&mut self.verifier.sources);
        for (index, (provider, source)) in named.enumerate() {
            if let CredentialSource::Introspection(introspector) = source
                && let Some(hash) = introspector.take_call(token)
            {
                let body = response_body(host, sizes, MAX_RESPONSE_BYTES);
                let result = introspector.on_response(
                    hash,
                    body.as_deref().map_err(|code| *code),
                    now.monotonic_ns(),
                    now.wall_s(),
                    |claims, validity| introspected(provider, index, claims, validity),
                );
                let labels = [("provider", provider.name.as_str()), ("result", result)];
                self.metrics.count(host, "introspections_total", &labels);
                return true;
            }
        }
        true
    }

    /// A request has ended, and where calls belong to requests, so have those that it started.
    fn lose_calls(&mut self, host: &dyn Host, context: ContextId) {
        let Some(owners) = &self.owners else { return };
        for call in owners.calls_of(context) {
            self.verifier.lose_call(host, call);
        }
    }

    /// The calls that this callback, of this context, has started.
    fn note_calls(&mut self, context: Option<ContextId>) {
        if let Some(owners) = &mut self.owners {
            owners.note(&self.verifier.calls_under_way(), context.unwrap_or(0));
        }
    }

    /// Whether the host holds a request until it can be answered.
    fn can_wait(&mut self, context: ContextId) -> bool {
        self.note_calls(Some(context));
        let owners = self.owners.as_ref();
        owners.is_none_or(|owners| owners.has_call(context))
    }

    /// Counts a fetch for each provider that takes its keys from what was fetched.
    fn report_fetch(&self, host: &dyn Host, document: usize, result: &str) {
        for provider in self.verifier.users_of(document) {
            let Some(provider) = self.config.providers.get(provider) else {
                continue;
            };
            let name = provider.name.as_str();
            if result != "ok" {
                self.throttle.log(host, LogLevel::Warn, || {
                    format!("jwt-auth: the keys of {name} could not be fetched: {result}")
                });
            }
            let labels = [("provider", name), ("result", result)];
            self.metrics.count(host, "key_fetches_total", &labels);
        }
    }

    /// Says what became of key sets that are new to a provider.
    fn report_imports(&mut self, host: &dyn Host) {
        for Import { provider, result } in self.verifier.take_imports() {
            let (Some(provider), Some(CredentialSource::Fetched(keys))) = (
                self.config.providers.get(provider),
                self.verifier.sources.get(provider),
            ) else {
                continue;
            };
            let name = provider.name.as_str();
            match result {
                Ok(skipped) => {
                    report_skipped(host, &self.metrics, name, &skipped);
                    let line = format!("jwt-auth: {} keys of {name} serve", keys.key_count());
                    host.log(LogLevel::Info, &line);
                }
                Err(FetchError(code)) => {
                    let line = format!(
                        "jwt-auth: {name} can use no key of the set that was fetched for it: {code}"
                    );
                    host.log(LogLevel::Warn, &line);
                    let labels = [("provider", name), ("reason", code)];
                    self.metrics.count(host, "key_sets_refused_total", &labels);
                }
            }
        }
    }

    /// How old the keys are, as all workers know it.
    fn report_age(&self, host: &dyn Host, now_ns: u64) {
        for (provider, source) in self.config.providers.iter().zip(&self.verifier.sources) {
            if let CredentialSource::Fetched(keys) = source
                && let Some(age) = keys.age(now_ns)
            {
                let labels = [("provider", provider.name.as_str())];
                self.metrics
                    .set(host, "key_age_seconds", &labels, age.as_secs());
            }
        }
    }

    /// Decides again about everybody who waits, or, where only the request at hand can be answered,
    /// about that one; who has waited too long is refused.
    fn settle_waiting(&mut self, host: &dyn Host, at_hand: Option<ContextId>) {
        let config = Rc::clone(&self.config);
        let timeout_ns = nanoseconds(config.waiting.timeout);
        for mut waiting in std::mem::take(&mut self.waiting) {
            let context = waiting.context;
            if self.owners.is_some() && at_hand != Some(context) {
                self.waiting.push(waiting);
                continue;
            }
            if host.set_effective_context(context).is_err() {
                self.metrics.shift(host, "waiting_requests", &[], -1);
                continue;
            }
            let now = Now::of(host);
            let since_ns = Some(waiting.since_ns);
            let request = &mut waiting.request;
            let mut decision = self.decide(&config, host, request, context, &now, since_ns);
            if matches!(decision, AuthDecision::Wait { .. })
                && self.fetch_due_keys(host, Some(context), now.monotonic_ns())
            {
                decision = self.decide(&config, host, request, context, &now, since_ns);
            }
            if matches!(decision, AuthDecision::Wait { .. }) {
                let in_time = now.monotonic_ns().saturating_sub(waiting.since_ns) <= timeout_ns;
                if in_time && self.can_wait(context) {
                    self.waiting.push(waiting);
                    continue;
                }
                decision = undecided(&decision, None);
            }
            self.metrics.shift(host, "waiting_requests", &[], -1);
            let request = &waiting.request;
            let response = self.enforcer.response_headers(&decision, host, request);
            if response != ResponseHeaders::default() {
                self.responses.insert(context, response);
            }
            let action = self.enforcer.apply(host, request, &decision);
            decision.drop_parsed_identities();
            if action == Action::Continue && host.resume(Direction::Request).is_err() {
                host.log(
                    LogLevel::Warn,
                    "jwt-auth: a waiting request could not be resumed",
                );
            }
        }
    }
}

fn report_skipped(host: &dyn Host, metrics: &Metrics, provider: &str, skipped: &[SkippedKey]) {
    for SkippedKey { index, reason } in skipped {
        let line = format!("jwt-auth: keys[{index}] of {provider} is left out: {reason}");
        host.log(LogLevel::Warn, &line);
        metrics.count(host, "keys_skipped_total", &[("provider", provider)]);
    }
}

/// What the configuration asks for and this host lacks, where leaving it out does no harm.
fn warn_of_missing(host: &dyn Host, capabilities: &Capabilities, config: &Config) {
    if config.clear_route_cache && !capabilities.has_foreign_functions() {
        host.log(
            LogLevel::Warn,
            "jwt-auth: clear_route_cache does nothing: this host chooses no route anew",
        );
    }
}

/// How often due fetches and the other workers' keys are looked for.
const TICK_PERIOD: Duration = Duration::from_millis(100);
