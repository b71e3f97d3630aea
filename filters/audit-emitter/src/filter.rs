//! The filter: one record for each request, delivered in batches.
//!
//! Records are sent from the tick, and for a request that waits for its record also at once. What a
//! stream sends in its log phase gets no response, and what a plugin sends at its end is lost or
//! worse; at the end, records go to the instance that comes after, or to the proxy's log.

mod ending;
mod holding;
mod recording;
mod sending;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use audit::Hash;
use audit::keys::SigningKey;
use host::exchange::IdentitySource;
use host::route_config::{Choice, RouteConfigs};
use host::waiting::{CallId, Calls};
use host::{
    Action, CallToken, Capabilities, ContextId, FactSources, Filter, Host, HostKind, LogLevel,
    Moment, Request, ResponseSizes, Startup, Stream,
};
use policy::config::{Problem, Problems};
use policy::secret::{Secret, SecretKind};

use crate::chains::Origin;
use crate::config::{Config, HttpSink, Keep, OnFull, Sink, Witness};
use crate::handover::Handover;
use crate::holding::Holding;
use crate::host_log::{self, HostLog};
use crate::observe::Start;
use crate::outbox::{Delivery, Outbox};
use crate::pseudonym::Pseudonymizer;
use crate::random::Random;
use crate::recorder::Recorder;
use crate::telemetry::Telemetry;
use crate::witness::WitnessQueue;

/// The filter in one VM.
pub struct AuditEmitter {
    config: Rc<Config>,
    /// Where routes differ.
    routes: Option<RouteConfigs<Config>>,
    /// For how long each class is kept, as far as any route has said.
    classes: RefCell<BTreeMap<String, Keep>>,
    /// What can be believed of a request that no filter has seen yet: nothing that it says about
    /// who sends it.
    early_sources: Rc<FactSources>,
    /// The hash of the `consent` block.
    consent_policy: Option<String>,
    abilities: Abilities,
    recorder: Recorder,
    outbox: Outbox,
    host_log: HostLog,
    witness: Option<WitnessQueue>,
    holding: Holding,
    /// Batches on their way.
    calls: Calls<Delivery>,
    handover: Option<Handover>,
    telemetry: Telemetry,
    ticks_seen: u64,
}

/// What the host can do.
#[derive(Clone, Copy, Debug)]
struct Abilities {
    /// It calls again by itself; without that, requests are the only occasion.
    ticks: bool,
    /// It lets a request go on whenever its record is acknowledged.
    holds: bool,
    /// It passes nothing from filter to filter.
    is_isolated: bool,
    /// It has forgotten the response when the request ends.
    forgets_responses: bool,
}

