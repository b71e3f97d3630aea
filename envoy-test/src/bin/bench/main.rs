//! What each filter costs: processor time of a real Envoy for one request.
//!
//! The same request goes through Envoy without filters, with a filter that does nothing, with each
//! of ours, and with all four. Each way is measured in several rounds that take turns, so that a
//! busy moment of the machine hits all alike; the median counts. Only Envoy's own processor time is
//! measured: client and upstream are other processes' work. Read the ratios; the microseconds
//! belong to this machine.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command speaks to its user"
)]
#![allow(
    clippy::arithmetic_side_effects,
    reason = "small numbers of its own choice"
)]

mod cpu;

use std::process::ExitCode;
use std::thread;

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Bootstrap, Envoy, Options};
use envoy_test::peers::{Algorithm, Peers, Token};
use envoy_test::{Error, FILTERS, Result, paths};

const ROUNDS: usize = 5;
/// Together they keep Envoy busy, as a gateway is; waking up for every single request costs more.
const CONNECTIONS: u32 = 8;
/// Requests on each connection.
const WARM_UP: u32 = 100;
const MEASURED: u32 = 400;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One way to set Envoy up.
struct Setup {
    name: &'static str,
    filters: Vec<&'static str>,
    does_nothing: bool,
    microseconds: Vec<f64>,
}

impl Setup {
    fn new(name: &'static str, filters: &[&'static str]) -> Self {
        Self {
            name,
            filters: filters.to_vec(),
            does_nothing: false,
            microseconds: Vec::new(),
        }
    }

    fn bootstrap(&self, peers: &Peers) -> Result<Bootstrap> {
        let mut bootstrap = peers.bootstrap(&self.filters)?;
        if self.does_nothing {
            for filter in &self.filters {
                bootstrap.replace_module(filter, &paths::noop_filter()?)?;
            }
        } else if self.filters.contains(&"token-bucket") {
            // As shipped, but nobody is refused: a refusal would be cheaper than what is compared.
            let shipped = bootstrap.configuration("token-bucket")?;
            let generous = shipped
                .replace("100/min", "1000000/s")
                .replace("\"burst\": 20", "\"burst\": 1000000");
            bootstrap.configure("token-bucket", &generous)?;
        }
        Ok(bootstrap)
    }

    fn median(&self) -> f64 {
        let mut sorted = self.microseconds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

fn run() -> Result<()> {
    let mut setups = vec![
        Setup::new("no filter", &[]),
        Setup::new("a filter that does nothing", &["jwt-auth"]),
    ];
    setups
        .iter_mut()
        .skip(1)
        .for_each(|setup| setup.does_nothing = true);
    setups.extend(FILTERS.map(|filter| Setup::new(filter, &[filter])));
    setups.push(Setup::new("all four", &FILTERS));

    let peers = Peers::start()?;
    let token = Token::of("drew").scope("patients:read");
    let token = peers.idp.mint(Algorithm::Rs256, &token)?;
    let request = Request::get("/patients/7").bearer(&token);
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for setup in &mut setups {
            let envoy = Envoy::start(&setup.bootstrap(&peers)?, Options::default())?;
            setup.microseconds.push(measure(&envoy, &request)?);
        }
    }

    let median = |position: usize| setups.get(position).map_or(f64::NAN, Setup::median);
    let (nothing, noop) = (median(0), median(1));
    println!(
        "GET /patients/7 with an RS256 token over HTTP/1.1: one worker, {CONNECTIONS} connections, \
         {ROUNDS} rounds of {} requests
",
        CONNECTIONS * MEASURED
    );
    println!(
        "{:28} {:>10} {:>14} {:>14}",
        "", "us of CPU", "x no filter", "x doing none"
    );
    for setup in &setups {
        let median = setup.median();
        println!(
            "{:28} {median:>10.1} {:>14.2} {:>14.2}",
            setup.name,
            median / nothing,
            median / noop
        );
    }
    Ok(())
}

/// Microseconds of Envoy's processor time for one request.
fn measure(envoy: &Envoy, request: &Request) -> Result<f64> {
    send(envoy, request, WARM_UP)?;
    let before = cpu::nanoseconds(envoy.pid())?;
    send(envoy, request, MEASURED)?;
    let used = cpu::nanoseconds(envoy.pid())?.saturating_sub(before);
    #[allow(clippy::cast_precision_loss, reason = "a few seconds in nanoseconds")]
    let microseconds = used as f64 / 1e3;
    Ok(microseconds / f64::from(CONNECTIONS * MEASURED))
}

/// Sends so many requests on each connection.
fn send(envoy: &Envoy, request: &Request, count: u32) -> Result<()> {
    thread::scope(|scope| {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(scope.spawn(|| send_on_one(envoy, request, count)));
        }
        clients.into_iter().try_for_each(|client| {
            let panicked = |_| Error::Http {
                action: "measuring".to_owned(),
                reason: "a client panicked".to_owned(),
            };
            client.join().map_err(panicked)?
        })
    })
}

fn send_on_one(envoy: &Envoy, request: &Request, count: u32) -> Result<()> {
    let mut connection = envoy.client(Protocol::Http1).connect()?;
    for _ in 0..count {
        let answer = connection.send(request)?;
        if answer.status != 200 {
            return Err(Error::Http {
                action: "measuring".to_owned(),
                reason: format!("{answer:?}"),
            });
        }
    }
    Ok(())
}
