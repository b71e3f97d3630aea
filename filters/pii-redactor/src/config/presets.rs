//! The presets: which kinds they switch on, and what they do with some of them.

use policy::config::Node;

use crate::action::{Action, Generalization, Mask};
use crate::detect::{DETECTORS, preset};

/// The bits of one preset or several.
pub(super) fn read(node: &Node<'_>) -> Option<u8> {
    let bits = node.non_empty_list(|word| word.one_of(&preset::ALL))?;
    Some(bits.into_iter().fold(0, |all, bit| all | bit))
}

/// The kinds of presets.
pub(super) fn kinds(presets: u8) -> impl Iterator<Item = u8> {
    (0_u8..)
        .zip(DETECTORS.iter())
        .filter(move |(_, detector)| detector.presets & presets != 0)
        .map(|(entity, _)| entity)
}

/// What presets do with a kind, where that is not its label.
pub(super) fn action(entity: u8, presets: u8) -> Option<Action> {
    let name = DETECTORS.get(usize::from(entity))?.name;
    let has = |bit: u8| presets & bit != 0;
    match name {
        // PCI DSS 3.4.1: at most the issuer and the last four. HIPAA takes the whole account number.
        "CREDIT_CARD" if has(preset::PCI) && !has(preset::HIPAA) => Some(Action::Mask(Mask {
            keep_first: 0,
            keep_last: 4,
            character: '*',
            keep_separators: true,
        })),
        // PCI DSS 3.3.1: not kept at all.
        "CARD_CVV" | "CARD_PIN" | "CARD_TRACK" if has(preset::PCI) => Some(Action::Remove),
        // 45 CFR 164.514(b)(2)(i)(B) and (C).
        "POSTAL_CODE" if has(preset::HIPAA) => Some(Action::Generalize(Generalization::Zip3)),
        "PERSON_DATE" if has(preset::HIPAA) => Some(Action::Generalize(Generalization::Year)),
        "AGE" if has(preset::HIPAA) => Some(Action::Generalize(Generalization::AgeCap(89))),
        // Where HIPAA is not asked for, less is enough.
        "IP_ADDRESS" if has(preset::GDPR) && !has(preset::HIPAA) => {
            Some(Action::Generalize(Generalization::Network(24, 48)))
        }
        "GEO_COORDINATE" if !has(preset::HIPAA) => {
            Some(Action::Generalize(Generalization::Decimals(2)))
        }
        _ if is_special_category(name) && has(preset::GDPR) => Some(Action::Remove),
        _ => None,
    }
}

/// The special categories of GDPR article 9.
pub(crate) fn is_special_category(kind: &str) -> bool {
    matches!(
        kind,
        "HEALTH"
            | "GENETIC"
            | "BIOMETRIC"
            | "ETHNICITY"
            | "RELIGION"
            | "POLITICAL_OPINION"
            | "UNION_MEMBERSHIP"
            | "SEX_LIFE"
    )
}
