//! What a rule may ask about a request.

use crate::consent::Consent;
use crate::identity::Identity;
use crate::overrides::OtherHosts;
use crate::path::{PathError, RequestPath, RouteTrust};
use crate::request_value::CertificateField;
use crate::values::MAX_VALUES;

/// A request, as rules see it. The host layer reads them from the proxy and asks it only for what a
/// rule needs; tests read them from a table.
pub trait Facts {
    /// The path in all its readings, or why it cannot be read.
    ///
    /// # Errors
    /// See [`PathError`].
    fn path(&self) -> Result<&RequestPath, PathError>;

    /// The path with its query, as it was sent; empty where nobody knows it.
    fn raw_path(&self) -> &[u8];

    /// The paths from whose query a server may take parameters: see
    /// [`crate::overrides::Overrides::all_targets`].
    fn targets(&self) -> Option<Vec<&[u8]>> {
        Some(vec![self.raw_path()])
    }

    /// A field of the certificate that the client has shown and the proxy has verified.
    fn client_certificate(&self, field: CertificateField) -> Option<String>;

    /// The method, as it was sent: methods are case-sensitive (RFC 9110 section 9.1).
    fn method(&self) -> &str;

    /// What an upstream may take for the method instead, see [`crate::overrides`].
    fn method_overrides(&self) -> &[String] {
        &[]
    }

    /// The host as [`crate::http::host_name`] writes it; empty when the request names none.
    fn host(&self) -> &str;

    /// Other hosts that the request names: some servers read `Host` where others read `:authority`.
    fn other_hosts(&self) -> &OtherHosts {
        const { &OtherHosts::NONE }
    }

    /// The name of the route that the proxy chose, where it tells.
    fn route(&self) -> Option<&str>;

    /// Whether the request goes where that route says, as some server reads its path: see [`RouteTrust`].
    fn is_on_route(&self) -> bool {
        RouteTrust::default().covers(self.path())
    }

    /// A header by its lower-case name, several of one name joined by commas. Bytes that are not
    /// UTF-8 become U+FFFD, which no rule names.
    fn header(&self, name: &str) -> Option<String>;

    /// Each line of a header by itself, as [`Facts::header`] has them joined, with whatever blanks are
    /// around it: HTTP/2 carries them, and HTTP/1.1 loses them. Servers disagree on which one counts.
    fn header_lines(&self, name: &str) -> Vec<String>;

    /// The lines of headers with other names that some servers take for this one:
    /// [`crate::http::folds_alike`].
    fn folded_lines(&self, name: &str) -> Vec<String>;

    /// Whether all headers are known. A host may list only so many: then nobody knows which others
    /// there are, and a condition on headers may hold or not.
    fn has_all_headers(&self) -> bool {
        true
    }

    /// The verified caller, where an authentication filter ran before.
    fn identity(&self) -> Option<&Identity>;

    /// The consent signals, from the sources that the filter's configuration names.
    fn consent(&self) -> &Consent;

    /// The media types of the message that the rule is about, lower case: one, unless the header is
    /// there more than once.
    fn media_types(&self) -> Vec<String> {
        media_types(&self.header_lines("content-type"))
    }
}

/// The media types that the lines of a `Content-Type` name, at most one more than [`MAX_VALUES`]: a client can send
/// thousands. A proxy on the way may have joined several lines.
#[must_use]
pub fn media_types(lines: &[String]) -> Vec<String> {
    let mut types: Vec<String> = Vec::new();
    for item in lines.iter().flat_map(|line| line.split(',')) {
        let media_type = crate::http::media_type(item);
        // A comma may be in a quoted parameter: what follows it is no media type.
        if media_type.contains('/')
            && !media_type.contains(['"', '='])
            && !types.contains(&media_type)
        {
            types.push(media_type);
            if types.len() > MAX_VALUES {
                break;
            }
        }
    }
    types
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::OnceCell;

    use super::*;
    use crate::consent::ConsentSources;

    /// A request from a table.
    pub(crate) struct Request {
        pub(crate) method: String,
        pub(crate) raw_path: String,
        pub(crate) path: Result<RequestPath, PathError>,
        pub(crate) host: String,
        pub(crate) route: Option<String>,
        pub(crate) headers: Vec<(String, String)>,
        pub(crate) identity: Option<Identity>,
        pub(crate) consent: OnceCell<Consent>,
        pub(crate) method_overrides: Vec<String>,
        pub(crate) other_hosts: OtherHosts,
        pub(crate) lists_all_headers: bool,
    }

    impl Request {
        pub(crate) fn get(path: &str, headers: &[(&str, &str)]) -> Self {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            Self {
                method: "GET".to_owned(),
                raw_path: path.to_owned(),
                path: RequestPath::parse(path.as_bytes()),
                host: "api.example.com".to_owned(),
                route: None,
                headers: headers.iter().map(owned).collect(),
                identity: None,
                consent: OnceCell::new(),
                method_overrides: Vec::new(),
                other_hosts: OtherHosts::NONE,
                lists_all_headers: true,
            }
        }
    }

    impl Facts for Request {
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

        fn route(&self) -> Option<&str> {
            self.route.as_deref()
        }

        fn header(&self, name: &str) -> Option<String> {
            let values: Vec<&str> = self
                .headers
                .iter()
                .filter(|(found, _)| found == name)
                .map(|(_, value)| value.as_str())
                .collect();
            (!values.is_empty()).then(|| values.join(","))
        }

        fn header_lines(&self, name: &str) -> Vec<String> {
            let lines = self.headers.iter().filter(|(found, _)| found == name);
            lines.map(|(_, value)| value.clone()).collect()
        }

        fn method_overrides(&self) -> &[String] {
            &self.method_overrides
        }

        fn other_hosts(&self) -> &OtherHosts {
            &self.other_hosts
        }

        fn has_all_headers(&self) -> bool {
            self.lists_all_headers
        }

        fn folded_lines(&self, name: &str) -> Vec<String> {
            let other = |found: &str| {
                found != name && crate::http::folds_alike(found.as_bytes(), name.as_bytes())
            };
            let lines = self.headers.iter().filter(|(found, _)| other(found));
            lines.map(|(_, value)| value.clone()).collect()
        }

        fn identity(&self) -> Option<&Identity> {
            self.identity.as_ref()
        }

        fn consent(&self) -> &Consent {
            self.consent
                .get_or_init(|| ConsentSources::default().signals(self))
        }
    }
}
