//! What happens when a message cannot be redacted.

use policy::config::Node;

/// What happens when a message cannot be redacted: nothing passes unredacted in silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnError {
    /// It is compressed in a way that is not decoded.
    pub unsupported_encoding: Policy,
    /// It is of a type that is not searched.
    pub unsupported_type: Policy,
    /// It is a part of a body (206).
    pub partial_content: Policy,
    /// It is not what it says it is.
    pub parse_error: ParseErrorPolicy,
    /// Searching it costs more than a body of its length may.
    pub budget_exceeded: Policy,
    /// The host cannot change bodies, or the query.
    pub host_readonly: Policy,
    /// It has more headers than the host lists, or none that it can list.
    pub unlisted_headers: Policy,
    /// Trailers end it while something is held that cannot be written any more.
    pub trailers: TrailersPolicy,
}

/// What happens to a message that cannot be redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It goes no further.
    Block,
    /// It passes as it is, counted and logged.
    Pass,
}

/// What happens to a message that turns out not to be what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseErrorPolicy {
    /// The rest is scanned as text.
    RedactText,
    /// It goes no further.
    Block,
}

/// What happens to a message whose end cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailersPolicy {
    /// The stream is reset.
    Block,
    /// What is held is lost, and the rest passes.
    Drop,
}

impl Default for OnError {
    fn default() -> Self {
        Self {
            unsupported_encoding: Policy::Block,
            unsupported_type: Policy::Pass,
            partial_content: Policy::Block,
            parse_error: ParseErrorPolicy::RedactText,
            budget_exceeded: Policy::Block,
            host_readonly: Policy::Block,
            unlisted_headers: Policy::Block,
            trailers: TrailersPolicy::Block,
        }
    }
}

impl OnError {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        let policy = |n: Node<'_>| n.one_of(&[("block", Policy::Block), ("pass", Policy::Pass)]);
        node.object(|fields| {
            let default = Self::default();
            Some(Self {
                unsupported_encoding: fields.or(
                    "unsupported_encoding",
                    default.unsupported_encoding,
                    policy,
                ),
                unsupported_type: fields.or("unsupported_type", default.unsupported_type, policy),
                partial_content: fields.or("partial_content", default.partial_content, policy),
                parse_error: fields.or("parse_error", default.parse_error, |n| {
                    n.one_of(&[
                        ("redact_text", ParseErrorPolicy::RedactText),
                        ("block", ParseErrorPolicy::Block),
                    ])
                }),
                budget_exceeded: fields.or("budget_exceeded", default.budget_exceeded, policy),
                host_readonly: fields.or("host_readonly", default.host_readonly, policy),
                unlisted_headers: fields.or("unlisted_headers", default.unlisted_headers, policy),
                trailers: fields.or("trailers", default.trailers, |n| {
                    n.one_of(&[
                        ("block", TrailersPolicy::Block),
                        ("drop", TrailersPolicy::Drop),
                    ])
                }),
            })
        })
    }
}
