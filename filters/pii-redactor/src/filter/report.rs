//! What is reported about what was found: metrics, decisions and log lines, never a value.
//!
//! Findings are handed over as they happen: a message may be cut off at any time, and what it had in
//! it until then is evidence.

use host::{Direction, Filter as _, Host, LogLevel, exchange};
use policy::decision::{Decision, Outcome};
use policy::finding::{Finding, FindingOutcome, Place};

use super::reason::{NotSearched, Reason};
use super::{PiiRedactor, RedactedStream};
use crate::limits::Excess;
use crate::plan::{Plan, RuleMode};
use crate::tally::{Became, Count, Tally};

/// How much of a tally has been handed over.
#[derive(Debug, Default)]
pub(super) struct HandedOver(Vec<u64>);

/// Whether the message that something was found in goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The message goes on, changed.
    Changed,
    /// It goes on as it came.
    Unchanged,
    /// The message is stopped.
    Stopped,
}

impl HandedOver {
    /// The counts that are new, or have grown.
    pub(super) fn advance(&mut self, tally: &Tally) -> Vec<Count> {
        let counts = tally.counts();
        self.0.resize(counts.len(), 0);
        let mut new = Vec::new();
        for (count, known) in counts.iter().zip(&mut self.0) {
            let number = count.number.saturating_sub(*known);
            if number > 0 {
                new.push(Count { number, ..*count });
            }
            *known = count.number;
        }
        new
    }
}

impl RedactedStream {
    /// Hands over what has been found in a body since the last time.
    pub(super) fn hand_over(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        is_stopped: bool,
    ) {
        let Some(work) = self.work(direction) else {
            return;
        };
        let fate = match (is_stopped, work.changes) {
            (true, _) => Fate::Stopped,
            (false, true) => Fate::Changed,
            (false, false) => Fate::Unchanged,
        };
        let new = work.handed_over.advance(work.pipeline.tally());
        let plan = std::rc::Rc::clone(&work.plan);
        let people = work.pipeline.tally().settled_people();
        let known: usize = people.iter().map(|people| people.values.len()).sum();
        if known > work.people_told {
            exchange::append_data_subjects(host, &people);
            work.people_told = known;
        }
        found(filter, host, body_of(direction), &plan, (&new, fate));
    }

    /// Reports a body that is complete, once: what it had in it, and what was wrong with it.
    pub(super) fn report_body(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
    ) {
        self.hand_over(filter, host, direction, false);
        let place = body_of(direction);
        let Some(work) = self.work(direction).filter(|work| !work.is_reported) else {
            return;
        };
        work.is_reported = true;
        let people = work.pipeline.tally().settled_people();
        if !people.is_empty() {
            // Also that nobody was named, or that not all of it was read.
            exchange::append_data_subjects(host, &people);
        }
        if let Some(malformed) = work.pipeline.malformed() {
            filter
                .metrics
                .count(host, "malformed_total", &[("where", place.as_str())]);
            filter.throttle.log(host, LogLevel::Warn, || {
                format!(
                    "pii-redactor: {} is not what its content type says: {} at byte {}; from there \
                     on it was searched as text",
                    place.as_str(),
                    malformed.what.as_str(),
                    malformed.offset
                )
            });
        }
        let unsearched = work.pipeline.unsearched();
        for (reason, number) in [
            (NotSearched::File, unsearched.files),
            (NotSearched::EncodedPart, unsearched.encoded_parts),
        ] {
            if number > 0 {
                not_searched(filter, host, place, reason, number);
            }
        }
        if unsearched.is_binary {
            not_searched(filter, host, place, work.binary, 1);
        }
    }
}

const fn body_of(direction: Direction) -> Place {
    match direction {
        Direction::Request => Place::RequestBody,
        Direction::Response => Place::ResponseBody,
    }
}

