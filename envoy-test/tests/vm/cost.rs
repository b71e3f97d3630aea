//! How often a request makes host and VM call each other stays below the ceilings.

use envoy_test::vm::cost;

#[test]
fn every_scenario_keeps_to_its_ceiling() {
    let costs = cost::measure().unwrap();
    let table: Vec<String> = costs
        .iter()
        .map(|cost| {
            format!(
                "{:65} {} of {} calls, {} of {} entries, {} instructions: {}",
                cost.scenario,
                cost.calls,
                cost.most_calls,
                cost.entries,
                cost.most_entries,
                cost.instructions,
                cost.by_name
            )
        })
        .collect();
    let table = table.join("\n");
    println!("{table}");
    assert!(costs.iter().all(cost::Cost::is_kept), "{table}");
}
