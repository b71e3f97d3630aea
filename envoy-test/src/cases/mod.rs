//! Case files: what a filter does, as data, run against every way of running it.
//!
//! A file `filters/<filter>/cases/<topic>.toml` has one configuration and cases that start from
//! nothing, each a series of requests:
//!
//! ```toml
//! configuration = '''{ "limits": [{ "name": "a", "key": ["ip"], "rate": "1/day", "burst": 1 }] }'''
//!
//! [[case]]
//! name = "the second request is refused"
//!
//! [[case.step]]
//! request = { method = "GET", path = "/a" }
//! expect = { status = 200 }
//!
//! [[case.step]]
//! request = { path = "/a" }
//! response = { status = 200, headers = { content-type = "application/json" }, body = "{}" }
//! expect = { status = 429, contains = ["rate_limited"], upstream = false }
//! ```
//!
//! A request may have `headers`; a response (JSON, `200` and `{}` by default) `headers` and a `body`. What
//! is expected: `status`, `body` (exactly), `contains`, `headers` (exactly), `absent` headers,
//! `upstream` (whether the request arrived there), `upstream_headers`, `upstream_absent`. `stateful`
//! says that the filter remembers requests. `hosts` restricts a case to some of `envoy`, `kong` and `apisix`, with the reason in `because`.
//!
//! Responses are cut in every way that [`Cuts`] names, and each must give the same.

mod backend;
mod expect;

pub use backend::{Backend, InProcess, RealEnvoy};

use std::collections::BTreeMap;
use std::fs;

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
    /// The requests in order.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// A request, what the upstream answers, and what is expected.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What the client sends.
    pub request: RequestData,
    /// What the upstream answers.
    #[serde(default)]
    pub response: ResponseData,
    /// What becomes of it.
    pub expect: Expectation,
}

/// What a client sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestData {
    /// `GET` if there is nothing.
    #[serde(default = "get")]
    pub method: String,
    /// With its query.
    pub path: String,
    /// By name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// What an upstream answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponseData {
    /// `200` if there is nothing.
    pub status: u16,
    /// By name; `content-type: application/json` is there unless another one is.
    pub headers: BTreeMap<String, String>,
    /// `{}` if there is nothing.
    pub body: String,
}

/// What is expected of an exchange; what is not named is not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    /// The status that the client gets.
    pub status: Option<u16>,
    /// The body that the client gets.
    pub body: Option<String>,
    /// Parts of the body that the client gets.
    pub contains: Vec<String>,
    /// Headers that the client gets.
    pub headers: BTreeMap<String, String>,
    /// Headers that the client does not get.
    pub absent: Vec<String>,
    /// Whether the request arrives at the upstream.
    pub upstream: Option<bool>,
    /// Headers that the upstream gets; `:path` is the path.
    pub upstream_headers: BTreeMap<String, String>,
    /// Headers that the upstream does not get.
    pub upstream_absent: Vec<String>,
}

/// What was seen of an exchange.
#[derive(Debug, Default)]
pub struct Seen {
    /// The status that the client got.
    pub status: u16,
    /// The headers that the client got.
    pub headers: BTreeMap<String, String>,
    /// The body that the client got.
    pub body: String,
    /// The headers that the upstream got, and `:path`; `None` if nothing arrived.
    pub upstream: Option<BTreeMap<String, String>>,
}

/// How the body of a response is cut.
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
    pub fn of(body: &str) -> Vec<Self> {
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
    pub fn pieces(self, body: &str) -> Vec<Vec<u8>> {
        let bytes = body.as_bytes();
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

impl Default for ResponseData {
    fn default() -> Self {
        let json = ("content-type".to_owned(), "application/json".to_owned());
        Self {
            status: 200,
            headers: BTreeMap::from([json]),
            body: "{}".to_owned(),
        }
    }
}

impl Case {
    /// Whether it holds on this host.
    #[must_use]
    pub fn holds_on(&self, profile: Profile) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|host| host == profile.name())
    }
}

/// The case files of a filter, by name.
///
/// # Errors
/// One cannot be read, or there is none.
pub fn of_filter(filter: &str) -> Result<Vec<(String, CaseFile)>> {
    let folder = paths::root().join("filters").join(filter).join("cases");
    let mut files = Vec::new();
    let entries = fs::read_dir(&folder).context(format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry.context("reading case files".to_owned())?.path();
        let file = path.display().to_string();
        let text = fs::read_to_string(&path).context(format!("reading {file}"))?;
        let cases: CaseFile = toml::from_str(&text).map_err(|error| Error::Config {
            file: file.clone(),
            reason: error.to_string(),
        })?;
        for case in &cases.cases {
            if !case.hosts.is_empty() && case.because.is_none() {
                let reason = format!("{:?} is restricted without a reason", case.name);
                return Err(Error::Config { file, reason });
            }
        }
        files.push((file, cases));
    }
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
    let longest = case
        .steps
        .iter()
        .map(|step| step.response.body.as_str())
        .max_by_key(|b| b.len());
    let mut differences = Vec::new();
    for cuts in backend.cuts(longest.unwrap_or_default()) {
        backend.begin(file)?;
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

fn get() -> String {
    "GET".to_owned()
}
