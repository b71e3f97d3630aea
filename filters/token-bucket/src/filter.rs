//! The filter: every limit that matches a request counts it, and all must let it pass.

mod active_limit;
mod decide;
mod matching_limits;
mod service_response;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use host::route_config::{Choice, PolicyOfRoute, RouteConfigs};
use host::waiting::{CallId, Calls, WaitingRequests};
use host::{
    Action, CallToken, ContextId, Counter, Filter, HeaderMap, Host, LogLevel, Metrics, Request,
    ResponseSizes, Startup, Stream, Throttle, exchange, header_text, headers, refuse, shared_data,
};
use policy::config::Problems;
use policy::decision::Decision;
use policy::http;
use policy::refusal::Refusal;

use crate::bypass::{PassHeader, bypasses};
use crate::config::{Config, HeaderStyle, Scope};
use crate::host_limits;
use crate::ratelimit_headers::{HeaderFields, LimitState, ietf_10, merged, x_ratelimit};
use crate::rls::client::{Failure, MAX_CALLS, RateLimitQuery, grpc_response, http_response};
use crate::storage::{SharedStorage, Storage, WorkerStorage};
use crate::table::Table;

use active_limit::{ActiveLimit, LimitSet, Shared};
use decide::Refused;
use service_response::LimitedRequest;

/// The filter in one VM.
pub struct TokenBucket {
    /// The configuration without its limits.
    config: Rc<Config>,
    /// The limits in force for the request at hand: each callback that is about one sets them.
    limits: Rc<LimitSet>,
    /// The limits where no route has its own.
    plugin_limits: Rc<LimitSet>,
    /// The limits of routes that have their own.
    routes: Option<RouteConfigs<LimitSet>>,
    /// Tells the storage of this plugin from that of others.
    plugin: String,
    seed: [u8; 16],
    /// What the plugin is called, where that tells it from others.
    instance: Option<String>,
    /// The host has a tick, at which what is only noted gets counted.
    counts_later: bool,
    /// Where the host shares no data.
    own_storage: Option<WorkerStorage>,
    pass_headers: Vec<PassHeader>,
    /// Calls to rate limit services under way.
    calls: Calls<Query>,
    /// Requests that wait for a service.
    waiting: WaitingRequests<LimitedRequest>,
    bypassed: Counter,
    metrics: Metrics,
    throttle: Throttle,
}

impl Filter for TokenBucket {
    const NAME: &'static str = "token-bucket";
    type Stream = LimitedStream;

    fn configure(startup: &Startup<'_>) -> Result<Self, Problems> {
        let (host, capabilities) = (startup.host, startup.capabilities);
        let config: Config = startup.read(Self::NAME)?;
        let pass_headers = PassHeader::all(host, &config.bypass.headers)?;
        host_limits::check(&config, capabilities)?;
        let metrics = Metrics::new(Self::NAME);
        let counts_here =
            config.limits.iter().any(|limit| limit.windows.is_some()) || config.routes.is_used();
        let seed_key = format!("{}meshward/token-bucket/seed", config.table.zone);
        let shares = counts_here && capabilities.shares_data();
        let (seed, shared) = shared_data::seed(host, &seed_key, shares)?;
        let own_storage = (!shared).then(WorkerStorage::default);
        if counts_here && !shared {
            unshared(host, &config, &metrics)?;
        }
        let text = |name: &str| {
            let value = host.property(&[name]).unwrap_or_default();
            policy::text::lossy(&value).into_owned()
        };
        let (name, root_id) = (text("plugin_name"), text("plugin_root_id"));
        let instance = instance_name(&name, &root_id);
        // Two instances of the filter that happen to have a limit of one name count apart.
        let plugin = if root_id.is_empty() {
            name
        } else {
            // Neither has a zero byte, so no other two names are joined to the same.
            format!("{name}\0{root_id}")
        };
        let shared = Shared {
            plugin: &plugin,
            instance: instance.as_deref(),
            seed,
            own_storage: own_storage.as_ref(),
        };
        let routes = RouteConfigs::new(
            startup,
            Self::NAME,
            &Config::ROUTE_PART,
            &config.routes,
            &|startup| LimitSet::of_route(startup, &shared),
        )?;
        let limits = Rc::new(LimitSet::new(host, &config, &shared)?);
        // What happens with nearly every request is counted once a second.
        let counts_later = capabilities.ticks() && host.set_tick_period(TICK_PERIOD).is_ok();
        let labels: Vec<_> = instance
            .iter()
            .map(|name| ("instance", name.as_str()))
            .collect();
        Ok(Self {
            counts_later,
            bypassed: Counter::new(Self::NAME, "bypassed_total", &labels),
            plugin_limits: Rc::clone(&limits),
            limits,
            routes,
            plugin,
            seed,
            config: Rc::new(config),
            instance,
            own_storage,
            pass_headers,
            calls: Calls::new(*capabilities, MAX_CALLS),
            // A request waits no longer than the calls that it depends on.
            waiting: WaitingRequests::new(*capabilities, MAX_CALLS, Duration::MAX),
            metrics,
            throttle: Throttle::default(),
        })
    }

