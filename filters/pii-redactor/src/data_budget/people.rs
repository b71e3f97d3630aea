//! Whose data each key has got, within a window: a bounded table, shared among workers.
//!
//! A window is counted in quarters, so what is looked at is the last whole window and up to a quarter
//! more: never more people than the budget says in any window, wherever it begins.

use host::shared_cells::{CellHash, SharedSets};
use host::{Host, Status};

use super::sketch::{REGISTERS, Sketch};

/// The people of all keys.
pub struct PeopleTable(SharedSets);

/// A moment in a window, counted in quarters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarter {
    index: u64,
    length_ns: u64,
    now_ns: u64,
}

impl Quarter {
    /// The quarter of a window of this length that a moment is in.
    #[must_use]
    pub fn of(window_ns: u64, now_ns: u64) -> Self {
        let length_ns = window_ns.div_ceil(QUARTERS).max(1);
        Self {
            index: now_ns.checked_div(length_ns).unwrap_or(0),
            length_ns,
            now_ns,
        }
    }

    /// Whether what was counted in a quarter still counts.
    const fn counts(self, index: u64) -> bool {
        index.saturating_add(QUARTERS) >= self.index
    }

    /// When what was counted in a quarter counts no more.
    const fn end_ns(self, index: u64) -> u64 {
        let after = index.saturating_add(QUARTERS).saturating_add(1);
        after.saturating_mul(self.length_ns)
    }
}

/// The people of one key, by quarters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    quarters: Vec<Part>,
    /// When the last of them counts no more.
    until_ns: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    index: u64,
    /// Somebody was one too many.
    is_spent: bool,
    people: Sketch,
}

impl Window {
    /// The people of the window that ends now.
    #[must_use]
    pub fn people(&self, now: Quarter) -> Sketch {
        let mut all = Sketch::default();
        for part in self.counting(now) {
            let _ = all.merge(&part.people);
        }
        all
    }

    /// How long until there may be room again, if there is none.
    #[must_use]
    pub fn wait_ns(&self, now: Quarter, limit: u64) -> Option<u64> {
        let spent = self.counting(now).any(|part| part.is_spent);
        if !spent && self.people(now).estimate() < limit {
            return None;
        }
        let oldest = self.counting(now).map(|part| part.index).min()?;
        Some(now.end_ns(oldest).saturating_sub(now.now_ns))
    }

    /// Adds people; whether anybody is new.
    pub fn add(&mut self, now: Quarter, people: &Sketch) -> bool {
        let mut all = self.people(now);
        if !all.merge(people) {
            return false;
        }
        if let Some(part) = self.current(now) {
            let _ = part.people.merge(people);
        }
        true
    }

    /// Somebody was one too many.
    pub fn spend(&mut self, now: Quarter) {
        if let Some(part) = self.current(now) {
            part.is_spent = true;
        }
    }

    fn counting(&self, now: Quarter) -> impl Iterator<Item = &Part> {
        let parts = self.quarters.iter();
        parts.filter(move |part| now.counts(part.index))
    }

    /// The part that counts now. One that a faster worker has begun is as good.
    fn current(&mut self, now: Quarter) -> Option<&mut Part> {
        self.quarters.retain(|part| now.counts(part.index));
        self.until_ns = self.until_ns.max(now.end_ns(now.index));
        let last = self.quarters.last();
        if last.is_none_or(|part| part.index < now.index) {
            self.quarters.push(Part {
                index: now.index,
                is_spent: false,
                people: Sketch::default(),
            });
        }
        self.quarters.last_mut()
    }

    fn read(bytes: &mut &[u8]) -> Option<(u64, Self)> {
        let number = |bytes: &mut &[u8]| {
            let (number, rest) = bytes.split_first_chunk::<8>()?;
            *bytes = rest;
            Some(u64::from_le_bytes(*number))
        };
        let print = number(bytes)?;
        let mut window = Self {
            quarters: Vec::new(),
            until_ns: number(bytes)?,
        };
        let (count, rest) = bytes.split_first()?;
        *bytes = rest;
        for _ in 0..*count {
            let index = number(bytes)?;
            let (people, rest) = bytes.split_first_chunk::<REGISTERS>()?;
            *bytes = rest;
            window.quarters.push(Part {
                index: index & !SPENT,
                is_spent: index & SPENT != 0,
                people: Sketch::from_bytes(*people),
            });
        }
        Some((print, window))
    }

    fn write(&self, print: u64, bytes: &mut Vec<u8>) {
        bytes.extend(print.to_le_bytes());
        bytes.extend(self.until_ns.to_le_bytes());
        bytes.push(u8::try_from(self.quarters.len()).unwrap_or(0));
        for part in self.quarters.iter().take(usize::from(u8::MAX)) {
            let spent = if part.is_spent { SPENT } else { 0 };
            bytes.extend((part.index | spent).to_le_bytes());
            bytes.extend(part.people.as_bytes());
        }
    }
}

