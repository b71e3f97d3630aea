//! Deciding about a request: by the buckets of this proxy first, then by asking services.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use host::waiting::Occasion;
use host::{Action, ContextId, Host, LogLevel, Request, exchange};
use policy::decision::{Decision, Outcome as Decided};
use policy::explain::{self, Step};
use policy::mode::{Mode, OnError};
use policy::refusal::Refusal;

use super::active_limit::ActiveLimit;
use super::matching_limits::MatchingLimit;
use super::service_response::LimitedRequest;
use super::{Query, ResponseHeaders, TokenBucket};
use crate::group::{Charge, Charged, Outcome, take_all};
use crate::ratelimit_headers::LimitState;
use crate::refusals::{self, Reason};
use crate::rls::client::{self, RateLimitQuery};
use crate::storage::{SharedStorage, StorageError};
use crate::table::BucketDecision;

/// Which limit refuses, why and how.
pub(super) struct Refused {
    pub(super) limit: usize,
    pub(super) reason: Reason,
    pub(super) refusal: Refusal,
}

/// What the buckets of one limit come to: the strictest of them.
struct LimitDecision {
    limit: usize,
    decision: Result<BucketDecision, StorageError>,
}

impl TokenBucket {
    /// Takes a request through all limits.
    pub(super) fn on_request(
        &mut self,
        host: &dyn Host,
        request: &Request,
        context: ContextId,
        response: &Rc<RefCell<ResponseHeaders>>,
    ) -> Action {
        let matching = self.matching_limits(host, request);
        let limits = Rc::clone(&self.limits);
        let enforces = |limit: usize| {
            let limit = limits.get(limit);
            limit.is_some_and(|limit| limit.settings.mode.enforces())
        };
        let reports_alone = |limit: usize| {
            let limit = limits.get(limit);
            limit.is_some_and(|limit| limit.settings.reports_alone)
        };
        // In report mode the rest is as it would be: what ends here asks and charges no other limit.
        let mut ends_here = false;
        for (place, reason) in matching.keyless {
            let Some(limit) = limits.get(place) else {
                continue;
            };
            if enforces(place) {
                limit.counters.refused.count(host);
                let refused = Refused {
                    limit: place,
                    reason,
                    refusal: reason.refusal(&limit.settings),
                };
                self.refuse(host, request, &refused);
                return Action::Pause;
            }
            self.report(host, place, reason);
            ends_here |= !reports_alone(place);
        }
        if matching.counting.is_empty() {
            return Action::Continue;
        }
        let now_ns = host.monotonic_ns();
        let mut acting = matching.counting;
        let acts = |matching: &mut MatchingLimit| !enforces(matching.limit);
        let reporting: Vec<_> = acting.extract_if(.., acts).collect();
        let mut charged = Vec::new();
        let states = match self.take(host, &acting, now_ns, &mut charged) {
            Ok(states) => states,
            Err(refused) => {
                self.refuse(host, request, &refused);
                return Action::Pause;
            }
        };
        // Limits in report mode by themselves never hold others back. Those of a filter in report
        // mode are decided as they would be: all or nothing.
        let (alone, mut group): (Vec<_>, Vec<_>) = reporting
            .into_iter()
            .partition(|matching| reports_alone(matching.limit));
        if ends_here || self.take(host, &group, now_ns, &mut charged).is_err() {
            group.clear();
        }
        // In report mode nothing comes of what it says, but that no service is asked after it.
        let mut passes = |matching: &MatchingLimit| {
            let only = std::slice::from_ref(matching);
            self.take(host, only, now_ns, &mut charged).is_ok()
        };
        let alone: Vec<_> = alone.into_iter().filter(|m| passes(m)).collect();
        let all = acting.into_iter().chain(group).chain(alone);
        let queries = self.queries(all, &enforces);
        if queries.is_empty() {
            response.borrow_mut().fields = self.allow(host, &states);
            return Action::Continue;
        }
        let waiting = LimitedRequest {
            limits: Rc::clone(&self.limits),
            outstanding: 0,
            charged,
            request_id: request.request_id(host).map(str::to_owned),
            is_grpc: request.is_grpc(host),
            states,
            response: Rc::clone(response),
            from_service: Vec::new(),
            request_headers: Vec::new(),
        };
        self.ask(host, request, context, queries, waiting, now_ns)
    }