impl Filter for AuditEmitter {
    const NAME: &'static str = "audit-emitter";
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
        let log_key = secrets.signing_key.as_ref().map(SigningKey::log_key);
        let random = Random::new(host).map_err(|status| {
            Problems::whole(format!(
                "the host has no random source, without which records cannot be told apart: {status}"
            ))
        });
        let mut random = random?;
        let ticks = start_ticking(host, capabilities, &mut config)?;
        let holds = capabilities.kind() == HostKind::Envoy && config.sink != Sink::HostLog;
        if config.is_synchronous() && config.sink != Sink::HostLog && !holds {
            host.log(
                LogLevel::Warn,
                "audit-emitter: this host cannot hold a request until a batch is acknowledged: what \
                 is synchronous goes to its log first",
            );
        }
        if config.names_people_in_bodies() && !capabilities.shares_properties() {
            host.log(
                LogLevel::Warn,
                "audit-emitter: this host passes nothing from filter to filter: of people in bodies the \
                 records say only that they are incomplete, unless all filters are one module",
            );
        }
        let config_sha256 = Hash::plain(startup.configuration.as_bytes());
        let emitter: [u8; 12] = random.bytes(host);
        let emitter = policy::hex::encode(&emitter);
        let hands_over = capabilities.kind() == HostKind::Envoy && config.sink != Sink::HostLog;
        let handover = hands_over.then(|| Handover::new(emitter.clone(), config_sha256));
        let origin = Origin {
            emitter,
            node: node_id(host),
            config_sha256,
            previous_config_sha256: None,
            heartbeat_ms: milliseconds(config.chain.heartbeat),
            key: secrets.signing_key,
        };
        if origin.key.is_none() {
            host.log(
                LogLevel::Warn,
                "audit-emitter: chain.signing_key_env is not set: records are chained but not \
                 signed, so whoever can write to the store can write another history",
            );
        }
        let witness = match &config.chain.witness {
            Some(Witness::Http(sink)) if config.sink != Sink::HostLog => {
                Some(WitnessQueue::new(sink.clone(), secrets.witness_headers))
            }
            _ => None,
        };
        let outbox = Outbox::new(&config, secrets.sink_headers);
        let classes = RefCell::default();
        agree_on_retention(&classes, &config)?;
        let routes = RouteConfigs::new(
            startup,
            Self::NAME,
            &Config::ROUTE_PART,
            &config.routes,
            &|startup| config_of_route(startup, &classes),
        )?;
        Ok(Self {
            early_sources: Rc::new(FactSources {
                identity: IdentitySource::Property,
                ..FactSources::clone(&config.sources)
            }),
            consent_policy: config
                .sources
                .consent
                .text()
                .map(|text| Hash::plain(text.as_bytes()).to_string()),
            abilities: Abilities {
                ticks,
                holds,
                is_isolated: !capabilities.shares_properties(),
                forgets_responses: !capabilities.has_log_phase(),
            },
            recorder: Recorder::new(
                origin,
                random,
                secrets.subject,
                config.fields.clone(),
                config.max_record_bytes,
            ),
            host_log: HostLog::new(capabilities, log_key),
            witness,
            holding: Holding::new(*capabilities, outbox.timeout(), config.on_error),
            calls: Calls::new(*capabilities, MAX_CALLS),
            outbox,
            handover,
            telemetry: Telemetry::new(Self::NAME, ticks),
            ticks_seen: 0,
            config: Rc::new(config),
            routes,
            classes,
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
        self.ticks_seen = self.ticks_seen.wrapping_add(1);
        if self.ticks_seen % TICKS_BETWEEN_LOOKS == 1 {
            self.adopt_handovers(host, now);
        }
        if self.config.sink == Sink::HostLog {
            self.emit_due_checkpoints(host, now, HOST_LOG_CHECKPOINTS);
        } else {
            self.send_if_due(host, now);
            self.holding
                .give_up_late(host, &self.telemetry, now.monotonic_ns());
        }
        self.telemetry.report(host, now, self.outbox.queue());
    }

    fn on_http_call_response(&mut self, host: &dyn Host, token: CallToken, sizes: ResponseSizes) {
        if let Some(call) = self.calls.end(CallId::Http(token)) {
            self.on_response(host, &Moment::of(host), &call, sizes);
        }
    }

    fn on_done(&mut self, host: &dyn Host) -> bool {
        self.end(host);
        true
    }
}

/// The stream of one request, which becomes one record.
pub struct AuditedStream {
    context: ContextId,
    start: Option<Start>,
    /// What the route of the request says, if not what the plugin says.
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
        let sources = &filter.config.sources;
        let start = self.start.insert(Start::capture(host, now, sources));
        // Where one stays, jwt-auth refuses the request.
        let _ = start
            .request
            .strip_overrides(host, filter.config.strictest_mode());
        match filter.choose_config(host, &start.request) {
            Choice::Plugin => {}
            Choice::Route(config) => self.config = Some(config),
            Choice::Refused => return Action::Pause,
        }
        let config = self.config.as_ref().unwrap_or(&filter.config);
        let config = Rc::clone(config);
        // Who sends the request is known when the record is made, not now.
        let early = start.request.under(&filter.early_sources);
        if config.on_full == OnFull::Reject && filter.outbox.queue().is_nearly_full() {
            let action = filter.refuse_unrecordable(host, &config, &early);
            if action == Action::Pause {
                return action;
            }
        }
        if config.is_synchronous() {
            return filter.hold(host, now, self.context, &config, start, &early);
        }
        Action::Continue
    }

    fn on_response_headers(
        &mut self,
        filter: &mut AuditEmitter,
        host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        if let Some(start) = self
            .start
            .as_mut()
            .filter(|_| filter.abilities.forgets_responses)
        {
            start.capture_response(host, &filter.config.sources);
        }
        Action::Continue
    }

    fn on_log(&mut self, filter: &mut AuditEmitter, host: &dyn Host) {
        let config = self.config.as_ref().unwrap_or(&filter.config);
        filter.record_request(host, &Rc::clone(config), self.start.as_ref());
    }

    fn on_done(&mut self, filter: &mut AuditEmitter, _host: &dyn Host) {
        filter.holding.leave(self.context);
    }
}

