//! What the filters of a configuration do with a request, and why: a request is taken through a simulated
//! proxy, and what the filters decide by is listened to.

mod outage;
mod sections;
mod text;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use cases::{
    Backend as _, Call, CaseFile, Cuts, HeaderValues, InProcess, RequestData, ResponseData, Step,
    Timestamp, Tls, TlsVersion,
};
pub use host::fake::Profile;
use outage::{Outage, Service};
use policy::config::Problems;
use policy::explain;
pub use sections::Explanation;
use serde_json::{Map, Value};
pub use text::{Chapter, Paint, Tone};

use crate::caller::{Callers, authenticates, present};
use crate::check::configured::{self, Configured};
use crate::check::connection_manager;
use crate::check::{BUNDLE, parsed};
use crate::members::set;
use crate::simulated;

/// A request, and what it is tried with. What each word looks like is what the options of
/// `meshward explain` look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// A configuration, or a manifest with some.
    pub configuration: String,
    /// Which filter of the manifest, or whose configuration it is.
    pub filter: Option<String>,
    /// The request line: `GET /orders/17`.
    pub request: String,
    /// Headers of the request: `name: value`.
    pub headers: Vec<String>,
    /// The body of the request.
    pub request_body: Option<Vec<u8>>,
    /// The verified claims of the caller, as JSON, in place of a token.
    pub claims: Option<Vec<u8>>,
    /// The keys that providers respond with.
    pub jwks: Option<Vec<u8>>,
    /// The address that the request comes from.
    pub client: IpAddr,
    /// The name of the route.
    pub route: Option<String>,
    /// The version of TLS that the connection has.
    pub tls: Option<TlsVersion>,
    /// What the proxy tells of the certificate of the client: `uri_san=spiffe://example.com/job`.
    pub certificate: Vec<String>,
    /// What the upstream responds: `HTTP/1.1 200`.
    pub response: Option<String>,
    /// The headers of the response: `name: value`.
    pub response_headers: Vec<String>,
    /// The body of the response.
    pub body: Option<Vec<u8>>,
    /// Environment variables of the filters, `NAME=VALUE`; those that are not given are made up.
    pub env: Vec<String>,
    /// The same request so many times: the last is explained.
    pub times: u32,
    /// The time of the request, since 1970.
    pub at: Duration,
    /// The host that is simulated; by default that of the manifest, or Envoy.
    pub profile: Option<Profile>,
}

impl Default for Question {
    fn default() -> Self {
        Self {
            configuration: String::new(),
            filter: None,
            request: String::new(),
            headers: Vec::new(),
            request_body: None,
            claims: None,
            jwks: None,
            client: Ipv4Addr::LOCALHOST.into(),
            route: None,
            tls: None,
            certificate: Vec::new(),
            response: None,
            response_headers: Vec::new(),
            body: None,
            env: Vec::new(),
            times: 1,
            at: Duration::ZERO,
            profile: None,
        }
    }
}

