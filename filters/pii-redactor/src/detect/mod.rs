//! What personal data looks like.
//!
//! A detector is data, a row of `kinds/*.toml`: a name, what it is, the presets that it belongs to, the words that
//! announce it, what matches and what does not; `table.rs` describes the keys. Most are *shapes* with a check (digits
//! and letters in a fixed form, then a checksum); those with a freer form have a scanner. Nothing here uses regular
//! expressions, so the cost is a few steps for each number or word.
//!
//! [`find`] looks for all wanted kinds in one text.

mod assigned;
pub(crate) mod boundary;
pub mod checksum;
pub mod date;
mod find;
mod fold;
mod host_characters;
mod impersonal;
pub(crate) mod internal_url;
mod prelude;
mod presets;
mod prose;
mod secret_end;
mod shape;
mod table;

mod contact;
mod eu;
mod money;
mod person;
mod secret;
mod uk;
mod us;
mod world;

pub(crate) use assigned::{finds_settings, kinds as assignable};
pub use find::Span;
pub(crate) use find::{List, Scratch, Text, find};
pub(crate) use impersonal::is_impersonal;
pub use policy::finding::Category;
pub use presets::{Item, PRESET_WORDS, PRESETS, Preset, Treatment};
pub(crate) use presets::{PCI, demands, is_special_category};
pub(crate) use secret::private_key::{Body as KeyBody, Line as KeyLine};
pub use shape::ShapeIndex;
pub use table::DETECTORS;
pub(crate) use table::kind;

/// A kind of personal data.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detector {
    /// The name in configurations, labels, metrics and records.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// What sort of data it is, in records and lists.
    pub category: Category,
    /// The presets that switch it on, by [`Preset::bit`].
    pub presets: u8,
    /// The form by which its values are found.
    pub form: Form,
    /// A check digit or a rigid grammar stands behind the form.
    pub checked: bool,
    /// The words that announce it, in names of members and in text: lower case, separated by spaces.
    pub words: &'static [&'static str],
    /// More of them in other languages, with a bar between.
    pub foreign: &'static str,
    /// Phrases that have such a word in them and are about something else: a `page token` is no token.
    pub lookalikes: &'static [&'static str],
    /// Texts that match as a whole; where words are needed, with them.
    pub examples: &'static [&'static str],
    /// Texts in which nothing of this kind is found, also where words announce it.
    pub counterexamples: &'static [&'static str],
}

/// How a detector finds its values.
#[derive(Clone, Copy, Debug, Default)]
pub enum Form {
    /// Fixed forms: `9` is a digit, `A` a letter, `X` either, `~` an optional space or dash (the same
    /// all through); `d` is a digit, `a` a letter and `?` a separator that may be missing; everything else
    /// stands for itself, and where a word announces the kind, any separator for any other.
    Shapes {
        /// Shapes that need no word to announce them.
        alone: &'static [&'static str],
        /// Those that need a word that announces them.
        announced: &'static [&'static str],
        /// The check of what the shape has without its separators, in upper case.
        check: fn(&[u8]) -> bool,
    },
    /// Found by one of the scanners in [`find`], which knows it by its name.
    Scanned,
    /// The whole value of a member that is called so, if it passes.
    #[default]
    Named,
    /// As [`Form::Named`], for values of a form.
    NamedIf(fn(&[u8]) -> bool),
}

/// How sure a match is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Confidence {
    /// A check digit fits, but nothing announces the kind.
    Low,
    /// The form fits and a word announces the kind.
    #[default]
    Medium,
    /// A rigid form or a check digit, and where the form alone is weak, a word.
    High,
}

impl Confidence {
    /// The words for confidence in configurations.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
    ];

    /// The word for this confidence in configurations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// The detector of this name.
#[must_use]
pub fn named(name: &str) -> Option<(u8, &'static Detector)> {
    let place = place_of(name.as_bytes())?;
    let number = table::BY_NAME.get(place)?;
    Some((*number, DETECTORS.get(usize::from(*number))?))
}

/// Whether a detector has this name.
pub(crate) fn is_kind_name(name: &[u8]) -> bool {
    place_of(name).is_some()
}

fn place_of(name: &[u8]) -> Option<usize> {
    let name_of = |number: u8| {
        DETECTORS
            .get(usize::from(number))
            .map_or("", |detector| detector.name)
    };
    table::BY_NAME
        .binary_search_by(|number| name_of(*number).as_bytes().cmp(name))
        .ok()
}

pub(crate) use kind::{CREDIT_CARD, INTERNAL_URL, PRIVATE_KEY};

/// How far a private key goes in this text that began before it.
pub(crate) fn rest_of_key(text: &[u8], line: KeyLine) -> KeyBody {
    secret::private_key::go_on(text, 0, line)
}

/// The last line of a private key that fills a text to its end; `None` if it is closed.
pub(crate) fn open_key(text: &[u8], start: usize, end: usize) -> Option<KeyLine> {
    secret::private_key::is_open(text, start, end)
        .then(|| secret::private_key::read(text, start))
        .flatten()
        .map(|body| body.line)
}

#[cfg(test)]
mod api_shapes;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod twice;
