//! What one whole row tells: its delimiter, and the texts of its cells.

use crate::bytes::Position as _;
use crate::member_rules::MemberDecision;
use crate::names::KeyInfo;
use crate::plan::Plan;

/// What the name of a column says.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    pub(super) name: Vec<u8>,
    pub(super) info: KeyInfo,
    pub(super) decision: MemberDecision,
}

impl Column {
    pub(super) fn nameless(plan: &Plan) -> Self {
        Self {
            decision: if plan.minimizes.is_some() {
                MemberDecision::NotAllowed
            } else {
                MemberDecision::Stays
            },
            ..Self::default()
        }
    }
}

/// Whether a piece of a row has nothing but white space.
pub(super) fn is_blank(piece: &[u8]) -> bool {
    piece.iter().all(u8::is_ascii_whitespace)
}

/// Whether a name looks like several with another delimiter between; if it is all of its row, also with
/// spaces.
pub(super) fn has_separator(name: &[u8], is_row: bool) -> bool {
    name.iter().any(|byte| {
        DELIMITERS.contains(byte) || *byte == b':' || is_row && byte.is_ascii_whitespace()
    })
}

/// Whether a delimiter stands in a row, outside of quotes.
pub(super) fn has_outside_quotes(row: &[u8], delimiter: u8) -> bool {
    let mut in_quotes = false;
    row.iter().any(|byte| {
        in_quotes ^= *byte == b'"';
        !in_quotes && *byte == delimiter
    })
}

/// The delimiter that stands most often in a row, outside of quotes.
pub(super) fn delimiter_of(row: &[u8]) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut in_quotes = false;
    for byte in row {
        in_quotes ^= *byte == b'"';
        let place = DELIMITERS.iter().position(|delimiter| delimiter == byte);
        if let Some(count) = place
            .filter(|_| !in_quotes)
            .and_then(|place| counts.get_mut(place))
        {
            *count = count.plus(1);
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    let place = counts.iter().position(|count| *count == most);
    let delimiter = place.and_then(|place| DELIMITERS.get(place));
    delimiter.copied().unwrap_or(b',')
}

/// The texts of the cells of a row.
pub(super) fn cells(row: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    let mut in_quotes = false;
    let is_end = |byte: &u8| {
        in_quotes ^= *byte == b'"';
        *byte == delimiter && !in_quotes
    };
    row.split(is_end)
        .map(|cell| {
            let cell = cell.trim_ascii();
            let quoted = cell
                .strip_prefix(b"\"")
                .and_then(|inner| inner.strip_suffix(b"\""));
            match quoted {
                Some(inner) => policy::text::lossy(inner)
                    .replace("\"\"", "\"")
                    .into_bytes(),
                None => cell.to_vec(),
            }
        })
        .collect()
}

/// In the order in which they are preferred.
const DELIMITERS: [u8; 7] = [b',', b';', b'\t', b'|', b'^', b'~', 1];
