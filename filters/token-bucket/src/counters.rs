//! The metrics of one limit.

use host::{Counter, Host};

use crate::table::BucketDecision;

/// What is counted for one limit.
#[derive(Debug)]
pub struct LimitCounters {
    /// Requests that it let pass.
    pub admitted: Counter,
    /// Counts the requests that the limit refused.
    pub refused: Counter,
    /// Requests that it would have refused, in report mode.
    pub reported: Counter,
    /// Requests about which it could not decide.
    pub error: Counter,
    overflow: Counter,
    corrupt: Counter,
    cas_retries: Counter,
}

impl LimitCounters {
    /// The counters of a limit, in an instance of the filter if it has a name of its own.
    #[must_use]
    pub fn new(filter: &str, limit: &str, instance: Option<&str>) -> Self {
        let counter = |name, outcome: Option<&str>| {
            let mut labels = vec![("limit", limit)];
            labels.extend(outcome.map(|outcome| ("outcome", outcome)));
            labels.extend(instance.map(|instance| ("instance", instance)));
            Counter::new(filter, name, &labels)
        };
        let outcome = |outcome| counter("requests_total", Some(outcome));
        let event = |name| counter(name, None);
        Self {
            admitted: outcome("admitted"),
            refused: outcome("refused"),
            reported: outcome("reported"),
            error: outcome("error"),
            overflow: event("overflow_total"),
            corrupt: event("corrupt_total"),
            cas_retries: event("cas_retries_total"),
        }
    }

    /// What an operator must know about the table itself.
    pub fn note(&self, host: &dyn Host, decision: &BucketDecision) {
        if decision.overflow {
            self.overflow.count(host);
        }
        if decision.corrupt {
            self.corrupt.count(host);
        }
        for _ in 0..decision.retries {
            self.cas_retries.note();
        }
        self.cas_retries.flush(host);
    }
}
