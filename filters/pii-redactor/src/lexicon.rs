//! What words say about a value: the name of its member, and the words around it in a text.
//!
//! Names are compared word by word, whatever their spelling: `birthDate`, `birth_date`, `BIRTH-DATE`
//! and `birth date` are two words each. A word counts only as a whole, so `license` is not in
//! `publicense`, and neither is `pan` in `company`.

use std::collections::HashMap;

use crate::bytes::{Position as _, part};
use crate::detect::DETECTORS;
use crate::entity::EntitySet;

/// The phrases that announce kinds of data.
#[derive(Debug, Default)]
pub struct Lexicon {
    phrases: HashMap<Box<str>, EntitySet>,
}

/// What the name of a member says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// The kinds that it announces.
    pub kinds: EntitySet,
    /// It is called like an id, a hash, a time, a price or the like, and nothing else.
    pub negative: bool,
}

impl Lexicon {
    /// The phrases of the wanted kinds; `more` are those of the configuration's own.
    pub fn new<'p>(wanted: &EntitySet, more: impl Iterator<Item = (u8, &'p str)>) -> Self {
        let mut lexicon = Self::default();
        for (entity, detector) in (0_u8..).zip(DETECTORS) {
            if wanted.has(entity) {
                for phrase in detector.words {
                    lexicon.add(phrase, entity);
                }
            }
        }
        for (entity, phrase) in more {
            lexicon.add(&folded(phrase), entity);
        }
        lexicon
    }

    fn add(&mut self, phrase: &str, entity: u8) {
        let joined = phrase.replace(' ', "");
        // People write words together too: `phonenumber`. Short ones would be other words.
        if joined.len() >= 7 && joined.len() != phrase.len() {
            self.phrases
                .entry(joined.into())
                .or_default()
                .insert(entity);
        }
        self.phrases
            .entry(phrase.into())
            .or_default()
            .insert(entity);
    }

    /// What a member's name announces; `parent` is the name of the member that it is in, so that
    /// `card.number` is the number of a card.
    #[must_use]
    pub fn of_name(&self, parent: &[u8], name: &[u8]) -> Announcement {
        let mut words = split(parent);
        let keep = words.len().less(MAX_PARENT_WORDS);
        words.drain(..keep.min(words.len()));
        let own = words.len();
        words.extend(split(name));
        let own_words = words.get(own..).unwrap_or_default();
        let generic = !own_words.is_empty()
            && own_words
                .iter()
                .all(|word| GENERIC.contains(&word.as_str()));
        let from = if generic { 0 } else { own };
        let kinds = self.announced(&words, from);
        let negative = kinds.is_empty()
            && own_words
                .iter()
                .any(|word| NEGATIVE.contains(&word.as_str()));
        Announcement { kinds, negative }
    }

    /// What the words right before and behind a place in a text announce.
    #[must_use]
    pub fn around(&self, text: &[u8], start: usize, end: usize) -> EntitySet {
        let mut before = split(part(text, start.less(NEAR_BEFORE_BYTES), start));
        // What stands before another number is about that one.
        let number = before.iter().rposition(|word| {
            word.bytes().filter(u8::is_ascii_digit).count() >= DIGITS_OF_A_NUMBER
        });
        before.drain(..number.map_or(0, |place| place.plus(1)));
        let drop = before.len().less(MAX_WORDS_BEFORE);
        before.drain(..drop.min(before.len()));
        let mut behind = split(part(text, end, end.plus(NEAR_BEHIND_BYTES)));
        behind.truncate(MAX_WORDS_BEHIND);
        self.announced(&before, 0).or(&self.announced(&behind, 0))
    }

    /// Whether the words right before a place call it an id, a version or the like.
    #[must_use]
    pub fn is_negative_before(text: &[u8], start: usize) -> bool {
        let words = split(part(text, start.less(32), start));
        let last = words.get(words.len().less(2)..).unwrap_or_default();
        last.iter()
            .any(|word| NEGATIVE_BEFORE.contains(&word.as_str()))
    }

    /// All phrases in a list of words that end behind `from`.
    fn announced(&self, words: &[String], from: usize) -> EntitySet {
        let mut kinds = EntitySet::EMPTY;
        let mut phrase = String::new();
        for start in 0..words.len() {
            phrase.clear();
            for (offset, word) in words.iter().skip(start).take(MAX_PHRASE_WORDS).enumerate() {
                if offset > 0 {
                    phrase.push(' ');
                }
                phrase.push_str(word);
                // `patients` of a list is `patient` of one of them.
                let single = phrase.strip_suffix('s').filter(|single| single.len() > 2);
                if start.plus(offset) >= from {
                    let found = self.phrases.get(phrase.as_str());
                    let found_single = single.and_then(|single| self.phrases.get(single));
                    for found in found.into_iter().chain(found_single) {
                        kinds = kinds.or(found);
                    }
                }
                if offset == 0 && word.len() > 3 && word.ends_with('s') && word != "address" {
                    phrase.pop();
                }
            }
        }
        kinds
    }
}

/// The words of a name or a text, in lower case.
#[must_use]
pub fn split(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars().peekable();
    let mut last = ' ';
    while let Some(character) = characters.next() {
        if !character.is_alphanumeric() {
            push(&mut words, &mut word);
            last = character;
            continue;
        }
        let next_is_small = characters.peek().is_some_and(|next| next.is_lowercase());
        let humps = character.is_uppercase()
            && (last.is_lowercase() || last.is_uppercase() && next_is_small);
        if humps {
            push(&mut words, &mut word);
        }
        word.extend(character.to_lowercase());
        last = character;
    }
    push(&mut words, &mut word);
    words
}

