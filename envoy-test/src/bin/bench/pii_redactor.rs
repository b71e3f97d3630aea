//! What it costs to search a body: the engine natively and as a module in V8, on clean JSON with all
//! presets; then responses of a MiB through Envoy, clean and with personal data in one value of a hundred.

use std::fmt::Write as _;
use std::process::Command;
use std::rc::Rc;

use envoy_test::client::Request;
use envoy_test::envoy::{Bootstrap, Envoy, Options};
use envoy_test::peers::{Peers, UpstreamResponse};
use envoy_test::{Error, Result, paths};
use pii_redactor::config::Config;
use pii_redactor::inflate::InflateLimits;
use pii_redactor::media::Framing;
use pii_redactor::pipeline::{BodyPipeline, Coding};
use policy::config::Configuration as _;
use serde_json::Value;

use crate::cpu;
use crate::load::{Load, median};

const ALL_PRESETS: &str = r#"{"presets":["gdpr","ccpa","hipaa","pci","secrets"]}"#;
/// What Envoy hands over at a time from HTTP/1.1, and from HTTP/2.
const PIECES: [usize; 2] = [64 * 1024, 16 * 1024];
const CORE_BYTES: usize = 256 << 20;
const STREAMED_BYTES: usize = 1 << 30;
const ROUNDS: usize = 5;
const WORST_BYTES: usize = 64 * 1024;
const LOAD: Load = Load {
    connections: 4,
    warm_up: 5,
    measured: 25,
};
/// Everything is found, as in a body that is changed, and stays.
const IN_CLEAR: &str = r#"{"rules":[{"detect":["EMAIL","CREDIT_CARD","PHONE","US_SSN","IBAN"]}],"actions":{"default":"detect"}}"#;
/// The same rule with a budget that the findings are charged to.
const WITHIN_BUDGET: &str = r#"{"rules":[{"detect":["EMAIL","CREDIT_CARD","PHONE","US_SSN","IBAN"]}],"actions":{"default":"detect"},
    "budget":[{"name":"b","key":["ip"],"class":["EMAIL","CREDIT_CARD","PHONE","US_SSN","IBAN"],"values":"1000000000/day","then":"block"}]}"#;
const FILTER: &str = "pii-redactor";

pub(crate) fn run() -> Result<()> {
    core()?;
    println!();
    through_envoy()
}

/// Measures the engine without a host.
fn core() -> Result<()> {
    let folder = tempfile::tempdir().map_err(|source| io("making a folder", source))?;
    let file = |name: &str, text: &str| -> Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, text).map_err(|source| io("writing a file", source))?;
        Ok(path.display().to_string())
    };
    let rules = file("rules.json", ALL_PRESETS)?;
    println!(
        "pii-redactor, all presets, {} detectors, JSON that streams by\n",
        pii_redactor::detect::DETECTORS.len()
    );
    println!(
        "{:34} {:>12} {:>12} {:>12}",
        "", "native MB/s", "V8 MB/s", "V8 / native"
    );
    for (name, text) in [
        ("clean orders", documents(0)),
        ("clean prose", prose()),
        ("orders, 1 % personal data", documents(100)),
    ] {
        let body = file("body.ndjson", &text)?;
        let native = (0..ROUNDS)
            .map(|_| native(&text))
            .collect::<Result<Vec<f64>>>()?;
        let module = (0..ROUNDS)
            .map(|_| {
                Ok(megabytes_per_second(&in_v8(
                    &rules, &body, PIECES[0], CORE_BYTES,
                )?))
            })
            .collect::<Result<Vec<f64>>>()?;
        let (native, module) = (median(&native), median(&module));
        println!(
            "{name:34} {native:>12.0} {module:>12.0} {:>12.2}",
            module / native
        );
    }
    let body = file("body.ndjson", &documents(0))?;
    println!();
    for piece in PIECES {
        let streamed = in_v8(&rules, &body, piece, STREAMED_BYTES)?;
        println!(
            "1 GiB in pieces of {} KiB: {:.0} MB/s, memory of the VM {:.2} MiB at its peak",
            piece / 1024,
            megabytes_per_second(&streamed),
            number(&streamed, "memoryBytes") / f64::from(1 << 20)
        );
    }
    let configured = (0..ROUNDS)
        .map(|_| {
            Ok(number(
                &in_v8(&rules, &body, PIECES[0], PIECES[0])?,
                "configureMs",
            ))
        })
        .collect::<Result<Vec<f64>>>()?;
    println!(
        "reading the configuration, in a VM that has just started: {:.1} ms",
        median(&configured)
    );
    worst()
}

