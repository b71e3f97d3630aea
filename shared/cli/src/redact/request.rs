//! The request that a body belongs to, from the command line: what rules may ask about it.

use policy::consent::ConsentSources;
use policy::facts::DescribedRequest;
use policy::http;
use policy::identity::{AuthenticationMethod, Identity, IdentityMapping, parse_claims};
use policy::overrides::{OverrideRules, Overrides};
use policy::path::RequestPath;

/// `line` is `GET /path`, `headers` are `name: value`, `claims` is a file.
pub(super) fn read(
    line: &str,
    headers: &[String],
    claims: Option<&str>,
    content_type: Option<&str>,
    (consent_sources, overrides): (&ConsentSources, OverrideRules),
) -> Result<DescribedRequest, String> {
    let (method, path) = line
        .trim()
        .split_once(' ')
        .filter(|(_, path)| path.trim().starts_with('/'))
        .ok_or_else(|| format!("--request {line:?}: expected \"METHOD /path\""))?;
    let headers = headers
        .iter()
        .map(|line| header("--header", line))
        .collect::<Result<Vec<_>, String>>()?;
    let host = headers.iter().find(|(name, _)| name == "host");
    let raw_path = path.trim().as_bytes();
    let lines = headers
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let mut overrides = Overrides::of(overrides, raw_path, Some(lines));
    for (_, host) in headers.iter().filter(|(name, _)| name == "host") {
        overrides.hosts.add(host);
    }
    Ok(DescribedRequest {
        method: method.to_owned(),
        path: if overrides.concern_path() {
            RequestPath::parse_overridden(raw_path, &overrides)
        } else {
            RequestPath::parse(raw_path)
        },
        raw_path: path.trim().to_owned(),
        host: host
            .map(|(_, host)| http::host_name(host))
            .unwrap_or_default(),
        method_overrides: overrides.methods,
        other_hosts: overrides.hosts,
        identity: claims.map(caller).transpose()?,
        headers,
        content_type: content_type.map(str::to_owned),
        consent_sources: consent_sources.clone(),
        ..DescribedRequest::default()
    })
}

/// A header of an option, its name in lower case.
pub(super) fn header(option: &str, line: &str) -> Result<(String, String), String> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| format!("{option} {line:?}: expected \"name: value\""))?;
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}

/// The caller whose verified claims are in a file.
fn caller(file: &str) -> Result<Identity, String> {
    let text = std::fs::read(file).map_err(|error| format!("{file} cannot be read: {error}"))?;
    let claims = parse_claims(&text).map_err(|error| format!("{file} has no claims: {error:?}"))?;
    let method = AuthenticationMethod::default();
    Ok(IdentityMapping::default().identity("", method, claims.0))
}
