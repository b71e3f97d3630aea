//! From the credentials of a request to verified callers.

use std::rc::Rc;

use host::{CallToken, Capabilities, Counter, Histogram, Host};
use policy::config::Problems;
use policy::identity::AuthenticationMethod;
use policy::json::Json;

use crate::answer::Detail;
use crate::cache::VerifiedTokens;
use crate::claims::{self, Validity};
use crate::config::{
    Config, Confirmation, OnMultiple, Optional, Provider, ProviderKind, Providers, Requirement,
    TokenProvider,
};
use crate::credential::{self, Credential};
use crate::engine::Engine;
use crate::fetch::KeyFetcher;
use crate::forward;
use crate::inquiry::{Failure, Found, Inquiry, Now};
use crate::introspection::Outcome;
use crate::jose::{Algorithm, Key, KeySet};
use crate::keys::Availability;
use crate::reason::Reason;
use crate::source::Source;
use crate::token::{KnownHeaders, Token};
use crate::verified::Verified;

/// Checks credentials, and holds what that takes.
pub(crate) struct Verifier {
    config: Rc<Config>,
    engine: Engine,
    /// One for each provider, in the order of the configuration.
    pub(crate) sources: Vec<Source>,
    tokens: VerifiedTokens,
    headers: KnownHeaders,
    cache_hits: Counter,
    cache_misses: Counter,
    verification_us: Histogram,
    verifications: u32,
}

