//! Asking an issuer about its tokens (RFC 7662), once for everybody who waits for the answer.

use std::collections::HashMap;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use host::{CallToken, Host, HttpCall};
use policy::json::Json;
use policy::secret::Secret;

use crate::calls::CallContexts;
use crate::claims::{Validity, check_audience, date};
use crate::config::{ClientAuthentication, Introspection};
use crate::jose::sha256;
use crate::keys::{NS_PER_S, nanoseconds};
use crate::reason::Reason;
use crate::verified::Verified;

/// What is known of the tokens of one provider.
pub(crate) struct Introspector {
    settings: Introspection,
    secret: Secret,
    answers: HashMap<TokenHash, Answer>,
    /// The token of each call, and until when its answer is hoped for.
    under_way: HashMap<CallToken, (TokenHash, u64)>,
}

/// A token is known by its hash; what the issuer is asked about is not kept.
type TokenHash = [u8; 32];

struct Answer {
    outcome: Outcome,
    until_ns: u64,
}

/// What the issuer has said.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// The caller.
    Active(Rc<Verified>),
    /// The token is not good here.
    Refused(Reason),
    /// It has not been said yet.
    Asked,
    /// The issuer could not be asked.
    Unavailable,
}

impl Introspector {
    pub(crate) fn new(settings: Introspection, secret: Secret) -> Self {
        Self {
            settings,
            secret,
            answers: HashMap::new(),
            under_way: HashMap::new(),
        }
    }

    /// What the issuer has said of a token; asks if it has not been asked.
    pub(crate) fn outcome(
        &mut self,
        host: &dyn Host,
        callers: CallContexts,
        token: &str,
        now_ns: u64,
    ) -> Outcome {
        let hash = sha256(token.as_bytes());
        match self.answers.get(&hash) {
            Some(answer) if now_ns < answer.until_ns => return answer.outcome.clone(),
            Some(_) => {
                self.answers.remove(&hash);
            }
            None => {}
        }
        if self.under_way.len() >= self.settings.max_requests {
            // A host that never answers must not end all asking.
            self.under_way.retain(|_, (_, until_ns)| now_ns < *until_ns);
        }
        if self.under_way.len() >= self.settings.max_requests {
            return Outcome::Unavailable;
        }
        let Ok(call) = self.ask(host, callers, token) else {
            self.remember(hash, Outcome::Unavailable, now_ns, FAILURE_NS);
            return Outcome::Unavailable;
        };
        let patience_ns = nanoseconds(self.settings.timeout).saturating_add(NS_PER_S);
        self.under_way
            .insert(call, (hash, now_ns.saturating_add(patience_ns)));
        self.remember(hash, Outcome::Asked, now_ns, patience_ns);
        Outcome::Asked
    }

    /// The token that a call was about, if it was ours.
    pub(crate) fn take_call(&mut self, call: CallToken) -> Option<TokenHash> {
        self.under_way.remove(&call).map(|(hash, _)| hash)
    }

    /// The calls that are under way.
    pub(crate) fn calls_under_way(&self) -> impl Iterator<Item = CallToken> {
        self.under_way.keys().copied()
    }

