//! Host names in a rule.

use crate::config::Node;
use crate::host_address;

/// `api.example.com`, or `*.example.com` for every name below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This host name alone.
    Exact(String),
    /// All host names below a domain, given as `.example.com`.
    Below(String),
}

impl HostPattern {
    /// As it would match itself: `.example.com` is what stands below a domain.
    pub(super) fn spelled(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Below(text) => text,
        }
    }

    /// Reads one pattern: `api.example.com` or `*.example.com`.
    pub fn read(node: &Node<'_>) -> Option<Self> {
        let text = node.name(253)?.to_ascii_lowercase();
        if !text.is_ascii() {
            node.reject("a host name in a request is ASCII: write the form with xn--");
            return None;
        }
        // As host names of requests are read: without the brackets of IPv6 and the dot of the root.
        let text = match text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
        {
            Some(address) => address,
            None => text.strip_suffix('.').unwrap_or(&text),
        };
        let (suffix, below) = match text.strip_prefix('*') {
            Some(suffix) => (suffix.to_owned(), true),
            None => (text.to_owned(), false),
        };
        let well_formed = below == suffix.starts_with('.')
            && !suffix.contains(|c: char| !c.is_ascii_alphanumeric() && !".-_:".contains(c))
            && suffix.trim_matches('.').len() > usize::from(below);
        let spellings = host_address::spellings(&suffix);
        if let Some(usual) = spellings.first()
            && !below
            && !spellings.contains(&suffix)
        {
            node.reject(format_args!(
                "write this address as {usual:?}; requests that spell it in another way are ambiguous"
            ));
            return None;
        }
        if !well_formed || (suffix.contains(':') && spellings.is_empty()) {
            node.reject(r#"expected a host name without port, such as "api.example.com" or "*.example.com""#);
            return None;
        }
        Some(if below {
            Self::Below(suffix)
        } else {
            Self::Exact(suffix)
        })
    }

    /// Whether this fits every host that `other` fits.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(host)) => self.matches(host),
            (Self::Below(suffix), Self::Below(other)) => other.ends_with(suffix.as_str()),
            (Self::Exact(_), Self::Below(_)) => false,
        }
    }

    /// Whether it fits a host in lower case.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
        }
    }
}
