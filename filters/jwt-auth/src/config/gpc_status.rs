//! What tells people that Global Privacy Control was honoured.

use policy::config::Node;

/// How an opt-out is confirmed: a header on the response to each request that had the signal, and the
/// support resource at `/.well-known/gpc.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpcStatus {
    /// The header of the response, in lower case.
    pub header: String,
    /// The support resource, where it is served.
    pub resource: Option<String>,
}

impl GpcStatus {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let header = fields.or("header", DEFAULT_HEADER.to_owned(), |n| {
                n.own_response_header_name()
            });
            let last_update = fields.or("last_update", None, |n| {
                let text = n.name(10)?;
                if !is_date(text) {
                    n.reject(r#"expected a date such as "2026-01-31""#);
                }
                Some(Some(text.to_owned()))
            });
            let is_served = fields.or("well_known", true, |n| n.boolean());
            let date = last_update.map(|date| format!(",\"lastUpdate\":\"{date}\""));
            let resource = format!("{{\"gpc\":true{}}}", date.unwrap_or_default());
            Some(Self {
                header,
                resource: is_served.then_some(resource),
            })
        })
    }
}

fn is_date(text: &str) -> bool {
    let digits =
        |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    match text.split('-').collect::<Vec<_>>().as_slice() {
        [year, month, day] => digits(year, 4) && digits(month, 2) && digits(day, 2),
        _ => false,
    }
}

/// The path at which the specification has the support resource.
pub(crate) const GPC_PATH: &str = "/.well-known/gpc.json";
const DEFAULT_HEADER: &str = "gpc-status";
