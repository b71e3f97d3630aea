//! Takes a request through a simulated proxy, and listens to what the filters decide by.

use std::collections::BTreeMap;
use std::time::Duration;

use cases::{
    Backend as _, Call, CaseFile, Cuts, HeaderValues, InProcess, RequestData, ResponseData, Step,
    Tls,
};
use policy::explain;
use serde_json::{Map, Value};

use super::RequestArguments;
use super::sections::Explanation;
use super::text;
use crate::caller::{Callers, authenticates};
use crate::check::configured::{self, Configured};
use crate::check::source;
use crate::check::{BUNDLE, parsed};
use crate::exit;
use crate::members::set;
use crate::output::say;
use crate::simulated;
use crate::test::prepare::present;

/// Explains a request.
pub(super) fn run(arguments: &RequestArguments) -> Result<u8, String> {
    let path = arguments.config.as_deref().unwrap_or_default();
    let source = source::read(path, true)
        .map_err(|error| format!("{} cannot be read: {}", error.name, error.reason))?;
    let mut configured = configured::one(&source.text, arguments.filter.as_deref())
        .map_err(|error| format!("{path}: {error}"))?;
    if let Err(problems) = parsed(configured.filter, &configured.json) {
        for problem in problems.iter() {
            eprintln!("{path}: {problem}");
        }
        return Ok(exit::FOUND);
    }
    let now = match &arguments.at {
        None => Duration::from_millis(trail::time::now_ms()),
        Some(text) => {
            let at = policy::timestamp::parse_timestamp(text)
                .map_err(|error| format!("--at {text:?}: {error}"))?;
            Duration::from_secs(u64::try_from(at).unwrap_or(0))
        }
    };
    let mut step = step(arguments)?;
    if let Some(file) = &arguments.claims {
        let claims = claims(file)?;
        let callers = match authenticates(configured.filter, &configured.json) {
            true => Some(Callers::of(configured.filter, &configured.json)?),
            false => None,
        };
        present(&mut step.request, callers.as_ref(), &claims, now.as_secs())?;
        if let Some(callers) = callers {
            configured.json = callers.configuration;
        }
    }
    let mut file = CaseFile::of_configuration(published(&configured));
    file.environment = environment(&configured.json, &arguments.env)?;
    if let Some(name) = &arguments.jwks {
        file.calls = keys(&configured, name)?;
    }
    let (filter, profile) = (configured.filter, arguments.host.profile());
    let mut proxy = InProcess::new(move || {
        let proxy = simulated::proxy(filter, profile);
        proxy.host().process().set_wall_clock(now);
        Ok(proxy)
    });
    let case = cases::Case::default();
    proxy
        .begin(&file, &case)
        .map_err(|error| error.to_string())?;
    // No time passes between them, not even that in which records leave.
    let before = Step::new(step.request.clone(), step.response.clone());
    for _ in 1..arguments.times {
        proxy
            .exchange(&before, Cuts::Whole)
            .map_err(|error| error.to_string())?;
    }
    let (transcript, steps) = explain::listen(|| proxy.transcript(&step, Cuts::Whole));
    let transcript = transcript.map_err(|error| error.to_string())?;
    let explanation = Explanation::new(&configured, &step, &transcript, steps);
    if arguments.json {
        say!("{}", explanation.json());
    } else {
        text::print(&explanation);
    }
    Ok(exit::RIGHT)
}

