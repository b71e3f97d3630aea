//! Records as lines of the proxy's own log: where nothing can be sent, and where what could not be
//! delivered ends. The form of the lines is [`audit::log_line`].

use audit::keys::LogKey;
use audit::log_line;
use host::{Capabilities, Host, HostKind, LogLevel};

use crate::queue::QueuedRecord;

/// Writes records to the proxy's log.
#[derive(Debug)]
pub struct HostLog {
    max_line_bytes: usize,
    /// Tags the lines as this emitter's.
    key: Option<LogKey>,
}

impl HostLog {
    /// The log of this host.
    #[must_use]
    pub const fn new(capabilities: &Capabilities, key: Option<LogKey>) -> Self {
        let max_line_bytes = match capabilities.kind() {
            // Container runtimes cut lines at 16 KiB, of which the proxy takes some for itself.
            HostKind::Envoy => 15_000,
            // nginx cuts its lines after 2,048 bytes, the time and the place in front included.
            _ => 1_800,
        };
        Self {
            max_line_bytes,
            key,
        }
    }

    /// Writes one record, in as many lines as it needs.
    pub fn write(&self, host: &dyn Host, record: &QueuedRecord) {
        for line in self.lines(record) {
            host.log(LEVEL, &line);
        }
    }

    fn lines(&self, record: &QueuedRecord) -> Vec<String> {
        log_line::write(
            &record.uid(),
            &record.json,
            self.max_line_bytes,
            self.key.as_ref(),
        )
    }
}

/// The name of this filter in the configuration of the proxy that would make its log unreadable, for
/// Envoy puts these in front of every line of a filter.
#[must_use]
pub fn confusing_name(host: &dyn Host) -> Option<&'static str> {
    let names = ["plugin_name", "plugin_root_id", "plugin_vm_id"];
    names.into_iter().find(|name| {
        let value = host.property(&[name]).unwrap_or_default();
        policy::text::lossy(&value).contains(log_line::MARK)
    })
}

/// Above every level that an operator would silence.
const LEVEL: LogLevel = LogLevel::Critical;

#[cfg(test)]
mod tests {
    use audit::keys::SigningKey;

    use super::*;

    #[test]
    fn lines_are_tagged_and_fit() {
        let key = SigningKey::from_seed(None, &[7; 32]).log_key();
        let record = QueuedRecord {
            json: format!(r#"{{"path":"{}"}}"#, "é\\\"".repeat(2000)),
            chain_uid: "afcd1d7b39a820e2f465b9a1afcd1d7b".to_owned(),
            sequence: u64::MAX,
            ..QueuedRecord::default()
        };
        let log = HostLog {
            max_line_bytes: 1_800,
            key: Some(key.clone()),
        };
        let lines = log.lines(&record);
        assert!(lines.len() > 1);
        for line in &lines {
            assert!(line.len() <= 1_800);
            assert!(log_line::find(line).next().unwrap().is_tagged_by(&key));
        }
    }
}
