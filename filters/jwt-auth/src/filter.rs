//! The filter: finds the rule, has the caller verified, and tells the others who it is.

mod calls;
mod report;

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use host::route_config::{PolicyOfRoute, RouteConfigs};
use host::waiting::{CallId, Occasion, WaitingRequests};
use host::{
    Action, CallToken, Capabilities, ContextId, Filter, Host, HostKind, LogLevel, Metrics, Moment,
    Request, ResponseSizes, Startup, Stream, Throttle, headers,
};
use policy::config::Problems;
use policy::mode::Mode;

use crate::config::{Config, KeySource, ProviderKind, RequestLimit, Requirement, RouteConfig};
use crate::decide::{AuthDecision, uncheckable, undecided};
use crate::enforce::managed_headers;
use crate::enforce::{Enforcer, ResponseHeaders};
use crate::host_limits;
use crate::keys::FetchError;
use crate::opaque::introspection::client_of;
use crate::reason::Reason;
use crate::verify::Verifier;
use crate::verify::context::VerifyContext;

/// The filter in one VM.
pub struct JwtAuth {
    config: Rc<Config>,
    verifier: Verifier,
    access: Rc<AccessRules>,
    /// The rules of routes that have their own.
    routes: Option<RouteConfigs<AccessRules>>,
    /// Requests that wait for keys or for an introspection.
    waiting: WaitingRequests<HeldRequest>,
    /// What is still to be done to the responses of requests that have waited.
    responses: HashMap<ContextId, ResponseHeaders>,
    metrics: Metrics,
    throttle: Throttle,
    /// The host says with the headers whether a body follows; nginx hosts say the same of all.
    ends_are_told: bool,
}

/// Who may do what, and how that is enforced: for the whole plugin, or on one route.
struct AccessRules {
    /// Shared, so that a decision can name a rule while the keys change.
    config: Rc<Config>,
    enforcer: Enforcer,
}

impl AccessRules {
    fn new(config: &Rc<Config>, capabilities: &Capabilities) -> Self {
        Self {
            enforcer: Enforcer::new(config, capabilities),
            config: Rc::clone(config),
        }
    }

    /// Those of a route, in the configuration of a plugin.
    fn of_route(startup: &Startup<'_>, plugin: &Config) -> Result<Self, Problems> {
        let RouteConfig(mut config) = startup.read::<RouteConfig>(JwtAuth::NAME)?;
        // They are the same, in the same order, and need not be there twice.
        config.providers.clone_from(&plugin.providers);
        config.places.clone_from(&plugin.places);
        config.managed.clone_from(&plugin.managed);
        Ok(Self::new(&Rc::new(config), startup.capabilities))
    }
}

impl PolicyOfRoute for AccessRules {
    fn strictest_mode(&self) -> Mode {
        self.config.strictest_mode()
    }
}

/// A request that is held until keys or a response about its token arrive.
struct HeldRequest {
    request: Request,
    access: Rc<AccessRules>,
    /// The address that it comes from, as a hash.
    client: u64,
}

impl Filter for JwtAuth {
    const NAME: &'static str = "jwt-auth";
    type Stream = AuthStream;

    fn configure(startup: &Startup<'_>) -> Result<Self, Problems> {
        let config = Rc::new(startup.read::<Config>(Self::NAME)?);
        let (host, capabilities) = (startup.host, startup.capabilities);
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
                report::report_skipped(host, &metrics, &provider.name, &keys.skipped);
            }
        }
        let fetches = verifier.makes_calls();
        if capabilities.ticks() {
            host.set_tick_period(TICK_PERIOD).map_err(|status| {
                Problems::whole(format!(
                    "the host refuses a tick, which fetching needs: {status}"
                ))
            })?;
        } else if fetches {
            host.log(
                LogLevel::Warn,
                "jwt-auth: this host has no tick: keys and lists are fetched when a request needs them",
            );
        }
        report::warn_of_missing(host, capabilities, &config);
        let routes = RouteConfigs::new(
            startup,
            Self::NAME,
            &Config::ROUTE_PART,
            &config.routes,
            &|startup| AccessRules::of_route(startup, &config),
        )?;
        Ok(Self {
            access: Rc::new(AccessRules::new(&config, capabilities)),
            routes,
            verifier,
            waiting: WaitingRequests::new(
                *capabilities,
                config.waiting.max_requests,
                config.waiting.timeout,
            ),
            config,
            responses: HashMap::new(),
            metrics,
            throttle: Throttle::default(),
            ends_are_told: capabilities.kind() == HostKind::Envoy,
        })
    }

    fn stream(&mut self, context: ContextId) -> AuthStream {
        AuthStream {
            context,
            waits: false,
            response: ResponseHeaders::default(),
        }
    }

    fn on_tick(&mut self, host: &dyn Host) {
        let now = &Moment::of(host);
        let now_ns = now.monotonic_ns();
        let mut ended = self.verifier.sync(host, now_ns);
        for call in self.verifier.calls.take_overdue(now_ns) {
            ended |= self.on_no_response(host, now, &call);
        }
        let occasion = Occasion {
            stream: None,
            now_ns,
        };
        ended |= self.fetch_due_keys(host, occasion);
        self.report_imports(host);
        self.report_age(host, now_ns);
        if ended {
            self.waiting.wake_all(None);
        }
        self.waiting.wake_late(now_ns);
        let woken = self.verifier.woken_by_room();
        self.waiting.wake(&woken);
        self.decide_waiting(host);
    }

    fn flush(&mut self, host: &dyn Host) {
        self.verifier.flush(host);
        self.access.enforcer.flush(host);
        if let Some(routes) = &self.routes {
            routes.for_each(|access| access.enforcer.flush(host));
        }
    }

    fn on_delete(&mut self, host: &dyn Host) {
        self.verifier.leave(host);
    }

    fn on_http_call_response(&mut self, host: &dyn Host, token: CallToken, sizes: ResponseSizes) {
        if let Some(call) = self.verifier.calls.end(CallId::Http(token))
            && self.take_response(host, &call, sizes)
        {
            let at_hand = call.occasion.stream;
            match self.verifier.woken_by(call.purpose) {
                None => self.waiting.wake_all(at_hand),
                Some(woken) => self.waiting.wake_by_call(&woken, at_hand),
            }
            self.decide_waiting(host);
        }
    }
}

