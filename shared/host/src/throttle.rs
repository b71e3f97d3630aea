//! A limit on log lines, so that a flood of refusals does not become a flood of logging.

use std::cell::Cell;

/// Lets a burst of lines through, then a few every second, and counts the rest.
#[derive(Debug)]
pub struct Throttle {
    tokens: Cell<u32>,
    refilled_ns: Cell<u64>,
    suppressed: Cell<u64>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            tokens: Cell::new(BURST),
            refilled_ns: Cell::new(0),
            suppressed: Cell::new(0),
        }
    }
}

impl Throttle {
    /// Whether a line may be written at this monotonic time; if so, how many were left out since
    /// the last one.
    pub fn admit(&self, now_ns: u64) -> Option<u64> {
        let elapsed_ns = now_ns.saturating_sub(self.refilled_ns.get());
        let refill = elapsed_ns.checked_div(NS_PER_LINE).unwrap_or(0);
        if refill > 0 {
            let refill = u32::try_from(refill).unwrap_or(u32::MAX);
            self.tokens
                .set(self.tokens.get().saturating_add(refill).min(BURST));
            self.refilled_ns.set(now_ns);
        }
        match self.tokens.get().checked_sub(1) {
            Some(left) => {
                self.tokens.set(left);
                Some(self.suppressed.take())
            }
            None => {
                self.suppressed.set(self.suppressed.get().saturating_add(1));
                None
            }
        }
    }

    /// Writes `line` if it may be written, with the number of those left out before it.
    pub fn log(
        &self,
        host: &dyn crate::Host,
        level: crate::LogLevel,
        line: impl FnOnce() -> String,
    ) {
        match self.admit(host.monotonic_ns()) {
            None => {}
            Some(0) => host.log(level, &line()),
            Some(suppressed) => {
                host.log(
                    level,
                    &format!("{} ({suppressed} like lines left out)", line()),
                );
            }
        }
    }
}

const BURST: u32 = 20;
/// The time that one line costs: two lines a second are written.
const NS_PER_LINE: u64 = 500_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_becomes_a_few_lines_and_a_count() {
        let throttle = Throttle::default();
        let second = 1_000_000_000;
        let first = (0..1000)
            .filter(|_| throttle.admit(second).is_some())
            .count();
        assert_eq!(first, 20);
        assert_eq!(throttle.admit(2 * second), Some(980));
        assert_eq!(throttle.admit(2 * second), Some(0));
        assert_eq!(throttle.admit(2 * second), None);
        assert_eq!(
            throttle.admit(0),
            None,
            "a clock that steps back admits nothing"
        );
    }
}
