//! The table that `meshward check` compares lists of allowed capabilities with: what each module calls
//! over its case files.

use std::collections::{BTreeMap, BTreeSet};

use cases::{Backend as _, Cuts};
use envoy_test::cases::{in_process, of_filter};
use envoy_test::vm::{Program, Vm, signatures};
use envoy_test::{FILTERS, paths};
use host::fake::Profile;

type Calls = BTreeSet<&'static str>;

/// The calls under the configuration of each case file.
fn by_file(filter: &str) -> Vec<Calls> {
    let program = Program::open(&paths::wasm(filter).unwrap()).unwrap();
    let files = of_filter(filter).unwrap();
    let calls_of = |file: &cases::CaseFile| {
        let mut calls = Calls::new();
        for case in file
            .cases
            .iter()
            .filter(|case| case.holds_on(Profile::Envoy))
        {
            let make = || {
                let proxy = Vm::proxy(&program, Profile::Envoy);
                let proxy = proxy.map_err(|error| cases::Error::Backend(error.to_string()))?;
                signatures::offer(proxy.host());
                Ok(proxy)
            };
            let mut backend = in_process(make, None);
            backend.begin(file, case).unwrap();
            for step in &case.steps {
                backend.transcript(step, Cuts::Whole).unwrap();
            }
            let host = backend.proxy().unwrap().host();
            calls.extend(host.calls_by_name().into_keys());
        }
        calls
    };
    files.iter().map(|(_, file)| calls_of(file)).collect()
}

#[test]
fn the_table_of_capabilities_is_what_the_modules_call() {
    let mut table = String::new();
    for filter in FILTERS {
        let files = by_file(filter);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for call in files.iter().flatten() {
            *counts.entry(call).or_default() += 1;
        }
        for (call, count) in counts {
            let when = match count == files.len() {
                true => "always",
                false => "sometimes",
            };
            table.push_str(&format!("{filter} {when} {call}\n"));
        }
    }
    let path = paths::root().join("shared/inspect/src/check/wiring/capabilities.txt");
    if std::env::var_os("MESHWARD_WRITE_TABLES").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap();
    assert!(
        there == table,
        "MESHWARD_WRITE_TABLES=1 writes the table anew:\n{table}"
    );
}
