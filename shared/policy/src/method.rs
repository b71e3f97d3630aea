//! The method of a request, in all ways that servers read it.
//!
//! Methods are case-sensitive (RFC 9110 section 9.1), and HTTP/2 carries `post` as well as `POST`;
//! many frameworks fold the case. Servers answer `HEAD` with what they have for `GET`. And some take
//! another method from a header or a parameter: see [`crate::overrides`].

use std::borrow::Cow;

/// All methods for which a server may take one that was sent, with what may override it.
pub(crate) fn readings<'m>(
    sent: &'m str,
    overrides: &'m [String],
) -> impl Iterator<Item = Cow<'m, str>> {
    let each = std::iter::once(sent).chain(overrides.iter().map(|given| given.trim()));
    let is_head = each
        .clone()
        .any(|method| method.eq_ignore_ascii_case("HEAD"));
    each.flat_map(|method| {
        let folded = method.bytes().any(|byte| byte.is_ascii_lowercase());
        let upper = folded.then(|| Cow::Owned(method.to_ascii_uppercase()));
        [Some(Cow::Borrowed(method)), upper]
    })
    .flatten()
    .chain(is_head.then_some(Cow::Borrowed("GET")))
    .filter(|method| !method.is_empty())
}
