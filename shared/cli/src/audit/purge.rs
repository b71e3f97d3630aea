//! `meshward audit purge`.

use std::collections::BTreeMap;
use std::sync::Arc;

use audit::Control;
use trail::hex::encode;
use trail::intervals::Intervals;
use trail::item::{ChainUid, place_of};
use trail::purge::{Ages, Plan, Purge, Tombstones, plans};
use trail::rewrite::{Beside, Fate};

use super::common::Result;
use super::format::{printable, thousands};
use super::orders::{DRY_RUN, Order, Safeguards};
use super::unread::tell_unread;
use crate::exit;
use crate::output::say;

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(flatten)]
    order: Order,

    #[command(flatten)]
    safeguards: Safeguards,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let order = &arguments.order;
    let now_ms = order.now_ms()?;
    order.refuse_unwritable()?;
    let (keyring, mut ledger) = order.open()?;
    let (trail, ages, holds) = order.read_with_holds(&keyring, &ledger, |holds| {
        Ages::new(now_ms, Arc::clone(holds))
    })?;
    let plans = plans(&trail, &holds, ages);
    let spread = trail.spread().to_vec();
    let done = tell_unread(&trail, exit::RIGHT);
    if !arguments.safeguards.allow(trail, now_ms, "purging") {
        return Ok(exit::FOUND);
    }
    tell(&plans);
    if !order.apply {
        say!("{DRY_RUN}");
        return Ok(done);
    }
    let purges: BTreeMap<ChainUid, &Purge> = plans
        .iter()
        .filter_map(|plan| Some((plan.chain, plan.purge.as_ref()?)))
        .collect();
    let single: BTreeMap<ChainUid, Intervals> = plans
        .iter()
        .filter(|plan| plan.single.count() > 0)
        .map(|plan| (plan.chain, plan.single.clone()))
        .collect();
    if purges.is_empty() && single.is_empty() {
        return Ok(done);
    }
    let mut grounds = order.grounds();
    grounds.insert("expired".to_owned(), "behind a record on hold".to_owned());
    let tombstones = if single.is_empty() {
        BTreeMap::new()
    } else {
        let (_, found) = order.read(&keyring, || Tombstones::new(&single, &grounds))?;
        found.into_iter().flat_map(|found| found.found).collect()
    };
    let fate = |uid: &str, _: &str| {
        let goes = place_of(uid).is_some_and(|(chain, sequence)| {
            let purge = purges.get(&chain);
            purge.is_some_and(|purge| sequence < purge.checkpoint)
                || tombstones.contains_key(&(chain, sequence))
        });
        if goes { Fate::Drop } else { Fate::Keep }
    };
    Order::refuse_spread(&spread, fate)?;
    let entries = purges
        .iter()
        .map(|(chain, purge)| {
            let mut grounds = order.grounds();
            // The record that said so is among those that go.
            grounds.insert("heartbeat_ms".to_owned(), purge.heartbeat_ms.to_string());
            Control::Purge {
                chain_uid: encode(chain),
                checkpoint: purge.checkpoint,
                fingerprint: purge.fingerprint,
                grounds,
            }
        })
        .chain(tombstones.values().cloned());
    let entries: Vec<Control> = entries.collect();
    ledger
        .add(&entries, now_ms)
        .map_err(|error| error.to_string())?;
    order.rewrite_all(Beside::Ignored, fate)?;
    Ok(done)
}

/// What can go, and why the rest of what is past its time stays.
fn tell(plans: &[Plan]) {
    let mut all = 0;
    for plan in plans {
        let chain = encode(&plan.chain);
        if let Some(purge) = &plan.purge {
            all += purge.records;
            say!(
                "{chain}: {} records before number {} are past their time",
                thousands(purge.records),
                purge.checkpoint
            );
        }
        let single = plan.single.count();
        if single > 0 {
            all += single;
            say!(
                "{chain}: {} records behind one on hold are past their time, and go one by one",
                thousands(single)
            );
        }
        for why in &plan.stays {
            say!("{chain}: {}", printable(why));
        }
    }
    say!("{} records to delete", thousands(all));
    if plans.is_empty() {
        say!(
            "No record is past its time: those with an expiry are younger, and those without are kept for ever."
        );
    }
}

const AFTER_HELP: &str = "\
A chain is cut from its beginning, at a signed record, which stays: as far as all records of requests
are past their time and none is missing. A record on hold stays alone: what comes after it goes one by
one, with a tombstone each. What stays is said, with the reason. The order is signed and written to the
ledger first. Exit status: 0 done, or would be, 1 refused, 2 not possible, or not in all files, 64 wrong usage.

Examples:
  meshward audit purge --keys keys.json --ledger ledger.ndjson --sign-key dpo.secret trail-*.ndjson
  meshward audit purge --keys keys.json --ledger ledger.ndjson --sign-key dpo.secret --apply trail-*.ndjson";
