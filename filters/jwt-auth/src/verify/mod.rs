//! From the credentials of a request to verified callers.

mod all_of;
pub(crate) mod context;
mod key_documents;
mod lists;
mod others;
pub(crate) mod verified;
mod waiters;

use std::rc::Rc;

use host::waiting::{Call, Calls};
use host::{Capabilities, Counter, Direction, Histogram, Host};
use policy::config::Problems;
use policy::identity::AuthenticationMethod;
use policy::json::Json;

use crate::calls::{MAX_CALLS, Purpose};
use crate::config::{
    Config, Confirmation, OnMultiple, Optional, Provider, ProviderKind, Providers, Requirement,
    TokenProvider,
};
use crate::credential::source::{ActiveProvider, CredentialSource};
use crate::credential::{self, Credential};
use crate::decide::connection;
use crate::enforce::claim_headers;
use crate::failures::{self, Failures};
use crate::jose::Key;
use crate::keys::document::Document;
use crate::opaque::consent_service::{Awaited, ConsentRecords};
use crate::opaque::introspection::{Introspector, Outcome};
use crate::reason::Reason;
use crate::token::cache::VerifiedTokens;
use crate::token::claims::{self, Validity};
use crate::token::signature_backend::SignatureBackend;
use crate::token::{KnownHeaders, MAX_TOKEN_BYTES, Token};
use crate::verify::context::{Authenticated, Failure, VerifyContext};
use crate::verify::lists::{ListImport, Lists};
use crate::verify::verified::{CallerContext, Verified};

pub(crate) use key_documents::Import;

/// Checks credentials, and holds what that takes.
pub(crate) struct Verifier {
    config: Rc<Config>,
    signatures: SignatureBackend,
    /// In the order of the configuration.
    pub(crate) providers: Vec<ActiveProvider>,
    /// The key sets that providers take their keys from, and lists.
    pub(crate) documents: Vec<Document>,
    /// Calls to providers under way.
    pub(crate) calls: Calls<Purpose>,
    /// The results of imports of key sets since they were last taken.
    imports: Vec<Import>,
    pub(crate) lists: Lists,
    list_imports: Vec<ListImport>,
    tokens: VerifiedTokens,
    headers: KnownHeaders,
    failures: Option<Failures>,
    pub(crate) consent: Option<ConsentRecords>,
    cache_hits: Counter,
    cache_misses: Counter,
    verification_microseconds: Histogram,
    verifications: u32,
}

/// What a token with a signature has come to.
struct Signed {
    validity: Validity,
    key: Rc<Key>,
    certificate: Option<String>,
    binds: bool,
    headers: Vec<(String, Vec<u8>)>,
}