impl PeopleTable {
    /// A table of at least so many keys. `prefix` tells its keys from all others in shared data.
    #[must_use]
    pub fn new(prefix: &str, keys: u64, shares_data: bool) -> Self {
        let sets = keys.div_ceil(WINDOWS_OF_SET);
        Self(SharedSets::new(prefix, sets, shares_data))
    }

    /// The people of a key.
    ///
    /// # Errors
    /// The host does not tell.
    pub fn get(&self, host: &dyn Host, hash: CellHash) -> Result<Window, Status> {
        let (bytes, print) = self.0.get(host, hash)?;
        let known = windows(&bytes).into_iter().find(|(of, _)| *of == print);
        Ok(known.map(|(_, window)| window).unwrap_or_default())
    }

    /// Changes the people of a key, in one atomic step among all workers; `false` leaves them. Returns
    /// whether those of another key had to go.
    ///
    /// # Errors
    /// The host does not store it.
    pub fn update(
        &self,
        host: &dyn Host,
        hash: CellHash,
        now: Quarter,
        change: &mut dyn FnMut(&mut Window) -> bool,
    ) -> Result<bool, Status> {
        let mut evicted = false;
        self.0.update(host, hash, &mut |bytes, print| {
            let mut all = windows(bytes);
            let place = all.iter().position(|(of, _)| *of == print);
            let mut own = match place {
                Some(place) => all.swap_remove(place).1,
                None => Window::default(),
            };
            if !change(&mut own) {
                return None;
            }
            all.retain(|(_, window)| window.until_ns > now.now_ns);
            let most = usize::try_from(WINDOWS_OF_SET.saturating_sub(1)).unwrap_or(0);
            evicted = all.len() > most;
            if evicted {
                // Whoever has got the data of the fewest people gains the least by it.
                policy::sort::by_key(&mut all, |(_, window)| {
                    std::cmp::Reverse(window.people(now).estimate())
                });
                all.truncate(most);
            }
            all.push((print, own));
            let mut changed = Vec::new();
            for (print, window) in &all {
                window.write(*print, &mut changed);
            }
            Some(changed)
        })?;
        Ok(evicted)
    }
}

/// The windows of a set. What is stored and is none is left out.
fn windows(mut bytes: &[u8]) -> Vec<(u64, Window)> {
    let mut all = Vec::new();
    while let Some(window) = Window::read(&mut bytes) {
        all.push(window);
    }
    all
}

const QUARTERS: u64 = 4;
/// Keys that share a value of shared data.
const WINDOWS_OF_SET: u64 = 4;
const SPENT: u64 = 1 << 63;

#[cfg(test)]
mod tests {
    use host::fake::{FakeHost, Profile};

    use super::*;

    const HOUR_NS: u64 = 3_600_000_000_000;

    fn people(range: std::ops::Range<u64>) -> Sketch {
        let mut sketch = Sketch::default();
        for person in range {
            sketch.insert(person.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 3);
        }
        sketch
    }

    #[test]
    fn people_count_for_a_whole_window_and_a_quarter_at_most() {
        let at = |quarters: u64| Quarter::of(HOUR_NS, 1000 * HOUR_NS + quarters * HOUR_NS / 4);
        let mut window = Window::default();
        assert!(window.add(at(0), &people(0..30)));
        assert!(!window.add(at(1), &people(10..20)), "they are known");
        assert!(window.add(at(2), &people(30..40)));
        let known = |now: u64| window.people(at(now)).estimate();
        assert_eq!(known(4), known(2), "the whole window");
        assert!(known(5) < 15 && known(5) > 5, "{}", known(5));
        assert_eq!(known(7), 0);
        assert_eq!(window.wait_ns(at(4), 100), None);
        assert_eq!(window.wait_ns(at(4), 20), Some(HOUR_NS / 4));
        window.spend(at(6));
        assert_eq!(window.wait_ns(at(8), 1_000), Some(HOUR_NS / 4 * 3));
    }

    #[test]
    fn keys_are_told_apart_and_who_got_the_least_goes() {
        let now = Quarter::of(HOUR_NS, 9 * HOUR_NS);
        for shares in [true, false] {
            let host = FakeHost::new(Profile::Envoy);
            let table = PeopleTable::new("test", 1, shares);
            let add = |key: u8, count: u64| {
                let people = people(0..count);
                let changed = table.update(&host, [key; 16], now, &mut |window| {
                    window.add(now, &people)
                });
                changed.unwrap()
            };
            let known = |key: u8| table.get(&host, [key; 16]).unwrap().people(now).estimate();
            for key in 1..=4 {
                assert!(!add(key, 10 * u64::from(key)));
            }
            assert!(!add(1, 60), "its own");
            let before = known(3);
            assert!(add(5, 5));
            assert_eq!((known(2), known(3)), (0, before));
            assert!(known(1) > 50 && known(5) == 5);
        }
    }

    #[test]
    fn what_is_stored_and_is_no_window_is_none() {
        assert_eq!(windows(&[1, 2, 3]), []);
        let mut bytes = Vec::new();
        Window::default().write(7, &mut bytes);
        bytes.push(9);
        assert_eq!(windows(&bytes), [(7, Window::default())]);
        assert_eq!(windows(&[255; 5_000]), []);
    }
}
