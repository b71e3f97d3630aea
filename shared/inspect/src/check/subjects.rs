//! About whom messages are: audit-emitter records what pii-redactor finds in their bodies.

use policy::filters::{AUDIT_EMITTER, PII_REDACTOR};
use policy::json::Json;

use super::rerouted::Placed;
use super::wiring::Fault;
use super::{BUNDLE, codes};

/// Rules of audit-emitter that ask for people in bodies where no pii-redactor looks for them. In the bundle
/// it looks by itself.
pub(super) fn check(filters: &[Placed]) -> Vec<Fault> {
    let mut faults = Vec::new();
    if filters.iter().any(|placed| placed.filter == BUNDLE) {
        return faults;
    }
    let looking = filters
        .iter()
        .filter(|placed| placed.filter == PII_REDACTOR);
    let is_there = looking.clone().next().is_some();
    for way in ["request", "response"] {
        if looking
            .clone()
            .any(|placed| asking(&placed.config, way).next().is_some())
        {
            continue;
        }
        let asks = filters.iter().filter(|placed| {
            // Where the filters are in files of their own, the other may be in one of them.
            placed.filter == AUDIT_EMITTER && (is_there || placed.chain.is_some())
        });
        for placed in asks {
            faults.extend(asking(&placed.config, way).map(|place| Fault {
                code: &codes::DATA_SUBJECT_UNSEEN,
                is_error: false,
                bypasses: Vec::new(),
                span: placed.span.clone(),
                message: format!(
                    "rules[{place}].data_subject: asks for people in bodies of {way}s, and no rule of pii-redactor looks there: say the same data_subject in one"
                ),
            }));
        }
    }
    faults
}

/// The places of the rules that name people by a path into one kind of bodies.
fn asking<'c>(config: &'c Json, way: &'static str) -> impl Iterator<Item = usize> + use<'c> {
    let rules = config.member("rules").and_then(Json::as_array);
    let rules = rules.unwrap_or_default().iter().enumerate();
    let asks = move |rule: &Json| {
        let sources = match rule.member("data_subject") {
            Some(Json::Array(items)) => items.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        sources.iter().any(|source| source.member(way).is_some())
    };
    rules
        .filter(move |(_, rule)| asks(rule))
        .map(|(place, _)| place)
}
