//! The case files against each filter as native code and as a module, on every host that the
//! in-process host plays, alone and as a part of the bundle. Each case is a test of its own.

use std::sync::Arc;

use cases::CaseFile;
use envoy_test::cases::{in_process, of_filter};
use envoy_test::vm::{LoadError, Program, Vm, signatures};
use envoy_test::{BUNDLE, Error, FILTERS, Result, paths};
use host::fake::{Profile, Proxy};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> Result<()> {
    let mut trials = Vec::new();
    let bundle = Arc::new(Program::open(&paths::wasm(BUNDLE)?).map_err(load_error)?);
    for filter in FILTERS.into_iter().chain([BUNDLE]) {
        let program = Arc::new(Program::open(&paths::wasm(filter)?).map_err(load_error)?);
        for (name, file) in of_filter(filter)? {
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
                    let (of_chain, of_bundle) = (Arc::clone(&file), Arc::clone(&file));
                    let (program, bundle) = (Arc::clone(&program), Arc::clone(&bundle));
                    trials.push(Trial::test(format!("native::{title}"), move || {
                        run(&of_native, place, None, || Ok(native(filter, profile)))
                    }));
                    if filter != BUNDLE {
                        trials.push(Trial::test(format!("native-bundle::{title}"), move || {
                            run(&of_chain, place, Some(filter), || {
                                Ok(Proxy::native::<meshward_bundle::Meshward>(profile))
                            })
                        }));
                        trials.push(Trial::test(format!("bundle::{title}"), move || {
                            run(&of_bundle, place, Some(filter), || module(&bundle, profile))
                        }));
                    }
                    trials.push(Trial::test(format!("module::{title}"), move || {
                        run(&of_module, place, None, || module(&program, profile))
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
        BUNDLE => Proxy::native::<meshward_bundle::Meshward>(profile),
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
    bundled: Option<&'static str>,
    mut make: impl FnMut() -> Result<Proxy>,
) -> std::result::Result<(), Failed> {
    let mut backend = in_process(|| Ok(make()?), bundled);
    verdict(&cases::run(file, place, &mut backend)?)
}

fn verdict(failures: &[cases::Failure]) -> std::result::Result<(), Failed> {
    match failures {
        [] => Ok(()),
        all => {
            let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
            Err(lines.join("\n").into())
        }
    }
}

fn load_error(error: LoadError) -> Error {
    Error::Config {
        file: "dist".to_owned(),
        reason: error.to_string(),
    }
}
