//! The case files against each filter as native code and as a module, on every host that the
//! in-process host plays. Each case is a test of its own.

use std::sync::Arc;

use envoy_test::cases::{self, Case, CaseFile, InProcess};
use envoy_test::vm::{LoadError, Program, Vm, signatures};
use envoy_test::{Error, FILTERS, Result, paths};
use host::fake::{Profile, Proxy};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> Result<()> {
    let mut trials = Vec::new();
    for filter in FILTERS {
        let program = Arc::new(Program::open(&paths::wasm(filter)?).map_err(load_error)?);
        for (name, file) in cases::of_filter(filter)? {
            let file = Arc::new(file);
            for profile in Profile::ALL {
                for place in 0..file.cases.len() {
                    let Some(case) = file.cases.get(place) else {
                        continue;
                    };
                    if !case.holds_on(profile) {
                        continue;
                    }
                    let title = format!("{}::{}::{}", name, profile.name(), case.name);
                    let (of_native, of_module) = (Arc::clone(&file), Arc::clone(&file));
                    let program = Arc::clone(&program);
                    trials.push(Trial::test(format!("native::{title}"), move || {
                        run(&of_native, place, || Ok(native(filter, profile)))
                    }));
                    trials.push(Trial::test(format!("module::{title}"), move || {
                        run(&of_module, place, || module(&program, profile))
                    }));
                }
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

fn native(filter: &str, profile: Profile) -> Proxy {
    match filter {
        "audit-emitter" => Proxy::native::<audit_emitter::AuditEmitter>(profile),
        "jwt-auth" => Proxy::native::<jwt_auth::JwtAuth>(profile),
        "token-bucket" => Proxy::native::<token_bucket::TokenBucket>(profile),
        _ => Proxy::native::<pii_redactor::PiiRedactor>(profile),
    }
}

fn module(program: &Program, profile: Profile) -> Result<Proxy> {
    let proxy = Vm::proxy(program, profile).map_err(load_error)?;
    // As Envoy does: so jwt-auth checks signatures there by the host, elsewhere in the VM, and
    // both must agree on every case.
    if profile == Profile::Envoy {
        signatures::offer(proxy.host());
    }
    Ok(proxy)
}

fn run(
    file: &CaseFile,
    place: usize,
    make: impl FnMut() -> Result<Proxy>,
) -> std::result::Result<(), Failed> {
    let case: &Case = file.cases.get(place).ok_or("no such case")?;
    let differences = cases::run(case, file, &mut InProcess::new(make))?;
    match differences.as_slice() {
        [] => Ok(()),
        lines => Err(lines.join("\n").into()),
    }
}

fn load_error(error: LoadError) -> Error {
    Error::Config {
        file: "dist".to_owned(),
        reason: error.to_string(),
    }
}
