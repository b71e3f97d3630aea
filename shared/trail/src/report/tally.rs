//! Counts while records are read.

use std::collections::BTreeMap;

use memchr::memmem::Finder;
use serde::Deserialize;

use super::classes::{Found, found, seen};
use super::refusals::{Text, refusals};
use super::request::{HeldBack, Request};
use super::table::{Table, Weight};
use super::timeline::{Fate, Timeline};
use crate::chains::Trail;
use crate::item::Item;
use crate::pipeline::Observer;
use crate::scan::{Fields, Span};
use crate::subject::Subject;

/// Which records are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From this time on, milliseconds since 1970.
    pub from_ms: Option<u64>,
    /// Only requests before this time, in milliseconds since 1970.
    pub to_ms: Option<u64>,
    /// Only requests of this subject.
    pub subject: Option<Subject>,
    /// Only requests about this person.
    pub data_subject: Option<Subject>,
    /// Of this operation; with a `*` at the end, of all that begin so.
    pub route: Option<String>,
    /// Only requests in this retention class.
    pub class: Option<String>,
    /// In whose request or response data of this class was found.
    pub data_class: Option<String>,
}

/// Counts the requests that a filter selects.
#[derive(Debug)]
pub struct Tally<'f> {
    filter: &'f Filter,
    now_ms: u64,
    has_keys: bool,
    decision: Finder<'static>,
    /// Requests that count when a signature vouches for them.
    held_back: HeldBack,
    /// There was no room to hold them back.
    not_held: u64,
    pub(super) first_ms: Option<u64>,
    pub(super) last_ms: Option<u64>,
    pub(super) requests: u64,
    pub(super) fates: [u64; 3],
    pub(super) received: u64,
    pub(super) timeline: Timeline,
    pub(super) subjects: Table<SubjectCounts>,
    pub(super) routes: Table<RouteCounts>,
    pub(super) refusals: Table<RefusalCounts>,
    pub(super) sources: Table<u64>,
    pub(super) data: Table<DataCounts>,
    /// By class, direction and outcome, one on each line.
    pub(super) findings: Table<DataCounts>,
    /// The key of a row, kept for its memory.
    key: String,
    pub(super) purposes: Table<u64>,
    pub(super) opted_out: u64,
    pub(super) consent_erased: u64,
    pub(super) retention: Table<RetentionCounts>,
}

#[derive(Debug, Default)]
pub(super) struct SubjectCounts {
    pub(super) requests: u64,
    pub(super) refused: u64,
    /// Requests whose caller saw personal or other classified data.
    pub(super) sensitive: u64,
    /// The values that the caller saw, and those of each class.
    pub(super) values: u64,
    pub(super) data: BTreeMap<String, u64>,
    pub(super) last_ms: u64,
}

#[derive(Debug, Default)]
pub(super) struct RouteCounts {
    pub(super) requests: u64,
    pub(super) refused: u64,
    pub(super) failed: u64,
    pub(super) sensitive: u64,
}

#[derive(Debug, Default)]
pub(super) struct RefusalCounts {
    pub(super) applied: u64,
    pub(super) reported: u64,
}

#[derive(Debug, Default)]
pub(super) struct DataCounts {
    pub(super) requests: u64,
    pub(super) values: u64,
}

#[derive(Debug, Default)]
pub(super) struct RetentionCounts {
    pub(super) requests: u64,
    pub(super) for_ever: u64,
    pub(super) overdue: u64,
    pub(super) first_ms: Option<u64>,
    pub(super) next_expiry_ms: Option<u64>,
    pub(super) last_expiry_ms: Option<u64>,
}

impl<'f> Tally<'f> {
    /// Nothing was counted yet. With keys, only that counts for which one of them vouches.
    #[must_use]
    pub fn new(filter: &'f Filter, now_ms: u64, has_keys: bool) -> Self {
        Self {
            filter,
            now_ms,
            has_keys,
            decision: Finder::new(DECISION),
            held_back: HeldBack::default(),
            not_held: 0,
            first_ms: None,
            last_ms: None,
            requests: 0,
            fates: [0; 3],
            received: 0,
            timeline: Timeline::default(),
            subjects: Table::default(),
            routes: Table::default(),
            refusals: Table::default(),
            sources: Table::default(),
            data: Table::default(),
            findings: Table::default(),
            key: String::new(),
            purposes: Table::default(),
            opted_out: 0,
            consent_erased: 0,
            retention: Table::default(),
        }
    }