/// Why there is no explanation.
#[derive(Debug)]
pub enum Unexplained {
    /// The filter refuses the configuration.
    Refused(Problems),
    /// A part of the question is not what it should be: which, by the option of `meshward explain`, and why.
    Mistaken(&'static str, String),
    /// The request cannot be tried.
    Failed(String),
}

impl From<String> for Unexplained {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

/// Explains a request.
///
/// # Errors
/// The configuration is refused, or a part of the question is not what it should be.
pub fn explain(question: &Question) -> Result<Explanation, Unexplained> {
    let mut configured = configured::one(&question.configuration, question.filter.as_deref())
        .map_err(mistaken("config"))?;
    parsed(configured.filter, &configured.json).map_err(Unexplained::Refused)?;
    let given = configured.clone();
    let mut step = step(question)?;
    if let Some(text) = &question.claims {
        let claims = claims(text).map_err(mistaken("claims"))?;
        let callers = match authenticates(configured.filter, &configured.json) {
            true => Some(Callers::of(configured.filter, &configured.json)?),
            false => None,
        };
        let now_s = question.at.as_secs();
        present(&mut step.request, callers.as_ref(), &claims, now_s)?;
        if let Some(callers) = callers {
            configured.json = callers.configuration;
        }
    }
    let profile = question.profile.or(configured.profile);
    let asked = step.request.clone();
    let mut remarks = Vec::new();
    let mut own_response = None;
    if profile == Some(Profile::Envoy) {
        let filter = question.filter.as_deref();
        match connection_manager::around(&question.configuration, filter) {
            Ok(None) => {}
            Ok(Some(manager)) => match manager.receive(&mut step.request) {
                Ok(said) => remarks = said,
                Err(response) => own_response = Some(response),
            },
            Err(remark) => remarks.push(remark.to_owned()),
        }
    }
    let trial = Trial {
        profile: profile.unwrap_or(Profile::Envoy),
        environment: environment(&configured.json, &question.env).map_err(mistaken("env"))?,
        calls: match &question.jwks {
            Some(keys) => self::keys(&configured, keys),
            None => Vec::new(),
        },
        question,
        step,
    };
    let (filter, profile) = (configured.filter, trial.profile);
    let refused = simulated::refusals(filter, profile, &configured.json, &trial.environment);
    refused.map_or(Ok(()), |problems| Err(Unexplained::Refused(problems)))?;
    if let Some(response) = own_response {
        return Ok(Explanation::of_proxy(
            &configured,
            profile,
            &asked,
            response,
        ));
    }
    let mut explanation = trial.run(&configured, None)?;
    explanation.received(&asked, remarks);
    // What was used up by the same request before would have to be used up again each time.
    if question.times == 1 {
        // Claims stand for a token, whose key is among those that the provider has; here it has to fetch them.
        let fetching = with_jwks_of(&given, &configured);
        for service in Service::all(&given) {
            let configured = match service.is_of_auth {
                true => &fetching,
                false => &configured,
            };
            let then = trial.run(configured, Some(&service))?;
            let outage = Outage::of(service, &explanation, &then);
            explanation.outages.push(outage);
        }
    }
    Ok(explanation)
}

/// Longer than anything that a filter waits for by default.
const PATIENCE: Duration = Duration::from_secs(60);

/// A configuration whose providers have the keys that those of another one have.
fn with_jwks_of(given: &Configured, configured: &Configured) -> Configured {
    let value = |json: &str| -> Value { serde_json::from_str(json).unwrap_or_default() };
    let (given, mut whole) = (value(&given.json), value(&configured.json));
    let path = match configured.filter {
        BUNDLE => "/auth/providers",
        _ => "/providers",
    };
    let before = given.pointer(path).and_then(Value::as_object);
    let providers = whole.pointer_mut(path).and_then(Value::as_object_mut);
    for (name, provider) in providers.into_iter().flatten() {
        let jwks = before.and_then(|before| before.get(name)?.get("jwks"));
        if let Some(jwks) = jwks {
            set(provider, "jwks", jwks.clone());
        }
    }
    Configured {
        json: whole.to_string(),
        ..configured.clone()
    }
}

/// What is tried, with what around it.
struct Trial<'q> {
    question: &'q Question,
    profile: Profile,
    environment: BTreeMap<String, String>,
    calls: Vec<Call>,
    step: Step,
}

impl Trial<'_> {
    /// The request in a proxy of its own, in which one service may be away.
    fn run(&self, configured: &Configured, away: Option<&Service>) -> Result<Explanation, String> {
        let mut file = CaseFile::of_configuration(published(configured));
        file.environment.clone_from(&self.environment);
        let calls = self.calls.iter();
        let calls = calls.filter(|call| away.is_none_or(|away| call.cluster != away.name));
        file.calls = calls.cloned().collect();
        file.at = Some(Timestamp(self.question.at));
        let (filter, profile) = (configured.filter, self.profile);
        let proxy = InProcess::new(move || Ok(crate::proxy(filter, profile)));
        let mut proxy = proxy.patient(PATIENCE);
        if away.is_some_and(|away| away.is_sink) {
            // Its batches are calls to something that cannot be reached.
            proxy = proxy.reading(|_, _| Ok(None));
        }
        let case = cases::Case::default();
        proxy
            .begin(&file, &case)
            .map_err(|error| error.to_string())?;
        // No time passes between them, not even that in which records leave.
        let before = Step::new(self.step.request.clone(), self.step.response.clone());
        for _ in 1..self.question.times {
            proxy
                .exchange(&before, Cuts::Whole)
                .map_err(|error| error.to_string())?;
        }
        let (transcript, steps) = explain::listen(|| proxy.transcript(&self.step, Cuts::Whole));
        let transcript = transcript.map_err(|error| error.to_string())?;
        Ok(Explanation::new(
            configured,
            profile,
            &self.step,
            &transcript,
            steps,
        ))
    }
}

fn mistaken(option: &'static str) -> impl Fn(String) -> Unexplained {
    move |message| Unexplained::Mistaken(option, message)
}

/// A request target without the version behind it.
fn without_version(target: &str) -> &str {
    match target.rsplit_once(' ') {
        Some((path, version)) if version.starts_with("HTTP/") => path.trim_end(),
        _ => target,
    }
}

