//! The metrics of one limit.

use host::{Counter, Host};

use crate::table::Answer;

/// What is counted for one limit.
#[derive(Debug)]
pub struct LimitCounters {
    /// Requests that it let pass.
    pub admitted: Counter,
    /// Requests that it refused.
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
    /// The counters of a limit.
    #[must_use]
    pub fn new(filter: &str, limit: &str) -> Self {
        let outcome = |outcome| {
            let labels = [("limit", limit), ("outcome", outcome)];
            Counter::new(filter, "requests_total", &labels)
        };
        let event = |name| Counter::new(filter, name, &[("limit", limit)]);
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
    pub fn note(&self, host: &dyn Host, answer: &Answer) {
        if answer.overflow {
            self.overflow.count(host);
        }
        if answer.corrupt {
            self.corrupt.count(host);
        }
        for _ in 0..answer.retries {
            self.cas_retries.note();
        }
        self.cas_retries.flush(host);
    }
}
