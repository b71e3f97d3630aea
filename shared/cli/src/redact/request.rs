//! The request that a body belongs to, from the command line: what rules may ask about it.

use std::cell::OnceCell;

use policy::consent::{Consent, ConsentSources};
use policy::facts::{Facts, media_types};
use policy::http;
use policy::identity::{AuthenticationMethod, Identity, IdentityMapping, parse_claims};
use policy::overrides::{OtherHosts, OverrideRules, Overrides};
use policy::path::{PathError, RequestPath};
use policy::request_value::CertificateField;

/// A request that is tried.
pub(super) struct TriedRequest<'a> {
    method: String,
    path: Result<RequestPath, PathError>,
    raw_path: String,
    host: String,
    /// What an upstream may take in place of the method, the path and the host.
    overrides: Overrides,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    identity: Option<Identity>,
    content_type: Option<&'a str>,
    consent_sources: &'a ConsentSources,
    consent: OnceCell<Consent>,
}

impl<'a> TriedRequest<'a> {
    /// `line` is `GET /path`, `headers` are `name: value`, `claims` is a file.
    pub(super) fn read(
        line: &str,
        headers: &[String],
        claims: Option<&str>,
        content_type: Option<&'a str>,
        (consent_sources, overrides): (&'a ConsentSources, OverrideRules),
    ) -> Result<Self, String> {
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
        let identity = claims.map(caller).transpose()?;
        let raw_path = path.trim().as_bytes();
        let lines = headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let mut overrides = Overrides::of(overrides, raw_path, Some(lines));
        for (_, host) in headers.iter().filter(|(name, _)| name == "host") {
            overrides.hosts.add(host);
        }
        Ok(Self {
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
            overrides,
            headers,
            identity,
            content_type,
            consent_sources,
            consent: OnceCell::new(),
        })
    }
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

impl Facts for TriedRequest<'_> {
    fn path(&self) -> Result<&RequestPath, PathError> {
        self.path.as_ref().map_err(|error| *error)
    }

    fn raw_path(&self) -> &[u8] {
        self.raw_path.as_bytes()
    }

    fn client_certificate(&self, _: CertificateField) -> Option<String> {
        None
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn host(&self) -> &str {
        &self.host
    }

    fn method_overrides(&self) -> &[String] {
        &self.overrides.methods
    }

    fn other_hosts(&self) -> &OtherHosts {
        &self.overrides.hosts
    }

    fn route(&self) -> Option<&str> {
        None
    }

    fn header(&self, name: &str) -> Option<String> {
        let values = self.header_lines(name);
        (!values.is_empty()).then(|| values.join(","))
    }

    fn header_lines(&self, name: &str) -> Vec<String> {
        let values = self.headers.iter().filter(|(known, _)| known == name);
        values.map(|(_, value)| value.clone()).collect()
    }

    fn folded_lines(&self, name: &str) -> Vec<String> {
        let folds = |known: &str| http::folds_alike(known.as_bytes(), name.as_bytes());
        let others = self.headers.iter();
        others
            .filter(|(known, _)| known != name && folds(known))
            .map(|(_, value)| value.clone())
            .collect()
    }

    fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    fn consent(&self) -> &Consent {
        self.consent
            .get_or_init(|| self.consent_sources.signals(self))
    }

    fn media_types(&self) -> Vec<String> {
        match self.content_type {
            Some(value) => media_types(&[value.to_owned()]),
            None => media_types(&self.header_lines("content-type")),
        }
    }
}
