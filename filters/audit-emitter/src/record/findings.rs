//! Which data the messages held, and what became of it.
//!
//! `resources` says what was found, in the words of OCSF; `unmapped.findings` says where, in which
//! direction, and whether it went on in clear, which the schema has no place for. Who has seen which
//! data is answered by the second alone.

use audit::canonical::Writer;
use policy::finding::{Category, Finding};

use super::{Envelope, Observation, name, number};

/// The array `resources`: every kind of data that was found in request or response.
pub(super) fn write_resources(w: &mut Writer, observation: &Observation, envelope: &Envelope<'_>) {
    let mut kinds: Vec<(&str, Category, u64)> = Vec::new();
    for (_, finding) in findings(observation) {
        let known = kinds
            .iter_mut()
            .find(|(kind, category, _)| *kind == finding.kind && *category == finding.category);
        match known {
            Some((_, _, count)) => *count = count.saturating_add(finding.count),
            None => kinds.push((&finding.kind, finding.category, finding.count)),
        }
    }
    if kinds.is_empty() {
        return;
    }
    // Not the path, which may name people and is recorded once, where it can be erased.
    let called = envelope
        .template
        .or(observation.route.as_deref())
        .or(observation.host.as_deref())
        .unwrap_or("unknown");
    w.member("resources", |w| {
        w.array(|w| {
            w.item(|w| {
                w.object(|w| {
                    w.member("data_classifications", |w| {
                        w.array(|w| {
                            for (kind, category, count) in kinds {
                                w.item(|w| write_classification(w, kind, category, count));
                            }
                        });
                    });
                    name(w, "name", Some(called));
                });
            });
        });
    });
}

/// The members `findings` and `findings_omitted` of `unmapped`.
pub(super) fn write_findings(w: &mut Writer, observation: &Observation) {
    if findings(observation).next().is_some() {
        w.member("findings", |w| {
            w.array(|w| {
                for (rule, finding) in findings(observation) {
                    w.item(|w| write_finding(w, rule, finding));
                }
            });
        });
    }
    let omitted = observation
        .decisions
        .iter()
        .map(|decision| decision.omitted);
    let omitted = omitted.fold(0, u64::saturating_add);
    number(
        w,
        "findings_omitted",
        Some(omitted).filter(|count| *count > 0),
    );
}

fn write_finding(w: &mut Writer, rule: Option<&str>, finding: &Finding) {
    w.object(|w| {
        w.text_member("category", finding.category.as_str());
        w.number_member("count", finding.count);
        w.text_member("direction", finding.direction().as_str());
        name(w, "kind", Some(&finding.kind));
        w.text_member("outcome", finding.outcome.as_str());
        w.text_member("place", finding.place.as_str());
        name(w, "rule", rule);
    });
}

fn write_classification(w: &mut Writer, kind: &str, category: Category, count: u64) {
    w.object(|w| {
        w.text_member("category", category.ocsf_caption());
        w.number_member("category_id", category.ocsf_id());
        w.member("discovery_details", |w| {
            w.array(|w| {
                w.item(|w| {
                    w.object(|w| {
                        w.number_member("count", count);
                        name(w, "type", Some(kind));
                    });
                });
            });
        });
    });
}

/// All findings, each with the rule that asked for it.
fn findings(observation: &Observation) -> impl Iterator<Item = (Option<&str>, &Finding)> {
    observation.decisions.iter().flat_map(|decision| {
        let rule = decision.rule.as_deref();
        let with_rule = move |finding| -> (Option<&str>, &Finding) {
            let finding: &Finding = finding;
            (finding.rule.as_deref().or(rule), finding)
        };
        decision.findings.iter().map(with_rule)
    })
}
