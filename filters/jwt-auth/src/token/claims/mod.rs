//! The registered claims (RFC 7519 section 4.1): checked before the signature, because that is
//! cheap, and believed only after it.

use policy::identity::{AuthenticationMethod, Identity};
use policy::json::Json;

use crate::config::{ClaimPolicy, Provider};
use crate::reason::Reason;
use crate::token::Header;

/// When a token is valid, in seconds since 1970, the skew included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Validity {
    /// The first moment of validity, in seconds since 1970.
    pub from_s: f64,
    /// The moment that ends validity, in seconds since 1970.
    pub until_s: f64,
}

impl Validity {
    /// Validity without a beginning or an end.
    pub const ALWAYS: Self = Self {
        from_s: f64::NEG_INFINITY,
        until_s: f64::INFINITY,
    };

    /// Whether it is valid at this moment.
    ///
    /// # Errors
    /// The reason to refuse it.
    pub fn check(&self, now_s: f64) -> Result<(), Reason> {
        if now_s >= self.until_s {
            Err(Reason::TokenExpired)
        } else if now_s < self.from_s {
            Err(Reason::TokenNotYetValid)
        } else {
            Ok(())
        }
    }
}

impl ClaimPolicy {
    /// Checks header and claims at `now`, seconds since 1970. The issuer has been looked at: it
    /// chose the policy.
    ///
    /// # Errors
    /// The reason to refuse the token.
    pub fn check(&self, header: &Header, claims: &Json, now_s: f64) -> Result<Validity, Reason> {
        if !self.types.accept(header.kind.as_deref()) {
            return Err(Reason::TokenType);
        }
        check_types(claims)?;
        if claims.member("iss").and_then(Json::as_str) != Some(self.issuer.as_str()) {
            return Err(Reason::IssuerUnknown);
        }
        if let Some(accepted) = &self.audiences {
            check_audience(claims, accepted)?;
        }
        let absent = |claim: &&String| claims.at(claim).is_none_or(|value| *value == Json::Null);
        if self.required_claims.iter().any(|claim| absent(&claim)) {
            return Err(Reason::ClaimMissing);
        }
        self.check_times(claims, now_s)
    }

    fn check_times(&self, claims: &Json, now_s: f64) -> Result<Validity, Reason> {
        let skew_s = self.clock_skew.as_secs_f64();
        let (issued, expires) = (date(claims, "iat")?, date(claims, "exp")?);
        if self.require_expiration && expires.is_none() {
            return Err(Reason::ExpirationMissing);
        }
        let mut validity = Validity::ALWAYS;
        // The current time must be before it (section 4.1.4), give or take the skew.
        if let Some(expires) = expires {
            validity.until_s = expires + skew_s;
        }
        let not_before = date(claims, "nbf")?;
        let issued_not_before = issued.filter(|_| self.check_issued_at);
        for start in [issued_not_before, not_before].into_iter().flatten() {
            validity.from_s = validity.from_s.max(start - skew_s);
        }
        validity.check(now_s)?;
        if let Some(most) = self.max_lifetime {
            let lifetime_s = expires.ok_or(Reason::ExpirationMissing)? - issued.unwrap_or(now_s);
            if lifetime_s > most.as_secs_f64() {
                return Err(Reason::LifetimeTooLong);
            }
        }
        if let Some(most) = self.max_age {
            let oldest = issued.ok_or(Reason::ClaimMissing)? + most.as_secs_f64() + skew_s;
            if now_s >= oldest {
                return Err(Reason::TokenTooOld);
            }
            validity.until_s = validity.until_s.min(oldest);
        }
        Ok(validity)
    }
}

/// `aud` names one of the accepted audiences.
///
/// # Errors
/// It does not.
pub fn check_audience(claims: &Json, accepted: &[String]) -> Result<(), Reason> {
    let named = claims.member("aud").map(audiences).unwrap_or_default();
    let fits = |audience: &&str| accepted.iter().any(|accept| accept == audience);
    if named.iter().any(fits) {
        Ok(())
    } else {
        Err(Reason::AudienceMismatch)
    }
}

/// The identity that verified claims give, by the mapping of their provider.
#[must_use]
pub fn identity(provider: &Provider, method: AuthenticationMethod, claims: Json) -> Identity {
    provider.identity.identity(&provider.name, method, claims)
}

/// The certificate that a token is bound to: base64url of its SHA-256 (RFC 8705 section 3.1).
/// `Err` for a binding of another kind, or of several at once.
///
/// # Errors
/// The binding is not to a certificate.
pub fn bound_certificate(claims: &Json) -> Result<Option<&str>, Reason> {
    match claims.member("cnf") {
        None => Ok(None),
        Some(Json::Object(methods)) => match methods.as_slice() {
            [(method, Json::String(digest))] if method == "x5t#S256" => Ok(Some(digest)),
            _ => Err(Reason::BindingUnsupported),
        },
        Some(_) => Err(Reason::TokenMalformed),
    }
}

/// The registered claims have the types of the standard, whoever vouches for them.
///
/// # Errors
/// One has another type.
pub fn check_types(claims: &Json) -> Result<(), Reason> {
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
///
/// # Errors
/// Something else.
pub fn date(claims: &Json, name: &str) -> Result<Option<f64>, Reason> {
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

/// The latest date that is read: the end of the year 9999.
const MAX_DATE_S: f64 = 253_402_300_799.0;

#[cfg(test)]
mod tests;
