//! The case files against the modules in a real Envoy, over HTTP/1.1 and HTTP/2.

use envoy_test::cases::{self, RealEnvoy};
use envoy_test::client::Protocol;
use envoy_test::{FILTERS, Result};
use host::fake::Profile;

#[test]
fn a_real_envoy_does_what_the_cases_say() -> Result<()> {
    let mut differences = Vec::new();
    for protocol in Protocol::BOTH {
        for filter in FILTERS {
            let mut backend = RealEnvoy::new(filter, protocol)?;
            for (file, cases) in cases::of_filter(filter)? {
                for case in cases
                    .cases
                    .iter()
                    .filter(|case| case.holds_on(Profile::Envoy))
                {
                    let found = cases::run(case, &cases, &mut backend)?;
                    let place = format!("{file} over {protocol:?}");
                    differences.extend(found.iter().map(|line| format!("{place}: {line}")));
                }
            }
        }
    }
    assert_eq!(differences, Vec::<String>::new());
    Ok(())
}
