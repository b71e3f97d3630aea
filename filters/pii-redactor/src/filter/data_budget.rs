//! Budgets at work: what each caller has got in clear is charged before it leaves.

use std::rc::Rc;
use std::time::Duration;

use host::key::{KeyError, KeySource, choose};
use host::shared_cells::{CellHash, SharedCells, keyed_hash};
use host::{
    Action, Capabilities, Direction, Filter as _, Host, LogLevel, Moment, Status, exchange,
    shared_data,
};
use policy::config::Problems;
use policy::decision::{Decision, Outcome};
use policy::gcra::{Decision as CellDecision, Gcra};
use policy::matching::applies;

use super::reason::Reason;
use super::{PiiRedactor, RedactedStream};
use crate::config::{Config, DataBudget, FailurePolicy, PeopleLimit, Place, Then};
use crate::data_budget::Ration;
use crate::data_budget::people::{PeopleTable, Quarter};
use crate::data_budget::sketch::Sketch;
use crate::entity::EntitySet;
use crate::tally::{Became, Count};

/// The counts of all callers.
pub(super) struct DataBudgets {
    seed: [u8; 16],
    values: SharedCells,
    people: PeopleTable,
}

/// A budget that counts one request and its response.
struct Account {
    /// Its place in the configuration.
    budget: usize,
    /// Where its values and its people are counted: several where the request names a part of the
    /// key more than once.
    cells: Vec<(CellHash, CellHash)>,
    /// Values of its class have left in clear.
    has_disclosed: bool,
    /// The people whom the body has named, and those who have been charged.
    named: Sketch,
    charged: Sketch,
    /// That it is spent has been recorded.
    is_noted: bool,
}

/// The budgets that count one request and its response.
#[derive(Default)]
pub(super) struct Accounts(Vec<Account>);

/// What is charged: values, and the people who are named beside them.
pub(super) struct Disclosed<'d> {
    /// What was found, and whether what was to be changed has been.
    pub(super) counts: (&'d [Count], bool),
    /// Hashes of people.
    pub(super) people: &'d [u64],
    /// What the piece was rewritten with.
    pub(super) ration: Option<&'d Ration>,
}

/// How a charge is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Charge {
    /// What is not there does not leave, and the budget is spent.
    Strict,
    /// It leaves, and what is beyond the budget is owed.
    Owed,
    /// It leaves, and nothing is owed.
    Counted,
}

/// Why a charge, or a request, does not pass.
enum Shortage {
    Spent { wait: Option<Duration> },
    Undecided,
}

impl From<Status> for Shortage {
    fn from(_: Status) -> Self {
        Self::Undecided
    }
}

impl DataBudgets {
    /// `None` where there are no budgets.
    ///
    /// # Errors
    /// Shared data does not work.
    pub(super) fn new(
        host: &dyn Host,
        capabilities: &Capabilities,
        config: &Config,
    ) -> Result<Option<Self>, Problems> {
        if config.data_budgets.is_empty() {
            return Ok(None);
        }
        let key = "meshward/pii-redactor/budget/seed";
        let (seed, shares) = shared_data::seed(host, key, capabilities.shares_data())?;
        if !shares {
            host.log(
                LogLevel::Warn,
                "pii-redactor: this host shares no data: each worker counts alone, so callers get \
                 up to the budget times the number of workers",
            );
        }
        let keys = config.budget_keys;
        Ok(Some(Self {
            seed,
            values: SharedCells::new("meshward/pii-redactor/budget/values", keys, shares),
            people: PeopleTable::new("meshward/pii-redactor/budget/people", keys / 16, shares),
        }))
    }

    /// Where a key is counted. What changes the meaning of a count is part of it; what happens when
    /// it is spent is not, so that a budget that was tried in report mode goes on.
    fn cells(&self, budget: &DataBudget, key: &[u8]) -> (CellHash, CellHash) {
        let mut name: Vec<String> = vec![budget.name.clone()];
        name.extend(budget.class_words.iter().cloned());
        name.extend(budget.key.iter().map(host::key::KeyPart::spelled));
        let values = budget.values.as_ref().map(Gcra::parameters);
        let window = budget.people.map(|people| people.window.as_secs());
        let hash = |kind: &str, counted: String| {
            let parts = name.iter().map(String::as_bytes);
            let parts = parts.chain([kind.as_bytes(), counted.as_bytes(), key]);
            keyed_hash(self.seed, parts)
        };
        (
            hash("values", values.unwrap_or_default()),
            hash("people", window.unwrap_or_default().to_string()),
        )
    }
}

