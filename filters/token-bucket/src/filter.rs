//! The filter: every limit that matches a request counts it, and all must let it pass.

mod answers;
mod charges;
mod local;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use host::{
    Action, AnswerSizes, CallToken, Capabilities, ContextId, Counter, Filter, HeaderMap, Host,
    LogLevel, Metrics, Status, Stream, Throttle, exchange, header_text, plugin_configuration,
    refuse, shared_data,
};
use policy::config::Problems;
use policy::decision::{Decision, Outcome};
use policy::refusal::Refusal;

use crate::bypass::{PassHeader, bypasses};
use crate::config::{Config, HeaderStyle, Scope, Start, Transport};
use crate::counters::LimitCounters;
use crate::fleet::{CallId, Calls};
use crate::key::KeyPart;
use crate::lazy::LazyRequest;
use crate::standing::{HeaderFields, Standing, ietf_10, merged, x_ratelimit};
use crate::storage::{SharedStorage, Storage, WorkerStorage};
use crate::table::{Table, TableSettings};

use answers::Waiting;

/// The filter in one VM.
pub struct TokenBucket {
    config: Rc<Config>,
    /// One for each limit, in the same order; `None` for one that a service counts alone.
    tables: Vec<Option<Table>>,
    /// One for each limit.
    counters: Vec<LimitCounters>,
    /// The host has a tick, at which what is only noted gets counted.
    counts_later: bool,
    /// Where the host shares no data.
    own_storage: Option<WorkerStorage>,
    pass_headers: Vec<PassHeader>,
    calls: Calls,
    /// Requests that wait for a service.
    waiting: BTreeMap<ContextId, Waiting>,
    bypassed: Counter,
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
        let config = plugin_configuration::accept(host, Self::NAME, Config::check(configuration))?;
        let pass_headers = PassHeader::all(host, &config.bypass.headers)?;
        let calls_grpc = |service: &crate::config::Service| service.transport == Transport::Grpc;
        if !capabilities.calls_grpc() && config.services.iter().any(calls_grpc) {
            return Err(Problems::whole(
                r#"this host makes no gRPC calls; ask the service with "transport": "http""#,
            ));
        }
        let metrics = Metrics::new(Self::NAME);
        let counts_here = config.limits.iter().any(|limit| limit.windows.is_some());
        let mut seed = [0; 16];
        host.random(&mut seed).map_err(|status| {
            Problems::whole(format!("the host has no random source: {status}"))
        })?;
        let shared = counts_here && capabilities.shares_data();
        let shared = shared && share_seed(host, &config.table.zone, &mut seed)?;
        let own_storage = (!shared).then(WorkerStorage::default);
        if counts_here && !shared {
            unshared(host, &config, &metrics)?;
        }
        // Two instances of the filter that happen to have a limit of one name count apart.
        let plugin = host.property(&["plugin_name"]).unwrap_or_default();
        let plugin = String::from_utf8_lossy(&plugin);
        let mut tables = Vec::new();
        let mut others = Vec::new();
        for limit in &config.limits {
            let Some(windows) = limit.windows.clone() else {
                tables.push(None);
                continue;
            };
            // Only what changes the meaning of this limit's keys: where addresses come from, or
            // what becomes of requests without a key, does not.
            let parts: Vec<String> = limit.key.iter().map(KeyPart::spelled).collect();
            let settings = TableSettings {
                zone: &config.table.zone,
                limit: &limit.name,
                key: &format!("{plugin} {}", parts.join(" ")),
                slots: config.table.slots,
                seed,
                windows,
            };
            let mut table = Table::new(settings, &others);
            if config.start == Start::Empty {
                let start_ns = started(host, own_storage.as_ref(), &table)?;
                table.start_empty(start_ns);
            }
            others.push(table.names());
            tables.push(Some(table));
        }
        // What happens with nearly every request is counted once a second.
        let counts_later = capabilities.ticks() && host.set_tick_period(TICK_PERIOD).is_ok();
        let limits = config.limits.iter();
        Ok(Self {
            counts_later,
            counters: limits
                .map(|limit| LimitCounters::new(Self::NAME, &limit.name))
                .collect(),
            config: Rc::new(config),
            tables,
            own_storage,
            pass_headers,
            calls: Calls::default(),
            waiting: BTreeMap::new(),
            bypassed: Counter::new(Self::NAME, "bypassed_total", &[]),
            metrics,
            throttle: Throttle::default(),
        })
    }

    fn stream(&mut self, context: ContextId) -> LimitedStream {
        LimitedStream {
            context,
            response: Rc::default(),
            waits: false,
        }
    }

    fn flush(&mut self, host: &dyn Host) {
        for counters in &self.counters {
            counters.admitted.flush(host);
        }
    }

    fn on_http_answer(&mut self, host: &dyn Host, token: CallToken, answer: AnswerSizes) {
        if let Some(call) = self.calls.end(CallId::Http(token)) {
            let result = call.http_answer(host, answer, host.monotonic_ns());
            self.on_service_answer(host, &call, result);
        }
    }

    fn on_grpc_answer(&mut self, host: &dyn Host, token: CallToken, result: Result<usize, u32>) {
        if let Some(call) = self.calls.end(CallId::Grpc(token)) {
            let result = call.grpc_answer(host, result, host.monotonic_ns());
            self.on_service_answer(host, &call, result);
        }
    }
}

