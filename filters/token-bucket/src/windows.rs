//! The windows of one limit: several rates on one key, decided together.

use std::time::Duration;

use policy::gcra::{self, Gcra, Tat};

/// The most windows that one limit can have.
pub const MAX_WINDOWS: usize = 4;

/// The state of a bucket, one time for each window; what is beyond the windows of a limit is 0.
pub type Tats = [Tat; MAX_WINDOWS];

/// The one to four windows of a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    list: Vec<Gcra>,
}

/// The decision about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowsDecision {
    /// Every window lets it pass; the bucket is in this state from now on.
    Admit(Tats),
    /// A window refuses it, and no window is charged.
    Refuse {
        /// How long until all windows would let it pass; `None` if that will never be.
        wait: Option<Duration>,
    },
}

/// How a bucket stands in one of its windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowState {
    /// Units left in the window that has least.
    pub remaining: u64,
    /// How long until it is full.
    pub until_full: Duration,
    /// How long until it has a unit more.
    pub until_next: Duration,
}

impl Windows {
    /// `None` for no window or too many.
    #[must_use]
    pub fn new(list: Vec<Gcra>) -> Option<Self> {
        let sensible = (1..=MAX_WINDOWS).contains(&list.len());
        sensible.then_some(Self { list })
    }

    /// All windows, in the order of the configuration.
    #[must_use]
    pub fn list(&self) -> &[Gcra] {
        &self.list
    }

    /// Decides about a request of `cost` units.
    #[must_use]
    pub fn decide(&self, tats: &Tats, now_ns: u64, cost: u64) -> WindowsDecision {
        let mut after = [0; MAX_WINDOWS];
        let mut refused: Option<Option<Duration>> = None;
        for ((gcra, tat), after) in self.list.iter().zip(tats).zip(&mut after) {
            match gcra.decide(*tat, now_ns, cost) {
                gcra::Decision::Admit { tat } => *after = tat,
                gcra::Decision::Refuse { wait } => {
                    refused = Some(match refused {
                        None => wait,
                        Some(longest) => longest.zip(wait).map(|(a, b)| a.max(b)),
                    });
                }
            }
        }
        match refused {
            None => WindowsDecision::Admit(after),
            Some(wait) => WindowsDecision::Refuse { wait },
        }
    }

    /// The state of a bucket after a charge is given back, see [`Gcra::give_back`].
    #[must_use]
    pub fn give_back(&self, tats: &Tats, charged_ns: u64, now_ns: u64, cost: u64) -> Tats {
        let mut after = *tats;
        for (gcra, tat) in self.list.iter().zip(&mut after) {
            *tat = gcra.give_back(*tat, charged_ns, now_ns, cost);
        }
        after
    }

    /// The later of two states in each window: a bucket in it is no fuller than either.
    #[must_use]
    pub fn emptier(left: &Tats, right: &Tats) -> Tats {
        let mut emptier = *left;
        for (tat, other) in emptier.iter_mut().zip(right) {
            *tat = (*tat).max(*other);
        }
        emptier
    }

    /// How a bucket stands in each window.
    pub fn states(&self, tats: &Tats, now_ns: u64) -> impl Iterator<Item = (&Gcra, WindowState)> {
        self.list.iter().zip(tats).map(move |(gcra, tat)| {
            let state = WindowState {
                remaining: gcra.remaining(*tat, now_ns),
                until_full: gcra.until_full(*tat, now_ns),
                until_next: gcra.until_next(*tat, now_ns),
            };
            (gcra, state)
        })
    }

    /// The state of a bucket that is empty in every window.
    #[must_use]
    pub fn empty(&self, now_ns: u64) -> Tats {
        let mut tats = [0; MAX_WINDOWS];
        for (gcra, tat) in self.list.iter().zip(&mut tats) {
            *tat = gcra.empty(now_ns);
        }
        tats
    }

    /// Whether a bucket is full in every window, which is the same as never used.
    #[must_use]
    pub fn is_full(&self, tats: &Tats, now_ns: u64) -> bool {
        let full = |(gcra, tat): (&Gcra, &Tat)| *tat <= gcra.ticks(now_ns);
        self.list.iter().zip(tats).all(full)
    }

    /// When a bucket is full in every window, in nanoseconds.
    #[must_use]
    pub fn full_at_ns(&self, tats: &Tats) -> u64 {
        let at = |(gcra, tat): (&Gcra, &Tat)| gcra.nanoseconds(*tat);
        self.list.iter().zip(tats).map(at).max().unwrap_or(0)
    }

    /// Everything that the numbers of a bucket depend on.
    #[must_use]
    pub fn parameters(&self) -> String {
        let all: Vec<String> = self.list.iter().map(Gcra::parameters).collect();
        all.join("+")
    }
}

#[cfg(test)]
mod tests {
    use policy::units::Rate;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn windows(list: &[(&str, u64)]) -> Windows {
        let gcra =
            |(rate, burst): &(&str, u64)| Gcra::new(Rate::parse(rate).unwrap(), *burst).unwrap();
        Windows::new(list.iter().map(gcra).collect()).unwrap()
    }

    #[test]
    fn a_refusal_by_one_window_charges_none() {
        let both = windows(&[("10/s", 2), ("5/h", 5)]);
        let mut tats = [0; MAX_WINDOWS];
        let mut now = 10 * SECOND;
        let mut admitted = 0;
        for _ in 0..100 {
            for _ in 0..5 {
                if let WindowsDecision::Admit(after) = both.decide(&tats, now, 1) {
                    (tats, admitted) = (after, admitted + 1);
                }
            }
            now += SECOND;
        }
        assert_eq!(admitted, 5, "the hour is used up");
        let left: Vec<u64> = both
            .states(&tats, now)
            .map(|(_, state)| state.remaining)
            .collect();
        assert_eq!(left, [2, 0]);
    }

    #[test]
    fn the_longest_wait_counts() {
        let both = windows(&[("1/s", 1), ("1/min", 1)]);
        let WindowsDecision::Admit(tats) = both.decide(&[0; MAX_WINDOWS], SECOND, 1) else {
            panic!()
        };
        let wait = Some(Duration::from_secs(60));
        assert_eq!(
            both.decide(&tats, SECOND, 1),
            WindowsDecision::Refuse { wait }
        );
        let never = both.decide(&[0; MAX_WINDOWS], SECOND, 2);
        assert_eq!(never, WindowsDecision::Refuse { wait: None });
        assert!(!both.is_full(&tats, 2 * SECOND) && both.is_full(&tats, 61 * SECOND));
        assert_eq!(both.full_at_ns(&tats), 61 * SECOND);
        assert_eq!(Windows::new(Vec::new()), None);
        assert_eq!(Windows::new([both.list(); 5].concat()), None);
    }
}
