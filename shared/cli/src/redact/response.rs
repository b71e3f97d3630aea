//! The head of the response that a body belongs to, from the command line.

use pii_redactor::config::Place;
use policy::finding::Direction;

use super::request::header;

/// What the head of a response says of its body.
#[derive(Debug, Default)]
pub(super) struct ResponseHead {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
}

/// Reads `name: value` lines. Repeated ones are one list, as they are to the filter.
pub(super) fn head(lines: &[String], place: Place) -> Result<ResponseHead, String> {
    if !lines.is_empty() && place.direction() != Direction::Response {
        let place = place.as_str();
        return Err(format!(
            "--response-header is about a response, and {place} is not in one"
        ));
    }
    let mut head = ResponseHead::default();
    for line in lines {
        let (name, value) = header("--response-header", line)?;
        let known = match name.as_str() {
            "content-type" => &mut head.content_type,
            "content-encoding" => &mut head.content_encoding,
            "content-range" => {
                return Err(format!(
                    "{line:?}: a part of a body cannot be searched; on_error.partial_content says what becomes of it"
                ));
            }
            _ => continue,
        };
        *known = Some(match known.take() {
            None => value,
            Some(before) => format!("{before}, {value}"),
        });
    }
    Ok(head)
}
