//! How much a request may ask for.

use host::{Direction, Host, Request};
use policy::config::Node;
use policy::http::announced_bytes;
use policy::matching::{Match, applies};

use crate::reason::Reason;

/// What some requests may ask for at most.
#[derive(Debug)]
pub struct RequestLimit {
    /// Which requests it is about.
    pub matches: Match,
    /// Bytes of the body, as its length is announced.
    pub max_body_bytes: Option<u64>,
    /// The largest numbers that query parameters may have, such as the size of a page.
    pub max_query: Vec<(String, u64)>,
}

/// The conditions of a rule that is chosen before anybody knows the caller.
pub(super) fn match_before_caller(node: &Node<'_>) -> Option<Match> {
    let matches = Match::read(node)?;
    if matches.asks_for_identity() {
        node.reject("these rules are chosen before the caller is known");
    }
    Some(matches)
}

impl RequestLimit {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let matches = fields.or("match", Match::default(), |n| match_before_caller(&n));
            let limit = Self {
                matches,
                max_body_bytes: fields.or("max_body", None, |n| {
                    n.size(0..=1_099_511_627_776).map(Some)
                }),
                max_query: fields.or("max_query", Vec::new(), |n| {
                    n.named(|_, most| most.integer(0..=u64::MAX))
                }),
            };
            if limit.max_body_bytes.is_none()
                && limit.max_query.is_empty()
                && !fields.refused(&["max_body", "max_query"])
            {
                fields
                    .node()
                    .reject_unseen(r#"expected "max_body" or "max_query""#);
            }
            Some(limit)
        })
    }

    /// Checks a request against all limits that are about it in any reading. `has_body` is `None`
    /// where the host does not tell.
    ///
    /// # Errors
    /// It asks for too much.
    pub(crate) fn check(
        limits: &[Self],
        host: &dyn Host,
        request: &Request,
        has_body: Option<bool>,
    ) -> Result<(), Reason> {
        let facts = request.facts(host, Direction::Request);
        for limit in limits
            .iter()
            .filter(|limit| applies(&limit.matches, &facts))
        {
            if let Some(most) = limit.max_body_bytes {
                check_body(host, request, has_body, most)?;
            }
            for (name, most) in &limit.max_query {
                let queries = request.queries(host).ok_or(Reason::QueryTooLarge)?;
                for value in queries.iter().flat_map(|query| query.values(name)) {
                    // What is no number may be one to somebody: `1e9`, `+9999`, `0x7fff`.
                    let number = std::str::from_utf8(value).ok().filter(|text| {
                        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
                    });
                    let number = number.and_then(|text| text.parse::<u64>().ok());
                    if number.is_none_or(|number| number > *most) {
                        return Err(Reason::QueryTooLarge);
                    }
                }
            }
        }
        Ok(())
    }
}

fn check_body(
    host: &dyn Host,
    request: &Request,
    has_body: Option<bool>,
    most: u64,
) -> Result<(), Reason> {
    let lengths = request.header_lines(host, "content-length");
    let has_coding = request.header_bytes(host, "transfer-encoding").is_some();
    if lengths.is_empty() || has_coding {
        // Where the host does not tell, a request of HTTP/1.1 has a body only if it says so here; one of HTTP/2 need not,
        // and those of these methods have one.
        let may_have_body = || matches!(request.method(host), "POST" | "PUT" | "PATCH");
        return match has_body.unwrap_or_else(may_have_body) || has_coding {
            true => Err(Reason::LengthRequired),
            false => Ok(()),
        };
    }
    match lengths.iter().all(|line| announced_bytes(line) <= most) {
        true => Ok(()),
        false => Err(Reason::BodyTooLarge),
    }
}
