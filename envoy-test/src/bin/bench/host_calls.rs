//! How often a request makes host and VM call each other, and how many instructions it runs, counted in the
//! in-process host.

use envoy_test::Result;
use envoy_test::vm::cost;

pub(crate) fn run() -> Result<()> {
    println!(
        "Host calls, VM entries and instructions of one request in the steady state, and the ceilings of a test\n"
    );
    println!(
        "{:65} {:>8} {:>8} {:>9} {:>8} {:>13}",
        "", "calls", "at most", "entries", "at most", "instructions"
    );
    for cost in cost::measure()? {
        println!(
            "{:65} {:>8} {:>8} {:>9} {:>8} {:>13}",
            cost.scenario,
            cost.calls,
            cost.most_calls,
            cost.entries,
            cost.most_entries,
            cost.instructions
        );
    }
    Ok(())
}
