//! Values of JSON that stand one behind the other in a line: what programs write that put nothing between two
//! documents, or what JSON text sequences (RFC 7464) and lists without brackets put there.

use std::ops::Range;

use serde_json::value::RawValue;

use super::is_json_array;

/// Where in a text its values stand, and where what is left begins. `None`: it is one value by itself, or does not
/// begin with one.
pub(crate) fn values(text: &str) -> Option<(Vec<Range<usize>>, usize)> {
    if !text.starts_with('{') && !is_json_array(text) {
        return None;
    }
    let mut values: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let begin = at + (rest.len() - rest.trim_start_matches(is_separator).len());
        let rest = text.get(begin..)?;
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        let value = match rest.starts_with(['{', '[']) {
            true => stream.next().and_then(Result::ok),
            false => None,
        };
        let Some(value) = value else {
            let is_one = values.is_empty() || values.first() == Some(&(0..text.len()));
            return (!is_one).then_some((values, begin));
        };
        at = begin + value.get().len();
        values.push(begin..at);
    }
}

/// What may stand before a document, between two and behind the last.
pub(crate) const fn is_separator(character: char) -> bool {
    matches!(
        character,
        ' ' | '\t' | '\r' | '\n' | ',' | RECORD_SEPARATOR | '\u{feff}'
    )
}

/// What begins each document of a JSON text sequence.
pub(crate) const RECORD_SEPARATOR: char = '\u{1e}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_whatever_stands_between_them() {
        for (text, expected, rest) in [
            (
                r#"{"a":"}{"}{"b":[1]}"#,
                &[r#"{"a":"}{"}"#, r#"{"b":[1]}"#][..],
                "",
            ),
            ("{} [2],\u{1e}{}\u{1e}", &["{}", "[2]", "{}"], ""),
            ("{},", &["{}"], ""),
            (r#"[{}][["a"]]"#, &["[{}]", r#"[["a"]]"#], ""),
            (r#"{}{"a":"#, &["{}"], r#"{"a":"#),
            ("{} and words", &["{}"], "and words"),
        ] {
            let (found, at) = values(text).unwrap();
            let found: Vec<&str> = found
                .into_iter()
                .map(|one| text.get(one).unwrap())
                .collect();
            assert_eq!(
                (&found[..], text.get(at..).unwrap()),
                (expected, rest),
                "{text}"
            );
        }
        for text in [
            "{}",
            r#"{"a":"#,
            "[2026-11-24] [x]",
            "[7] {}",
            "words {}",
            "",
            "\"a\" {}",
        ] {
            assert_eq!(values(text), None, "{text}");
        }
    }
}
