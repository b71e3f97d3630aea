//! Audit records, wherever a filter writes them.

use std::collections::BTreeMap;

use trail::envelope::{self, Line};

/// The records in a proxy's log, put together again where they are in parts.
#[must_use]
pub fn in_log(log: &str) -> Vec<String> {
    let mut records = Vec::new();
    let mut parts: BTreeMap<&str, String> = BTreeMap::new();
    for found in log.lines().flat_map(audit::log_line::find) {
        let Some(text) = found.text else { continue };
        let Some(part) = found.part else {
            records.push(text.to_owned());
            continue;
        };
        let record = parts.entry(part.uid).or_default();
        record.push_str(text);
        if part.number == part.count {
            records.extend(parts.remove(part.uid));
        }
    }
    records
}

/// The records in the body of a request to a sink, in whichever form; `None` if it is no batch.
#[must_use]
pub fn of_batch(body: &[u8]) -> Option<Vec<String>> {
    let text = match std::str::from_utf8(body) {
        Ok(text) if text.trim_start().starts_with(['{', '[']) => text.to_owned(),
        _ => trail::source::otlp_json(body).ok()?,
    };
    let mut records = Vec::new();
    for line in text.lines() {
        match envelope::read(line, &[]) {
            Line::Record(text) => records.push(text.to_owned()),
            Line::Holds(contents) => {
                let found = contents.found.into_iter();
                records.extend(found.map(|found| found.text.into_owned()));
            }
            Line::Fragment(_) | Line::Other => {}
        }
    }
    (!records.is_empty()).then_some(records)
}