/// One request.
pub struct LimitedStream {
    context: ContextId,
    response: Rc<RefCell<ResponseHeaders>>,
    waits: bool,
}

/// What the response will say.
#[derive(Debug, Default)]
struct ResponseHeaders {
    /// Where the client stands in each limit.
    standings: Vec<Standing>,
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
        let request = LazyRequest::new(host);
        let passes = bypasses(&filter.config, &filter.pass_headers, host, &request);
        if filter.config.mode.enforces() {
            for header in &filter.pass_headers {
                // A secret goes no further.
                if request.get().may_have_header(header.name()) {
                    let _ = host.remove_header(HeaderMap::RequestHeaders, header.name());
                }
            }
        }
        if passes {
            filter.bypassed.count(host);
            return Action::Continue;
        }
        let action = filter.on_request(host, &request, self.context, &self.response);
        self.waits = action == Action::Pause;
        action
    }

    fn on_response_headers(
        &mut self,
        filter: &mut TokenBucket,
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
            .partition(|(name, _)| STANDING_HEADERS.contains(&name.as_str()));
        for (name, value) in others {
            let _ = host.add_header(map, &name, &value);
        }
        let of_service = STANDING_HEADERS.iter().filter_map(|name| {
            let (_, value) = limits.iter().find(|(known, _)| known == name)?;
            Some((*name, String::from_utf8_lossy(value).into_owned()))
        });
        for (name, value) in merged(of_service.collect(), there) {
            set(name, value.as_bytes());
        }
        for (name, value) in merged(filter.fields(&response.standings), there) {
            set(name, value.as_bytes());
        }
        Action::Continue
    }

    fn on_done(&mut self, filter: &mut TokenBucket, host: &dyn Host) {
        if self.waits && filter.waiting.remove(&self.context).is_some() {
            filter.calls.cancel(host, self.context);
        }
    }
}

impl TokenBucket {
    /// The headers of the configured style.
    fn fields(&self, standings: &[Standing]) -> HeaderFields {
        match self.config.headers {
            HeaderStyle::XRateLimit => x_ratelimit(standings),
            HeaderStyle::Ietf10 => ietf_10(standings),
            HeaderStyle::None => Vec::new(),
        }
    }

    fn storage<'s>(&'s self, shared: &'s SharedStorage<'s>) -> &'s dyn Storage {
        match &self.own_storage {
            Some(own) => own,
            None => shared,
        }
    }

    /// Answers the effective stream in place of the upstream.
    fn send(
        &self,
        host: &dyn Host,
        limit: &str,
        refusal: &Refusal,
        id: Option<&str>,
        is_grpc: bool,
    ) {
        let outcome = match refusal.status {
            503 => Outcome::Error,
            _ => Outcome::Denied,
        };
        let decision = Decision::new(Self::NAME, outcome)
            .rule(limit)
            .reason(refusal.code);
        exchange::append_decision(host, decision);
        self.throttle.log(host, LogLevel::Info, || {
            format!(
                "token-bucket: refused request {} by limit {limit}: {}",
                id.unwrap_or("-"),
                refusal.code
            )
        });
        refuse::send(host, refusal, Self::NAME, id, is_grpc);
    }
}

/// Makes the seed the same in all workers. `false` where the host shares nothing after all.
fn share_seed(host: &dyn Host, zone: &str, seed: &mut [u8; 16]) -> Result<bool, Problems> {
    let key = format!("{zone}meshward/token-bucket/seed");
    match shared_data::insert_if_absent(host, &key, seed) {
        Ok(value) => match <[u8; 16]>::try_from(value.bytes) {
            Ok(shared) => {
                *seed = shared;
                Ok(true)
            }
            // With another seed this worker would count apart from the others.
            Err(_) => Err(Problems::whole(format!(
                "shared data has something else under {key}; give the filter a vm_id of its own"
            ))),
        },
        Err(Status::Unimplemented) => Ok(false),
        Err(status) => Err(Problems::whole(format!(
            "shared data does not work: {status}"
        ))),
    }
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
fn started(
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

/// What says where a client stands; a service may send these as well.
const STANDING_HEADERS: [&str; 5] = [
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "ratelimit-policy",
    "ratelimit",
];

const TICK_PERIOD: Duration = Duration::from_secs(1);
