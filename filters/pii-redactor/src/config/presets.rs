//! The presets: which kinds they switch on, and what they do with some of them.

use policy::config::Node;

use crate::action::{Action, Generalization, Mask};
use crate::detect::{DETECTORS, PCI, PRESET_WORDS, Treatment, strictest};

/// The bits of one preset or several.
pub(super) fn read(node: &Node<'_>) -> Option<u8> {
    let bits = node.non_empty_list(|word| word.one_of(&PRESET_WORDS))?;
    Some(bits.into_iter().fold(0, |all, bit| all | bit))
}

/// The kinds of presets.
pub(super) fn kinds(presets: u8) -> impl Iterator<Item = u8> {
    (0_u8..)
        .zip(DETECTORS.iter())
        .filter(move |(_, detector)| detector.presets & presets != 0)
        .map(|(entity, _)| entity)
}

/// Whether they ask for card numbers wherever they are, ids among them: PCI DSS 3.4.1.
pub(super) const fn find_cards_in_ids(presets: u8) -> bool {
    presets & PCI != 0
}

/// What presets do with a kind, where that is not its label.
pub(super) fn action(entity: u8, presets: u8) -> Option<Action> {
    let generalized = |how| Some(Action::Generalize(how));
    match strictest(presets, entity)? {
        Treatment::Label => None,
        Treatment::Remove => Some(Action::Remove),
        Treatment::LastFour => Some(Action::Mask(Mask {
            keep_first: 0,
            keep_last: 4,
            character: '*',
            keep_separators: true,
        })),
        Treatment::Zip3 => generalized(Generalization::Zip3),
        Treatment::Year => generalized(Generalization::YearOfLife),
        Treatment::AgeCap => generalized(Generalization::AgeCap(89)),
        Treatment::Network => generalized(Generalization::Network(24, 48)),
        Treatment::Decimals => generalized(Generalization::Decimals(2)),
    }
}
