//! Tokens and subjects that are refused although they are valid.

use std::collections::HashSet;

use policy::config::Node;
use policy::json::Json;

use super::{Holds, RemoteList};
use crate::keys::document::without_mark;

/// Tokens that were revoked before they expire, and subjects that are locked out. Changing the list
/// is changing the configuration, which proxies do without a restart; or it is fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DenyList {
    /// Token ids that are denied, values of `jti`.
    token_ids: HashSet<String>,
    /// Values of `sub`, and ids of API keys.
    subjects: HashSet<String>,
    /// One that is fetched counts as well.
    pub(crate) remote: Option<RemoteList>,
}

impl DenyList {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            Some(Self {
                token_ids: fields.or("token_ids", HashSet::new(), |n| entries(&n)),
                subjects: fields.or("subjects", HashSet::new(), |n| entries(&n)),
                remote: fields.or("remote", None, |n| {
                    RemoteList::read(&n, Holds::DenyList).map(Some)
                }),
            })
        })
    }

    /// Reads a list that was fetched. One with anything in it that is no entry is none at all: what was
    /// meant may be what matters.
    ///
    /// # Errors
    /// A code that says why it is none.
    pub(crate) fn fetched(bytes: &[u8], holds: Holds) -> Result<Self, &'static str> {
        let json = Json::parse(without_mark(bytes)).map_err(|_| "not_json")?;
        let texts = |name| match json.member(name) {
            None => Ok(None),
            Some(Json::Array(items)) if items.len() <= MAX_FETCHED_ENTRIES => {
                let text = |item: &Json| {
                    let text = item.as_str()?;
                    (1..=MAX_ENTRY_BYTES)
                        .contains(&text.len())
                        .then(|| text.to_owned())
                };
                let texts = items.iter().map(text);
                texts.collect::<Option<_>>().map(Some).ok_or("not_a_list")
            }
            Some(Json::Array(_)) => Err("too_many_entries"),
            Some(_) => Err("not_a_list"),
        };
        let (token_ids, subjects): (Option<_>, Option<_>) =
            (texts("token_ids")?, texts("subjects")?);
        if subjects.is_none() && (holds == Holds::Objections || token_ids.is_none()) {
            return Err("not_a_list");
        }
        Ok(Self {
            token_ids: token_ids.unwrap_or_default(),
            subjects: subjects.unwrap_or_default(),
            remote: None,
        })
    }

    /// The number of entries in the configuration.
    pub(crate) fn len(&self) -> usize {
        self.token_ids.len().saturating_add(self.subjects.len())
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
        .list(|item| item.name(MAX_ENTRY_BYTES).map(str::to_owned))?;
    Some(list.into_iter().collect())
}

const MAX_ENTRIES: usize = 10_000;
const MAX_FETCHED_ENTRIES: usize = 50_000;
const MAX_ENTRY_BYTES: usize = 1024;
