//! What records about chains say: those of emitters about their own, those of operators about others.

use audit::{Control, Group, Hash, Range};

use super::beside::emitter_of;
use super::chain::{Open, Purge};
use super::{Order, Trail};
use crate::disclosed::Disclosed;
use crate::hex::decode;
use crate::issue::Kind;
use crate::item::{ControlItem, Groups, Item};
use crate::keyring::{Role, Vouched};
use crate::segment::Compared;

impl Trail {
    pub(super) fn note_signature(&mut self, control: &ControlItem, place: &dyn Fn() -> String) {
        let key_id = control.key_id.as_deref().unwrap_or_default();
        let (kind, what) = match control.vouched {
            Vouched::By(_) => return,
            Vouched::Unsigned => {
                if control.control.is_by_operator() {
                    (
                        Kind::WrongRole,
                        "nobody has signed what an operator is to have said",
                    )
                } else {
                    return;
                }
            }
            Vouched::UnknownKey if self.has_keys => (
                Kind::ForeignKey,
                "signed with a key that is none of those given",
            ),
            Vouched::UnknownKey => (
                Kind::UnknownKey,
                "there is no key of this id to check the signature",
            ),
            Vouched::WrongSignature => (Kind::WrongSignature, "the signature is none of this key"),
            Vouched::OutOfTime => (Kind::KeyOutOfTime, "the key was not in use at the time"),
            Vouched::WrongRole => (Kind::WrongRole, "the key is not one that may say this"),
        };
        self.issues.add(kind, place, || {
            format!("{} {:?}: {what}", control.control.kind(), key_id)
        });
    }

    pub(super) fn note_control(
        &mut self,
        item: &Item,
        control: &ControlItem,
        now_ms: u64,
        place: &dyn Fn() -> String,
    ) {
        let Some(chain) = self.chains.get_mut(&item.chain) else {
            return;
        };
        if chain.class.is_none() {
            chain.class = Some(control.class.clone());
        }
        if chain.key_id.is_none() {
            chain.key_id.clone_from(&control.key_id);
        }
        let is_vouched = control.vouched == Vouched::By(Role::Emitter);
        if control.vouched == Vouched::By(Role::Operator) {
            let here = Range(item.sequence, item.sequence);
            chain.by_operator.add(here);
        }
        if is_vouched || !self.has_keys {
            self.beside
                .note_emitter(&control.control, control.key_id.as_deref());
        }
        if is_vouched && let Some(key_id) = &control.key_id {
            let first = chain.signed_by.get_or_insert_with(|| key_id.clone());
            if first != key_id {
                self.issues.add(Kind::KeyChanged, place, || {
                    format!("it is signed with the key {key_id:?}, and its chain with {first:?}: a chain has one key")
                });
            }
        }
        if is_vouched {
            chain.note_sign(item.sequence, item.time_ms, control.control.statement());
            // Chains are sent one by one: what another one had at the time arrives a little later.
            let age_ms = now_ms.saturating_sub(item.time_ms);
            let is_settled = age_ms > chain.heartbeat_ms().saturating_mul(2);
            self.beside.note(item, &control.control, is_settled);
            if chain.emitter.is_none() {
                chain.emitter = emitter_of(&control.control).map(str::to_owned);
            }
        }
        let sequence = item.sequence;
        if let Some(statement) = control.control.statement()
            && chain
                .statement
                .as_ref()
                .is_none_or(|(last, _)| *last < sequence)
        {
            chain.statement = Some((sequence, statement.clone()));
        }
        match &control.control {
            Control::Open {
                node,
                heartbeat_ms,
                predecessor,
                ..
            } => {
                if sequence > 0 || item.previous != Hash::NONE {
                    self.issues.add(Kind::NoBeginning, place, || {
                        "a chain opens in the middle".to_owned()
                    });
                    return;
                }
                chain.open = Some(Open {
                    node: node.clone(),
                    heartbeat_ms: *heartbeat_ms,
                    predecessor: predecessor.clone(),
                    is_signed: control.key_id.is_some(),
                    is_vouched: matches!(control.vouched, Vouched::By(_)),
                });
            }
            Control::Close { reason, .. } => chain.close = Some((sequence, reason.clone())),
            Control::Heartbeat(_) => chain.has_heartbeats = true,
            Control::Gap(lost) => chain.gaps.push((sequence, lost.clone())),
            order if order.is_by_operator() && control.vouched == Vouched::By(Role::Operator) => {
                self.note_order(item, order, place);
            }
            _ => {}
        }
    }

    fn note_order(&mut self, item: &Item, control: &Control, place: &dyn Fn() -> String) {
        let target_uid = |text: &str| decode::<16>(text.as_bytes());
        match control {
            Control::Tombstone {
                chain_uid,
                sequence,
                previous,
                core,
                ..
            } => {
                let Some(target) = target_uid(chain_uid) else {
                    self.issues.add(Kind::ForgedStatement, place, || {
                        format!("a tombstone for {chain_uid:?}, which is no chain")
                    });
                    return;
                };
                let fingerprint = Hash::link(&target, *sequence, previous, core);
                let removed = Item {
                    chain: target,
                    sequence: *sequence,
                    previous: *previous,
                    fingerprint,
                    time_ms: item.time_ms,
                    expires_ms: None,
                    required_ms: None,
                    present: Groups::default(),
                    erased: Groups::default(),
                    class_tag: 0,
                    disclosed: Some(Box::new(Disclosed::unknown())),
                    control: None,
                };
                let chain = self.chains.entry(target).or_default();
                if chain.segments.holding(*sequence).is_some() {
                    let same = self.seen.compare(target, *sequence, &fingerprint);
                    let (kind, what) = match same {
                        Compared::Other => {
                            (Kind::ForgedStatement, "is none of the record that is there")
                        }
                        _ if chain.removed.contains(sequence) => return,
                        _ => (Kind::StillThere, "is there, and so is the record"),
                    };
                    self.issues.add(kind, place, || {
                        format!("the tombstone of {chain_uid}:{sequence} {what}")
                    });
                    return;
                }
                self.place(&removed, None, place);
                if let Some(chain) = self.chains.get_mut(&target) {
                    chain.removed.insert(*sequence);
                }
                self.counts.removed += 1;
            }
            Control::Erasure {
                targets, groups, ..
            } => {
                let groups = Groups::of(groups.iter().filter_map(|name| Group::named(name)));
                for target in targets {
                    let Some(chain) = target_uid(&target.chain_uid) else {
                        continue;
                    };
                    let all = [Range(0, u64::MAX)];
                    let ranges = if target.ranges.is_empty() {
                        &all[..]
                    } else {
                        &target.ranges
                    };
                    let erasures = self.erasures.entry(chain).or_default();
                    for range in ranges {
                        erasures.add(*range, groups);
                    }
                }
            }
            Control::Purge {
                chain_uid,
                checkpoint,
                fingerprint,
                grounds,
            } => {
                if let Some(target) = target_uid(chain_uid) {
                    let heartbeat_ms = grounds.get("heartbeat_ms");
                    self.chains.entry(target).or_default().purges.push(Purge {
                        checkpoint: *checkpoint,
                        fingerprint: *fingerprint,
                        heartbeat_ms: heartbeat_ms.and_then(|text| text.parse().ok()),
                        time_ms: item.time_ms,
                    });
                }
            }
            _ => {}
        }
        self.orders.push(Order {
            time_ms: item.time_ms,
            chain: item.chain,
            sequence: item.sequence,
            control: control.clone(),
        });
    }
}