impl Verifier {
    /// # Errors
    /// A secret that the configuration names is not in the environment, or too weak.
    pub(crate) fn new(
        host: &dyn Host,
        capabilities: &Capabilities,
        config: &Rc<Config>,
        filter: &'static str,
    ) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut providers = Vec::new();
        let mut documents: Vec<Document> = Vec::new();
        for (index, provider) in config.providers.iter().enumerate() {
            let source =
                match key_documents::fetched_keys(provider, capabilities, host, &mut documents) {
                    Some(keys) => Ok(CredentialSource::Fetched(Box::new(keys))),
                    None => CredentialSource::of(host, index, provider),
                };
            match source {
                Ok(source) => providers.push(ActiveProvider {
                    settings: Rc::clone(provider),
                    source,
                }),
                Err(problem) => problems.push(problem),
            }
        }
        let lists = Lists::new(config, capabilities, host, &mut documents, &mut problems);
        if !problems.is_empty() {
            return Err(problems.into_iter().collect());
        }
        let counter = |result| Counter::new(filter, "token_cache_total", &[("result", result)]);
        Ok(Self {
            config: Rc::clone(config),
            signatures: SignatureBackend::choose(host, capabilities),
            providers,
            lists,
            list_imports: Vec::new(),
            documents,
            calls: Calls::new(*capabilities, MAX_CALLS),
            imports: Vec::new(),
            tokens: VerifiedTokens::new(config.cache.tokens, config.cache.max_token_bytes),
            headers: KnownHeaders::default(),
            failures: Failures::new(host, capabilities, config, filter)?,
            consent: ConsentRecords::new(host, capabilities, config, filter)?,
            cache_hits: counter("hit"),
            cache_misses: counter("miss"),
            verification_microseconds: Histogram::new(filter, "verification_microseconds", &[]),
            verifications: 0,
        })
    }

    pub(crate) const fn signatures(&self) -> SignatureBackend {
        self.signatures
    }

    /// Whether it calls identity providers.
    pub(crate) fn makes_calls(&self) -> bool {
        let asks = |provider: &ActiveProvider| {
            matches!(provider.source, CredentialSource::Introspection(_))
        };
        !self.documents.is_empty() || self.providers.iter().any(asks)
    }

    fn source(&self, provider: usize) -> Option<&CredentialSource> {
        let provider = self.providers.get(provider)?;
        Some(&provider.source)
    }

    /// A call is gone with the request that it belonged to.
    pub(crate) fn lose(&mut self, host: &dyn Host, call: &Call<Purpose>) {
        match call.purpose {
            Purpose::Fetch { document } => {
                if let Some(document) = self.documents.get_mut(document) {
                    document.leave(host);
                }
            }
            Purpose::Consent { subject } => {
                if let Some(consent) = &mut self.consent {
                    consent.forget(subject);
                }
            }
            Purpose::Introspection {
                provider, token, ..
            } => {
                if let Some(introspector) = introspector(&mut self.providers, provider) {
                    introspector.forget(&token);
                }
            }
        }
    }

    /// Tells the host what was counted since the last time.
    pub(crate) fn flush(&self, host: &dyn Host) {
        self.cache_hits.flush(host);
        self.cache_misses.flush(host);
    }

    /// As [`Verifier::callers`], with what is known of the first beyond the credential.
    pub(crate) fn callers_in_context(
        &mut self,
        context: VerifyContext<'_>,
        requirement: &Requirement,
    ) -> Result<Authenticated, Failure> {
        let mut found = self.callers(context, requirement)?;
        if found.callers.is_empty() {
            found.add_certificate(context.host, requirement);
            let certified = found.callers.first().and_then(|caller| caller.identity());
            if let Some(identity) = certified {
                self.check_denied(context, &identity.claims.0, identity.subject.as_deref())?;
            }
        }
        let config = Rc::clone(&self.config);
        let glass = config.break_glass.as_ref();
        let has_objections = !config.objections.is_empty();
        if (self.consent.is_some() || glass.is_some() || has_objections)
            && let Some(caller) = found.callers.first()
            && let Some(identity) = caller.identity()
        {
            let mut known = CallerContext::default();
            if let Some(records) = &mut self.consent {
                let facts = context.request.facts(context.host, Direction::Request);
                let of_caller = records.of(context, &mut self.calls, &facts, &identity);
                known = of_caller.map_err(|Awaited| Failure::Wait(Reason::ConsentUnavailable))?;
            }
            known.objects_to = self.objections_of(context, &identity)?;
            known.emergency = glass.and_then(|glass| {
                let header = context.request.header(context.host, &glass.header);
                glass.reason(&identity, header)
            });
            caller.set_context(known);
        }
        Ok(found)
    }

    /// Finds the callers that a requirement asks for. None at all where it is optional.
    pub(crate) fn callers(
        &mut self,
        context: VerifyContext<'_>,
        requirement: &Requirement,
    ) -> Result<Authenticated, Failure> {
        let found = match &requirement.providers {
            Providers::AnyOf(providers) if providers.is_empty() => {
                return Ok(Authenticated::default());
            }
            Providers::AnyOf(providers) => self.any_of(context, providers),
            Providers::AllOf(providers) => self.all_of(context, providers),
        };
        match (found, requirement.optional) {
            (
                Err(Failure::Refused(Reason::CredentialMissing, _)),
                Optional::Missing | Optional::MissingOrFailed,
            ) => Ok(Authenticated::default()),
            (Err(Failure::Refused(reason, _)), Optional::MissingOrFailed)
                if !reason.is_undecided() && reason != Reason::TooManyFailures =>
            {
                Ok(Authenticated::default())
            }
            (found, _) => found,
        }
    }

    /// The callers that the different credentials of a request are of. Each credential is looked at
    /// by all providers that look for theirs where it was.
    fn any_of(
        &mut self,
        context: VerifyContext<'_>,
        providers: &[usize],
    ) -> Result<Authenticated, Failure> {
        let config = Rc::clone(&self.config);
        let places = providers.iter().filter_map(|index| {
            let provider = config.providers.get(*index)?;
            Some((*index, provider.from.as_slice()))
        });
        let credentials = credential::find(context.host, context.request, places);
        let considered = match (credentials.len(), config.on_multiple) {
            (0, _) => return Err(Reason::CredentialMissing.into()),
            (1, _) | (_, OnMultiple::First) => 1,
            (_, OnMultiple::Deny) => return Err(Reason::CredentialsMultiple.into()),
            (count, OnMultiple::All) if count > credential::MAX_CREDENTIALS => {
                return Err(Reason::CredentialsMultiple.into());
            }
            (count, OnMultiple::All) => count,
        };
        let host = context.host;
        // The clock is read where failures are limited, and nowhere else.
        let now_ns = || context.now.monotonic_ns();
        let tried = credentials.get(..considered).unwrap_or(&credentials);
        let attempts = self.failures.as_ref().map(|failures| {
            let attempts = failures.attempts(context, tried, &self.headers);
            let wait_s = failures.refuses(host, &attempts, now_ns());
            (attempts, wait_s)
        });
        if let Some((_, Some(wait_s))) = attempts {
            return Err(Failure::undecided(Reason::TooManyFailures, wait_s));
        }
        let mut found = Authenticated::default();
        for (place, credential) in credentials.into_iter().take(considered).enumerate() {
            found.in_query |= credential.in_query;
            let caller = match (self.caller(context, &credential), &attempts) {
                (Err(Failure::Refused(reason, detail)), Some((attempts, _)))
                    if failures::is_guess(reason) =>
                {
                    let charged = self.failures.as_ref();
                    let wait_s =
                        charged.and_then(|one| one.charge(host, attempts, place, now_ns()));
                    return Err(wait_s.map_or(Failure::Refused(reason, detail), |wait_s| {
                        Failure::undecided(Reason::TooManyFailures, wait_s)
                    }));
                }
                (caller, _) => caller?,
            };
            found.callers.push(caller);
            found.credentials.push(credential.text.into_owned());
        }
        Ok(found)
    }

    /// Who sends this credential.
    ///
    /// Every provider that it could be of is tried, and the reason of the one that comes nearest is
    /// told. What can be checked here comes first: an API key of our own is never sent to an issuer
    /// for introspection, nor is a token that an issuer of signed tokens has made.
    fn caller(
        &mut self,
        context: VerifyContext<'_>,
        credential: &Credential<'_>,
    ) -> Result<Rc<Verified>, Failure> {
        let text = &*credential.text;
        let config = Rc::clone(&self.config);
        let provider = |index: &usize| Some((*index, config.providers.get(*index)?));
        let asked = || credential.asked.iter().filter_map(provider);
        // The first provider that has verified it before counts, where none before it could.
        let mut known = None;
        for (index, _) in asked() {
            known = self.remembered(context, text, index);
            if known.is_some() {
                break;
            }
        }
        if let Some(verified) = known {
            let issuer = |index: usize| config.providers.get(index).and_then(|one| one.issuer());
            let may_know = |index: &usize| issuer(*index) == issuer(verified.provider);
            let mut indices = credential.asked.iter().copied();
            let first = indices.find(|index| *index == verified.provider || may_know(index));
            if first == Some(verified.provider)
                && let Ok(verified) = check_use(context, verified)
            {
                self.cache_hits.note();
                return Ok(verified);
            }
        }
        let mut failure: Option<Failure> = None;
        let mut told = |found: Failure| {
            failure = Some(match failure.take() {
                Some(known) => known.nearest(found),
                None => found,
            });
        };
        // An issuer that knows the credential has the last word on it.
        let mut is_known = false;
        let issues = |(_, provider): &(usize, &Rc<Provider>)| {
            matches!(provider.kind, ProviderKind::Token(_))
        };
        if asked().any(|asked| issues(&asked)) {
            match Token::parse(text, &self.headers) {
                Err(reason) => told(reason.into()),
                Ok(token) => {
                    let issuer = token.claims.member("iss").and_then(Json::as_str);
                    let mut accepted = None;
                    for (index, provider) in asked() {
                        let ProviderKind::Token(settings) = &provider.kind else {
                            continue;
                        };
                        if issuer != Some(settings.claims.issuer.as_str()) {
                            continue;
                        }
                        is_known = true;
                        if let Some(verified) = self.remembered(context, text, index) {
                            self.cache_hits.note();
                            match check_use(context, verified) {
                                Ok(verified) => return Ok(verified),
                                Err(found) => told(found),
                            }
                            continue;
                        }
                        match self.signed(context, &token, index, provider, settings) {
                            Ok(signed) => {
                                accepted = Some((index, provider, signed));
                                break;
                            }
                            Err(found) => told(found),
                        }
                    }
                    if let Some((index, provider, signed)) = accepted {
                        return Ok(self.remember(index, provider, token, signed));
                    }
                    if !is_known {
                        told(Reason::IssuerUnknown.into());
                    }
                }
            }
        }
        let issued = is_known;
        for (index, _) in asked().filter(|_| !issued) {
            let Some(CredentialSource::ApiKeys(keys)) = self.source(index) else {
                continue;
            };
            let holder = keys.holder(text, context.now.wall_s());
            is_known |= !matches!(holder, Err(Reason::ApiKeyUnknown));
            let holder = holder.map_err(Failure::from);
            match holder.and_then(|verified| self.unsigned(context, verified)) {
                Ok(verified) => return Ok(verified),
                Err(found) => told(found),
            }
        }
        for (index, provider) in asked().filter(|_| !is_known) {
            if let ProviderKind::Introspection(settings) = &provider.kind
                && self.is_of_another(context, text, settings.issuer.as_deref())
            {
                told(Reason::IssuerUnknown.into());
                continue;
            }
            let Some(introspector) = introspector(&mut self.providers, index) else {
                continue;
            };
            // RFC 6749, appendix A.12.
            let is_token = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            let outcome = match (text.len() > MAX_TOKEN_BYTES, is_token) {
                (true, _) => Outcome::Refused(Reason::TokenTooLarge),
                (_, false) => Outcome::Refused(Reason::TokenMalformed),
                _ => introspector.outcome(context, &mut self.calls, index, text),
            };
            let found = match outcome {
                Outcome::Active(verified) => match self.unsigned(context, verified) {
                    Ok(verified) => return Ok(verified),
                    Err(found) => found,
                },
                Outcome::Refused(Reason::TokenInactive) if self.says_expired(context, text) => {
                    Reason::TokenExpired.into()
                }
                Outcome::Refused(reason) if reason.is_undecided() => Failure::undecided(reason, 1),
                Outcome::Refused(reason) => reason.into(),
                // Whether another issuer knows the token is asked when this one has answered.
                Outcome::Asked => return Err(Failure::Wait(Reason::IntrospectionUnavailable)),
                Outcome::Queued => return Err(Failure::Wait(Reason::WaitingFull)),
                Outcome::Unavailable => Failure::undecided(Reason::IntrospectionUnavailable, 1),
            };
            told(found);
        }
        Err(failure.unwrap_or_else(|| Reason::CredentialMissing.into()))
    }

    /// What a provider has verified of a token before, if that still counts.
    fn remembered(
        &mut self,
        context: VerifyContext<'_>,
        text: &str,
        provider: usize,
    ) -> Option<Rc<Verified>> {
        let verified = self.tokens.find(text, provider)?;
        let serves = self.has_keys(provider, context) && self.deny_list_serves(context);
        serves.then_some(verified)
    }

    /// Whether a token that its issuer calls inactive says itself that it is too old: then it need not be
    /// a guess. Who makes one up gains nothing by saying so.
    fn says_expired(&self, context: VerifyContext<'_>, text: &str) -> bool {
        let token = Token::parse(text, &self.headers);
        let until_s = token.map(|token| claims::date(&token.claims, "exp"));
        matches!(until_s, Ok(Ok(Some(until_s))) if until_s < context.now.wall_s())
    }

    /// Checks a token with a signature by the rules of one provider.
    fn signed(
        &mut self,
        context: VerifyContext<'_>,
        token: &Token<'_>,
        index: usize,
        provider: &Provider,
        settings: &TokenProvider,
    ) -> Result<Signed, Failure> {
        let algorithm = token
            .header
            .algorithm
            .filter(|algorithm| settings.key_rules.algorithms.contains(*algorithm))
            .ok_or(Reason::AlgorithmNotAllowed)?;
        let now_s = context.now.wall_s();
        let validity = settings.claims.check(&token.header, &token.claims, now_s)?;
        let binds = settings.confirmation == Confirmation::Enforce;
        let certificate = match settings.confirmation {
            Confirmation::Enforce => claims::bound_certificate(&token.claims)?,
            Confirmation::Ignore => claims::bound_certificate(&token.claims).unwrap_or(None),
        };
        let started_ns = self.is_timed().then(|| context.host.running_ns());
        let key = self.signing_key(context, token, index, algorithm);
        // What waits for keys has checked nothing yet, and comes again.
        if !matches!(key, Err(Failure::Wait(_))) {
            self.verifications = self.verifications.wrapping_add(1);
        }
        let key = key?;
        if let Some(started_ns) = started_ns {
            let took_ns = context.host.running_ns().saturating_sub(started_ns);
            let took_us = took_ns.checked_div(1000).unwrap_or(0);
            self.verification_microseconds.record(context.host, took_us);
        }
        let subject = provider.identity.subject(&token.claims);
        self.check_denied(context, &token.claims, subject.as_deref())?;
        if let Some(digest) = certificate.filter(|_| binds)
            && !connection::is_bound_to(context.host, digest)
        {
            return Err(Reason::BindingMismatch.into());
        }
        Ok(Signed {
            validity,
            key,
            certificate: certificate.map(str::to_owned),
            binds,
            headers: claim_headers::headers(provider, &token.claims, Some(token.payload))?,
        })
    }

    /// Remembers a token that is good, and its caller.
    fn remember(
        &mut self,
        index: usize,
        provider: &Provider,
        token: Token<'_>,
        signed: Signed,
    ) -> Rc<Verified> {
        self.headers.remember(&token);
        let identity = claims::identity(provider, AuthenticationMethod::Jwt, token.claims);
        let text = identity.to_json_with_claims(Some(&token.claims_text));
        let mut verified = Verified::with_text(index, signed.validity, identity, text);
        verified.headers = signed.headers;
        verified.certificate = signed.certificate;
        verified.binds = signed.binds;
        verified.mark_first_use();
        let verified = Rc::new(verified);
        self.tokens.remember(token.text, &signed.key, &verified);
        self.cache_misses.note();
        verified
    }

    /// Whether this verification is one of those that stand for all in the histogram: to ask the
    /// clock twice and the host for its histogram each time would be felt.
    const fn is_timed(&self) -> bool {
        self.verifications.is_multiple_of(TIMED_EVERY)
    }

    /// A credential that says nothing by itself: an API key, or a token that its issuer knows.
    fn unsigned(
        &mut self,
        context: VerifyContext<'_>,
        verified: Rc<Verified>,
    ) -> Result<Rc<Verified>, Failure> {
        let identity = verified.identity().ok_or(Reason::TokenMalformed)?;
        self.check_denied(context, &identity.claims.0, identity.subject.as_deref())?;
        check_use(context, verified)
    }
}

/// What asks the issuer of a provider about its tokens.
pub(crate) fn introspector(
    providers: &mut [ActiveProvider],
    provider: usize,
) -> Option<&mut Introspector> {
    match &mut providers.get_mut(provider)?.source {
        CredentialSource::Introspection(introspector) => Some(introspector),
        _ => None,
    }
}

/// What is checked of a verified credential each time it is used.
fn check_use(context: VerifyContext<'_>, verified: Rc<Verified>) -> Result<Rc<Verified>, Failure> {
    verified.validity.check(context.now.wall_s())?;
    if let Some(digest) = &verified.certificate
        && verified.binds
        && !connection::is_bound_to(context.host, digest)
    {
        return Err(Reason::BindingMismatch.into());
    }
    Ok(verified)
}

/// One verification in so many is timed.
const TIMED_EVERY: u32 = 16;
