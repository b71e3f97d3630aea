//! What an account has left, and what it is charged.

use std::rc::Rc;
use std::time::Duration;

use host::{Filter as _, Host, LogLevel, Moment, Status, exchange};
use policy::decision::{Decision, Outcome};
use policy::explain::{self, Step};
use policy::gcra::{Decision as CellDecision, Gcra};

use super::super::PiiRedactor;
use super::super::reason::Reason;
use super::{Account, Accounts, Charge, DataBudgets, Disclosed, Shortage};
use crate::config::{DataBudget, FailurePolicy, PeopleLimit, Then};
use crate::data_budget::Ration;
use crate::data_budget::people::Quarter;
use crate::tally::Became;

impl PiiRedactor {
    /// Whether a budget acts, and not only counts.
    pub(super) fn budget_acts(&self, budget: &DataBudget) -> bool {
        self.config.mode.enforces() && budget.then != Then::Report
    }

    fn how(&self, budget: &DataBudget) -> Charge {
        match budget.then {
            _ if !self.budget_acts(budget) => Charge::Counted,
            // What cannot be stopped is owed.
            Then::Block if self.capabilities.rewrites_bodies() => Charge::Strict,
            _ => Charge::Owed,
        }
    }

    pub(super) fn count_budget(
        &self,
        host: &dyn Host,
        name: &str,
        budget: &DataBudget,
        number: u64,
    ) {
        let labels = [("budget", budget.name.as_str())];
        self.metrics.add(host, name, &labels, number);
    }

    /// The budget of an account, with the counts of all.
    pub(super) fn budget_of(&self, account: &Account) -> Option<(&DataBudget, &DataBudgets)> {
        let budget = self.config.data_budgets.get(account.budget)?;
        Some((budget, self.data_budgets.as_ref()?))
    }

    /// What is left of the values of an account, of its scarcest key.
    fn values_left(
        &self,
        host: &dyn Host,
        account: &Account,
        now_ns: u64,
    ) -> Result<Option<(u64, Gcra, u64)>, Status> {
        let Some((budget, counts)) = self.budget_of(account) else {
            return Ok(None);
        };
        let Some(gcra) = budget.values else {
            return Ok(None);
        };
        let mut latest = 0;
        for (cell, _) in &account.cells {
            let tat = counts.values.get(host, *cell)?.unwrap_or(0);
            latest = latest.max(tat);
        }
        let left = gcra.remaining(latest.into(), now_ns);
        Ok(Some((left, gcra, latest)))
    }

    /// Whether an account is spent, and for how long.
    pub(super) fn look_up(
        &self,
        host: &dyn Host,
        account: &Account,
        now_ns: u64,
    ) -> Result<(), Shortage> {
        if let Some((0, gcra, tat)) = self.values_left(host, account, now_ns)? {
            let wait = match gcra.decide(tat.into(), now_ns, 1) {
                CellDecision::Refuse { wait } => wait,
                CellDecision::Admit { .. } => None,
            };
            return Err(Shortage::Spent { wait });
        }
        let Some((budget, counts)) = self.budget_of(account) else {
            return Ok(());
        };
        let Some(PeopleLimit { limit, window }) = budget.people else {
            return Ok(());
        };
        let now = Quarter::of(nanoseconds(window), now_ns);
        for (_, cell) in &account.cells {
            let known = counts.people.get(host, *cell)?;
            if let Some(wait_ns) = known.wait_ns(now, limit) {
                let wait = Some(Duration::from_nanos(wait_ns));
                return Err(Shortage::Spent { wait });
            }
        }
        Ok(())
    }

