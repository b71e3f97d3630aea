//! The case files against the modules in a real Envoy, over HTTP/1.1 and HTTP/2, and over HTTP/2 as a
//! part of the bundle, where the in-process hosts run them all as well. Each case is a test of its own;
//! those of one filter and protocol share an Envoy where they can.

use std::sync::{Arc, Mutex, PoisonError};

use envoy_test::cases::{RealEnvoy, of_filter};
use envoy_test::client::Protocol;
use envoy_test::{FILTERS, Result};
use libtest_mimic::{Arguments, Failed, Trial};

/// Whether the filter is a part of the bundle, and what the client speaks.
const WAYS: [(bool, Protocol); 3] = [
    (false, Protocol::Http1),
    (false, Protocol::Http2),
    (true, Protocol::Http2),
];

fn main() -> Result<()> {
    let mut trials = Vec::new();
    for filter in FILTERS {
        let backends = WAYS.map(|way| (way, Arc::new(Mutex::new(None::<RealEnvoy>))));
        for (name, file) in of_filter(filter)? {
            let file = Arc::new(file);
            for place in 0..file.cases.len() {
                let Some(case) = file.cases.get(place) else {
                    continue;
                };
                if !case.runs_in_real_envoy() {
                    continue;
                }
                // One after the other, so that two threads work on two Envoys.
                for ((is_bundled, protocol), backend) in &backends {
                    let way = if *is_bundled { "bundle::" } else { "" };
                    let title = format!("{way}{name}::{protocol:?}::{}", case.name);
                    let (file, is_bundled, protocol) = (Arc::clone(&file), *is_bundled, *protocol);
                    let backend = Arc::clone(backend);
                    trials.push(Trial::test(
                        title,
                        move || -> std::result::Result<(), Failed> {
                            let mut backend =
                                backend.lock().unwrap_or_else(PoisonError::into_inner);
                            let envoy = match backend.as_mut() {
                                Some(envoy) => envoy,
                                None => {
                                    let envoy = RealEnvoy::new(filter, protocol)?;
                                    backend.insert(if is_bundled { envoy.bundled() } else { envoy })
                                }
                            };
                            match cases::run(&file, place, envoy)?.as_slice() {
                                [] => Ok(()),
                                all => {
                                    let lines: Vec<String> =
                                        all.iter().map(ToString::to_string).collect();
                                    Err(lines.join("\n").into())
                                }
                            }
                        },
                    ));
                }
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}
