//! Kinds of data that a configuration adds: words of a dictionary, or a regular expression.

use aho_corasick::Input;
use aho_corasick::automaton::Automaton as _;
use aho_corasick::nfa::contiguous::NFA;
use regex_lite::Regex;

use crate::budget::Looks;
use crate::bytes::{at, before, part};
use crate::detect::checksum::luhn;

/// A kind of the configuration.
#[derive(Debug)]
pub struct Custom {
    /// The name of the kind.
    pub name: String,
    /// The form of its values.
    pub form: CustomForm,
    /// The words that announce it.
    pub context: Vec<String>,
    /// A match without such a word is none.
    pub needs_context: bool,
    /// The digits of a match must pass the Luhn check.
    pub luhn: bool,
}

/// How a kind of the configuration is found.
#[derive(Debug)]
pub enum CustomForm {
    /// Exact words; they match as wholes.
    Dictionary(NFA),
    /// An expression. With keywords, only texts that have one of them are searched.
    Regex {
        /// The expression that matches a value.
        regex: Regex,
        /// What a text must have.
        keywords: Option<NFA>,
        /// How many bytes its program takes, about.
        size: usize,
    },
}

impl Custom {
    /// The matches in a text, from `from` on. `text` is what `bytes` says, with `?` for every byte
    /// that is not part of a character.
    pub(crate) fn find(
        &self,
        text: &str,
        (from, looks): (usize, &Looks),
        mut found: impl FnMut(usize, usize),
    ) {
        let bytes = text.as_bytes();
        match &self.form {
            CustomForm::Dictionary(words) => {
                let Ok(hits) = words.try_find_iter(Input::new(bytes)) else {
                    return;
                };
                for hit in hits {
                    looks.add(LOOKS_OF_A_MATCH);
                    let whole =
                        !is_letter(before(bytes, hit.start())) && !is_letter(at(bytes, hit.end()));
                    if hit.start() >= from && whole {
                        found(hit.start(), hit.end());
                    }
                }
            }
            CustomForm::Regex {
                regex,
                keywords,
                size,
            } => {
                let has_keyword =
                    |keywords: &NFA| matches!(keywords.try_find(&Input::new(bytes)), Ok(Some(_)));
                if keywords
                    .as_ref()
                    .is_some_and(|keywords| !has_keyword(keywords))
                {
                    return;
                }
                // Attempts that match nothing cost as well: those of a small program what reading costs.
                let above = size.saturating_sub(FREE_PROGRAM_BYTES);
                let searched = bytes.len().saturating_sub(from);
                looks.add(searched.saturating_mul(above) / PROGRAM_BYTES_OF_A_LOOK);
                let mut position = from;
                while let Some(hit) = regex.find_at(text, position) {
                    looks.add(LOOKS_OF_A_MATCH);
                    if hit.end() == hit.start() {
                        // An expression that matches nothing at all moves on by a character.
                        let next = text.get(hit.end()..).and_then(|rest| rest.chars().next());
                        let Some(next) = next else { return };
                        position = hit.end().saturating_add(next.len_utf8());
                        continue;
                    }
                    position = hit.end();
                    if !self.luhn || passes_luhn(part(bytes, hit.start(), hit.end())) {
                        found(hit.start(), hit.end());
                    }
                }
            }
        }
    }
}

/// The text that expressions search: as long as the bytes, so that places are the same.
pub(crate) fn searchable(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => {
            let mut text = String::with_capacity(bytes.len());
            for chunk in bytes.utf8_chunks() {
                text.push_str(chunk.valid());
                text.extend(chunk.invalid().iter().map(|_| '?'));
            }
            text.into()
        }
    }
}

fn passes_luhn(text: &[u8]) -> bool {
    let digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_digit).collect();
    luhn(&digits)
}

/// A match of a pattern takes at least as long as so many looks at candidates.
const LOOKS_OF_A_MATCH: usize = 4;
/// A program of so many bytes is not counted.
const FREE_PROGRAM_BYTES: usize = 1024;
/// And of what is above it, so many for a byte of a text take as long as a look.
const PROGRAM_BYTES_OF_A_LOOK: usize = 1024;

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