/// The stream of one request that needs a decision.
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
        end_of_stream: bool,
    ) -> Action {
        let mut request = Request::capture(host, &filter.config.sources);
        let Some(access) = filter.access_for(host, &request) else {
            return Action::Pause;
        };
        let AccessRules { config, enforcer } = access.as_ref();
        let managed = managed_headers::strip_managed_headers(host, &mut request, &filter.config);
        let overrides = request.strip_overrides(host, config.strictest_mode());
        let stripped = managed.and(overrides.map_err(|_| Reason::ManagedHeader));
        if let Err(reason) = stripped {
            let decision = filter.unstripped(config, reason);
            let action = self.end(enforcer, host, &request, &decision);
            if action == Action::Pause {
                return action;
            }
        }
        let has_body = filter.ends_are_told.then_some(!end_of_stream);
        if !config.requests.is_empty()
            && let Err(reason) = RequestLimit::check(&config.requests, host, &request, has_body)
        {
            let decision = AuthDecision::over_limit(config, reason);
            let action = self.end(enforcer, host, &request, &decision);
            if action == Action::Pause {
                return action;
            }
        }
        let now = Moment::of(host);
        let mut decision = filter.decide(config, host, &mut request, self.context, &now, None);
        if matches!(decision, AuthDecision::Wait { .. })
            && filter.fetch_due_keys(host, occasion(self.context, &now))
        {
            // What it would wait for has failed at once.
            let since_ns = Some(now.monotonic_ns());
            decision = filter.decide(config, host, &mut request, self.context, &now, since_ns);
        }
        filter.report_imports(host);
        let AuthDecision::Wait { mode, .. } = &decision else {
            let action = self.end(enforcer, host, &request, &decision);
            decision.drop_parsed_identities();
            return action;
        };
        let can_wait = filter.verifier.calls.can_hold(self.context);
        let client = client_of(&request, host);
        let has_room = filter.waiting.has_room(client, |held| held.client);
        // What only watches must not hold anybody up.
        if !mode.enforces() || !can_wait || !has_room {
            let full = (mode.enforces() && can_wait).then_some(Reason::WaitingFull);
            if full.is_some() {
                filter.metrics.count(host, "waiting_overflow_total", &[]);
            }
            filter.verifier.stop_waiting(self.context);
            let decision = undecided(&decision, full);
            return self.end(enforcer, host, &request, &decision);
        }
        self.waits = true;
        filter.metrics.shift(host, "waiting_requests", &[], 1);
        filter.waiting.hold(
            self.context,
            now.monotonic_ns(),
            HeldRequest {
                request,
                access: Rc::clone(&access),
                client,
            },
        );
        Action::Pause
    }

    fn on_request_trailers(&mut self, filter: &mut JwtAuth, host: &dyn Host) -> Action {
        let config = &filter.config;
        // A route may enforce what the plugin only reports.
        let enforces = filter.routes.is_some() || config.strictest_mode().enforces();
        headers::strip_trailers(host, |name| config.strips_trailer(name, enforces))
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
        if self.response.hides_errors() {
            return filter.access.enforcer.hide_error(host, &self.response);
        }
        Action::Continue
    }

    fn on_done(&mut self, filter: &mut JwtAuth, host: &dyn Host) {
        for call in filter.verifier.calls.take_lost(self.context) {
            filter.verifier.lose(host, &call);
        }
        if !self.waits {
            return;
        }
        filter.responses.remove(&self.context);
        if filter.waiting.leave(self.context).is_some() {
            filter.verifier.stop_waiting(self.context);
            filter.metrics.shift(host, "waiting_requests", &[], -1);
        }
    }
}

impl AuthStream {
    /// Does what was decided, and keeps what it means for the response, whatever that is: also one of
    /// the upstream where nothing could be decided.
    fn end(
        &mut self,
        enforcer: &Enforcer,
        host: &dyn Host,
        request: &Request,
        decision: &AuthDecision<'_>,
    ) -> Action {
        let (response, action) = enforcer.end(host, request, decision);
        self.response = response;
        action
    }
}

