//! Lists of tokens and people, from the configuration and fetched.

use host::{Capabilities, Host};
use policy::config::Problem;
use policy::identity::Identity;
use policy::json::Json;
use policy::mode::OnError;

use super::Verifier;
use super::key_documents::document_of;
use crate::calls::bearer_token;
use crate::config::{Config, DenyList, Objection, RemoteList};
use crate::keys::FetchError;
use crate::keys::document::Document;
use crate::keys::fetched_list::FetchedList;
use crate::keys::provider_keys::Availability;
use crate::reason::Reason;
use crate::verify::context::{Failure, VerifyContext};

/// The lists that are fetched.
pub(crate) struct Lists {
    deny: Option<FetchedList>,
    /// In the order of the configuration.
    objections: Vec<Option<FetchedList>>,
}

/// A list that is new here: its name, and how many entries it has.
pub(crate) type ListImport = (String, Result<usize, FetchError>);

impl Lists {
    pub(super) fn new(
        config: &Config,
        capabilities: &Capabilities,
        host: &dyn Host,
        documents: &mut Vec<Document>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let by_requests = !(capabilities.ticks() && capabilities.calls_http_from_tick());
        let mut fetched = |name: String, path: &str, remote: &Option<RemoteList>| {
            let remote = remote.as_ref()?;
            let path = format!("{path}.remote.token_env");
            let token = bearer_token(host, remote.source.token_env.as_ref(), &path)
                .map_err(|problem| problems.push(problem))
                .ok()?;
            let document = document_of(&remote.source, token, capabilities, host, documents);
            Some(FetchedList::new(name, document, remote, by_requests))
        };
        let deny = fetched("deny".to_owned(), "deny", &config.deny.remote);
        let lists = config.objections.iter().enumerate();
        Self {
            deny,
            objections: lists
                .map(|(index, list)| {
                    let path = format!("objections[{index}]");
                    fetched(format!("objections_{index}"), &path, &list.remote)
                })
                .collect(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &FetchedList> {
        self.deny.iter().chain(self.objections.iter().flatten())
    }
}

impl Verifier {
    /// Takes over the lists that are new. Tokens that were verified before are held to a new deny-list.
    pub(super) fn import_lists(&mut self) {
        let Lists { deny, objections } = &mut self.lists;
        let denies = deny.iter_mut().map(|list| (list, true));
        let objects = objections.iter_mut().flatten().map(|list| (list, false));
        for (list, denies) in denies.chain(objects) {
            let Some(document) = self.documents.get(list.document) else {
                continue;
            };
            let result = match list.import(document) {
                Ok(false) => continue,
                Ok(true) => Ok(list.entries.len()),
                Err(error) => Err(error),
            };
            if denies {
                self.tokens.forget_all();
            }
            self.list_imports.push((list.name.clone(), result));
        }
    }

    /// The results of imports of lists since the last call.
    pub(crate) fn take_list_imports(&mut self) -> Vec<ListImport> {
        std::mem::take(&mut self.list_imports)
    }

    /// Whether a token that was held to the deny-list need not be held to it again.
    pub(super) fn deny_list_serves(&mut self, context: VerifyContext<'_>) -> bool {
        let Some(list) = &self.lists.deny else {
            return true;
        };
        let Some(document) = self.documents.get_mut(list.document) else {
            return false;
        };
        match list.availability(document, context) {
            Availability::Serving => true,
            Availability::Soon => false,
            Availability::Unavailable { .. } => list.on_error == OnError::Allow,
        }
    }

    /// Sees to it that nobody denies a caller: by the token, by the subject that the provider's mapping
    /// finds in it, or by the one that the issuer calls so.
    pub(super) fn check_denied(
        &mut self,
        context: VerifyContext<'_>,
        claims: &Json,
        subject: Option<&str>,
    ) -> Result<(), Failure> {
        // Numbers as well: what is no text is the name of nobody, and still says whom it is about.
        let member = |name: &str| claims.member(name).and_then(Json::scalar_text);
        let (token_id, own) = (member("jti"), member("sub"));
        let is_on = |deny: &DenyList| {
            deny.denies(token_id.as_deref(), subject) || deny.denies(None, own.as_deref())
        };
        if is_on(&self.config.deny) {
            return Err(Reason::TokenRevoked.into());
        }
        let Some(list) = &self.lists.deny else {
            return Ok(());
        };
        let document = self.documents.get_mut(list.document);
        let document = document.ok_or(Reason::DenyListUnavailable)?;
        match list.availability(document, context) {
            Availability::Serving if is_on(&list.entries) => Err(Reason::TokenRevoked.into()),
            Availability::Serving => Ok(()),
            Availability::Soon => Err(Failure::Wait(Reason::DenyListUnavailable)),
            Availability::Unavailable { .. } if list.on_error == OnError::Allow => Ok(()),
            Availability::Unavailable { retry_after_s } => Err(Failure::undecided(
                Reason::DenyListUnavailable,
                retry_after_s,
            )),
        }
    }

    /// The purposes that a caller objects to. Where a list cannot be had, those of everybody, unless the
    /// configuration says otherwise.
    pub(super) fn objections_of(
        &mut self,
        context: VerifyContext<'_>,
        caller: &Identity,
    ) -> Result<Vec<String>, Failure> {
        let mut purposes = Vec::new();
        for (list, fetched) in self.config.objections.iter().zip(&self.lists.objections) {
            let objects = list.is_of(caller)
                || match fetched {
                    None => false,
                    Some(fetched) => {
                        let document = self.documents.get_mut(fetched.document);
                        let document = document.ok_or(Reason::ConsentUnavailable)?;
                        match fetched.availability(document, context) {
                            Availability::Serving => Objection::names(caller)
                                .any(|name| fetched.entries.denies(None, Some(name))),
                            Availability::Soon => {
                                return Err(Failure::Wait(Reason::ConsentUnavailable));
                            }
                            Availability::Unavailable { .. } => fetched.on_error == OnError::Deny,
                        }
                    }
                };
            if objects {
                purposes.extend(list.purposes.iter().cloned());
            }
        }
        Ok(purposes)
    }
}
