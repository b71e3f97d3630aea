//! token-bucket beside Envoy's own `local_ratelimit`: what a limit costs, what memory it takes with
//! ten million clients, and how many requests of how many clients pass.

pub(crate) mod flood;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::thread;

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Bootstrap, Envoy, Options};
use envoy_test::peers::Peers;
use envoy_test::{Error, Result, paths};
use serde_json::{Value, json};

use crate::load::{Load, median};

const FILTER: &str = "token-bucket";
/// All Envoys are started so often, to even out what differs between two starts of the same.
const STARTS: usize = 2;
/// Each start is measured so often, all Envoys in turn.
const ROUNDS: usize = 7;
const LOAD: Load = Load {
    connections: 16,
    warm_up: 5,
    measured: 100,
};
/// V8 compiles a module a second time, and well, what has run often: a gateway runs for weeks.
const WARM_UP: usize = 2_000;
/// Clients of the row with many, each with a bucket before the measurement begins.
const CLIENTS: usize = 100_000;
/// The clients that pass through the table, and how many buckets it has.
const FLOOD: usize = 10_000_000;
const FLOOD_SLOTS: usize = 65_536;
/// What the README says of sixteen buckets.
const BYTES_PER_SET: usize = 470;

pub(crate) fn run() -> Result<()> {
    let peers = Peers::start()?;
    cost(&peers)?;
    println!();
    admitted(&peers)?;
    println!();
    memory(&peers)
}