/// Hands over what was found in a place: to metrics, and as decisions to the filters of the chain.
pub(super) fn found(
    filter: &PiiRedactor,
    host: &dyn Host,
    place: Place,
    plan: &Plan,
    (counts, fate): (&[Count], Fate),
) {
    for (index, rule) in plan.rules.iter().enumerate() {
        let mut decisions: [Option<Decision>; 2] = [None, None];
        for count in counts
            .iter()
            .filter(|count| usize::from(count.rule) == index)
        {
            let kind = Tally::word(plan, count.entity);
            let changed = count.became != Became::Stayed && fate != Fate::Unchanged;
            let labels = [
                ("type", kind),
                ("where", place.as_str()),
                ("rule", rule.name.as_str()),
                ("outcome", if changed { "redacted" } else { "reported" }),
            ];
            filter
                .metrics
                .add(host, "findings_total", &labels, count.number);
            let Some(slot) = decisions.get_mut(usize::from(changed)) else {
                continue;
            };
            let decision = slot.get_or_insert_with(|| {
                let outcome = if changed || rule.mode == RuleMode::Report {
                    Outcome::Redacted
                } else {
                    Outcome::Allowed
                };
                Decision::new(PiiRedactor::NAME, outcome)
                    .rule(rule.name.as_str())
                    .reason(reason(place))
                    .report_only(rule.mode == RuleMode::Report)
            });
            decision.findings.push(Finding {
                kind: kind.to_owned(),
                category: plan.category(count.entity),
                rule: None,
                place,
                outcome: outcome(count.became, fate, place),
                count: count.number,
            });
        }
        for decision in decisions.into_iter().flatten() {
            exchange::append_decision(host, decision);
        }
    }
}

fn outcome(became: Became, fate: Fate, place: Place) -> FindingOutcome {
    match (became, fate) {
        (_, Fate::Stopped) => FindingOutcome::Blocked,
        (Became::Stayed, _) | (_, Fate::Unchanged) => FindingOutcome::unchanged(place.direction()),
        (Became::Masked, Fate::Changed) => FindingOutcome::Masked,
        (Became::Removed, Fate::Changed) => FindingOutcome::Removed,
        (Became::Blocked, Fate::Changed) => FindingOutcome::Blocked,
    }
}

/// A body, or parts of it, passed without being searched.
pub(super) fn not_searched(
    filter: &PiiRedactor,
    host: &dyn Host,
    place: Place,
    reason: NotSearched,
    number: u64,
) {
    let reason = reason.as_str();
    filter
        .metrics
        .add(host, "skipped_total", &[("reason", reason)], number);
    let decision = Decision::new(PiiRedactor::NAME, Outcome::NotSearched)
        .reason(&format!("{}_{reason}", self::reason(place)));
    exchange::append_decision(host, decision);
    filter.throttle.log(host, LogLevel::Info, || {
        format!(
            "pii-redactor: {} was not searched: {reason}",
            place.as_str()
        )
    });
}

/// A message asks for more than a rule lets it.
pub(super) fn exceeded(
    filter: &PiiRedactor,
    host: &dyn Host,
    direction: Direction,
    (rule, enforces): (&str, bool),
    excess: Excess,
) {
    let reason = excess.as_str();
    let labels = [
        ("limit", reason),
        ("direction", direction.as_str()),
        ("rule", rule),
        ("outcome", if enforces { "refused" } else { "reported" }),
    ];
    filter.metrics.count(host, "exceeded_total", &labels);
    let decision = Decision::new(PiiRedactor::NAME, Outcome::Denied)
        .rule(rule)
        .reason(reason)
        .report_only(!enforces);
    exchange::append_decision(host, decision);
}

/// A finding says that a message goes no further.
pub(super) fn blocked(filter: &PiiRedactor, host: &dyn Host, direction: Direction, reason: Reason) {
    let labels = [("direction", direction.as_str())];
    filter.metrics.count(host, "blocked_total", &labels);
    let reason = reason.as_str();
    let decision = Decision::new(PiiRedactor::NAME, Outcome::Denied).reason(reason);
    exchange::append_decision(host, decision);
    filter.throttle.log(host, LogLevel::Info, || {
        "pii-redactor: a message was blocked for what is in it".to_owned()
    });
}

/// A message that rules are about could not be redacted.
pub(super) fn unredacted(
    filter: &PiiRedactor,
    host: &dyn Host,
    reason: Reason,
    blocked: bool,
    report_only: bool,
) {
    let outcome = if blocked { "blocked" } else { "passed" };
    let reason = reason.as_str();
    filter.metrics.count(
        host,
        "unredacted_total",
        &[("reason", reason), ("outcome", outcome)],
    );
    let decision = Decision::new(PiiRedactor::NAME, Outcome::Error)
        .reason(reason)
        .report_only(report_only);
    exchange::append_decision(host, decision);
    filter.throttle.log(host, LogLevel::Warn, || {
        format!("pii-redactor: a message could not be redacted and was {outcome}: {reason}")
    });
}

/// The place as a reason code.
const fn reason(place: Place) -> &'static str {
    match place {
        Place::RequestBody => "request_body",
        Place::RequestHeaders => "request_headers",
        Place::RequestQuery => "request_query",
        Place::RequestCookies => "request_cookies",
        Place::RequestTrailers => "request_trailers",
        Place::ResponseBody => "response_body",
        Place::ResponseHeaders => "response_headers",
        Place::ResponseTrailers => "response_trailers",
    }
}