impl Verifier {
    /// # Errors
    /// A secret that the configuration names is not in the environment, or too weak.
    pub(crate) fn new(
        host: &dyn Host,
        capabilities: &Capabilities,
        config: &Rc<Config>,
        filter: &str,
    ) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut sources = Vec::new();
        for (index, provider) in config.providers.iter().enumerate() {
            match Source::of(host, capabilities, index, provider) {
                Ok(source) => sources.push(source),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems.into_iter().collect());
        }
        let counter = |result| Counter::new(filter, "token_cache_total", &[("result", result)]);
        Ok(Self {
            config: Rc::clone(config),
            engine: Engine::choose(host, capabilities),
            sources,
            tokens: VerifiedTokens::new(config.cache.tokens, config.cache.max_token_bytes),
            headers: KnownHeaders::default(),
            cache_hits: counter("hit"),
            cache_misses: counter("miss"),
            verification_us: Histogram::new(filter, "verification_us", &[]),
            verifications: 0,
        })
    }

    pub(crate) const fn engine(&self) -> Engine {
        self.engine
    }

    /// The calls that are under way.
    pub(crate) fn calls_under_way(&self) -> Vec<CallToken> {
        let mut calls = Vec::new();
        for source in &self.sources {
            match source {
                Source::Fetched(fetcher) => calls.extend(fetcher.call_under_way()),
                Source::Introspection(introspector) => {
                    calls.extend(introspector.calls_under_way());
                }
                Source::Inline(_) | Source::ApiKeys(_) => {}
            }
        }
        calls
    }

    /// Tells the host what was counted since the last time.
    pub(crate) fn flush(&self, host: &dyn Host) {
        self.cache_hits.flush(host);
        self.cache_misses.flush(host);
    }

    /// Finds the callers that a requirement asks for. None at all where it is optional.
    pub(crate) fn callers(
        &mut self,
        inquiry: Inquiry<'_>,
        requirement: &Requirement,
    ) -> Result<Found, Failure> {
        let found = match &requirement.providers {
            Providers::AnyOf(providers) if providers.is_empty() => return Ok(Found::default()),
            Providers::AnyOf(providers) => self.any_of(inquiry, providers),
            Providers::AllOf(providers) => self.all_of(inquiry, providers),
        };
        match (found, requirement.optional) {
            (
                Err(Failure::Refused(Reason::CredentialMissing, _)),
                Optional::Missing | Optional::MissingOrFailed,
            ) => Ok(Found::default()),
            (Err(Failure::Refused(reason, _)), Optional::MissingOrFailed)
                if !reason.is_undecided() =>
            {
                Ok(Found::default())
            }
            (found, _) => found,
        }
    }

    fn all_of(&mut self, inquiry: Inquiry<'_>, providers: &[usize]) -> Result<Found, Failure> {
        let mut found = Found::default();
        for provider in providers {
            let one = self.any_of(inquiry, std::slice::from_ref(provider))?;
            found.callers.extend(one.callers);
            found.in_query |= one.in_query;
        }
        Ok(found)
    }

    fn any_of(&mut self, inquiry: Inquiry<'_>, providers: &[usize]) -> Result<Found, Failure> {
        let config = Rc::clone(&self.config);
        if let [only] = providers {
            let from = config.providers.get(*only).map(|provider| &provider.from);
            let from = from.map(Vec::as_slice).unwrap_or_default();
            let credentials = credential::find(inquiry.host, inquiry.request, from);
            let credentials = credentials.iter().map(|credential| (credential, providers));
            return self.callers_of(inquiry, credentials, config.on_multiple);
        }
        // Each different credential, with the providers that look for theirs where it was.
        let mut credentials: Vec<(Credential<'_>, Vec<usize>)> = Vec::new();
        for index in providers {
            let Some(provider) = config.providers.get(*index) else {
                continue;
            };
            for credential in credential::find(inquiry.host, inquiry.request, &provider.from) {
                let known = credentials
                    .iter_mut()
                    .find(|(known, _)| known.text == credential.text);
                match known {
                    Some((_, asked)) => asked.push(*index),
                    None => credentials.push((credential, vec![*index])),
                }
            }
        }
        let credentials = credentials
            .iter()
            .map(|(credential, asked)| (credential, asked.as_slice()));
        self.callers_of(inquiry, credentials, config.on_multiple)
    }

    /// The callers that so many different credentials are of.
    fn callers_of<'c, 'r: 'c>(
        &mut self,
        inquiry: Inquiry<'_>,
        credentials: impl ExactSizeIterator<Item = (&'c Credential<'r>, &'c [usize])>,
        on_multiple: OnMultiple,
    ) -> Result<Found, Failure> {
        let considered = match (credentials.len(), on_multiple) {
            (0, _) => return Err(Reason::CredentialMissing.into()),
            (1, _) | (_, OnMultiple::First) => 1,
            (_, OnMultiple::Deny) => return Err(Reason::CredentialsMultiple.into()),
            (count, OnMultiple::All) => count,
        };
        let mut found = Found::default();
        for (credential, asked) in credentials.take(considered) {
            found.in_query |= credential.in_query;
            let caller = self.caller(inquiry, &credential.text, asked)?;
            found.callers.push(caller);
        }
        Ok(found)
    }

    /// Who sends this credential, according to the one provider among these that it can be of.
    fn caller(
        &mut self,
        inquiry: Inquiry<'_>,
        text: &str,
        providers: &[usize],
    ) -> Result<Rc<Verified>, Failure> {
        let verified = self.verified(inquiry, text, providers)?;
        verified.validity.check(inquiry.now.wall_s())?;
        if let Some(digest) = &verified.certificate
            && verified.binds
            && !crate::connection::is_bound_to(inquiry.host, digest)
        {
            return Err(Reason::BindingMismatch.into());
        }
        Ok(verified)
    }

    fn verified(
        &mut self,
        inquiry: Inquiry<'_>,
        text: &str,
        providers: &[usize],
    ) -> Result<Rc<Verified>, Failure> {
        if let Some(verified) = self.tokens.find(text)
            && providers.contains(&verified.provider)
            && self.has_keys(verified.provider, inquiry.now)
        {
            self.cache_hits.note();
            return Ok(verified);
        }
        let config = Rc::clone(&self.config);
        let mut others = Vec::new();
        let mut issues_tokens = false;
        for index in providers {
            match config.providers.get(*index).map(|provider| &provider.kind) {
                Some(ProviderKind::Token(_)) => issues_tokens = true,
                Some(_) => others.push(*index),
                None => {}
            }
        }
        if issues_tokens {
            let token = Token::parse(text, &self.headers);
            let of_provider = token.map(|token| {
                let provider = provider_of(&config, providers, &token);
                (token, provider)
            });
            match of_provider {
                Ok((token, Some((index, provider, settings)))) => {
                    return self.signed(inquiry, token, index, provider, settings);
                }
                // It may be a credential of another kind.
                Ok((_, None)) if others.is_empty() => return Err(Reason::IssuerUnknown.into()),
                Err(reason) if others.is_empty() => return Err(reason.into()),
                _ => {}
            }
        }
        self.unsigned(inquiry, text, &others)
    }

    /// A token with a signature.
    fn signed(
        &mut self,
        inquiry: Inquiry<'_>,
        token: Token<'_>,
        index: usize,
        provider: &Provider,
        settings: &TokenProvider,
    ) -> Result<Rc<Verified>, Failure> {
        let algorithm = token
            .header
            .algorithm
            .filter(|algorithm| settings.key_rules.algorithms.contains(*algorithm))
            .ok_or(Reason::AlgorithmNotAllowed)?;
        let now_s = inquiry.now.wall_s();
        let validity = settings.claims.check(&token.header, &token.claims, now_s)?;
        let certificate = match settings.confirmation {
            Confirmation::Enforce => claims::bound_certificate(&token.claims)?,
            Confirmation::Ignore => claims::bound_certificate(&token.claims).unwrap_or(None),
        };
        let certificate = certificate.map(str::to_owned);
        let started_ns = self.is_timed().then(|| inquiry.host.monotonic_ns());
        let key = self.signing_key(inquiry, &token, index, algorithm)?;
        if let Some(started_ns) = started_ns {
            let took_ns = inquiry.host.monotonic_ns().saturating_sub(started_ns);
            let took_us = took_ns.checked_div(1000).unwrap_or(0);
            self.verification_us.record(inquiry.host, took_us);
        }
        let member = |name: &str| token.claims.member(name).and_then(Json::as_str);
        if self.config.deny.denies(member("jti"), member("sub")) {
            return Err(Reason::TokenRevoked.into());
        }
        self.headers.remember(&token);
        let headers = forward::headers(provider, &token.claims, Some(token.payload));
        let method = AuthenticationMethod::Jwt;
        let identity = claims::identity(&provider.name, method, token.claims);
        let text = identity.to_json_with_claims(Some(&token.claims_text));
        let mut verified = Verified::with_text(index, validity, identity, text);
        verified.headers = headers;
        verified.certificate = certificate;
        verified.binds = settings.confirmation == Confirmation::Enforce;
        verified.set_new();
        let verified = Rc::new(verified);
        self.tokens.remember(token.text, &key, &verified);
        self.cache_misses.note();
        Ok(verified)
    }

    /// Whether this verification is one of those that stand for all in the histogram: to ask the
    /// clock twice and the host for its histogram each time would be felt.
    const fn is_timed(&mut self) -> bool {
        let timed = self.verifications.is_multiple_of(TIMED_EVERY);
        self.verifications = self.verifications.wrapping_add(1);
        timed
    }

    /// The key that has signed a token.
    fn signing_key(
        &mut self,
        inquiry: Inquiry<'_>,
        token: &Token<'_>,
        index: usize,
        algorithm: Algorithm,
    ) -> Result<Rc<Key>, Failure> {
        let Inquiry { host, now, .. } = inquiry;
        let key_id = token.header.key_id.as_deref();
        let source = self.sources.get_mut(index).ok_or(Reason::KeysUnavailable)?;
        let keys = match source {
            Source::Inline(keys) => keys,
            Source::Fetched(fetcher) => available(fetcher, host, now.monotonic_ns(), key_id)?,
            _ => return Err(Reason::KeysUnavailable.into()),
        };
        let text = token.signing_input.as_bytes();
        let mut candidates = keys.candidates(algorithm, key_id).peekable();
        if candidates.peek().is_none() {
            return Err(Reason::KeyUnknown.into());
        }
        let engine = self.engine;
        candidates
            .find(|key| engine.verifies(host, key, algorithm, text, &token.signature))
            .cloned()
            .ok_or_else(|| Reason::SignatureInvalid.into())
    }

    /// A credential that says nothing by itself: an API key, or a token to ask the issuer about.
    fn unsigned(
        &mut self,
        inquiry: Inquiry<'_>,
        text: &str,
        providers: &[usize],
    ) -> Result<Rc<Verified>, Failure> {
        let mut failure = Failure::from(Reason::CredentialMissing);
        for index in providers {
            let Some(source) = self.sources.get_mut(*index) else {
                continue;
            };
            let outcome = match source {
                Source::ApiKeys(keys) => match keys.holder(text, inquiry.now.wall_s()) {
                    Ok(holder) => Outcome::Active(holder),
                    Err(reason) => Outcome::Refused(reason),
                },
                Source::Introspection(introspector) => {
                    if text.len() > crate::token::MAX_TOKEN_BYTES {
                        Outcome::Refused(Reason::TokenTooLarge)
                    } else {
                        introspector.outcome(
                            inquiry.host,
                            inquiry.callers,
                            text,
                            inquiry.now.monotonic_ns(),
                        )
                    }
                }
                _ => continue,
            };
            failure = match outcome {
                Outcome::Active(verified) => {
                    let identity = verified.identity().ok_or(Reason::TokenMalformed)?;
                    let token_id = identity.claim("jti").and_then(Json::as_str);
                    if self
                        .config
                        .deny
                        .denies(token_id, identity.subject.as_deref())
                    {
                        return Err(Reason::TokenRevoked.into());
                    }
                    return Ok(verified);
                }
                Outcome::Refused(reason) => reason.into(),
                Outcome::Asked => {
                    return Err(Failure::Wait(Reason::IntrospectionUnavailable));
                }
                Outcome::Unavailable => {
                    let detail = Detail::retry_after(1);
                    return Err(Failure::Refused(Reason::IntrospectionUnavailable, detail));
                }
            };
        }
        Err(failure)
    }

    /// Whether the keys of a provider still serve: a token that was verified with keys that are too
    /// old by now is verified again, or not at all.
    fn has_keys(&self, index: usize, now: &Now<'_>) -> bool {
        match self.sources.get(index) {
            Some(Source::Inline(_)) => true,
            Some(Source::Fetched(fetcher)) => matches!(
                fetcher.keys.availability(now.monotonic_ns()),
                Availability::Keys(_)
            ),
            _ => false,
        }
    }
}

