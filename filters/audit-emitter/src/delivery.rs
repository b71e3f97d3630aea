//! When to send, and what a response means.

use host::protobuf;
use policy::json::Json;
use policy::timestamp::parse_http_date;

/// When the next batch may be sent.
#[derive(Debug, Default)]
pub struct Schedule {
    not_before_ns: u64,
    failures: u32,
}

impl Schedule {
    /// A schedule by which the next attempt is due at once.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            not_before_ns: 0,
            failures: 0,
        }
    }

    /// Whether something may be sent at this time.
    #[must_use]
    pub const fn admits(&self, now_ns: u64) -> bool {
        now_ns >= self.not_before_ns
    }

    /// Whether the last response was a failure: then one call at a time finds out about the next.
    #[must_use]
    pub const fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// The last batch was delivered, or will never be.
    pub const fn settled(&mut self) {
        self.failures = 0;
        self.not_before_ns = 0;
    }

    /// The last batch must be sent again: after what the collector asks for, or after half a second
    /// that doubles with every failure up to 30 seconds, of which a random part is waited (full
    /// jitter), so that workers do not return in step.
    pub fn failed(&mut self, now_ns: u64, retry_after_s: Option<u64>, random: u32) {
        self.failures = self.failures.saturating_add(1);
        let doublings = self.failures.saturating_sub(1).min(6);
        let most_ns = FIRST_WAIT_NS
            .checked_shl(doublings)
            .unwrap_or(MAX_WAIT_NS)
            .min(MAX_WAIT_NS);
        let share_ns = most_ns
            .checked_div(1000)
            .unwrap_or(0)
            .saturating_mul(u64::from(random % 1000));
        let wait_ns = match retry_after_s {
            Some(seconds) => seconds.min(MAX_RETRY_AFTER_S).saturating_mul(NS_PER_S),
            None => share_ns.max(MIN_WAIT_NS),
        };
        self.not_before_ns = now_ns.saturating_add(wait_ns);
    }
}

/// How many records go into a batch: as many as configured, fewer where the collector finds that too
/// large, and more again when it has taken enough of those.
#[derive(Debug)]
pub struct BatchSize {
    configured: usize,
    current: usize,
    /// Batches delivered since it last changed.
    delivered: u32,
    /// After so many it grows.
    patience: u32,
}

impl BatchSize {
    /// Batches of the configured number of records, until a collector refuses one as too large.
    #[must_use]
    pub const fn new(configured: usize) -> Self {
        Self {
            configured,
            current: configured,
            delivered: 0,
            patience: MIN_PATIENCE,
        }
    }

    /// Records of one batch at most.
    #[must_use]
    pub const fn records(&self) -> usize {
        self.current
    }

    /// The collector finds a batch too large. One that was found too large again at once has to be
    /// tried less often.
    pub fn shrink(&mut self) {
        self.patience = if self.delivered < MIN_PATIENCE {
            self.patience.saturating_mul(2).min(MAX_PATIENCE)
        } else {
            MIN_PATIENCE
        };
        self.delivered = 0;
        self.current = (self.current / 2).max(1);
    }

    /// Lets the size grow again, since a batch was delivered.
    pub fn note_delivered(&mut self) {
        self.delivered = self.delivered.saturating_add(1);
        if self.current < self.configured && self.delivered >= self.patience {
            self.delivered = 0;
            self.current = self.current.saturating_mul(2).min(self.configured);
        }
    }
}

/// What the collector's response means for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It has all of it.
    Delivered,
    /// It has most of it and will never take the rest (OTLP `partial_success`, not to be retried).
    PartlyRejected {
        /// How many records it will never take.
        records: u64,
    },
    /// The batch has to be sent again later.
    Retry,
    /// The batch has to be sent again in smaller pieces.
    TooLarge,
    /// It will never take the batch: it does not understand what is sent.
    Rejected,
}

/// How many records of a batch a collector says that it will not take, in a response of success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected(u64);

impl Rejected {
    /// No rejected records.
    pub const NONE: Self = Self(0);

    /// What an `ExportLogsServiceResponse` in JSON says: `partialSuccess.rejectedLogRecords`, a 64-bit
    /// number and so a string in the JSON of protobuf.
    #[must_use]
    pub fn in_json(body: &[u8]) -> Self {
        let response = Json::parse(body).ok();
        let rejected = response
            .as_ref()
            .and_then(|json| json.at("partialSuccess.rejectedLogRecords"));
        let text = rejected.and_then(Json::scalar_text);
        Self(text.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// What one in protobuf says: `partial_success = 1 { rejected_log_records = 1 }`.
    #[must_use]
    pub fn in_protobuf(body: &[u8]) -> Self {
        let mut rejected = 0;
        for field in protobuf::fields(body) {
            let Ok((1, protobuf::Value::Bytes(partial_success))) = field else {
                continue;
            };
            for field in protobuf::fields(partial_success) {
                if let Ok((1, protobuf::Value::Varint(records))) = field {
                    rejected = records;
                }
            }
        }
        Self(rejected)
    }
}

/// Reads a response as OTLP/HTTP defines it: only 429, 502, 503, 504 and broken connections are to
/// be tried again. Hosts report a broken connection as their own 503 and a time-out as 504.
#[must_use]
pub const fn receipt(status: Option<u16>, rejected: Rejected) -> Receipt {
    match status {
        Some(200..=299) => match rejected.0 {
            0 => Receipt::Delivered,
            records => Receipt::PartlyRejected { records },
        },
        None | Some(408 | 429 | 502 | 503 | 504) => Receipt::Retry,
        Some(413) => Receipt::TooLarge,
        Some(_) => Receipt::Rejected,
    }
}

/// `Retry-After`, seconds or a date (RFC 9110 section 10.2.3), as seconds from now.
#[must_use]
pub fn retry_after_s(value: &str, now_ms: u64) -> Option<u64> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().ok();
    }
    let at_s = u64::try_from(parse_http_date(value)?).ok()?;
    Some(at_s.saturating_sub(now_ms / 1000))
}

