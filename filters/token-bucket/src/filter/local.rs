//! Deciding about a request: by the buckets of this proxy first, then by asking services.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use host::{Action, ContextId, Host, LogLevel, exchange};
use policy::decision::{Decision, Outcome as Decided};
use policy::mode::{Mode, OnError};
use policy::refusal::Refusal;

use super::answers::{Taken, Waiting};
use super::charges::Counted;
use super::{ResponseHeaders, TokenBucket};
use crate::config::Limit;
use crate::fleet::Inquiry;
use crate::group::{Charge, Outcome, take_all};
use crate::lazy::LazyRequest;
use crate::refusals;
use crate::standing::Standing;
use crate::storage::{SharedStorage, StorageError};
use crate::table::{Answer, Table};

/// Who refuses, and how.
type Refused = Box<(usize, Refusal)>;

impl TokenBucket {
    /// Takes a request through all limits.
    pub(super) fn on_request(
        &mut self,
        host: &dyn Host,
        request: &LazyRequest<'_>,
        context: ContextId,
        response: &Rc<RefCell<ResponseHeaders>>,
    ) -> Action {
        let (counted, lacking) = self.counted(host, request);
        let config = Rc::clone(&self.config);
        let enforces = |limit: usize| {
            let mode = config.limits.get(limit).map(|limit| limit.mode);
            mode.is_some_and(Mode::enforces)
        };
        let reports_alone = |limit: usize| {
            let limit = config.limits.get(limit);
            limit.is_some_and(|limit| limit.reports_alone)
        };
        // In report mode the rest is as it would be: what ends here asks and charges no other limit.
        let mut ends_here = false;
        for limit in &lacking {
            if enforces(*limit) {
                self.count(host, *limit, |c| &c.refused);
                if let Some(limit) = config.limits.get(*limit) {
                    self.refuse(host, request, limit, &refusals::key_missing(limit));
                }
                return Action::Pause;
            }
            self.report(host, *limit, "rate_limit_key_missing");
            ends_here |= !reports_alone(*limit);
        }
        if counted.is_empty() {
            return Action::Continue;
        }
        let now_ns = host.monotonic_ns();
        let (acting, reporting): (Vec<_>, Vec<_>) = counted
            .into_iter()
            .partition(|counted| enforces(counted.limit));
        let mut taken = Vec::new();
        match self.take(host, &acting, now_ns, &mut taken) {
            Ok(standings) => response.borrow_mut().standings = standings,
            Err(refused) => {
                let (limit, refusal) = *refused;
                if let Some(limit) = config.limits.get(limit) {
                    self.refuse(host, request, limit, &refusal);
                    return Action::Pause;
                }
            }
        }
        // Limits in report mode by themselves never hold others back. Those of a filter in report
        // mode are decided as they would be: all or nothing.
        let (alone, mut group): (Vec<_>, Vec<_>) = reporting
            .into_iter()
            .partition(|counted| reports_alone(counted.limit));
        if ends_here || self.take(host, &group, now_ns, &mut taken).is_err() {
            group.clear();
        }
        // In report mode nothing comes of what it says, but that no service is asked after it.
        let passes = |counted: &Counted| {
            let only = std::slice::from_ref(counted);
            self.take(host, only, now_ns, &mut Vec::new()).is_ok()
        };
        let alone: Vec<_> = alone.into_iter().filter(passes).collect();
        let counted = acting.into_iter().chain(group).chain(alone);
        let inquiries = self.inquiries(counted, &enforces);
        if inquiries.is_empty() {
            Self::allow(host);
            return Action::Continue;
        }
        self.ask(host, request, context, response, inquiries, taken, now_ns)
    }

