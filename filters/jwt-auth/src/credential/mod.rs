//! Finding credentials in a request, and taking them out again.

pub(crate) mod source;

use std::borrow::Cow;
use std::ops::ControlFlow;

use host::{HeaderMap, Host, Request, Status, header_text, headers};
use policy::http;
use policy::overrides::{self, OverrideKind};
use policy::values::{other_targets, parameter_values};

use crate::config::{CredentialPlace, Location};

/// A credential, and who may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential<'r> {
    /// Its text, as it was sent.
    pub(crate) text: Cow<'r, str>,
    /// Whether it was in the query, where logs and histories see it.
    pub(crate) in_query: bool,
    /// The providers, by their places, that look for theirs where it was.
    pub(crate) asked: Vec<usize>,
}

/// The different credentials of a request, in the order in which the providers look for them. A client can send
/// thousands, and each is compared with all before it: beyond [`MAX_CREDENTIALS`], a place gives one more at most.
pub(crate) fn find<'r, 'l>(
    host: &dyn Host,
    request: &'r Request,
    providers: impl Iterator<Item = (usize, &'l [Location])>,
) -> Vec<Credential<'r>> {
    let places: Vec<(usize, &Location)> = providers
        .flat_map(|(index, from)| from.iter().map(move |location| (index, location)))
        .collect();
    let mut found: Vec<Credential<'r>> = Vec::new();
    // Each location is looked at once, however many providers look there: which credentials were there.
    let mut looked: Vec<(&Location, Vec<usize>)> = Vec::new();
    for (index, location) in &places {
        let mut known = looked.iter();
        if !known.any(|(other, _)| other == location) {
            let mut there = Vec::new();
            let in_query = matches!(location, Location::Query(_));
            let _ = at(host, request, location, &places, &mut |text| {
                let known = found.iter().position(|known| known.text == text);
                let place = known.unwrap_or(found.len());
                if known.is_none() {
                    found.push(Credential {
                        text,
                        in_query,
                        asked: Vec::new(),
                    });
                }
                if !there.contains(&place) {
                    there.push(place);
                }
                match found.len() > MAX_CREDENTIALS {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            });
            looked.push((location, there));
        }
        let there = looked.iter().find(|(other, _)| other == location);
        for place in there.into_iter().flat_map(|(_, there)| there) {
            if let Some(credential) = found.get_mut(*place)
                && credential.asked.last() != Some(index)
            {
                credential.asked.push(*index);
            }
        }
    }
    found
}

/// Removes the credentials at these places but for those that are forwarded, so that the upstream sees no
/// credential that it is not to see. What else there is stays as it is, but for what stands in one header with a
/// credential that was verified: there it would be another word on who the caller is.
///
/// `verified` says of a credential whether it was, and then whether it is forwarded.
///
/// # Errors
/// The upstream would see one.
pub(crate) fn strip<'p>(
    host: &dyn Host,
    request: &Request,
    places: impl Iterator<Item = &'p CredentialPlace>,
    verified: &dyn Fn(&str) -> Option<bool>,
) -> Result<(), Status> {
    let stripper = Stripper {
        host,
        request,
        verified,
        keep: &|text| verified(text) == Some(true),
    };
    let mut cookies = Vec::new();
    for place in places {
        match place {
            CredentialPlace::Header { name, prefixes } => stripper.header(name, prefixes)?,
            CredentialPlace::Query(name) => stripper.query(name)?,
            CredentialPlace::Cookie(name) => cookies.push(name.as_str()),
        }
    }
    stripper.cookies(&cookies)
}

struct Stripper<'a> {
    host: &'a dyn Host,
    request: &'a Request,
    verified: &'a dyn Fn(&str) -> Option<bool>,
    keep: &'a dyn Fn(&str) -> bool,
}

