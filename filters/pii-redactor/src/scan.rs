//! Scanning text as it streams by, one decoded character at a time.
//!
//! Text is cut into *runs*: stretches of the characters that matches consist of. Everything else
//! ends a run, is never part of a match and leaves at once, byte for byte as it came. A run is held
//! until it ends, then searched, and leaves with the matches replaced. What is held is bounded: of
//! a run that grows too long all but its last [`KEPT_BYTES`] bytes leave early, which is longer
//! than any match, so that none is cut in two.
//!
//! The scanner never sees chunks, only characters in order: the result cannot depend on how a body
//! was cut.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::action::Actions;
use crate::detect::{Context, Entity, find};

/// What is looked for, and what becomes of it.
#[derive(Clone, Debug, Default)]
pub struct ScanRules {
    /// The kinds of data.
    pub wanted: Vec<Entity>,
    /// What replaces them.
    pub actions: Actions,
}

/// How many matches of each kind there were; field rules count under `field`.
pub type Counts = BTreeMap<String, u64>;

/// Scans one stretch of text after the other.
#[derive(Debug)]
pub struct Scanner {
    rules: Rc<ScanRules>,
    /// The run so far, decoded: ASCII.
    run: Vec<u8>,
    /// How the run was spelled.
    raw: Vec<u8>,
    /// How many raw bytes each byte of the run has.
    raw_lengths: Vec<u8>,
    context: Context,
    /// Whether replacements must be escaped for JSON.
    escapes: bool,
}

impl Scanner {
    /// A scanner for these rules. In JSON strings replacements are escaped.
    #[must_use]
    pub const fn new(rules: Rc<ScanRules>, escapes: bool) -> Self {
        Self {
            rules,
            run: Vec::new(),
            raw: Vec::new(),
            raw_lengths: Vec::new(),
            context: Context {
                continued: false,
                announced: None,
            },
            escapes,
        }
    }

    /// What the following text is said to be.
    pub const fn announce(&mut self, announced: Option<Entity>) {
        self.context.announced = announced;
    }

    /// Takes a character: decoded, if it is ASCII, and as it was spelled.
    pub fn push(
        &mut self,
        decoded: Option<u8>,
        raw: &[u8],
        out: &mut Vec<u8>,
        counts: &mut Counts,
    ) {
        let joins = decoded.is_some_and(|byte| self.belongs(byte));
        if !joins {
            self.end_run(out, counts);
        }
        // What ends one run may begin the next.
        match decoded.filter(|byte| joins || self.belongs(*byte)) {
            Some(byte) => {
                self.run.push(byte);
                self.raw.extend_from_slice(raw);
                self.raw_lengths
                    .push(u8::try_from(raw.len()).unwrap_or(u8::MAX));
                if self.run.len() >= HELD_BYTES {
                    self.release(self.run.len().saturating_sub(KEPT_BYTES), out, counts);
                }
            }
            None => out.extend_from_slice(raw),
        }
    }

    /// The text ends here; nothing is held any more.
    pub fn end_run(&mut self, out: &mut Vec<u8>, counts: &mut Counts) {
        if !self.run.is_empty() {
            self.release(self.run.len(), out, counts);
        }
        self.context.continued = false;
    }

