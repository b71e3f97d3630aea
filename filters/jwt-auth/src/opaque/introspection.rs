//! Asking an issuer about its tokens (RFC 7662), once for everybody who waits for the response.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use host::waiting::{Calls, Occasion, ResponseWaiters, patience};
use host::{ContextId, Host, HttpCall, Request};
use policy::http;
use policy::identity::AuthenticationMethod;
use policy::json::Json;
use policy::secret::Secret;

use crate::calls::{NO_RESPONSE, Purpose, REQUEST_REFUSED, SERVER_FAILED, TokenHash};
use crate::config::{ClientAuthentication, Introspection, Provider};
use crate::enforce::claim_headers;
use crate::jose::sha256;
use crate::keys::document::without_mark;
use crate::keys::{NS_PER_S, nanoseconds};
use crate::reason::Reason;
use crate::token::claims::{self, Validity, check_audience, check_types, date};
use crate::verify::context::VerifyContext;
use crate::verify::verified::Verified;

/// What is known of the tokens of one provider.
///
/// Clients can make up tokens, and each costs a call: so at most so many calls are under way, the
/// tokens beyond that wait for their turn, no client has more than a part of the calls while others
/// want some, and what the issuer says of bad tokens takes no room from what it says of good ones.
pub(crate) struct Introspector {
    settings: Introspection,
    secret: Secret,
    /// Responses about tokens that are active.
    active: Responses,
    /// Responses about all others, and tokens that the issuer is being asked about.
    others: Responses,
    waiters: ResponseWaiters<TokenHash>,
    /// The clients about whose tokens the issuer has failed since it last answered a question.
    failing: Vec<u64>,
}

/// What the issuer has said.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// The token is active: the caller that it stands for.
    Active(Rc<Verified>),
    /// The token is not good here.
    Refused(Reason),
    /// It has not been said yet.
    Asked,
    /// It has not even been asked: too many others are asked about.
    Queued,
    /// The issuer could not be asked.
    Unavailable,
}

impl Introspector {
    pub(crate) fn new(settings: Introspection, secret: Secret) -> Self {
        Self {
            active: Responses::new(settings.cache_tokens),
            others: Responses::new(settings.cache_tokens),
            waiters: ResponseWaiters::default(),
            failing: Vec::new(),
            settings,
            secret,
        }
    }

    /// What the issuer has said of a token; asks if it has not been asked. `provider` is the place of
    /// this one in the configuration.
    pub(crate) fn outcome(
        &mut self,
        context: VerifyContext<'_>,
        calls: &mut Calls<Purpose>,
        provider: usize,
        token: &str,
    ) -> Outcome {
        let now_ns = context.now.monotonic_ns();
        let hash = sha256(token.as_bytes());
        let known = [&self.active, &self.others]
            .into_iter()
            .find_map(|responses| responses.find(&hash, now_ns));
        if let Some(outcome) = known {
            if matches!(outcome, Outcome::Asked) {
                self.waiters.wait_for_response(hash, context.stream);
            }
            return outcome;
        }
        let client = client_of(context.request, context.host);
        if !Room::of(&self.settings, calls, provider).takes(client) {
            // It is asked about when others have been answered, a token of each client after the other.
            self.waiters.wait_for_call(context.stream, client);
            return Outcome::Queued;
        }
        let purpose = Purpose::Introspection {
            provider,
            token: hash,
            client,
        };
        let started = self.ask(context.host, calls, context.occasion(), purpose, token);
        if started.is_err() {
            self.others
                .remember(hash, Outcome::Unavailable, now_ns, FAILURE_NS);
            return Outcome::Unavailable;
        }
        let patience_ns = nanoseconds(patience(self.settings.timeout));
        self.others
            .remember(hash, Outcome::Asked, now_ns, patience_ns);
        self.waiters.wait_for_response(hash, context.stream);
        Outcome::Asked
    }

    /// The requests that a response about a token decides, if one is there, and those for which the issuer can be
    /// asked now.
    pub(crate) fn woken(
        &mut self,
        calls: &Calls<Purpose>,
        provider: usize,
        token: Option<TokenHash>,
    ) -> Vec<ContextId> {
        let mut woken = token.map_or_else(Vec::new, |token| self.waiters.take(token));
        if self.waiters.wait_for_calls() {
            let mut room = Room::of(&self.settings, calls, provider);
            woken.extend(self.waiters.take_callers(|client| room.takes(client)));
        }
        woken
    }

    /// A request does not wait any more.
    pub(crate) fn leave(&mut self, context: ContextId) {
        self.waiters.leave(context);
    }

    /// The call about a token is gone with the request that it belonged to.
    pub(crate) fn forget(&mut self, token: &TokenHash) {
        self.others.forget(token);
    }