fn step(arguments: &RequestArguments) -> Result<Step, String> {
    let line = arguments.request.as_deref().unwrap_or_default();
    let (method, path) = line
        .trim()
        .split_once(' ')
        .filter(|(_, path)| path.trim().starts_with('/'))
        .ok_or_else(|| format!("--request {line:?}: expected \"METHOD /path\""))?;
    let mut request = RequestData::new(method, path.trim());
    request.headers = headers(&arguments.headers, "--header")?;
    request.client = arguments.client;
    request.route.clone_from(&arguments.route);
    request.tls = tls(arguments)?;
    if let Some(host) = request.headers.remove("host") {
        request.headers.insert(":authority".to_owned(), host);
    }
    let bytes = |file: &Option<String>| match file {
        None => Ok(None),
        Some(file) => std::fs::read(file)
            .map(Some)
            .map_err(|error| format!("{file} cannot be read: {error}")),
    };
    if let Some(body) = bytes(&arguments.request_body)? {
        request.body = body.into();
    }
    let mut response = ResponseData::default();
    if let Some(line) = &arguments.response {
        let status = line
            .split_ascii_whitespace()
            .find_map(|word| word.parse::<u16>().ok())
            .filter(|status| (100..=599).contains(status));
        response.status =
            status.ok_or_else(|| format!("--response {line:?}: expected \"HTTP/1.1 200\""))?;
    }
    let given = headers(&arguments.response_headers, "--response-header")?;
    if given.contains_key("content-type") {
        response.headers = given;
    } else {
        response.headers.extend(given);
    }
    if let Some(body) = bytes(&arguments.body)? {
        response.body = body.into();
    }
    let mut step = Step::new(request, response);
    // Waits for the record.
    step.expect.records = Some(Vec::new());
    Ok(step)
}

/// What is known of the connection.
fn tls(arguments: &RequestArguments) -> Result<Option<Tls>, String> {
    if arguments.tls.is_none() && arguments.certificate.is_empty() {
        return Ok(None);
    }
    let mut tls = Tls {
        version: arguments.tls.unwrap_or_default(),
        ..Tls::default()
    };
    for pair in &arguments.certificate {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("--certificate {pair:?}: expected FIELD=VALUE"))?;
        let field = match name.trim() {
            "uri_san" => &mut tls.uri_san,
            "dns_san" => &mut tls.dns_san,
            "subject" => &mut tls.subject,
            "sha256" => &mut tls.sha256,
            other => {
                return Err(format!(
                    "--certificate {pair:?}: no such field: {other}; there are uri_san, dns_san, subject and sha256"
                ));
            }
        };
        if field.replace(value.to_owned()).is_some() {
            return Err(format!("--certificate: {name} is given twice"));
        }
    }
    Ok(Some(tls))
}

fn headers(lines: &[String], option: &str) -> Result<BTreeMap<String, HeaderValues>, String> {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .filter(|(name, _)| !name.trim().is_empty())
            .ok_or_else(|| format!("{option} {line:?}: expected \"name: value\""))?;
        let values = headers.entry(name.trim().to_ascii_lowercase()).or_default();
        values.push(value.trim().to_owned());
    }
    let several = |(name, values)| (name, HeaderValues::Several(values));
    Ok(headers.into_iter().map(several).collect())
}

fn claims(file: &str) -> Result<Map<String, Value>, String> {
    let text = std::fs::read(file).map_err(|error| format!("{file} cannot be read: {error}"))?;
    match serde_json::from_slice(&text) {
        Ok(Value::Object(claims)) => Ok(claims),
        Ok(_) => Err(format!("{file}: expected an object of claims")),
        Err(error) => Err(format!("{file}: {error}")),
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

/// The variables that a configuration names: as given, else made up, since what they are decides about
/// nothing that is shown but pseudonyms.
fn environment(json: &str, given: &[String]) -> Result<BTreeMap<String, String>, String> {
    fn names(value: &Value, found: &mut BTreeMap<String, String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| names(item, found)),
            Value::Object(members) => {
                for (key, value) in members {
                    match value {
                        Value::String(name) if key.ends_with("_env") => {
                            found.insert(name.clone(), MADE_UP.to_owned());
                        }
                        other => names(other, found),
                    }
                }
            }
            _ => {}
        }
    }
    let mut variables = BTreeMap::new();
    names(
        &serde_json::from_str(json).unwrap_or_default(),
        &mut variables,
    );
    for pair in given {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("--env {pair:?}: expected NAME=VALUE"))?;
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}

/// Each provider that fetches its keys gets those of a file.
fn keys(configured: &Configured, file: &str) -> Result<Vec<Call>, String> {
    let body = std::fs::read(file).map_err(|error| format!("{file} cannot be read: {error}"))?;
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
    Ok(clusters
        .map(|cluster| Call::new(cluster, body.clone()))
        .collect())
}

/// Long enough for every kind of key, and hexadecimal.
const MADE_UP: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