    /// Puts the counts of several threads together.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.first_ms = earliest(self.first_ms, other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
        self.requests += other.requests;
        self.received += other.received;
        self.not_held += other.not_counted();
        for (count, more) in self.fates.iter_mut().zip(other.fates) {
            *count += more;
        }
        self.timeline.merge(other.timeline);
        self.subjects.merge(other.subjects);
        self.routes.merge(other.routes);
        self.refusals.merge(other.refusals);
        self.sources.merge(other.sources);
        self.data.merge(other.data);
        self.findings.merge(other.findings);
        self.purposes.merge(other.purposes);
        self.opted_out += other.opted_out;
        self.consent_erased += other.consent_erased;
        self.retention.merge(other.retention);
        self
    }

    /// Requests that were not counted, since no signature vouches for them.
    #[must_use]
    pub fn not_counted(&self) -> u64 {
        self.not_held.saturating_add(self.held_back.len() as u64)
    }

    fn count(&mut self, request: &Request<'_>) {
        // The record that a request was received comes before the one of what became of it.
        if request.is_received {
            self.received += 1;
            return;
        }
        let refused = request.action_id == 2;
        let fate = match (refused, request.status_id) {
            (true, _) => Fate::Refused,
            (false, 1) => Fate::Allowed,
            (false, _) => Fate::Failed,
        };
        let failed = fate == Fate::Failed;
        let found = found(request.findings);
        let classes = seen(&found);
        let sensitive = !classes.is_empty();
        self.requests += 1;
        if let Some(count) = self.fates.get_mut(fate as usize) {
            *count += 1;
        }
        self.first_ms = earliest(self.first_ms, Some(request.time_ms));
        self.last_ms = self.last_ms.max(Some(request.time_ms));
        self.timeline.add(request.time_ms, fate);
        self.subjects.change(request.subject, |row| {
            row.requests += 1;
            row.refused += u64::from(refused);
            row.sensitive += u64::from(sensitive);
            row.last_ms = row.last_ms.max(request.time_ms);
            for (class, count) in &classes {
                row.saw(class, *count);
            }
        });
        self.routes.change(request.route, |row| {
            row.requests += 1;
            row.refused += u64::from(refused);
            row.failed += u64::from(failed);
            row.sensitive += u64::from(sensitive);
        });
        for (class, count) in &classes {
            self.data.change(class, |row| {
                row.requests += 1;
                row.values = row.values.saturating_add(*count);
            });
        }
        self.count_findings(&found);
        self.sources.change(request.source, |count| *count += 1);
        self.count_refusals(request.refusals);
        self.count_consent(request.consent);
        let now_ms = self.now_ms;
        self.retention
            .change(request.class, |row| row.count(request, now_ms));
    }

    /// How the data that was found was handled, seen or not.
    fn count_findings(&mut self, found: &[Found<'_>]) {
        let mut key = std::mem::take(&mut self.key);
        for (index, one) in found.iter().enumerate() {
            let before = found.get(..index).unwrap_or_default();
            let is_first = !before.iter().any(|other| other.is_alike(one));
            key.clear();
            for part in [one.name(), "\n", one.direction(), "\n", one.outcome()] {
                key.push_str(part);
            }
            self.findings.change(&key, |row| {
                row.requests += u64::from(is_first);
                row.values = row.values.saturating_add(one.count);
            });
        }
        self.key = key;
    }

    /// The decisions of a record, if there is a refusal among them. Nearly all are allowed, and need
    /// no closer look.
    fn refusals<'t>(&self, span: Span, text: &'t str) -> &'t str {
        let text = span.of(text).unwrap_or_default();
        let mut decisions = self.decision.find_iter(text.as_bytes());
        let is_refusal = |at: usize| {
            let decision = text.get(at + DECISION.len()..).unwrap_or_default();
            decision.starts_with(r#"denied""#) || decision.starts_with(r#"error""#)
        };
        if decisions.any(is_refusal) { text } else { "" }
    }

    fn count_refusals(&mut self, text: &str) {
        for refusal in refusals(text) {
            let key = format!("{}\n{}", refusal.rule, refusal.reason);
            self.refusals.change(&key, |row| {
                row.applied += u64::from(refusal.is_applied);
                row.reported += u64::from(!refusal.is_applied);
            });
        }
    }

    fn count_consent(&mut self, text: &str) {
        if text.is_empty() {
            self.consent_erased += 1;
            return;
        }
        self.opted_out += u64::from(text.contains(r#""gpc":true"#));
        if text.contains(r#""purposes":"#)
            && let Ok(consent) = serde_json::from_str::<ConsentText<'_>>(text)
        {
            for purpose in &consent.purposes {
                self.purposes.change(&purpose.0, |count| *count += 1);
            }
        }
    }
}

impl Tally<'_> {
    /// What is counted of a record, if it is asked for.
    fn request<'t>(
        &self,
        item: &Item,
        text: &'t str,
        fields: Option<&Fields>,
    ) -> Option<Request<'t>> {
        let fields = fields.filter(|_| item.control.is_none())?;
        if !self.filter.takes(item, text, fields) {
            return None;
        }
        let refusals = self.refusals(fields.authorizations, text);
        Some(Request::of(item, text, fields, refusals))
    }
}

