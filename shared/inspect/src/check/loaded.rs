//! What a filter does on a host that cannot do all that Envoy can: the configuration is loaded in a simulated
//! proxy of that host.

use host::fake::Profile;
use meshward_bundle::config::{Part, split};
use pii_redactor::config::{Config, FailurePolicy, Place};
use policy::config::{Checked, Configuration as _, Warning};
use policy::filters::PII_REDACTOR;

use super::BUNDLE;
use crate::simulated;

/// What was found of a configuration, with what the filter refuses there, if nothing else is wrong with it.
pub(super) fn on_host(
    checked: Checked<()>,
    filter: &str,
    host: Profile,
    text: &str,
) -> Checked<()> {
    if checked.result.is_err() || host == Profile::Envoy {
        return checked;
    }
    let environment = simulated::environment(text);
    let refused = simulated::refusals(filter, host, text, &environment);
    let mut warnings = checked.warnings;
    if refused.is_none() {
        warnings.extend(refusing_rules(filter, text));
    }
    Checked {
        result: refused.map_or(Ok(()), Err),
        warnings,
        ..checked
    }
}

/// Rules about bodies that enforce, which are all that such a host refuses: it cannot change bodies.
fn refusing_rules(filter: &str, text: &str) -> Vec<Warning> {
    match filter {
        PII_REDACTOR => of_redactor(text),
        BUNDLE => {
            let parts = split(text).parts.into_iter();
            let redact = parts.filter(|found| found.part == Part::Redact);
            redact
                .flat_map(|found| of_redactor(&found.json))
                .map(|warning| warning.under(Part::Redact.key()))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn of_redactor(text: &str) -> Vec<Warning> {
    let Ok(config) = Config::check(text).result else {
        return Vec::new();
    };
    if config.on_error.host_readonly == FailurePolicy::Pass {
        return Vec::new();
    }
    let about_bodies = config.rules.iter().filter(|rule| {
        rule.mode.enforces()
            && (rule.places.has(Place::RequestBody) || rule.places.has(Place::ResponseBody))
    });
    about_bodies
        .map(|rule| {
            let message = format!(
                "rule {:?} is about bodies, which this host cannot change: every request with one that it matches is refused (host_readonly)",
                rule.name
            );
            Warning::new("body_rule_refuses", "rules", message)
        })
        .collect()
}
