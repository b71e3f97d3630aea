//! What a case file says.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use host::fake::Profile;
use serde::Deserialize;

use super::data::{Pause, RequestData, ResponseData, Timestamp};
use super::place::Places;
use super::{Error, Result};

/// The cases of one file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// The filter, or the bundle, where the configuration does not say it by its keys.
    pub filter: Option<String>,
    /// The plugin configuration, as JSON.
    #[serde(default)]
    pub configuration: String,
    /// The file in which it stands, relative to this one.
    pub configuration_file: Option<String>,
    /// The filter remembers requests, so every case needs it fresh.
    #[serde(default)]
    pub stateful: bool,
    /// What time it is when a case begins. Without it, 2026-01-01T00:00:00Z.
    pub at: Option<Timestamp>,
    /// Environment variables of the VM.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The hosts of cases that name none.
    #[serde(default)]
    hosts: Vec<String>,
    /// Why those cases hold on no other host.
    because: Option<String>,
    /// What others than the upstream respond, such as an identity provider.
    #[serde(rename = "call", default)]
    pub calls: Vec<Call>,
    /// The cases, each of which starts from nothing.
    #[serde(rename = "case")]
    pub cases: Vec<Case>,
    /// Where everything stands in the file.
    #[serde(skip)]
    places: Places,
}

/// A call of a filter to another server, and its response.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The cluster, on nginx hosts `host[:port]`.
    pub cluster: String,
    /// The path without its query; any if there is none.
    pub path: Option<String>,
    /// The response of the server that is called.
    pub response: ResponseData,
}

/// A series of requests to a filter with one configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The name of the case: what it shows.
    pub name: String,
    /// The hosts that it holds on; all if there is nothing.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Why it does not hold on the others.
    pub because: Option<String>,
    /// Why a real Envoy cannot run it.
    pub in_process: Option<String>,
    /// The requests, in order.
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
    /// The request that the client sends.
    pub request: RequestData,
    /// The response of the upstream.
    #[serde(default)]
    pub response: ResponseData,
    /// What client, upstream, log, metrics and audit trail must show.
    pub expect: Expectation,
}

impl Case {
    /// Refuses what no request is like, and expectations that could never fail.
    fn check(&self, line_of: impl Fn(usize, &str) -> usize) -> std::result::Result<(), String> {
        let name = &self.name;
        if self.steps.is_empty() {
            return Err(format!("{name:?} has no step: [[case.step]] begins one"));
        }
        for (number, step) in self.steps.iter().enumerate() {
            let RequestData { method, path, .. } = &step.request;
            // RFC 9112, section 3.2: only these two methods have a target of another form.
            let is_target = match method.to_ascii_uppercase().as_str() {
                "CONNECT" => true,
                "OPTIONS" => path == "*" || path.starts_with('/'),
                _ => path.starts_with('/'),
            };
            if !is_target {
                let line = line_of(number, "request");
                return Err(format!(
                    "line {line}: {name:?}: the path {path:?} does not begin with \"/\""
                ));
            }
            let metrics = step.expect.metrics.keys();
            if let Some(unknown) = metrics.into_iter().find(|name| !is_metric(name)) {
                let line = line_of(number, "metrics");
                return Err(format!(
                    "line {line}: {name:?}: no filter has a metric {unknown:?}; names are like \
                     \"meshward.token-bucket.requests_total;limit=all;outcome=denied\""
                ));
            }
        }
        Ok(())
    }
}

/// Whether a filter may have a metric of this name: which ones it has, only its README tells.
fn is_metric(name: &str) -> bool {
    const FILTERS: [&str; 4] = ["audit-emitter", "jwt-auth", "token-bucket", "pii-redactor"];
    let (name, labels) = name.split_once(';').unwrap_or((name, "x=x"));
    let metric = name
        .strip_prefix("meshward.")
        .and_then(|name| name.split_once('.'));
    let is_named = metric.is_some_and(|(filter, metric)| {
        let is_letter =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        FILTERS.contains(&filter) && !metric.is_empty() && metric.bytes().all(is_letter)
    });
    is_named && labels.split(';').all(|label| label.contains('='))
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
    /// The lines that the filter logged.
    pub log: String,
    /// How much each expected counter rose; `None` on a host without metrics.
    pub metrics: Option<BTreeMap<String, i64>>,
    /// The text of each audit record.
    pub records: Vec<String>,
}

