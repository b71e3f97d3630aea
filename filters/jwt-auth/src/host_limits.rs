//! What a configuration asks for and a host cannot do, where nothing less would be safe.

use host::Capabilities;
use policy::config::{Problem, Problems};

use crate::config::{Config, Location};

/// Refuses to keep a credential from the upstream where the host would send it on all the same, and
/// errors of the upstream from the client where the host would let them pass.
pub(crate) fn check(config: &Config, capabilities: &Capabilities) -> Result<(), Problems> {
    let mut problems = Vec::new();
    for provider in config.providers.iter().filter(|provider| !provider.forward) {
        let name = &provider.name;
        for (place, location) in provider.from.iter().enumerate() {
            if matches!(location, Location::Query(_)) && !capabilities.rewrites_paths() {
                let message = "this host cannot rewrite a query, so the upstream would see the \
                               credential; say \"forward\": true for this provider if it may, or \
                               take the credential from a header or a cookie";
                let path = format!("providers.{name}.from[{place}].query");
                problems.push(Problem::new(path, message));
            }
        }
    }
    for (place, rule) in config.response_rules.iter().enumerate() {
        if rule.hides_errors && !capabilities.replaces_responses() {
            let message = "this host cannot replace a response, so the client would see the error";
            problems.push(Problem::new(
                format!("response_rules[{place}].hide_errors"),
                message,
            ));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems::from_list(problems))
    }
}
