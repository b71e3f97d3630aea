//! What each feature costs, by the in-process host's counts.

use envoy_test::Result;
use envoy_test::vm::features;

pub(crate) fn run() -> Result<()> {
    println!(
        "The bundle with a GET of 150 bytes of JSON with two addresses of e-mail: one request in the steady state\n"
    );
    println!(
        "{:45} {:>6} {:>6} {:>8} {:>6} {:>13} {:>8}",
        "", "calls", "more", "entries", "more", "instructions", "more"
    );
    let costs = features::measure()?;
    let Some(plain) = costs.first() else {
        return Ok(());
    };
    let more = |count: u64, before: u64| format!("{:+}", i128::from(count) - i128::from(before));
    for cost in &costs {
        println!(
            "{:45} {:>6} {:>6} {:>8} {:>6} {:>13} {:>8}",
            cost.feature,
            cost.calls,
            more(cost.calls, plain.calls),
            cost.entries,
            more(cost.entries, plain.entries),
            cost.instructions,
            more(cost.instructions, plain.instructions)
        );
    }
    Ok(())
}
