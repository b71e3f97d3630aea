//! Parts that are GraphQL: `operations`, the JSON of a form with files, and `query`, a document.

use super::part_headers::{PartHeaders, TransferEncoding};
use crate::limits::{Excess, MAX_DOCUMENT_BYTES, PlannedLimits};
use crate::limits::{measure, measure_graphql, reads_graphql};
use crate::media::Charset;
use crate::plan::Plan;
use crate::plan::watched::Watched;
use crate::tally::Tally;

/// What a part is to servers of GraphQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// JSON, of which each `query` is a document.
    Json,
    /// A document of GraphQL operations.
    Document,
}

impl Operation {
    /// What a part is, where there are limits for GraphQL. Its type and a file name change nothing:
    /// some servers go by the name alone.
    pub(super) fn of(headers: &PartHeaders, plan: &Plan) -> Option<Self> {
        if !reads_graphql(limits(plan)) {
            return None;
        }
        let is_named = |word: &[u8]| {
            let mut names = headers.names.iter();
            names.any(|name| name.trim_ascii().eq_ignore_ascii_case(word))
        };
        if is_named(b"query") {
            return Some(Self::Document);
        }
        is_named(b"operations").then_some(Self::Json)
    }

    /// Whether all servers find the same text in the part: few know transfer encodings.
    pub(super) fn is_readable(headers: &PartHeaders) -> bool {
        headers.encoding == TransferEncoding::Identity
            && headers.media.charset != Charset::Undecodable
    }
}

/// A document, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Document(Vec<u8>);

impl Document {
    /// One byte more than may be read says that it is too long.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let room = MAX_DOCUMENT_BYTES
            .saturating_add(1)
            .saturating_sub(self.0.len());
        self.0.extend_from_slice(crate::bytes::part(bytes, 0, room));
    }

    pub(super) const fn held(&self) -> usize {
        self.0.len()
    }

    /// Measures the document, which is complete.
    pub(super) fn measure(&self, plan: &Plan, tally: &mut Tally) {
        measure_graphql(limits(plan), &self.0, tally);
    }
}

/// Nobody can say what the operation asks for.
pub(super) fn cannot_be_read(plan: &Plan, tally: &mut Tally) {
    measure(limits(plan), Excess::GraphqlUnreadable, 1, tally);
}

fn limits(plan: &Plan) -> &[PlannedLimits] {
    plan.watched().map_or(&[], Watched::limits)
}
