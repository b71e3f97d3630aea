//! A request of which nothing is known but a signal of its browser.

use policy::config;
use policy::consent::{Consent, ConsentSources};
use policy::facts::Facts;
use policy::identity::Identity;
use policy::path::{PathError, RequestPath};
use policy::request_value::CertificateField;
use serde_json::Value;

/// What sources make of a request of which nothing is known but whether it opts out.
pub(super) fn says(sources: &Value, opts_out: bool) -> Option<Consent> {
    let read = config::read(&sources.to_string(), |node| ConsentSources::read(&node)).ok()?;
    let headers: &[(&str, &str)] = if opts_out { &[("sec-gpc", "1")] } else { &[] };
    Some(read.signals(&Browser(headers, Consent::default())))
}

/// A request with some headers, of which nothing else is known.
struct Browser<'h>(&'h [(&'static str, &'static str)], Consent);
impl Facts for Browser<'_> {
    fn path(&self) -> Result<&RequestPath, PathError> {
        Err(PathError::Missing)
    }
    fn raw_path(&self) -> &[u8] {
        b""
    }
    fn client_certificate(&self, _: CertificateField) -> Option<String> {
        None
    }
    fn method(&self) -> &str {
        "GET"
    }
    fn host(&self) -> &str {
        ""
    }
    fn route(&self) -> Option<&str> {
        None
    }
    fn header(&self, name: &str) -> Option<String> {
        let mut headers = self.0.iter();
        let found = headers.find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    }
    fn header_lines(&self, name: &str) -> Vec<String> {
        self.header(name).into_iter().collect()
    }
    fn folded_lines(&self, name: &str) -> Vec<String> {
        self.header_lines(name)
    }
    fn identity(&self) -> Option<&Identity> {
        None
    }
    fn consent(&self) -> &Consent {
        &self.1
    }
}
