//! What takes the place of a match.

use crate::detect::Entity;

/// What is done with a detected value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// `[EMAIL]`: what it was, not which.
    #[default]
    Label,
    /// Characters replaced one by one.
    Mask(Mask),
    /// Nothing at all.
    Remove,
    /// A fixed text.
    Replace(String),
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
}

impl Action {
    /// The text in the place of `value`.
    #[must_use]
    pub fn apply(&self, label: &str, value: &str) -> String {
        match self {
            Self::Label => format!("[{label}]"),
            Self::Mask(mask) => mask.apply(value),
            Self::Remove => String::new(),
            Self::Replace(text) => text.clone(),
        }
    }
}

impl Mask {
    /// Masks letters and digits; what separates them stays, so that the form can be seen. A value
    /// of which fewer than four would be hidden is masked whole.
    fn apply(&self, value: &str) -> String {
        let counted = value
            .chars()
            .filter(|character| character.is_alphanumeric())
            .count();
        let kept = self.keep_first.saturating_add(self.keep_last);
        let hide_all = counted.saturating_sub(kept) < 4;
        let last_from = counted.saturating_sub(self.keep_last);
        let mut place = 0_usize;
        value
            .chars()
            .map(|character| {
                if !character.is_alphanumeric() {
                    return character;
                }
                let keep = !hide_all && (place < self.keep_first || place >= last_from);
                place = place.saturating_add(1);
                if keep { character } else { self.character }
            })
            .collect()
    }
}

/// The action for each kind of data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// For kinds without an own one.
    pub default: Action,
    /// By kind.
    pub by_entity: Vec<(Entity, Action)>,
}

impl Actions {
    /// The action for this kind.
    #[must_use]
    pub fn of(&self, entity: Entity) -> &Action {
        let own = self.by_entity.iter().find(|(known, _)| *known == entity);
        own.map_or(&self.default, |(_, action)| action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keep_the_form() {
        let mask = |keep_first, keep_last, value| {
            Action::Mask(Mask {
                keep_first,
                keep_last,
                character: '*',
            })
            .apply("X", value)
        };
        assert_eq!(mask(0, 4, "4111 1111 1111 1111"), "**** **** **** 1111");
        assert_eq!(
            mask(6, 4, "4111111111111111"),
            "************1111".replacen("******", "411111", 1)
        );
        assert_eq!(mask(0, 4, "123-45"), "***-**", "too little would be hidden");
        assert_eq!(mask(0, 0, "jane@x.org"), "****@*.***");
        assert_eq!(mask(0, usize::MAX, "abc"), "***");
    }
}
