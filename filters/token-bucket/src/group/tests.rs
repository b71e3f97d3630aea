//! Workers that take turns at every single storage call, in any order that a schedule says, with
//! more clients than the table has room for and charges that are given back at any time: no client
//! ever gets more than its limits.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Condvar, Mutex};

use policy::units::Rate;
use proptest::prelude::*;

use super::*;
use crate::table::TableSettings;
use crate::windows::Windows;
use policy::gcra::Gcra;

/// A rate as count and seconds, and a burst.
type Window = (u64, u64, u64);

fn table(limit: &str, windows: &[Window], slots: u64) -> Table {
    let gcra = |(count, seconds, burst): &Window| {
        let period = std::time::Duration::from_secs(*seconds);
        let rate = Rate {
            count: *count,
            period,
        };
        Gcra::new(rate, *burst).unwrap()
    };
    let settings = TableSettings {
        zone: "",
        limit,
        key: "ip",
        slots,
        seed: [7; 16],
        windows: Windows::new(windows.iter().map(gcra).collect()).unwrap(),
    };
    Table::new(settings, &[])
}

/// Shared data in which every call waits for its turn.
struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    values: HashMap<String, (Vec<u8>, u32)>,
    schedule: Vec<u8>,
    /// Who wants to make a call, and who has ended.
    waiting: BTreeMap<usize, ()>,
    running: usize,
    turn: Option<usize>,
    now_ns: u64,
}

impl Turns {
    fn new(workers: usize, schedule: Vec<u8>) -> Self {
        Self {
            state: Mutex::new(State {
                values: HashMap::new(),
                schedule,
                waiting: BTreeMap::new(),
                running: workers,
                turn: None,
                now_ns: 1_000_000_000,
            }),
            changed: Condvar::new(),
        }
    }

    /// Once all workers that still run are waiting, the schedule names the next.
    fn choose(state: &mut State) {
        if state.turn.is_none() && state.running > 0 && state.waiting.len() == state.running {
            let pick = state.schedule.pop().map_or(0, usize::from) % state.waiting.len();
            state.turn = state.waiting.keys().nth(pick).copied();
        }
    }

    fn call<T>(&self, worker: usize, call: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap();
        state.waiting.insert(worker, ());
        Self::choose(&mut state);
        self.changed.notify_all();
        let mut state = self
            .changed
            .wait_while(state, |state| state.turn != Some(worker))
            .unwrap();
        let result = call(&mut state);
        state.turn = None;
        state.waiting.remove(&worker);
        self.changed.notify_all();
        result
    }

    /// The clock of all workers, so much later than it was.
    fn advance(&self, step_ns: u64) -> u64 {
        let mut state = self.state.lock().unwrap();
        state.now_ns += step_ns;
        state.now_ns
    }

    fn end(&self) {
        let mut state = self.state.lock().unwrap();
        state.running -= 1;
        Self::choose(&mut state);
        self.changed.notify_all();
    }
}

struct Worker<'t>(&'t Turns, usize);

impl Storage for Worker<'_> {
    fn load(&self, key: &str, initial: &[u8]) -> Result<(Vec<u8>, u32), StorageError> {
        Ok(self.0.call(self.1, |state| {
            let absent = || (initial.to_vec(), 1);
            state
                .values
                .entry(key.to_owned())
                .or_insert_with(absent)
                .clone()
        }))
    }

    fn replace(&self, key: &str, value: &[u8], cas: u32) -> Result<bool, StorageError> {
        Ok(self.0.call(self.1, |state| {
            let stored = state.values.get_mut(key).unwrap();
            let unchanged = stored.1 == cas;
            if unchanged {
                *stored = (value.to_vec(), cas + 1);
            }
            unchanged
        }))
    }
}

/// A request of a worker, so long after the last one of anybody.
#[derive(Clone, Copy, Debug)]
struct Request {
    client: u8,
    step_ns: u64,
    cost: u64,
    /// Another filter or a service refuses it, so long after the charge.
    given_back_after_ns: Option<u64>,
}

