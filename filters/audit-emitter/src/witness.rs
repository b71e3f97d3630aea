//! A second destination for what is signed: who has it there can tell when the end of a chain was
//! cut off, or a chain was written anew with the proxy's own key.

use std::collections::VecDeque;

use host::Host;
use host::waiting::Calls;

use crate::delivery::{Receipt, Schedule};
use crate::destination::Destination;
use crate::outbox::Delivery;
use crate::sink;

/// Signed records on their way to the witness.
#[derive(Debug)]
pub(crate) struct WitnessQueue {
    destination: Destination,
    records: VecDeque<String>,
    bytes: usize,
    /// The first so many are on their way: none unless a call is under way.
    in_flight: usize,
    schedule: Schedule,
}

impl WitnessQueue {
    pub(crate) const fn new(destination: Destination) -> Self {
        Self {
            destination,
            records: VecDeque::new(),
            bytes: 0,
            in_flight: 0,
            schedule: Schedule::new(),
        }
    }

    /// Adds a record. When there are too many, the oldest that is not on its way goes: a later
    /// signature vouches for all before it. Returns how many went.
    pub(crate) fn push(&mut self, record: &str) -> u64 {
        self.bytes = self.bytes.saturating_add(record.len());
        self.records.push_back(record.to_owned());
        let mut dropped = 0_u64;
        while self.bytes > MAX_BYTES {
            let Some(oldest) = self.records.remove(self.in_flight) else {
                break;
            };
            self.bytes = self.bytes.saturating_sub(oldest.len());
            dropped = dropped.saturating_add(1);
        }
        dropped
    }

    pub(crate) fn send_if_due(
        &mut self,
        host: &dyn Host,
        now_ns: u64,
        calls: &mut Calls<Delivery>,
    ) {
        if self.in_flight > 0 || self.records.is_empty() || !self.schedule.admits(now_ns) {
            return;
        }
        self.in_flight = self.records.len();
        let body = sink::ndjson(self.records.iter().map(String::as_str));
        let purpose = Delivery::Witness;
        let destination = &self.destination;
        let started = destination.post(host, calls, now_ns, body.as_bytes(), None, purpose);
        if started.is_err() {
            self.failed(now_ns, None, 500);
        }
    }

    /// The host has said nothing for too long, which must not end all sending.
    pub(crate) const fn give_up(&mut self) {
        self.in_flight = 0;
    }

    /// Takes the response to its call in. Returns the result for the metric.
    pub(crate) fn settle(
        &mut self,
        receipt: Receipt,
        now_ns: u64,
        retry_after_s: Option<u64>,
        random: u32,
    ) -> &'static str {
        match receipt {
            Receipt::Retry => {
                self.failed(now_ns, retry_after_s, random);
                "retried"
            }
            delivered_or_not => {
                for record in self.records.drain(..self.in_flight.min(self.records.len())) {
                    self.bytes = self.bytes.saturating_sub(record.len());
                }
                self.in_flight = 0;
                self.schedule.settled();
                match delivered_or_not {
                    Receipt::Delivered | Receipt::PartlyRejected { .. } => "delivered",
                    _ => "rejected",
                }
            }
        }
    }

    fn failed(&mut self, now_ns: u64, retry_after_s: Option<u64>, random: u32) {
        self.in_flight = 0;
        self.schedule.failed(now_ns, retry_after_s, random);
    }
}

const MAX_BYTES: usize = 256 * 1024;