    /// What may leave in clear of the next piece of a response; `None` where nothing is masked for a
    /// budget.
    pub(super) fn ration(
        &self,
        host: &dyn Host,
        accounts: &Accounts,
    ) -> Result<Option<Rc<Ration>>, Status> {
        let mut ration = None;
        let now = Moment::of(host);
        for account in &accounts.0 {
            let Some((budget, counts)) = self.budget_of(account) else {
                continue;
            };
            if budget.then != Then::Mask || !self.budget_acts(budget) {
                continue;
            }
            let ration: &mut Ration = ration.get_or_insert_default();
            let mut read = || {
                let now_ns = now.monotonic_ns();
                if let Some((left, _, _)) = self.values_left(host, account, now_ns)? {
                    ration.add_values(budget.class, left);
                }
                let Some(PeopleLimit { limit, window }) = budget.people else {
                    return Ok(());
                };
                let now = Quarter::of(nanoseconds(window), now_ns);
                let mut all = account.named.clone();
                for (_, cell) in &account.cells {
                    let known = counts.people.get(host, *cell)?;
                    if known.wait_ns(now, limit).is_some() {
                        ration.mask(&budget.class);
                    }
                    let _ = all.merge(&known.people(now));
                }
                ration.add_people((account.budget, budget.class), all, limit);
                Ok(())
            };
            let failed = read().err();
            if failed.is_some() {
                self.count_budget(host, "budget_errors_total", budget, 1);
            }
            if let Some(status) = failed.filter(|_| budget.on_error == FailurePolicy::Block) {
                return Err(status);
            }
        }
        Ok(ration.map(Rc::new))
    }

    /// Charges what a piece of a response discloses to one account.
    pub(super) fn charge_account(
        &self,
        host: &dyn Host,
        account: &mut Account,
        disclosed: &Disclosed<'_>,
        now_ns: u64,
    ) -> Result<(), Shortage> {
        let Some((budget, counts)) = self.budget_of(account) else {
            return Ok(());
        };
        let how = self.how(budget);
        let (found, changes) = disclosed.counts;
        let clear = found
            .iter()
            .filter(|count| budget.class.has(count.entity))
            .filter(|count| count.became == Became::Stayed || !changes);
        let number = clear
            .clone()
            .fold(0_u64, |sum, count| sum.saturating_add(count.number));
        account.has_disclosed |= number > 0;
        let mut people = disclosed.people.to_vec();
        if disclosed.names_nobody && budget.people.is_some() {
            // Who leaves the names out does not get more for it: nobody has two values of a kind, then.
            let unnamed = clear.map(|count| count.number).max().unwrap_or(0);
            let unnamed = (0..unnamed).filter_map(|_| counts.unnamed(now_ns));
            people.extend(unnamed.inspect(|person| {
                if let Some(ration) = disclosed.ration {
                    ration.name(*person);
                }
            }));
        }
        let admitted = disclosed
            .ration
            .and_then(|ration| ration.admitted(account.budget));
        match admitted {
            Some(people) => {
                let _ = account.named.merge(&people);
            }
            None => {
                for person in people.into_iter().filter(|_| budget.people.is_some()) {
                    let _ = account.named.insert(person);
                }
            }
        }
        let mut result = Ok(());
        let mut evictions = 0;
        if let Some(gcra) = budget.values.filter(|_| number > 0) {
            self.count_budget(host, "budget_values_total", budget, number);
            for (cell, _) in &account.cells {
                let mut is_beyond = false;
                let changed = counts.values.update(host, *cell, &mut |tat| {
                    let (beyond, tat) = charged(gcra, how, tat.unwrap_or(0), now_ns, number);
                    is_beyond = beyond;
                    Some(tat)
                })?;
                evictions = u64::from(changed.evicted).saturating_add(evictions);
                if is_beyond {
                    result = Err(Shortage::Spent { wait: None });
                }
            }
            explain::note_all(|| {
                let left = self.values_left(host, account, now_ns).ok().flatten();
                left.map(|(remaining, gcra, _)| Step::Charges {
                    budget: budget.name.clone(),
                    unit: "values",
                    number,
                    remaining,
                    quota: gcra.remaining(0, now_ns),
                })
            });
        }
        let has_more = account.named != account.charged;
        if let Some(people) = budget.people.filter(|_| account.has_disclosed && has_more) {
            let now = Quarter::of(nanoseconds(people.window), now_ns);
            for (_, cell) in &account.cells {
                let mut is_beyond = false;
                let evicted = counts.people.update(host, *cell, now, &mut |window| {
                    let mut all = window.people(now);
                    is_beyond = all.merge(&account.named) && all.estimate() > people.limit;
                    if is_beyond && how == Charge::Strict {
                        window.spend(now);
                        return true;
                    }
                    window.add(now, &account.named)
                })?;
                evictions = u64::from(evicted).saturating_add(evictions);
                if is_beyond {
                    result = Err(Shortage::Spent { wait: None });
                }
            }
            account.charged = account.named.clone();
            explain::note(|| {
                let number = account.named.estimate();
                Step::Charges {
                    budget: budget.name.clone(),
                    unit: "people",
                    number,
                    remaining: people.limit.saturating_sub(number),
                    quota: people.limit,
                }
            });
        }
        if evictions > 0 {
            self.count_budget(host, "budget_evictions_total", budget, evictions);
        }
        result
    }