    /// Charges the buckets of these limits, all or nothing; counts what each says. Where the client
    /// stands then, or who refuses.
    fn take(
        &self,
        host: &dyn Host,
        counted: &[Counted],
        now_ns: u64,
        taken: &mut Vec<Taken>,
    ) -> Result<Vec<Standing>, Refused> {
        let parts = || counted.iter().filter_map(|counted| self.parts(counted));
        let charges: Vec<Charge<'_>> = parts().map(|(_, _, charge)| charge).collect();
        if charges.is_empty() {
            return Ok(Vec::new());
        }
        let shared = SharedStorage::new(host);
        let verdict = take_all(self.storage(&shared), &charges, now_ns);
        let parts: Vec<_> = parts().zip(&verdict.answers).collect();
        for ((index, _, _), answer) in &parts {
            self.note(host, *index, answer, verdict.outcome);
        }
        let standings = |of: &dyn Fn(&Answer) -> bool| {
            let mut standings = Vec::new();
            for ((_, limit, charge), answer) in &parts {
                if let Ok(answer) = answer
                    && of(answer)
                {
                    standings.extend(stand(limit, charge.table, answer, now_ns));
                }
            }
            standings
        };
        match verdict.outcome {
            Outcome::Passed => {
                for ((index, ..), answer) in &parts {
                    let receipt = answer.as_ref().ok().and_then(|answer| answer.receipt);
                    taken.extend(receipt.map(|receipt| (*index, receipt)));
                }
                Ok(standings(&|_| true))
            }
            Outcome::Refused => {
                // The one that is used up longest: who waits for it waits for all.
                let wait = |answer: &Answer| answer.wait.unwrap_or(Duration::MAX);
                let refusing = parts.iter().filter_map(|((index, limit, _), answer)| {
                    let answer = answer.as_ref().ok().filter(|answer| !answer.admitted)?;
                    Some((*index, *limit, answer))
                });
                let longest = refusing.max_by_key(|(_, _, answer)| wait(answer));
                let Some((index, limit, answer)) = longest else {
                    return Ok(Vec::new());
                };
                let fields = self.fields(&standings(&|answer| !answer.admitted));
                let refusal = refusals::limited(limit, answer.wait, fields);
                Err(Box::new((index, refusal)))
            }
            Outcome::Undecided => {
                let undecided = |((_, limit, _), answer): &&(Part<'_>, _)| {
                    let answer: &&Result<Answer, StorageError> = answer;
                    answer.is_err() && limit.on_error.storage == OnError::Deny
                };
                match parts.iter().find(undecided) {
                    Some(((index, limit, _), _)) => {
                        Err(Box::new((*index, refusals::undecided(limit))))
                    }
                    None => Ok(Vec::new()),
                }
            }
        }
    }

