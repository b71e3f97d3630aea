//! A request that somebody describes.

use std::cell::OnceCell;

use super::{Facts, media_types};
use crate::consent::{Consent, ConsentSources};
use crate::http;
use crate::identity::Identity;
use crate::overrides::OtherHosts;
use crate::path::{PathError, RequestPath};
use crate::request_value::CertificateField;

/// A request that no proxy holds: one of a command line, of a configuration's assessment or of a table.
/// What is not described is not there.
#[derive(Clone, Debug)]
pub struct DescribedRequest {
    /// The method: `GET`.
    pub method: String,
    /// The path with its query.
    pub raw_path: String,
    /// The path in all its readings.
    pub path: Result<RequestPath, PathError>,
    /// The host, as [`http::host_name`] writes it.
    pub host: String,
    /// The name of the route.
    pub route: Option<String>,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The verified caller; `None` for an anonymous one.
    pub identity: Option<Identity>,
    /// What an upstream may take for the method instead.
    pub method_overrides: Vec<String>,
    /// Other hosts that the request names.
    pub other_hosts: OtherHosts,
    /// Whether there are no other headers than these.
    pub lists_all_headers: bool,
    /// The type of the message, where it is not the header `content-type`.
    pub content_type: Option<String>,
    /// Where signals of consent are read from.
    pub consent_sources: ConsentSources,
    /// The signals, once they were asked for.
    pub consent: OnceCell<Consent>,
}

impl Default for DescribedRequest {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            raw_path: String::new(),
            path: Err(PathError::Missing),
            host: String::new(),
            route: None,
            headers: Vec::new(),
            identity: None,
            method_overrides: Vec::new(),
            other_hosts: OtherHosts::NONE,
            lists_all_headers: true,
            content_type: None,
            consent_sources: ConsentSources::default(),
            consent: OnceCell::new(),
        }
    }
}

impl DescribedRequest {
    /// A GET of a path, with headers whose names are in lower case.
    #[must_use]
    pub fn get(path: &str, headers: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            raw_path: path.to_owned(),
            path: RequestPath::parse(path.as_bytes()),
            headers: headers.iter().map(owned).collect(),
            ..Self::default()
        }
    }

    fn lines(&self, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
        let lines = self.headers.iter().filter(|(name, _)| is_meant(name));
        lines.map(|(_, value)| value.clone()).collect()
    }
}

impl Facts for DescribedRequest {
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

    fn method_overrides(&self) -> &[String] {
        &self.method_overrides
    }

    fn host(&self) -> &str {
        &self.host
    }

    fn other_hosts(&self) -> &OtherHosts {
        &self.other_hosts
    }

    fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    fn header(&self, name: &str) -> Option<String> {
        let values = self.header_lines(name);
        (!values.is_empty()).then(|| values.join(","))
    }

    fn header_lines(&self, name: &str) -> Vec<String> {
        self.lines(|found| found == name)
    }

    fn folded_lines(&self, name: &str) -> Vec<String> {
        self.lines(|found| found != name && http::folds_alike(found.as_bytes(), name.as_bytes()))
    }

    fn has_all_headers(&self) -> bool {
        self.lists_all_headers
    }

    fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    fn consent(&self) -> &Consent {
        self.consent
            .get_or_init(|| self.consent_sources.signals(self))
    }

    fn media_types(&self) -> Vec<String> {
        match &self.content_type {
            Some(value) => media_types(std::slice::from_ref(value)),
            None => media_types(&self.header_lines("content-type")),
        }
    }
}
