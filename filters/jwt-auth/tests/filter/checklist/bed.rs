//! A signer, and a filter whose answers are held to what they should be.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host::fake::{AnyCall, CallResponse, Outcome, PendingCall, Profile, Proxy, Request, Response};
use jwt_auth::JwtAuth;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://idp.example.com";

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An ES256 key that is always the same.
pub(crate) struct Signer {
    key: SigningKey,
    id: &'static str,
}

impl Signer {
    pub(crate) fn new(id: &'static str, seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).unwrap();
        Self { key, id }
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "kid": self.id, "x": encode(x), "y": encode(y)})
    }

    pub(crate) fn jwks(&self) -> Value {
        json!({"keys": [self.jwk()]})
    }

    /// Whatever stands in the parts, the signature is right.
    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let text = format!("{}.{}", encode(header), encode(claims));
        let signature: Signature = self.key.sign(text.as_bytes());
        format!("{text}.{}", encode(signature.to_bytes()))
    }

    /// A token with its usual header.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": self.id});
        self.sign(&header.to_string(), &claims.to_string())
    }
}

/// A filter in one of the hosts.
pub(crate) struct Bed {
    pub(crate) profile: Profile,
    pub(crate) proxy: Proxy,
    /// What must never be told to anybody: checked after each request.
    secrets: BTreeSet<String>,
}

impl Bed {
    pub(crate) fn new(profile: Profile, configuration: &Value) -> Self {
        let mut bed = Self {
            profile,
            proxy: Proxy::native::<JwtAuth>(profile),
            secrets: BTreeSet::new(),
        };
        for (name, value) in [("PEPPER", PEPPER), ("CLIENT_SECRET", CLIENT_SECRET)] {
            bed.proxy.host().set_environment_variable(name, value);
            bed.secrets.insert(value.to_owned());
        }
        let configuration = as_accepted_by(profile, configuration);
        bed.proxy.configure(configuration.to_string()).unwrap();
        bed
    }

    /// Whether the host keeps what is removed from a request from the upstream.
    pub(crate) fn removes_headers(&self) -> bool {
        self.profile != Profile::Kong
    }

    pub(crate) fn now(&self) -> u64 {
        self.proxy.host().process().wall_clock().as_secs()
    }

