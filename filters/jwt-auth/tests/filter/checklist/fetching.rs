//! Fetches of key sets, by several providers and several VMs, while things go wrong.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use host::fake::{CallResponse, Process, Profile, Proxy, Request, Response};
use jwt_auth::JwtAuth;
use serde_json::{Value, json};

use super::bed::{ISSUER, Signer, bearer};

const TICK: Duration = Duration::from_millis(100);

/// A provider of this issuer whose keys are at one address.
fn provider(issuer: &str, more: &Value) -> Value {
    let mut provider = json!({
        "issuer": issuer, "audiences": ["api"],
        "jwks": {"remote": {"uri": "https://idp.example.com/jwks", "cluster": "idp", "timeout": "20s"}},
    });
    let members = provider.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    provider
}

fn corp(more: &Value) -> Value {
    json!({
        "providers": {"corp": provider(ISSUER, more)},
        "rules": [{"require": {"provider": "corp"}}],
    })
}

fn worker(process: &Process, configuration: &Value) -> Proxy {
    let mut worker = Proxy::native_worker::<JwtAuth>(process);
    worker.configure(configuration.to_string()).unwrap();
    worker
}

fn token(process: &Process, signer: &Signer, issuer: &str) -> String {
    let now = process.wall_clock().as_secs();
    signer.token(&json!({
        "iss": issuer, "aud": "api", "sub": "jane", "iat": now, "exp": now + 3600,
    }))
}

/// Counts the calls, and answers with what is in the cell; nothing at all for `None`.
fn responses(proxy: &mut Proxy, response: &Rc<RefCell<Option<CallResponse>>>) -> Rc<Cell<u32>> {
    let calls = Rc::new(Cell::new(0));
    let (count, response) = (Rc::clone(&calls), Rc::clone(response));
    proxy.respond_to_calls(move |_| {
        let response = response.borrow().clone()?;
        count.set(count.get() + 1);
        Some(response)
    });
    calls
}

fn good(signer: &Signer) -> Rc<RefCell<Option<CallResponse>>> {
    let response = CallResponse::http(200, signer.jwks().to_string());
    Rc::new(RefCell::new(Some(response)))
}

fn status(proxy: &mut Proxy, token: &str) -> u16 {
    let outcome = proxy.run(&bearer("/", token), &Response::json("{}"));
    assert_eq!(outcome.trap, None);
    outcome.client().status().unwrap()
}

fn holds(proxy: &mut Proxy, request: &Request) -> u32 {
    let stream = proxy.start(request);
    proxy.send(stream, request);
    assert!(!proxy.request_arrived(stream));
    stream
}

/// What a waiting request has come to.
fn end(proxy: &mut Proxy, stream: u32) -> (bool, Option<u16>) {
    let arrived = proxy.request_arrived(stream);
    let outcome = proxy.finish(stream);
    (arrived, outcome.client().status())
}

#[test]
fn a_reload_that_narrows_the_algorithms_starts_no_storm() {
    let signer = Signer::new("a", 7);
    let process = Process::new(Profile::Envoy);
    let mut proxy = worker(&process, &corp(&json!({})));
    let calls = responses(&mut proxy, &good(&signer));
    proxy.advance(TICK);
    let token = token(&process, &signer, ISSUER);
    assert_eq!((status(&mut proxy, &token), calls.get()), (200, 1));
    let narrow = corp(&json!({"algorithms": ["RS256"]}));
    proxy.configure(narrow.to_string()).unwrap();
    for _ in 0..100 {
        proxy.advance(TICK);
    }
    assert_eq!(calls.get(), 1, "what is there is fresh");
    // Tokens of the algorithm that is left ask for keys that the set does not have.
    for _ in 0..100 {
        proxy.advance(TICK);
        let forged = signer.sign(
            r#"{"alg":"RS256","kid":"b"}"#,
            &json!({"iss": ISSUER, "aud": "api", "exp": process.wall_clock().as_secs() + 60})
                .to_string(),
        );
        assert_eq!(status(&mut proxy, &forged), 503);
    }
    assert!(calls.get() <= 9, "{}", calls.get());
}

#[test]
fn a_provider_that_can_use_no_key_harms_no_other_with_the_same_address() {
    let signer = Signer::new("a", 7);
    let other = "https://other.example.com";
    for names in [["narrow", "wide"], ["wide", "narrow"]] {
        let process = Process::new(Profile::Envoy);
        let mut configuration = json!({"providers": {}, "rules": [
            {"require": {"any_of": ["wide", "narrow"]}},
        ]});
        for name in names {
            configuration["providers"][name] = match name {
                "wide" => provider(ISSUER, &json!({})),
                _ => provider(other, &json!({"algorithms": ["RS256"]})),
            };
        }
        let mut proxy = worker(&process, &configuration);
        let calls = responses(&mut proxy, &good(&signer));
        proxy.advance(TICK);
        let token = token(&process, &signer, ISSUER);
        for _ in 0..100 {
            proxy.advance(TICK);
            assert_eq!(status(&mut proxy, &token), 200, "{names:?}");
        }
        assert_eq!(calls.get(), 1, "{names:?}");
        let refused =
            "meshward.jwt-auth.key_sets_refused_total;provider=narrow;reason=no_usable_key";
        assert_eq!(proxy.host().metric(refused), 1);
    }
}