impl PiiRedactor {
    /// Whether a budget acts, and not only counts.
    fn budget_acts(&self, budget: &DataBudget) -> bool {
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

    fn count_budget(&self, host: &dyn Host, name: &str, budget: &DataBudget, number: u64) {
        let labels = [("budget", budget.name.as_str())];
        self.metrics.add(host, name, &labels, number);
    }

    /// The budget of an account, with the counts of all.
    fn budget_of(&self, account: &Account) -> Option<(&DataBudget, &DataBudgets)> {
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
    fn look_up(&self, host: &dyn Host, account: &Account, now_ns: u64) -> Result<(), Shortage> {
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
    fn ration(&self, host: &dyn Host, accounts: &Accounts) -> Result<Option<Rc<Ration>>, Status> {
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

    /// Charges an account.
    fn charge_account(
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
        let number = clear.fold(0_u64, |sum, count| sum.saturating_add(count.number));
        account.has_disclosed |= number > 0;
        let admitted = disclosed
            .ration
            .and_then(|ration| ration.admitted(account.budget));
        match admitted {
            Some(people) => {
                let _ = account.named.merge(&people);
            }
            None => {
                for person in disclosed.people.iter().filter(|_| budget.people.is_some()) {
                    let _ = account.named.insert(*person);
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
        }
        if evictions > 0 {
            self.count_budget(host, "budget_evictions_total", budget, evictions);
        }
        result
    }

    /// Whether the values of an account are masked from here on.
    fn is_masked(&self, account: &Account, ration: &Ration) -> bool {
        let budget = self.budget_of(account);
        budget.is_some_and(|(budget, _)| {
            budget.then == Then::Mask && self.budget_acts(budget) && ration.masks_all(&budget.class)
        })
    }

    /// Says, once for each account, that it is spent.
    fn note_spent(&self, host: &dyn Host, account: &mut Account, outcome: &str) {
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
    fn short(
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

impl RedactedStream {
    /// Whether budgets act on the response.
    pub(super) fn is_rationed(&self, filter: &PiiRedactor) -> bool {
        self.accounts.0.iter().any(|account| {
            let budget = filter.budget_of(account);
            budget.is_some_and(|(budget, _)| filter.budget_acts(budget))
        })
    }

    /// Whether any budget counts this request.
    pub(super) const fn has_accounts(&self) -> bool {
        !self.accounts.0.is_empty()
    }

    /// Whether people in the body of the response are counted, and under which key.
    pub(super) fn counts_people(&self, filter: &PiiRedactor) -> Option<[u8; 16]> {
        let mut accounts = self
            .accounts
            .0
            .iter()
            .filter_map(|account| filter.budget_of(account));
        let (_, counts) = accounts.find(|(budget, _)| budget.people.is_some())?;
        Some(counts.seed)
    }

    /// The budgets that count this request. Returns an action if one of them is spent.
    pub(super) fn open_accounts(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
    ) -> Option<Action> {
        let counts = filter.data_budgets.as_ref()?;
        let request = self.request.as_ref()?;
        let detected = self.detected_in_responses(filter);
        let source = KeySource {
            host,
            request,
            prefixes: filter.config.sources.client_address.prefixes,
        };
        let mut accounts = Vec::new();
        let mut refused = None;
        for (place, budget) in filter.config.data_budgets.iter().enumerate() {
            if !budget.class.meets(&detected)
                || !applies(&budget.matches, &request.facts(host, Direction::Request))
            {
                continue;
            }
            match choose(&budget.key, &budget.on_missing_key, source) {
                Ok(None) => {}
                Ok(Some(chosen)) => accounts.push(Account {
                    budget: place,
                    cells: { chosen.keys.iter() }
                        .map(|key| counts.cells(budget, key.bytes()))
                        .collect(),
                    has_disclosed: false,
                    named: Sketch::default(),
                    charged: Sketch::default(),
                    is_noted: false,
                }),
                Err(error) => {
                    let reason = match error {
                        KeyError::Missing => Reason::DataBudgetKeyMissing,
                        KeyError::Ambiguous => Reason::DataBudgetKeyAmbiguous,
                    };
                    let acts = filter.budget_acts(budget);
                    let decision = Decision::new(PiiRedactor::NAME, Outcome::Denied)
                        .rule(budget.name.as_str())
                        .reason(reason.as_str())
                        .report_only(!acts);
                    exchange::append_decision(host, decision);
                    let outcome = if acts { "refused" } else { "reported" };
                    let labels = [("budget", budget.name.as_str()), ("outcome", outcome)];
                    filter.metrics.count(host, "budget_keyless_total", &labels);
                    if acts {
                        refused = Some((reason, None));
                    }
                }
            }
        }
        let now = Moment::of(host);
        for account in &mut accounts {
            let Err(shortage) = filter.look_up(host, account, now.monotonic_ns()) else {
                continue;
            };
            if let Some(reason) = filter.short(host, account, &shortage, "refused") {
                let wait = match shortage {
                    Shortage::Spent { wait } => wait,
                    Shortage::Undecided => Some(Duration::from_secs(1)),
                };
                refused = refused.or(Some((reason, wait)));
            }
        }
        self.accounts = Accounts(accounts);
        let (reason, wait) = refused?;
        self.refuse_over_budget(host, Direction::Request, reason, wait);
        Some(Action::Pause)
    }

    /// The kinds that the rules about this request look for in its response.
    fn detected_in_responses(&self, filter: &PiiRedactor) -> EntitySet {
        let mut detected = EntitySet::EMPTY;
        for place in [
            Place::ResponseBody,
            Place::ResponseHeaders,
            Place::ResponseTrailers,
        ] {
            for (rule, _) in filter.rules(&self.at(filter, place)) {
                for (entity, _) in &rule.detect {
                    detected.insert(*entity);
                }
            }
        }
        detected
    }

    /// Says what may leave in clear of the piece of the body that is read next.
    pub(super) fn set_ration(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
    ) -> Result<(), Reason> {
        if direction == Direction::Request || self.accounts.0.is_empty() {
            return Ok(());
        }
        let ration = self.next_ration(filter, host)?;
        if let Some(work) = &mut self.response_work {
            work.pipeline.set_ration(ration);
        }
        Ok(())
    }

    /// What may leave in clear of what comes next.
    pub(super) fn next_ration(
        &self,
        filter: &PiiRedactor,
        host: &dyn Host,
    ) -> Result<Option<Rc<Ration>>, Reason> {
        let ration = filter.ration(host, &self.accounts);
        ration.map_err(|_| Reason::DataBudgetUndecided)
    }

    /// Charges what a body has disclosed since the last time. Returns why it goes no further.
    pub(super) fn charge_body(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
    ) -> Option<Reason> {
        if direction == Direction::Request || self.accounts.0.is_empty() {
            return None;
        }
        let work = self.response_work.as_mut()?;
        let counts = work.charged.advance(work.pipeline.tally());
        let people = work.pipeline.take_named();
        let ration = work.pipeline.tally().ration().cloned();
        let changes = work.changes;
        if counts.is_empty() && people.is_empty() {
            return None;
        }
        let disclosed = Disclosed {
            counts: (&counts, changes),
            people: &people,
            ration: ration.as_deref(),
        };
        self.charge(filter, host, &disclosed)
    }

    /// Charges what a response discloses. Returns why it goes no further.
    pub(super) fn charge(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        disclosed: &Disclosed<'_>,
    ) -> Option<Reason> {
        let now = Moment::of(host);
        let mut stopped = None;
        for account in &mut self.accounts.0 {
            let charged = filter.charge_account(host, account, disclosed, now.monotonic_ns());
            let masks = |ration: &Ration| filter.is_masked(account, ration);
            if disclosed.ration.is_some_and(masks) {
                filter.note_spent(host, account, "masked");
            }
            if let Err(shortage) = charged {
                let reason = filter.short(host, account, &shortage, "blocked");
                stopped = stopped.or(reason);
            }
        }
        stopped
    }

    /// Responds that a budget is spent, or cannot be looked up.
    pub(super) fn refuse_over_budget(
        &mut self,
        host: &dyn Host,
        direction: Direction,
        reason: Reason,
        wait: Option<Duration>,
    ) {
        self.accounts = Accounts::default();
        let seconds = wait.map(|wait| wait.as_nanos().div_ceil(1_000_000_000).max(1));
        self.send_refusal_with(host, direction, reason, |refusal| match seconds {
            Some(seconds) => refusal.header("retry-after", seconds.to_string()),
            None => refusal,
        });
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
