//! Records as lines of a log, among lines that say other things, and between words that the host
//! puts in front of them and behind.
//!
//! ```text
//! [meshward-audit/1 <tag> <bytes>] <record>
//! [meshward-audit/1 <tag> <bytes> <metadata.uid> <number>/<count>] <part of a record>
//! ```
//!
//! `bytes` is the length of what follows, so that a line that was cut off shows, and what a host adds
//! behind it does not matter. `tag` is `-`, or what the emitter's key makes of all that comes after
//! it: clients have words in many logs, and can write everything but that.

use std::ops::Range;

use crate::canonical::escaped_bytes;
use crate::keys::LogKey;

/// What every line begins with. audit-emitter refuses a configuration in whose names it stands, for
/// hosts put those in front of what a filter logs.
pub const MARK: &str = "[meshward-audit/1 ";

/// What stands in the place of a record that was taken out of a log.
pub const REMOVED: &str = "[meshward-audit removed]";

/// A record, or a part of one, in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine<'l> {
    /// Where it stands in the line, from the mark to the end of its text.
    pub range: Range<usize>,
    /// 32 hexadecimal digits, where its emitter has a key.
    pub tag: Option<&'l str>,
    /// Which part it is; `None` is a whole record.
    pub part: Option<Part<'l>>,
    /// The record, or the part of one; `None` if the line has less than it says.
    pub text: Option<&'l str>,
    /// What the tag is made of.
    tagged: &'l str,
}

/// Which part of which record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'l> {
    /// The id of the record.
    pub uid: &'l str,
    /// The part's number, from 1.
    pub number: usize,
    /// How many parts the record was split into.
    pub count: usize,
}

impl<'l> LogLine<'l> {
    /// Whether the holder of this key wrote it.
    #[must_use]
    pub fn is_tagged_by(&self, key: &LogKey) -> bool {
        self.text.is_some() && self.tag.is_some_and(|tag| key.verifies(self.tagged, tag))
    }

    /// What stands behind the mark.
    fn read(line: &'l str, start: usize) -> Option<Self> {
        let behind = line.get(start.checked_add(MARK.len())?..)?;
        let (tag, tagged) = behind.split_once(' ')?;
        let is_tag = tag == NO_TAG || tag.len() == TAG_DIGITS && tag.bytes().all(is_lower_hex);
        let (head, text) = tagged.split_once("] ").filter(|_| is_tag)?;
        if head.len() > MAX_HEAD_BYTES {
            return None;
        }
        let mut words = head.split(' ');
        let bytes = number(words.next()?).filter(|bytes| *bytes <= MAX_TEXT_BYTES)?;
        let part = match (words.next(), words.next(), words.next()) {
            (None, _, _) => None,
            (Some(uid), Some(place), None) => {
                let (index, count) = place.split_once('/')?;
                let (index, count) = (number(index)?, number(count)?);
                (1..=count).contains(&index).then_some(())?;
                (count <= MAX_PARTS).then_some(())?;
                Some(Part {
                    uid,
                    number: index,
                    count,
                })
            }
            _ => return None,
        };
        let text = text.get(..bytes);
        let text_start = line.len().checked_sub(tagged.len())?;
        let text_start = text_start.checked_add(head.len())?.checked_add(2)?;
        let end = text.map_or(line.len(), |text| text_start.saturating_add(text.len()));
        let tagged = line.get(line.len().checked_sub(tagged.len())?..end)?;
        Some(Self {
            range: start..end,
            tag: Some(tag).filter(|tag| *tag != NO_TAG),
            part,
            text,
            tagged,
        })
    }
}

/// What an emitter has written into a line, or somebody who wants to look like one. What stands in
/// the text of a record is part of that and not found by itself.
pub fn find(line: &str) -> impl Iterator<Item = LogLine<'_>> {
    let mut from = 0_usize;
    std::iter::from_fn(move || {
        loop {
            let start = from.checked_add(line.get(from..)?.find(MARK)?)?;
            let found = LogLine::read(line, start);
            from = match &found {
                // One that was cut off may be no record at all, but one may stand in it.
                Some(found) if found.text.is_some() => found.range.end,
                _ => start.checked_add(MARK.len())?,
            };
            if found.is_some() {
                return found;
            }
        }
    })
}

/// The lines of a record: one, or where that would take more than `max_bytes` however a log spells
/// it, parts to be put together again.
///
/// A client can make a record long, so a record that a log cuts off would be one that a client can
/// hide in.
#[must_use]
pub fn write(uid: &str, json: &str, max_bytes: usize, key: Option<&LogKey>) -> Vec<String> {
    let room = max_bytes.saturating_sub(HEADER_BYTES);
    if escaped_bytes(json) <= room {
        return vec![line("", json, key)];
    }
    let parts = split(json, room);
    let count = parts.len();
    let part = |(number, text): (usize, &str)| line(&format!(" {uid} {number}/{count}"), text, key);
    (1..).zip(parts).map(part).collect()
}

/// A record alone, for who rewrites a log.
#[must_use]
pub fn whole(json: &str, key: Option<&LogKey>) -> String {
    line("", json, key)
}

fn line(part: &str, text: &str, key: Option<&LogKey>) -> String {
    let tagged = format!("{}{part}] {text}", text.len());
    let tag = key.map_or_else(|| NO_TAG.to_owned(), |key| key.tag(&tagged));
    format!("{MARK}{tag} {tagged}")
}

