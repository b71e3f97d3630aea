//! Tokens and subjects that are refused although they are valid.

use std::collections::HashSet;

use policy::config::Node;

/// Tokens that were revoked before they expire, and subjects that are locked out. Changing the list
/// is changing the configuration, which proxies do without a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DenyList {
    /// Values of `jti`.
    token_ids: HashSet<String>,
    /// Values of `sub`, and ids of API keys.
    subjects: HashSet<String>,
}

impl DenyList {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            Some(Self {
                token_ids: fields.or("token_ids", HashSet::new(), |n| entries(&n)),
                subjects: fields.or("subjects", HashSet::new(), |n| entries(&n)),
            })
        })
    }

    /// Whether this token or its subject is on the list.
    #[must_use]
    pub fn denies(&self, token_id: Option<&str>, subject: Option<&str>) -> bool {
        token_id.is_some_and(|id| self.token_ids.contains(id))
            || subject.is_some_and(|subject| self.subjects.contains(subject))
    }
}

/// The entries of a list.
pub(super) fn entries(node: &Node<'_>) -> Option<HashSet<String>> {
    let list = node
        .clone()
        .at_most(MAX_ENTRIES)
        .list(|item| item.name(1024).map(str::to_owned))?;
    Some(list.into_iter().collect())
}

const MAX_ENTRIES: usize = 10_000;