    /// Takes in what a response about a token of a client says; `verified` makes the caller of its claims. Returns
    /// the result for the metric.
    pub(crate) fn on_response(
        &mut self,
        (hash, client): (TokenHash, u64),
        body: Result<&[u8], &'static str>,
        now_ns: u64,
        now_s: f64,
        verified: impl FnOnce(Json, Validity) -> Result<Verified, Reason>,
    ) -> &'static str {
        self.others.forget(&hash);
        let read = body.and_then(|body| read_response(&self.settings, body, now_s));
        if matches!(read, Ok(_) | Err(REQUEST_REFUSED)) {
            self.failing.clear();
        }
        let was_active = self.active.responses.contains_key(&hash);
        if read.is_ok() {
            self.active.forget(&hash);
        }
        let cache_ns = nanoseconds(self.settings.cache_duration);
        // Who waits has to be told, also when nothing is to be remembered.
        let least_ns = cache_ns.max(JUST_SAID_NS);
        match read {
            Ok(Ok((claims, validity))) => match verified(claims, validity) {
                Ok(verified) => {
                    let outcome = Outcome::Active(Rc::new(verified));
                    self.active.remember(hash, outcome, now_ns, least_ns);
                    "active"
                }
                Err(reason) => {
                    self.others
                        .remember(hash, Outcome::Refused(reason), now_ns, least_ns);
                    "refused"
                }
            },
            Ok(Err(reason)) => {
                let for_ns = match reason {
                    // Soon it is.
                    Reason::TokenNotYetValid => JUST_SAID_NS,
                    _ => least_ns,
                };
                self.others
                    .remember(hash, Outcome::Refused(reason), now_ns, for_ns);
                if reason == Reason::TokenInactive {
                    "inactive"
                } else {
                    "refused"
                }
            }
            Err(code) => {
                // What it says about one token is no outage: somebody may have made the token up, unless the
                // issuer knew it before.
                let has_failed = matches!(code, NO_RESPONSE | SERVER_FAILED);
                let is_outage = has_failed && (self.fails_for_all(client) || was_active);
                let outcome = match is_outage {
                    true => Outcome::Unavailable,
                    false => Outcome::Refused(Reason::IntrospectionRefused),
                };
                self.others.remember(hash, outcome, now_ns, FAILURE_NS);
                code
            }
        }
    }

    /// Counts a failure of the issuer about a token of a client. Whether it has failed about those of several clients
    /// in a row, so that it is not for what one of them sends.
    fn fails_for_all(&mut self, client: u64) -> bool {
        if self.failing.len() < CLIENTS_OF_AN_OUTAGE && !self.failing.contains(&client) {
            self.failing.push(client);
        }
        self.failing.len() >= CLIENTS_OF_AN_OUTAGE
    }

    fn ask(
        &self,
        host: &dyn Host,
        calls: &mut Calls<Purpose>,
        occasion: Occasion,
        purpose: Purpose,
        token: &str,
    ) -> Result<(), host::Status> {
        let Introspection {
            endpoint,
            client_id,
            authentication,
            timeout,
            ..
        } = &self.settings;
        let mut body = format!(
            "token={}&token_type_hint=access_token",
            http::form_encoded(token)
        );
        let mut headers = vec![
            (":method", "POST"),
            (":path", endpoint.path.as_str()),
            (":authority", endpoint.authority.as_str()),
            (":scheme", endpoint.scheme),
            ("accept", "application/json"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let (id, secret) = (
            http::form_encoded(client_id),
            http::form_encoded(self.secret.expose()),
        );
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
        let call = HttpCall {
            upstream: &endpoint.upstream,
            headers: &headers,
            body: body.as_bytes(),
            timeout: *timeout,
        };
        calls.start_http(host, &call, occasion, purpose)
    }
}

/// The calls of one provider that may still be made. The last half of all calls is for clients that have less than a
/// quarter of them.
struct Room {
    most: usize,
    all: usize,
    /// The calls under way of each client that has any.
    of_clients: Vec<(u64, usize)>,
}

impl Room {
    fn of(settings: &Introspection, calls: &Calls<Purpose>, provider: usize) -> Self {
        let mut room = Self {
            most: settings.max_requests,
            all: 0,
            of_clients: Vec::new(),
        };
        for call in calls.iter() {
            if let Purpose::Introspection {
                provider: asked,
                client,
                ..
            } = call.purpose
                && asked == provider
            {
                room.count(client);
            }
        }
        room
    }

    fn count(&mut self, client: u64) {
        self.all = self.all.saturating_add(1);
        let mut known = self.of_clients.iter_mut();
        match known.find(|(of, _)| *of == client) {
            Some((_, calls)) => *calls = calls.saturating_add(1),
            None => self.of_clients.push((client, 1)),
        }
    }

    /// Whether one more call may be made for a client; then it counts.
    fn takes(&mut self, client: u64) -> bool {
        let of_client = self.of_clients.iter().find(|(of, _)| *of == client);
        let of_client = of_client.map_or(0, |(_, calls)| *calls);
        let takes = self.all < self.most.div_ceil(2)
            || (self.all < self.most && of_client < self.most.div_ceil(4));
        if takes {
            self.count(client);
        }
        takes
    }
}

/// Responses about tokens: a bounded number, each for a while.
struct Responses {
    capacity: usize,
    responses: HashMap<TokenHash, Response>,
}

struct Response {
    outcome: Outcome,
    until_ns: u64,
}

impl Responses {
    fn new(capacity: usize) -> Self {
        Self {
            capacity,
            responses: HashMap::new(),
        }
    }

    fn find(&self, hash: &TokenHash, now_ns: u64) -> Option<Outcome> {
        let response = self.responses.get(hash)?;
        (now_ns < response.until_ns).then(|| response.outcome.clone())
    }

    fn forget(&mut self, hash: &TokenHash) {
        self.responses.remove(hash);
    }

    fn remember(&mut self, hash: TokenHash, outcome: Outcome, now_ns: u64, for_ns: u64) {
        let is_full = |responses: &HashMap<TokenHash, Response>| {
            responses.len() >= self.capacity && !responses.contains_key(&hash)
        };
        if is_full(&self.responses) {
            self.responses
                .retain(|_, response| now_ns < response.until_ns);
        }
        // All are still good: the one that ends first goes, if it is not being asked about.
        if is_full(&self.responses) {
            let first = self
                .responses
                .iter()
                .filter(|(_, response)| !matches!(response.outcome, Outcome::Asked))
                .min_by_key(|(_, response)| response.until_ns)
                .map(|(hash, _)| *hash);
            if let Some(first) = first {
                self.responses.remove(&first);
            }
        }
        let until_ns = now_ns.saturating_add(for_ns);
        self.responses.insert(hash, Response { outcome, until_ns });
    }
}

/// What the claims of a response make of a caller.
pub(crate) fn introspected(
    provider: &Provider,
    index: usize,
    claims: Json,
    validity: Validity,
) -> Result<Verified, Reason> {
    let certificate = claims::bound_certificate(&claims)?.map(str::to_owned);
    let headers = claim_headers::headers(provider, &claims, None)?;
    let method = AuthenticationMethod::Introspection;
    let identity = claims::identity(provider, method, claims);
    let mut verified = Verified::new(index, validity, identity);
    verified.headers = headers;
    verified.certificate = certificate;
    Ok(verified)
}

/// The client that a request comes from, as far as it serves to share calls and places fairly: its network, as a hash.
/// All whose address is not known are one.
pub(crate) fn client_of(request: &Request, host: &dyn Host) -> u64 {
    let mut network = Vec::new();
    if let Some(known) = request.client_network(host) {
        known.write(&mut network);
    }
    let mut hasher = DefaultHasher::new();
    network.hash(&mut hasher);
    hasher.finish()
}

/// What a response says (RFC 7662 section 2.2): the claims of an active token, or why it is refused.
///
/// # Errors
/// A code, when it says nothing.
pub fn read_response(
    settings: &Introspection,
    body: &[u8],
    now_s: f64,
) -> Result<Result<(Json, Validity), Reason>, &'static str> {
    let claims = Json::parse(without_mark(body)).map_err(|_| "not_json")?;
    match claims.member("active") {
        Some(Json::Bool(true)) => {
            Ok(check(settings, &claims, now_s).map(|validity| (claims, validity)))
        }
        Some(Json::Bool(false)) => Ok(Err(Reason::TokenInactive)),
        _ => Err("not_an_introspection_response"),
    }
}

