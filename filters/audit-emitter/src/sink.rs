//! Batches in the forms in which collectors take them. In each the record travels byte for byte.

mod cloud_events;
mod ndjson;
mod otlp_json;
mod otlp_protobuf;

use crate::config::Envelope;
use crate::queue::{Kind, QueuedRecord};

/// The body of a request with these records. `formed_ns` is when the batch was put together.
#[must_use]
pub fn body(envelope: Envelope, records: &[QueuedRecord], formed_ns: u64) -> Vec<u8> {
    match envelope {
        Envelope::OtlpProtobuf => otlp_protobuf::export_request(records, formed_ns),
        Envelope::OtlpJson => otlp_json::export_request(records, formed_ns).into_bytes(),
        Envelope::CloudEvents => cloud_events::batch(records).into_bytes(),
        Envelope::Ndjson => {
            let texts = records.iter().map(|record| record.json.as_str());
            ndjson::lines(texts).into_bytes()
        }
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

/// What OTLP says of a record outside of its body and attributes.
struct Routing {
    severity_number: u8,
    event_name: &'static str,
}

impl Routing {
    const fn of(record: &QueuedRecord) -> Self {
        let (severity_number, event_name) = match record.kind {
            Kind::Allowed => (INFO, "api_activity"),
            Kind::Denied => (WARN, "api_activity"),
            Kind::Control => (INFO, "audit_control"),
        };
        Self {
            severity_number,
            event_name,
        }
    }
}

/// The retention classes of a batch. In OTLP each is a resource, so that a collector can send each to
/// its own store without reading the records.
fn classes(batch: &[QueuedRecord]) -> Vec<&str> {
    let mut classes: Vec<&str> = batch.iter().map(|record| record.class.as_str()).collect();
    policy::sort::by(&mut classes, Ord::cmp);
    classes.dedup();
    classes
}

/// Room for the records and what is around each.
fn capacity(records: &[QueuedRecord]) -> usize {
    let bytes = records.iter().map(|record| record.json.len());
    let bytes = bytes.fold(0, usize::saturating_add);
    bytes
        .saturating_add(bytes.checked_div(8).unwrap_or(0))
        .saturating_add(records.len().saturating_mul(512))
}

const SERVICE: &str = "meshward.audit-emitter";
const RETENTION_CLASS: &str = "audit.retention_class";
const INFO: u8 = 9;
const WARN: u8 = 13;
