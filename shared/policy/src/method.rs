//! The method of a request, in all ways that servers read it.
//!
//! Methods are case-sensitive (RFC 9110 section 9.1), and HTTP/2 carries `post` as well as `POST`;
//! many frameworks fold the case. Servers answer `HEAD` with what they have for `GET`. And some take
//! another method from a header or a parameter, so that forms can say `DELETE`.

use crate::config::Node;
use crate::http;

/// What upstreams make of a method that a header or parameter gives in place of the one sent: the
/// key `method_override`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MethodOverride {
    /// Some may act on it and some may not, so the request counts as either.
    #[default]
    Honour,
    /// As `Honour`, and the headers are removed, so that no upstream acts on them: then only the
    /// method as sent counts, and the parameter.
    Strip,
    /// None acts on it.
    Ignore,
}

impl MethodOverride {
    /// Reads the key.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.one_of(&[
            ("honour", Self::Honour),
            ("strip", Self::Strip),
            ("ignore", Self::Ignore),
        ])
    }
}

/// The headers by which frameworks let clients give another method, in lower case.
pub const OVERRIDE_HEADERS: [&str; 3] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// The query parameter by which frameworks let clients give another method.
const OVERRIDE_PARAMETER: &str = "_method";

/// The methods that `_method` gives in the query of `path`. The one in the body of a form is not
/// seen: rules decide before the body comes.
#[must_use]
pub fn overrides_in_query(path: &str) -> Vec<String> {
    // The name may be escaped, and nearly no request has it.
    if !path.contains(['?']) {
        return Vec::new();
    }
    http::query_parameters(path, OVERRIDE_PARAMETER)
}

/// All methods for which a server may take one that was sent, with what may override it.
pub(crate) fn readings<'m>(
    sent: &'m str,
    overrides: &'m [String],
) -> impl Iterator<Item = std::borrow::Cow<'m, str>> {
    use std::borrow::Cow;
    let is_head = sent.eq_ignore_ascii_case("HEAD");
    let each = std::iter::once(sent).chain(overrides.iter().map(|given| given.trim()));
    each.flat_map(|method| {
        let folded = method.bytes().any(|byte| byte.is_ascii_lowercase());
        let upper = folded.then(|| Cow::Owned(method.to_ascii_uppercase()));
        [Some(Cow::Borrowed(method)), upper]
    })
    .flatten()
    .chain(is_head.then_some(Cow::Borrowed("GET")))
    .filter(|method| !method.is_empty())
}