    fn stream(&mut self, context: ContextId) -> LimitedStream {
        LimitedStream {
            context,
            response: Rc::default(),
        }
    }

    fn on_tick(&mut self, host: &dyn Host) {
        if self.calls.is_empty() {
            return;
        }
        for call in self.calls.take_overdue(host.monotonic_ns()) {
            self.on_service_response(host, &call, Err(Failure::Timeout));
        }
    }

    fn flush(&mut self, host: &dyn Host) {
        self.plugin_limits.flush(host);
        if let Some(routes) = &self.routes {
            routes.for_each(|limits| limits.flush(host));
        }
    }

    fn on_http_call_response(&mut self, host: &dyn Host, token: CallToken, sizes: ResponseSizes) {
        if let Some(call) = self.calls.end(CallId::Http(token)) {
            let result = http_response(&call, host, sizes, host.monotonic_ns());
            self.on_service_response(host, &call, result);
        }
    }

    fn on_grpc_receive(&mut self, host: &dyn Host, token: CallToken, result: Result<usize, u32>) {
        if let Some(call) = self.calls.end(CallId::Grpc(token)) {
            let result = grpc_response(&call, host, result, host.monotonic_ns());
            self.on_service_response(host, &call, result);
        }
    }
}

/// A question to a service, with the limits that it is about.
type Query = RateLimitQuery<Rc<LimitSet>>;

/// The stream of one request that limits may apply to.
pub struct LimitedStream {
    context: ContextId,
    response: Rc<RefCell<ResponseHeaders>>,
}

/// What the response will say.
#[derive(Debug, Default)]
struct ResponseHeaders {
    /// Where the client stands in each limit.
    fields: HeaderFields,
    /// What a service wants the response to have.
    from_service: Vec<(String, Vec<u8>)>,
}

impl Stream<TokenBucket> for LimitedStream {
    fn on_request_headers(
        &mut self,
        filter: &mut TokenBucket,
        host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        let request = Request::new(&filter.config.sources);
        if !filter.choose_limits(host, &request) {
            return Action::Pause;
        }
        // Where one stays, jwt-auth refuses the request.
        let _ = request.strip_overrides(host, filter.limits.strictest_mode());
        let passes = bypasses(&filter.config, &filter.pass_headers, host, &request);
        for header in &filter.pass_headers {
            // A secret goes no further, in report mode either.
            if request.may_have_header(host, header.name())
                && headers::hide(host, header.name()).is_err()
                && filter.config.mode.enforces()
            {
                return filter.refuse_kept_secret(host, &request);
            }
        }
        if passes {
            filter.bypassed.count(host);
            return Action::Continue;
        }
        filter.on_request(host, &request, self.context, &self.response)
    }

    fn on_request_trailers(&mut self, filter: &mut TokenBucket, host: &dyn Host) -> Action {
        headers::strip_trailers(host, |name| {
            let mut secrets = filter.pass_headers.iter();
            secrets.any(|header| http::folds_alike(name, header.name().as_bytes()))
        })
    }

    fn on_response_headers(
        &mut self,
        _filter: &mut TokenBucket,
        host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        let map = HeaderMap::ResponseHeaders;
        let response = self.response.take();
        let set = |name: &str, value: &[u8]| {
            let _ = host.set_header(map, name, value);
        };
        let there = |name: &'static str| header_text(host, map, name);
        let (limits, others): (Vec<_>, Vec<_>) = response
            .from_service
            .into_iter()
            .partition(|(name, _)| LIMIT_HEADERS.contains(&name.as_str()));
        for (name, value) in others {
            let _ = host.add_header(map, &name, &value);
        }
        let of_service = LIMIT_HEADERS.iter().filter_map(|name| {
            let (_, value) = limits.iter().find(|(known, _)| known == name)?;
            Some((*name, policy::text::lossy(value).into_owned()))
        });
        for (name, value) in merged(of_service.collect(), there) {
            set(name, value.as_bytes());
        }
        for (name, value) in merged(response.fields, there) {
            set(name, value.as_bytes());
        }
        Action::Continue
    }

    fn on_done(&mut self, filter: &mut TokenBucket, host: &dyn Host) {
        filter.abandon(host, self.context);
    }
}

impl TokenBucket {
    /// Puts the limits in force that count where the request goes. `false` when it has been refused.
    fn choose_limits(&mut self, host: &dyn Host, request: &Request) -> bool {
        let choice = match &self.routes {
            None => Choice::Plugin,
            Some(routes) => {
                let plugin = (self.plugin_limits.as_ref(), self.config.mode);
                routes.choose(host, request, plugin, &|startup| {
                    LimitSet::of_route(startup, &self.shared())
                })
            }
        };
        let limits = choice.or_plugin(&self.plugin_limits);
        limits.map(|limits| self.limits = limits).is_some()
    }

