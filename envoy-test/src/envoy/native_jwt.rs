//! Envoy's own filter for tokens, to measure ours against.

use serde_json::json;

use super::Bootstrap;
use crate::Result;

/// How `jwt_authn` is set up.
#[derive(Clone, Copy, Debug)]
pub struct NativeJwt<'a> {
    /// The issuer of the tokens.
    pub issuer: &'a str,
    /// The audience that tokens must have.
    pub audience: &'a str,
    /// The keys, a JWK set.
    pub jwks: &'a str,
    /// How many verified tokens it remembers; without, it has no cache.
    pub cached_tokens: Option<u32>,
}

impl Bootstrap {
    /// Puts Envoy's own `jwt_authn` before the router. It wants a token for every path.
    ///
    /// # Errors
    /// When there is no chain of filters.
    pub fn insert_native_jwt(&mut self, native: NativeJwt<'_>) -> Result<()> {
        let cache = native
            .cached_tokens
            .map(|tokens| json!({"jwt_cache_size": tokens}));
        let provider = json!({
            "issuer": native.issuer,
            "audiences": [native.audience],
            "local_jwks": {"inline_string": native.jwks},
            "jwt_cache_config": cache,
        });
        let config = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";
        let filter = json!({
            "name": "envoy.filters.http.jwt_authn",
            "typed_config": {
                "@type": format!("type.googleapis.com/{config}"),
                "providers": {"corp": provider},
                "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "corp"}}],
            },
        });
        let chain = self.chain()?;
        chain.insert(chain.len().saturating_sub(1), filter);
        Ok(())
    }
}
