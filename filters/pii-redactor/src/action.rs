//! What takes the place of a match.

use std::rc::Rc;

use crate::generalize;
use crate::pseudonym::Pseudonymizer;

/// What is done with a value.
#[derive(Clone, Debug, Default)]
pub enum Action {
    /// `[EMAIL]`: what it was, not which.
    #[default]
    Label,
    /// The value is removed.
    Remove,
    /// The value is replaced by a fixed text.
    Replace(String),
    /// Characters replaced one by one.
    Mask(Mask),
    /// `null`, where a whole value of a JSON document matches; elsewhere nothing at all.
    Null,
    /// A name that only the holder of the key can trace back, the same for the same value.
    Pseudonym(Rc<Pseudonymizer>),
    /// Less precise: the same kind of value, shared by many people.
    Generalize(Generalization),
    /// The message goes no further.
    Block,
    /// The value stays and is counted.
    Detect,
}

/// How a value becomes less precise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generalization {
    /// The year of a date.
    Year,
    /// The year of a date in somebody's life, unless it tells an age over 89
    /// (45 CFR 164.514(b)(2)(i)(C)).
    YearOfLife,
    /// The year and the month of a date.
    Month,
    /// The first three digits of a ZIP code, `000` where few people live (45 CFR 164.514(b)(2)(i)(B)).
    Zip3,
    /// The network of an address of the Internet protocol: so many bits of version 4 and 6.
    Network(u8, u8),
    /// Numbers with so many decimals.
    Decimals(u8),
    /// Ages above this become the next one.
    AgeCap(u8),
}

impl Generalization {
    /// How much of a value stays, beside another of the same sort.
    fn precision(self) -> usize {
        match self {
            Self::YearOfLife | Self::Zip3 => 0,
            Self::Year => 1,
            Self::Month => 2,
            Self::Network(bits4, bits6) => usize::from(bits4).saturating_add(usize::from(bits6)),
            Self::Decimals(more) | Self::AgeCap(more) => usize::from(more),
        }
    }
}

/// The order of actions: of two rules about one kind, the one acts that lets less stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strictness(u8, usize);

/// What stands in the place of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// The value itself stays.
    Keep,
    /// This text takes the value's place.
    Text(String),
    /// `null` if it is a whole value of a JSON document.
    Null,
}

/// Which characters of a value stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Letters and digits at the beginning.
    pub keep_first: usize,
    /// Letters and digits at the end.
    pub keep_last: usize,
    /// What stands for the others.
    pub character: char,
    /// Spaces, dashes and the like between them stay.
    pub keep_separators: bool,
}

impl Action {
    /// What stands in the place of `value`; `None` is a value that is too long to be held.
    #[must_use]
    pub fn apply(&self, label: &str, value: Option<&str>) -> Replacement {
        let labelled = || Replacement::Text(["[", label, "]"].concat());
        match (self, value) {
            (Self::Detect, _) => Replacement::Keep,
            (Self::Remove, _) => Replacement::Text(String::new()),
            (Self::Null, _) => Replacement::Null,
            (Self::Replace(text), _) => Replacement::Text(text.clone()),
            (Self::Label | Self::Block, _) | (_, None) => labelled(),
            (Self::Mask(mask), Some(value)) => Replacement::Text(mask.apply(value)),
            (Self::Pseudonym(pseudonymizer), Some(value)) => {
                Replacement::Text(pseudonymizer.pseudonym(label, value))
            }
            (Self::Generalize(how), Some(value)) => {
                generalize::apply(*how, value).map_or_else(labelled, Replacement::Text)
            }
        }
    }

    /// How little it lets stay.
    #[must_use]
    pub fn strictness(&self) -> Strictness {
        let (order, stays) = match self {
            Self::Block => (0, 0),
            Self::Remove | Self::Null => (1, 0),
            Self::Label | Self::Replace(_) => (2, 0),
            Self::Pseudonym(_) => (3, 0),
            Self::Mask(mask) => (4, mask.keep_first.saturating_add(mask.keep_last)),
            Self::Generalize(how) => (5, how.precision()),
            Self::Detect => (6, 0),
        };
        Strictness(order, stays)
    }

    /// Whether what it makes of a value depends on the value.
    #[must_use]
    pub const fn reads(&self) -> bool {
        matches!(
            self,
            Self::Mask(_) | Self::Pseudonym(_) | Self::Generalize(_)
        )
    }

    /// Whether it changes what it is applied to.
    #[must_use]
    pub const fn changes(&self) -> bool {
        !matches!(self, Self::Detect)
    }
}

impl Mask {
    /// Masks letters and digits. A value of which fewer than four would be hidden is masked whole.
    fn apply(&self, value: &str) -> String {
        // What is masked already counts as hidden, so that masking twice changes nothing.
        let counts = |character: char| character.is_alphanumeric() || character == self.character;
        let counted = value.chars().filter(|character| counts(*character)).count();
        let kept = self.keep_first.saturating_add(self.keep_last);
        let hide_all = counted.saturating_sub(kept) < LEAST_HIDDEN;
        let last_from = counted.saturating_sub(self.keep_last);
        let mut place = 0_usize;
        value
            .chars()
            .filter_map(|character| {
                if !counts(character) {
                    return self.keep_separators.then_some(character);
                }
                let stays = !hide_all && (place < self.keep_first || place >= last_from);
                place = place.saturating_add(1);
                Some(if stays { character } else { self.character })
            })
            .collect()
    }
}

const LEAST_HIDDEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keep_the_form() {
        let mask = |keep_first, keep_last, keep_separators, value: &str| {
            let mask = Mask {
                keep_first,
                keep_last,
                character: '*',
                keep_separators,
            };
            let once = mask.apply(value);
            assert_eq!(mask.apply(&once), once, "twice");
            once
        };
        assert_eq!(
            mask(0, 4, true, "4111 1111 1111 1111"),
            "**** **** **** 1111"
        );
        assert_eq!(mask(0, 4, false, "4111 1111 1111 1111"), "************1111");
        assert_eq!(mask(6, 4, true, "4111111111111111"), "411111******1111");
        assert_eq!(
            mask(0, 4, true, "123-45"),
            "***-**",
            "too little would be hidden"
        );
        assert_eq!(mask(0, 0, true, "jane@x.org"), "****@*.***");
        assert_eq!(mask(0, usize::MAX, true, "abc"), "***");
    }
}