/// When a request passed, and at what cost.
#[derive(Clone, Copy, Debug)]
struct Passed {
    now_ns: u64,
    cost: u64,
}

/// The requests of each client that pass. A worker reads the clock when it gets a request, and other
/// workers go on before it comes to decide.
fn run(tables: &[Table], work: Vec<Vec<Request>>, schedule: Vec<u8>) -> BTreeMap<u8, Vec<Passed>> {
    let turns = Turns::new(work.len(), schedule);
    let passed: Mutex<BTreeMap<u8, Vec<Passed>>> = Mutex::default();
    std::thread::scope(|scope| {
        for (number, requests) in work.into_iter().enumerate() {
            let (turns, passed) = (&turns, &passed);
            scope.spawn(move || {
                let storage = Worker(turns, number);
                let clock_ns = || turns.advance(0);
                let mut given_back: Vec<(u64, Vec<(&Table, Receipt)>)> = Vec::new();
                for request in requests {
                    let now_ns = turns.advance(request.step_ns);
                    given_back.retain(|(at, receipts)| {
                        let due = *at <= now_ns;
                        for (table, receipt) in receipts.iter().filter(|_| due) {
                            table.give_back(&storage, receipt, &clock_ns);
                        }
                        !due
                    });
                    let charge = |table| Charge {
                        table,
                        key: Table::hash(table, &[request.client]),
                        cost: request.cost,
                        deny_on_error: true,
                    };
                    let charges: Vec<_> = tables.iter().map(charge).collect();
                    let decision = take_all(&storage, &charges, now_ns, &clock_ns);
                    if decision.outcome != Outcome::Passed {
                        continue;
                    }
                    if let Some(after_ns) = request.given_back_after_ns {
                        let receipts = tables.iter().zip(&decision.buckets);
                        let receipts = receipts.map(|(table, bucket)| {
                            (table, bucket.as_ref().unwrap().receipt.unwrap())
                        });
                        given_back.push((now_ns + after_ns, receipts.collect()));
                        continue;
                    }
                    let cost = request.cost;
                    let mut passed = passed.lock().unwrap();
                    let of_client = passed.entry(request.client).or_default();
                    of_client.push(Passed { now_ns, cost });
                }
                turns.end();
            });
        }
    });
    passed.into_inner().unwrap()
}

/// In every stretch of time, at most the burst and what the rate gives.
fn within_bound(requests: &[Passed], (count, seconds, burst): Window) -> bool {
    let mut sorted = requests.to_vec();
    sorted.sort_by_key(|request| request.now_ns);
    (0..sorted.len()).all(|first| {
        let mut units = 0;
        sorted[first..].iter().all(|request| {
            units += u128::from(request.cost);
            let elapsed = u128::from(request.now_ns - sorted[first].now_ns);
            let beyond = units.saturating_sub(burst.into());
            beyond * u128::from(seconds) * 1_000_000_000 <= elapsed * u128::from(count)
        })
    })
}

