//! Records as lines of the proxy's own log: where nothing can be sent, and where what could not be
//! delivered ends.

use host::{Capabilities, HostKind};

use crate::queue::QueuedRecord;

/// How long a line of this host's log may be, in bytes; `None` is as long as it likes.
#[must_use]
pub const fn max_line_bytes(capabilities: &Capabilities) -> Option<usize> {
    match capabilities.kind() {
        HostKind::Envoy => None,
        // nginx cuts its lines after 2,048 bytes, the time and the place in front included.
        _ => Some(1800),
    }
}

/// The lines of a record: `meshward.audit {...}`, and where that is too long, parts to be put
/// together again: `meshward.audit.part <uid> <number>/<count>:<bytes> <text>`. The number of bytes of
/// the text tells it from what a host writes after it, and a line that was cut off from a whole one.
///
/// A client can make a record long, so a record that the host cuts off would be one that a client
/// can hide in.
#[must_use]
pub fn lines(record: &QueuedRecord, max_bytes: Option<usize>) -> Vec<String> {
    let whole = format!("meshward.audit {}", record.json);
    let Some(max_bytes) = max_bytes.filter(|max_bytes| whole.len() > *max_bytes) else {
        return vec![whole];
    };
    let parts = split(&record.json, max_bytes.saturating_sub(PART_HEADER_BYTES));
    let count = parts.len();
    let line = |(number, part): (usize, &str)| {
        let uid = record.uid();
        let bytes = part.len();
        format!("meshward.audit.part {uid} {number}/{count}:{bytes} {part}")
    };
    (1..).zip(parts).map(line).collect()
}

/// Pieces of at most so many bytes, never through the middle of a character.
fn split(text: &str, max_bytes: usize) -> Vec<&str> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let most = rest.floor_char_boundary(max_bytes.max(LONGEST_CHARACTER_BYTES));
        let Some((piece, tail)) = rest.split_at_checked(most) else {
            break;
        };
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

/// More than the words, the id and the numbers in front of a part take.
const PART_HEADER_BYTES: usize = 100;
const LONGEST_CHARACTER_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(json: String) -> QueuedRecord {
        QueuedRecord {
            json,
            chain_uid: "afcd1d7b39a820e2f465b9a1afcd1d7b".to_owned(),
            sequence: u64::MAX,
            ..QueuedRecord::default()
        }
    }

    #[test]
    fn a_line_that_fits_is_whole() {
        for max_bytes in [None, Some(1800)] {
            let lines = lines(&record(r#"{"a":1}"#.to_owned()), max_bytes);
            assert_eq!(lines, [r#"meshward.audit {"a":1}"#]);
        }
        let long = record("x".repeat(100_000));
        assert_eq!(lines(&long, None).len(), 1);
    }

    proptest! {
        #[test]
        fn parts_fit_and_make_the_record_again(piece in "\\PC{1,7}", times in 0_usize..1_000) {
            let text = piece.repeat(times);
            let record = record(text.clone());
            let lines = lines(&record, Some(1800));
            prop_assert!(lines.iter().all(|line| line.len() <= 1800));
            let mut again = String::new();
            let count = lines.len();
            for (number, line) in (1..).zip(&lines) {
                let whole = line.strip_prefix("meshward.audit ").filter(|_| count == 1);
                let header = format!("meshward.audit.part {} {number}/{count}:", record.uid());
                let part = || {
                    let (bytes, part) = line.strip_prefix(&header)?.split_once(' ')?;
                    (bytes.parse() == Ok(part.len())).then_some(part)
                };
                again.push_str(whole.or_else(part).unwrap());
            }
            prop_assert_eq!(again, text);
        }
    }
}