#[test]
fn an_issuer_that_withdraws_its_only_key_is_obeyed_until_it_has_another() {
    for withdrawn in [r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#] {
        let process = Process::new(Profile::Envoy);
        let signer = Signer::new("a", 7);
        let short = json!({"jwks": {"remote": {
            "uri": "https://idp.example.com/jwks", "cluster": "idp", "cache_duration": "1s", "max_stale": "1h",
        }}});
        let mut proxy = worker(&process, &corp(&short));
        let response = good(&signer);
        responses(&mut proxy, &response);
        proxy.advance(TICK);
        let token = token(&process, &signer, ISSUER);
        assert_eq!(status(&mut proxy, &token), 200);
        let before = response.replace(Some(CallResponse::http(200, withdrawn)));
        proxy.advance(Duration::from_secs(2));
        proxy.advance(TICK);
        assert_eq!(status(&mut proxy, &token), 503, "{withdrawn}");
        response.replace(before);
        proxy.advance(Duration::from_secs(60));
        proxy.advance(TICK);
        assert_eq!(status(&mut proxy, &token), 200, "{withdrawn}");
        // What is no key set withdraws nothing.
        response.replace(Some(CallResponse::http(200, "<html>")));
        proxy.advance(Duration::from_secs(5));
        assert_eq!(status(&mut proxy, &token), 200);
    }
}

#[test]
fn a_fetch_that_goes_with_its_configuration_holds_up_nobody() {
    let signer = Signer::new("a", 7);
    let process = Process::new(Profile::Envoy);
    let silent = Rc::new(RefCell::new(None));
    let mut proxy = worker(&process, &corp(&json!({})));
    responses(&mut proxy, &silent);
    proxy.advance(TICK);
    assert_eq!(proxy.host().pending_calls().len(), 1);
    *silent.borrow_mut() = good(&signer).take();
    // Nobody answers the call of the first configuration any more.
    let other = corp(&json!({"clock_skew": "30s"}));
    proxy.configure(other.to_string()).unwrap();
    proxy.advance(TICK);
    assert_eq!(status(&mut proxy, &token(&process, &signer, ISSUER)), 200);
}

#[test]
fn a_vm_that_dies_without_a_word_holds_up_nobody_for_long() {
    let signer = Signer::new("a", 7);
    let process = Process::new(Profile::Envoy);
    let mut dies = worker(&process, &corp(&json!({})));
    dies.advance(TICK);
    assert_eq!(dies.host().pending_calls().len(), 1);
    // It is renewed as long as the VM lives, however long the fetch takes.
    let mut lives = worker(&process, &corp(&json!({})));
    let calls = responses(&mut lives, &good(&signer));
    for _ in 0..100 {
        dies.tick();
        lives.advance(TICK);
    }
    assert_eq!(calls.get(), 0);
    for _ in 0..25 {
        lives.advance(TICK);
    }
    assert_eq!(calls.get(), 1);
    assert_eq!(status(&mut lives, &token(&process, &signer, ISSUER)), 200);
}

#[test]
fn a_failure_that_another_vm_has_seen_settles_who_waits_here() {
    let signer = Signer::new("a", 7);
    let process = Process::new(Profile::Envoy);
    let mut fetches = worker(&process, &corp(&json!({})));
    let mut waits = worker(&process, &corp(&json!({})));
    fetches.advance(TICK);
    let call = fetches.host().pending_calls()[0].token;
    let request = bearer("/", &token(&process, &signer, ISSUER));
    let stream = holds(&mut waits, &request);
    waits.advance(TICK);
    fetches.respond_to_call(call, CallResponse::http(503, "no"));
    waits.advance(TICK);
    assert_eq!(end(&mut waits, stream), (false, Some(503)));
}

#[test]
fn a_fetch_that_cannot_start_is_not_waited_for() {
    let signer = Signer::new("a", 7);
    let process = Process::new(Profile::Envoy);
    let mut proxy = worker(&process, &corp(&json!({})));
    proxy.host().set_upstreams(&["another"]);
    let token = token(&process, &signer, ISSUER);
    assert_eq!(status(&mut proxy, &token), 503);
}

