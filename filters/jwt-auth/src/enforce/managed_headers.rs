//! Headers that only this filter may set.

use host::{HeaderMap, Host, Request, headers};
use policy::http;

use crate::config::{Config, CredentialPlace};
use crate::reason::Reason;

/// Removes the headers that only this filter may set: first of all, on every request, whatever the
/// rules or the mode say. Nobody after this filter can tell a client's header from ours.
///
/// Proxies choose the route anew when a header has gone, and routes may go by headers. Where anything goes
/// by the route, a request that brings such a header would be judged by one route and go the other way, so
/// it is refused. `config` is that of the plugin: the configuration of the route that was chosen does not
/// know that others exist.
///
/// Upstreams that turn headers into variables, as CGI does and WSGI, PHP and Rack after it, read
/// `x_user_id`, `X-User-ID` and `x-user-id` as one: so all spellings go that fold into a name.
///
/// A client may name such a header in `Connection`, which has the next proxy take it off (RFC 9110 section
/// 7.6.1): that name goes as well. Envoy itself removes `Connection`, except on an upgrade.
///
/// # Errors
/// The request has such a header, and the host cannot remove it or it is to be refused; or it has
/// more headers than the host shows: then nobody can say what else is among them.
pub(crate) fn strip_managed_headers(
    host: &dyn Host,
    request: &mut Request,
    config: &Config,
) -> Result<(), Reason> {
    let mut stripped = Ok(());
    let mut is_other = false;
    let mut strip = |name: &str| {
        is_other = true;
        if config.refuses_managed && request.header(host, name).is_some() {
            stripped = Err(Reason::ManagedHeader);
        }
        if host.remove_header(HeaderMap::RequestHeaders, name).is_err() {
            // In report mode the request goes on, but with nothing that anybody could believe.
            let _ = headers::hide(host, name);
            stripped = Err(Reason::ManagedHeader);
        }
    };
    for managed in &config.managed {
        if request.may_have_header(host, &managed.name) {
            strip(&managed.name);
        }
    }
    for name in request.header_names(host) {
        // Hardly any name has another spelling: what folds into itself was looked for above.
        if name.bytes().any(folds) {
            let folded = folded(name);
            let mut managed = config.managed.iter();
            if managed.any(|managed| managed.folded == folded) {
                strip(name);
            }
        }
    }
    if request.may_have_header(host, CONNECTION)
        && let Some(value) = request.header(host, CONNECTION)
    {
        let enforces = config.strictest_mode().enforces();
        let stays = |name: &&str| !config.strips_trailer(name.trim().as_bytes(), enforces);
        let rest: Vec<&str> = value.split(',').filter(stays).collect();
        let rest = rest.join(",");
        if rest.is_empty() {
            let _ = headers::hide(host, CONNECTION);
        } else if rest != value {
            let _ = host.set_header(HeaderMap::RequestHeaders, CONNECTION, rest.as_bytes());
        }
    }
    let is_whole = request.has_all_headers(host);
    if is_other {
        // Rules that ask for such a header see what the upstream sees.
        *request = request.captured_again(host);
    }
    match is_whole {
        true => stripped,
        false => stripped.and(Err(Reason::HeadersUnlisted)),
    }
}

impl Config {
    /// Whether the upstream is not to see a trailer of this name, nor the name in `Connection`: a header that only
    /// this filter may set, and, if the filter enforces anything, a place of credentials, which nobody verifies in
    /// trailers, or a header that overrides.
    pub(crate) fn strips_trailer(&self, name: &[u8], enforces: bool) -> bool {
        let is = |taken: &str| http::folds_alike(name, taken.as_bytes());
        let mut managed = self.managed.iter();
        let has_credentials = |place: &CredentialPlace| match place {
            CredentialPlace::Header { name, .. } => is(name),
            CredentialPlace::Cookie(_) => is("cookie"),
            CredentialPlace::Query(_) => false,
        };
        managed.any(|managed| is(&managed.name))
            || (enforces
                && (self.sources.overrides.strips(name) || self.places.iter().any(has_credentials)))
    }
}

/// A header that only this filter may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedHeader {
    /// Its name, in lower case.
    pub name: String,
    /// What CGI-like upstreams make of the name, as [`folded`] writes it.
    pub folded: String,
}

impl ManagedHeader {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            folded: folded(name),
        }
    }
}

/// What CGI-like upstreams cannot tell apart: case, and all that is neither letter nor digit.
fn folded(name: &str) -> String {
    let fold = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte.to_ascii_lowercase()),
        false => '-',
    };
    name.bytes().map(fold).collect()
}

const CONNECTION: &str = "connection";

/// Whether a name with this in it folds into another one.
const fn folds(byte: u8) -> bool {
    !(byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_fold_as_upstreams_fold_them() {
        for name in ["x-user-id", "x_user_id", "X-User_ID", "x.user-id"] {
            assert_eq!(folded(name), "x-user-id");
        }
        assert!(!"x-user-id".bytes().any(folds));
    }
}
