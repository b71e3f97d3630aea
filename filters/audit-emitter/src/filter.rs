//! The filter: one record for each request, delivered in batches.

mod configs;

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use audit::Hash;
use host::{
    Action, CallToken, Capabilities, ContextId, Direction, Filter, Host, HostKind, LogLevel,
    Moment, ResponseSizes, Startup, Stream,
};
use policy::config::Problems;

use crate::config::{Assurance, Config, Level, OnFull, Sink};
use crate::handover::Handover;
use crate::holding::{Held, Holding, QUEUE_FULL};
use crate::host_log;
use crate::observe::{Observer, Start, observe_end};
use crate::random::Random;
use crate::secrets::Secrets;
use crate::succession::Succession;
use crate::telemetry::Telemetry;
use crate::trail::Trail;
use configs::Configs;

/// The filter in one VM.
pub struct AuditEmitter {
    /// Which rules a request falls under.
    configs: Configs,
    /// What is read of a request.
    observer: Observer,
    /// The chains of records, and where they go.
    trail: Trail,
    /// What comes from instances before this one, and goes to those after it.
    succession: Succession,
    /// Requests that wait for their record.
    holding: Holding,
    /// The host calls again by itself; without that, requests are the only occasion.
    has_ticks: bool,
}

impl Filter for AuditEmitter {
    const NAME: &'static str = policy::filters::AUDIT_EMITTER;
    type Stream = AuditedStream;

    fn configure(startup: &Startup<'_>) -> Result<Self, Problems> {
        let mut config: Config = startup.read(Self::NAME)?;
        let (host, capabilities) = (startup.host, startup.capabilities);
        let secrets = Secrets::read(host, &config)?;
        // Other hosts put no names of the configuration into their log, and do not all survive the question.
        if let Some(name) = (capabilities.kind() == HostKind::Envoy)
            .then(|| host_log::confusing_name(host))
            .flatten()
        {
            return Err(Problems::whole(format!(
                "{name} of this filter has {:?} in it, which marks audit records in the log",
                audit::log_line::MARK
            )));
        }
        let random = Random::new(host).map_err(|status| {
            Problems::whole(format!(
                "the host has no random source, without which records cannot be told apart: {status}"
            ))
        })?;
        let has_ticks = start_ticking(host, capabilities, &mut config)?;
        if config.names_people_in_bodies() && !capabilities.shares_properties() {
            host.log(
                LogLevel::Warn,
                "audit-emitter: this host passes nothing from filter to filter: of people in bodies the \
                 records say only that they are incomplete, unless all filters are one module",
            );
        }
        let config = Rc::new(config);
        let telemetry = Rc::new(Telemetry::new(Self::NAME));
        let trail = Trail::new(
            startup,
            Rc::clone(&config),
            secrets,
            random,
            has_ticks,
            Rc::clone(&telemetry),
        );
        // Only a host that holds requests has data that outlives an instance.
        let handover = trail.holds_requests().then(|| {
            let config_sha256 = Hash::configuration(startup.of_plugin);
            Handover::new(trail.emitter().to_owned(), config_sha256)
        });
        Ok(Self {
            configs: Configs::new(startup, Rc::clone(&config))?,
            succession: Succession::new(handover, Rc::clone(&telemetry)),
            holding: Holding::new(
                *capabilities,
                trail.timeout(),
                config.on_error,
                Rc::clone(&telemetry),
            ),
            observer: Observer::new(capabilities, config, telemetry),
            trail,
            has_ticks,
        })
    }

    fn stream(&mut self, context: ContextId) -> AuditedStream {
        AuditedStream {
            context,
            start: None,
            config: None,
        }
    }

    fn on_tick(&mut self, host: &dyn Host) {
        let now = &Moment::of(host);
        self.succession.tick(host, now, &mut self.trail);
        self.trail.tick(host, now);
        self.holding.tick(host, now.monotonic_ns());
        self.trail.report(host, now);
    }

    fn on_http_call_response(&mut self, host: &dyn Host, token: CallToken, sizes: ResponseSizes) {
        let now = &Moment::of(host);
        if let Some(outcome) = self.trail.settle(host, now, token, sizes) {
            self.holding.settle(host, &outcome);
            self.trail.send_if_due(host, now);
        }
    }

    fn on_done(&mut self, host: &dyn Host) -> bool {
        self.succession
            .end(host, &Moment::of(host), &mut self.trail);
        true
    }
}

/// The stream of one request, which becomes one record.
pub struct AuditedStream {
    context: ContextId,
    start: Option<Start>,
    /// What is said for the route of the request, once it is known.
    config: Option<Rc<Config>>,
}