    /// Takes down what an answer says; `verified` makes the caller of its claims. Answers with the
    /// result for the metric.
    pub(crate) fn answered(
        &mut self,
        hash: TokenHash,
        body: Result<&[u8], &'static str>,
        now_ns: u64,
        now_s: f64,
        verified: impl FnOnce(Json, Validity) -> Result<Verified, Reason>,
    ) -> &'static str {
        let read = body.and_then(|body| read_answer(&self.settings, body, now_s));
        let cache_ns = nanoseconds(self.settings.cache_duration);
        // Who waits has to be told, also when nothing is to be remembered.
        let least_ns = cache_ns.max(JUST_ANSWERED_NS);
        match read {
            Ok(Ok((claims, validity))) => match verified(claims, validity) {
                Ok(verified) => {
                    let outcome = Outcome::Active(Rc::new(verified));
                    self.remember(hash, outcome, now_ns, least_ns);
                    "active"
                }
                Err(reason) => {
                    self.remember(hash, Outcome::Refused(reason), now_ns, least_ns);
                    "refused"
                }
            },
            Ok(Err(reason)) => {
                self.remember(hash, Outcome::Refused(reason), now_ns, least_ns);
                if reason == Reason::TokenInactive {
                    "inactive"
                } else {
                    "refused"
                }
            }
            Err(code) => {
                self.remember(hash, Outcome::Unavailable, now_ns, FAILURE_NS);
                code
            }
        }
    }

    fn remember(&mut self, hash: TokenHash, outcome: Outcome, now_ns: u64, for_ns: u64) {
        if self.answers.len() >= self.settings.cache_tokens && !self.answers.contains_key(&hash) {
            self.answers.retain(|_, answer| now_ns < answer.until_ns);
        }
        // All are still good: the one that ends first goes, if it is not being asked about.
        if self.answers.len() >= self.settings.cache_tokens && !self.answers.contains_key(&hash) {
            let first = self
                .answers
                .iter()
                .filter(|(_, answer)| !matches!(answer.outcome, Outcome::Asked))
                .min_by_key(|(_, answer)| answer.until_ns)
                .map(|(hash, _)| *hash);
            if let Some(first) = first {
                self.answers.remove(&first);
            }
        }
        let until_ns = now_ns.saturating_add(for_ns);
        self.answers.insert(hash, Answer { outcome, until_ns });
    }

    fn ask(
        &self,
        host: &dyn Host,
        callers: CallContexts,
        token: &str,
    ) -> Result<CallToken, host::Status> {
        let Introspection {
            endpoint,
            client_id,
            authentication,
            timeout,
            ..
        } = &self.settings;
        let mut body = format!(
            "token={}&token_type_hint=access_token",
            form(token.as_bytes())
        );
        let mut headers = vec![
            (":method", "POST"),
            (":path", endpoint.path.as_str()),
            (":authority", endpoint.authority.as_str()),
            (":scheme", endpoint.scheme),
            ("accept", "application/json"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let (id, secret) = (form(client_id.as_bytes()), form(self.secret.expose()));
        let credentials;
        match authentication {
            ClientAuthentication::Basic => {
                let pair = STANDARD.encode(format!("{id}:{secret}"));
                credentials = format!("Basic {pair}");
                headers.push(("authorization", credentials.as_str()));
            }
            ClientAuthentication::Post => {
                body.push_str(&format!("&client_id={id}&client_secret={secret}"));
            }
        }
        callers.http_call(
            host,
            &HttpCall {
                upstream: &endpoint.upstream,
                headers: &headers,
                body: body.as_bytes(),
                timeout: *timeout,
            },
        )
    }
}

/// What an answer says (RFC 7662 section 2.2): the claims of an active token, or why it is refused.
///
/// # Errors
/// A code, when it says nothing.
pub fn read_answer(
    settings: &Introspection,
    body: &[u8],
    now_s: f64,
) -> Result<Result<(Json, Validity), Reason>, &'static str> {
    let claims = Json::parse(body).map_err(|_| "not_json")?;
    match claims.member("active") {
        Some(Json::Bool(true)) => {
            Ok(check(settings, &claims, now_s).map(|validity| (claims, validity)))
        }
        Some(Json::Bool(false)) => Ok(Err(Reason::TokenInactive)),
        _ => Err("not_an_introspection_answer"),
    }
}

fn check(settings: &Introspection, claims: &Json, now_s: f64) -> Result<Validity, Reason> {
    let validity = Validity {
        from_s: date(claims, "nbf")?.unwrap_or(f64::NEG_INFINITY),
        until_s: date(claims, "exp")?.unwrap_or(f64::INFINITY),
    };
    validity.check(now_s)?;
    if let (Some(expected), Some(issuer)) = (&settings.issuer, claims.member("iss"))
        && issuer.as_str() != Some(expected.as_str())
    {
        return Err(Reason::IssuerUnknown);
    }
    if let Some(accepted) = &settings.audiences {
        check_audience(claims, accepted)?;
    }
    Ok(validity)
}

