use super::*;
use crate::jose::{Algorithm, KNOWN_ANSWERS};

fn remote() -> RemoteKeys {
    RemoteKeys::new(FetchSettings::default(), KeyRules::default())
}

fn jwks(algorithms: &[Algorithm]) -> String {
    let keys: Vec<&str> = KNOWN_ANSWERS
        .iter()
        .filter(|answer| algorithms.contains(&answer.algorithm))
        .map(|answer| answer.jwk)
        .collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

const S: u64 = NS_PER_S;

fn good(keys: &mut RemoteKeys, now_ns: u64) {
    keys.adopt(keys.beginning(now_ns));
    let body = jwks(&[Algorithm::Es256]);
    assert_eq!(keys.answered(Ok(body.as_bytes()), now_ns, 0), Ok(vec![]));
}

#[test]
fn one_fetch_at_a_time_and_again_before_it_is_too_late() {
    let mut keys = remote();
    assert!(keys.is_due(S));
    assert!(matches!(keys.availability(S), Availability::Soon));
    keys.adopt(keys.beginning(S));
    assert!(!keys.is_due(2 * S));
    assert!(keys.is_due(13 * S), "a host that never answers");
    good(&mut keys, 2 * S);
    assert!(!keys.is_due(541 * S));
    assert!(keys.is_due(543 * S), "before the keys are stale");
    assert!(
        matches!(keys.availability(4200 * S), Availability::Keys(_)),
        "stale keys serve"
    );
    assert!(
        !matches!(keys.availability(4203 * S), Availability::Keys(_)),
        "but not for ever"
    );
}

#[test]
fn failures_keep_the_old_keys_and_back_off() {
    let mut keys = remote();
    for (body, error) in [
        (Err(FetchError("status_5xx")), "status_5xx"),
        (Ok(&b"<html>"[..]), "not_json"),
        (Ok(b"[]"), "not_a_jwk_set"),
        (Ok(br#"{"keys":[]}"#), "no_usable_key"),
        (Ok(br#"{"keys":[{"kty":"RSA"},5]}"#), "no_usable_key"),
        (Err(FetchError("too_large")), "too_large"),
        (Err(FetchError("too_large")), "too_large"),
        (Err(FetchError("too_large")), "too_large"),
    ] {
        assert_eq!(keys.answered(body, S, 0), Err(FetchError(error)));
    }
    let Availability::Unavailable { retry_after_s } = keys.availability(S) else {
        panic!()
    };
    assert_eq!(retry_after_s, 15, "half of 30 seconds at least");
    good(&mut keys, 20 * S);
    assert_eq!(
        keys.answered(Ok(b""), 700 * S, 0),
        Err(FetchError("not_json"))
    );
    assert_eq!(keys.key_count(), 1);
    assert_eq!(keys.age(700 * S), Some(Duration::from_secs(680)));
}

#[test]
fn unknown_keys_refetch_but_seldom() {
    let mut keys = remote();
    good(&mut keys, S);
    assert!(!keys.wants_unknown_key("a", 2 * S));
    assert!(!keys.is_due(2 * S));
    assert!(keys.wants_unknown_key("b", 31 * S));
    assert!(keys.is_due(31 * S));
    keys.adopt(keys.beginning(31 * S));
    assert!(
        keys.wants_unknown_key("c", 31 * S),
        "wait with those who wait already"
    );
    good(&mut keys, 32 * S);
    assert!(!keys.wants_unknown_key("b", 62 * S), "asked for in vain");
    assert!(keys.wants_unknown_key("d", 62 * S));
    // Another worker has fetched since.
    let mut began = keys.beginning(63 * S);
    began.lease_ns = 0;
    keys.adopt(began);
    assert!(!keys.is_due(64 * S));
    assert_eq!(
        keys.answered(Err(FetchError("x")), 64 * S, 0),
        Err(FetchError("x"))
    );
    assert!(
        keys.wants_unknown_key("b", 95 * S),
        "nothing was learnt, so nothing is unknown"
    );
    for number in 0..1000 {
        keys.unknown.remember(&number.to_string(), u64::MAX);
    }
    assert_eq!(keys.unknown.hashes.len(), MAX_UNKNOWN);
}

#[test]
fn what_one_worker_fetches_serves_the_others() {
    let (mut first, mut second) = (remote(), remote());
    first.adopt(first.beginning(S));
    second.adopt(first.schedule());
    assert!(!second.is_due(2 * S), "one asks for all");
    assert!(matches!(second.availability(2 * S), Availability::Soon));
    let body = jwks(&[Algorithm::Es256, Algorithm::Rs256]);
    assert!(first.answered(Ok(body.as_bytes()), 2 * S, 0).is_ok());
    second.adopt(first.schedule());
    assert!(second.is_behind());
    second.adopt_keys(body.as_bytes()).unwrap();
    assert!(!second.is_behind());
    assert_eq!(
        (second.key_count(), second.age(3 * S)),
        (2, first.age(3 * S))
    );
}

#[test]
fn keys_that_stay_are_the_same_and_those_that_go_are_gone() {
    let mut keys = remote();
    let both = jwks(&[Algorithm::Es256, Algorithm::Rs256]);
    keys.answered(Ok(both.as_bytes()), S, 0).unwrap();
    let weak = |keys: &RemoteKeys, algorithm| {
        let Availability::Keys(set) = keys.availability(S) else {
            panic!()
        };
        std::rc::Rc::downgrade(set.candidates(algorithm, None).next().unwrap())
    };
    let (stays, goes) = (weak(&keys, Algorithm::Es256), weak(&keys, Algorithm::Rs256));
    good(&mut keys, 2 * S);
    assert_eq!((stays.strong_count(), goes.strong_count()), (1, 0));
}

#[test]
fn schedules_survive_and_garbage_does_not() {
    let schedule = Schedule {
        generation: 1,
        fetched_ns: 2,
        due_ns: u64::MAX,
        began_ns: 4,
        lease_ns: 5,
        failures: 6,
    };
    let bytes = schedule.to_bytes();
    assert_eq!(Schedule::from_bytes(&bytes), Some(schedule));
    for length in 0..bytes.len() {
        assert_eq!(Schedule::from_bytes(&bytes[..length]), None);
    }
    let mut other = bytes.clone();
    other[0] = 2;
    assert_eq!(Schedule::from_bytes(&other), None);
    other = bytes;
    other.push(0);
    assert_eq!(Schedule::from_bytes(&other), None);
}
