//! About whom a request was, and what of them its caller got to see.

use audit::canonical::Writer;
use policy::finding::{Direction, FindingOutcome};

use super::{Envelope, MAX_NAME_BYTES, Observation, cut};

/// The object `data_subject`, as canonical text: pseudonyms, and for each class of data in the
/// response how it was disclosed.
pub(super) fn written(observation: &Observation, envelope: &Envelope<'_>) -> Option<String> {
    let people = observation.data_subjects.as_ref()?;
    let pseudonymizer = envelope.subject?;
    let mut writer = Writer::of_part(256);
    writer.object(|w| {
        let disclosed = disclosed(observation);
        if !disclosed.is_empty() {
            w.member("disclosed", |w| {
                w.array(|w| {
                    for (class, outcome) in &disclosed {
                        w.item(|w| {
                            w.object(|w| {
                                w.text_member("class", class);
                                w.text_member("form", word(*outcome));
                            });
                        });
                    }
                });
            });
        }
        if people.is_incomplete {
            w.member("incomplete", |w| w.boolean(true));
        }
        if people.omitted > 0 {
            w.number_member("omitted", people.omitted);
        }
        w.member("uids", |w| {
            w.array(|w| {
                for person in &people.values {
                    w.item(|w| w.string(&pseudonymizer.data_subject(person)));
                }
            });
        });
    });
    Some(writer.into_text())
}

/// What became of each class of data in the response, in the order of their names. Where values of
/// one class fared differently, the one that tells most counts.
fn disclosed(observation: &Observation) -> Vec<(String, FindingOutcome)> {
    let findings = observation
        .decisions
        .iter()
        .flat_map(|decision| &decision.findings)
        .filter(|finding| finding.direction() == Direction::Response);
    let mut classes: Vec<(String, FindingOutcome)> = Vec::new();
    for finding in findings {
        let class = cut(&finding.kind, MAX_NAME_BYTES).into_owned();
        match classes.binary_search_by(|(known, _)| known.cmp(&class)) {
            Ok(place) => {
                if let Some((_, outcome)) = classes.get_mut(place) {
                    *outcome = (*outcome).min(finding.outcome);
                }
            }
            Err(place) => classes.insert(place, (class, finding.outcome)),
        }
    }
    classes
}

/// The outcomes are in order: what is in clear comes first.
const fn word(outcome: FindingOutcome) -> &'static str {
    match outcome {
        FindingOutcome::Masked => "masked",
        FindingOutcome::Removed => "removed",
        FindingOutcome::Blocked => "blocked",
        _ => "clear",
    }
}
