//! What people object to, whatever they have agreed to elsewhere.

use std::collections::HashSet;

use policy::config::Fields;
use policy::identity::Identity;
use policy::json::Json;

use super::deny_list::entries;

/// People and the purposes that they object to (GDPR article 21). An objection is stronger than any
/// consent: the purposes are refused for these people whatever tokens, services and requests say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    purposes: Vec<String>,
    /// Values of `sub`, subjects as the provider's mapping finds them, and ids of API keys.
    subjects: HashSet<String>,
}

impl Objection {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let purposes = fields
            .required("purposes", r#"an array such as ["marketing"]"#)
            .and_then(|n| {
                n.at_most(MAX_PURPOSES)
                    .non_empty_list(|purpose| purpose.name(128).map(str::to_owned))
            });
        let subjects = fields
            .required("subjects", r#"an array such as ["jane"]"#)
            .and_then(|n| entries(&n));
        Some(Self {
            subjects: subjects?,
            purposes: purposes?,
        })
    }

    /// What a caller objects to by all lists together.
    pub(crate) fn of(lists: &[Self], caller: &Identity) -> Vec<String> {
        let issued = caller.claims.0.member("sub").and_then(Json::as_str);
        let names = [caller.subject.as_deref(), issued];
        let is_of = |list: &&Self| {
            let mut names = names.into_iter().flatten();
            names.any(|name| list.subjects.contains(name))
        };
        let found = lists.iter().filter(is_of);
        found.flat_map(|list| list.purposes.clone()).collect()
    }
}

const MAX_PURPOSES: usize = 64;