    /// Claims that are good, with changes; `null` leaves one out.
    pub(crate) fn claims(&self, changes: &Value) -> Value {
        let now = self.now();
        let mut claims = json!({
            "iss": ISSUER, "aud": "api", "sub": "jane", "iat": now, "exp": now + 300,
            "scope": "orders:read",
        });
        let members = claims.as_object_mut().unwrap();
        members.extend(changes.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        claims
    }

    /// Answers every call to the provider with what `answer` says, and counts them.
    pub(crate) fn responses(
        &mut self,
        mut response: impl FnMut(&PendingCall) -> CallResponse + 'static,
    ) -> Rc<RefCell<u32>> {
        let calls = Rc::new(RefCell::new(0));
        let count = Rc::clone(&calls);
        self.proxy.respond_to_calls(move |call| {
            *count.borrow_mut() += 1;
            Some(response(call))
        });
        calls
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.proxy.advance(time);
    }

    /// Runs a request with a credential, and sees to it that nobody learns the credential.
    pub(crate) fn run(&mut self, request: &Request, credential: &str) -> Outcome {
        self.secrets.extend(secrets_of(credential));
        let outcome = self.proxy.run(request, &Response::json("{}"));
        assert_eq!(outcome.trap, None);
        let log = outcome.logs.iter().map(|line| line.text.as_str());
        let local = outcome.local_reply.iter();
        let told: Vec<String> = log
            .map(str::to_owned)
            .chain(local.map(|reply| format!("{reply:?}")))
            .chain(self.proxy.host().process().metrics().into_keys())
            .collect();
        for secret in &self.secrets {
            let leak = told.iter().find(|text| text.contains(secret));
            assert_eq!(leak, None, "it tells {secret}");
        }
        outcome
    }

    /// The request is refused with this status and code, and the upstream never sees it.
    #[track_caller]
    pub(crate) fn refuses(
        &mut self,
        line: &str,
        request: &Request,
        credential: &str,
        (status, code): (u16, &str),
    ) {
        let profile = self.profile;
        let outcome = self.run(request, credential);
        let client = outcome.client();
        let text = client.text();
        assert_eq!(client.status(), Some(status), "{profile:?} {line}: {text}");
        assert!(
            text.contains(&format!(":{code}\"")),
            "{profile:?} {line}: {code}: {text}"
        );
        assert!(outcome.upstream().headers.is_none(), "{line}");
        let challenge = client.header("www-authenticate");
        match status {
            401 => {
                let challenge = challenge.unwrap();
                assert!(
                    challenge.contains(r#" realm="meshward""#),
                    "{line}: {challenge}"
                );
            }
            503 => {
                assert_eq!(challenge, None, "{line}: it is not the client's fault");
                assert!(client.header("retry-after").is_some(), "{line}");
            }
            _ => {}
        }
    }

    /// Of many requests at once one asks the provider. The others wait with it where the host can
    /// hold them, and are told to come again elsewhere; nobody passes before the response.
    pub(crate) fn only_one_asks(
        &mut self,
        request: &Request,
        credential: &str,
        response: CallResponse,
    ) {
        let profile = self.profile;
        let streams: Vec<u32> = (0..20)
            .map(|_| {
                let stream = self.proxy.start(request);
                self.proxy.send(stream, request);
                assert!(!self.proxy.request_arrived(stream), "{profile:?} {stream}");
                stream
            })
            .collect();
        if profile == Profile::Envoy {
            self.wait(Duration::from_millis(150));
        }
        let calls = self.proxy.host().pending_calls();
        assert_eq!(calls.len(), 1, "{profile:?}");
        self.proxy.respond_to_call(calls[0].token, response);
        if profile == Profile::Envoy {
            // Some go on at once, and the others have their turns.
            self.wait(Duration::from_millis(5));
        }
        let mut passed = 0;
        for stream in streams {
            passed += i32::from(self.proxy.request_arrived(stream));
            let outcome = self.proxy.finish(stream);
            assert_eq!(outcome.trap, None);
            if outcome.upstream().headers.is_none() {
                assert_eq!(outcome.client().status(), Some(503), "{profile:?}");
                assert!(outcome.client().header("retry-after").is_some());
            }
        }
        assert_eq!(
            passed,
            if profile == Profile::Envoy { 20 } else { 1 },
            "{profile:?}"
        );
        self.passes("afterwards", request, credential);
    }

    #[track_caller]
    pub(crate) fn passes(&mut self, line: &str, request: &Request, credential: &str) -> Outcome {
        let outcome = self.run(request, credential);
        let client = outcome.client();
        let text = client.text();
        assert_eq!(
            client.status(),
            Some(200),
            "{:?} {line}: {text}",
            self.profile
        );
        outcome
    }
}

/// Hosts that cannot rewrite a query take a credential from it only where the upstream may see it.
fn as_accepted_by(profile: Profile, configuration: &Value) -> Value {
    let mut configuration = configuration.clone();
    let providers = configuration["providers"].as_object_mut();
    for provider in providers.into_iter().flat_map(|all| all.values_mut()) {
        let from = provider.get("from").and_then(Value::as_array);
        let of_query = |from: &Vec<Value>| from.iter().any(|place| place.get("query").is_some());
        if profile != Profile::Envoy && from.is_some_and(of_query) {
            provider["forward"] = json!(true);
        }
    }
    configuration
}

/// The same without credentials in the query.
pub(crate) fn without_query(mut configuration: Value) -> Value {
    let providers = configuration["providers"].as_object_mut().unwrap();
    for provider in providers.values_mut() {
        if let Some(from) = provider.get_mut("from").and_then(Value::as_array_mut) {
            from.retain(|place| place.get("query").is_none());
        }
    }
    configuration
}

/// What of a credential must not be told: a whole key, and each part of a token that says
/// something of it.
fn secrets_of(credential: &str) -> Vec<String> {
    let parts: Vec<&str> = credential.split('.').collect();
    let told = |part: &&str| part.len() >= 16;
    match parts.as_slice() {
        [_, rest @ ..] if rest.len() > 1 => rest.iter().copied().filter(told).map(start).collect(),
        _ => [credential].into_iter().filter(told).map(start).collect(),
    }
}

fn start(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A header of a call to the provider.
pub(crate) fn header_of(call: &PendingCall, name: &str) -> String {
    let AnyCall::Http { headers, .. } = &call.call else {
        panic!("not an HTTP call");
    };
    let header = headers.iter().find(|(known, _)| known == name.as_bytes());
    String::from_utf8(header.unwrap().1.clone()).unwrap()
}

pub(crate) fn bearer(path: &str, token: &str) -> Request {
    Request::get(path).header("authorization", format!("Bearer {token}"))
}

/// For whoever lacks a proxy of another kind: all three.
pub(crate) fn in_every_host(configuration: &Value, mut check: impl FnMut(&mut Bed)) {
    for profile in Profile::ALL {
        check(&mut Bed::new(profile, configuration));
    }
}

/// Why a configuration is refused.
pub(crate) fn refusal(configuration: &Value) -> String {
    let mut proxy = Proxy::native::<JwtAuth>(Profile::Envoy);
    let refused = proxy.configure(configuration.to_string());
    let refused = refused.expect_err("it was accepted");
    assert_eq!(refused.trap, None);
    refused.text()
}

pub(crate) const PEPPER: &str = "a pepper of 16 bytes and more";
pub(crate) const CLIENT_SECRET: &str = "the secret of the client";
