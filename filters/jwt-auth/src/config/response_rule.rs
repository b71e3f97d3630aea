//! What is done to the responses of upstreams.

use policy::config::{Node, names};
use policy::matching::Match;
use policy::timestamp::{format_http_date, parse_timestamp};

use super::request_limit::match_before_caller;

/// What is done to the responses to some requests.
#[derive(Debug)]
pub struct ResponseRule {
    /// Which requests they are the responses to.
    pub matches: Match,
    /// Headers that tell too much.
    pub remove_headers: Vec<String>,
    /// Headers that are set, such as `deprecation` and `sunset`.
    pub set_headers: Vec<(&'static str, String)>,
    /// What the upstream says of its own failures (5xx) stays here.
    pub hides_errors: bool,
}

impl ResponseRule {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let matches = fields.or("match", Match::default(), |n| match_before_caller(&n));
            let remove_headers = fields.or("remove_headers", Vec::new(), |n| {
                n.non_empty_list(|name| {
                    let header = name.header_name()?;
                    if names::is_framing(&header) {
                        name.reject("clients cannot read a response without this header");
                    }
                    Some(header)
                })
            });
            let mut seconds = |name| {
                fields.or(name, None, |n: Node<'_>| {
                    n.parsed(parse_timestamp, "a time").map(Some)
                })
            };
            let (deprecation, sunset) = (seconds("deprecation"), seconds("sunset"));
            if let (Some(deprecation), Some(sunset)) = (deprecation, sunset)
                && sunset < deprecation
            {
                fields
                    .node()
                    .reject_unseen("the sunset must not be before the deprecation (RFC 9745)");
            }
            let link = fields.or("deprecation_link", None, |n| {
                let link = n.name(1024)?;
                if link.contains(['<', '>', '"']) {
                    n.reject("expected an address");
                }
                Some(Some(format!("<{link}>; rel=\"deprecation\"; type=\"text/html\"")))
            });
            let hides_errors = fields.or("hide_errors", false, |n| n.boolean());
            let mut set_headers = Vec::new();
            set_headers.extend(deprecation.map(|at| ("deprecation", format!("@{at}"))));
            set_headers.extend(sunset.map(|at| ("sunset", format_http_date(at))));
            set_headers.extend(link.map(|link| (LINK, link)));
            let keys = ["remove_headers", "deprecation", "sunset", "deprecation_link", "hide_errors"];
            let does_nothing = remove_headers.is_empty() && set_headers.is_empty() && !hides_errors;
            if does_nothing && !fields.refused(&keys) {
                fields.node().reject_unseen(
                    r#"expected "remove_headers", "deprecation", "sunset", "deprecation_link" or "hide_errors""#,
                );
            }
            Some(Self {
                matches,
                remove_headers,
                set_headers,
                hides_errors,
            })
        })
    }
}

/// The name of the header that carries `rel="deprecation"` (RFC 9745, section 3).
pub(crate) const LINK: &str = "link";
