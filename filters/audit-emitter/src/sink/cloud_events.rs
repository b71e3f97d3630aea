//! Batches of CloudEvents 1.0 (JSON format section 4, HTTP binding section 3.3).

use audit::canonical::push_string;

use crate::queue::{Kind, QueuedRecord};

/// The body of a CloudEvents batch (JSON event format).
pub(super) fn batch(records: &[QueuedRecord]) -> String {
    let mut body = String::with_capacity(super::capacity(records));
    body.push('[');
    for (index, record) in records.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        let subject = match record.kind {
            Kind::Control => "com.meshward.audit.control",
            Kind::Allowed | Kind::Denied => "com.meshward.audit.api_activity",
        };
        body.push_str(r#"{"specversion":"1.0","id":"#);
        push_string(&mut body, &record.uid());
        body.push_str(r#","source":"#);
        push_string(&mut body, &format!("/meshward/audit/{}", record.chain_uid));
        body.push_str(r#","type":"#);
        push_string(&mut body, subject);
        body.push_str(r#","time":"#);
        push_string(&mut body, &timestamp(record.time_ns));
        // Zeros in front: a sequence is compared as text.
        body.push_str(r#","sequence":"#);
        push_string(&mut body, &format!("{:020}", record.sequence));
        body.push_str(r#","retentionclass":"#);
        push_string(&mut body, &record.class);
        if let Some(trace) = record.trace.as_deref() {
            body.push_str(r#","traceparent":"#);
            push_string(&mut body, &trace.to_string());
        }
        body.push_str(r#","datacontenttype":"application/json","data":"#);
        body.push_str(&record.json);
        body.push('}');
    }
    body.push(']');
    body
}

/// Writes a time as RFC 3339 wants it, with milliseconds.
fn timestamp(time_ns: u64) -> String {
    let ms = time_ns / 1_000_000;
    let (days, ms_of_day) = (ms / 86_400_000, ms % 86_400_000);
    let (year, month, day) = date(days);
    let (hour, minute) = (ms_of_day / 3_600_000, ms_of_day / 60_000 % 60);
    let (second, ms) = (ms_of_day / 1000 % 60, ms_of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Year, month and day of a day counted from 1970-01-01.
fn date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970_u64;
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        match days.checked_sub(length) {
            Some(rest) if year < 9999 => days = rest,
            _ => break,
        }
        year = year.saturating_add(1);
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1_u64;
    for length in lengths {
        match days.checked_sub(length) {
            Some(rest) if month < 12 => days = rest,
            _ => break,
        }
        month = month.saturating_add(1);
    }
    (year, month, days.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use policy::json::Json;

    use super::*;
    use crate::record::TraceContext;

    #[test]
    fn each_record_is_an_event() {
        let record = QueuedRecord {
            json: r#"{"a":"é"}"#.to_owned(),
            chain_uid: "c".to_owned(),
            sequence: 7,
            class: "hipaa".to_owned(),
            time_ns: 1_709_210_096_789_000_000,
            ..QueuedRecord::default()
        };
        let control = QueuedRecord {
            kind: Kind::Control,
            trace: Some(Box::new(TraceContext {
                trace_id: "a".repeat(32),
                span_id: "b".repeat(16),
                flags: 0,
            })),
            ..record.clone()
        };
        let text = batch(&[record, control]);
        let Json::Array(events) = Json::parse(text.as_bytes()).unwrap() else {
            panic!("{text}")
        };
        let text = |index: usize, name: &str| events[index].member(name).map(ToString::to_string);
        for (name, expected) in [
            ("specversion", r#""1.0""#),
            ("id", r#""c:7""#),
            ("source", r#""/meshward/audit/c""#),
            ("type", r#""com.meshward.audit.api_activity""#),
            ("time", r#""2024-02-29T12:34:56.789Z""#),
            ("sequence", r#""00000000000000000007""#),
            ("retentionclass", r#""hipaa""#),
            ("datacontenttype", r#""application/json""#),
            ("data", r#"{"a":"é"}"#),
        ] {
            assert_eq!(text(0, name).as_deref(), Some(expected), "{name}");
        }
        assert_eq!(text(1, "type").unwrap(), r#""com.meshward.audit.control""#);
        let traceparent = text(1, "traceparent").unwrap();
        assert!(traceparent.contains("aaa-bbb") && traceparent.ends_with("-00\""));
        assert_eq!(batch(&[]), "[]");
    }

    #[test]
    fn times() {
        for (ms, expected) in [
            (0_u64, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59.999Z"),
            (4_102_444_800_001, "2100-01-01T00:00:00.001Z"),
        ] {
            assert_eq!(timestamp(ms * 1_000_000), expected);
        }
        assert_eq!(timestamp(u64::MAX).len(), "2025-12-31T23:59:59.999Z".len());
    }
}
