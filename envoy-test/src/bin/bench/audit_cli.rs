//! How fast `meshward audit` reads: a file of a gigabyte from the page cache, and a stream of ten
//! that no disk needs to hold, with the memory that each takes.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use envoy_test::{Error, Result};
use trail::chains::{Limits, Trail};
use trail::hex::decode;
use trail::keyring::{Entry, Keyring, Role};
use trail::pipeline::{Observer, Reading};
use trail::report::{Filter, Report, Tally};
use trail::scan::{Templates, scan};
use trail::source::Source;
use trail::synthetic::{emitter_key, write_trail};
use trail::verdict::{Question, Verdict, conclude};

use crate::cpu;

/// Runs this part of the benchmark and prints its table.
pub(crate) fn run() -> Result<()> {
    let path = file()?;
    let size = fs::metadata(&path)
        .map_err(|e| failed("looking at the file", e))?
        .len();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!(
        "meshward audit: a trail of {} MB, {threads} processors",
        size / 1_000_000
    );
    println!(
        "{:<26}{:>12}{:>10}{:>14}{:>12}",
        "", "records/s", "MB/s", "CPU us/record", "memory MB"
    );
    let mut rounds: Vec<Vec<Measured>> = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(vec![
            measured(size, || read_only(&path))?,
            measured(size, || verify(Source::new(vec![path.clone()]), 1))?,
            measured(size, || verify(Source::new(vec![path.clone()]), threads))?,
            measured(size, || report(Source::new(vec![path.clone()]), threads))?,
        ]);
    }
    let names = [
        "reading only".to_owned(),
        "verify, 1 thread".to_owned(),
        format!("verify, {threads} threads"),
        format!("report, {threads} threads"),
    ];
    for (index, name) in names.iter().enumerate() {
        let mut of_all: Vec<Measured> = rounds
            .iter()
            .filter_map(|round| round.get(index).copied())
            .collect();
        of_all.sort_by_key(|measured| measured.wall_us);
        if let Some(median) = of_all.get(of_all.len() / 2) {
            median.print(name);
        }
    }
    // Made while it is read, on the same processors, so how long it takes says nothing.
    let made_us = Arc::new(AtomicU64::new(0));
    let source = stream(REQUESTS * 10, Arc::clone(&made_us));
    let mut streamed = measured(size * 10, || verify(source, threads))?;
    let made_us = made_us.load(Ordering::Acquire);
    streamed.cpu_us = streamed.cpu_us.saturating_sub(made_us);
    streamed.print("verify, a stream of ten");
    println!(
        "(the stream is made meanwhile by one of the processors: {} us of CPU a record, not counted above)",
        made_us / streamed.records.max(1)
    );
    short_ways(&path)
}

/// What is won by comparing records with those before, and by reading many digits at once.
#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
fn short_ways(path: &PathBuf) -> Result<()> {
    let mut text = String::new();
    let file = File::open(path).map_err(|e| failed("opening the file", e))?;
    BufReader::new(file.take(SAMPLE_BYTES))
        .read_to_string(&mut text)
        .map_err(|e| failed("reading the file", e))?;
    let records: Vec<&str> = text.lines().filter(|line| scan(line).is_some()).collect();
    let digits: Vec<&str> = records
        .iter()
        .filter_map(|record| scan(record)?.previous.string(record))
        .collect();
    println!("\n{:<40}{:>14}", "one thread", "ns/record");
    let row = |name: &str, work: &mut dyn FnMut() -> usize| {
        let mut times: Vec<u128> = (0..ROUNDS)
            .map(|_| {
                let began = Instant::now();
                assert_eq!(black_box(work()), records.len());
                began.elapsed().as_nanos() / records.len().max(1) as u128
            })
            .collect();
        times.sort_unstable();
        println!(
            "{name:<40}{:>14}",
            times.get(times.len() / 2).copied().unwrap_or(0)
        );
    };
    row("fields of a record, by the scanner", &mut || {
        records.iter().filter_map(|record| scan(record)).count()
    });
    let mut templates = Templates::default();
    row("the same, with templates", &mut || {
        let found = records.iter().filter_map(|record| templates.scan(record));
        found.count()
    });
    row("64 digits, one by one", &mut || {
        let decode = |digits: &&&str| policy::hex::decode::<32>(black_box(digits)).is_some();
        digits.iter().filter(decode).count()
    });
    row("the same, many at once", &mut || {
        let decode = |digits: &&&str| decode::<32>(black_box(digits.as_bytes())).is_some();
        digits.iter().filter(decode).count()
    });
    println!("(a record has some 700 such digits)");
    Ok(())
}

#[derive(Clone, Copy)]
struct Measured {
    records: u64,
    bytes: u64,
    wall_us: u64,
    cpu_us: u64,
    peak_kb: u64,
}

impl Measured {
    fn print(&self, name: &str) {
        let per_second = |count: u64| count.saturating_mul(1_000_000) / self.wall_us.max(1);
        let (rate, cpu) = match self.records {
            0 => ("-".to_owned(), "-".to_owned()),
            records => {
                let tenths = self.cpu_us * 10 / records;
                (
                    per_second(records).to_string(),
                    format!("{}.{}", tenths / 10, tenths % 10),
                )
            }
        };
        println!(
            "{name:<26}{rate:>12}{:>10}{cpu:>14}{:>12}",
            per_second(self.bytes) / 1_000_000,
            self.peak_kb / 1000
        );
    }
}

