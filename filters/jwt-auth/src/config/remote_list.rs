//! Lists of tokens and people that are fetched.

use policy::config::Node;
use policy::endpoint::Endpoint;
use policy::mode::OnError;

use super::{DocumentSource, FetchSettings, Holds};

/// A list that somebody else keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteList {
    /// The document to fetch.
    pub source: DocumentSource,
    /// What holds while there is none: everybody is on it, or nobody.
    pub on_error: OnError,
}

impl RemoteList {
    pub(super) fn read(node: &Node<'_>, holds: Holds) -> Option<Self> {
        node.object(|fields| {
            let endpoint = Endpoint::read(fields, "the address of the list");
            let settings = FetchSettings::read(fields, false);
            let token_env = fields.or("token_env", None, |n| {
                n.name(256).map(str::to_owned).map(Some)
            });
            let on_error = fields.or("on_error", OnError::Deny, |n| OnError::read(&n));
            Some(Self {
                source: DocumentSource {
                    endpoint: endpoint?,
                    discovery: None,
                    settings,
                    holds,
                    token_env,
                },
                on_error,
            })
        })
    }
}