    /// Charges the buckets of these limits, all or nothing; counts what each says. Where the client
    /// stands then, or who refuses.
    fn take(
        &self,
        host: &dyn Host,
        matching: &[MatchingLimit],
        now_ns: u64,
        charged: &mut Vec<Charged>,
    ) -> Result<Vec<LimitState>, Box<Refused>> {
        let mut places = Vec::with_capacity(matching.len());
        let mut charges = Vec::with_capacity(matching.len());
        for counting in matching {
            let Some(limit) = self.limits.get(counting.limit) else {
                continue;
            };
            let Some(table) = &limit.table else { continue };
            for key in &counting.buckets {
                places.push(counting.limit);
                charges.push(Charge {
                    table,
                    key: *key,
                    cost: counting.cost,
                    deny_on_error: limit.settings.on_error.storage == OnError::Deny,
                });
            }
        }
        if charges.is_empty() {
            return Ok(Vec::new());
        }
        let shared = SharedStorage::new(host);
        let group = take_all(self.storage(&shared), &charges, now_ns, &|| {
            host.monotonic_ns()
        });
        if group.outcome == Outcome::Passed {
            for (limit, decision) in places.iter().zip(&group.buckets) {
                let receipt = decision.as_ref().ok().and_then(|decision| decision.receipt);
                charged.extend(receipt.map(|receipt| Charged {
                    limit: *limit,
                    receipt,
                }));
            }
        }
        let decisions = self.by_limit(host, &places, group.buckets);
        for decision in &decisions {
            self.count_decision(host, decision, group.outcome);
        }
        explain::note(|| Step::Choosing {
            filter: Self::FILTER,
            about: "buckets",
        });
        explain::note_all(|| {
            let in_force = group.outcome == Outcome::Passed;
            let states = self.states(&decisions, in_force, now_ns).into_iter();
            states.map(|state| Step::Stands {
                limit: state.name,
                remaining: state.remaining,
                quota: state.quota,
            })
        });
        match group.outcome {
            Outcome::Passed => Ok(self.states(&decisions, true, now_ns)),
            Outcome::Refused => Err(self.refused(decisions, now_ns)),
            Outcome::Undecided => match self.undecided(&decisions) {
                Some(refused) => Err(refused),
                None => Ok(Vec::new()),
            },
        }
    }

    /// The strictest decision of each limit: one that could not be made, else the refusal that lasts
    /// longest, else the emptiest bucket.
    fn by_limit(
        &self,
        host: &dyn Host,
        places: &[usize],
        buckets: Vec<Result<BucketDecision, StorageError>>,
    ) -> Vec<LimitDecision> {
        let strictness = |decision: &Result<BucketDecision, StorageError>| match decision {
            Err(StorageError) => (2, Duration::MAX, 0),
            Ok(decision) if !decision.admitted => (1, decision.wait.unwrap_or(Duration::MAX), 0),
            Ok(decision) => (
                0,
                Duration::ZERO,
                decision.after.into_iter().max().unwrap_or(0),
            ),
        };
        let mut decisions: Vec<LimitDecision> = Vec::with_capacity(places.len());
        for (limit, decision) in places.iter().zip(buckets) {
            if let (Some(active), Ok(decision)) = (self.limits.get(*limit), &decision) {
                active.counters.note(host, decision);
            }
            match decisions.last_mut().filter(|known| known.limit == *limit) {
                Some(known) if strictness(&known.decision) >= strictness(&decision) => {}
                Some(known) => known.decision = decision,
                None => decisions.push(LimitDecision {
                    limit: *limit,
                    decision,
                }),
            }
        }
        decisions
    }

