//! The registered claims (RFC 7519 section 4.1): checked before the signature, because that is
//! cheap, and believed only after it.

use std::time::Duration;

use policy::identity::{AuthenticationMethod, Claims, Identity};
use policy::json::Json;

use crate::reason::Reason;

/// What a provider demands of the claims of its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPolicy {
    /// `iss` must be exactly this.
    pub issuer: String,
    /// `aud` must name one of these; `None` accepts any audience.
    pub audiences: Option<Vec<String>>,
    /// How far the issuer's clock may be off.
    pub clock_skew: Duration,
    /// `exp` must be there.
    pub require_expiration: bool,
    /// The most that `exp` may lie after `iat` (or after now, without `iat`).
    pub max_lifetime: Option<Duration>,
}

impl ClaimPolicy {
    /// Checks the claims at `now`, seconds since 1970.
    ///
    /// # Errors
    /// The reason to refuse the token.
    pub fn check(&self, claims: &Json, now_s: f64) -> Result<(), Reason> {
        check_types(claims)?;
        if claims.member("iss").and_then(Json::as_str) != Some(self.issuer.as_str()) {
            return Err(Reason::IssuerUnknown);
        }
        if let Some(accepted) = &self.audiences {
            let named = claims.member("aud").map(audiences).unwrap_or_default();
            if !named
                .iter()
                .any(|audience| accepted.iter().any(|accept| accept == audience))
            {
                return Err(Reason::AudienceMismatch);
            }
        }
        self.check_times(claims, now_s)
    }

    fn check_times(&self, claims: &Json, now_s: f64) -> Result<(), Reason> {
        let skew_s = self.clock_skew.as_secs_f64();
        let (issued, expires) = (date(claims, "iat")?, date(claims, "exp")?);
        match expires {
            None if self.require_expiration => return Err(Reason::ExpirationMissing),
            // The current time must be before it (section 4.1.4), give or take the skew.
            Some(expires) if now_s >= expires + skew_s => return Err(Reason::TokenExpired),
            _ => {}
        }
        for start in [issued, date(claims, "nbf")?].into_iter().flatten() {
            if now_s + skew_s < start {
                return Err(Reason::TokenNotYetValid);
            }
        }
        if let Some(most) = self.max_lifetime {
            let lifetime_s = expires.ok_or(Reason::ExpirationMissing)? - issued.unwrap_or(now_s);
            if lifetime_s > most.as_secs_f64() {
                return Err(Reason::LifetimeTooLong);
            }
        }
        Ok(())
    }
}

/// The identity that verified claims give.
#[must_use]
pub fn identity(provider: &str, claims: &Json) -> Identity {
    let text = |path: &str| claims.at(path).and_then(Json::as_str).map(str::to_owned);
    let words = |paths: &[&str]| -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for word in paths
            .iter()
            .filter_map(|path| claims.at(path))
            .flat_map(Json::words)
        {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        words
    };
    Identity {
        subject: text("sub"),
        issuer: text("iss"),
        client_id: text("client_id").or_else(|| text("azp")),
        scopes: words(&["scope", "scp"]),
        roles: words(&["roles", "groups", "realm_access.roles"]),
        consents: words(&["consents"]),
        tenant: text("tenant").or_else(|| text("tid")),
        method: AuthenticationMethod::Jwt,
        provider: provider.to_owned(),
        claims: Claims(claims.clone()),
    }
}

/// The registered claims have the types of the standard, whichever engine checks the signature.
fn check_types(claims: &Json) -> Result<(), Reason> {
    let well_typed = |name: &str, fits: fn(&Json) -> bool| claims.member(name).is_none_or(fits);
    let strings = ["iss", "sub", "jti", "nonce"]
        .iter()
        .all(|name| well_typed(name, |value| matches!(value, Json::String(_))));
    let audience = well_typed("aud", |value| match value {
        Json::String(_) => true,
        Json::Array(items) => items.iter().all(|item| matches!(item, Json::String(_))),
        _ => false,
    });
    if strings && audience {
        Ok(())
    } else {
        Err(Reason::TokenMalformed)
    }
}

/// A NumericDate: seconds since 1970, possibly fractional (RFC 7519 section 2), not negative.
fn date(claims: &Json, name: &str) -> Result<Option<f64>, Reason> {
    match claims.member(name) {
        None => Ok(None),
        Some(Json::Number(number)) => {
            let seconds = number
                .as_f64()
                .filter(|seconds| (0.0..=MAX_DATE_S).contains(seconds));
            seconds.map(Some).ok_or(Reason::TokenMalformed)
        }
        Some(_) => Err(Reason::TokenMalformed),
    }
}