impl Stripper<'_> {
    fn header(&self, name: &str, prefixes: &[String]) -> Result<(), Status> {
        let (host, request) = (self.host, self.request);
        // Nobody verifies what stands in a header that some upstreams take for this one.
        for other in request.header_names(host) {
            if other != name && http::folds_alike(other.as_bytes(), name.as_bytes()) {
                headers::hide(host, other)?;
            }
        }
        let Some(value) = request.header_bytes(host, name) else {
            return Ok(());
        };
        let value = policy::text::lossy(&value);
        // The longest prefix says what is a credential of whom: they are in that order.
        let credential = |part: &str| {
            let mut found = prefixes.iter();
            found.find_map(|prefix| after_prefix(part.trim(), prefix).map(self.verified))
        };
        let parts = || value.split(',');
        let has_verified = parts().any(|part| matches!(credential(part), Some(Some(_))));
        let mut is_whole = true;
        let mut rest: Vec<&str> = Vec::new();
        for part in parts() {
            let stays = match credential(part) {
                Some(verified) => verified == Some(true),
                None => !has_verified,
            };
            match stays {
                true => rest.push(part.trim()),
                false => is_whole = false,
            }
        }
        if is_whole {
            return Ok(());
        }
        let map = HeaderMap::RequestHeaders;
        match rest.iter().all(|part| part.is_empty()) {
            true => headers::hide(host, name),
            false => host.set_header(map, name, rest.join(", ").as_bytes()),
        }
    }

    fn query(&self, name: &str) -> Result<(), Status> {
        let (host, request, keep) = (self.host, self.request, self.keep);
        let map = HeaderMap::RequestHeaders;
        self.query_of_overrides(name)?;
        // To some servers an escaped `?` or a `;` begins the query. No host can take a parameter out of that and leave
        // the path what it is to all others.
        for target in other_targets(request.raw_path(host)) {
            if parameter_values(&target, name).next().is_some() {
                return Err(Status::BadArgument);
            }
        }
        if !request.raw_path(host).contains(&b'?') {
            return Ok(());
        }
        // As it is now: another parameter may be gone already.
        let Some(path) = header_text(host, map, ":path") else {
            return Ok(());
        };
        let values = http::query_parameters(&path, name);
        let only_kept = values.iter().all(|value| keep(value));
        if only_kept && !http::has_other_spelling_of_parameter(&path, name) {
            return Ok(());
        }
        let mut without = http::without_query_parameter(&path, name);
        for value in values.iter().filter(|value| keep(value)) {
            let (before, fragment) = match without.split_once('#') {
                Some((before, fragment)) => (before.to_owned(), format!("#{fragment}")),
                None => (without, String::new()),
            };
            let separator = if before.contains('?') { '&' } else { '?' };
            let (name, value) = (http::form_encoded(name), http::form_encoded(value));
            without = format!("{before}{separator}{name}={value}{fragment}");
        }
        host.set_header(map, ":path", without.as_bytes())
    }

    /// Headers that override the path have a query, too: in the value as it is, and in each item of a list.
    fn query_of_overrides(&self, name: &str) -> Result<(), Status> {
        let (host, map) = (self.host, HeaderMap::RequestHeaders);
        let cut = |path: &str| {
            let values = http::query_parameters(path, name);
            let only_kept = values.iter().all(|value| (self.keep)(value));
            match only_kept && !http::has_other_spelling_of_parameter(path, name) {
                true => path.to_owned(),
                false => http::without_query_parameter(path, name),
            }
        };
        for header in self.request.header_names(host) {
            if overrides::find(header.as_bytes()) != Some(OverrideKind::Path) {
                continue;
            }
            if let Some(value) = header_text(host, map, header) {
                let items: Vec<String> = cut(&value).split(',').map(cut).collect();
                let rest = items.join(",");
                if rest != value {
                    host.set_header(map, header, rest.as_bytes())?;
                }
            }
        }
        Ok(())
    }

    /// Cookies of several lines are one list, of which one line is written: asked for by its name, a
    /// host gives the first line only.
    fn cookies(&self, names: &[&str]) -> Result<(), Status> {
        let (host, request, keep) = (self.host, self.request, self.keep);
        let is_there = !names.is_empty() && request.may_have_header(host, "cookie");
        let Some(mut cookies) = is_there.then(|| request.header(host, "cookie")).flatten() else {
            return Ok(());
        };
        let mut changes = false;
        for name in names {
            let values: Vec<&str> = http::cookies(&cookies, name).collect();
            let only_kept = values.iter().all(|value| keep(value));
            if only_kept && !http::has_other_spelling_of_cookie(&cookies, name) {
                continue;
            }
            changes = true;
            let kept = values.iter().filter(|value| keep(value));
            let pairs: Vec<String> = http::without_cookie(&cookies, name)
                .into_iter()
                .chain(kept.map(|value| format!("{name}={value}")))
                .collect();
            cookies = pairs.join("; ");
        }
        match (changes, cookies.is_empty()) {
            (false, _) => Ok(()),
            (true, true) => headers::hide(host, "cookie"),
            (true, false) => {
                host.set_header(HeaderMap::RequestHeaders, "cookie", cookies.as_bytes())
            }
        }
    }
}