fn step(question: &Question) -> Result<Step, Unexplained> {
    let line = question.request.as_str();
    let (method, path) = line
        .trim()
        .split_once(' ')
        .map(|(method, path)| (method, without_version(path.trim())))
        .filter(|(_, path)| path.starts_with('/'))
        .ok_or_else(|| format!("{line:?}: expected \"METHOD /path\""))
        .map_err(mistaken("request"))?;
    let mut request = RequestData::new(method, path);
    request.headers = headers(&question.headers).map_err(mistaken("header"))?;
    request.client = question.client;
    request.route.clone_from(&question.route);
    request.tls = connection(question).map_err(mistaken("certificate"))?;
    if let Some(host) = request.headers.remove("host") {
        request.headers.insert(":authority".to_owned(), host);
    }
    if let Some(body) = &question.request_body {
        request.body = body.clone().into();
    }
    let mut response = ResponseData::default();
    if let Some(line) = &question.response {
        let status = line
            .split_ascii_whitespace()
            .find_map(|word| word.parse::<u16>().ok())
            .filter(|status| (100..=599).contains(status));
        response.status = status
            .ok_or_else(|| format!("{line:?}: expected \"HTTP/1.1 200\""))
            .map_err(mistaken("response"))?;
    }
    let given = headers(&question.response_headers).map_err(mistaken("response-header"))?;
    if given.contains_key("content-type") {
        response.headers = given;
    } else {
        response.headers.extend(given);
    }
    if let Some(body) = &question.body {
        response.body = body.clone().into();
    }
    let mut step = Step::new(request, response);
    // Waits for the record.
    step.expect.records = Some(Vec::new());
    Ok(step)
}

/// What is known of the connection.
fn connection(question: &Question) -> Result<Option<Tls>, String> {
    if question.tls.is_none() && question.certificate.is_empty() {
        return Ok(None);
    }
    let mut tls = Tls {
        version: question.tls.unwrap_or_default(),
        ..Tls::default()
    };
    for pair in &question.certificate {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("{pair:?}: expected FIELD=VALUE"))?;
        let field = match name.trim() {
            "uri_san" => &mut tls.uri_san,
            "dns_san" => &mut tls.dns_san,
            "subject" => &mut tls.subject,
            "sha256" => &mut tls.sha256,
            other => {
                return Err(format!(
                    "{pair:?}: no such field: {other}; there are uri_san, dns_san, subject and sha256"
                ));
            }
        };
        if field.replace(value.trim().to_owned()).is_some() {
            return Err(format!("{} is given twice", name.trim()));
        }
    }
    Ok(Some(tls))
}

fn headers(lines: &[String]) -> Result<BTreeMap<String, HeaderValues>, String> {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .filter(|(name, _)| !name.trim().is_empty())
            .ok_or_else(|| format!("{line:?}: expected \"name: value\""))?;
        let values = headers.entry(name.trim().to_ascii_lowercase()).or_default();
        values.push(value.trim().to_owned());
    }
    let several = |(name, values)| (name, HeaderValues::Several(values));
    Ok(headers.into_iter().map(several).collect())
}

fn claims(text: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(claims)) => Ok(claims),
        Ok(_) => Err("expected an object of claims".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The configuration, with what the filters of the bundle tell each other laid open.
fn published(configured: &Configured) -> String {
    if configured.filter != BUNDLE {
        return configured.json.clone();
    }
    let mut whole: Value = serde_json::from_str(&configured.json).unwrap_or_default();
    let all = serde_json::json!(["identity", "decisions", "within_limits"]);
    set(&mut whole, "publish", all);
    whole.to_string()
}

/// The variables that a configuration names: as given, else made up.
fn environment(json: &str, given: &[String]) -> Result<BTreeMap<String, String>, String> {
    let mut variables = simulated::environment(json);
    for pair in given {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("{pair:?}: expected NAME=VALUE"))?;
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}

/// Each provider that fetches its keys gets these.
fn keys(configured: &Configured, keys: &[u8]) -> Vec<Call> {
    let whole: Value = serde_json::from_str(&configured.json).unwrap_or_default();
    let auth = match configured.filter {
        BUNDLE => whole.get("auth").cloned().unwrap_or_default(),
        _ => whole,
    };
    let providers = auth.get("providers").and_then(Value::as_object);
    let clusters = providers.into_iter().flatten().filter_map(|(_, provider)| {
        let cluster = provider.pointer("/jwks/remote/cluster")?;
        cluster.as_str().map(str::to_owned)
    });
    clusters
        .map(|cluster| Call::new(cluster, keys.to_vec()))
        .collect()
}
