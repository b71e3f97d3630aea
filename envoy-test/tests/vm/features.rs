//! What a feature asks of the host for each request.

use envoy_test::vm::features;

/// Of the most demanding: a budget reads and writes its cell, with the number of the write before.
const MOST_CALLS_MORE: u64 = 4;

#[test]
fn no_feature_needs_many_more_host_calls() {
    let costs = features::measure().unwrap();
    let plain = costs.first().unwrap().calls;
    for cost in &costs {
        assert!(
            cost.calls <= plain + MOST_CALLS_MORE,
            "{} needs {} host calls, and {plain} are needed without it",
            cost.feature,
            cost.calls
        );
    }
}