/// The inputs that cost most, natively: a text repeated in a string, and what that is to ordinary
/// documents.
fn worst() -> Result<()> {
    use pii_redactor::worst_cases::{beginnings, of_detectors, repeated};

    let nanoseconds =
        |text: &str, bytes: usize| -> Result<f64> { Ok(1e3 / native_rounds(text, bytes)?) };
    let ordinary = nanoseconds(&documents(100), CORE_BYTES / 8)?;
    let mut rows = Vec::new();
    for unit in beginnings().into_iter().chain(of_detectors()) {
        let text = repeated(&unit, WORST_BYTES).replace('"', "\\\"");
        let body = format!("{{\"x\":\"{text}\"}}");
        rows.push((nanoseconds(&body, 16 * WORST_BYTES)?, unit));
    }
    rows.sort_by(|left, right| right.0.total_cmp(&left.0));
    println!(
        "\nthe ten texts of {} that cost most, repeated in a string; orders with 1 % personal data: {ordinary:.1} ns/B\n",
        rows.len()
    );
    println!("{:>8} {:>12}  text", "ns/B", "x ordinary");
    for (nanoseconds, unit) in rows.iter().take(10) {
        println!(
            "{nanoseconds:8.1} {:12.1}  {unit:?}",
            nanoseconds / ordinary
        );
    }
    Ok(())
}

/// MB/s of the engine in this process.
fn native(text: &str) -> Result<f64> {
    native_rounds(text, CORE_BYTES)
}

/// The same over so many bytes at the least.
fn native_rounds(text: &str, bytes: usize) -> Result<f64> {
    let config = Config::parse(ALL_PRESETS).map_err(|problems| failed(problems.to_string()))?;
    let all: Vec<usize> = (0..config.rules.len()).collect();
    let plan = Rc::new(config.plan(&all));
    let mut pipeline = BodyPipeline::new(
        plan,
        &Framing::Json,
        Coding::Identity,
        InflateLimits::default(),
    );
    let mut out = Vec::new();
    let rounds = bytes.div_ceil(text.len()).max(1);
    let before = cpu::nanoseconds(std::process::id())?;
    for _ in 0..rounds {
        for piece in text.as_bytes().chunks(PIECES[0]) {
            out.clear();
            pipeline
                .write(piece, &mut out)
                .map_err(|error| failed(error.reason().to_owned()))?;
        }
    }
    let used = cpu::nanoseconds(std::process::id())?.saturating_sub(before);
    #[allow(
        clippy::cast_precision_loss,
        reason = "millions of bytes, a few seconds"
    )]
    let megabytes_per_second = (rounds * text.len()) as f64 * 1e3 / used as f64;
    Ok(megabytes_per_second)
}

/// The module in Node's V8, which is the engine of Envoy.
fn in_v8(rules: &str, body: &str, piece: usize, bytes: usize) -> Result<Value> {
    let script = paths::root().join("filters/pii-redactor/bench/module.mjs");
    let output = Command::new("node")
        .arg(script)
        .arg(paths::wasm(FILTER)?)
        .args([rules, body, "application/x-ndjson"])
        .args([piece.to_string(), (bytes / piece).to_string()])
        .output()
        .map_err(|source| io("starting node", source))?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        failed(format!(
            "{error}: {}",
            String::from_utf8_lossy(&output.stderr)
        ))
    })
}

fn megabytes_per_second(measured: &Value) -> f64 {
    number(measured, "bytesIn") / 1e6 / number(measured, "seconds")
}

fn number(measured: &Value, name: &str) -> f64 {
    measured
        .get(name)
        .and_then(Value::as_f64)
        .unwrap_or(f64::NAN)
}

/// One way to set Envoy up, and the processor time of each response.
struct Setup {
    name: &'static str,
    filters: Vec<&'static str>,
    /// That of the filter; `None` is one that does nothing.
    configuration: Option<&'static str>,
    /// The times for each document, in microseconds.
    microseconds: Vec<Vec<f64>>,
}

