//! Records on their way: bounded in number and bytes, and none leaves without an answer for it.

use std::collections::VecDeque;

use crate::record::TraceContext;

/// A record, serialised, and what a sink repeats outside of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueuedRecord {
    /// Canonical JSON.
    pub json: String,
    /// The id of the record, the same however often it is sent.
    pub uid: String,
    /// The retention class.
    pub class: String,
    /// A filter refused or stopped the request.
    pub denied: bool,
    /// The status of the response.
    pub status: Option<u16>,
    /// The trace that the request belongs to.
    pub trace: Option<Box<TraceContext>>,
    /// When it was queued, monotonic.
    pub queued_ns: u64,
    /// When the request came, nanoseconds since 1970.
    pub time_ns: u64,
}

impl QueuedRecord {
    /// The memory that it takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let trace = self.trace.as_deref().map_or(0, TraceContext::bytes);
        [self.json.len(), self.uid.len(), self.class.len(), trace]
            .into_iter()
            .fold(size_of::<Self>(), usize::saturating_add)
    }
}

/// The limits of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Bytes of all records together, those in flight included.
    pub max_bytes: usize,
    /// Number of all records, those in flight included.
    pub max_records: usize,
}

/// First in, first out. A batch in flight still belongs to the queue: it leaves when the collector
/// has acknowledged it.
#[derive(Debug)]
pub struct Queue {
    limits: QueueLimits,
    records: VecDeque<QueuedRecord>,
    /// The first so many are in flight.
    in_flight: usize,
    bytes: usize,
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub const fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            records: VecDeque::new(),
            in_flight: 0,
            bytes: 0,
        }
    }

    /// Adds a record at the end.
    ///
    /// # Errors
    /// There is no room; the record comes back.
    pub fn push(&mut self, record: QueuedRecord) -> Result<(), QueuedRecord> {
        let bytes = self.bytes.saturating_add(record.bytes());
        if bytes > self.limits.max_bytes || self.records.len() >= self.limits.max_records {
            return Err(record);
        }
        self.bytes = bytes;
        self.records.push_back(record);
        Ok(())
    }

    /// Whether requests should be refused while there is still room for those under way: nine
    /// tenths are used.
    #[must_use]
    pub fn is_nearly_full(&self) -> bool {
        let nearly = |most: usize| most.saturating_sub(most.div_ceil(10));
        self.bytes >= nearly(self.limits.max_bytes)
            || self.records.len() >= nearly(self.limits.max_records)
    }

    /// Takes the next batch in flight, if none is: at most so many records and bytes, at least one
    /// record.
    pub fn start_batch(
        &mut self,
        max_records: usize,
        max_bytes: usize,
    ) -> Option<Vec<&QueuedRecord>> {
        if self.in_flight > 0 || self.records.is_empty() {
            return None;
        }
        let mut bytes = 0_usize;
        let fits = |record: &&QueuedRecord| {
            bytes = bytes.saturating_add(record.bytes());
            bytes <= max_bytes
        };
        let count = self
            .records
            .iter()
            .take(max_records)
            .take_while(fits)
            .count()
            .max(1);
        self.in_flight = count;
        Some(self.records.iter().take(count).collect())
    }

    /// The batch in flight has been dealt with, by the collector or otherwise: its records leave.
    pub fn finish_batch(&mut self) -> Vec<QueuedRecord> {
        let batch: Vec<QueuedRecord> = self
            .records
            .drain(..self.in_flight.min(self.records.len()))
            .collect();
        self.in_flight = 0;
        let bytes: usize = batch.iter().map(QueuedRecord::bytes).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
        batch
    }

    /// The batch in flight was not delivered; its records wait again, in their old order.
    pub const fn retry_batch(&mut self) {
        self.in_flight = 0;
    }

    /// Everything, because the end is near.
    pub fn drain(&mut self) -> Vec<QueuedRecord> {
        self.in_flight = 0;
        self.bytes = 0;
        self.records.drain(..).collect()
    }

    /// When the oldest record that waits was queued.
    #[must_use]
    pub fn oldest_ns(&self) -> Option<u64> {
        self.records
            .get(self.in_flight)
            .map(|record| record.queued_ns)
    }

    /// Number of records, those in flight included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of all records.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(number: u32, size: usize) -> QueuedRecord {
        QueuedRecord {
            json: format!("{number:0size$}"),
            class: "default".to_owned(),
            ..QueuedRecord::default()
        }
    }

    fn queue(max_records: usize, max_bytes: usize) -> Queue {
        Queue::new(QueueLimits {
            max_bytes,
            max_records,
        })
    }

    #[test]
    fn a_batch_stays_until_it_is_acknowledged_and_keeps_its_order() {
        let one = record(0, 1).bytes();
        let mut queue = queue(10, 5 * one);
        for number in 0..5 {
            queue.push(record(number, 1)).unwrap();
        }
        let numbers = |batch: Vec<&QueuedRecord>| -> String {
            batch.iter().map(|record| record.json.as_str()).collect()
        };
        assert_eq!(numbers(queue.start_batch(2, 9 * one).unwrap()), "01");
        assert!(
            queue.start_batch(2, 9 * one).is_none(),
            "one at a time keeps the order"
        );
        queue.retry_batch();
        assert_eq!(numbers(queue.start_batch(3, 2 * one).unwrap()), "01");
        assert_eq!(queue.finish_batch().len(), 2);
        assert_eq!(
            numbers(queue.start_batch(9, 0).unwrap()),
            "2",
            "one record at least"
        );
        assert_eq!(queue.len(), 3);
        assert_eq!(queue.bytes(), 3 * one);
        assert!(one > size_of::<QueuedRecord>(), "all that it takes counts");
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out_once_and_never_too_much_is_inside(
            steps in proptest::collection::vec((0_u8..5, 1_usize..40), 1..300),
        ) {
            let max_bytes = 10 * record(0, 20).bytes();
            let mut queue = queue(20, max_bytes);
            let (mut next, mut accepted, mut delivered, mut refused) = (0, 0, Vec::new(), 0);
            for (step, size) in steps {
                match step {
                    0 | 1 => {
                        let offered = record(next, size);
                        next += 1;
                        match queue.push(offered) {
                            Ok(()) => accepted += 1,
                            Err(_) => refused += 1,
                        }
                    }
                    2 => { queue.start_batch(size, max_bytes / 4); }
                    3 => queue.retry_batch(),
                    _ => delivered.extend(queue.finish_batch()),
                }
                prop_assert!(queue.bytes() <= max_bytes && queue.len() <= 20);
                prop_assert_eq!(accepted, delivered.len() + queue.len());
            }
            prop_assert_eq!(next as usize, accepted + refused);
            delivered.extend(queue.drain());
            let numbers: Vec<u32> = delivered.iter().map(|r| r.json.parse().unwrap()).collect();
            prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(queue.bytes(), 0);
        }
    }
}