fn audiences(value: &Json) -> Vec<&str> {
    match value {
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

/// The year 9999.
const MAX_DATE_S: f64 = 253_402_300_799.0;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: f64 = 1_800_000_000.0;

    fn policy() -> ClaimPolicy {
        ClaimPolicy {
            issuer: "https://idp".to_owned(),
            audiences: Some(vec!["api".to_owned()]),
            clock_skew: Duration::from_secs(60),
            require_expiration: true,
            max_lifetime: None,
        }
    }

    fn check(policy: &ClaimPolicy, members: &str) -> Result<(), Reason> {
        let text = format!(r#"{{"iss":"https://idp"{members}}}"#);
        policy.check(&Json::parse(text.as_bytes()).unwrap(), NOW)
    }

    #[test]
    fn claims_are_checked() {
        for (members, expected) in [
            (r#","aud":"api","exp":1800000001"#, Ok(())),
            (r#","aud":["other","api"],"exp":1800000001.5"#, Ok(())),
            (r#","aud":"api","exp":1799999941"#, Ok(())),
            (
                r#","aud":"api","exp":1799999940"#,
                Err(Reason::TokenExpired),
            ),
            (r#","aud":"api","exp":0"#, Err(Reason::TokenExpired)),
            (r#","aud":"api""#, Err(Reason::ExpirationMissing)),
            (r#","aud":"api","exp":null"#, Err(Reason::TokenMalformed)),
            (
                r#","aud":"api","exp":"1800000001""#,
                Err(Reason::TokenMalformed),
            ),
            (r#","aud":"api","exp":-1"#, Err(Reason::TokenMalformed)),
            (r#","aud":"api","exp":1e300"#, Err(Reason::TokenMalformed)),
            (
                r#","aud":"apis","exp":1800000001"#,
                Err(Reason::AudienceMismatch),
            ),
            (r#","exp":1800000001"#, Err(Reason::AudienceMismatch)),
            (
                r#","aud":[],"exp":1800000001"#,
                Err(Reason::AudienceMismatch),
            ),
            (
                r#","aud":{"api":1},"exp":1800000001"#,
                Err(Reason::TokenMalformed),
            ),
            (
                r#","aud":["api",5],"exp":1800000001"#,
                Err(Reason::TokenMalformed),
            ),
            (r#","aud":"api","exp":1800000001,"nbf":1800000060"#, Ok(())),
            (
                r#","aud":"api","exp":1800000001,"nbf":1800000061"#,
                Err(Reason::TokenNotYetValid),
            ),
            (
                r#","aud":"api","exp":1800000001,"iat":1900000000"#,
                Err(Reason::TokenNotYetValid),
            ),
            (
                r#","aud":"api","exp":1800000001,"sub":5"#,
                Err(Reason::TokenMalformed),
            ),
        ] {
            assert_eq!(check(&policy(), members), expected, "{members}");
        }
        let other = ClaimPolicy {
            issuer: "https://idp/".to_owned(),
            ..policy()
        };
        let good = r#","aud":"api","exp":1800000001"#;
        assert_eq!(check(&other, good), Err(Reason::IssuerUnknown));
        let any = ClaimPolicy {
            audiences: None,
            require_expiration: false,
            ..policy()
        };
        assert_eq!(check(&any, ""), Ok(()));
        let short = ClaimPolicy {
            max_lifetime: Some(Duration::from_secs(60)),
            ..any
        };
        assert_eq!(check(&short, ""), Err(Reason::ExpirationMissing));
        assert_eq!(
            check(&short, r#","iat":1799999990,"exp":1800000050"#),
            Ok(())
        );
        assert_eq!(
            check(&short, r#","iat":1799999990,"exp":1800000051"#),
            Err(Reason::LifetimeTooLong)
        );
    }

    #[test]
    fn scopes_and_roles_come_from_the_usual_places() {
        let claims = br#"{"sub":"jane","scope":"a b","scp":["b","c"],"realm_access":{"roles":["r"]},"azp":"app"}"#;
        let identity = identity("corp", &Json::parse(claims).unwrap());
        assert_eq!(identity.scopes, ["a", "b", "c"]);
        assert_eq!(identity.roles, ["r"]);
        assert_eq!(identity.client_id.as_deref(), Some("app"));
    }
}