/// The texts at a location. What another location with a longer prefix takes is not there: with and
/// without `Bearer ` in front of it, it is one credential.
fn at<'r>(
    host: &dyn Host,
    request: &'r Request,
    location: &Location,
    places: &[(usize, &Location)],
    found: &mut dyn FnMut(Cow<'r, str>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match location {
        // Several headers of one name are joined with commas, which no credential has: each part
        // counts as one.
        Location::Header { name, prefix } => {
            let longer = places.iter().filter_map(|(_, other)| match other {
                Location::Header {
                    name: other_name,
                    prefix: longer,
                } => (other_name == name && longer.len() > prefix.len()).then_some(longer),
                _ => None,
            });
            let mut prefixes: Vec<&String> = Vec::new();
            for longer in longer {
                if !prefixes.contains(&longer) {
                    prefixes.push(longer);
                }
            }
            let taken = |part: &str| {
                let mut longer = prefixes.iter();
                longer.any(|longer| after_prefix(part, longer).is_some())
            };
            match request.header_bytes(host, name) {
                Some(Cow::Borrowed(value)) => match policy::text::lossy(value) {
                    Cow::Borrowed(value) => {
                        parts(value, prefix, taken).try_for_each(|text| found(Cow::Borrowed(text)))
                    }
                    Cow::Owned(value) => parts(&value, prefix, taken)
                        .try_for_each(|text| found(Cow::Owned(text.to_owned()))),
                },
                Some(Cow::Owned(value)) => {
                    let value = policy::text::lossy(&value);
                    parts(&value, prefix, taken)
                        .try_for_each(|text| found(Cow::Owned(text.to_owned())))
                }
                None => ControlFlow::Continue(()),
            }
        }
        // What is there and empty is as good as absent: a browser that was logged out.
        Location::Query(name) => {
            if !request.raw_path(host).contains(&b'?') {
                return ControlFlow::Continue(());
            }
            let path = policy::text::lossy(request.raw_path(host));
            let mut texts = http::query_parameters(&path, name).into_iter();
            texts.try_for_each(|text| match text.is_empty() {
                true => ControlFlow::Continue(()),
                false => found(Cow::Owned(text)),
            })
        }
        Location::Cookie(name) => {
            let cookies = request.header(host, "cookie").unwrap_or_default();
            let mut texts = http::cookies(&cookies, name).filter(|text| !text.is_empty());
            texts.try_for_each(|text| found(Cow::Owned(text.to_owned())))
        }
    }
}

fn parts<'v>(
    value: &'v str,
    prefix: &str,
    taken: impl Fn(&str) -> bool,
) -> impl Iterator<Item = &'v str> {
    value.split(',').filter_map(move |part| {
        let part = part.trim();
        let text = after_prefix(part, prefix)?;
        (!taken(part)).then_some(text)
    })
}

/// More different credentials in one request have no honest use.
pub(crate) const MAX_CREDENTIALS: usize = 8;

/// What stands behind a prefix such as `Bearer `. Some servers take a tab or another character for the
/// space, also in front of the scheme: then that character belongs to the text, which nobody vouches
/// for in that spelling, and the upstream does not see it.
pub(crate) fn after_prefix<'v>(value: &'v str, prefix: &str) -> Option<&'v str> {
    let is_space = |character: char| !character.is_ascii_graphic();
    let scheme = prefix.trim_end_matches(' ');
    let value = match scheme.is_empty() {
        true => value,
        false => value.trim_start_matches(is_space),
    };
    let (start, rest) = value.split_at_checked(scheme.len())?;
    let is_apart = scheme.len() == prefix.len() || rest.starts_with(is_space);
    let rest = rest.trim_start_matches(' ');
    (is_apart && start.eq_ignore_ascii_case(scheme) && !rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::after_prefix;

    #[test]
    fn the_scheme_is_compared_without_case_and_at_the_start_only() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer abc", Some("abc")),
            ("BEARER   abc", Some("abc")),
            ("Bearer ", None),
            ("Bearer", None),
            ("Basic zzz Bearer abc", None),
            ("Bearerabc", None),
            ("", None),
            ("Bearer\tabc", Some("\tabc")),
            ("Bearer\u{a0}abc", Some("\u{a0}abc")),
            ("Bearer\u{fffd}abc", Some("\u{fffd}abc")),
            ("\u{1f}Bearer \tabc", Some("\tabc")),
            ("Bearer,abc", None),
        ] {
            assert_eq!(after_prefix(value, "Bearer "), expected, "{value}");
        }
        assert_eq!(after_prefix("abc", ""), Some("abc"));
    }
}
