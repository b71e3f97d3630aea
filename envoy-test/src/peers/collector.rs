//! A collector of audit records: an OpenTelemetry receiver that keeps what it got.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::Method;
use hyper::header::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::otlp::{self, Record};
use super::server::{Exchange, Handler, Server, response};
use crate::error::Context as _;
use crate::frames::{self, Body};
use crate::{Error, Result};

/// How a collector treats what it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// The collector accepts what it is sent.
    #[default]
    Accepting,
    /// Refuses it with this status.
    Refusing(u16),
    /// Takes it, but only after this long.
    Slow(Duration),
    /// Never answers, and does not take it.
    Hanging,
    /// Takes everything and looks at nothing: where records are many and nobody asks for them.
    Discarding,
    /// Says that it has not taken one of the records, and takes none.
    PartialSuccess,
}

/// A collector that can be stopped and started again on its port.
///
/// `POST /v1/logs` takes records, `GET /records` shows them.
pub struct Collector {
    server: Server,
    state: Shared,
}

type Shared = Arc<(Mutex<State>, Condvar)>;

#[derive(Default)]
struct State {
    mood: Mood,
    /// The records that were received.
    records: Vec<Record>,
    /// Everything, also what was said about the trail itself, as it came.
    trail: Vec<String>,
    /// Whole requests, where somebody wants to look at them.
    requests: Option<Vec<(String, Vec<u8>)>>,
    /// Where the batches go, one a line.
    file: Option<File>,
    batches: u64,
    refused: u64,
    malformed: Vec<String>,
}

impl Collector {
    /// Starts it; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(listen: SocketAddr) -> Result<Self> {
        let state = Shared::default();
        let shared = Arc::clone(&state);
        let handler: Handler = Arc::new(move |exchange| {
            let state = Arc::clone(&shared);
            Box::pin(async move { respond(&state, exchange).await })
        });
        Ok(Self {
            server: Server::start(listen, handler)?,
            state,
        })
    }

    /// The address that the collector listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Closes its port and its connections. What it has, it keeps.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Opens the same port again.
    ///
    /// # Errors
    /// When something else has taken it meanwhile.
    pub fn resume(&mut self) -> Result<()> {
        self.server.resume()
    }

    /// Says how it treats what it is sent from now on.
    pub fn set_mood(&self, mood: Mood) {
        lock(&self.state).mood = mood;
    }

    /// The records of requests that it has taken so far, in the order of arrival.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        lock(&self.state).records.clone()
    }

    /// The text of every record that it has taken so far, also of those about the trail itself.
    #[must_use]
    pub fn trail(&self) -> Vec<String> {
        lock(&self.state).trail.clone()
    }

    /// Keeps whole requests from now on.
    pub fn keep_requests(&self) {
        lock(&self.state).requests = Some(Vec::new());
    }

    /// Appends every batch that arrives as JSON to a new file, one a line, as the file exporter of the
    /// OpenTelemetry collector does.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn write_to(&self, path: &Path) -> Result<()> {
        let context = format!("writing {}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).context(context.clone())?;
        }
        lock(&self.state).file = Some(File::create(path).context(context)?);
        Ok(())
    }

    /// The media types and bodies of the requests that it was told to keep.
    #[must_use]
    pub fn requests(&self) -> Vec<(String, Vec<u8>)> {
        lock(&self.state).requests.clone().unwrap_or_default()
    }

    /// How many requests it has taken.
    #[must_use]
    pub fn batches(&self) -> u64 {
        lock(&self.state).batches
    }

    /// How many requests it has refused because of its mood.
    #[must_use]
    pub fn refused(&self) -> u64 {
        lock(&self.state).refused
    }

    /// What was wrong with requests that do not follow the protocol.
    #[must_use]
    pub fn malformed(&self) -> Vec<String> {
        lock(&self.state).malformed.clone()
    }

    /// Waits until it has taken `count` records of requests, and returns them all.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when they do not come.
    pub fn wait_for(&self, count: usize) -> Result<Vec<Record>> {
        let what = format!("{count} audit records");
        self.wait_until(&what, |state| state.records.len() >= count)?;
        Ok(self.records())
    }

    /// Waits until it has refused `count` requests.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when they do not come.
    pub fn wait_for_refused(&self, count: u64) -> Result<()> {
        self.wait_until(&format!("{count} refused requests"), |state| {
            state.refused >= count
        })
    }

    fn wait_until(&self, what: &str, condition: impl Fn(&State) -> bool) -> Result<()> {
        let patience = Duration::from_secs(30);
        let deadline = Instant::now() + patience;
        let mut state = lock(&self.state);
        while !condition(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::TimedOut {
                    what: format!("{what}; the collector has {}", state.records.len()),
                    seconds: patience.as_secs(),
                });
            }
            let waited = self.state.1.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }
}

