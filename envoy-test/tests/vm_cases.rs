//! The case files against each filter as native code and as a module, on every host that the
//! in-process host plays.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "an overflow in a test is a failed test"
)]

use envoy_test::cases::{self, InProcess};
use envoy_test::vm::{Program, Vm, signatures};
use envoy_test::{Error, FILTERS, Result, paths};
use host::fake::{Profile, Proxy};

fn native(filter: &str, profile: Profile) -> Proxy {
    match filter {
        "audit-emitter" => Proxy::native::<audit_emitter::AuditEmitter>(profile),
        "jwt-auth" => Proxy::native::<jwt_auth::JwtAuth>(profile),
        "token-bucket" => Proxy::native::<token_bucket::TokenBucket>(profile),
        _ => Proxy::native::<pii_redactor::PiiRedactor>(profile),
    }
}

/// Runs all cases of all filters; `make` gives a fresh proxy.
fn run_all(make: impl Fn(&str, Profile) -> Result<Proxy>) -> Result<()> {
    let mut differences = Vec::new();
    let mut cases_run = 0;
    for filter in FILTERS {
        for (file, cases) in cases::of_filter(filter)? {
            for profile in Profile::ALL {
                let mut backend = InProcess::new(|| make(filter, profile));
                for case in cases.cases.iter().filter(|case| case.holds_on(profile)) {
                    cases_run += 1;
                    let found = cases::run(case, &cases, &mut backend)?;
                    let place = format!("{file} on {}", profile.name());
                    differences.extend(found.iter().map(|line| format!("{place}: {line}")));
                }
            }
        }
    }
    assert_eq!(differences, Vec::<String>::new());
    assert!(cases_run > 50, "only {cases_run} cases");
    Ok(())
}

#[test]
fn native_filters_do_what_the_cases_say() -> Result<()> {
    run_all(|filter, profile| Ok(native(filter, profile)))
}

#[test]
fn modules_do_what_the_cases_say() -> Result<()> {
    let load_error = |error: envoy_test::vm::LoadError| Error::Config {
        file: "dist".to_owned(),
        reason: error.to_string(),
    };
    let mut programs = Vec::new();
    for filter in FILTERS {
        programs.push((
            filter,
            Program::open(&paths::wasm(filter)?).map_err(load_error)?,
        ));
    }
    run_all(|filter, profile| {
        let program = programs.iter().find(|(name, _)| *name == filter);
        let (_, program) = program.ok_or_else(|| Error::Config {
            file: filter.to_owned(),
            reason: "no such module".to_owned(),
        })?;
        let proxy = Vm::proxy(program, profile).map_err(load_error)?;
        // As Envoy does: so jwt-auth checks signatures there by the host, elsewhere in the VM, and
        // both must agree on every case.
        if profile == Profile::Envoy {
            signatures::offer(proxy.host());
        }
        Ok(proxy)
    })
}