fn check(settings: &Introspection, claims: &Json, now_s: f64) -> Result<Validity, Reason> {
    check_types(claims)?;
    if ["token_use", "typ", "token_type"]
        .iter()
        .any(|name| is_other_use(claims.member(name)))
    {
        return Err(Reason::TokenType);
    }
    // That it is active is the issuer's word: only a clock that is behind says otherwise.
    let skew_s = settings.clock_skew.as_secs_f64();
    let validity = Validity {
        from_s: date(claims, "nbf")?.map_or(f64::NEG_INFINITY, |from_s| from_s - skew_s),
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

/// Whether this says that a token is not for access: RFC 7662 has no member for it, and issuers answer about refresh
/// tokens too. Ory Hydra says `refresh_token`, Keycloak `Refresh`, `Offline` and `ID`.
fn is_other_use(said: Option<&Json>) -> bool {
    let said = said.and_then(Json::as_str).unwrap_or_default();
    let said = said.to_ascii_lowercase();
    let word = said.strip_suffix("token").unwrap_or(&said);
    let word = word.trim_end_matches(['_', '-', ' ']);
    matches!(word, "refresh" | "offline" | "id" | "logout")
}

/// The largest response that is read.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// An issuer that could not be asked about a token is not asked about it again for so long.
const FAILURE_NS: u64 = NS_PER_S;
/// So many clients in a row about whose tokens it fails are an outage.
const CLIENTS_OF_AN_OUTAGE: usize = 3;
const JUST_SAID_NS: u64 = NS_PER_S / 10;

#[cfg(test)]
mod tests;