    /// Bytes that have not left yet.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.raw.len()
    }

    /// Whether a character goes on with the run. A space does between digits only; one that is held
    /// and followed by something else ends the run behind it.
    fn belongs(&self, byte: u8) -> bool {
        let digit_before = self.run.last().is_some_and(u8::is_ascii_digit);
        match byte {
            b' ' => digit_before,
            // After a held space only a digit goes on.
            _ if self.run.last() == Some(&b' ') => byte.is_ascii_digit(),
            _ => byte.is_ascii_alphanumeric() || b"._%+-'@".contains(&byte),
        }
    }

    /// Lets everything before `cut` leave, and what matches it all the way to its end.
    fn release(&mut self, cut: usize, out: &mut Vec<u8>, counts: &mut Counts) {
        let findings = find(&self.run, &self.rules.wanted, self.context);
        // A match that is not over yet must not be cut: it stays whole, unless it began so long
        // ago that it fills what may be held; then it leaves as what it is.
        let whole = cut >= self.run.len();
        let mut cut = if whole { cut } else { self.outside_number(cut) };
        for finding in &findings {
            if !whole && finding.span.start < cut && finding.span.end > cut {
                cut = if finding.span.start == 0 {
                    finding.span.end
                } else {
                    finding.span.start
                };
            }
        }
        let mut position = 0;
        let mut raw_position = 0;
        for finding in findings.iter().filter(|finding| finding.span.end <= cut) {
            let start = self.raw_offset(finding.span.start);
            let end = self.raw_offset(finding.span.end);
            out.extend_from_slice(self.raw.get(raw_position..start).unwrap_or_default());
            let value = self.run.get(finding.span.clone()).unwrap_or_default();
            let value = String::from_utf8_lossy(value);
            let name = finding.entity.name();
            let replacement = self.rules.actions.of(finding.entity).apply(name, &value);
            write_text(&replacement, self.escapes, out);
            let count = counts.entry(name.to_owned()).or_default();
            *count = count.saturating_add(1);
            (position, raw_position) = (finding.span.end, end);
        }
        let raw_cut = self.raw_offset(cut);
        out.extend_from_slice(self.raw.get(raw_position..raw_cut).unwrap_or_default());
        let last = cut
            .max(position)
            .checked_sub(1)
            .and_then(|last| self.run.get(last));
        self.context.continued =
            last.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte));
        self.run.drain(..cut.min(self.run.len()));
        self.raw.drain(..raw_cut.min(self.raw.len()));
        self.raw_lengths.drain(..cut.min(self.raw_lengths.len()));
    }

    /// The beginning of the number that `cut` is in, so that what stays is not half a number; of a
    /// number without end, the middle.
    fn outside_number(&self, cut: usize) -> usize {
        let before = self.run.get(..cut).unwrap_or_default();
        let digits = before
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits < KEPT_BYTES {
            cut.saturating_sub(digits)
        } else {
            cut
        }
    }

    fn raw_offset(&self, position: usize) -> usize {
        self.raw_lengths
            .iter()
            .take(position)
            .map(|length| usize::from(*length))
            .sum()
    }
}

/// Writes a replacement, inside a JSON string escaped (RFC 8259 section 7).
pub fn write_text(text: &str, escapes: bool, out: &mut Vec<u8>) {
    if !escapes {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend([b'\\', u8::try_from(character).unwrap_or(b'"')]),
            control if control < ' ' => {
                out.extend(format!("\\u{:04x}", u32::from(control)).into_bytes());
            }
            other => {
                let mut buffer = [0; 4];
                out.extend_from_slice(other.encode_utf8(&mut buffer).as_bytes());
            }
        }
    }
}

/// A run is searched at the latest when it is so long.
const HELD_BYTES: usize = 1024;
/// Longer than any match: an address has at most 254 bytes, a card 37.
const KEPT_BYTES: usize = 320;

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> String {
        let rules = ScanRules {
            wanted: Entity::ALL.to_vec(),
            actions: Actions::default(),
        };
        let mut scanner = Scanner::new(Rc::new(rules), false);
        let (mut out, mut counts) = (Vec::new(), Counts::new());
        for character in text.chars() {
            let mut buffer = [0; 4];
            let raw = character.encode_utf8(&mut buffer).as_bytes();
            let decoded = u8::try_from(character).ok().filter(u8::is_ascii);
            scanner.push(decoded, raw, &mut out, &mut counts);
            assert!(scanner.held() <= HELD_BYTES);
        }
        scanner.end_run(&mut out, &mut counts);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn finds_matches_in_prose() {
        for (text, expected) in [
            (
                "Write to jane@example.com, please.",
                "Write to [EMAIL], please.",
            ),
            ("<jane@example.com>", "<[EMAIL]>"),
            ("a 4111 1111 1111 1111 b", "a [CREDIT_CARD] b"),
            ("SSN 123-45-6789.", "SSN [US_SSN]."),
            ("on 24 12 at 4111111111111111", "on 24 12 at [CREDIT_CARD]"),
            ("1 jane@example.com 2", "1 [EMAIL] 2"),
            (
                "5 4111111111111111 6 jane@example.com",
                "5 [CREDIT_CARD] 6 [EMAIL]",
            ),
            ("é4111111111111111é", "é[CREDIT_CARD]é"),
            ("nothing here: 12 34, 5.6 x", "nothing here: 12 34, 5.6 x"),
            ("jane@example.com jane@example.com", "[EMAIL] [EMAIL]"),
        ] {
            assert_eq!(scan(text), expected, "{text}");
        }
    }

    #[test]
    fn long_runs_hide_nothing_and_hold_little() {
        for padding in [0, 300, 690, 700, 703, 704, 1000, 1023, 1024, 5000] {
            let dashes = format!("{}-", "ab".repeat(padding));
            assert!(
                scan(&format!("{dashes}.jane@example.com")).ends_with("[EMAIL]"),
                "{padding}"
            );
            let spaced = format!("{} 4111111111111111", "7 ".repeat(padding));
            assert!(!scan(&spaced).contains("4111111111111111"), "{padding}");
            let one_word = format!("{}4111111111111111", "7".repeat(padding.max(1)));
            assert_eq!(scan(&one_word), one_word, "a longer number is no card");
        }
    }
}
