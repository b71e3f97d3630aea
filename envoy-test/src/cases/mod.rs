//! Case files: what a filter does, as data, run against every way of running it.
//!
//! A file `filters/<filter>/cases/<topic>.toml` has one configuration and cases, each a series of
//! exchanges that starts from a fresh filter:
//!
//! ```toml
//! configuration = '''{ "limits": [{ "name": "a", "key": ["ip"], "rate": "1/day", "burst": 1 }] }'''
//! environment = { MESHWARD_KEY = "..." }
//!
//! [[case]]
//! name = "the second request is refused"
//!
//! [[case.step]]
//! request = { method = "GET", path = "/a", headers = { x-tag = ["1", "2"] } }
//! expect = { status = 200 }
//!
//! [[case.step]]
//! advance = "1s"
//! request = { method = "POST", path = "/a", body = "{}" }
//! response = { status = 200, headers = { content-type = "application/json" }, body = "{}" }
//! expect = { status = 429, contains = ["rate_limited"], upstream = false }
//! ```
//!
//! | table | key | meaning |
//! | --- | --- | --- |
//! | file | `stateful` | the filter remembers requests, so a real Envoy is started for every case |
//! | file | `environment` | environment variables of the VM |
//! | file, case | `hosts`, `because` | runs only on these of `envoy`, `kong` and `apisix`, and the reason |
//! | case | `in_process` | why it runs in the in-process hosts alone, and not in a real Envoy |
//! | step | `advance` | lets this much time pass first, on a real Envoy in real time |
//! | request | `method`, `path`, `headers`, `body`, `body_base64` | a header may be a list: one line for each value |
//! | response | `status`, `headers`, `body`, `body_base64` | `200`, JSON and `{}` by default |
//! | expect | `status`, `body`, `contains`, `lacks`, `headers`, `absent` | what the client receives |
//! | expect | `upstream`, `upstream_headers`, `upstream_absent`, `upstream_body`, `upstream_contains`, `upstream_lacks` | what the upstream receives; `:path` and `:method` are headers |
//! | expect | `logs`, `logs_lack` | parts of the lines that the filter logs during the step |
//! | expect | `metrics` | by how much counters rise during the step, by full name: `meshward.jwt-auth.requests_total;outcome=denied` |
//! | expect | `records` | the audit records of the step: for each, values by dotted path; `"absent"` members are listed under the key `-` |
//!
//! What is not named is not compared. A header that came more than once is compared as its values
//! joined by `, `. Bodies are cut in every way that [`Cuts`] names, and each must give the same.

mod backend;
mod data;
mod expect;

pub use backend::{Backend, InProcess, RealEnvoy};
pub use data::{Bytes, HeaderValues, Pause, RequestData, ResponseData};

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use host::fake::Profile;
use serde::Deserialize;

use crate::error::Context;
use crate::{Error, Result, paths};

/// The cases of one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// The plugin configuration.
    pub configuration: String,
    /// The filter remembers requests, so every case needs it fresh.
    #[serde(default)]
    pub stateful: bool,
    /// Environment variables of the VM.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The hosts of cases that name none.
    #[serde(default)]
    hosts: Vec<String>,
    /// Why those cases hold on no other host.
    because: Option<String>,
    /// The cases, each of which starts from nothing.
    #[serde(rename = "case")]
    pub cases: Vec<Case>,
}

/// A series of requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The hosts that it holds on; all if there is nothing.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Why it does not hold on the others.
    pub because: Option<String>,
    /// Why a real Envoy cannot run it.
    pub in_process: Option<String>,
    /// The requests in order.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// A request, what the upstream responds, and what is expected.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// How much time passes before it.
    #[serde(default)]
    pub advance: Pause,
    /// What the client sends.
    pub request: RequestData,
    /// What the upstream responds.
    #[serde(default)]
    pub response: ResponseData,
    /// What client, upstream, log, metrics and audit trail must show.
    pub expect: Expectation,
}

/// What is expected of an exchange; what is not named is not compared.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    /// The status that the client receives.
    pub status: Option<u16>,
    /// The body that the client receives.
    pub body: Option<String>,
    /// Parts of the body that the client receives.
    pub contains: Vec<String>,
    /// What the body that the client receives must not contain.
    pub lacks: Vec<String>,
    /// Headers that the client receives.
    pub headers: BTreeMap<String, String>,
    /// Headers that the client does not receive.
    pub absent: Vec<String>,
    /// Whether the request reaches the upstream.
    pub upstream: Option<bool>,
    /// Headers that the upstream receives; `:path` is the path.
    pub upstream_headers: BTreeMap<String, String>,
    /// Headers that the upstream does not receive.
    pub upstream_absent: Vec<String>,
    /// The body that the upstream receives.
    pub upstream_body: Option<String>,
    /// Parts of the body that the upstream receives.
    pub upstream_contains: Vec<String>,
    /// What the body that the upstream receives must not contain.
    pub upstream_lacks: Vec<String>,
    /// Parts of the log lines of the step.
    pub logs: Vec<String>,
    /// What no log line of the step may contain.
    pub logs_lack: Vec<String>,
    /// By how much counters rise during the step. A host without metrics has nothing to compare.
    pub metrics: BTreeMap<String, i64>,
    /// The audit records of the step, in order: values by dotted path, `-` lists absent paths.
    pub records: Option<Vec<BTreeMap<String, toml::Value>>>,
}

