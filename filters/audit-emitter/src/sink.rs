//! Batches in the forms in which collectors take them. In each the record travels byte for byte.

mod cloud_events;
mod ndjson;
mod otlp;

use crate::config::Envelope;
use crate::queue::{Kind, QueuedRecord};

/// The body of a request with these records. `formed_ns` is when the batch was put together.
#[must_use]
pub fn body(envelope: Envelope, records: &[QueuedRecord], formed_ns: u64) -> String {
    match envelope {
        Envelope::Otlp => otlp::export_request(records, formed_ns),
        Envelope::CloudEvents => cloud_events::batch(records),
        Envelope::Ndjson => ndjson::lines(records.iter().map(|record| record.json.as_str())),
    }
}

/// Lines of one record each.
#[must_use]
pub fn ndjson<'r>(records: impl Iterator<Item = &'r str>) -> String {
    ndjson::lines(records)
}

const fn decision(kind: Kind) -> &'static str {
    match kind {
        Kind::Allowed => "allowed",
        Kind::Denied => "denied",
        Kind::Control => "control",
    }
}

/// Room for the records and what is around each.
fn capacity(records: &[QueuedRecord]) -> usize {
    let bytes = records.iter().map(|record| record.json.len());
    let bytes = bytes.fold(0, usize::saturating_add);
    bytes
        .saturating_add(bytes.checked_div(8).unwrap_or(0))
        .saturating_add(records.len().saturating_mul(512))
}