impl Stream<AuditEmitter> for AuditedStream {
    fn on_request_headers(
        &mut self,
        filter: &mut AuditEmitter,
        host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        let now = &Moment::of(host);
        let start = self.start.insert(filter.observer.capture(host, now));
        let Some(config) = filter.configs.choose(host, &start.request) else {
            return Action::Pause;
        };
        let config = self.config.insert(config);
        // Where one stays, jwt-auth refuses the request.
        let _ = start.request.strip_overrides(host, config.strictest_mode());
        filter.admit(host, now, self.context, config, start)
    }

    fn on_response_headers(
        &mut self,
        filter: &mut AuditEmitter,
        host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        filter.observer.capture_response(host, self.start.as_mut());
        Action::Continue
    }

    fn on_log(&mut self, filter: &mut AuditEmitter, host: &dyn Host) {
        let plugin = filter.configs.plugin();
        let config = Rc::clone(self.config.as_ref().unwrap_or(plugin));
        // No configuration was chosen, and so the request was refused. Not every host keeps decisions.
        let is_refused = self.start.is_some() && self.config.is_none();
        filter.record(host, &config, self.start.as_ref(), is_refused);
    }

    fn on_done(&mut self, filter: &mut AuditEmitter, _host: &dyn Host) {
        filter.holding.leave(self.context);
    }
}

impl AuditEmitter {
    /// Lets a request on, refuses it because there is no room for its record, or writes down that it
    /// was received and holds it until that is acknowledged: whatever its rule wants.
    fn admit(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        context: ContextId,
        config: &Config,
        start: &Start,
    ) -> Action {
        let early = self.observer.unverified(start);
        let rule = || config.rule_for(&early.facts(host, Direction::Request));
        if config.on_full == OnFull::Reject && self.trail.queue().is_nearly_full() {
            let action = self.holding.refuse_unrecordable(host, &rule(), &early);
            if action == Action::Pause {
                return action;
            }
        }
        if !config.is_synchronous() {
            return Action::Continue;
        }
        let rule = &*rule();
        if rule.assurance != Assurance::Synchronous || rule.level == Level::None {
            return Action::Continue;
        }
        let observed = self.observer.received(host, start, rule);
        self.succession.join(host, now, &mut self.trail);
        let written = self
            .trail
            .append(host, now, &observed, rule, rule.level, Some(context));
        if !self.trail.holds_requests() {
            // It is in the log already.
            return Action::Continue;
        }
        let held = Held::of(host, rule, &start.request);
        if !written || !self.trail.queue().holds_for(context) {
            // It was lost, or is in the proxy's log: nobody will acknowledge it.
            return match self.holding.refuse_or_continue(host, &held, QUEUE_FULL) {
                true => Action::Continue,
                false => Action::Pause,
            };
        }
        let enforces = held.enforces;
        self.holding.hold(context, now.monotonic_ns(), held);
        self.trail.send(host, now);
        match enforces && self.holding.holds(context) {
            true => Action::Pause,
            false => Action::Continue,
        }
    }

    /// The request is complete: writes it down.
    fn record(
        &mut self,
        host: &dyn Host,
        config: &Config,
        start: Option<&Start>,
        is_refused: bool,
    ) {
        let now = &Moment::of(host);
        let rule = match start {
            Some(start) => config.rule_for(&start.request.facts(host, Direction::Request)),
            None => Cow::Borrowed(&config.default_rule),
        };
        let rule = &*rule;
        let mut observed = self.observer.decided(host, start);
        // A refusal is always worth a record: who probes a gateway starts where nobody looks.
        let level = if is_refused || observed.was_stopped() {
            rule.level.max(Level::Metadata)
        } else {
            rule.level
        };
        if level == Level::None {
            return;
        }
        observe_end(host, start, &mut observed);
        if !rule.sample.is_all() && !observed.failed() && !self.trail.samples(host, rule) {
            return;
        }
        self.observer
            .complete(host, now, start, (rule, level), &mut observed);
        self.succession.join(host, now, &mut self.trail);
        self.trail.append(host, now, &observed, rule, level, None);
        if !self.has_ticks {
            self.trail.tick(host, now);
        }
    }
}

/// Asks for a tick. A host that has none, or cannot send from one, writes to its log.
fn start_ticking(
    host: &dyn Host,
    capabilities: &Capabilities,
    config: &mut Config,
) -> Result<bool, Problems> {
    if !capabilities.ticks() || !capabilities.calls_http_from_tick() {
        if !config.sink.is_host_log() {
            host.log(
                LogLevel::Warn,
                "audit-emitter: this host has no tick and cannot send in batches: records go to \
                 its log",
            );
            config.sink = Sink::HostLog;
        }
        return Ok(false);
    }
    host.set_tick_period(TICK_PERIOD).map_err(|status| {
        Problems::whole(format!(
            "the host refuses a tick, which sending needs: {status}"
        ))
    })?;
    Ok(true)
}

/// How often it looks at what is due: batches, checkpoints, what others have left, requests that wait.
pub(crate) const TICK_PERIOD: Duration = Duration::from_millis(100);