    /// Where the client stands in each limit; those that refuse come first, the longest wait ahead.
    fn states(&self, decisions: &[LimitDecision], in_force: bool, now_ns: u64) -> Vec<LimitState> {
        let decided = decisions.iter().filter_map(|decision| {
            let limit = self.limits.get(decision.limit)?;
            Some((limit, decision.decision.as_ref().ok()?))
        });
        let mut decided: Vec<(&ActiveLimit, &BucketDecision)> = decided.collect();
        if let [_, _, ..] = decided.as_slice() {
            policy::sort::by_key(&mut decided, |(_, decision)| {
                std::cmp::Reverse(wait(decision))
            });
        }
        let mut states = Vec::with_capacity(decided.len());
        for (limit, decision) in decided {
            limit.add_states(&mut states, decision, in_force, now_ns);
        }
        states
    }

    fn refused(&self, decisions: Vec<LimitDecision>, now_ns: u64) -> Box<Refused> {
        let fields = self.fields(&self.states(&decisions, false, now_ns));
        // The one that is used up longest: who waits for it waits for all.
        let longest = decisions
            .into_iter()
            .filter_map(|decision| {
                let place = decision.limit;
                let limit = self.limits.get(place)?;
                let decision = decision
                    .decision
                    .ok()
                    .filter(|decision| !decision.admitted)?;
                Some((place, limit, decision))
            })
            .max_by_key(|(_, _, decision)| wait(decision));
        let (limit, refusal) = match longest {
            Some((place, limit, decision)) => (
                place,
                refusals::limited(&limit.settings, decision.wait, fields),
            ),
            // A group is refused by one of its limits.
            None => (
                usize::MAX,
                Refusal::new(429, Reason::RateLimited.as_str(), "A limit is used up."),
            ),
        };
        Box::new(Refused {
            limit,
            reason: Reason::RateLimited,
            refusal,
        })
    }

    fn undecided(&self, decisions: &[LimitDecision]) -> Option<Box<Refused>> {
        decisions.iter().find_map(|decision| {
            let limit = self.limits.get(decision.limit)?;
            let denies = limit.settings.on_error.storage == OnError::Deny;
            (decision.decision.is_err() && denies)
                .then(|| Box::new(self.refused_for(decision.limit, limit, Reason::Undecided)))
        })
    }

    pub(super) fn refused_for(&self, place: usize, limit: &ActiveLimit, reason: Reason) -> Refused {
        Refused {
            limit: place,
            reason,
            refusal: reason.refusal(&limit.settings),
        }
    }

    /// Counts what a limit says. One that lets a request pass that another one refuses has counted
    /// nothing.
    fn count_decision(&self, host: &dyn Host, decided: &LimitDecision, outcome: Outcome) {
        match &decided.decision {
            Err(StorageError) => {
                self.count(host, decided.limit, |c| &c.error);
                self.count_error(host, decided.limit, "storage");
            }
            Ok(decision) if !decision.admitted => self.refused_or_reported(host, decided.limit),
            Ok(_) if outcome == Outcome::Passed && !self.is_asked(decided.limit) => {
                self.count_admitted(host, decided.limit);
            }
            Ok(_) => {}
        }
    }

    /// Whether a service has the last word on this limit.
    fn is_asked(&self, limit: usize) -> bool {
        let limit = self.limits.get(limit);
        limit.is_some_and(|limit| limit.settings.service.is_some())
    }

    pub(super) fn refused_or_reported(&self, host: &dyn Host, limit: usize) {
        let mode = self.limits.get(limit).map(|limit| limit.settings.mode);
        if mode.is_some_and(Mode::enforces) {
            self.count(host, limit, |c| &c.refused);
        } else {
            self.report(host, limit, Reason::RateLimited);
        }
    }

