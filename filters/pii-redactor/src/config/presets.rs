//! The presets: which kinds they switch on, and what they do with some of them.

use std::rc::Rc;

use policy::config::Node;

use crate::action::{Action, Generalization, Mask};
use crate::detect::{DETECTORS, PCI, PRESET_WORDS, Treatment, demands};

/// The bits of one preset or several.
pub(super) fn read(node: &Node<'_>) -> Option<u8> {
    let bits = node.non_empty_list(|word| word.one_of(&PRESET_WORDS))?;
    Some(bits.into_iter().fold(0, |all, bit| all | bit))
}

/// The kinds of data that these presets name.
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

/// What is done with a kind of these presets. `usual` is for those of them that let no part of it stay in a way
/// of their own, and for what `detect` names.
pub(super) fn action(entity: u8, presets: u8, usual: Rc<Action>) -> Rc<Action> {
    let (demanded, is_usual) = demands(presets, entity);
    let Some(demanded) = demanded else {
        return usual;
    };
    let demanded = match demanded {
        Treatment::Remove => Action::Remove,
        Treatment::LastFour => Action::Mask(Mask {
            keep_first: 0,
            keep_last: 4,
            character: '*',
            keep_separators: true,
        }),
        Treatment::Zip3 => Action::Generalize(Generalization::Zip3),
        Treatment::Year => Action::Generalize(Generalization::YearOfLife),
        Treatment::AgeCap => Action::Generalize(Generalization::AgeCap(89)),
        Treatment::Network => Action::Generalize(Generalization::Network(24, 48)),
        Treatment::Decimals => Action::Generalize(Generalization::Decimals(2)),
    };
    if is_usual && usual.strictness() <= demanded.strictness() {
        return usual;
    }
    Rc::new(demanded)
}
