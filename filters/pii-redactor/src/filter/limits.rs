//! What messages may ask for at most: sizes of bodies, documents, and operations in queries.

use std::rc::Rc;

use host::{Action, Direction, Host};
use policy::http::announced_bytes;
use policy::values::parameter_values;

use super::message::Message;
use super::reason::Reason;
use super::{PiiRedactor, RedactedStream, RuleUse, report};
use crate::config::Place;
use crate::limits::{Excess, PlannedLimits, measure, measure_graphql};
use crate::plan::{Plan, RuleMode};
use crate::tally::Tally;

/// A body that is counted while it streams.
#[derive(Default)]
pub(super) struct Counted {
    bytes: u64,
    /// How much it may be at most, by the place of the rule.
    limits: Vec<(usize, u64)>,
}

impl RedactedStream {
    /// The headers of a message with a body are there: is it too long by what they say? If they say
    /// nothing, or the truth is another, it is counted.
    pub(super) fn limit_size(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        (message, rules): (&Message<'_>, &[RuleUse]),
    ) -> Option<Action> {
        let acting = rules.iter().filter(|used| !used.is_exempt);
        let limits = acting.filter_map(|used| {
            let rule = filter.config.rules.get(used.index)?;
            Some((used.index, rule.limits.body_bytes?))
        });
        let limits: Vec<_> = limits.collect();
        if limits.is_empty() {
            return None;
        }
        *self.counted(direction) = Counted { bytes: 0, limits };
        let announced = message.text("content-length");
        let bytes = announced.map_or(0, |length| announced_bytes(length.as_bytes()));
        if !self.is_too_long(filter, host, direction, bytes) {
            return None;
        }
        self.send_refusal(host, direction, Reason::Exceeds(Excess::Body));
        Some(Action::Pause)
    }

    /// Counts a piece of a body. Returns an action if it goes no further.
    pub(super) fn count_piece(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        size: usize,
    ) -> Option<Action> {
        let counted = self.counted(direction);
        if counted.limits.is_empty() {
            return None;
        }
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        counted.bytes = counted.bytes.saturating_add(size);
        let bytes = counted.bytes;
        self.is_too_long(filter, host, direction, bytes)
            .then(|| self.stop(filter, host, direction, Reason::Exceeds(Excess::Body)))
    }

    const fn counted(&mut self, direction: Direction) -> &mut Counted {
        match direction {
            Direction::Request => &mut self.request_counted,
            Direction::Response => &mut self.response_counted,
        }
    }

    /// Whether a rule that acts says that so many bytes are too many. Each rule says so once.
    fn is_too_long(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        bytes: u64,
    ) -> bool {
        let mut is_refused = false;
        self.counted(direction).limits.retain(|(index, most)| {
            let fits = bytes <= *most;
            if let Some(rule) = filter.config.rules.get(*index).filter(|_| !fits) {
                let enforces = rule.mode.enforces();
                let by = (rule.name.as_str(), enforces);
                report::exceeded(filter, host, direction, by, Excess::Body);
                is_refused |= enforces;
            }
            fits
        });
        is_refused
    }

    /// What is too much in a body so far, besides its length: reported once each. Returns an action if
    /// the message goes no further.
    pub(super) fn limit_documents(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
    ) -> Option<Action> {
        let work = self.work(direction)?;
        let excesses = work.pipeline.tally().excesses();
        let new = excesses.get(work.excesses_told..).unwrap_or_default();
        work.excesses_told = excesses.len();
        let reason = refused(filter, host, direction, (&work.plan, work.changes), new)?;
        Some(self.stop(filter, host, direction, reason))
    }

    /// Operations of GraphQL in the query, and those that would come over another protocol. Returns an
    /// action if the request goes no further.
    pub(super) fn limit_query(&mut self, filter: &PiiRedactor, host: &dyn Host) -> Option<Action> {
        let of_query = self.exceeds_in(filter, host, Place::RequestQuery, |limits, tally| {
            let paths = self
                .request
                .iter()
                .flat_map(|request| request.known_targets(host));
            let rules = self.response_rules(filter);
            // A server reads one of them.
            for document in paths.flat_map(|path| parameter_values(path, "query")) {
                let mut one = Tally::default();
                one.set_response_rules(rules.clone());
                measure_graphql(limits, &document, &mut one);
                tally.merge_excesses(&one);
            }
        });
        let of_upgrade = self.exceeds_in(filter, host, Place::RequestBody, |limits, tally| {
            if self.asks_for_upgrade {
                measure(limits, Excess::GraphqlUpgrade, 1, tally);
            }
        });
        let reason = of_query.or(of_upgrade)?;
        self.send_refusal(host, Direction::Request, reason);
        Some(Action::Pause)
    }

    /// The rules about the body of the response that act on it, or that budgets charge by.
    pub(super) fn response_rules(&self, filter: &PiiRedactor) -> Option<Rc<Plan>> {
        let mut rules = self.at(filter, Place::ResponseBody);
        let is_rationed = self.is_rationed(filter);
        rules.retain(|used| {
            let rule = filter.config.rules.get(used.index);
            let enforces = rule.is_some_and(|rule| rule.mode.enforces());
            is_rationed || enforces && !used.is_exempt
        });
        (!rules.is_empty()).then(|| filter.plan(&rules))
    }

    /// Why a request goes no further by the rules about GraphQL in a place of it.
    fn exceeds_in(
        &self,
        filter: &PiiRedactor,
        host: &dyn Host,
        place: Place,
        measured: impl FnOnce(&[PlannedLimits], &mut Tally),
    ) -> Option<Reason> {
        let rules = filter.graphql_rules(&self.at(filter, place));
        if rules.is_empty() {
            return None;
        }
        let plan = filter.plan(&rules);
        let mut tally = Tally::default();
        measured(plan.watched()?.limits(), &mut tally);
        refused(
            filter,
            host,
            Direction::Request,
            (&plan, true),
            tally.excesses(),
        )
    }
}

/// Reports what is too much. Returns why the message goes no further, if it does.
fn refused(
    filter: &PiiRedactor,
    host: &dyn Host,
    direction: Direction,
    (plan, acts): (&Plan, bool),
    excesses: &[(Excess, u8)],
) -> Option<Reason> {
    let mut reason = None;
    for (excess, rule) in excesses {
        let Some(rule) = plan.rules.get(usize::from(*rule)) else {
            continue;
        };
        let enforces = acts && rule.mode == RuleMode::Enforce;
        let by = (rule.name.as_str(), enforces);
        report::exceeded(filter, host, direction, by, *excess);
        if enforces {
            reason = reason.or(Some(Reason::Exceeds(*excess)));
        }
    }
    reason
}