    fn shared(&self) -> Shared<'_> {
        Shared {
            plugin: &self.plugin,
            instance: self.instance.as_deref(),
            seed: self.seed,
            own_storage: self.own_storage.as_ref(),
        }
    }

    /// The headers of the configured style.
    fn fields(&self, states: &[LimitState]) -> HeaderFields {
        match self.config.headers {
            HeaderStyle::XRateLimit => x_ratelimit(states),
            HeaderStyle::Ietf10 => ietf_10(states),
            HeaderStyle::None => Vec::new(),
        }
    }

    /// Tells the filters after this one that the request is within its limits. What the response
    /// will say of them.
    fn allow(&self, host: &dyn Host, states: &[LimitState]) -> HeaderFields {
        let fields = self.fields(states);
        exchange::note_within_limits(host, &fields);
        fields
    }

    /// The limit at a place of the configuration, with the place.
    fn at(&self, place: usize) -> Option<(usize, &ActiveLimit)> {
        Some((place, self.limits.get(place)?))
    }

    fn storage<'s>(&'s self, shared: &'s SharedStorage<'s>) -> &'s dyn Storage {
        match &self.own_storage {
            Some(own) => own,
            None => shared,
        }
    }

    /// A secret that the upstream would see, such as one of two on a host that hides only one.
    fn refuse_kept_secret(&self, host: &dyn Host, request: &Request) -> Action {
        let refusal = Refusal::new(
            400,
            "bypass_header_kept",
            "A header of the request cannot be kept from the service behind the gateway.",
        );
        let id = request.request_id(host);
        self.throttle.log(host, LogLevel::Info, || {
            let id = id.unwrap_or("-");
            format!("token-bucket: refused request {id}: {}", refusal.code)
        });
        refuse::send(host, &refusal, Self::NAME, id, request.is_grpc(host));
        Action::Pause
    }

    /// Responds to the effective stream in place of the upstream.
    fn send(&self, host: &dyn Host, refused: &Refused, id: Option<&str>, is_grpc: bool) {
        let rule = match self.limits.get(refused.limit) {
            Some(limit) => limit.rule.as_str(),
            None => "-",
        };
        let reason = refused.reason.as_str();
        let decision = Decision::new(Self::NAME, refused.reason.outcome())
            .rule(rule)
            .reason(reason);
        exchange::append_decision(host, decision);
        self.throttle.log(host, LogLevel::Info, || {
            format!(
                "token-bucket: refused request {} by limit {rule}: {reason}",
                id.unwrap_or("-")
            )
        });
        refuse::send(host, &refused.refusal, Self::NAME, id, is_grpc);
    }
}

/// What tells an instance of the filter from others in metrics and decisions: the name that the
/// user has given it, if it is not the name of the filter.
fn instance_name(name: &str, root_id: &str) -> Option<String> {
    let given = |text: &&str| {
        // Some control planes put a name space in front: `istio-system.token-bucket`.
        let bare = text.rsplit(['.', '/']).next().unwrap_or(text);
        !bare.is_empty() && bare != <TokenBucket as Filter>::NAME
    };
    let parts: Vec<&str> = [name, root_id].into_iter().filter(given).collect();
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Says that each worker counts alone, or refuses to where that was ruled out.
fn unshared(host: &dyn Host, config: &Config, metrics: &Metrics) -> Result<(), Problems> {
    if config.scope == Scope::Process {
        return Err(Problems::whole(
            r#"this host shares no data among workers, so "scope": "process" cannot be kept"#,
        ));
    }
    host.log(
        LogLevel::Warn,
        "token-bucket: this host shares no data: each worker counts alone, so clients get up to \
         the limit times the number of workers",
    );
    metrics.count(host, "unshared_total", &[]);
    Ok(())
}

/// When the first worker had this limit.
fn start_time(
    host: &dyn Host,
    own_storage: Option<&WorkerStorage>,
    table: &Table,
) -> Result<u64, Problems> {
    let now_ns = host.monotonic_ns();
    if own_storage.is_some() {
        return Ok(now_ns);
    }
    let key = table.side_key("start");
    let value = shared_data::insert_if_absent(host, &key, &now_ns.to_le_bytes())
        .map_err(|status| Problems::whole(format!("shared data does not work: {status}")))?;
    // What cannot be read is as good as now: that only admits less.
    Ok(<[u8; 8]>::try_from(value.bytes).map_or(now_ns, u64::from_le_bytes))
}

/// The headers that say where a client stands; a service may send these as well.
const LIMIT_HEADERS: [&str; 5] = [
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "ratelimit-policy",
    "ratelimit",
];

const TICK_PERIOD: Duration = Duration::from_secs(1);
