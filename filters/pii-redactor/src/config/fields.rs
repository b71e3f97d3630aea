//! Rules about members.

use std::rc::Rc;

use policy::config::Node;
use policy::json::Json;
use policy::matching::HostPattern;

use super::actions::{Keys, NO_EFFECT, read_action, reject_mask_of_card, shows_too_much_of_a_card};
use crate::action::Action;
use crate::allowed_hosts::is_of_host;
use crate::detect::CREDIT_CARD;
use crate::entity::EntitySet;
use crate::lexicon::{Lexicon, folded};
use crate::paths::Path;
use crate::placeholder::Labels;
use crate::plan::{FieldAction, Selector};

/// A rule about members, but for the rule that it is in.
#[derive(Debug)]
pub struct Field {
    /// The members that the rule acts on.
    pub selector: Selector,
    /// The action on their values.
    pub action: FieldAction,
    /// The hosts to which they may lead instead.
    pub hosts: Option<Rc<[HostPattern]>>,
}

/// `{ "name": ["dob"], "action": "remove" }`, or `words` or `path` in the place of `name`.
pub(super) fn read(node: &Node<'_>, keys: &Keys<'_>) -> Option<Field> {
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
            .and_then(|n| read_action(&n, keys));
        let hosts = fields.or("hosts", None, |n| {
            n.non_empty_list(|host| read_host(&host))
                .map(|hosts| Some(hosts.into()))
        });
        let selectors: Vec<_> = [by_name, by_words, by_path].into_iter().flatten().collect();
        if selectors.len() != 1 {
            fields
                .node()
                .reject(r#"expected exactly one of "name", "words" and "path""#);
            return None;
        }
        let (selector, action) = (selectors.into_iter().next()??, action?);
        if shows_too_much_of_a_card(&action)
            && ["name", "words", "path"]
                .iter()
                .filter_map(|key| node.json().member(key))
                .any(names_a_card)
        {
            reject_mask_of_card(node);
        }
        Some(Field {
            selector,
            action: field_action(action, hosts.is_some()),
            hosts,
        })
    })
}

/// A host to which a value may lead. One that no value leads to, because its readers do not agree on
/// how it is spelled, is a mistake.
fn read_host(node: &Node<'_>) -> Option<HostPattern> {
    let host = HostPattern::read(node)?;
    let (HostPattern::Exact(name) | HostPattern::Below(name)) = &host;
    if !name.bytes().all(is_of_host) {
        node.reject("no value can lead there: expected a name of letters, digits, hyphens and dots, or an IPv4 address");
        return None;
    }
    if let HostPattern::Below(domain) = &host
        && let domain = domain.trim_start_matches('.')
        && !domain.contains('.')
        && !PRIVATE_DOMAINS.contains(&domain)
    {
        node.warn(
            NO_EFFECT,
            "anybody can have a host there; name the domain of the receiver",
        );
    }
    Some(host)
}

/// Domains of one label that nobody can have a host in from outside.
const PRIVATE_DOMAINS: [&str; 10] = [
    "internal", "local", "lan", "intranet", "corp", "home", "private", "test", "example", "svc",
];

/// Whether a selector is about a member that is called like a card.
fn names_a_card(selector: &Json) -> bool {
    let mut card = EntitySet::EMPTY;
    card.insert(CREDIT_CARD);
    let lexicon = Lexicon::new(&card, std::iter::empty(), Labels::default());
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

/// `by_value`: the decision about a member depends on its value, which is read first.
fn field_action(action: Action, by_value: bool) -> FieldAction {
    match action {
        Action::Remove if !by_value => FieldAction::Remove,
        Action::Null if !by_value => FieldAction::Null,
        Action::Replace(text) if !by_value => FieldAction::Replace(text),
        other => FieldAction::Value(Rc::new(other)),
    }
}