impl Expectation {
    /// Whether anything is expected that a filter writes after the exchange, with its tick.
    pub(crate) fn awaits_tick(&self) -> bool {
        !self.metrics.is_empty() || self.records.is_some()
    }
}

/// What was seen of an exchange.
#[derive(Debug, Default)]
pub struct Seen {
    /// The status that the client received.
    pub status: u16,
    /// The headers that the client received.
    pub headers: BTreeMap<String, String>,
    /// The body that the client received.
    pub body: String,
    /// The headers that the upstream received, `:method` and `:path`; `None` if nothing arrived.
    pub upstream: Option<BTreeMap<String, String>>,
    /// The body that the upstream received.
    pub upstream_body: String,
    /// What the filter logged.
    pub log: String,
    /// How much each expected counter rose; `None` on a host without metrics.
    pub metrics: Option<BTreeMap<String, i64>>,
    /// The text of each audit record.
    pub records: Vec<String>,
}

/// How the bodies of request and response are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cuts {
    /// Not at all.
    Whole,
    /// After every byte.
    Bytes,
    /// Once, here.
    At(usize),
}

impl Cuts {
    /// Whole, byte by byte, and once at every place; of a long body at some places.
    #[must_use]
    pub fn of(body: &[u8]) -> Vec<Self> {
        let mut cuts = vec![Self::Whole];
        if body.len() > 2 {
            cuts.push(Self::Bytes);
            let step = body.len().div_ceil(64);
            cuts.extend((1..body.len()).step_by(step).map(Self::At));
        }
        cuts
    }

    /// The pieces of `body`.
    #[must_use]
    pub fn pieces(self, bytes: &[u8]) -> Vec<Vec<u8>> {
        match self {
            Self::Whole => vec![bytes.to_vec()],
            Self::Bytes => bytes.iter().map(|byte| vec![*byte]).collect(),
            Self::At(place) => {
                let (left, right) = bytes.split_at(place.min(bytes.len()));
                vec![left.to_vec(), right.to_vec()]
            }
        }
    }
}

impl Case {
    /// Whether it holds on this host.
    #[must_use]
    pub fn holds_on(&self, profile: Profile) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|host| host == profile.name())
    }

    /// Whether a real Envoy can run it: nothing speaks against it, and little time has to pass.
    #[must_use]
    pub fn runs_in_real_envoy(&self) -> bool {
        if !self.holds_on(Profile::Envoy) || self.in_process.is_some() {
            return false;
        }
        let total: Duration = self.steps.iter().map(|step| step.advance.0).sum();
        total <= LONGEST_REAL_WAIT
    }
}

const LONGEST_REAL_WAIT: Duration = Duration::from_secs(3);

/// The case files of a filter, as `jwt-auth::tokens` and in this order.
///
/// # Errors
/// One cannot be read, or there is none.
pub fn of_filter(filter: &str) -> Result<Vec<(String, CaseFile)>> {
    let folder = paths::root().join("filters").join(filter).join("cases");
    let mut files = Vec::new();
    let entries = fs::read_dir(&folder).context(format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry.context("reading case files".to_owned())?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let file = format!("{filter}::{stem}");
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = fs::read_to_string(&path).context(format!("reading {file}"))?;
        let mut cases: CaseFile = toml::from_str(&text).map_err(|error| Error::Config {
            file: file.clone(),
            reason: error.to_string(),
        })?;
        for case in &mut cases.cases {
            if case.hosts.is_empty() {
                case.hosts.clone_from(&cases.hosts);
                case.because.clone_from(&cases.because);
            }
            if !case.hosts.is_empty() && case.because.is_none() {
                let reason = format!("{:?} is restricted without a reason", case.name);
                return Err(Error::Config { file, reason });
            }
        }
        files.push((file, cases));
    }
    files.sort_by(|(left, _), (right, _)| left.cmp(right));
    if files.is_empty() {
        let reason = "has no case files".to_owned();
        return Err(Error::Config {
            file: folder.display().to_string(),
            reason,
        });
    }
    Ok(files)
}

/// Runs a case; every difference is a line.
///
/// # Errors
/// The backend cannot run it at all.
pub fn run(case: &Case, file: &CaseFile, backend: &mut dyn Backend) -> Result<Vec<String>> {
    let bodies = case
        .steps
        .iter()
        .flat_map(|step| [step.request.body.as_slice(), step.response.body.as_slice()]);
    let longest = bodies.max_by_key(|body| body.len()).unwrap_or_default();
    let mut differences = Vec::new();
    for cuts in backend.cuts(longest) {
        backend.begin(file, case)?;
        for (number, step) in case.steps.iter().enumerate() {
            let seen = backend.exchange(step, cuts)?;
            for difference in step.expect.differences(&seen) {
                differences.push(format!(
                    "{:?}, step {}, {cuts:?}: {difference}",
                    case.name,
                    number.saturating_add(1)
                ));
            }
        }
    }
    Ok(differences)
}
