//! What happens when a message cannot be redacted.

use policy::config::Node;

/// What happens when a message cannot be redacted: nothing passes unredacted in silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnError {
    /// It is compressed in a way that is not decoded.
    pub unsupported_encoding: FailurePolicy,
    /// It is of a type that is not searched.
    pub unsupported_type: FailurePolicy,
    /// It is a part of a body (206).
    pub partial_content: FailurePolicy,
    /// It is not what it says it is.
    pub parse_error: ParseErrorPolicy,
    /// Receivers may read it in different ways: two types, two boundaries, two names of a part.
    pub ambiguous: ParseErrorPolicy,
    /// Searching it costs more than a body of its length may.
    pub budget_exceeded: FailurePolicy,
    /// The host cannot change bodies, or the query.
    pub host_readonly: FailurePolicy,
    /// It has more headers than the host lists, or none that it can list.
    pub unlisted_headers: FailurePolicy,
    /// Trailers end it while something is held that cannot be written any more.
    pub trailers: TrailersPolicy,
}

/// What happens to a message that cannot be redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailurePolicy {
    /// The message is stopped.
    Block,
    /// It passes as it is, counted and logged.
    Pass,
}

/// What happens to a message that turns out not to be what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseErrorPolicy {
    /// The rest is scanned as text.
    RedactText,
    /// The message is stopped.
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
            unsupported_encoding: FailurePolicy::Block,
            unsupported_type: FailurePolicy::Pass,
            partial_content: FailurePolicy::Block,
            parse_error: ParseErrorPolicy::RedactText,
            ambiguous: ParseErrorPolicy::Block,
            budget_exceeded: FailurePolicy::Block,
            host_readonly: FailurePolicy::Block,
            unlisted_headers: FailurePolicy::Block,
            trailers: TrailersPolicy::Block,
        }
    }
}

impl OnError {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        let policy = |n: Node<'_>| {
            n.one_of(&[
                ("block", FailurePolicy::Block),
                ("pass", FailurePolicy::Pass),
            ])
        };
        let text = |n: Node<'_>| {
            n.one_of(&[
                ("redact_text", ParseErrorPolicy::RedactText),
                ("block", ParseErrorPolicy::Block),
            ])
        };
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
                parse_error: fields.or("parse_error", default.parse_error, text),
                ambiguous: fields.or("ambiguous", default.ambiguous, text),
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
