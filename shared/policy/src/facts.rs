//! What a rule may ask about a request.

use crate::consent::Consent;
use crate::identity::Identity;
use crate::path::{PathError, RequestPath};

/// A request, as rules see it. The host layer answers from the proxy and asks it only for what a
/// rule needs; tests answer from a table.
pub trait Facts {
    /// The path in all its readings, or why it cannot be read.
    ///
    /// # Errors
    /// See [`PathError`].
    fn path(&self) -> Result<&RequestPath, PathError>;

    /// The method, as it was sent: methods are case-sensitive (RFC 9110 section 9.1).
    fn method(&self) -> &str;

    /// The host as [`crate::http::host_name`] writes it; empty when the request names none.
    fn host(&self) -> &str;

    /// The name of the route that the proxy chose, where it tells.
    fn route(&self) -> Option<&str>;

    /// A header by its lower-case name, several of one name joined by commas. Bytes that are not
    /// UTF-8 become U+FFFD, which no rule names.
    fn header(&self, name: &str) -> Option<String>;

    /// The verified caller, where an authentication filter ran before.
    fn identity(&self) -> Option<&Identity>;

    /// The consent signals, from the sources that the filter's configuration names.
    fn consent(&self) -> &Consent;

    /// The media type of the message that the rule is about, lower case.
    fn media_type(&self) -> Option<String> {
        self.header("content-type")
            .map(|value| crate::http::media_type(&value))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::OnceCell;

    use super::*;
    use crate::consent::ConsentSources;

    /// A request from a table.
    pub(crate) struct Request {
        pub(crate) method: String,
        pub(crate) path: Result<RequestPath, PathError>,
        pub(crate) host: String,
        pub(crate) route: Option<String>,
        pub(crate) headers: Vec<(String, String)>,
        pub(crate) identity: Option<Identity>,
        pub(crate) consent: OnceCell<Consent>,
    }

    impl Request {
        pub(crate) fn get(path: &str, headers: &[(&str, &str)]) -> Self {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            Self {
                method: "GET".to_owned(),
                path: RequestPath::parse(path.as_bytes()),
                host: "api.example.com".to_owned(),
                route: None,
                headers: headers.iter().map(owned).collect(),
                identity: None,
                consent: OnceCell::new(),
            }
        }
    }

    impl Facts for Request {
        fn path(&self) -> Result<&RequestPath, PathError> {
            self.path.as_ref().map_err(|error| *error)
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

        fn identity(&self) -> Option<&Identity> {
            self.identity.as_ref()
        }

        fn consent(&self) -> &Consent {
            self.consent
                .get_or_init(|| ConsentSources::default().signals(self))
        }
    }
}
