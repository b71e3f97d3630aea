//! How many requests there were when, in pieces that become longer when there are too many.

use std::collections::BTreeMap;

use serde::Serialize;

/// Requests of a piece of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Point {
    /// When it begins, milliseconds since 1970.
    pub at_ms: u64,
    /// How many requests succeeded.
    pub allowed: u64,
    /// How many requests were refused.
    pub refused: u64,
    /// How many requests failed otherwise.
    pub failed: u64,
}

#[derive(Debug)]
pub(super) struct Timeline {
    width_ms: u64,
    counts: BTreeMap<u64, [u64; 3]>,
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Allowed = 0,
    Refused = 1,
    Failed = 2,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            width_ms: MIN_WIDTH_MS,
            counts: BTreeMap::new(),
        }
    }
}

impl Timeline {
    pub(super) fn add(&mut self, time_ms: u64, fate: Fate) {
        let counts = self.counts.entry(time_ms / self.width_ms).or_default();
        if let Some(count) = counts.get_mut(fate as usize) {
            *count += 1;
        }
        if self.counts.len() > MAX_POINTS {
            self.widen();
        }
    }

    pub(super) fn merge(&mut self, mut other: Self) {
        while self.width_ms < other.width_ms {
            self.widen();
        }
        while other.width_ms < self.width_ms {
            other.widen();
        }
        for (at, counts) in other.counts {
            add(self.counts.entry(at).or_default(), counts);
        }
        while self.counts.len() > MAX_POINTS {
            self.widen();
        }
    }

    /// So few points that a picture has place for them, those without requests too; and how much
    /// time each has.
    pub(super) fn points(mut self, most: u64) -> (u64, Vec<Point>) {
        loop {
            let (Some((first, _)), Some((last, _))) =
                (self.counts.first_key_value(), self.counts.last_key_value())
            else {
                return (self.width_ms, Vec::new());
            };
            let (first, last) = (*first, *last);
            if last - first >= most {
                self.widen();
                continue;
            }
            let point = |at| {
                let [allowed, refused, failed] = self.counts.get(&at).copied().unwrap_or_default();
                Point {
                    at_ms: at * self.width_ms,
                    allowed,
                    refused,
                    failed,
                }
            };
            return (self.width_ms, (first..=last).map(point).collect());
        }
    }

    fn widen(&mut self) {
        self.width_ms = self.width_ms.saturating_mul(2);
        for (at, counts) in std::mem::take(&mut self.counts) {
            add(self.counts.entry(at / 2).or_default(), counts);
        }
    }
}

fn add(to: &mut [u64; 3], counts: [u64; 3]) {
    for (to, count) in to.iter_mut().zip(counts) {
        *to = to.saturating_add(count);
    }
}

const MIN_WIDTH_MS: u64 = 1000;
const MAX_POINTS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_span_becomes_a_few_points() {
        for step_ms in [1, 777, 86_400_000, 1 << 40] {
            let mut one = Timeline::default();
            let mut other = Timeline::default();
            for number in 0..20_000_u64 {
                let part = if number % 3 == 0 {
                    &mut one
                } else {
                    &mut other
                };
                part.add(number * step_ms, Fate::Refused);
            }
            one.merge(other);
            let (width_ms, points) = one.points(80);
            assert!(points.len() <= 80, "{}", points.len());
            assert!(
                points
                    .windows(2)
                    .all(|pair| pair[1].at_ms - pair[0].at_ms == width_ms)
            );
            let sum: u64 = points.iter().map(|point| point.refused).sum();
            assert_eq!(sum, 20_000);
        }
        assert!(Timeline::default().points(80).1.is_empty());
    }
}
