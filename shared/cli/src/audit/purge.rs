//! `meshward audit purge`.

use std::collections::BTreeMap;

use audit::Control;
use trail::hex::{decode, encode};
use trail::item::ChainUid;
use trail::purge::{Ages, Purge, plans};
use trail::rewrite::Fate;

use super::common::{Input, Result};
use super::format::{printable, thousands};
use super::orders::{DRY_RUN, Operator, Safeguards, refuse_unwritable, rewrite_all};
use crate::exit;
use crate::output::say;

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    operator: Operator,

    #[command(flatten)]
    safeguards: Safeguards,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let input = &arguments.input;
    refuse_unwritable(input)?;
    let mut keyring = input.keyring()?;
    let key = arguments.operator.key(&mut keyring)?;
    let mut ledger = arguments.operator.ledger(input, &keyring, key)?;
    let now_ms = input.now_ms()?;
    let (trail, ages) = input.read(&keyring, || Ages::new(now_ms))?;
    let plans = plans(&trail, ages);
    if !arguments.safeguards.allow(trail, now_ms, "purging") {
        return Ok(exit::FOUND);
    }
    let mut all = 0;
    for plan in &plans {
        let chain = encode(&plan.chain);
        if let Some(purge) = &plan.purge {
            all += purge.records;
            say!(
                "{chain}: {} records before number {} are past their time",
                thousands(purge.records),
                purge.checkpoint
            );
        }
        for why in &plan.stays {
            say!("{chain}: {}", printable(why));
        }
    }
    say!("{} records to delete", thousands(all));
    if !arguments.operator.apply {
        say!("{DRY_RUN}");
        return Ok(exit::RIGHT);
    }
    let purges: BTreeMap<ChainUid, &Purge> = plans
        .iter()
        .filter_map(|plan| Some((plan.chain, plan.purge.as_ref()?)))
        .collect();
    if purges.is_empty() {
        return Ok(exit::RIGHT);
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
    Ok(exit::RIGHT)
}

const AFTER_HELP: &str = "\
A chain is cut from its beginning, at a signed record, which stays: as far as all records of requests
are past their time, none is missing and none is on hold. What stays is said, with the reason. The order is signed and written to the ledger
first. Exit status: 0 done, or would be, 1 refused, 2 not possible, 64 wrong usage.";