    /// Says what would have been done.
    fn report(&self, host: &dyn Host, limit: usize, reason: Reason) {
        self.count(host, limit, |c| &c.reported);
        let Some(limit) = self.limits.get(limit) else {
            return;
        };
        let decision = Decision::new(Self::FILTER, Decided::Denied)
            .rule(limit.rule.as_str())
            .reason(reason.as_str())
            .report_only(true);
        exchange::append_decision(host, decision);
        self.throttle.log(host, LogLevel::Info, || {
            format!(
                "token-bucket: would have refused a request by limit {}: {}",
                limit.rule,
                reason.as_str()
            )
        });
    }

    fn refuse(&self, host: &dyn Host, request: &Request, refused: &Refused) {
        let id = request.request_id(host);
        self.send(host, refused, id, request.is_grpc(host));
    }

    /// The questions to services: one for all limits of a service that cost the same, and apart
    /// those whose response the request does not wait for.
    fn queries(
        &self,
        matching: impl Iterator<Item = MatchingLimit>,
        enforces: &dyn Fn(usize) -> bool,
    ) -> Vec<Query> {
        let mut queries: Vec<Query> = Vec::new();
        for matching in matching {
            let limit = self.limits.get(matching.limit);
            let Some(service) = limit.and_then(|limit| limit.settings.service) else {
                continue;
            };
            let decides = enforces(matching.limit);
            let cost = matching.cost;
            let same = |known: &&mut Query| {
                (known.service, known.cost, known.decides) == (service, cost, decides)
            };
            let limits = matching.descriptors.iter().map(|_| matching.limit);
            match queries.iter_mut().find(same) {
                Some(known) => {
                    known.limits.extend(limits);
                    known.descriptors.extend(matching.descriptors);
                }
                None => queries.push(RateLimitQuery {
                    service,
                    cost,
                    decides,
                    limits: limits.collect(),
                    descriptors: matching.descriptors,
                    charged: Vec::new(),
                    in_force: Rc::clone(&self.limits),
                }),
            }
        }
        queries
    }

    /// Asks the services, and holds the request if it depends on them.
    fn ask(
        &mut self,
        host: &dyn Host,
        request: &Request,
        context: ContextId,
        queries: Vec<Query>,
        mut waiting: LimitedRequest,
        now_ns: u64,
    ) -> Action {
        let limits = Rc::clone(&self.limits);
        let occasion = Occasion {
            stream: Some(context),
            now_ns,
        };
        for mut query in queries {
            let Some(service) = limits.services.get(query.service) else {
                continue;
            };
            if !query.decides {
                // The request may be gone when the service says what would have been.
                let (of_query, rest) = std::mem::take(&mut waiting.charged)
                    .into_iter()
                    .partition(|charged| query.limits.contains(&charged.limit));
                (query.charged, waiting.charged) = (of_query, rest);
            }
            let decides = query.decides;
            let asked = query.limits.clone();
            match client::ask(&mut self.calls, host, service, query, occasion) {
                Ok(()) if decides => waiting.outstanding = waiting.outstanding.saturating_add(1),
                Ok(()) => {}
                Err(failure) => {
                    let denied = self.service_failed(host, &asked, failure);
                    let denied = denied.filter(|_| decides);
                    if let Some((place, limit)) =
                        denied.and_then(|place| Some((place, limits.get(place)?)))
                    {
                        self.cancel_calls(host, context);
                        self.give_back(host, &waiting.charged);
                        let refused = self.refused_for(place, limit, Reason::Undecided);
                        self.refuse(host, request, &refused);
                        return Action::Pause;
                    }
                }
            }
        }
        if waiting.outstanding == 0 {
            waiting.response.borrow_mut().fields = self.allow(host, &waiting.states);
            return Action::Continue;
        }
        self.waiting.hold(context, now_ns, waiting);
        Action::Pause
    }
}

/// How long a refusal lasts; nothing for a request that is admitted.
fn wait(decision: &BucketDecision) -> Duration {
    if decision.admitted {
        Duration::ZERO
    } else {
        decision.wait.unwrap_or(Duration::MAX)
    }
}
