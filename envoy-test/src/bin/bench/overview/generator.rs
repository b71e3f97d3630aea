//! Load of two kinds: as much as Envoy takes, and at a fixed rate whatever Envoy takes.
//!
//! Generators that keep a rate and measure percentiles send one and the same request; here each has
//! another token. One thread asks its connections in turn without ever sleeping, because a timer of the
//! system is coarser than the latencies to be measured.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};

const CONNECTIONS: usize = 16;
/// The processor that Envoy has for itself; the load comes from the one before it.
const OF_ENVOY: usize = 1;
const OF_LOAD: usize = 0;
/// A response that takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Requests, one for each token, and where to.
pub(super) struct Generator {
    gateway: SocketAddr,
    requests: Vec<Vec<u8>>,
}

/// How long responses took, in microseconds.
#[derive(Default)]
pub(super) struct Latencies(Vec<f64>);

impl Latencies {
    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let place = sorted.len() * percent / 100;
        sorted.get(place).copied().unwrap_or(f64::NAN)
    }
}

/// When the requests are due.
#[derive(Clone, Copy)]
enum Pace {
    /// Each as soon as a connection is free.
    AtOnce,
    /// One after each interval, free or not; one that has to wait for a connection has begun when it was due.
    Every(Duration),
}

impl Generator {
    pub(super) fn new(gateway: SocketAddr, path: &str, tokens: &[String]) -> Self {
        let request = |token: &String| {
            format!(
                "GET {path} HTTP/1.1\r\nhost: gateway.test\r\nuser-agent: bench/1.0\r\n\
                 authorization: Bearer {token}\r\n\r\n"
            )
        };
        Self {
            gateway,
            requests: tokens
                .iter()
                .map(|token| request(token).into_bytes())
                .collect(),
        }
    }

    /// Sends so many requests as fast as they are answered.
    pub(super) fn closed_loop(&self, count: usize) -> io::Result<()> {
        self.send(count, Pace::AtOnce).map(drop)
    }

    /// Sends requests at a rate.
    pub(super) fn open_loop(&self, per_second: u32, time: Duration) -> io::Result<Latencies> {
        let interval = Duration::from_secs(1) / per_second;
        let count = usize::try_from(time.as_nanos() / interval.as_nanos()).unwrap_or(0);
        self.send(count, Pace::Every(interval))
    }

    fn send(&self, count: usize, pace: Pace) -> io::Result<Latencies> {
        thread::scope(|scope| {
            let sending = scope.spawn(|| {
                pin(None, OF_LOAD)?;
                self.run(count, pace)
            });
            let ended = sending.join();
            ended.map_err(|_| io::Error::other("the generator of load panicked"))?
        })
    }

    fn run(&self, count: usize, pace: Pace) -> io::Result<Latencies> {
        let connections = (0..CONNECTIONS).map(|_| Connection::open(self.gateway));
        let mut connections = connections.collect::<io::Result<Vec<_>>>()?;
        let mut latencies = Vec::with_capacity(count);
        let mut requests = self.requests.iter().cycle();
        let (mut sent, start) = (0_usize, Instant::now());
        let mut due = start;
        while latencies.len() < count {
            for connection in &mut connections {
                if let Some(begun) = connection.begun {
                    if connection.has_response()? {
                        latencies.push(begun.elapsed().as_secs_f64() * 1e6);
                        connection.begun = None;
                    } else if begun.elapsed() > PATIENCE {
                        return Err(io::Error::from(ErrorKind::TimedOut));
                    }
                }
                let is_due = sent < count && due <= Instant::now();
                if let (None, true, Some(request)) = (connection.begun, is_due, requests.next()) {
                    connection.stream.write_all(request)?;
                    sent += 1;
                    match pace {
                        Pace::AtOnce => connection.begun = Some(Instant::now()),
                        Pace::Every(interval) => {
                            connection.begun = Some(due);
                            due += interval;
                        }
                    }
                }
            }
        }
        Ok(Latencies(latencies))
    }
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// When the request was due whose response has not come yet.
    begun: Option<Instant>,
}

impl Connection {
    fn open(gateway: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(gateway)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            received: Vec::new(),
            begun: None,
        })
    }

    /// Takes what has come, and says whether it is a whole response.
    fn has_response(&mut self) -> io::Result<bool> {
        let mut piece = [0; 8192];
        match self.stream.read(&mut piece) {
            Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof)),
            Ok(length) => self.received.extend(piece.iter().take(length)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        let is_whole = is_whole(&self.received)?;
        if is_whole {
            self.received.clear();
        }
        Ok(is_whole)
    }
}

fn is_whole(response: &[u8]) -> io::Result<bool> {
    let end = b"\r\n\r\n";
    let Some(head) = response.windows(end.len()).position(|four| four == end) else {
        return Ok(false);
    };
    let (head, body) = response.split_at(head + end.len());
    let head = String::from_utf8_lossy(head);
    if !head.starts_with("HTTP/1.1 200") {
        let line = head.lines().next().unwrap_or_default();
        return Err(io::Error::other(format!("responded {line:?}")));
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    Ok(
        match length.and_then(|length| length.parse::<usize>().ok()) {
            Some(length) => body.len() >= length,
            None => body.ends_with(b"0\r\n\r\n"),
        },
    )
}

/// Leaves a process one processor of its own, where there are two.
pub(super) fn pin_process(pid: u32) -> io::Result<()> {
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let thread = thread?.file_name().to_string_lossy().parse().ok();
        if let Some(thread) = thread.and_then(Pid::from_raw) {
            pin(Some(thread), OF_ENVOY)?;
        }
    }
    Ok(())
}

fn pin(thread: Option<Pid>, processor: usize) -> io::Result<()> {
    if thread::available_parallelism()?.get() <= OF_ENVOY && thread.is_some() {
        return Err(io::Error::other(
            "needs a processor for Envoy and one for the load",
        ));
    }
    let mut set = CpuSet::new();
    set.set(processor);
    Ok(sched_setaffinity(thread, &set)?)
}
