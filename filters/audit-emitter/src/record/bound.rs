//! How a record keeps within its bound, whatever a client sends: in steps, each of which leaves less
//! of every text and fewer items of every list.

use audit::canonical::escaped_bytes;
use policy::data_subject::MAX_DATA_SUBJECTS;
use policy::decision::{Decision, Outcome};
use policy::finding::Finding;
use policy::identity::Identity;
use std::net::IpAddr;
use std::rc::Rc;

use super::{ConsentDetail, Envelope, MAX_NAME_BYTES, Observation, cut};
use crate::config::QueryForm;

/// How much is left. What a client adds to a request goes first: nobody drives what his request was, whom it was about
/// and what he got to see out of the record by what else he sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    /// Bytes of each text that a client may add to any request: headers, query, what he says of himself.
    text: usize,
    /// Items of each list of such.
    items: usize,
    /// Bytes of each text that says what the request was, or that a configuration or an issuer has chosen.
    word: usize,
    /// Decisions, and findings of all of them.
    found: usize,
    /// People whom it was about.
    pub(super) people: usize,
}

/// With the last, the longest record is half as long as the shortest bound.
pub(super) const STEPS: [Bound; 8] = [
    Bound::of([1024, 32, 512, 32, MAX_DATA_SUBJECTS]),
    Bound::of([256, 12, 255, 32, MAX_DATA_SUBJECTS]),
    Bound::of([64, 8, 255, 32, MAX_DATA_SUBJECTS]),
    Bound::of([8, 1, 255, 16, MAX_DATA_SUBJECTS]),
    Bound::of([8, 1, 96, 8, MAX_DATA_SUBJECTS]),
    Bound::of([8, 1, 32, 4, MAX_DATA_SUBJECTS]),
    Bound::of([8, 1, 32, 1, 32]),
    Bound::of([8, 1, 8, 1, 1]),
];

impl Bound {
    const fn of([text, items, word, found, people]: [usize; 5]) -> Self {
        Self {
            text,
            items,
            word,
            found,
            people,
        }
    }

    /// What is left of what was observed. What is written as a pseudonym stays whole until it is one:
    /// its length is fixed, and that of a part would be somebody else's.
    pub(super) fn cut(self, observation: &Observation, envelope: &Envelope<'_>) -> Observation {
        let text = |text: &Option<String>| text.as_deref().map(|text| self.text(text));
        let word = |word: &Option<String>| word.as_deref().map(|word| self.word(word));
        let person = |name: &Option<String>| match envelope.subject {
            Some(_) => name.clone(),
            None => name.as_deref().map(|name| self.name(name)),
        };
        let headers = observation.headers.iter().take(self.items);
        Observation {
            time_ms: observation.time_ms,
            duration_ms: observation.duration_ms,
            request_id: text(&observation.request_id),
            method: word(&observation.method),
            path: word(&observation.path),
            path_as_sent: text(&observation.path_as_sent),
            query: match envelope.fields.query {
                QueryForm::Hash => observation.query.clone(),
                _ => text(&observation.query),
            },
            host: word(&observation.host),
            route: word(&observation.route),
            status: observation.status,
            status_details: text(&observation.status_details),
            response_flags: observation.response_flags,
            grpc_status: observation.grpc_status,
            // The path of a socket; an address is short, and a part of one would be another.
            source_ip: observation.source_ip.as_deref().map(|source| {
                let is_address = source.parse::<IpAddr>().is_ok();
                if is_address {
                    source.to_owned()
                } else {
                    self.word(source)
                }
            }),
            trace: observation.trace.clone(),
            request_bytes: observation.request_bytes,
            response_bytes: observation.response_bytes,
            upstream: word(&observation.upstream),
            tls_version: word(&observation.tls_version),
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
            data_subjects: observation.data_subjects.clone(),
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

    fn word(self, word: &str) -> String {
        cut(word, self.word).into_owned()
    }

    /// The name of a caller, which records are searched by: whatever else a client sends, one that is no
    /// longer than the ids of OpenID Connect (255 characters of ASCII) stays whole.
    fn name(self, name: &str) -> String {
        if escaped_bytes(name) <= MAX_NAME_BYTES {
            return name.to_owned();
        }
        self.word(name)
    }

    fn identity(
        self,
        identity: &Identity,
        person: &dyn Fn(&Option<String>) -> Option<String>,
    ) -> Identity {
        let word = |word: &Option<String>| word.as_deref().map(|word| self.word(word));
        Identity {
            subject: person(&identity.subject),
            // Where an application acts for itself, both are one name.
            client_id: match identity.client_id == identity.subject {
                true => person(&identity.client_id),
                false => word(&identity.client_id),
            },
            issuer: word(&identity.issuer),
            tenant: word(&identity.tenant),
            provider: self.word(&identity.provider),
            emergency: word(&identity.emergency),
            roles: {
                let roles = identity.roles.iter().take(self.items);
                roles.map(|role| self.word(role)).collect()
            },
            method: identity.method,
            ..Identity::default()
        }
    }

    /// Refusals are kept before all else.
    fn decisions(self, decisions: &[Decision]) -> Vec<Decision> {
        let refuses =
            |decision: &&Decision| matches!(decision.outcome, Outcome::Denied | Outcome::Error);
        let others = decisions.iter().filter(|decision| !refuses(decision));
        let kept = decisions.iter().filter(refuses).chain(others);
        let mut room = self.found;
        let mut kept: Vec<Decision> = kept
            .take(self.found)
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
                kind: self.word(&finding.kind),
                rule: finding.rule.as_deref().map(|rule| self.word(rule)),
                ..finding.clone()
            })
            .collect();
        *room = room.saturating_sub(findings.len());
        Decision {
            filter: self.word(&decision.filter),
            rule: decision.rule.as_deref().map(|rule| self.word(rule)),
            reason: self.word(&decision.reason),
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
