//! The key sets that providers publish: fetched by address, imported by each provider by its own
//! rules, searched for the key of a token.

use std::rc::Rc;

use host::waiting::Occasion;
use host::{Capabilities, Host, ResponseSizes};
use policy::secret::Secret;

use super::Verifier;
use crate::config::{DocumentSource, KeySource, Provider, ProviderKind};
use crate::credential::source::{ActiveProvider, CredentialSource};
use crate::jose::{Algorithm, Key, SkippedKey};
use crate::keys::FetchError;
use crate::keys::document::{Document, Progress, Sought};
use crate::keys::provider_keys::{Availability, ProviderKeys};
use crate::reason::Reason;
use crate::token::Token;
use crate::verify::context::{Failure, VerifyContext};

/// A provider has looked at a new key set.
pub(crate) struct Import {
    pub(crate) provider: Rc<Provider>,
    /// How many keys serve, and those that do not.
    pub(crate) result: Result<(usize, Vec<SkippedKey>), FetchError>,
}

impl Verifier {
    /// Takes over what other VMs have fetched. Whether somebody who waits is to be decided about
    /// again: a fetch has ended, well or badly.
    pub(crate) fn sync(&mut self, host: &dyn Host, now_ns: u64) -> bool {
        let mut ended = false;
        for document in &mut self.documents {
            ended |= document.sync(host, now_ns);
        }
        self.import();
        ended
    }

    /// Starts the fetches that are due: the places of the documents whose fetch failed at once.
    pub(crate) fn fetch_if_due(
        &mut self,
        host: &dyn Host,
        occasion: Occasion,
    ) -> Vec<(usize, FetchError)> {
        let mut failed = Vec::new();
        for (place, document) in self.documents.iter_mut().enumerate() {
            if host.can_call()
                && let Err(error) = document.fetch_if_due(host, &mut self.calls, occasion)
            {
                failed.push((place, error));
            }
        }
        failed
    }

    /// Takes the response to a call for the keys of a document.
    pub(crate) fn on_keys_response(
        &mut self,
        host: &dyn Host,
        occasion: Occasion,
        place: usize,
        sizes: ResponseSizes,
    ) -> Progress {
        let providers = &self.providers;
        let useful = |bytes: &[u8]| {
            let mut users = users_of(providers, place);
            users.any(|(_, keys)| keys.can_use(bytes))
        };
        let Some(document) = self.documents.get_mut(place) else {
            return Progress::GoesOn;
        };
        let progress = document.on_response(host, &mut self.calls, occasion, sizes, useful);
        self.import();
        progress
    }

    /// The providers that take their keys from the document at this place.
    pub(crate) fn users_of(&self, document: usize) -> impl Iterator<Item = &Provider> {
        users_of(&self.providers, document).map(|(provider, _)| provider)
    }

    /// The results of imports of key sets since the last call.
    pub(crate) fn take_imports(&mut self) -> Vec<Import> {
        std::mem::take(&mut self.imports)
    }

    /// The configuration goes, and with it the fetches that it has under way.
    pub(crate) fn leave(&mut self, host: &dyn Host) {
        for document in &mut self.documents {
            document.leave(host);
        }
    }

    /// The key that has signed a token.
    pub(super) fn signing_key(
        &mut self,
        context: VerifyContext<'_>,
        token: &Token<'_>,
        index: usize,
        algorithm: Algorithm,
    ) -> Result<Rc<Key>, Failure> {
        let key_id = token.header.key_id.as_deref();
        self.refresh_keys(context, index, key_id);
        let (host, signatures) = (context.host, self.signatures);
        let provider = self.providers.get(index);
        let keys = match provider.map(|provider| &provider.source) {
            Some(CredentialSource::Inline(keys)) => keys,
            Some(CredentialSource::Fetched(fetched)) => {
                let (since_ns, now_ns) = (context.since_ns(), context.now.monotonic_ns());
                let document = self.documents.get_mut(fetched.document);
                let document = document.ok_or(Reason::KeysUnavailable)?;
                match fetched.availability(document, since_ns, now_ns) {
                    Availability::Serving => {}
                    Availability::Soon => return Err(Failure::Wait(Reason::KeysUnavailable)),
                    Availability::Unavailable { retry_after_s } => {
                        return Err(Failure::undecided(Reason::KeysUnavailable, retry_after_s));
                    }
                }
                fetched.set(now_ns).ok_or(Reason::KeysUnavailable)?
            }
            _ => return Err(Reason::KeysUnavailable.into()),
        };
        let text = token.signing_input.as_bytes();
        let mut reason = Reason::KeyUnknown;
        for key in keys.candidates(algorithm, key_id) {
            if signatures.verifies(host, key, algorithm, text, &token.signature) {
                return Ok(Rc::clone(key));
            }
            reason = Reason::SignatureInvalid;
        }
        // Only a name that nobody knows is worth a fetch, not an algorithm that does not fit it.
        let is_unknown = key_id.is_some_and(|id| !keys.knows(id));
        if is_unknown
            && let Some(CredentialSource::Fetched(fetched)) = provider.map(|it| &it.source)
            && let Some(document) = self.documents.get_mut(fetched.document)
        {
            let (since_ns, now_ns) = (context.since_ns(), context.now.monotonic_ns());
            match document.seek(key_id, since_ns, now_ns) {
                Sought::Absent => {}
                Sought::Soon => return Err(Failure::Wait(Reason::KeyPending)),
                // The keys at hand serve: that this one is not among them is what the client says.
                Sought::Undecided { retry_after_s } => {
                    return Err(Failure::undecided(Reason::KeyPending, retry_after_s));
                }
            }
        }
        Err(reason.into())
    }