/// The ways to limit that are compared.
#[derive(Clone, Copy, PartialEq)]
enum Limiter {
    Nothing,
    Noop,
    EnvoyOne,
    EnvoyEach,
    EnvoyTwoEach,
    Calls(&'static str),
    Ours(&'static str),
}

struct Setup {
    name: &'static str,
    limiter: Limiter,
    clients: usize,
    microseconds: Vec<f64>,
}

impl Setup {
    const fn new(name: &'static str, limiter: Limiter, clients: usize) -> Self {
        Self {
            name,
            limiter,
            clients,
            microseconds: Vec::new(),
        }
    }

    fn start(&self, peers: &Peers) -> Result<Envoy> {
        let envoy = Envoy::start(&bootstrap(peers, self.limiter)?, Options::default())?;
        // Each client has a bucket before the measurement begins.
        let each = self.clients.div_ceil(LOAD.connections);
        let warm_up = Load {
            warm_up: 0,
            measured: WARM_UP.max(if self.clients > 1 { each } else { 0 }),
            ..LOAD
        };
        self.send(&envoy, warm_up, 0)?;
        Ok(envoy)
    }

    fn measure(&mut self, envoy: &Envoy, round: usize) -> Result<()> {
        let microseconds = self.send(envoy, LOAD, round)?;
        self.microseconds.push(microseconds);
        Ok(())
    }

    fn send(&self, envoy: &Envoy, load: Load, round: usize) -> Result<f64> {
        let each = self.clients.div_ceil(load.connections);
        let request = |connection: usize, number: usize| {
            let number = round * (load.warm_up + load.measured) + number;
            let client = connection * each + number % each;
            let [_, a, b, c] = u32::try_from(client).unwrap_or(0).to_be_bytes();
            Request::get("/orders/17").header("x-forwarded-for", format!("10.{a}.{b}.{c}"))
        };
        load.measure(envoy, &request)
    }

    /// The median of what this and another one come to in each round.
    fn compared(&self, other: &Self, by: fn(f64, f64) -> f64) -> f64 {
        let pairs = self.microseconds.iter().zip(&other.microseconds);
        let compared: Vec<f64> = pairs.map(|(this, other)| by(*this, *other)).collect();
        median(&compared)
    }
}

const BY_ADDRESS: &str =
    r#"{"limits": [{"name": "per-client", "key": ["ip"], "rate": "1000000/s"}]}"#;
const SILENT: &str = r#"{"headers": "none", "limits": [{"name": "per-client", "key": ["ip"], "rate": "1000000/s"}]}"#;
const CALLS: &str = "token-bucket";
const SILENT_CALLS: &str = "token-bucket silent";
/// The address is taken from what a proxy in front has appended, so that one machine can play many.
const BEHIND_A_PROXY: &str = r#"{"trusted_hops": 1, "table": {"slots": 262144},
    "limits": [{"name": "per-client", "key": ["ip"], "rate": "1000000/s"}]}"#;

fn cost(peers: &Peers) -> Result<()> {
    let mut setups = [
        Setup::new("no filter", Limiter::Nothing, 1),
        Setup::new("a Wasm filter that does nothing", Limiter::Noop, 1),
        Setup::new("local_ratelimit, one bucket", Limiter::EnvoyOne, 1),
        Setup::new("local_ratelimit, one a client", Limiter::EnvoyEach, 1),
        Setup::new("the host calls of token-bucket", Limiter::Calls(CALLS), 1),
        Setup::new("  without headers", Limiter::Calls(SILENT_CALLS), 1),
        Setup::new("token-bucket, one a client", Limiter::Ours(BY_ADDRESS), 1),
        Setup::new("  without headers", Limiter::Ours(SILENT), 1),
        Setup::new("  behind a proxy", Limiter::Ours(BEHIND_A_PROXY), 1),
        Setup::new(
            "  with 100,000 clients",
            Limiter::Ours(BEHIND_A_PROXY),
            CLIENTS,
        ),
    ];
    for start in 1..=STARTS {
        eprintln!("token-bucket: start {start} of {STARTS}");
        let envoys = setups.iter().map(|setup| setup.start(peers));
        let envoys: Vec<Envoy> = envoys.collect::<Result<_>>()?;
        for round in 0..ROUNDS {
            for (setup, envoy) in setups.iter_mut().zip(&envoys) {
                setup.measure(envoy, round)?;
            }
        }
    }
    println!(
        "GET /orders/17 over HTTP/1.1, all admitted: one worker, {} connections, medians of \
         {STARTS} starts and {ROUNDS} rounds of {} requests\n",
        LOAD.connections,
        LOAD.connections * LOAD.measured
    );
    println!("{:34} {:>10} {:>18}", "", "us of CPU", "more than nothing");
    let [_, noop, _, _, calls, silent_calls, ours, silent, one, many] = &setups;
    let more = |this: &Setup, than: &Setup| this.compared(than, |a, b| a - b);
    for setup in &setups {
        let microseconds = median(&setup.microseconds);
        let more = more(setup, noop);
        println!("{:34} {microseconds:>10.1} {more:>+18.1}", setup.name);
    }
    println!(
        "\ntoken-bucket costs {:+.1} us on top of a filter that does nothing and {:+.1} us on top of \
         its host calls, without headers {:+.1} and {:+.1} us; 100,000 clients cost {:+.1} % more \
         than one",
        more(ours, noop),
        more(ours, calls),
        more(silent, noop),
        more(silent, silent_calls),
        (many.compared(one, |a, b| a / b) - 1.0) * 100.0
    );
    Ok(())
}

/// Each of so many clients sends twenty requests in turn, and two of each are due.
fn admitted(peers: &Peers) -> Result<()> {
    const REQUESTS: usize = 20;
    const BURST: usize = 2;
    let ours =
        r#"{"limits": [{"name": "a", "key": ["header:x-client"], "rate": "1/day", "burst": 2}]}"#;
    println!("Admitted requests: each client sends {REQUESTS}, {BURST} of each are due\n");
    println!(
        "{:>8} {:>8} {:>8} {:>16} {:>13}",
        "clients", "sent", "due", "local_ratelimit", FILTER
    );
    for clients in [20, 21, 40, 1_000] {
        let mut row = Vec::new();
        for limiter in [Limiter::EnvoyTwoEach, Limiter::Ours(ours)] {
            let envoy = Envoy::start(&bootstrap(peers, limiter)?, Options::default())?;
            let mut connection = envoy.client(Protocol::Http1).connect()?;
            let mut passed = 0_usize;
            for _ in 0..REQUESTS {
                for client in 0..clients {
                    let request = Request::get("/orders/17")
                        .header("x-client", client.to_string())
                        .header("x-forwarded-for", "10.0.0.1");
                    passed += usize::from(connection.send(&request)?.status == 200);
                }
            }
            row.push(passed);
        }
        let (sent, due) = (clients * REQUESTS, clients * BURST);
        let [theirs, ours] = row[..] else { continue };
        println!("{clients:>8} {sent:>8} {due:>8} {theirs:>16} {ours:>13}");
        if ours != due {
            return Err(failed(format!(
                "{ours} requests passed where {due} were due"
            )));
        }
    }
    Ok(())
}

/// Ten million clients, and what they leave behind in Envoy.
fn memory(peers: &Peers) -> Result<()> {
    let flood = std::env::var("BENCH_CLIENTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(FLOOD);
    let ours = r#"{"limits": [{"name": "a", "key": ["header:x-client"], "rate": "1000/s"}], "headers": "none"}"#;
    let documented = FLOOD_SLOTS / 16 * BYTES_PER_SET;
    println!("Resident memory of Envoy, one client a request, {FLOOD_SLOTS} buckets\n");
    println!("{:34} {:>12} {:>14}", "", "clients", "grown by KiB");
    for (name, limiter, flood) in [
        ("a Wasm filter that does nothing", Limiter::Noop, flood / 10),
        (FILTER, Limiter::Ours(ours), flood),
    ] {
        let mut bootstrap = bootstrap(peers, limiter)?;
        let route = "/route_config/virtual_hosts/0/routes";
        if let Some(routes) = bootstrap.connection_manager()?.pointer_mut(route) {
            *routes = json!([{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]);
        }
        let envoy = Envoy::start(&bootstrap, Options::default())?;
        // The first requests make room for connections and buffers.
        flooded(&envoy, 0..20_000)?;
        let before = resident_kib(envoy.pid())?;
        flooded(&envoy, 20_000..20_000 + flood)?;
        let grown = resident_kib(envoy.pid())?.saturating_sub(before);
        println!("{name:34} {flood:>12} {grown:>14}");
        if limiter == Limiter::Ours(ours) {
            let stats = envoy.stats()?;
            let counted = |outcome: &str| {
                let name = "wasmcustom.meshward.token-bucket.requests_total;limit=a;outcome=";
                stats.value(&format!("{name}{outcome}"))
            };
            println!(
                "\nThe README says {} KiB; {} requests were admitted, {} refused",
                documented / 1024,
                counted("admitted"),
                counted("refused")
            );
        }
    }
    Ok(())
}

/// The shipped configuration without filters, and with one limiter.
fn bootstrap(peers: &Peers, limiter: Limiter) -> Result<Bootstrap> {
    let ours = matches!(
        limiter,
        Limiter::Noop | Limiter::Calls(_) | Limiter::Ours(_)
    );
    let mut bootstrap = peers.bootstrap(if ours { &[FILTER] } else { &[] })?;
    // The clients say which addresses they play.
    let manager = bootstrap.connection_manager()?;
    if let Some(settings) = manager.as_object_mut() {
        settings.insert("use_remote_address".to_owned(), json!(false));
    }
    match limiter {
        Limiter::Nothing => {}
        Limiter::Noop => bootstrap.replace_module(FILTER, &paths::noop_filter()?)?,
        Limiter::Calls(which) => {
            bootstrap.replace_module(FILTER, &paths::noop_filter()?)?;
            bootstrap.configure(FILTER, which)?;
        }
        Limiter::Ours(configuration) => bootstrap.configure(FILTER, configuration)?,
        Limiter::EnvoyOne => local_ratelimit(manager, None),
        Limiter::EnvoyEach => local_ratelimit(manager, Some(by_address())),
        Limiter::EnvoyTwoEach => local_ratelimit(manager, Some(by_header())),
    }
    Ok(bootstrap)
}

/// Envoy's own filter, with one bucket for all, or one for each client that `each` names.
fn local_ratelimit(manager: &mut Value, each: Option<(&str, Value, Value)>) {
    let bucket =
        json!({"max_tokens": 1_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"});
    let all = json!({"default_value": {"numerator": 100, "denominator": "HUNDRED"}});
    let (mut descriptors, mut rate_limits) = (Vec::new(), Vec::new());
    if let Some((key, action, bucket)) = each {
        descriptors.push(json!({"entries": [{"key": key}], "token_bucket": bucket}));
        rate_limits.push(json!({"actions": [action]}));
    }
    let filter = json!({
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "limit",
            "token_bucket": bucket,
            "filter_enabled": all,
            "filter_enforced": all,
            "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
            "descriptors": descriptors,
            "rate_limits": rate_limits,
        }
    });
    let filters = manager
        .get_mut("http_filters")
        .and_then(Value::as_array_mut);
    if let Some(filters) = filters {
        filters.insert(0, filter);
    }
}

/// One bucket for each address.
fn by_address() -> (&'static str, Value, Value) {
    let bucket =
        json!({"max_tokens": 1_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"});
    ("remote_address", json!({"remote_address": {}}), bucket)
}

/// Two tokens for each client that `x-client` names, and no more on this day.
fn by_header() -> (&'static str, Value, Value) {
    let action =
        json!({"request_headers": {"header_name": "x-client", "descriptor_key": "client"}});
    let bucket = json!({"max_tokens": 2, "tokens_per_fill": 1, "fill_interval": "86400s"});
    ("client", action, bucket)
}

/// One request for each client, on many connections at once.
fn flooded(envoy: &Envoy, clients: Range<usize>) -> Result<()> {
    const THREADS: usize = 2;
    let each = clients.len().div_ceil(THREADS);
    thread::scope(|scope| {
        let starts = (0..THREADS).map(|thread| clients.start + thread * each);
        let mut threads = Vec::new();
        for start in starts {
            let end = (start + each).min(clients.end);
            threads.push(scope.spawn(move || send_all(envoy, start..end)));
        }
        threads.into_iter().try_for_each(|thread| {
            let panicked = |_| failed("a client panicked".to_owned());
            thread.join().map_err(panicked)?
        })
    })
}

/// Writes a request on each connection, then reads the answers.
fn send_all(envoy: &Envoy, clients: Range<usize>) -> Result<()> {
    const CONNECTIONS: usize = 32;
    let io = |error: std::io::Error| failed(error.to_string());
    let connect = |_| TcpStream::connect(envoy.gateway()).map_err(io);
    let mut streams: Vec<TcpStream> = (0..CONNECTIONS).map(connect).collect::<Result<_>>()?;
    let mut buffer = vec![0; 4_096];
    let mut next = clients.start;
    while next < clients.end {
        let batch = (clients.end - next).min(CONNECTIONS);
        for (client, stream) in (next..).zip(streams.iter_mut().take(batch)) {
            let request = format!("GET / HTTP/1.1\r\nhost: a\r\nx-client: {client}\r\n\r\n");
            stream.write_all(request.as_bytes()).map_err(io)?;
        }
        for stream in streams.iter_mut().take(batch) {
            // An response has no body and comes in one piece.
            let length = stream.read(&mut buffer).map_err(io)?;
            let response = buffer.get(..length).unwrap_or_default();
            if !response.starts_with(b"HTTP/1.1 ") || !response.ends_with(b"\r\n\r\n") {
                return Err(failed(String::from_utf8_lossy(response).into_owned()));
            }
        }
        next += batch;
    }
    Ok(())
}

fn resident_kib(pid: u32) -> Result<usize> {
    let file = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&file).map_err(|source| Error::Io {
        action: format!("reading {file}"),
        source,
    })?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| failed(format!("{file} says nothing of resident memory")))
}

fn failed(reason: String) -> Error {
    Error::Http {
        action: "measuring".to_owned(),
        reason,
    }
}
