//! About whom a request was, and what of them its caller got to see.

use audit::canonical::Writer;
use policy::finding::{Direction, FindingOutcome};

use super::{Envelope, MAX_NAME_BYTES, Observation, cut};

/// What the caller of a request got in clear of the data of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disclosed<'o> {
    /// The class of data, such as `EMAIL`.
    pub class: &'o str,
    /// How many values of that class the caller got in clear.
    pub values: u64,
    /// About how many people the request was, where its rule says who they are.
    pub people: u64,
}

impl Observation {
    /// What its caller got in clear, each class once.
    #[must_use]
    pub fn disclosed(&self) -> Vec<Disclosed<'_>> {
        let people = self.data_subjects.as_ref().map_or(0, |people| {
            let named = u64::try_from(people.values.len()).unwrap_or(u64::MAX);
            named.saturating_add(people.omitted)
        });
        let findings = self
            .decisions
            .iter()
            .flat_map(|decision| &decision.findings);
        let mut disclosed: Vec<Disclosed<'_>> = Vec::new();
        for finding in findings.filter(|finding| finding.outcome == FindingOutcome::Seen) {
            let class = finding.kind.as_str();
            match disclosed.iter_mut().find(|known| known.class == class) {
                Some(known) => known.values = known.values.saturating_add(finding.count),
                None => disclosed.push(Disclosed {
                    class,
                    values: finding.count,
                    people,
                }),
            }
        }
        disclosed
    }
}

/// The pseudonyms of all whom a request is about.
pub(super) fn pseudonyms(observation: &Observation, envelope: &Envelope<'_>) -> Vec<String> {
    let people = observation.data_subjects.as_ref().zip(envelope.subject);
    let pseudonyms = people.map(|(people, pseudonymizer)| {
        let people = people.values.iter();
        people
            .map(|person| pseudonymizer.data_subject(person))
            .collect()
    });
    pseudonyms.unwrap_or_default()
}

/// The object `data_subject`, as canonical text: the pseudonyms `uids` (whom it has no place for is
/// counted), and for each class of data in the response how it was disclosed.
pub(super) fn written(
    observation: &Observation,
    envelope: &Envelope<'_>,
    uids: &[String],
) -> Option<String> {
    let people = observation.data_subjects.as_ref()?;
    envelope.subject?;
    let left_out = people.values.len().saturating_sub(uids.len());
    let left_out = u64::try_from(left_out).unwrap_or(u64::MAX);
    let omitted = people.omitted.saturating_add(left_out);
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
        if omitted > 0 {
            w.number_member("omitted", omitted);
        }
        w.member("uids", |w| {
            w.array(|w| {
                for uid in uids {
                    w.item(|w| w.string(uid));
                }
            });
        });
    });
    Some(writer.into_text())
}

/// How each class of data in the response was handled, in the order of their names. Where values of
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
