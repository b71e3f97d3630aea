//! From a case file as it is written to one that can be run: the configuration alone, and credentials
//! in place of claims.

use std::time::Duration;

use cases::CaseFile;
use host::fake::{Process, Profile};
use inspect::caller::{Callers, authenticates, present};
use inspect::check::configured;
use serde_json::Value;

/// What time it is for the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// That of the simulated proxy, which stands still between the steps.
    Simulated,
    /// That of the machine.
    Real,
}

/// Makes a case file ready; whose configuration it has, and what simulates the host that it is for.
pub(super) fn prepare(
    file: &mut CaseFile,
    clock: Clock,
) -> Result<(&'static str, Profile), String> {
    let configured = configured::one(&file.configuration, file.filter.as_deref())?;
    let filter = configured.filter;
    let profile = configured.profile.unwrap_or(Profile::Envoy);
    file.configuration = configured.json;
    let has_claims = file
        .cases
        .iter()
        .flat_map(|case| &case.steps)
        .any(|step| step.request.claims.is_some());
    if !has_claims {
        return Ok((filter, profile));
    }
    let callers = match authenticates(filter, &file.configuration) {
        true => Some(Callers::of(filter, &file.configuration)?),
        false => None,
    };
    if let Some(callers) = &callers {
        file.configuration.clone_from(&callers.configuration);
    }
    for case in &mut file.cases {
        let mut now = match clock {
            Clock::Simulated => match file.at {
                Some(at) => at.0,
                None => Process::new(Profile::Envoy).wall_clock(),
            },
            Clock::Real => Duration::from_millis(trail::time::now_ms()),
        };
        for step in &mut case.steps {
            now = now.saturating_add(step.advance.0);
            let Some(claims) = step.request.claims.take() else {
                continue;
            };
            let claims = serde_json::to_value(claims).map_err(|error| error.to_string())?;
            let Value::Object(claims) = claims else {
                continue;
            };
            present(&mut step.request, callers.as_ref(), &claims, now.as_secs())?;
        }
    }
    Ok((filter, profile))
}