#[test]
fn requests_find_out_soon_that_a_provider_is_back() {
    let signer = Signer::new("a", 7);
    let process = Process::new(Profile::Envoy);
    let response = Rc::new(RefCell::new(Some(CallResponse::http(503, "no"))));
    let mut proxy = worker(&process, &corp(&json!({})));
    let calls = responses(&mut proxy, &response);
    for _ in 0..3000 {
        proxy.advance(TICK);
    }
    assert!(calls.get() < 30, "it backs off: {}", calls.get());
    *response.borrow_mut() = good(&signer).take();
    let token = token(&process, &signer, ISSUER);
    let tried = (0..30).position(|_| {
        proxy.advance(TICK);
        status(&mut proxy, &token) == 200
    });
    assert!(tried.is_some_and(|ticks| ticks <= 20), "{tried:?}");
}

#[test]
fn a_rotation_is_not_the_fault_of_the_client() {
    let (old, new) = (Signer::new("old", 7), Signer::new("new", 9));
    let process = Process::new(Profile::Envoy);
    let response = good(&old);
    let mut proxy = worker(&process, &corp(&json!({})));
    let calls = responses(&mut proxy, &response);
    proxy.advance(TICK);
    let (before, after) = (token(&process, &old, ISSUER), token(&process, &new, ISSUER));
    assert_eq!(status(&mut proxy, &before), 200);
    // While the provider is down nothing is known about the new key.
    *response.borrow_mut() = Some(CallResponse::http(503, "no"));
    for _ in 0..50 {
        proxy.advance(TICK);
        let outcome = proxy.run(&bearer("/", &after), &Response::json("{}"));
        assert_eq!(outcome.client().status(), Some(503));
        assert!(outcome.client().header("retry-after").is_some());
        assert_eq!(status(&mut proxy, &before), 200, "the old keys serve");
    }
    *response.borrow_mut() = good(&new).take();
    let tried = (0..30).position(|_| {
        proxy.advance(TICK);
        status(&mut proxy, &after) == 200
    });
    assert!(tried.is_some(), "{} calls", calls.get());
}

#[test]
fn made_up_keys_and_recent_fetches_do_not_hide_a_rotation() {
    let (old, new) = (Signer::new("old", 7), Signer::new("new", 9));
    let made_up = Signer::new("made up", 8);
    let process = Process::new(Profile::Envoy);
    let response = good(&old);
    let mut proxy = worker(&process, &corp(&json!({})));
    responses(&mut proxy, &response);
    proxy.advance(TICK);
    assert_eq!(status(&mut proxy, &token(&process, &old, ISSUER)), 200);
    proxy.advance(TICK);
    assert_eq!(status(&mut proxy, &token(&process, &made_up, ISSUER)), 401);
    // The provider rotates a moment later, and long before the next fetch is due.
    *response.borrow_mut() = good(&new).take();
    proxy.advance(TICK);
    assert_eq!(status(&mut proxy, &token(&process, &new, ISSUER)), 200);
}

/// The bucket is one for all workers: each by itself would multiply what clients can cause.
#[test]
fn workers_share_the_bucket_for_unknown_keys() {
    let signer = Signer::new("a", 7);
    let process = Process::new(Profile::Envoy);
    let mut workers: Vec<_> = (0..4)
        .map(|_| {
            let mut proxy = worker(&process, &corp(&json!({})));
            let calls = responses(&mut proxy, &good(&signer));
            (proxy, calls)
        })
        .collect();
    for number in 0..100 {
        let made_up = Signer::new(Box::leak(format!("m{number}").into_boxed_str()), 8);
        for (proxy, _) in &mut workers {
            process.advance(Duration::from_millis(1));
            proxy.tick();
            status(proxy, &token(&process, &made_up, ISSUER));
        }
    }
    let calls: u32 = workers.iter().map(|(_, calls)| calls.get()).sum();
    assert!(calls <= 1 + 3, "{calls}");
}

/// A host ends every call, if only with a failure. Should one not, the fetch is begun again, and what
/// comes after all is for nobody.
#[test]
fn a_fetch_that_the_host_says_nothing_of_has_failed() {
    let process = Process::new(Profile::Envoy);
    let signer = Signer::new("key", 7);
    let mut proxy = worker(&process, &corp(&json!({})));
    proxy.tick();
    let first = proxy.host().pending_calls()[0].token;
    proxy.advance(Duration::from_secs(23));
    let failed = "meshward.jwt-auth.key_fetches_total;provider=corp;result=no_response";
    assert_eq!(proxy.host().metric(failed), 1);
    let calls = proxy.host().pending_calls();
    assert_eq!(calls.len(), 2, "it has begun again");
    let other = Signer::new("other", 8);
    proxy.respond_to_call(first, CallResponse::http(200, other.jwks().to_string()));
    let waits = holds(&mut proxy, &bearer("/", &token(&process, &signer, ISSUER)));
    let second = calls.iter().find(|call| call.token != first).unwrap();
    proxy.respond_to_call(
        second.token,
        CallResponse::http(200, signer.jwks().to_string()),
    );
    assert_eq!(end(&mut proxy, waits), (true, None), "the upstream has it");
}