    /// Whether the values of an account are masked from here on.
    pub(super) fn is_masked(&self, account: &Account, ration: &Ration) -> bool {
        let budget = self.budget_of(account);
        budget.is_some_and(|(budget, _)| {
            budget.then == Then::Mask && self.budget_acts(budget) && ration.masks_all(&budget.class)
        })
    }

    /// Says, once for each account, that it is spent.
    pub(super) fn note_spent(&self, host: &dyn Host, account: &mut Account, outcome: &str) {
        let Some((budget, _)) = self.budget_of(account) else {
            return;
        };
        if std::mem::replace(&mut account.is_noted, true) {
            return;
        }
        let labels = [("budget", budget.name.as_str()), ("outcome", outcome)];
        self.metrics.count(host, "budget_spent_total", &labels);
        let decided = match outcome {
            "masked" => Outcome::Redacted,
            _ => Outcome::Denied,
        };
        let decision = Decision::new(Self::NAME, decided)
            .rule(budget.name.as_str())
            .reason(Reason::DataBudgetSpent.as_str())
            .report_only(outcome == "reported");
        exchange::append_decision(host, decision);
        self.throttle.log(host, LogLevel::Info, || {
            format!(
                "pii-redactor: the budget {} is spent: {outcome}",
                budget.name
            )
        });
    }

    /// What to do about a shortage: the reason why the message goes no further.
    pub(super) fn short(
        &self,
        host: &dyn Host,
        account: &mut Account,
        shortage: &Shortage,
        blocked: &str,
    ) -> Option<Reason> {
        let (budget, _) = self.budget_of(account)?;
        let acts = self.budget_acts(budget);
        match shortage {
            Shortage::Undecided => {
                self.count_budget(host, "budget_errors_total", budget, 1);
                (acts && budget.on_error == FailurePolicy::Block)
                    .then_some(Reason::DataBudgetUndecided)
            }
            Shortage::Spent { .. } => {
                let outcome = match budget.then {
                    _ if !acts => "reported",
                    Then::Mask => "masked",
                    _ => blocked,
                };
                self.note_spent(host, account, outcome);
                (acts && budget.then == Then::Block).then_some(Reason::DataBudgetSpent)
            }
        }
    }
}

/// Whether a charge goes beyond the budget, and the state of the bucket after it.
fn charged(gcra: Gcra, how: Charge, tat: u64, now_ns: u64, number: u64) -> (bool, u64) {
    let full = gcra.empty(now_ns).max(tat.into());
    let (is_beyond, after) = match gcra.decide(tat.into(), now_ns, number) {
        CellDecision::Admit { tat } => (false, tat),
        CellDecision::Refuse { .. } if how == Charge::Owed => {
            (true, gcra.owe(tat.into(), now_ns, number))
        }
        CellDecision::Refuse { .. } => (true, full),
    };
    (is_beyond, u64::try_from(after).unwrap_or(u64::MAX))
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
