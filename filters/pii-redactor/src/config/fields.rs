//! Rules about members.

use std::rc::Rc;

use policy::config::Node;
use policy::json::Json;

use super::actions::{
    Keys, read_action, reject_mask_of_card, replacement, shows_too_much_of_a_card,
};
use crate::action::Action;
use crate::detect::CREDIT_CARD;
use crate::entity::EntitySet;
use crate::lexicon::{Lexicon, folded};
use crate::paths::Path;
use crate::plan::{FieldAction, Selector};

/// `{ "name": ["dob"], "action": "remove" }`, or `words` or `path` in the place of `name`.
pub(super) fn read(node: &Node<'_>, keys: &Keys<'_>) -> Option<(Selector, FieldAction)> {
    node.object(|fields| {
        let by_name = fields
            .optional("name")
            .map(|n| names(&n).map(Selector::Names));
        let by_words = fields
            .optional("words")
            .map(|n| names(&n).map(Selector::Words));
        let by_path = fields
            .optional("path")
            .map(|n| n.parsed(Path::parse, "a path").map(Selector::Path));
        let action = fields
            .required("action", r#"an action, such as "remove" or "null""#)
            .and_then(|n| read_field_action(&n, keys));
        let selectors: Vec<_> = [by_name, by_words, by_path].into_iter().flatten().collect();
        if selectors.len() != 1 {
            fields
                .node()
                .reject(r#"expected exactly one of "name", "words" and "path""#);
            return None;
        }
        let (selector, action) = (selectors.into_iter().next()??, action?);
        if let FieldAction::Value(value) = &action
            && shows_too_much_of_a_card(value)
            && ["name", "words", "path"]
                .iter()
                .filter_map(|key| node.json().member(key))
                .any(names_a_card)
        {
            reject_mask_of_card(node);
        }
        Some((selector, action))
    })
}

/// Whether a selector is about a member that is called like a card.
fn names_a_card(selector: &Json) -> bool {
    let mut card = EntitySet::EMPTY;
    card.insert(CREDIT_CARD);
    let lexicon = Lexicon::new(&card, std::iter::empty());
    let is_card = |name: &str| lexicon.of_name(b"", name.as_bytes()).kinds.has(CREDIT_CARD);
    match selector {
        Json::String(name) => is_card(name),
        Json::Array(names) => names
            .iter()
            .any(|name| matches!(name, Json::String(name) if is_card(name))),
        _ => false,
    }
}

fn names(node: &Node<'_>) -> Option<Vec<String>> {
    let names = node.strings()?;
    if names
        .iter()
        .any(|name| folded(name).is_empty() || name.len() > 128)
    {
        node.reject("expected names with letters or digits, at most 128 bytes long");
        return None;
    }
    Some(names.iter().map(|name| folded(name)).collect())
}

fn read_field_action(node: &Node<'_>, keys: &Keys<'_>) -> Option<FieldAction> {
    match read_action(node, keys)? {
        Action::Remove => Some(FieldAction::Remove),
        Action::Null => Some(FieldAction::Null),
        Action::Replace(text) => {
            let _ = replacement;
            Some(FieldAction::Replace(text))
        }
        other => Some(FieldAction::Value(Rc::new(other))),
    }
}