const NS_PER_S: u64 = 1_000_000_000;
const MIN_PATIENCE: u32 = 8;
const MAX_PATIENCE: u32 = 1_024;
const FIRST_WAIT_NS: u64 = NS_PER_S / 2;
const MIN_WAIT_NS: u64 = NS_PER_S / 10;
const MAX_WAIT_NS: u64 = 30 * NS_PER_S;
const MAX_RETRY_AFTER_S: u64 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_mean_what_the_protocol_says() {
        let partial = r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"x"}}"#;
        for (status, body, expected) in [
            (Some(200), "", Receipt::Delivered),
            (Some(200), "{}", Receipt::Delivered),
            (Some(202), r#"{"partialSuccess":{}}"#, Receipt::Delivered),
            (Some(200), partial, Receipt::PartlyRejected { records: 3 }),
            (Some(429), "", Receipt::Retry),
            (Some(503), "", Receipt::Retry),
            (Some(504), "", Receipt::Retry),
            (None, "", Receipt::Retry),
            (Some(400), "", Receipt::Rejected),
            (Some(413), "", Receipt::TooLarge),
            (Some(500), "", Receipt::Rejected),
            (Some(301), "", Receipt::Rejected),
        ] {
            let found = receipt(status, Rejected::in_json(body.as_bytes()));
            assert_eq!(found, expected, "{status:?} {body}");
        }
    }

    #[test]
    fn a_response_in_protobuf_says_how_many_were_rejected() {
        for (body, records) in [
            (&b""[..], 0),
            (b"\x0a\x00", 0),
            (b"\x0a\x02\x08\x03", 3),
            // With a message, and with a field that is not known.
            (b"\x0a\x07\x08\xac\x02\x12\x02no\x10\x01", 300),
            // Cut off: a batch that was taken is not rejected by what cannot be read.
            (b"\x0a\x05\x08", 0),
            (b"{}", 0),
        ] {
            assert_eq!(Rejected::in_protobuf(body), Rejected(records), "{body:?}");
        }
    }

    #[test]
    fn batches_grow_again_and_are_not_found_too_large_for_ever() {
        let mut size = BatchSize::new(500);
        for expected in [250, 125, 62] {
            size.shrink();
            assert_eq!(size.records(), expected);
        }
        let grown = |size: &mut BatchSize| {
            let before = size.records();
            let mut deliveries = 0;
            while size.records() == before {
                size.note_delivered();
                deliveries += 1;
            }
            deliveries
        };
        assert!(grown(&mut size) >= 8 && size.records() == 124);
        while size.records() < 500 {
            grown(&mut size);
        }
        // A collector that takes 300 and never 500 is asked ever less often.
        size.shrink();
        let waits: Vec<u32> = (0..10)
            .map(|_| {
                let waited = grown(&mut size);
                size.shrink();
                waited
            })
            .collect();
        assert!(waits.is_sorted() && waits[9] >= 512, "{waits:?}");
        for _ in 0..20 {
            size.shrink();
        }
        assert_eq!(size.records(), 1);
    }

    #[test]
    fn waits_longer_after_each_failure_and_as_long_as_asked() {
        let mut schedule = Schedule::default();
        assert!(schedule.admits(0) && !schedule.is_failing());
        schedule.failed(0, None, 999);
        assert!(!schedule.admits(400_000_000) && schedule.admits(500_000_000));
        for _ in 0..20 {
            schedule.failed(0, None, 999);
        }
        assert!(!schedule.admits(29 * NS_PER_S) && schedule.admits(30 * NS_PER_S));
        schedule.failed(0, Some(7), 0);
        assert!(!schedule.admits(6 * NS_PER_S) && schedule.admits(7 * NS_PER_S));
        schedule.failed(0, Some(u64::MAX), 0);
        assert!(schedule.admits(301 * NS_PER_S) && schedule.is_failing());
        schedule.settled();
        assert!(schedule.admits(0) && !schedule.is_failing());
    }

    #[test]
    fn when_to_come_back_is_said_in_two_ways() {
        // 2015-10-21T07:28:00Z.
        let now_ms = 1_445_412_480_000;
        for (value, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", Some(30)),
            ("Wed, 21 Oct 2015 07:27:00 GMT", Some(0)),
            ("Wed, 21 Foo 2015 07:28:30 GMT", None),
            ("soon", None),
            ("-5", None),
            ("", None),
        ] {
            assert_eq!(retry_after_s(value, now_ms), expected, "{value}");
        }
    }
}
