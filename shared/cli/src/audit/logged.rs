//! Records of requests that somebody asked for, one by one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::common::Result;
use super::format::{printable, thousands};
use trail::chains::Trail;
use trail::item::{ChainUid, Item};

/// The record of a request.
pub(super) struct Logged {
    chain: ChainUid,
    sequence: u64,
    pub(super) time_ms: u64,
    pub(super) record: Value,
}

/// Those for which the trail vouches, in order, and how many others there were.
pub(super) fn vouched(trail: &Trail, found: impl Iterator<Item = Logged>) -> (Vec<Logged>, u64) {
    let mut unvouched = 0_u64;
    let mut kept = Vec::new();
    for one in found {
        if trail.is_vouched(&one.chain, one.sequence) {
            kept.push(one);
        } else {
            unvouched = unvouched.saturating_add(1);
        }
    }
    kept.sort_by_key(|one| (one.time_ms, one.chain, one.sequence));
    (kept, unvouched)
}

/// Says how many records were left out, on standard error.
pub(super) fn tell_unvouched(unvouched: u64) {
    if unvouched > 0 {
        eprintln!(
            "Not counted: {} records for which no signature of a given key vouches",
            thousands(unvouched)
        );
    }
}

/// Takes the records that a request was received out of those in order, but for requests of which no other record
/// says what became. Says how many there are of either, on standard error, and returns how many are open.
pub(super) fn settle_received(records: Vec<Logged>) -> (Vec<Logged>, u64) {
    let (received, mut kept): (Vec<Logged>, Vec<Logged>) =
        records.into_iter().partition(Logged::is_received);
    // Clients may choose ids: each outcome is that of one request.
    let mut ended: BTreeMap<&str, u64> = BTreeMap::new();
    for outcome in &kept {
        let count = ended.entry(outcome.text(REQUEST_UID)).or_default();
        *count = count.saturating_add(1);
    }
    let mut open = Vec::new();
    let mut settled = 0_u64;
    for one in received {
        match ended.get_mut(one.text(REQUEST_UID)) {
            Some(count) if *count > 0 => {
                *count = count.saturating_sub(1);
                settled = settled.saturating_add(1);
            }
            _ => open.push(one),
        }
    }
    if settled > 0 {
        eprintln!(
            "{} further records say that a request was received; those above say what became of it",
            thousands(settled)
        );
    }
    let count = open.len() as u64;
    if count > 0 {
        eprintln!(
            "{} requests were received, and no record says what became of them: it was sampled out, lost, or is of another time",
            thousands(count)
        );
        kept.append(&mut open);
        kept.sort_by_key(|one| (one.time_ms, one.chain, one.sequence));
    }
    (kept, count)
}

/// The id of a request, which its records share.
const REQUEST_UID: &str = "/api/request/uid";

impl Logged {
    pub(super) fn new(item: &Item, text: &str) -> Self {
        Self {
            chain: item.chain,
            sequence: item.sequence,
            time_ms: item.time_ms,
            record: serde_json::from_str(text).unwrap_or_default(),
        }
    }

    pub(super) fn text(&self, pointer: &str) -> &str {
        let value = self.record.pointer(pointer);
        value.and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn number(&self, pointer: &str) -> u64 {
        let value = self.record.pointer(pointer);
        value.and_then(Value::as_u64).unwrap_or_default()
    }

    /// Who got the response, or would have got it.
    pub(super) fn caller(&self) -> &str {
        match self.text("/actor/user/uid") {
            "" => self.text("/actor/user/name"),
            uid => uid,
        }
    }

    /// Whether it says no more than that the request was received.
    pub(super) fn is_received(&self) -> bool {
        self.text("/unmapped/stage") == "received"
    }

    /// `completed`, `refused` or `failed`; `received` where nothing more is known.
    pub(super) fn outcome(&self) -> &'static str {
        match (self.number("/action_id"), self.number("/status_id")) {
            _ if self.is_received() => "received",
            (2, _) => "refused",
            (_, 2) => "failed",
            _ => "completed",
        }
    }

    /// Each class of data, and how it was disclosed.
    pub(super) fn classes(&self) -> Vec<(&str, &str)> {
        let classes = self.record.pointer("/unmapped/data_subject/disclosed");
        let classes = classes.and_then(Value::as_array);
        let mut read = Vec::new();
        for one in classes.into_iter().flatten() {
            let class = one.get("class").and_then(Value::as_str);
            let form = one.get("form").and_then(Value::as_str);
            if let (Some(class), Some(form)) = (class, form.and_then(known_form)) {
                read.push((class, form));
            }
        }
        read
    }

    pub(super) fn data(&self) -> String {
        let classes = self.classes().into_iter();
        let classes: Vec<String> = classes
            .map(|(class, form)| format!("{class}={form}"))
            .collect();
        classes.join(" ")
    }

    /// Whom it is about, by pseudonyms.
    pub(super) fn people(&self) -> impl Iterator<Item = &str> {
        let people = self.record.pointer("/unmapped/data_subject/uids");
        let people = people.and_then(Value::as_array).into_iter().flatten();
        people.filter_map(Value::as_str)
    }

    pub(super) fn purposes(&self) -> Vec<&str> {
        let purposes = self.record.pointer("/unmapped/consent/purposes");
        let purposes = purposes.and_then(Value::as_array);
        purposes
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }
}

fn known_form(word: &str) -> Option<&'static str> {
    let known = ["clear", "masked", "removed", "blocked"];
    known.into_iter().find(|form| *form == word)
}

/// A cell of a line of text, whoever has written what is in it.
pub(super) fn or_none(text: &str) -> String {
    printable(if text.is_empty() { "-" } else { text })
}

/// As a document for people and programs.
pub(super) fn pretty(json: &Value) -> Result<String> {
    let text = serde_json::to_string_pretty(json);
    Ok(text.map_err(|error| error.to_string())? + "\n")
}
