//! Records on their way: bounded in number and bytes, and none leaves before its receipt is certain.

use std::collections::VecDeque;

use host::ContextId;
use policy::json::Json;
use serde::Serialize;

use crate::record::TraceContext;

/// A record, serialised, and what a sink repeats outside of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueuedRecord {
    /// The record as canonical JSON.
    pub json: String,
    /// The id of the chain that the record belongs to.
    pub chain_uid: String,
    /// The number of the record in its chain.
    pub sequence: u64,
    /// The retention class of the record.
    pub class: String,
    /// Whether the record is about a request or about its chain.
    pub kind: Kind,
    /// The status of the response.
    pub status: Option<u16>,
    /// The trace that the request belongs to.
    pub trace: Option<Box<TraceContext>>,
    /// When the record was queued, monotonic nanoseconds.
    pub queued_ns: u64,
    /// When the request happened, nanoseconds since 1970.
    pub time_ns: u64,
    /// The request that waits until this is acknowledged.
    #[serde(skip)]
    pub waiter: Option<ContextId>,
}

#[cfg(test)]
impl QueuedRecord {
    /// The same of a request that was refused, in a trace.
    pub(crate) fn refused(self) -> Self {
        Self {
            kind: Kind::Denied,
            status: Some(403),
            trace: Some(Box::new(TraceContext {
                trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
                span_id: "00f067aa0ba902b7".to_owned(),
                flags: 3,
            })),
            ..self
        }
    }
}

/// What a record is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// A request that went through.
    #[default]
    Allowed,
    /// A request that a filter refused or stopped.
    Denied,
    /// A chain, not a request.
    Control,
}

impl QueuedRecord {
    /// As another instance has written it.
    pub(crate) fn read(json: &Json) -> Option<Self> {
        let text = |name: &str| Some(json.member(name)?.as_str()?.to_owned());
        let number = |name: &str| json.member(name)?.as_u64();
        let kind = json.member("kind")?.as_str()?;
        let trace = json.member("trace").filter(|trace| **trace != Json::Null);
        Some(Self {
            json: text("json")?,
            chain_uid: text("chain_uid")?,
            sequence: number("sequence")?,
            class: text("class")?,
            kind: match kind {
                "Allowed" => Kind::Allowed,
                "Denied" => Kind::Denied,
                "Control" => Kind::Control,
                _ => return None,
            },
            status: number("status").and_then(|status| u16::try_from(status).ok()),
            trace: match trace {
                Some(trace) => Some(Box::new(TraceContext::read(trace)?)),
                None => None,
            },
            queued_ns: number("queued_ns")?,
            time_ns: number("time_ns")?,
            waiter: None,
        })
    }

    /// The id of the record, the same however often it is sent.
    #[must_use]
    pub fn uid(&self) -> String {
        format!("{}:{}", self.chain_uid, self.sequence)
    }

    /// The memory that it takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let trace = self.trace.as_deref().map_or(0, |trace| {
            size_of::<TraceContext>()
                .saturating_add(trace.trace_id.len())
                .saturating_add(trace.span_id.len())
        });
        [
            self.json.len(),
            self.chain_uid.len(),
            self.class.len(),
            trace,
        ]
        .into_iter()
        .fold(Self::FIXED_BYTES, usize::saturating_add)
    }

    /// What every record takes beside its texts.
    pub const FIXED_BYTES: usize = size_of::<Self>() + ALLOCATOR_BYTES;
}

/// The limits of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Bytes of all records together, those in flight included.
    pub max_bytes: usize,
    /// Records of requests, those in flight included.
    pub max_records: usize,
}

/// Who gives way first when the queue fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Records that may fill three quarters of the queue.
    Low,
    /// Records that may fill all but a sixteenth.
    Normal,
    /// What a filter refused: all but what is kept for control records.
    High,
    /// What a chain says about itself, or loss could not be told.
    Control,
}