/// What the claims of an introspection's answer make of a caller.
pub(crate) fn introspected(
    config: &Config,
    index: usize,
    claims: Json,
    validity: Validity,
) -> Result<Verified, Reason> {
    let provider = config
        .providers
        .get(index)
        .ok_or(Reason::IntrospectionUnavailable)?;
    let certificate = claims::bound_certificate(&claims)?.map(str::to_owned);
    let headers = forward::headers(provider, &claims, None);
    let method = AuthenticationMethod::Introspection;
    let identity = claims::identity(&provider.name, method, claims);
    let mut verified = Verified::new(index, validity, identity);
    verified.headers = headers;
    verified.certificate = certificate;
    Ok(verified)
}

/// The provider among these that has issued a token.
fn provider_of<'c>(
    config: &'c Config,
    providers: &[usize],
    token: &Token<'_>,
) -> Option<(usize, &'c Provider, &'c TokenProvider)> {
    let issuer = token.claims.member("iss").and_then(Json::as_str)?;
    providers.iter().find_map(|index| {
        let provider = config.providers.get(*index)?;
        match &provider.kind {
            ProviderKind::Token(settings) if settings.claims.issuer == issuer => {
                Some((*index, provider, &**settings))
            }
            _ => None,
        }
    })
}

/// The keys that were fetched, if they are at hand and may have the one of the token.
fn available<'k>(
    fetcher: &'k mut KeyFetcher,
    host: &dyn Host,
    now_ns: u64,
    key_id: Option<&str>,
) -> Result<&'k KeySet, Failure> {
    let unknown = |fetcher: &KeyFetcher| match fetcher.keys.availability(now_ns) {
        Availability::Keys(keys) => key_id.is_some_and(|id| !keys.knows(id)),
        _ => true,
    };
    if unknown(fetcher) {
        // Another worker may know more.
        fetcher.sync(host, now_ns);
    }
    match fetcher.keys.availability(now_ns) {
        Availability::Soon => return Err(Failure::Wait(Reason::KeysUnavailable)),
        Availability::Unavailable { retry_after_s } => {
            let detail = Detail::retry_after(retry_after_s);
            return Err(Failure::Refused(Reason::KeysUnavailable, detail));
        }
        Availability::Keys(_) => {}
    }
    // Only a name that nobody knows is worth a fetch, not an algorithm that does not fit it.
    if let Some(key_id) = key_id
        && unknown(fetcher)
        && fetcher.keys.wants_unknown_key(key_id, now_ns)
    {
        return Err(Failure::Wait(Reason::KeysUnavailable));
    }
    match fetcher.keys.availability(now_ns) {
        Availability::Keys(keys) => Ok(keys),
        _ => Err(Reason::KeysUnavailable.into()),
    }
}

/// One verification in so many is timed.
const TIMED_EVERY: u32 = 16;
