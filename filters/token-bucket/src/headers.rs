//! The headers that tell clients where they stand.

use std::time::Duration;

use crate::gcra::Gcra;
use crate::table::Answer;

/// `x-ratelimit-*` (draft-polli-ratelimit-headers-03) in Envoy's spelling: the limit with its
/// window and name, what is left, and the seconds until the bucket is full.
#[must_use]
pub fn x_ratelimit(name: &str, gcra: &Gcra, answer: &Answer) -> [(&'static str, String); 3] {
    let (burst, window) = (gcra.burst(), seconds_up(gcra.window()).max(1));
    [
        (
            "x-ratelimit-limit",
            format!("{burst}, {burst};w={window};name=\"{name}\""),
        ),
        ("x-ratelimit-remaining", answer.remaining.to_string()),
        (
            "x-ratelimit-reset",
            seconds_up(answer.until_full).to_string(),
        ),
    ]
}

/// The value of `Retry-After` (RFC 9110 section 10.2.3): whole seconds, rounded up, so that who
/// waits so long is not refused again, and at least 1.
#[must_use]
pub fn retry_after(wait: Duration) -> String {
    seconds_up(wait).max(1).to_string()
}

fn seconds_up(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_up_and_never_to_nothing() {
        for (nanoseconds, expected) in [
            (0, "1"),
            (1, "1"),
            (1_000_000_000, "1"),
            (1_000_000_001, "2"),
            (59_100_000_000, "60"),
        ] {
            assert_eq!(retry_after(Duration::from_nanos(nanoseconds)), expected);
        }
    }
}