impl Observer for Tally<'_> {
    const WANTS_VOUCHED: bool = true;

    fn observe_vouched(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        if let Some(request) = self.request(item, text, fields) {
            self.count(&request);
        }
    }

    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        let Some(request) = self.request(item, text, fields) else {
            return;
        };
        if !self.has_keys {
            self.count(&request);
        } else if !self.held_back.add(item.chain, item.sequence, &request) {
            self.not_held += 1;
        }
    }

    fn held_back(&self) -> usize {
        self.held_back.len()
    }

    fn settle(&mut self, trail: &Trail) {
        let mut held_back = std::mem::take(&mut self.held_back);
        held_back.settle(trail, |request| self.count(request));
        self.held_back = held_back;
    }
}

impl Filter {
    /// Whether a record is asked for.
    #[must_use]
    pub fn takes(&self, item: &Item, text: &str, fields: &Fields) -> bool {
        let is_of = |subject: &Subject| subject.is_in(text, fields);
        let mut people = [&self.subject, &self.data_subject].into_iter().flatten();
        people.all(is_of) && self.takes_whoever(item, text, fields)
    }

    /// The same, whomever it is about.
    #[must_use]
    pub fn takes_whoever(&self, item: &Item, text: &str, fields: &Fields) -> bool {
        let route = fields.operation.string(text).unwrap_or("unknown");
        let has_class = |class: &String| {
            let found = fields.findings.of(text).map_or(Vec::new(), found);
            found.iter().any(|one| one.name() == class)
        };
        self.from_ms.is_none_or(|from_ms| item.time_ms >= from_ms)
            && self.to_ms.is_none_or(|to_ms| item.time_ms < to_ms)
            && self
                .route
                .as_ref()
                .is_none_or(|wanted| route_fits(wanted, route))
            && self
                .class
                .as_ref()
                .is_none_or(|class| fields.class.string(text) == Some(class))
            && self.data_class.as_ref().is_none_or(has_class)
    }
}

/// Whether an operation is one that is asked for: `GET /orders*` are all that begin so.
pub(super) fn route_fits(wanted: &str, route: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => route.starts_with(beginning),
        None => route == wanted,
    }
}

impl SubjectCounts {
    fn saw(&mut self, class: &str, values: u64) {
        self.values = self.values.saturating_add(values);
        if let Some(count) = self.data.get_mut(class) {
            *count = count.saturating_add(values);
        } else if self.data.len() < MAX_CLASSES {
            self.data.insert(class.to_owned(), values);
        }
    }
}

impl RetentionCounts {
    fn count(&mut self, request: &Request<'_>, now_ms: u64) {
        self.requests += 1;
        self.first_ms = earliest(self.first_ms, Some(request.time_ms));
        match request.expires_ms {
            None => self.for_ever += 1,
            Some(expires_ms) if expires_ms <= now_ms => self.overdue += 1,
            Some(expires_ms) => {
                self.next_expiry_ms = earliest(self.next_expiry_ms, Some(expires_ms));
                self.last_expiry_ms = self.last_expiry_ms.max(Some(expires_ms));
            }
        }
    }
}

impl Weight for SubjectCounts {
    fn weight(&self) -> u64 {
        // Who saw data is kept before who did not, and who took much in one request before who took little in many.
        self.requests.saturating_add(self.values)
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.refused += other.refused;
        self.sensitive += other.sensitive;
        self.values = self.values.saturating_add(other.values);
        self.last_ms = self.last_ms.max(other.last_ms);
        for (class, count) in other.data {
            if self.data.len() < MAX_CLASSES || self.data.contains_key(&class) {
                let known = self.data.entry(class).or_default();
                *known = known.saturating_add(count);
            }
        }
    }
}

impl Weight for RouteCounts {
    fn weight(&self) -> u64 {
        self.requests
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.refused += other.refused;
        self.failed += other.failed;
        self.sensitive += other.sensitive;
    }
}

impl Weight for RefusalCounts {
    fn weight(&self) -> u64 {
        self.applied + self.reported
    }

    fn add(&mut self, other: Self) {
        self.applied += other.applied;
        self.reported += other.reported;
    }
}

impl Weight for DataCounts {
    fn weight(&self) -> u64 {
        self.requests
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.values = self.values.saturating_add(other.values);
    }
}

impl Weight for RetentionCounts {
    fn weight(&self) -> u64 {
        self.requests
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.for_ever += other.for_ever;
        self.overdue += other.overdue;
        self.first_ms = earliest(self.first_ms, other.first_ms);
        self.next_expiry_ms = earliest(self.next_expiry_ms, other.next_expiry_ms);
        self.last_expiry_ms = self.last_expiry_ms.max(other.last_expiry_ms);
    }
}

fn earliest(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[derive(Deserialize)]
struct ConsentText<'t> {
    #[serde(default, borrow)]
    purposes: Vec<Text<'t>>,
}

const DECISION: &str = r#""decision":""#;
const MAX_CLASSES: usize = 64;