/// A name as rules compare it: its words with one space between them.
#[must_use]
pub fn folded(name: &str) -> String {
    split(name.as_bytes()).join(" ")
}

fn push(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// Words that only repeat that there is a value: `phone.number`, `address.text`.
const GENERIC: &[&str] = &[
    "number",
    "no",
    "nr",
    "num",
    "value",
    "text",
    "raw",
    "formatted",
    "national",
    "international",
    "primary",
    "secondary",
    "main",
    "home",
    "work",
    "e164",
    "digits",
    "full",
    "display",
    "data",
    "content",
    "code",
    "current",
    "previous",
    "old",
    "new",
    "masked",
    "plain",
    "verified",
    "address",
    "id",
    "identifier",
];

/// Words that name ids of things, hashes, times and amounts.
const NEGATIVE: &[&str] = &[
    "id",
    "ids",
    "uuid",
    "guid",
    "oid",
    "hash",
    "sha",
    "sha1",
    "sha256",
    "md5",
    "etag",
    "checksum",
    "digest",
    "integrity",
    "version",
    "ver",
    "build",
    "revision",
    "rev",
    "release",
    "timestamp",
    "ts",
    "time",
    "updated",
    "created",
    "modified",
    "epoch",
    "count",
    "total",
    "price",
    "amount",
    "quantity",
    "qty",
    "size",
    "length",
    "width",
    "height",
    "offset",
    "index",
    "port",
    "score",
    "weight",
    "duration",
    "ms",
    "seconds",
    "order",
    "invoice",
    "sku",
    "ean",
    "upc",
    "isbn",
    "gtin",
    "barcode",
    "tracking",
    "trace",
    "span",
    "request",
    "correlation",
    "nonce",
    "seq",
    "sequence",
    "cursor",
    "page",
    "limit",
    "commit",
    "ref",
    "reference",
    "transaction",
    "txn",
    "batch",
    "parcel",
    "shipment",
    "product",
    "item",
    "issn",
    "bytes",
    "snowflake",
    "at",
];

/// Words that, right before a number in a text, say that it is of a thing.
const NEGATIVE_BEFORE: &[&str] = &[
    "id",
    "uuid",
    "guid",
    "hash",
    "sha",
    "checksum",
    "version",
    "ver",
    "v",
    "build",
    "release",
    "order",
    "invoice",
    "sku",
    "ref",
    "reference",
    "tracking",
    "trace",
    "transaction",
    "commit",
    "isbn",
    "issn",
    "ean",
    "upc",
    "serial",
    "timestamp",
    "epoch",
    "ticket",
    "ts",
    "ms",
    "rev",
    "revision",
    "parcel",
    "shipment",
    "size",
    "count",
    "price",
    "total",
    "amount",
];

const DIGITS_OF_A_NUMBER: usize = 3;
const MAX_PARENT_WORDS: usize = 3;
const MAX_PHRASE_WORDS: usize = 5;
const NEAR_BEFORE_BYTES: usize = 64;
const NEAR_BEHIND_BYTES: usize = 24;
const MAX_WORDS_BEFORE: usize = 6;
const MAX_WORDS_BEHIND: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::named;

    fn announces(parent: &str, name: &str, kind: &str) -> bool {
        let mut all = EntitySet::EMPTY;
        (0..DETECTORS.len()).for_each(|entity| all.insert(u8::try_from(entity).unwrap()));
        let lexicon = Lexicon::new(&all, std::iter::empty());
        let announcement = lexicon.of_name(parent.as_bytes(), name.as_bytes());
        announcement.kinds.has(named(kind).unwrap().0)
    }

    #[test]
    fn names_fold_to_words() {
        for name in [
            "birth_date",
            "birthDate",
            "BIRTH-DATE",
            "birth date",
            "BirthDate",
        ] {
            assert_eq!(folded(name), "birth date");
        }
        assert_eq!(folded("userSSN"), "user ssn");
        assert_eq!(folded("SSNNumber"), "ssn number");
        assert_eq!(folded("--"), "");
    }

    #[test]
    fn whole_words_announce() {
        for (parent, name, kind) in [
            ("", "ssn", "US_SSN"),
            ("", "customerSSN", "US_SSN"),
            ("", "phonenumber", "PHONE"),
            ("phone", "number", "PHONE"),
            ("phones", "number", "PHONE"),
            ("card", "number", "CREDIT_CARD"),
            ("patients", "name", "PERSON_NAME"),
            ("user", "firstName", "PERSON_NAME"),
            ("name", "first", "PERSON_NAME"),
            ("", "date_of_birth", "PERSON_DATE"),
            ("", "home_address", "STREET_ADDRESS"),
            ("", "cvv", "CARD_CVV"),
        ] {
            assert!(announces(parent, name, kind), "{parent}.{name}");
        }
        for (parent, name, kind) in [
            ("", "company", "IN_PAN"),
            ("", "publicense", "US_DRIVER_LICENSE"),
            ("phone", "type", "PHONE"),
            ("", "name", "PERSON_NAME"),
            ("product", "name", "PERSON_NAME"),
            ("", "pinned", "CARD_PIN"),
            ("", "language", "AGE"),
        ] {
            assert!(!announces(parent, name, kind), "{parent}.{name}");
        }
    }
}
