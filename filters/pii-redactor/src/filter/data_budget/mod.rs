//! Budgets at work: what each caller has got in clear is charged before it leaves.

mod account;

use std::cell::Cell;
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
use policy::explain::{self, Step};
use policy::gcra::Gcra;
use policy::matching::applies;

use super::reason::Reason;
use super::{PiiRedactor, RedactedStream};
use crate::config::{Config, DataBudget, Place};
use crate::data_budget::Ration;
use crate::data_budget::people::PeopleTable;
use crate::data_budget::sketch::Sketch;
use crate::entity::EntitySet;
use crate::tally::Count;

/// The counts of all callers.
pub(super) struct DataBudgets {
    seed: [u8; 16],
    values: SharedCells,
    people: PeopleTable,
    /// How many people have been counted whom nobody has named.
    unnamed: Cell<u64>,
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
    /// The hashes of the people in the piece.
    pub(super) people: &'d [u64],
    /// It was looked for people, and names none so far.
    pub(super) names_nobody: bool,
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
            unnamed: Cell::new(0),
        }))
    }

    /// A hash of somebody whom nothing names: of each time another.
    fn unnamed(&self, now_ns: u64) -> Option<u64> {
        let number = self.unnamed.get().wrapping_add(1);
        self.unnamed.set(number);
        let parts = [b"unnamed", &number.to_le_bytes()[..], &now_ns.to_le_bytes()];
        let hash = keyed_hash(self.seed, parts.into_iter());
        hash.first_chunk::<8>().copied().map(u64::from_le_bytes)
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
                Ok(Some(chosen)) => {
                    explain::note(|| Step::Opens {
                        budget: budget.name.clone(),
                        key: chosen.told(source),
                    });
                    accounts.push(Account {
                        budget: place,
                        cells: { chosen.keys.iter() }
                            .map(|key| counts.cells(budget, key.bytes()))
                            .collect(),
                        has_disclosed: false,
                        named: Sketch::default(),
                        charged: Sketch::default(),
                        is_noted: false,
                    });
                }
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
            names_nobody: work.pipeline.tally().names_nobody(),
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