/// Form encoding (the URL standard, section 5.2): what is neither letter, digit nor one of `*-._` as
/// `%HH`.
fn form(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The largest answer that is read.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// An issuer that could not be asked about a token is not asked about it again for so long.
const FAILURE_NS: u64 = NS_PER_S;
const JUST_ANSWERED_NS: u64 = NS_PER_S / 10;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Endpoint;

    fn settings() -> Introspection {
        let address = Endpoint::split("https://idp.test/introspect").unwrap();
        Introspection {
            endpoint: Endpoint::within(address, "idp".to_owned()),
            client_id: "edge".to_owned(),
            client_secret_env: "SECRET".to_owned(),
            authentication: ClientAuthentication::Basic,
            timeout: Duration::from_secs(5),
            cache_duration: Duration::from_secs(30),
            cache_tokens: 10,
            max_requests: 10,
            issuer: Some("https://idp.test".to_owned()),
            audiences: Some(vec!["api".to_owned()]),
        }
    }

    #[test]
    fn only_active_tokens_for_us_are_good() {
        for (answer, expected) in [
            (r#"{"active":true,"aud":"api","sub":"jane"}"#, Ok(Ok(()))),
            (
                r#"{"active":true,"aud":["api"],"iss":"https://idp.test","exp":2000}"#,
                Ok(Ok(())),
            ),
            (r#"{"active":false}"#, Ok(Err(Reason::TokenInactive))),
            (
                r#"{"active":true,"aud":"other"}"#,
                Ok(Err(Reason::AudienceMismatch)),
            ),
            (r#"{"active":true}"#, Ok(Err(Reason::AudienceMismatch))),
            (
                r#"{"active":true,"aud":"api","iss":"https://evil.test"}"#,
                Ok(Err(Reason::IssuerUnknown)),
            ),
            (
                r#"{"active":true,"aud":"api","exp":1000}"#,
                Ok(Err(Reason::TokenExpired)),
            ),
            (
                r#"{"active":true,"aud":"api","nbf":1001}"#,
                Ok(Err(Reason::TokenNotYetValid)),
            ),
            (
                r#"{"active":true,"aud":"api","exp":"soon"}"#,
                Ok(Err(Reason::TokenMalformed)),
            ),
            (r#"{"active":"true"}"#, Err("not_an_introspection_answer")),
            (r#"{"active":1}"#, Err("not_an_introspection_answer")),
            (r#"{"active":true,"active":false}"#, Err("not_json")),
            ("[]", Err("not_an_introspection_answer")),
            ("<html>", Err("not_json")),
            ("", Err("not_json")),
        ] {
            let read = read_answer(&settings(), answer.as_bytes(), 1000.0);
            assert_eq!(read.map(|said| said.map(drop)), expected, "{answer}");
        }
    }

    #[test]
    fn the_form_holds_any_bytes() {
        assert_eq!(form(b"a-b._*~ +&=%\xff"), "a-b._*%7E%20%2B%26%3D%25%FF");
    }

    #[test]
    fn answers_are_bounded_and_questions_stay() {
        let mut introspector = Introspector::new(settings(), Secret::new("secret"));
        introspector.remember([255; 32], Outcome::Asked, 0, 1);
        for number in 0..100_u8 {
            let outcome = Outcome::Refused(Reason::TokenInactive);
            introspector.remember([number; 32], outcome, 0, 1000 + u64::from(number));
            assert!(introspector.answers.len() <= 10);
        }
        assert!(introspector.answers.contains_key(&[255; 32]));
        assert!(introspector.answers.contains_key(&[99; 32]));
    }
}