fn through_envoy() -> Result<()> {
    let responses = [
        ("clean", documents(0)),
        ("1 % personal data", documents(100)),
    ];
    let responses = responses.map(|(name, text)| (name, as_array(&text)));
    let setup = |name, filters: &[&'static str], configuration| Setup {
        name,
        filters: filters.to_vec(),
        configuration,
        microseconds: vec![Vec::new(); responses.len()],
    };
    let mut setups = [
        setup("no filter", &[], None),
        setup("a filter that does nothing", &[FILTER], None),
        setup("pii-redactor, all presets", &[FILTER], Some(ALL_PRESETS)),
        setup("values in clear", &[FILTER], Some(IN_CLEAR)),
        setup(
            "values in clear, within a budget",
            &[FILTER],
            Some(WITHIN_BUDGET),
        ),
    ];
    let peers = Peers::start()?;
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for setup in &mut setups {
            let envoy = Envoy::start(&bootstrap(setup, &peers)?, Options::default())?;
            for ((_, text), microseconds) in responses.iter().zip(&mut setup.microseconds) {
                peers
                    .upstream
                    .respond_with("/orders", UpstreamResponse::json(text.as_str()));
                let request = Request::get("/orders");
                microseconds.push(LOAD.measure(&envoy, &|_, _| request.clone())?);
            }
        }
    }
    println!("GET of a JSON response of 1 MiB over HTTP/1.1, us of CPU for each\n");
    print!("{:34}", "");
    for (name, _) in &responses {
        print!(" {name:>18}");
    }
    println!(" {:>12} {:>14}", "x no filter", "x doing none");
    let clean = |place: usize| {
        setups
            .get(place)
            .and_then(|setup| setup.microseconds.first())
            .map_or(f64::NAN, |all| median(all))
    };
    for setup in &setups {
        print!("{:34}", setup.name);
        for microseconds in &setup.microseconds {
            print!(" {:>18.0}", median(microseconds));
        }
        let own = setup
            .microseconds
            .first()
            .map_or(f64::NAN, |all| median(all));
        println!(" {:>12.2} {:>14.2}", own / clean(0), own / clean(1));
    }
    Ok(())
}

fn bootstrap(setup: &Setup, peers: &Peers) -> Result<Bootstrap> {
    let mut bootstrap = peers.bootstrap(&setup.filters)?;
    match setup.configuration {
        Some(configuration) => bootstrap.configure(FILTER, configuration)?,
        None if setup.filters.is_empty() => {}
        None => bootstrap.replace_module(FILTER, &paths::noop_filter()?)?,
    }
    Ok(bootstrap)
}

/// Orders of a shop, one document a line, about a MiB: ids, times, prices, words. One value of
/// `every` is personal data, none if that is 0.
#[allow(clippy::indexing_slicing, reason = "each index is a remainder")]
fn documents(every: usize) -> String {
    const WORDS: [&str; 16] = [
        "standard",
        "express",
        "blue",
        "green",
        "warehouse",
        "pending",
        "shipped",
        "catalog",
        "returned",
        "gift",
        "summer",
        "winter",
        "limited",
        "bundle",
        "refill",
        "classic",
    ];
    const PERSONAL: [&str; 4] = [
        "jane.doe@example.com",
        "4111 1111 1111 1111",
        "+1 212 555 0147",
        "536-22-8145",
    ];
    let mut random = 88_172_645_463_325_252_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap_or(0)
    };
    let mut text = String::new();
    let mut values = 0;
    while text.len() < 1 << 20 {
        let _ = write!(
            text,
            r#"{{"id":{},"uuid":"{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}","status":"{}","created_at":"2026-{:02}-{:02}T{:02}:{:02}:{:02}Z","items":["#,
            next() % 1_000_000,
            next() % 0xffff_ffff,
            next() % 0xffff,
            next() % 0xfff,
            next() % 0xfff,
            next(),
            WORDS[next() % 16],
            next() % 12 + 1,
            next() % 28 + 1,
            next() % 24,
            next() % 60,
            next() % 60
        );
        for item in 0..4 {
            values += 5;
            let note = if every > 0 && values % every < 5 {
                PERSONAL[next() % 4].to_owned()
            } else {
                format!(
                    "{} {} {}",
                    WORDS[next() % 16],
                    WORDS[next() % 16],
                    WORDS[next() % 16]
                )
            };
            let _ = write!(
                text,
                r#"{}{{"title":"{} {} {}","description":"{note}","quantity":{},"price":{}.{:02},"available":true}}"#,
                if item > 0 { "," } else { "" },
                WORDS[next() % 16],
                WORDS[next() % 16],
                WORDS[next() % 16],
                next() % 9 + 1,
                next() % 1000,
                next() % 100
            );
        }
        text.push_str("],\"discount\":null,\"currency\":\"EUR\"}\n");
    }
    text
}

/// Articles: long strings of words.
fn prose() -> String {
    let sentence = "The quick brown fox jumps over the lazy dog and runs through the forest until it finds a quiet place to rest. ";
    let mut text = String::new();
    while text.len() < 1 << 20 {
        let _ = writeln!(
            text,
            r#"{{"title":"A fable","body":"{}","language":"en"}}"#,
            sentence.repeat(20)
        );
    }
    text
}

fn as_array(lines: &str) -> String {
    format!("[{}]", lines.trim_end().replace('\n', ","))
}

fn failed(reason: String) -> Error {
    Error::Http {
        action: "measuring".to_owned(),
        reason,
    }
}

fn io(action: &str, source: std::io::Error) -> Error {
    Error::Io {
        action: action.to_owned(),
        source,
    }
}
