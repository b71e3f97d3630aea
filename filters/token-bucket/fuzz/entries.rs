//! What is fuzzed: everything that reads bytes which others have written. `tests/fuzz.rs` calls the
//! same functions with random bytes on stable Rust.

use std::time::Duration;

use policy::client_address::{self, IpRange};
use policy::config::Configuration as _;
use policy::gcra::Gcra;
use policy::units::Rate;
use token_bucket::bucket_set::{BucketSet, Layout};
use token_bucket::config::Config;
use token_bucket::ratelimit_headers::{LimitState, ietf_10, merged, retry_after, x_ratelimit};
use token_bucket::rls::{Code, ServiceResponse};
use token_bucket::windows::{Windows, WindowsDecision};

/// A set from shared data: what is accepted can be worked on, and admits no more than its limit.
pub(crate) fn stored_set(bytes: &[u8]) {
    let (choice, bytes) = bytes
        .split_first()
        .map_or((0, bytes), |(first, rest)| (*first, rest));
    let rate = |count, seconds| Rate {
        count,
        period: Duration::from_secs(seconds),
    };
    let shapes: [&[(Rate, u64)]; 3] = [
        &[(rate(10, 1), 5)],
        &[(rate(7, 1), 5)],
        &[
            (rate(10, 1), 5),
            (rate(100, 60), 20),
            (rate(9999, 86_400), 500),
        ],
    ];
    let shape = shapes[usize::from(choice) % shapes.len()];
    let list = shape
        .iter()
        .filter_map(|(rate, burst)| Gcra::new(*rate, *burst));
    let Some(windows) = Windows::new(list.collect()) else {
        return;
    };
    let layout = Layout::new(&windows, u16::from(choice));
    let Ok(mut set) = BucketSet::parse(bytes.to_vec(), &layout) else {
        return;
    };
    let now_ns = u64::from(choice) << 50;
    let mut admitted = 0_u64;
    for _ in 0..40 {
        let before = set.state(&layout, 7);
        if let WindowsDecision::Admit(after) = windows.decide(&before, now_ns, 1) {
            set.put(&layout, &windows, 7, &after, now_ns);
            admitted = admitted.saturating_add(1);
        }
        let _ = windows.states(&before, now_ns);
    }
    assert!(admitted <= 5);
    assert!(set.bytes().len() <= layout.max_size());
    assert_eq!(BucketSet::parse(set.bytes().to_vec(), &layout), Ok(set));
}

/// A response of a rate limit service, in both forms, and the headers that come of it.
pub(crate) fn service_response(bytes: &[u8]) {
    let responses = [
        ServiceResponse::from_protobuf(bytes).ok(),
        ServiceResponse::from_json(bytes).ok(),
    ];
    for response in responses.into_iter().flatten() {
        let states: Vec<LimitState> = response.limit_states().collect();
        for (_, value) in x_ratelimit(&states).into_iter().chain(ietf_10(&states)) {
            assert!(
                value.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{value}"
            );
        }
        for state in &states {
            assert!(
                retry_after(state.until_full)
                    .parse::<u64>()
                    .is_ok_and(|s| s > 0)
            );
        }
        assert!(matches!(
            response.code,
            Code::Unknown | Code::Ok | Code::OverLimit
        ));
    }
}

/// A plugin configuration, and a range of addresses.
pub(crate) fn configuration(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Err(problems) = Config::parse(text) {
            assert!(!problems.to_string().is_empty());
        }
        let _ = (IpRange::parse(text), client_address::parse(text));
    }
}

/// Headers of an upstream beside ours: ours never make them looser.
pub(crate) fn header_merge(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (first, second) = text.split_once('\n').unwrap_or((&text, ""));
    let state = LimitState {
        name: "a".to_owned(),
        quota: 9,
        window: Some(Duration::from_secs(60)),
        remaining: 4,
        until_full: Duration::from_secs(30),
        until_more: Duration::from_secs(3),
        refuses: false,
    };
    let states = [state];
    let theirs = |name: &str| match name {
        "x-ratelimit-remaining" | "ratelimit" => Some(first.to_owned()),
        "x-ratelimit-reset" | "ratelimit-policy" => Some(second.to_owned()),
        _ => None,
    };
    let kept = merged(x_ratelimit(&states), theirs);
    if first.trim().parse::<u64>().is_ok_and(|left| left < 4) {
        assert!(kept.is_empty(), "a stricter upstream is not overwritten");
    }
    let _ = merged(ietf_10(&states), theirs);
}