    fn parts(&self, counted: &Counted) -> Option<Part<'_>> {
        let limit = self.config.limits.get(counted.limit)?;
        let charge = Charge {
            table: self.tables.get(counted.limit)?.as_ref()?,
            key: counted.key?,
            cost: counted.cost,
            deny_on_error: limit.on_error.storage == OnError::Deny,
        };
        Some((counted.limit, limit, charge))
    }

    /// Counts what a limit says. One that lets a request pass that another one refuses has counted
    /// nothing.
    fn note(
        &self,
        host: &dyn Host,
        limit: usize,
        answer: &Result<Answer, StorageError>,
        outcome: Outcome,
    ) {
        match answer {
            Err(StorageError) => {
                self.count(host, limit, |c| &c.error);
                self.count_error(host, limit, "storage");
            }
            Ok(answer) => {
                if let Some(counters) = self.counters.get(limit) {
                    counters.note(host, answer);
                }
                if !answer.admitted {
                    self.refused_or_reported(host, limit);
                } else if outcome == Outcome::Passed && !self.is_asked(limit) {
                    self.count_admitted(host, limit);
                }
            }
        }
    }

    /// Whether a service has the last word on this limit.
    fn is_asked(&self, limit: usize) -> bool {
        let limit = self.config.limits.get(limit);
        limit.is_some_and(|limit| limit.service.is_some())
    }

    pub(super) fn refused_or_reported(&self, host: &dyn Host, limit: usize) {
        let mode = self.config.limits.get(limit).map(|limit| limit.mode);
        if mode.is_some_and(Mode::enforces) {
            self.count(host, limit, |c| &c.refused);
        } else {
            self.report(host, limit, "rate_limited");
        }
    }

    /// Says what would have been done.
    fn report(&self, host: &dyn Host, limit: usize, reason: &str) {
        self.count(host, limit, |c| &c.reported);
        let Some(limit) = self.config.limits.get(limit) else {
            return;
        };
        let decision = Decision::new(Self::FILTER, Decided::Denied)
            .rule(limit.name.as_str())
            .reason(reason)
            .report_only(true);
        exchange::append_decision(host, decision);
        self.throttle.log(host, LogLevel::Info, || {
            format!(
                "token-bucket: would have refused a request by limit {}: {reason}",
                limit.name
            )
        });
    }

    /// Tells the filters after this one that the request is within its limits.
    pub(super) fn allow(host: &dyn Host) {
        exchange::note_within_limits(host);
    }

    fn refuse(&self, host: &dyn Host, request: &LazyRequest<'_>, limit: &Limit, refusal: &Refusal) {
        let request = request.get();
        let id = request.request_id(host);
        self.send(host, &limit.name, refusal, id, request.is_grpc());
    }

    /// The questions to services: one for all limits of a service that cost the same, and apart
    /// those whose answer the request does not wait for.
    fn inquiries(
        &self,
        counted: impl Iterator<Item = Counted>,
        enforces: &dyn Fn(usize) -> bool,
    ) -> Vec<Inquiry> {
        let mut inquiries: Vec<Inquiry> = Vec::new();
        for counted in counted {
            let limit = self.config.limits.get(counted.limit);
            let service = limit.and_then(|limit| limit.service);
            let Some((service, descriptor)) = service.zip(counted.descriptor) else {
                continue;
            };
            let decides = enforces(counted.limit);
            let cost = counted.cost;
            let same = |known: &&mut Inquiry| {
                (known.service, known.cost, known.decides) == (service, cost, decides)
            };
            match inquiries.iter_mut().find(same) {
                Some(known) => {
                    known.limits.push(counted.limit);
                    known.descriptors.push(descriptor);
                }
                None => inquiries.push(Inquiry {
                    service,
                    cost,
                    decides,
                    limits: vec![counted.limit],
                    descriptors: vec![descriptor],
                }),
            }
        }
        inquiries
    }

    /// Asks the services, and holds the request if it depends on them.
    #[allow(
        clippy::too_many_arguments,
        reason = "everything that a request has come to so far"
    )]
    fn ask(
        &mut self,
        host: &dyn Host,
        request: &LazyRequest<'_>,
        context: ContextId,
        response: &Rc<RefCell<ResponseHeaders>>,
        inquiries: Vec<Inquiry>,
        taken: Vec<Taken>,
        now_ns: u64,
    ) -> Action {
        let config = Rc::clone(&self.config);
        let mut outstanding = 0_usize;
        for inquiry in inquiries {
            let Some(service) = config.services.get(inquiry.service) else {
                continue;
            };
            match self.calls.start(host, service, &inquiry, context, now_ns) {
                Ok(()) if inquiry.decides => outstanding = outstanding.saturating_add(1),
                Ok(()) => {}
                Err(failure) => {
                    let denied = self.service_failed(host, &inquiry.limits, failure);
                    let denied = denied.filter(|_| inquiry.decides);
                    if let Some(limit) = denied.and_then(|limit| config.limits.get(limit)) {
                        self.calls.cancel(host, context);
                        self.give_back(host, &taken);
                        response.borrow_mut().standings.clear();
                        self.refuse(host, request, limit, &refusals::undecided(limit));
                        return Action::Pause;
                    }
                }
            }
        }
        if outstanding == 0 {
            Self::allow(host);
            return Action::Continue;
        }
        let waiting = Waiting {
            outstanding,
            taken,
            request_id: request.get().request_id(host).map(str::to_owned),
            is_grpc: request.get().is_grpc(),
            response: Rc::clone(response),
            request_headers: Vec::new(),
        };
        self.waiting.insert(context, waiting);
        Action::Pause
    }
}

/// A limit with its place in the configuration, and what it is charged with.
type Part<'f> = (usize, &'f Limit, Charge<'f>);

/// Where a client stands in each window of a limit.
fn stand(limit: &Limit, table: &Table, answer: &Answer, now_ns: u64) -> Vec<Standing> {
    let windows = table.windows();
    let states = windows.states(&answer.tats, now_ns);
    let each = windows.list().iter().zip(states).enumerate();
    each.map(|(place, (gcra, state))| Standing {
        name: match place {
            0 => limit.name.clone(),
            // No limit has a colon in its name.
            _ => format!("{}:{}", limit.name, place.saturating_add(1)),
        },
        quota: gcra.burst(),
        window: Some(gcra.window()),
        remaining: state.remaining,
        until_full: state.until_full,
        until_more: answer.wait.unwrap_or(state.until_next),
    })
    .collect()
}