#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
fn measured(bytes: u64, work: impl FnOnce() -> Result<u64>) -> Result<Measured> {
    // Forget the highest memory so far, where the system lets us.
    drop(fs::write("/proc/self/clear_refs", "5"));
    let cpu_before = cpu_us()?;
    let began = Instant::now();
    let records = work()?;
    let wall_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok(Measured {
        records,
        bytes,
        wall_us,
        cpu_us: cpu_us()?.saturating_sub(cpu_before),
        peak_kb: peak_kb()?,
    })
}

fn read_only(path: &PathBuf) -> Result<u64> {
    let mut file = File::open(path).map_err(|e| failed("opening the file", e))?;
    let mut buffer = vec![0; 1 << 20];
    while file
        .read(&mut buffer)
        .map_err(|e| failed("reading the file", e))?
        > 0
    {}
    Ok(0)
}

fn verify(source: Source, threads: usize) -> Result<u64> {
    let (trail, _) = read(source, threads, || ());
    clean(&conclude(trail, &question()))
}

fn report(source: Source, threads: usize) -> Result<u64> {
    let filter = Filter::default();
    let (trail, tallies) = read(source, threads, || Tally::new(&filter, NOW_MS, true));
    let tally = tallies
        .into_iter()
        .fold(Tally::new(&filter, NOW_MS, true), Tally::merge);
    let report = Report::new(tally, conclude(trail, &question()), Vec::new(), NOW_MS, 50);
    clean(&report.verification)
}

fn read<O: Observer>(
    source: Source,
    threads: usize,
    observer: impl Fn() -> O + Sync,
) -> (Trail, Vec<O>) {
    let mut keyring = Keyring::default();
    let key = emitter_key();
    keyring.add(
        Some(key.id().to_owned()),
        Entry::always(key.public(), Role::Emitter),
    );
    let limits = Limits::default();
    let reading = Reading {
        keyring: &keyring,
        now_ms: NOW_MS,
        threads,
        limits,
    };
    reading.read_source(
        Trail::new(limits),
        source,
        &["trail".to_owned()],
        observer,
        &|_| (),
    )
}

fn question() -> Question {
    Question {
        at_ms: NOW_MS,
        ..Question::default()
    }
}

/// A benchmark of what went wrong would be none.
fn clean(verdict: &Verdict) -> Result<u64> {
    if verdict.exit_code == 0 {
        Ok(verdict.records.seen.valid)
    } else {
        Err(failed(
            "verifying",
            io::Error::other(format!(
                "the trail is {}: {:?}",
                verdict.result, verdict.issues
            )),
        ))
    }
}

/// The path of the trail to read, which is made once.
fn file() -> Result<PathBuf> {
    let folder = envoy_test::paths::root().join("target/testbed/bench");
    fs::create_dir_all(&folder).map_err(|e| failed("making a folder", e))?;
    let path = folder.join(format!("audit-trail-{REQUESTS}.ndjson"));
    if !path.exists() {
        let fresh = folder.join("audit-trail.new");
        let file = File::create(&fresh).map_err(|e| failed("making the file", e))?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        write_trail(&mut out, REQUESTS, 1)
            .and_then(|()| out.flush())
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(|e| failed("writing the file", e))?;
    }
    Ok(path)
}

/// A trail that a thread makes while it is read.
fn stream(requests: u64, made_us: Arc<AtomicU64>) -> Source {
    let (sender, receiver) = sync_channel(4);
    std::thread::spawn(move || {
        let mut out = BufWriter::with_capacity(1 << 20, Sender(sender));
        // The reader is gone before the end only when the benchmark is.
        drop(write_trail(&mut out, requests, 2).and_then(|()| out.flush()));
        // Before the reader sees the end.
        let run = cpu::thread_nanoseconds().unwrap_or(0);
        made_us.store(run / 1000, Ordering::Release);
    });
    Source::reading(Box::new(Streamed {
        receiver,
        rest: io::Cursor::new(Vec::new()),
    }))
}

struct Sender(SyncSender<Vec<u8>>);

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.send(bytes.to_vec());
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Streamed {
    receiver: Receiver<Vec<u8>>,
    rest: io::Cursor<Vec<u8>>,
}

impl Read for Streamed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.rest.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            match self.receiver.recv() {
                Ok(bytes) => self.rest = io::Cursor::new(bytes),
                Err(_) => return Ok(0),
            }
        }
    }
}

/// The processor time of this process, also of threads that have ended.
fn cpu_us() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/stat").map_err(|e| failed("reading /proc", e))?;
    // After the name in parentheses: the 12th and 13th are ticks of 10 ms.
    let fields = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok());
    Ok(ticks.sum::<u64>() * 10_000)
}

fn peak_kb() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/status").map_err(|e| failed("reading /proc", e))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| failed("reading /proc", io::Error::other("no VmHWM in status")))
}

fn failed(action: &str, source: io::Error) -> Error {
    Error::Io {
        action: action.to_owned(),
        source,
    }
}

/// The number of requests in the trail, which makes it about a gigabyte.
const REQUESTS: u64 = 470_000;
const ROUNDS: usize = 3;
const SAMPLE_BYTES: u64 = 64 << 20;
/// When all chains have ended.
const NOW_MS: u64 = 1_801_000_000_000;