impl AuditEmitter {
    fn choose_config(&self, host: &dyn Host, request: &Request) -> Choice<Config> {
        match &self.routes {
            None => Choice::Plugin,
            Some(routes) => routes.choose(host, request, self.config.mode, &|startup| {
                config_of_route(startup, &self.classes)
            }),
        }
    }
}

fn config_of_route(
    startup: &Startup<'_>,
    classes: &RefCell<BTreeMap<String, Keep>>,
) -> Result<Config, Problems> {
    let config = startup.read::<Config>(AuditEmitter::NAME)?;
    agree_on_retention(classes, &config)?;
    Ok(config)
}

/// A class is one chain, whichever route its records are about, so all must keep it equally long.
fn agree_on_retention(
    classes: &RefCell<BTreeMap<String, Keep>>,
    config: &Config,
) -> Result<(), Problems> {
    let mut known = classes.borrow_mut();
    let retentions = config.retentions().collect::<Vec<_>>();
    let other = retentions
        .iter()
        .find(|own| known.get(&own.class).is_some_and(|keep| *keep != own.keep));
    if let Some(retention) = other {
        let message = format!(
            "the class {:?} is kept for another time elsewhere: its records are one chain, which \
             is purged as a whole. Give each time a class of its own, or both the same \"keep\"",
            retention.class
        );
        return Err(Problem::new("retention", message).into());
    }
    for retention in retentions {
        known.insert(retention.class.clone(), retention.keep);
    }
    Ok(())
}

/// What the environment holds.
struct Secrets {
    subject: Option<Pseudonymizer>,
    signing_key: Option<SigningKey>,
    sink_headers: Vec<(String, String)>,
    witness_headers: Vec<(String, String)>,
}

impl Secrets {
    /// # Errors
    /// All that is missing or weak.
    fn read(host: &dyn Host, config: &Config) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let subject = config.subject.as_ref().and_then(|subject| {
            let key = host.environment_variable(&subject.key_env);
            let read = Pseudonymizer::from_environment(subject, key);
            read.map_err(|problem| problems.push(problem)).ok()
        });
        let signing_key = config.chain.signing_key_env.as_ref().and_then(|variable| {
            let value = host.environment_variable(variable);
            let read = Secret::from_environment(variable, value, SecretKind::Issued)
                .map_err(|error| error.to_string())
                .and_then(|text| {
                    SigningKey::from_text(config.chain.key_id.as_deref(), text.expose_text())
                        .map_err(|error| format!("the environment variable {variable:?}: {error}"))
                });
            read.map_err(|message| problems.push(Problem::new("chain.signing_key_env", message)))
                .ok()
        });
        let mut headers = |place: &str, sink: Option<&HttpSink>| {
            let mut headers = Vec::new();
            for (name, variable) in sink.map_or(&[][..], |sink| sink.headers_env.as_slice()) {
                let value = host.environment_variable(variable);
                match Secret::from_environment(variable, value, SecretKind::Issued) {
                    Ok(value) => headers.push((name.clone(), value.expose_text().to_owned())),
                    Err(error) => {
                        let path = format!("{place}.headers_env.{name}");
                        problems.push(Problem::new(path, error.to_string()));
                    }
                }
            }
            headers
        };
        let sink_headers = headers("sink", http(&config.sink));
        let witness_headers = headers(
            "chain.witness",
            match &config.chain.witness {
                Some(Witness::Http(sink)) => Some(sink),
                _ => None,
            },
        );
        if problems.is_empty() {
            Ok(Self {
                subject,
                signing_key,
                sink_headers,
                witness_headers,
            })
        } else {
            Err(Problems::from_list(problems))
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
        if config.sink != Sink::HostLog {
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

fn node_id(host: &dyn Host) -> Option<String> {
    let id = host.property(&["xds", "node", "id"]).ok()?;
    let id = String::from_utf8(id).ok().filter(|id| !id.is_empty())?;
    Some(id.chars().take(255).collect())
}

const fn http(sink: &Sink) -> Option<&HttpSink> {
    match sink {
        Sink::Http(sink) => Some(sink),
        Sink::HostLog => None,
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

const NS_PER_MS: u64 = 1_000_000;
const TICK_PERIOD: Duration = Duration::from_millis(100);
/// Shared data is looked at once a second.
const TICKS_BETWEEN_LOOKS: u64 = 10;
/// In a log there are no batches to be covered by one each.
const HOST_LOG_CHECKPOINTS: Duration = Duration::from_secs(10);
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// Batches and the witness; the queue makes fewer.
const MAX_CALLS: usize = 16;
