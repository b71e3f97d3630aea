//! What the upstream gets of a token's claims.

use host::exchange::IDENTITY_HEADER;
use policy::config::Node;

/// A claim for the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimHeader {
    /// Dotted path of the claim.
    pub claim: String,
    /// Lower-case name of the header.
    pub header: String,
    /// How it is written.
    pub form: ClaimForm,
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
            let claim = fields
                .required("claim", "the path of a claim")
                .and_then(|n| n.name(256).map(str::to_owned));
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
            Some(Self {
                claim: claim?,
                header: header?,
                form,
            })
        })
    }
}

/// A header for the upstream that nothing else depends on.
pub(super) fn free_header(node: &Node<'_>) -> Option<String> {
    const TAKEN: [&str; 10] = [
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let name = node.header_name()?;
    if TAKEN.contains(&name.as_str()) || name == IDENTITY_HEADER {
        node.reject("this header cannot carry a claim");
        return None;
    }
    Some(name)
}