async fn respond(state: &Shared, exchange: Exchange) -> hyper::Response<Body> {
    match (&exchange.head.method, exchange.head.uri.path()) {
        (&Method::POST, "/v1/logs") => take(state, exchange).await,
        (&Method::GET, "/records") => {
            let records: Vec<_> = lock(state).records.iter().map(Record::to_json).collect();
            json_response(200, Value::Array(records).to_string() + "\n")
        }
        _ => json_response(404, r#"{"message":"POST /v1/logs, GET /records"}"#),
    }
}

async fn take(state: &Shared, exchange: Exchange) -> hyper::Response<Body> {
    let mood = lock(state).mood;
    let is_protobuf = exchange
        .head
        .headers
        .get("content-type")
        .is_some_and(|kind| kind == PROTOBUF);
    match mood {
        Mood::Discarding if is_protobuf => return protobuf_response(200, &[]),
        Mood::Discarding => return json_response(200, r#"{"partialSuccess":{}}"#),
        Mood::Refusing(status) => {
            change(state, |state| state.refused += 1);
            return json_response(status, r#"{"message":"not now"}"#);
        }
        Mood::Slow(delay) => tokio::time::sleep(delay).await,
        Mood::Hanging => std::future::pending::<()>().await,
        Mood::PartialSuccess => {
            change(state, |state| state.refused += 1);
            if is_protobuf {
                // partial_success = 1 { rejected_log_records = 1: 1, error_message = 2: "no" }
                return protobuf_response(200, &[0x0a, 6, 0x08, 1, 0x12, 2, b'n', b'o']);
            }
            let body = r#"{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"no"}}"#;
            return json_response(200, body);
        }
        Mood::Accepting => {}
    }
    let content_type = exchange
        .head
        .headers
        .get("content-type")
        .map(HeaderValue::as_bytes);
    let body = match plain(&exchange) {
        Ok(body) => body,
        Err(reason) => {
            return json_response(400, serde_json::json!({"message": reason}).to_string());
        }
    };
    let read = match content_type {
        Some(b"application/json") => otlp::read_logs(&body),
        // What audit-emitter sends where nothing else is configured, and Envoy's own access logger.
        #[cfg(feature = "bed")]
        Some(b"application/x-protobuf") => otlp::read_protobuf_logs(&body),
        other => Err(format!("content-type {other:?} is not application/json")),
    };
    let media_type = String::from_utf8_lossy(content_type.unwrap_or_default()).into_owned();
    let is_json = media_type == "application/json";
    match read {
        Ok(records) => {
            let mut written = Ok(());
            change(state, |state| {
                if let Some(file) = state.file.as_mut().filter(|_| is_json) {
                    let line = body.iter().filter(|byte| **byte != b'\n').copied();
                    let line: Vec<u8> = line.chain([b'\n']).collect();
                    written = file.write_all(&line);
                    if written.is_err() {
                        return;
                    }
                }
                if let Some(requests) = &mut state.requests {
                    requests.push((media_type, body));
                }
                state
                    .trail
                    .extend(records.iter().map(|record| record.text.clone()));
                let about_requests = |record: &Record| {
                    record.attributes.get("audit.decision") != Some(&Value::from("control"))
                };
                state
                    .records
                    .extend(records.into_iter().filter(about_requests));
                state.batches += 1;
            });
            if let Err(error) = written {
                let message = serde_json::json!({"message": error.to_string()});
                return json_response(503, message.to_string());
            }
            if is_json {
                return json_response(200, r#"{"partialSuccess":{}}"#);
            }
            protobuf_response(200, &[])
        }
        Err(reason) => {
            let message = serde_json::json!({"message": reason}).to_string();
            change(state, |state| state.malformed.push(reason));
            json_response(400, message)
        }
    }
}

/// The body without its content coding.
fn plain(exchange: &Exchange) -> std::result::Result<Vec<u8>, String> {
    let coding = exchange.head.headers.get("content-encoding");
    match coding.map(HeaderValue::as_bytes) {
        None => Ok(exchange.body.to_vec()),
        Some(b"gzip") => {
            let mut body = Vec::new();
            let decoder = flate2::read::GzDecoder::new(exchange.body.as_ref());
            let read = decoder.take(MAX_BODY_BYTES).read_to_end(&mut body);
            read.map(|_| body).map_err(|error| error.to_string())
        }
        Some(other) => Err(format!("content-encoding {other:?} is not gzip")),
    }
}

fn protobuf_response(status: u16, body: &'static [u8]) -> hyper::Response<Body> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(PROTOBUF));
    response(status, headers, frames::whole(body))
}

fn json_response(status: u16, body: impl Into<String>) -> hyper::Response<Body> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    response(status, headers, frames::whole(body.into()))
}

fn change(state: &Shared, change: impl FnOnce(&mut State)) {
    change(&mut lock(state));
    state.1.notify_all();
}

fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.0.lock().unwrap_or_else(PoisonError::into_inner)
}

const PROTOBUF: &str = "application/x-protobuf";

const MAX_BODY_BYTES: u64 = 64 * 1024 * 1024;
