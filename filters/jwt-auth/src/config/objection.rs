//! What people object to, whatever they have agreed to elsewhere.

use std::collections::HashSet;

use policy::config::Fields;
use policy::identity::Identity;
use policy::json::Json;

use super::deny_list::entries;
use super::{Holds, RemoteList};

/// People and the purposes that they object to (GDPR article 21). An objection is stronger than any
/// consent: the purposes are refused for these people whatever tokens, services and requests say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    pub(crate) purposes: Vec<String>,
    /// Values of `sub`, subjects as the provider's mapping finds them, and ids of API keys.
    subjects: HashSet<String>,
    /// Those of a list that is fetched count as well.
    pub(crate) remote: Option<RemoteList>,
}

impl Objection {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let purposes = fields
            .required("purposes", r#"an array such as ["marketing"]"#)
            .and_then(|n| {
                n.at_most(MAX_PURPOSES)
                    .non_empty_list(|purpose| purpose.name(128).map(str::to_owned))
            });
        let subjects = fields.or("subjects", None, |n| entries(&n).map(Some));
        let remote = fields.or("remote", None, |n| {
            RemoteList::read(&n, Holds::Objections).map(Some)
        });
        let has = |key| fields.node().json().member(key).is_some();
        if !has("subjects") && !has("remote") {
            let missing = r#"expected "subjects" such as ["jane"], "remote", or both"#;
            fields.node().reject_unseen(missing);
        }
        Some(Self {
            subjects: subjects.unwrap_or_default(),
            remote,
            purposes: purposes?,
        })
    }

    /// The names that a caller may be on a list by: the subject as the provider's mapping finds it, and as
    /// the issuer calls it.
    pub(crate) fn names(caller: &Identity) -> impl Iterator<Item = &str> {
        let issued = caller.claims.0.member("sub").and_then(Json::as_str);
        caller.subject.as_deref().into_iter().chain(issued)
    }

    /// Whether a caller objects by the list of the configuration.
    pub(crate) fn is_of(&self, caller: &Identity) -> bool {
        Self::names(caller).any(|name| self.subjects.contains(name))
    }
}

const MAX_PURPOSES: usize = 64;
