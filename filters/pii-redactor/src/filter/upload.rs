//! Uploads that arrive in pieces, each in a request of its own: a value may be cut in two between them.

use super::message::Message;

/// Whether the body of a request is a piece of something longer: by `content-range`, the protocols tus and resumable
/// uploads (`upload-offset`), or the parameters of S3 and Azure. A range that is all there is no piece.
pub(super) fn is_piece(message: &Message<'_>, content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let is_of_pieces = TYPES
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known));
    let range = message.text("content-range");
    is_of_pieces
        || range.is_some_and(|range| !is_whole(&range))
        || message.text("upload-offset").is_some()
        || message
            .text(":path")
            .is_some_and(|path| names_a_piece(&path))
}

/// Whether a range is all of what it is a range of: `bytes 0-41/42`.
fn is_whole(range: &str) -> bool {
    let numbers = || {
        let (range, length) = range.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let number = |text: &str| text.trim().parse::<u64>().ok();
        Some((number(first)?, number(last)?, number(length)?))
    };
    numbers().is_some_and(|(first, last, length)| first == 0 && last.checked_add(1) == Some(length))
}

/// Whether a query says so: `?partNumber=2&uploadId=…` of S3, `?comp=block&blockid=…` of Azure.
fn names_a_piece(path: &str) -> bool {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let has = |name: &str| {
        query.split('&').any(|pair| {
            pair.get(..name.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(name))
        })
    };
    has("partNumber=") && has("uploadId=")
        || has("blockid=") && has("comp=block")
        || has("comp=appendblock")
}

const TYPES: [&str; 2] = [
    "application/offset+octet-stream",
    "application/partial-upload",
];
