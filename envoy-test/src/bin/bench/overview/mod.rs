//! What each filter costs, and what the chain does: Envoy answers by itself, so that no upstream is
//! measured, pinned to one processor; the load comes from another one.
//!
//! `ROUNDS=3` measures less often; `MESHWARD_BESIDE=folder` measures the modules of another build beside those in `dist/`, in turn with them.

mod generator;
mod setup;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use envoy_test::envoy::{Envoy, Options};
use envoy_test::peers::{Algorithm, Collector, Mood, Peers, Token};
use envoy_test::{Error, Result};

use crate::cpu;
use crate::load::median;
use generator::{Generator, Latencies, pin_process};
use setup::{ORDER, PATIENT, Setup};

/// Unless `ROUNDS` says another number.
const ROUNDS: usize = 5;
const TOKENS: usize = 100;
/// Requests before anything is measured: every token is verified, every table filled.
const WARM_UP: usize = 4_000;
const MEASURED: usize = 10_000;
/// The load under which latencies are measured: well below what one processor can do with any setup.
const PER_SECOND: u32 = 2_000;
const OPEN_LOOP: Duration = Duration::from_secs(1);

/// What was measured of a setup, a value for each round.
#[derive(Default)]
struct Measured {
    seconds_to_ready: Vec<f64>,
    resident_mib: Vec<f64>,
    /// Microseconds of processor time for a request without a body in the response, and with one.
    order: Vec<f64>,
    patient: Vec<f64>,
    order_latencies: Latencies,
    patient_latencies: Latencies,
}

pub(crate) fn run() -> Result<()> {
    let rounds = std::env::var("ROUNDS").ok();
    let rounds = rounds
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(ROUNDS);
    let beside = std::env::var_os("MESHWARD_BESIDE").map(PathBuf::from);
    let setups = Setup::all(beside.as_deref());
    let peers = Peers::start()?;
    let tokens = (0..TOKENS).map(|number| {
        let token = Token::of(&format!("client-{number}")).scope("orders:read patients:read");
        peers.idp.mint(Algorithm::Rs256, &token)
    });
    let tokens = tokens.collect::<Result<Vec<String>>>()?;
    let mut all: Vec<Measured> = setups.iter().map(|_| Measured::default()).collect();
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        for (setup, measured) in setups.iter().zip(&mut all) {
            measured.round(setup, &peers, &tokens)?;
        }
    }
    print(&setups, &all, rounds);
    Ok(())
}

impl Measured {
    fn round(&mut self, setup: &Setup, peers: &Peers, tokens: &[String]) -> Result<()> {
        let collector = Collector::start(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        // It would keep more records than memory has room for, and read them on the processor of the load.
        collector.set_mood(Mood::Discarding);
        let mut bootstrap = setup.bootstrap(peers)?;
        bootstrap.move_cluster("collector", collector.address())?;
        let envoy = Envoy::start(&bootstrap, Options::default())?;
        self.seconds_to_ready
            .push(seconds(cpu::nanoseconds(envoy.pid())?));
        self.resident_mib.push(cpu::resident_mib(envoy.pid())?);
        pin_process(envoy.pid()).map_err(failed)?;
        for (path, microseconds, latencies) in [
            (ORDER, &mut self.order, &mut self.order_latencies),
            (PATIENT, &mut self.patient, &mut self.patient_latencies),
        ] {
            let generator = Generator::new(envoy.gateway(), path, tokens);
            generator.closed_loop(WARM_UP).map_err(failed)?;
            let before = cpu::nanoseconds(envoy.pid())?;
            generator.closed_loop(MEASURED).map_err(failed)?;
            let used = cpu::nanoseconds(envoy.pid())?.saturating_sub(before);
            microseconds
                .push(seconds(used) * 1e6 / f64::from(u32::try_from(MEASURED).unwrap_or(1)));
            let open = generator.open_loop(PER_SECOND, OPEN_LOOP).map_err(failed)?;
            latencies.extend(open);
        }
        Ok(())
    }
}

fn print(setups: &[Setup], all: &[Measured], rounds: usize) {
    println!(
        "One worker on one processor, direct responses, {TOKENS} RS256 tokens over HTTP/1.1; medians of \
         {rounds} rounds of {MEASURED} requests. Latency at {PER_SECOND} requests a second, open loop.\n"
    );
    let value = |values: &[f64]| median(values);
    let base =
        |of: fn(&Measured) -> &Vec<f64>| all.first().map_or(f64::NAN, |first| value(of(first)));
    for (title, times, latencies) in [
        (
            "GET of a short text",
            (|measured| &measured.order) as fn(&Measured) -> &Vec<f64>,
            (|measured| &measured.order_latencies) as fn(&Measured) -> &Latencies,
        ),
        (
            "GET of a JSON body of 300 bytes with four findings",
            |measured| &measured.patient,
            |measured| &measured.patient_latencies,
        ),
    ] {
        println!(
            "{title:51} {:>9} {:>15} {:>8} {:>8}",
            "us of CPU", "over no filter", "p50 us", "p99 us"
        );
        for (setup, measured) in setups.iter().zip(all) {
            let microseconds = value(times(measured));
            let latencies = latencies(measured);
            println!(
                "{:51} {microseconds:>9.1} {:>15.1} {:>8.0} {:>8.0}",
                setup.name(),
                microseconds - base(times),
                latencies.percentile(50),
                latencies.percentile(99)
            );
        }
        println!();
    }
    println!(
        "{:51} {:>9} {:>15} {:>8} {:>8}",
        "Start", "s of CPU", "over a no-op", "MiB", "KiB"
    );
    let ready = |measured: &Measured| value(&measured.seconds_to_ready);
    let noop = all.get(1).map_or(f64::NAN, ready);
    for (setup, measured) in setups.iter().zip(all) {
        println!(
            "{:51} {:>9.2} {:>15.2} {:>8.0} {:>8}",
            setup.name(),
            ready(measured),
            ready(measured) - noop,
            value(&measured.resident_mib),
            setup.modules_kib()
        );
    }
}

/// A few hours at most.
#[allow(clippy::cast_precision_loss, reason = "far below 2^53 nanoseconds")]
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

fn failed(source: std::io::Error) -> Error {
    Error::Io {
        action: "measuring".to_owned(),
        source,
    }
}
