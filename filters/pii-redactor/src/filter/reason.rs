//! Why a message was refused, cut off, or not looked into: the reason codes of metrics, decisions
//! and refusals.

use host::Direction;

use crate::inflate::InflateError;
use crate::limits::Excess;

/// The reason codes of the filter's decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// A finding blocks the message.
    BlockedContent,
    /// The host cannot change bodies.
    HostReadonly,
    /// A part of a response, or a piece of an upload, in which values may be cut in two.
    PartialContent,
    /// A type that is not searched.
    UnsupportedType,
    /// A coding, transfer encoding or charset that is not decoded.
    UnsupportedEncoding,
    /// Nobody can say whose the objects in it are.
    OwnerUnknown,
    /// Not what the content type says.
    ParseError,
    /// Receivers may read it in different ways.
    Ambiguous,
    /// Searching costs more than a body of this length may.
    BudgetExceeded,
    /// The caller has got as much personal data in clear as he may.
    DataBudgetSpent,
    /// Nobody can say whether he has.
    DataBudgetUndecided,
    /// The request lacks a part of a budget's key.
    DataBudgetKeyMissing,
    /// The request names a part of a budget's key too many times.
    DataBudgetKeyAmbiguous,
    /// Trailers came before what was held could leave.
    Trailers,
    /// The host does not give the body.
    BodyUnreadable,
    /// The host does not take the new body.
    BodyUnwritable,
    /// The host does not take what was to be written in place of a header, a cookie or the query.
    HeadUnwritable,
    /// There may be headers that the host does not list.
    HeadersUnlisted,
    CompressionBroken,
    CompressionTruncated,
    /// The body becomes too long when it is decompressed.
    DecompressionLimit,
    /// It asks for more than a rule lets it.
    Exceeds(Excess),
    /// It has a member that no rule lets through.
    MemberNotAllowed,
}

/// Why a body, or a part of one, was not searched and passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSearched {
    /// The content type is binary.
    ContentType,
    /// Its type says nothing, and its first bytes are binary.
    Binary,
    /// The body has gRPC messages.
    Grpc,
    /// The connection has another protocol.
    Upgrade,
    /// A binary part of a multipart body.
    File,
    /// A part in a transfer encoding or charset that is not decoded.
    EncodedPart,
}

impl Reason {
    /// The code in metrics, decisions and refusals.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::BlockedContent => "blocked_content",
            Self::HostReadonly => "host_readonly",
            Self::PartialContent => "partial_content",
            Self::UnsupportedType => "unsupported_type",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::OwnerUnknown => "owner_unknown",
            Self::ParseError => "parse_error",
            Self::Ambiguous => "ambiguous",
            Self::BudgetExceeded => "budget_exceeded",
            Self::DataBudgetSpent => "data_budget_spent",
            Self::DataBudgetUndecided => "data_budget_undecided",
            Self::DataBudgetKeyMissing => "data_budget_key_missing",
            Self::DataBudgetKeyAmbiguous => "data_budget_key_ambiguous",
            Self::Trailers => "trailers",
            Self::BodyUnreadable => "body_unreadable",
            Self::BodyUnwritable => "body_unwritable",
            Self::HeadUnwritable => "head_unwritable",
            Self::HeadersUnlisted => "headers_unlisted",
            Self::CompressionBroken => "compression_broken",
            Self::CompressionTruncated => "compression_truncated",
            Self::DecompressionLimit => "decompression_limit",
            Self::Exceeds(excess) => excess.as_str(),
            Self::MemberNotAllowed => "member_not_allowed",
        }
    }

    /// The status and the detail of a refusal.
    pub(super) const fn refusal(self, direction: Direction) -> (u16, &'static str) {
        match (direction, self) {
            (_, Self::DataBudgetSpent) => {
                (429, "The budget of personal data for this caller is spent.")
            }
            (_, Self::DataBudgetUndecided) => {
                (503, "The budget of personal data could not be checked.")
            }
            (_, Self::DataBudgetKeyMissing) => (
                429,
                "The budget of personal data cannot tell whose request this is.",
            ),
            (_, Self::DataBudgetKeyAmbiguous) => (
                400,
                "The request names several callers for the budget of personal data.",
            ),
            (Direction::Request, Self::BlockedContent) => {
                (403, "The request has data in it that may not be sent.")
            }
            (Direction::Request, Self::UnsupportedEncoding | Self::UnsupportedType) => {
                (415, "The request could not be checked for personal data.")
            }
            (Direction::Request, Self::ParseError) => {
                (400, "The request body is not what its content type says.")
            }
            (Direction::Request, Self::Ambiguous) => {
                (400, "The request body can be read in more than one way.")
            }
            (Direction::Request, Self::Exceeds(excess)) => match excess {
                Excess::Body => (413, excess.detail()),
                _ => (400, excess.detail()),
            },
            (Direction::Request, Self::MemberNotAllowed) => {
                (403, "The request has a member that is not allowed here.")
            }
            (Direction::Request, _) => (400, "The request could not be checked for personal data."),
            (Direction::Response, Self::Exceeds(_)) => (
                502,
                "The response is larger or more complex than it may be.",
            ),
            (Direction::Response, Self::BlockedContent | Self::MemberNotAllowed) => {
                (502, "The response has data in it that may not be sent.")
            }
            (Direction::Response, _) => {
                (502, "The response could not be checked for personal data.")
            }
        }
    }
}

impl From<InflateError> for Reason {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::Broken => Self::CompressionBroken,
            InflateError::Truncated => Self::CompressionTruncated,
            InflateError::Limit => Self::DecompressionLimit,
        }
    }
}

impl NotSearched {
    /// The code in metrics and decisions.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ContentType => "content_type",
            Self::Binary => "binary",
            Self::Grpc => "grpc",
            Self::Upgrade => "upgrade",
            Self::File => "file",
            Self::EncodedPart => "encoded_part",
        }
    }
}
