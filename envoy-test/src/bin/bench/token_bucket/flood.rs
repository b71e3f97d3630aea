//! What a flood of made-up clients does to everybody else, by simulation: the real table of
//! token-bucket in memory, with a clock that the simulation moves.

use std::collections::HashMap;
use std::time::Duration;

use envoy_test::Result;
use policy::gcra::Gcra;
use policy::units::Rate;
use token_bucket::storage::WorkerStorage;
use token_bucket::table::{Table, TableSettings};
use token_bucket::windows::{Tats, Windows, WindowsDecision};

/// What counts is the number of clients for each slot, so a small table shows what a large one does.
const SLOTS: u32 = 4_096;
/// The clients that keep within their limit.
const HONEST: u64 = 500;
/// How long, in refills of a unit.
const REFILLS: u64 = 5;
/// Steps of the clock in a refill.
const STEPS: u64 = 2_000;
const NS: u64 = 1_000_000_000;
/// The flood, in new buckets for each slot and refill.
const FLOODS: [f64; 6] = [0.0, 0.5, 1.0, 3.0, 10.0, 30.0];

struct Limit {
    name: &'static str,
    count: u64,
    burst: u64,
}

const LIMITS: [Limit; 2] = [
    Limit {
        name: "5/h, burst 5",
        count: 5,
        burst: 5,
    },
    Limit {
        name: "60/h, burst 1",
        count: 60,
        burst: 1,
    },
];

/// The requests of made-up clients.
#[derive(Clone, Copy, PartialEq)]
enum Flood {
    /// Each sends one request and is never seen again.
    New,
    /// There are four for each slot, and they come again and again.
    Returning,
}

pub(crate) fn run() -> Result<()> {
    println!(
        "A flood of made-up clients, simulated: {SLOTS} buckets, {HONEST} honest clients that send \
         what half of their limit admits, for {REFILLS} refills of a unit.\nThe flood is in new buckets for each slot and \
         refill; the rate is what that is for the default table of 65,536.\n"
    );
    println!(
        "{:16} {:24} {:>6} {:>9} {:>16} {:>14} {:>9}",
        "limit", "made-up clients", "flood", "a second", "honest refused", "over-admitted", "KiB"
    );
    for limit in &LIMITS {
        for (kind, flood) in [
            ("new each time", Flood::New),
            ("4 a slot, returning", Flood::Returning),
        ] {
            for times in FLOODS {
                let row = simulate(limit, flood, times)?;
                let default = times * 65_536.0 * f64_of(limit.count) / 3_600.0;
                println!(
                    "{:16} {kind:24} {times:>6} {default:>9.0} {:>14.1} % {:>14} {:>9}",
                    limit.name,
                    100.0 * f64_of(row.refused) / f64_of(row.sent.max(1)),
                    row.over_admitted,
                    row.kib
                );
                if row.over_admitted > 0 {
                    return Err(super::failed("a client got more than its limit".to_owned()));
                }
            }
        }
    }
    Ok(())
}

struct Row {
    /// Requests of honest clients that a bucket of their own would admit.
    sent: u64,
    /// Those of them that were refused.
    refused: u64,
    over_admitted: u64,
    kib: usize,
}

fn simulate(limit: &Limit, flood: Flood, times: f64) -> Result<Row> {
    let rate = Rate {
        count: limit.count,
        period: Duration::from_secs(3_600),
    };
    let gcra = Gcra::new(rate, limit.burst);
    let windows = gcra.and_then(|gcra| Windows::new(vec![gcra]));
    let windows = windows.ok_or_else(|| super::failed("the limit is none".to_owned()))?;
    let settings = TableSettings {
        zone: "",
        limit: "l",
        key: "header:x",
        slots: SLOTS.into(),
        seed: [7; 16],
        windows,
    };
    let (table, storage) = (Table::new(settings, &[]), WorkerStorage::default());
    let mut ideal: HashMap<u64, Tats> = HashMap::new();
    let mut row = Row {
        sent: 0,
        refused: 0,
        over_admitted: 0,
        kib: 0,
    };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let refill_ns = 3_600 * NS / limit.count;
    // In each step.
    let flood_rate = times * f64::from(SLOTS) / f64_of(STEPS);
    let honest_rate = f64_of(HONEST) / 2.0 / f64_of(STEPS);
    let (mut flooding, mut asking) = (0.0, 0.0);
    let mut made_up = HONEST;
    for step in 0..REFILLS * STEPS {
        let now_ns = NS + step * (refill_ns / STEPS);
        flooding += flood_rate;
        asking += honest_rate;
        while flooding >= 1.0 {
            flooding -= 1.0;
            match flood {
                Flood::New => {
                    made_up += 1;
                    take(&table, &storage, &mut Tats::default(), made_up, now_ns)?;
                }
                Flood::Returning => {
                    let client = HONEST + random.below(4 * u64::from(SLOTS));
                    let own = ideal.entry(client).or_default();
                    let (admitted, due) = take(&table, &storage, own, client, now_ns)?;
                    row.over_admitted += u64::from(admitted && !due);
                }
            }
        }
        while asking >= 1.0 {
            asking -= 1.0;
            let client = random.below(HONEST);
            let own = ideal.entry(client).or_default();
            let (admitted, due) = take(&table, &storage, own, client, now_ns)?;
            row.over_admitted += u64::from(admitted && !due);
            row.sent += u64::from(due);
            row.refused += u64::from(due && !admitted);
        }
    }
    row.kib = storage.bytes() / 1_024;
    Ok(row)
}

/// Whether the request passes, and whether it would if the client had a bucket of its own, which is
/// charged with what really passes.
fn take(
    table: &Table,
    storage: &WorkerStorage,
    own: &mut Tats,
    client: u64,
    now_ns: u64,
) -> Result<(bool, bool)> {
    let broken = |_| super::failed("the table does not work".to_owned());
    let key = table.hash(&client.to_le_bytes());
    let decision = table.take(storage, None, key, now_ns, 1).map_err(broken)?;
    let due = match table.windows().decide(own, now_ns, 1) {
        WindowsDecision::Admit(after) => {
            if decision.admitted {
                *own = after;
            }
            true
        }
        WindowsDecision::Refuse { .. } => false,
    };
    Ok((decision.admitted, due))
}

/// Xorshift: the same numbers every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn f64_of(number: u64) -> f64 {
    number as f64
}
