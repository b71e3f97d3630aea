//! Which functions of the modules run with requests, from runs of the case files in the in-process
//! host. The pass after linking leaves calls among them direct.

use std::collections::BTreeSet;
use std::fs;

use ::cases::{Backend, Cuts};
use host::fake::{Profile, Proxy};

use super::{Program, Vm, signatures};
use crate::cases;
use crate::error::Context;
use crate::{BUNDLE, Error, FILTERS, Result, paths};

/// A function is hot that runs in one exchange of so many of a filter's case files,
const ONE_EXCHANGE_OF: u64 = 5;
/// or that is one of so many calls.
const ONE_CALL_OF: u64 = 3_000;

/// The hosts that differ in what runs in the VM: on the first, signatures are checked by the host.
const PROFILES: [Profile; 2] = [Profile::Envoy, Profile::Apisix];

/// The names of the functions of the linked modules that run with requests.
///
/// # Errors
/// A module is not linked, or a case cannot be run.
pub fn functions() -> Result<BTreeSet<String>> {
    let mut hot = BTreeSet::new();
    for module in FILTERS.into_iter().chain([BUNDLE]) {
        let path = paths::linked(module)?;
        let bytes = fs::read(&path).context(format!("reading {}", path.display()))?;
        let (program, names) = Program::counting(&bytes).map_err(failed)?;
        let filters = FILTERS.into_iter();
        for filter in filters.filter(|filter| [*filter, BUNDLE].contains(&module)) {
            for profile in PROFILES {
                let tally = run(&program, names.len(), filter, module == BUNDLE, profile)?;
                let calls: u64 = tally.iter().map(|tally| tally.calls).sum();
                let exchanges = tally.iter().map(|tally| tally.exchanges).max().unwrap_or(0);
                let is_hot = |tally: &Tally| {
                    tally.calls * ONE_CALL_OF > calls
                        || tally.exchanges * ONE_EXCHANGE_OF > exchanges
                };
                let named = names.iter().zip(&tally);
                hot.extend(
                    named
                        .filter(|(_, tally)| is_hot(tally))
                        .map(|(name, _)| name.clone()),
                );
            }
        }
    }
    Ok(hot)
}

/// How often a function began.
#[derive(Clone, Copy, Default)]
struct Tally {
    calls: u64,
    /// In how many exchanges it did.
    exchanges: u64,
}

/// Runs the case files of a filter.
fn run(
    program: &Program,
    functions: usize,
    filter: &'static str,
    is_bundled: bool,
    profile: Profile,
) -> Result<Vec<Tally>> {
    let mut tally = vec![Tally::default(); functions];
    let make = || -> ::cases::Result<Proxy> {
        let proxy = Vm::proxy(program, profile).map_err(failed)?;
        if profile == Profile::Envoy {
            signatures::offer(proxy.host());
        }
        Ok(proxy)
    };
    let mut backend = cases::in_process(make, is_bundled.then_some(filter));
    for (_, file) in cases::of_filter(filter)? {
        for case in file.cases.iter().filter(|case| case.holds_on(profile)) {
            backend.begin(&file, case)?;
            // What reads the configuration runs once.
            drop(program.take_counts());
            for step in &case.steps {
                backend.exchange(step, Cuts::Whole)?;
                for (tally, count) in tally.iter_mut().zip(program.take_counts()) {
                    tally.calls += count;
                    tally.exchanges += u64::from(count > 0);
                }
            }
        }
    }
    Ok(tally)
}

fn failed(reason: impl ToString) -> Error {
    Error::Config {
        file: "hot functions".to_owned(),
        reason: reason.to_string(),
    }
}
