//! What a rule may ask about a request.

use std::rc::Rc;

use crate::consent::Consent;
use crate::header_values::HeaderReadings;
use crate::identity::Identity;
use crate::overrides::OtherHosts;
use crate::path::{PathError, RequestPath, RouteTrust};
use crate::request_value::CertificateField;
use crate::values::{MAX_VALUES, Query};

mod described;

pub use described::DescribedRequest;

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

    /// The queries from which a server may take parameters: see
    /// [`crate::overrides::Overrides::all_targets`].
    fn queries(&self) -> Option<Rc<[Query]>> {
        Some(Rc::new([Query::of(self.raw_path())]))
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

    /// The values of a header that conditions may find, from [`Facts::header_lines`] and [`Facts::folded_lines`].
    fn header_readings(&self, name: &str) -> Rc<HeaderReadings> {
        Rc::new(HeaderReadings::of(
            self.header_lines(name),
            self.folded_lines(name),
        ))
    }

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
    use super::DescribedRequest;

    /// A request to one host, from a table.
    pub(crate) fn get(path: &str, headers: &[(&str, &str)]) -> DescribedRequest {
        DescribedRequest {
            host: "api.example.com".to_owned(),
            ..DescribedRequest::get(path, headers)
        }
    }
}
