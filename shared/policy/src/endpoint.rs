//! Where something is asked for: an address, and the cluster that reaches it.

use crate::config::Fields;

/// An address that the filter calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The cluster (Envoy) or `host[:port]` (nginx hosts) to call.
    pub upstream: String,
    /// The scheme of the call: `http` or `https`.
    pub scheme: &'static str,
    /// The host and port to call, for `:authority`.
    pub authority: String,
    /// The path and query to call, for `:path`.
    pub path: String,
}

impl Endpoint {
    /// Reads `uri`, `cluster` and `plain_http`; `what` says what the address is of.
    #[must_use]
    pub fn read(fields: &mut Fields<'_>, what: &str) -> Option<Self> {
        let uri = fields.required("uri", what);
        let plain_http = fields.or("plain_http", false, |n| n.boolean());
        let uri = uri.and_then(|n| {
            let address = n.parsed(Self::split, "an http or https address")?;
            if address.0 == "http" && !plain_http {
                n.reject(r#"whoever is on the way can change what is fetched without TLS; use https, or say "plain_http": true"#);
            }
            Some(address)
        });
        let upstream = fields.name("cluster", "the cluster that reaches it", 256);
        Some(Self::within(uri?, upstream?))
    }

    /// An address in a cluster.
    #[must_use]
    pub fn within((scheme, authority, path): Address, upstream: String) -> Self {
        Self {
            upstream,
            scheme,
            authority,
            path,
        }
    }

    /// Scheme, authority and path of an address.
    ///
    /// # Errors
    /// What an address looks like.
    pub fn split(uri: &str) -> Result<Address, &'static str> {
        const EXPECTED: &str = r#"expected an address such as "https://idp.example.com/jwks""#;
        let (scheme, rest) = match uri.strip_prefix("https://") {
            Some(rest) => ("https", rest),
            None => ("http", uri.strip_prefix("http://").ok_or(EXPECTED)?),
        };
        let (authority, path) = match rest
            .find(['/', '?'])
            .and_then(|at| rest.split_at_checked(at))
        {
            Some((authority, path)) => (authority, path),
            None => (rest, "/"),
        };
        let printable = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if authority.is_empty() || authority.contains('@') || !rest.bytes().all(printable) {
            return Err(EXPECTED);
        }
        let path = if path.starts_with('?') {
            format!("/{path}")
        } else {
            path.to_owned()
        };
        Ok((scheme, authority.to_owned(), path))
    }
}

/// Scheme, authority and path: what tells two endpoints apart.
pub type Address = (&'static str, String, String);
