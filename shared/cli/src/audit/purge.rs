//! `meshward audit purge`.

use std::collections::{BTreeMap, HashMap};

use audit::{Control, Hash, Range};

use super::common::{Input, Result};
use super::format::thousands;
use super::orders::{DRY_RUN, Operator, refuse_unwritable, rewrite_all};
use trail::chains::Trail;
use trail::hex::{decode, encode};
use trail::item::{ChainUid, Item};
use trail::keyring::Vouched;
use trail::ledger::{active_holds, held_by};
use trail::pipeline::Observer;
use trail::rewrite::Fate;
use trail::scan::Fields;
use trail::verdict::{Question, conclude};

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    operator: Operator,

    /// Go on although something was changed, taken away or put in before
    #[arg(long)]
    despite_failures: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let input = &arguments.input;
    refuse_unwritable(input)?;
    let mut keyring = input.keyring()?;
    let key = arguments.operator.key(&mut keyring)?;
    let mut ledger = arguments.operator.ledger(input, &keyring, key)?;
    let now_ms = input.now_ms()?;
    let (trail, ages) = input.read(&keyring, || Ages {
        now_ms,
        chains: HashMap::new(),
    })?;
    let plans = plan(&trail, merged(ages));
    let verdict = conclude(
        trail,
        &Question {
            at_ms: now_ms,
            is_excerpt: true,
            ..Question::default()
        },
    );
    if verdict.exit_code == 1 && !arguments.despite_failures {
        println!(
            "The files do not verify (meshward audit verify says why), and purging would hide it."
        );
        return Ok(1);
    }
    let mut all = 0;
    for (chain, plan) in &plans {
        let chain = encode(chain);
        match plan {
            Plan::Purge(purge) => {
                all += purge.records;
                println!(
                    "{chain}: {} records before number {} are past their time",
                    thousands(purge.records),
                    purge.checkpoint
                );
            }
            Plan::Keep(why) => println!("{chain}: stays: {why}"),
        }
    }
    println!("{} records to delete", thousands(all));
    if !arguments.operator.apply {
        println!("{DRY_RUN}");
        return Ok(0);
    }
    let purges: BTreeMap<ChainUid, &Purge> = plans
        .iter()
        .filter_map(|(chain, plan)| match plan {
            Plan::Purge(purge) => Some((*chain, purge)),
            Plan::Keep(_) => None,
        })
        .collect();
    if purges.is_empty() {
        return Ok(0);
    }
    let entries: Vec<Control> = purges
        .iter()
        .map(|(chain, purge)| {
            let mut grounds = arguments.operator.grounds();
            // The record that said so is among those that go.
            grounds.insert("heartbeat_ms".to_owned(), purge.heartbeat_ms.to_string());
            Control::Purge {
                chain_uid: encode(chain),
                checkpoint: purge.checkpoint,
                fingerprint: purge.fingerprint,
                grounds,
            }
        })
        .collect();
    ledger
        .add(&entries, now_ms)
        .map_err(|error| error.to_string())?;
    rewrite_all(input, |uid, _| {
        let Some((chain, sequence)) = uid.split_once(':') else {
            return Fate::Keep;
        };
        let chain = decode::<16>(chain.as_bytes());
        let purge = chain.and_then(|chain| purges.get(&chain));
        match purge.zip(sequence.parse::<u64>().ok()) {
            Some((purge, sequence)) if sequence < purge.checkpoint => Fate::Drop,
            _ => Fate::Keep,
        }
    })?;
    Ok(0)
}

/// What becomes of a chain.
enum Plan {
    Purge(Purge),
    Keep(String),
}

struct Purge {
    checkpoint: u64,
    fingerprint: Hash,
    records: u64,
    heartbeat_ms: u64,
}

/// What is known of a chain's age.
#[derive(Default)]
struct Age {
    /// The first record whose time is not over.
    first_kept: Option<u64>,
    /// Records of requests whose time is over.
    expired: Vec<u64>,
    /// Records that a known key has signed.
    signed: BTreeMap<u64, Hash>,
}

struct Ages {
    now_ms: u64,
    chains: HashMap<ChainUid, Age>,
}

impl Observer for Ages {
    fn observe(&mut self, item: &Item, _: &str, _: Option<&Fields>) {
        let age = self.chains.entry(item.chain).or_default();
        match &item.control {
            Some(control) => {
                if matches!(control.vouched, Vouched::By(_)) {
                    age.signed.insert(item.sequence, item.fingerprint);
                }
            }
            None if item
                .expires_ms
                .is_some_and(|expires_ms| expires_ms <= self.now_ms) =>
            {
                age.expired.push(item.sequence);
            }
            None => {
                let first = age.first_kept.unwrap_or(u64::MAX);
                age.first_kept = Some(first.min(item.sequence));
            }
        }
    }
}

fn merged(all: Vec<Ages>) -> BTreeMap<ChainUid, Age> {
    let mut chains: BTreeMap<ChainUid, Age> = BTreeMap::new();
    for (chain, age) in all.into_iter().flat_map(|ages| ages.chains) {
        let known = chains.entry(chain).or_default();
        known.expired.extend(age.expired);
        known.signed.extend(age.signed);
        known.first_kept = match (known.first_kept, age.first_kept) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    for age in chains.values_mut() {
        age.expired.sort_unstable();
    }
    chains
}

fn plan(trail: &Trail, ages: BTreeMap<ChainUid, Age>) -> Vec<(ChainUid, Plan)> {
    let holds = active_holds(trail.orders());
    let mut plans = Vec::new();
    for (chain, age) in ages {
        // What is at the end of the part that can go: nothing of it must be kept.
        let limit = age.first_kept.unwrap_or(u64::MAX);
        let goes = age.expired.partition_point(|sequence| *sequence < limit);
        let Some(last_expired) = goes.checked_sub(1).and_then(|last| age.expired.get(last)) else {
            continue;
        };
        // The first signed record after all that goes stays and vouches; else the last before.
        let after = age
            .signed
            .range(last_expired..)
            .next()
            .filter(|(at, _)| **at <= limit);
        let before = || age.signed.range(..=limit.min(*last_expired)).next_back();
        let Some((checkpoint, fingerprint)) = after.or_else(before) else {
            plans.push((
                chain,
                Plan::Keep("no signature of a known key vouches for a new beginning".to_owned()),
            ));
            continue;
        };
        let records = age
            .expired
            .partition_point(|sequence| sequence < checkpoint) as u64;
        if records == 0 {
            continue;
        }
        let gone = Range(0, checkpoint - 1);
        let plan = if let Some(hold) = held_by(&holds, &chain, gone) {
            Plan::Keep(format!("the hold {hold:?} keeps it"))
        } else if !trail.is_whole_until(&chain, *checkpoint) {
            Plan::Keep(
                "records are missing before that point; give all files, also logs of the proxy"
                    .to_owned(),
            )
        } else {
            Plan::Purge(Purge {
                checkpoint: *checkpoint,
                fingerprint: *fingerprint,
                records,
                heartbeat_ms: trail.heartbeat_ms(&chain),
            })
        };
        plans.push((chain, plan));
    }
    plans
}

const AFTER_HELP: &str = "\
A chain is cut at a signed record, which stays, when all records of requests before it are past
their time, none is missing and none is on hold. The order is signed and written to the ledger
first. Exit status: 0 done, or would be, 1 refused, 3 not possible.";
