//! What a connection must be.

use std::time::Duration;

use policy::config::Node;

/// What a connection must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsRequirement {
    /// The oldest version of TLS that clients may use.
    pub min_version: Option<TlsVersion>,
    /// The client must have shown a certificate.
    pub client_certificate: bool,
    /// One of the subject alternative names of that certificate must fit one of these.
    pub san: Vec<SanPattern>,
    /// The token must be bound to that certificate (RFC 8705 section 3).
    pub bound: bool,
    /// A request for a page without TLS is sent to where there is TLS.
    pub redirect: bool,
    /// `X-Forwarded-Proto: https` counts as TLS of an unknown version: only behind a proxy that
    /// sets it itself.
    pub forwarded_proto: bool,
    /// Tells browsers to come with TLS only.
    pub hsts: Option<Hsts>,
}

/// Versions of TLS, as the host tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TlsVersion {
    V1_0,
    V1_1,
    V1_2,
    V1_3,
}

/// A name, or the end or the beginning of one: `*.example.com`, `spiffe://cluster.local/ns/shop/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SanPattern {
    Exact(String),
    Prefix(String),
    /// One label in front of it.
    DomainBelow(String),
}

/// HTTP Strict Transport Security (RFC 6797).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hsts {
    /// How long browsers remember it.
    pub max_age: Duration,
    /// Also for the names below.
    pub include_subdomains: bool,
    /// Wishes to be on the browsers' own lists.
    pub preload: bool,
}

impl TlsRequirement {
    /// Whether the client must show a certificate.
    #[must_use]
    pub const fn wants_certificate(&self) -> bool {
        self.client_certificate || !self.san.is_empty() || self.bound
    }

    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            Some(Self {
                min_version: fields.or("min_version", None, |n| {
                    n.one_of(&[("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)])
                        .map(Some)
                }),
                client_certificate: fields.or("client_certificate", false, |n| n.boolean()),
                san: fields.or("san", Vec::new(), |n| {
                    n.non_empty_list(|pattern| SanPattern::read(&pattern))
                }),
                bound: fields.or("bound", false, |n| n.boolean()),
                redirect: fields.or("redirect", false, |n| n.boolean()),
                forwarded_proto: fields.or("forwarded_proto", false, |n| n.boolean()),
                hsts: fields.or("hsts", None, |n| Hsts::read(&n).map(Some)),
            })
        })
    }
}

impl TlsVersion {
    /// The version in the words of the host: `TLSv1.2`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "TLSv1" | "TLSv1.0" => Some(Self::V1_0),
            "TLSv1.1" => Some(Self::V1_1),
            "TLSv1.2" => Some(Self::V1_2),
            "TLSv1.3" => Some(Self::V1_3),
            _ => None,
        }
    }
}

impl SanPattern {
    fn read(node: &Node<'_>) -> Option<Self> {
        let text = node.name(1024)?;
        let pattern = match (text.strip_prefix("*."), text.strip_suffix("/*")) {
            (Some(domain), None) => Self::DomainBelow(format!(".{}", domain.to_ascii_lowercase())),
            (None, Some(prefix)) => Self::Prefix(format!("{prefix}/")),
            _ => Self::Exact(text.to_owned()),
        };
        let inner = match &pattern {
            Self::Exact(text) | Self::Prefix(text) | Self::DomainBelow(text) => text,
        };
        if inner.contains('*') {
            node.reject(r#"expected a name, "*.example.com" or "spiffe://example.com/ns/shop/*""#);
            return None;
        }
        Some(pattern)
    }

    /// Whether a name of a certificate fits.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Prefix(prefix) => name.len() > prefix.len() && name.starts_with(prefix.as_str()),
            Self::DomainBelow(domain) => {
                let name = name.to_ascii_lowercase();
                name.strip_suffix(domain.as_str())
                    .is_some_and(|label| !label.is_empty() && !label.contains(['.', '*', '/', ':']))
            }
        }
    }
}

impl Hsts {
    fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let max_age = fields
                .required("max_age", "how long browsers remember it")
                .and_then(|n| n.duration(Duration::ZERO..=Duration::from_secs(10 * 366 * 86_400)));
            Some(Self {
                include_subdomains: fields.or("include_subdomains", false, |n| n.boolean()),
                preload: fields.or("preload", false, |n| n.boolean()),
                max_age: max_age?,
            })
        })
    }

    /// The value of the header.
    #[must_use]
    pub fn header(&self) -> String {
        let mut value = format!("max-age={}", self.max_age.as_secs());
        if self.include_subdomains {
            value.push_str("; includeSubDomains");
        }
        if self.preload {
            value.push_str("; preload");
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use policy::config;

    use super::*;

    #[test]
    fn names_of_certificates_fit_or_not() {
        let pattern =
            |text: &str| config::read(&format!("{text:?}"), |n| SanPattern::read(&n)).unwrap();
        for (text, name, expected) in [
            ("api.example.com", "api.example.com", true),
            ("api.example.com", "api.example.com.evil.test", false),
            ("*.example.com", "API.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.example.com", "example.com", false),
            ("*.example.com", "spiffe://x/a.example.com", false),
            ("spiffe://c/ns/shop/*", "spiffe://c/ns/shop/sa/web", true),
            ("spiffe://c/ns/shop/*", "spiffe://c/ns/shop/", false),
            ("spiffe://c/ns/shop/*", "spiffe://c/ns/shops/sa/web", false),
        ] {
            assert_eq!(pattern(text).fits(name), expected, "{text} {name}");
        }
        for bad in ["*", "a*b", "*.a.*", "spiffe://*/ns/*", ""] {
            assert!(config::read(&format!("{bad:?}"), |n| SanPattern::read(&n)).is_err());
        }
    }
}