/// First in, first out. A batch that was sent still belongs to the queue: it leaves when the
/// collector has acknowledged it.
#[derive(Debug)]
pub struct Queue {
    limits: QueueLimits,
    waiting: VecDeque<QueuedRecord>,
    batches: Vec<Batch>,
    bytes: usize,
    /// How many of the records are about requests.
    requests: usize,
    last_batch: u64,
}

/// Records that are sent together, in the same order every time.
#[derive(Debug)]
pub struct Batch {
    /// The number of the batch, the same however often it is sent.
    pub number: u64,
    /// The records of the batch.
    pub records: Vec<QueuedRecord>,
    /// It was sent, and nobody has responded yet.
    pub is_under_way: bool,
    /// When it was put together, nanoseconds since 1970.
    pub formed_ns: u64,
}

impl Queue {
    /// Makes an empty queue.
    #[must_use]
    pub const fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            waiting: VecDeque::new(),
            batches: Vec::new(),
            bytes: 0,
            requests: 0,
            last_batch: 0,
        }
    }

    /// Whether there is room for one more record of so many bytes.
    #[must_use]
    pub fn has_room(&self, bytes: usize, priority: Priority) -> bool {
        let QueueLimits {
            max_bytes,
            max_records,
        } = self.limits;
        let sixteenths =
            |most: usize, share: usize| most.saturating_mul(share).checked_div(16).unwrap_or(most);
        let (most_bytes, most_records) = match priority {
            Priority::Low => (sixteenths(max_bytes, 12), sixteenths(max_records, 12)),
            Priority::Normal => (
                sixteenths(max_bytes, 14),
                sixteenths(max_records, 15).max(1),
            ),
            Priority::High => (sixteenths(max_bytes, 15), max_records),
            Priority::Control => (max_bytes, usize::MAX),
        };
        self.bytes.saturating_add(bytes) <= most_bytes && self.requests < most_records
    }

    /// Adds a record at the end, for which there is room.
    ///
    /// # Errors
    /// There is none; the record comes back.
    pub fn push(&mut self, record: QueuedRecord, priority: Priority) -> Result<(), QueuedRecord> {
        let bytes = record.bytes();
        if !self.has_room(bytes, priority) {
            return Err(record);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        if record.kind != Kind::Control {
            self.requests = self.requests.saturating_add(1);
        }
        self.waiting.push_back(record);
        Ok(())
    }

    /// Whether requests should be refused while there is still room for those under way: eight
    /// tenths are used.
    #[must_use]
    pub fn is_nearly_full(&self) -> bool {
        let nearly = |most: usize| most.saturating_sub(most.div_ceil(5));
        self.bytes >= nearly(self.limits.max_bytes)
            || self.requests >= nearly(self.limits.max_records)
    }

    /// Whether a batch may be sent: one that was not delivered, or a new one.
    #[must_use]
    pub fn can_send(&self) -> bool {
        self.batches.iter().any(|batch| !batch.is_under_way)
            || (self.batches.len() < MAX_BATCHES && !self.waiting.is_empty())
    }

    /// Whether there is a batch that was not delivered.
    #[must_use]
    pub fn has_undelivered(&self) -> bool {
        self.batches.iter().any(|batch| !batch.is_under_way)
    }

    /// Whether a record is here for which this request waits.
    #[must_use]
    pub fn holds_for(&self, waiter: ContextId) -> bool {
        let newest = self.waiting.iter().rev();
        newest
            .take(MAX_BATCHES)
            .any(|record| record.waiter == Some(waiter))
    }

    /// Bytes of the records that are in no batch.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        let in_batches = self.batches.iter().flat_map(|batch| &batch.records);
        let bytes = in_batches.map(QueuedRecord::bytes);
        self.bytes
            .saturating_sub(bytes.fold(0, usize::saturating_add))
    }

    /// How many batches are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.batches
            .iter()
            .filter(|batch| batch.is_under_way)
            .count()
    }

    /// The batch to send next: the oldest that was not delivered, else a new one of at most so
    /// many records and bytes, of at least one record.
    pub fn next_batch(
        &mut self,
        max_records: usize,
        max_bytes: usize,
        now_ns: u64,
    ) -> Option<&mut Batch> {
        let again = self.batches.iter().position(|batch| !batch.is_under_way);
        let index = match again {
            Some(index) => index,
            None if self.batches.len() < MAX_BATCHES && !self.waiting.is_empty() => {
                let mut bytes = 0_usize;
                let fits = |record: &&QueuedRecord| {
                    bytes = bytes.saturating_add(record.bytes());
                    bytes <= max_bytes
                };
                let records = self.waiting.iter().take(max_records);
                let count = records.take_while(fits).count().max(1);
                self.last_batch = self.last_batch.saturating_add(1);
                self.batches.push(Batch {
                    number: self.last_batch,
                    records: self
                        .waiting
                        .drain(..count.min(self.waiting.len()))
                        .collect(),
                    is_under_way: false,
                    formed_ns: now_ns,
                });
                self.batches.len().saturating_sub(1)
            }
            None => return None,
        };
        self.batches.get_mut(index)
    }

    /// The batch was dealt with, by the collector or otherwise: its records leave.
    pub fn finish(&mut self, number: u64) -> Vec<QueuedRecord> {
        let Some(index) = self.batches.iter().position(|batch| batch.number == number) else {
            return Vec::new();
        };
        let records = self.batches.remove(index).records;
        self.forget(&records);
        records
    }

    /// The batch was not delivered; it will be sent again as it is.
    pub fn retry(&mut self, number: u64) {
        for batch in &mut self.batches {
            if batch.number == number {
                batch.is_under_way = false;
            }
        }
    }

    /// The batch is too large for the collector: its second half waits again. Returns false when
    /// there is nothing to split.
    pub fn split(&mut self, number: u64) -> bool {
        let next = self.last_batch.saturating_add(1);
        let found = self.batches.iter_mut().find(|batch| batch.number == number);
        let Some(batch) = found.filter(|batch| batch.records.len() > 1) else {
            return false;
        };
        let half = batch.records.len() / 2;
        for record in batch.records.drain(half..).rev() {
            self.waiting.push_front(record);
        }
        // What is in it has changed, so it is another one.
        batch.number = next;
        batch.is_under_way = false;
        self.last_batch = next;
        true
    }

    /// Everything, oldest first, because the end is near.
    pub fn drain(&mut self) -> Vec<QueuedRecord> {
        let sent = self.batches.drain(..).flat_map(|batch| batch.records);
        let records: Vec<QueuedRecord> = sent.chain(self.waiting.drain(..)).collect();
        self.bytes = 0;
        self.requests = 0;
        records
    }

    /// When the oldest record was queued.
    #[must_use]
    pub fn oldest_ns(&self) -> Option<u64> {
        let in_batches = self
            .batches
            .iter()
            .filter_map(|batch| batch.records.first());
        in_batches
            .chain(self.waiting.front())
            .map(|record| record.queued_ns)
            .min()
    }

    /// When the oldest record that is in no batch was queued.
    #[must_use]
    pub fn oldest_waiting_ns(&self) -> Option<u64> {
        self.waiting.front().map(|record| record.queued_ns)
    }

    /// How many records are in no batch.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many records are queued, those in batches included.
    #[must_use]
    pub fn len(&self) -> usize {
        let in_batches = self.batches.iter().map(|batch| batch.records.len());
        in_batches.fold(self.waiting.len(), usize::saturating_add)
    }

    /// Whether no record is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that all queued records take, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    fn forget(&mut self, records: &[QueuedRecord]) {
        for record in records {
            self.bytes = self.bytes.saturating_sub(record.bytes());
            if record.kind != Kind::Control {
                self.requests = self.requests.saturating_sub(1);
            }
        }
    }
}

/// One that is on its way, and one that is made meanwhile; more would only hide that the collector
/// is slow.
const MAX_BATCHES: usize = 2;
/// What an allocator adds to each text, and a queue that has just grown to each place.
const ALLOCATOR_BYTES: usize = 160;

#[cfg(test)]
mod tests;