/// Pieces that take at most so many bytes however they are spelled, never through the middle of a
/// character.
fn split(text: &str, max_bytes: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut bytes) = (0_usize, 0_usize);
    for (at, character) in text.char_indices() {
        let more = escaped_bytes(character.encode_utf8(&mut [0; 4]));
        if at > start && bytes.saturating_add(more) > max_bytes {
            pieces.extend(text.get(start..at));
            (start, bytes) = (at, 0);
        }
        bytes = bytes.saturating_add(more);
    }
    pieces.extend(text.get(start..).filter(|rest| !rest.is_empty()));
    pieces
}

/// A number without signs, of at most eight digits.
fn number(text: &str) -> Option<usize> {
    let plain = (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

const fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

const NO_TAG: &str = "-";
pub(crate) const TAG_DIGITS: usize = 32;
/// More than the mark, the tag, the id of a record and the numbers take.
const HEADER_BYTES: usize = 150;
const MAX_HEAD_BYTES: usize = 100;
const MAX_TEXT_BYTES: usize = 16 << 20;
const MAX_PARTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::SigningKey;

    fn key(seed: u8) -> LogKey {
        SigningKey::from_seed(None, &[seed; 32]).log_key()
    }

    fn texts(line: &str) -> Vec<Option<&str>> {
        find(line).map(|found| found.text).collect()
    }

    #[test]
    fn a_record_is_found_between_other_words() {
        let lines = write("ab:1", r#"{"a":1}"#, 1000, None);
        assert_eq!(lines, [r#"[meshward-audit/1 - 7] {"a":1}"#]);
        let record = &lines[0];
        for line in [
            record.clone(),
            format!("[2026-11-29][7][critical][wasm] wasm log a meshward.audit-emitter: {record}"),
            format!("{record} while logging request, client: 192.0.2.1"),
            // Names that a host puts in front.
            format!("[meshward-audit/1 x [meshward-audit/1 - z] {MARK}{record}"),
            format!("wasm log [meshward-audit/1 - 99999999]: {record}"),
        ] {
            let found: Vec<_> = texts(&line).into_iter().flatten().collect();
            assert_eq!(found, [r#"{"a":1}"#], "{line}");
        }
    }

    #[test]
    fn a_line_that_says_more_than_it_has_was_cut_off() {
        let line = &write("ab:1", r#"{"a":"é"}"#, 1000, None)[0];
        for length in line.find("] ").unwrap() + 2..line.len() {
            let Some(cut) = line.get(..length) else {
                continue;
            };
            assert_eq!(texts(cut), [None], "{cut}");
        }
        for no_line in [
            "",
            "[meshward-audit/1 ",
            "[meshward-audit/1 - ",
            "[meshward-audit/1 - 1]",
            "[meshward-audit/1 - -1] x",
            "[meshward-audit/1 - 999999999] x",
            "[meshward-audit/1 X 1] x",
            "[meshward-audit/1 - 1 ab:1] x",
            "[meshward-audit/1 - 1 ab:1 0/1] x",
            "[meshward-audit/1 - 1 ab:1 2/1] x",
            "[meshward-audit/1 - 1 ab:1 1/20000] x",
            "meshward.audit {}",
        ] {
            assert_eq!(find(no_line).next(), None, "{no_line}");
        }
    }

    #[test]
    fn what_stands_in_a_record_is_no_record_of_its_own() {
        let inner = whole(r#"{"forged":1}"#, None);
        let outer = format!(r#"{{"path":"{inner}"}}"#);
        let line = format!("{} {inner}", whole(&outer, None));
        let found: Vec<_> = texts(&line).into_iter().flatten().collect();
        assert_eq!(found, [outer.as_str(), r#"{"forged":1}"#]);
    }

    #[test]
    fn only_the_holder_of_the_key_can_tag() {
        let line = whole(r#"{"a":1}"#, Some(&key(7)));
        let found = |line: &str| find(line).next().unwrap().is_tagged_by(&key(7));
        assert!(found(&format!("x {line} y")));
        assert!(!found(&line.replace(r#""a":1"#, r#""a":2"#)));
        assert!(!found(&whole(r#"{"a":1}"#, Some(&key(8)))));
        assert!(!found(&whole(r#"{"a":1}"#, None)));
        // A part does not pass for another part of the same record.
        let lines = write("ab:1", &"x".repeat(300), 300, Some(&key(7)));
        assert!(lines.len() > 1 && lines.iter().all(|line| found(line)));
        assert!(!found(&lines[0].replace("ab:1 1/", "ab:1 2/")));
        assert!(!found(&lines[0].replace("ab:1", "ab:2")));
    }

    proptest! {
        #[test]
        fn parts_fit_and_make_the_record_again(piece in "\\PC{1,7}|[\"\\\\\u{1}<]{1,3}", times in 0_usize..500) {
            let text = piece.repeat(times);
            let key = key(7);
            let lines = write("afcd1d7b39a820e2f465b9a1afcd1d7b:18446744073709551615", &text, 1800, Some(&key));
            let mut again = String::new();
            let count = lines.len();
            for (number, line) in (1..).zip(&lines) {
                prop_assert!(escaped_bytes(line) <= 1800);
                let found = find(line).next().unwrap();
                prop_assert!(found.is_tagged_by(&key));
                prop_assert_eq!(found.range.clone(), 0..line.len());
                if count > 1 {
                    let part = found.part.unwrap();
                    prop_assert_eq!((part.number, part.count), (number, count));
                } else {
                    prop_assert_eq!(found.part, None);
                }
                again.push_str(found.text.unwrap());
            }
            prop_assert_eq!(again, text);
        }

        #[test]
        fn any_line_is_read_in_one_pass(line in "(\\[meshward-audit/1 |- |[0-9a-f]{1,3}|\\] |é|\"){0,40}") {
            for found in find(&line) {
                prop_assert!(line.get(found.range.clone()).is_some());
            }
        }
    }
}
