//! What nobody but its own provider is to see.

use policy::json::Json;

use super::Verifier;
use crate::config::CredentialPlace;
use crate::credential;
use crate::credential::source::{ActiveProvider, CredentialSource};
use crate::reason::Reason;
use crate::token::Token;
use crate::verify::context::VerifyContext;

impl Verifier {
    /// Whether any provider, also one that the rule does not name, knows a text as an API key, or as a
    /// token of an issuer other than the one that would be asked about it: nobody else is to see it.
    pub(super) fn is_of_another(
        &self,
        context: VerifyContext<'_>,
        text: &str,
        asked: Option<&str>,
    ) -> bool {
        let now_s = context.now.wall_s();
        let prefixes = self.config.places.iter().flat_map(|place| match place {
            CredentialPlace::Header { prefixes, .. } => prefixes.as_slice(),
            _ => &[],
        });
        let behind = prefixes.filter_map(|prefix| credential::after_prefix(text, prefix));
        std::iter::once(text).chain(behind).any(|text| {
            let is_key = |provider: &ActiveProvider| match &provider.source {
                CredentialSource::ApiKeys(keys) => {
                    !matches!(keys.holder(text, now_s), Err(Reason::ApiKeyUnknown))
                }
                _ => false,
            };
            let is_signed = || {
                let token = Token::parse(text, &self.headers).ok();
                let claims = token.map(|token| token.claims);
                let issuer = claims.as_ref().and_then(|claims| claims.member("iss"));
                let issuer = issuer
                    .and_then(Json::as_str)
                    .filter(|name| asked != Some(name));
                let mut providers = self.config.providers.iter();
                issuer.is_some() && providers.any(|provider| provider.issuer() == issuer)
            };
            self.providers.iter().any(is_key) || is_signed()
        })
    }
}