impl JwtAuth {
    /// Who may do what where the request goes. `None` when it has been refused.
    fn access_for(&self, host: &dyn Host, request: &Request) -> Option<Rc<AccessRules>> {
        let Some(routes) = &self.routes else {
            return Some(Rc::clone(&self.access));
        };
        let plugin = (self.access.as_ref(), self.config.mode);
        let choice = routes.choose(host, request, plugin, &|startup| {
            AccessRules::of_route(startup, &self.config)
        });
        choice.or_plugin(&self.access)
    }

    /// The decision on a request with a header that cannot be let through. It may go to another route
    /// than the one that was chosen, so the strictest mode of all that are known counts.
    fn unstripped<'c>(&self, config: &'c Config, reason: Reason) -> AuthDecision<'c> {
        let mut mode = config.strictest_mode();
        if self.config.refuses_managed {
            let routes = self.routes.as_ref();
            let all = routes.map(|routes| routes.strictest_mode(&self.access));
            mode = Mode::strictest([mode, all.unwrap_or(self.config.strictest_mode())].into_iter());
        }
        uncheckable(mode, reason)
    }

    fn decide<'c>(
        &mut self,
        config: &'c Config,
        host: &dyn Host,
        request: &mut Request,
        context: ContextId,
        now: &Moment<'_>,
        waits_since_ns: Option<u64>,
    ) -> AuthDecision<'c> {
        let find = |request: &Request, requirement: &Requirement, mode: Mode| {
            let context = VerifyContext {
                host,
                request,
                mode,
                stream: context,
                now,
                waits_since_ns,
            };
            self.verifier.callers_in_context(context, requirement)
        };
        crate::decide::decide(config, host, request, now, find)
    }

    /// Starts the fetches that are due. Whether one failed at once: then nobody need wait for it.
    fn fetch_due_keys(&mut self, host: &dyn Host, occasion: Occasion) -> bool {
        let failed = self.verifier.fetch_if_due(host, occasion);
        for (document, FetchError(code)) in &failed {
            self.report_fetch(host, *document, code);
        }
        !failed.is_empty()
    }

    /// Decides again about those who are due, as many as have their turn now; who has waited too long is refused.
    fn decide_waiting(&mut self, host: &dyn Host) {
        self.waiting.begin_turns();
        while let Some(mut waiter) = self.waiting.next_turn(host) {
            let context = waiter.context();
            if !waiter.is_there() {
                self.verifier.stop_waiting(context);
                self.metrics.shift(host, "waiting_requests", &[], -1);
                continue;
            }
            let now = Moment::of(host);
            let since_ns = Some(waiter.since_ns());
            let keeps_place = waiter.keeps_place();
            let access = Rc::clone(&waiter.request.access);
            let AccessRules { config, enforcer } = access.as_ref();
            let request = &mut waiter.request.request;
            let mut decision = self.decide(config, host, request, context, &now, since_ns);
            if matches!(decision, AuthDecision::Wait { .. })
                && self.fetch_due_keys(host, occasion(context, &now))
            {
                decision = self.decide(config, host, request, context, &now, since_ns);
            }
            if matches!(decision, AuthDecision::Wait { .. }) {
                let is_late = self.waiting.is_late(&waiter, now.monotonic_ns());
                if keeps_place && !is_late && self.verifier.calls.can_hold(context) {
                    self.waiting.put_back(waiter);
                    continue;
                }
                if !keeps_place {
                    self.metrics.count(host, "waiting_overflow_total", &[]);
                }
                // Out of time in the queue is no outage of the issuer: what a call has come to is said by the call.
                let is_queued = !keeps_place || (is_late && waits_for_issuer(&decision));
                decision = undecided(&decision, is_queued.then_some(Reason::WaitingFull));
            }
            self.verifier.stop_waiting(context);
            self.metrics.shift(host, "waiting_requests", &[], -1);
            let request = &waiter.request.request;
            let (response, action) = enforcer.end(host, request, &decision);
            if response != ResponseHeaders::default() {
                self.responses.insert(context, response);
            }
            decision.drop_parsed_identities();
            if action == Action::Continue && waiter.resume(host).is_err() {
                host.log(
                    LogLevel::Warn,
                    "jwt-auth: a waiting request could not be resumed",
                );
            }
        }
        self.waiting.end_turns(host, TICK_PERIOD);
    }
}

/// Whether a request waits for what an issuer says of its token, which clients can make up.
const fn waits_for_issuer(decision: &AuthDecision<'_>) -> bool {
    matches!(
        decision,
        AuthDecision::Wait {
            reason: Reason::IntrospectionUnavailable,
            ..
        }
    )
}

/// When and where a call is started for a request.
fn occasion(stream: ContextId, now: &Moment<'_>) -> Occasion {
    Occasion {
        stream: Some(stream),
        now_ns: now.monotonic_ns(),
    }
}

/// How often due fetches and the other workers' keys are looked for.
const TICK_PERIOD: Duration = Duration::from_millis(100);
