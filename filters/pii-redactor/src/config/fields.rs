//! Rules about members.

use std::rc::Rc;

use policy::config::Node;

use super::actions::{Keys, read_action, replacement};
use crate::action::Action;
use crate::lexicon::folded;
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
        Some((selectors.into_iter().next()??, action?))
    })
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