    /// Where the keys at hand do not have the one of a token, another VM may know more.
    fn refresh_keys(&mut self, context: VerifyContext<'_>, index: usize, key_id: Option<&str>) {
        let provider = self.providers.get(index);
        let Some(CredentialSource::Fetched(fetched)) = provider.map(|it| &it.source) else {
            return;
        };
        let now_ns = context.now.monotonic_ns();
        let keys = fetched.set(now_ns);
        let may_have = keys.is_some_and(|keys| key_id.is_none_or(|id| keys.knows(id)));
        if !may_have && let Some(document) = self.documents.get_mut(fetched.document) {
            document.sync(context.host, now_ns);
            self.import();
        }
    }

    /// Whether the keys of a provider still serve: a token that was verified with keys that are too
    /// old by now is verified again, or not at all.
    pub(super) fn has_keys(&self, index: usize, context: VerifyContext<'_>) -> bool {
        match self.source(index) {
            Some(CredentialSource::Inline(_)) => true,
            Some(CredentialSource::Fetched(keys)) => keys.set(context.now.monotonic_ns()).is_some(),
            _ => false,
        }
    }

    /// Each provider looks at the key sets that are new to it.
    fn import(&mut self) {
        for ActiveProvider { settings, source } in &mut self.providers {
            if let CredentialSource::Fetched(keys) = source
                && let Some(document) = self.documents.get(keys.document)
                && let Some(result) = keys.import(document.body())
            {
                let result = result.map(|skipped| (keys.key_count(), skipped));
                let provider = Rc::clone(settings);
                self.imports.push(Import { provider, result });
            }
        }
        self.import_lists();
    }
}

fn users_of(
    providers: &[ActiveProvider],
    document: usize,
) -> impl Iterator<Item = (&Provider, &ProviderKeys)> {
    providers
        .iter()
        .filter_map(move |provider| match &provider.source {
            CredentialSource::Fetched(keys) if keys.document == document => {
                Some((&*provider.settings, &**keys))
            }
            _ => None,
        })
}

/// The place of the document from this source: one for each address, however many use it.
pub(super) fn document_of(
    source: &DocumentSource,
    token: Option<Secret>,
    capabilities: &Capabilities,
    host: &dyn Host,
    documents: &mut Vec<Document>,
) -> usize {
    let known = documents.iter().position(|known| known.is_of(source));
    let document = known.unwrap_or(documents.len());
    match documents.get_mut(document) {
        Some(known) => known.join(source),
        None => {
            let shares = capabilities.shares_data();
            documents.push(Document::new(host, document, source.clone(), token, shares));
        }
    }
    document
}

/// The keys of a provider that publishes them, and the document that they are in: one for each
/// address, however many providers use it.
pub(super) fn fetched_keys(
    provider: &Provider,
    capabilities: &Capabilities,
    host: &dyn Host,
    documents: &mut Vec<Document>,
) -> Option<ProviderKeys> {
    let ProviderKind::Token(token) = &provider.kind else {
        return None;
    };
    let KeySource::Fetched(source) = &token.keys else {
        return None;
    };
    let document = document_of(source, None, capabilities, host, documents);
    Some(ProviderKeys::new(
        document,
        source.settings,
        token.key_rules,
    ))
}
