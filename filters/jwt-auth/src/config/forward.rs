//! What the upstream gets of a token's claims.

use host::exchange::IDENTITY_HEADER;
use policy::config::{Node, names};
use policy::{http, overrides};

/// A claim for the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimHeader {
    /// Dotted path of the claim.
    pub claim: String,
    /// Lower-case name of the header.
    pub header: String,
    /// How the claim is written as text.
    pub form: ClaimForm,
    /// The longest value of the header, in bytes.
    pub max_bytes: usize,
    /// What happens to a claim that is longer.
    pub on_too_large: OnTooLarge,
}

/// What happens when a claim does not fit into its header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnTooLarge {
    /// The request is refused: the upstream would decide by half of what the token says.
    #[default]
    Refuse,
    /// As many items of a list as fit, of anything else nothing; a header beside it says how many
    /// items are missing, or `all`.
    Truncate,
}

/// How a claim is written into a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClaimForm {
    /// A scalar as its text, an array of scalars with commas; everything but printable ASCII is
    /// percent-encoded. Objects are left out.
    #[default]
    Csv,
    /// JSON, with everything but ASCII escaped.
    Json,
    /// base64url of the text of a string, or of the JSON of everything else.
    Base64,
    /// As `Csv`, of an array only the first item.
    First,
}

impl ClaimHeader {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let claim = fields.required("claim", "the path of a claim");
            let claim = claim.and_then(|n| single_claim(&n));
            let header = fields
                .required("header", "the name of a header")
                .and_then(|n| free_header(&n));
            let form = fields.or("as", ClaimForm::Csv, |n| {
                n.one_of(&[
                    ("csv", ClaimForm::Csv),
                    ("json", ClaimForm::Json),
                    ("base64", ClaimForm::Base64),
                    ("first", ClaimForm::First),
                ])
            });
            let max_bytes = fields.or("max_size", DEFAULT_MAX_BYTES, |n| {
                usize::try_from(n.size(16..=60 * 1024)?).ok()
            });
            let on_too_large = fields.or("on_too_large", OnTooLarge::Refuse, |n| {
                n.one_of(&[
                    ("refuse", OnTooLarge::Refuse),
                    ("truncate", OnTooLarge::Truncate),
                ])
            });
            Some(Self {
                claim: claim?,
                header: header?,
                form,
                max_bytes,
                on_too_large,
            })
        })
    }
}

impl ClaimHeader {
    /// The header that says that something is missing.
    #[must_use]
    pub fn truncated_header(&self) -> String {
        format!("{}-truncated", self.header)
    }
}

/// The path of a claim without `*`, which would stand for many.
pub(super) fn single_claim(node: &Node<'_>) -> Option<String> {
    let claim = node.name(256)?;
    if names::has_star(claim) {
        node.reject(format_args!("expected {}", names::NO_STAR));
    }
    Some(claim.to_owned())
}

/// A header for the upstream that nothing else depends on.
pub(super) fn free_header(node: &Node<'_>) -> Option<String> {
    const TAKEN: [&str; 25] = [
        "authorization",
        "cf-connecting-ip",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "fastly-client-ip",
        "front-end-https",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "true-client-ip",
        "traceparent",
        "tracestate",
        "upgrade",
        "via",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-real-ip",
        "x-request-id",
    ];
    // The proxy writes these, and other upstreams and logs believe them.
    const PROXY: [&str; 4] = ["x-forwarded-", "x-envoy-", "x-b3-", "x-ratelimit-"];
    let name = node.header_name()?;
    // In any spelling that an upstream may take for one of them.
    let is = |taken: &str| http::folds_alike(name.as_bytes(), taken.as_bytes());
    let by_proxy = PROXY.iter().any(|prefix| {
        let start = name.as_bytes().get(..prefix.len());
        start.is_some_and(|start| http::folds_alike(start, prefix.as_bytes()))
    });
    let overrides = overrides::find(name.as_bytes()).is_some();
    if TAKEN.into_iter().any(is) || by_proxy || overrides || is(IDENTITY_HEADER) {
        node.reject("this header cannot carry a claim: the proxy or HTTP itself uses it");
        return None;
    }
    Some(name)
}

const DEFAULT_MAX_BYTES: usize = 4096;
