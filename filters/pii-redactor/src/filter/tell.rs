//! What is said about what was found: metrics, decisions and log lines, never a value.

use host::{Direction, Host, LogLevel, exchange};
use policy::decision::{Decision, Outcome};
use policy::finding::{Category, Finding, FindingOutcome};

use super::{PiiRedactor, RedactedStream};
use host::Filter as _;

use crate::config::Place;
use crate::plan::Plan;
use crate::tally::Tally;

impl RedactedStream {
    /// What was found in a body, once.
    pub(super) fn tell(&mut self, filter: &PiiRedactor, host: &dyn Host, direction: Direction) {
        let place = match direction {
            Direction::Request => Place::RequestBody,
            Direction::Response => Place::ResponseBody,
        };
        let Some(work) = self.work(direction).filter(|work| !work.told) else {
            return;
        };
        work.told = true;
        if work.pipeline.is_malformed() {
            filter
                .metrics
                .count(host, "malformed_total", &[("where", place.as_str())]);
            filter.throttle.log(host, LogLevel::Warn, || {
                format!(
                    "pii-redactor: {} is not what its content type says; it was scanned as text",
                    place.as_str()
                )
            });
        }
        let (files, unread) = work.pipeline.unsearched_parts();
        if files > 0 {
            filter
                .metrics
                .add(host, "skipped_total", &[("reason", "file")], files);
        }
        if unread > 0 {
            filter
                .metrics
                .add(host, "skipped_total", &[("reason", "encoded_part")], unread);
        }
        let (plan, changes) = (std::rc::Rc::clone(&work.plan), work.changes);
        found(filter, host, place, &plan, work.pipeline.tally(), changes);
    }
}

/// Counts what was found in a place; `changes` says that what should change has.
pub(super) fn found(
    filter: &PiiRedactor,
    host: &dyn Host,
    place: Place,
    plan: &Plan,
    tally: &Tally,
    changes: bool,
) {
    for (rule, name) in plan.rules.iter().enumerate() {
        let mut decisions: [Option<Decision>; 2] = [None, None];
        for count in tally
            .counts()
            .iter()
            .filter(|count| usize::from(count.rule) == rule)
        {
            let word = Tally::word(plan, count.entity);
            let changed = count.changed && changes;
            let labels = [
                ("type", word),
                ("where", place.as_str()),
                ("rule", name.as_str()),
                ("outcome", if changed { "redacted" } else { "reported" }),
            ];
            filter
                .metrics
                .add(host, "findings_total", &labels, count.number);
            let Some(slot) = decisions.get_mut(usize::from(changed)) else {
                continue;
            };
            let decision = slot.get_or_insert_with(|| {
                Decision::new(PiiRedactor::NAME, Outcome::Redacted)
                    .rule(name.as_str())
                    .reason(reason(place))
                    .report_only(!changed)
            });
            decision.findings.push(Finding {
                kind: word.to_owned(),
                category: Category::default(),
                rule: None,
                place,
                outcome: if changed {
                    FindingOutcome::Masked
                } else {
                    FindingOutcome::unchanged(place.direction())
                },
                count: count.number,
            });
        }
        for decision in decisions.into_iter().flatten() {
            exchange::append_decision(host, decision);
        }
    }
}

/// A message that rules are about could not be redacted.
pub(super) fn unredacted(
    filter: &PiiRedactor,
    host: &dyn Host,
    reason: &'static str,
    blocked: bool,
    report_only: bool,
) {
    let outcome = if blocked { "blocked" } else { "passed" };
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
