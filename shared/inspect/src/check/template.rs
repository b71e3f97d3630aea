//! Templates of Helm and Go, which are no configuration before they are rendered.

use std::ops::Range;

use super::tree::Tree;

/// Where a template of Helm or Go begins.
pub(super) fn template_at(text: &str) -> Option<usize> {
    let is_action = |rest: &str| {
        let rest = rest.trim_start_matches(['-', ' ']);
        let words = [
            "include", "if ", "range", "with ", "define", "template", "toYaml", "end", "tpl",
        ];
        rest.starts_with(['.', '$', '/']) || words.iter().any(|word| rest.starts_with(word))
    };
    text.match_indices("{{")
        .find(|(at, _)| text.get(at + 2..).is_some_and(is_action))
        .map(|(at, _)| at)
}

/// Where something begins that only a template has, also between quotes: `"{{ .Values.rate }}"`.
pub(super) fn unrendered_at(text: &str) -> Option<usize> {
    let is_action = |rest: &str| {
        let rest = rest.trim_start_matches(['-', ' ', '$', '(']);
        UNRENDERED.iter().any(|word| rest.starts_with(word))
    };
    text.match_indices("{{")
        .find(|(at, _)| text.get(at + 2..).is_some_and(is_action))
        .map(|(at, _)| at)
}

/// What actions of Helm begin with, and nothing in a configuration does.
const UNRENDERED: [&str; 12] = [
    ".Values",
    ".Release.",
    ".Chart.",
    ".Files.",
    ".Capabilities.",
    ".Env.",
    "include ",
    "tpl ",
    "toYaml ",
    "toJson ",
    "required ",
    "env ",
];

/// The first scalar with a template in it.
pub(super) fn unrendered(tree: &Tree) -> Option<Range<usize>> {
    let inner = || {
        let members = tree.members().iter().map(|member| &member.value);
        members.chain(tree.items()).find_map(unrendered)
    };
    match tree.text() {
        Some(text) => unrendered_at(text).map(|_| tree.span.clone()),
        None => inner(),
    }
}
