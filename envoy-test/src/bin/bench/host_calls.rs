//! How often a request makes host and VM call each other, counted in the in-process host.

use envoy_test::Result;
use envoy_test::vm::cost;

pub(crate) fn run() -> Result<()> {
    println!(
        "Host calls and VM entries of one request in the steady state, and the ceilings of a test\n"
    );
    println!(
        "{:40} {:>8} {:>8} {:>9} {:>8}",
        "", "calls", "at most", "entries", "at most"
    );
    for cost in cost::measure()? {
        println!(
            "{:40} {:>8} {:>8} {:>9} {:>8}",
            cost.scenario, cost.calls, cost.most_calls, cost.entries, cost.most_entries
        );
    }
    Ok(())
}
