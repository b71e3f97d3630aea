//! How a record keeps within its bound, whatever a client sends: in steps, each of which leaves less
//! of every text and fewer items of every list.

use audit::canonical::escaped_bytes;
use policy::decision::{Decision, Outcome};
use policy::finding::Finding;
use policy::identity::Identity;
use std::rc::Rc;

use super::{ConsentDetail, Envelope, MAX_NAME_BYTES, Observation, ObservedSubjects, cut};
use crate::config::QueryForm;

/// How much is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    /// Bytes of each text.
    text: usize,
    /// Items of each list.
    items: usize,
}

/// With the last, the longest record is half as long as the shortest bound.
pub(super) const STEPS: [Bound; 6] = [
    Bound {
        text: 1024,
        items: 32,
    },
    Bound {
        text: 512,
        items: 16,
    },
    Bound {
        text: 256,
        items: 12,
    },
    Bound { text: 96, items: 8 },
    Bound { text: 32, items: 4 },
    Bound { text: 8, items: 1 },
];

impl Bound {
    /// What is left of what was observed. What is written as a pseudonym stays whole until it is one:
    /// its length is fixed, and that of a part would be somebody else's.
    pub(super) fn cut(self, observation: &Observation, envelope: &Envelope<'_>) -> Observation {
        let text = |text: &Option<String>| text.as_deref().map(|text| self.text(text));
        let person = |name: &Option<String>| match envelope.subject {
            Some(_) => name.clone(),
            None => name.as_deref().map(|name| self.name(name)),
        };
        let headers = observation.headers.iter().take(self.items);
        Observation {
            time_ms: observation.time_ms,
            duration_ms: observation.duration_ms,
            request_id: text(&observation.request_id),
            method: text(&observation.method),
            path: text(&observation.path),
            path_as_sent: text(&observation.path_as_sent),
            query: match envelope.fields.query {
                QueryForm::Hash => observation.query.clone(),
                _ => text(&observation.query),
            },
            host: text(&observation.host),
            route: text(&observation.route),
            status: observation.status,
            status_details: text(&observation.status_details),
            response_flags: observation.response_flags,
            grpc_status: observation.grpc_status,
            source_ip: observation.source_ip.clone(),
            trace: observation.trace.clone(),
            request_bytes: observation.request_bytes,
            response_bytes: observation.response_bytes,
            upstream: text(&observation.upstream),
            tls_version: observation.tls_version.clone(),
            user_agent: text(&observation.user_agent),
            headers: headers
                .map(|(name, value)| (name.clone(), self.text(value)))
                .collect(),
            forwarded_for: observation.forwarded_for.clone().filter(|_| self.items > 8),
            identity: observation
                .identity
                .as_ref()
                .map(|one| Rc::new(self.identity(one, &person))),
            peer: person(&observation.peer),
            data_subjects: observation
                .data_subjects
                .as_ref()
                .map(|people| self.people(people)),
            decisions: self.decisions(&observation.decisions),
            opted_out: observation.opted_out,
            purposes: observation
                .purposes
                .as_ref()
                .map(|purposes| self.texts(purposes)),
            consent_unreadable: observation.consent_unreadable,
            consent: ConsentDetail {
                policy: observation.consent.policy.clone(),
                receipt: text(&observation.consent.receipt),
                required: self.texts(&observation.consent.required),
                signals: observation
                    .consent
                    .signals
                    .iter()
                    .take(self.items)
                    .cloned()
                    .collect(),
            },
            is_isolated: observation.is_isolated,
            is_truncated: true,
        }
    }

    fn texts(self, texts: &[String]) -> Vec<String> {
        let texts = texts.iter().take(self.items);
        texts.map(|text| self.text(text)).collect()
    }

    fn text(self, text: &str) -> String {
        cut(text, self.text).into_owned()
    }

    /// The name of a caller, which records are searched by: whatever else a client sends, one that is no
    /// longer than the ids of OpenID Connect (255 characters of ASCII) stays whole.
    fn name(self, name: &str) -> String {
        if escaped_bytes(name) <= MAX_NAME_BYTES {
            return name.to_owned();
        }
        self.text(name)
    }

    fn identity(
        self,
        identity: &Identity,
        person: &dyn Fn(&Option<String>) -> Option<String>,
    ) -> Identity {
        let text = |text: &Option<String>| text.as_deref().map(|text| self.text(text));
        Identity {
            subject: person(&identity.subject),
            // Where an application acts for itself, both are one name.
            client_id: match identity.client_id == identity.subject {
                true => person(&identity.client_id),
                false => text(&identity.client_id),
            },
            issuer: text(&identity.issuer),
            tenant: text(&identity.tenant),
            provider: self.text(&identity.provider),
            emergency: text(&identity.emergency),
            method: identity.method,
            ..Identity::default()
        }
    }

    /// Who has no place is counted: a pseudonym cannot be made of a part of a name.
    fn people(self, people: &ObservedSubjects) -> ObservedSubjects {
        let lost = people.values.len().saturating_sub(self.items);
        ObservedSubjects {
            values: people.values.iter().take(self.items).cloned().collect(),
            omitted: people
                .omitted
                .saturating_add(u64::try_from(lost).unwrap_or(0)),
            is_incomplete: people.is_incomplete,
        }
    }

    /// Refusals are kept before all else.
    fn decisions(self, decisions: &[Decision]) -> Vec<Decision> {
        let refuses =
            |decision: &&Decision| matches!(decision.outcome, Outcome::Denied | Outcome::Error);
        let others = decisions.iter().filter(|decision| !refuses(decision));
        let kept = decisions.iter().filter(refuses).chain(others);
        let mut room = self.items;
        let mut kept: Vec<Decision> = kept
            .take(self.items)
            .map(|decision| self.decision(decision, &mut room))
            .collect();
        let lost = decisions.iter().map(values).fold(0, u64::saturating_add);
        let left = kept.iter().map(values).fold(0, u64::saturating_add);
        if let Some(last) = kept.last_mut() {
            last.omitted = last.omitted.saturating_add(lost.saturating_sub(left));
        }
        Decision::sort_by_chain(&mut kept);
        kept
    }

    fn decision(self, decision: &Decision, room: &mut usize) -> Decision {
        let findings = decision.findings.iter().take(*room);
        let findings: Vec<Finding> = findings
            .map(|finding| Finding {
                kind: self.text(&finding.kind),
                rule: finding.rule.as_deref().map(|rule| self.text(rule)),
                ..finding.clone()
            })
            .collect();
        *room = room.saturating_sub(findings.len());
        Decision {
            filter: self.text(&decision.filter),
            rule: decision.rule.as_deref().map(|rule| self.text(rule)),
            reason: self.text(&decision.reason),
            findings,
            ..decision.clone()
        }
    }
}

/// How many values a decision speaks of.
fn values(decision: &Decision) -> u64 {
    let counts = decision.findings.iter().map(|finding| finding.count);
    counts.fold(decision.omitted, u64::saturating_add)
}