fn work() -> impl Strategy<Value = Vec<Vec<Request>>> {
    let given_back = proptest::option::weighted(0.3, 0_u64..900_000_000);
    let request = (0_u8..24, 0_u64..150_000_000, 1_u64..3, given_back);
    let request = request.prop_map(|(client, step_ns, cost, given_back_after_ns)| Request {
        // Mostly a few clients, so that there is something to refuse.
        client: if client > 20 { client } else { client % 3 },
        step_ns,
        cost,
        given_back_after_ns,
    });
    proptest::collection::vec(proptest::collection::vec(request, 1..25), 2..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_interleaving_admits_more(
        work in work(),
        schedule in proptest::collection::vec(any::<u8>(), 0..600),
        odd in any::<bool>(),
    ) {
        let rate: Window = if odd { (7, 3, 4) } else { (2, 1, 4) };
        let tables = [table("a", &[rate, (20, 60, 6)], 16)];
        for (client, requests) in run(&tables, work, schedule) {
            prop_assert!(within_bound(&requests, rate), "client {client}");
            prop_assert!(within_bound(&requests, (20, 60, 6)), "client {client}");
        }
    }

    #[test]
    fn several_limits_hold_each(
        work in work(),
        schedule in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let limits: [Window; 3] = [(2, 1, 4), (3, 1, 3), (1, 1, 5)];
        let tables = [
            table("a", &[limits[0]], 16),
            table("b", &[limits[1]], 16),
            table("c", &[limits[2]], 32),
        ];
        for (client, requests) in run(&tables, work, schedule) {
            for limit in limits {
                prop_assert!(within_bound(&requests, limit), "client {client}, {limit:?}");
            }
        }
    }
}

#[test]
fn parallel_requests_at_one_moment_get_exactly_the_burst() {
    let tables = [table("a", &[(1, 60, 10)], 1024)];
    let request = Request {
        client: 1,
        step_ns: 0,
        cost: 1,
        given_back_after_ns: None,
    };
    let work = vec![vec![request; 10]; 6];
    let schedule = (0..2_000_u32)
        .map(|n| u8::try_from(n * 7 % 251).unwrap())
        .collect();
    let admitted = run(&tables, work, schedule);
    assert_eq!(admitted[&1].len(), 10);
}

#[test]
fn a_limit_that_refuses_charges_none_of_the_others() {
    let tables = [
        table("wide", &[(1, 3600, 3)], 16),
        table("narrow", &[(1, 3600, 1)], 16),
    ];
    let turns = Turns::new(1, Vec::new());
    let storage = Worker(&turns, 0);
    let charge = |table, key: u8| Charge {
        table,
        key: Table::hash(table, &[key]),
        cost: 1,
        deny_on_error: true,
    };
    let both = |narrow: u8| {
        let charges = [charge(&tables[0], 0), charge(&tables[1], narrow)];
        take_all(&storage, &charges, 1_000_000_000, &|| 1_000_000_000).outcome
    };
    assert_eq!(both(1), Outcome::Passed);
    for _ in 0..10 {
        assert_eq!(both(1), Outcome::Refused);
    }
    assert_eq!(
        [both(2), both(3), both(4)],
        [Outcome::Passed, Outcome::Passed, Outcome::Refused]
    );
}

/// Storage that fails for the tables whose keys contain a word.
struct Failing<'t>(Worker<'t>, &'static str);

impl Storage for Failing<'_> {
    fn load(&self, key: &str, initial: &[u8]) -> Result<(Vec<u8>, u32), StorageError> {
        if key.contains(self.1) {
            Err(StorageError)
        } else {
            self.0.load(key, initial)
        }
    }

    fn replace(&self, key: &str, value: &[u8], cas: u32) -> Result<bool, StorageError> {
        self.0.replace(key, value, cas)
    }
}

#[test]
fn a_limit_that_cannot_be_decided_goes_the_configured_way() {
    let tables = [
        table("good", &[(1, 3600, 2)], 16),
        table("dead", &[(1, 3600, 2)], 16),
    ];
    let turns = Turns::new(1, Vec::new());
    let storage = Failing(Worker(&turns, 0), "dead");
    let take = |deny_on_error| {
        let charge = |table| Charge {
            table,
            key: Table::hash(table, b"k"),
            cost: 1,
            deny_on_error,
        };
        let charges: Vec<_> = tables.iter().map(charge).collect();
        take_all(&storage, &charges, 1_000_000_000, &|| 1_000_000_000)
    };
    for _ in 0..5 {
        let decision = take(true);
        assert_eq!(decision.outcome, Outcome::Undecided);
        assert_eq!(decision.buckets[1], Err(StorageError));
    }
    assert_eq!(
        take(false).outcome,
        Outcome::Passed,
        "nothing was charged so far"
    );
    assert_eq!(take(false).outcome, Outcome::Passed);
    assert_eq!(take(false).outcome, Outcome::Refused);
}