/// How the bodies of request and response are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cuts {
    /// The body arrives in one piece.
    Whole,
    /// The body arrives byte by byte.
    Bytes,
    /// The body arrives in two pieces, cut here.
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

    /// Cuts `bytes` into pieces.
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
        // Its listener has no TLS.
        if self.steps.iter().any(|step| step.request.tls.is_some()) {
            return false;
        }
        let total: Duration = self.steps.iter().map(|step| step.advance.0).sum();
        total <= LONGEST_REAL_WAIT
    }
}

const LONGEST_REAL_WAIT: Duration = Duration::from_secs(3);

impl Call {
    /// All of a cluster responds with this body, JSON.
    #[must_use]
    pub fn new(cluster: String, body: Vec<u8>) -> Self {
        Self {
            cluster,
            path: None,
            response: ResponseData {
                body: body.into(),
                ..ResponseData::default()
            },
        }
    }
}

impl Step {
    /// Makes a step that expects nothing.
    #[must_use]
    pub fn new(request: RequestData, response: ResponseData) -> Self {
        Self {
            advance: Pause::default(),
            request,
            response,
            expect: Expectation::default(),
        }
    }
}

impl CaseFile {
    /// Makes a file without cases for this configuration.
    #[must_use]
    pub fn of_configuration(configuration: String) -> Self {
        Self {
            configuration,
            ..Self::default()
        }
    }

    /// Reads a file, and the files that it names.
    ///
    /// # Errors
    /// One cannot be read, or the file is not in the format; the line is told.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let fail = |reason: String| Error::File {
            path: name.clone(),
            reason,
        };
        let text = fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, folder).map_err(fail)
    }

    /// Reads the text of a file that stands in `folder`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, folder: &Path) -> std::result::Result<Self, String> {
        let mut file: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        file.places = Places::of(text);
        let read = |name: &str| {
            fs::read(folder.join(name)).map_err(|error| format!("{name} cannot be read: {error}"))
        };
        match (&file.configuration_file, file.configuration.is_empty()) {
            (Some(name), true) => {
                file.configuration =
                    String::from_utf8(read(name)?).map_err(|_| format!("{name} is not UTF-8"))?;
            }
            (None, false) => {}
            (Some(_), false) => {
                return Err("configuration and configuration_file exclude each other".to_owned());
            }
            (None, true) => return Err("configuration or configuration_file is missing".to_owned()),
        }
        for call in &mut file.calls {
            call.response.body.resolve(&read)?;
        }
        for case in &mut file.cases {
            for step in &mut case.steps {
                step.request.body.resolve(&read)?;
                step.response.body.resolve(&read)?;
            }
            if file.at.is_some() {
                let why = || "a real Envoy goes by the clock of the machine".to_owned();
                case.in_process.get_or_insert_with(why);
            }
            if case.hosts.is_empty() {
                case.hosts.clone_from(&file.hosts);
                case.because.clone_from(&file.because);
            }
            if let Some(unknown) = case
                .hosts
                .iter()
                .find(|host| Profile::ALL.iter().all(|profile| profile.name() != **host))
            {
                return Err(format!(
                    "{:?}: unknown host {unknown:?}; there are envoy, apisix and kong",
                    case.name
                ));
            }
            if !case.hosts.is_empty() && case.because.is_none() {
                return Err(format!("{:?} is restricted without a reason", case.name));
            }
        }
        if file.cases.is_empty() {
            return Err("there is no case in it: [[case]] begins one".to_owned());
        }
        for (number, case) in file.cases.iter().enumerate() {
            case.check(|step, key| file.places.line_of(number, step, key))?;
        }
        Ok(file)
    }

    /// The line of what a step expects, or else of the step.
    #[must_use]
    pub fn line_of(&self, case: usize, step: usize, key: &str) -> usize {
        self.places.line_of(case, step, key)
    }
}

/// Something that is not as a case expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The number of the step, from 1.
    pub step: usize,
    /// The line in the file.
    pub line: usize,
    /// How the bodies were cut.
    pub cuts: Cuts,
    /// The key of the expectation.
    pub key: &'static str,
    /// What was expected, and what was found.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}, step {}", self.line, self.step)?;
        match self.cuts {
            Cuts::Whole => {}
            Cuts::Bytes => out.write_str(", bodies cut after every byte")?,
            Cuts::At(place) => write!(out, ", bodies cut at {place}")?,
        }
        write!(out, ": {}", self.message)
    }
}
