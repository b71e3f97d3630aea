//! A map in the order of its keys that is compiled once.
//!
//! The standard library's tree is compiled anew for each type of value, into 4 to 8 KiB, and a host compiles every
//! module that holds it before the first request. Here the tree says where a value is, so there is one for each type
//! of key, and the values stand beside it.

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// A map in the order of its keys.
#[derive(Clone, Debug)]
pub struct OrderedMap<K, V> {
    places: BTreeMap<K, usize>,
    values: Vec<Option<V>>,
    /// Indices of slots without a value, for reuse.
    free: Vec<usize>,
}

impl<K, V> Default for OrderedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> OrderedMap<K, V> {
    /// A map with nothing in it.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            places: BTreeMap::new(),
            values: Vec::new(),
            free: Vec::new(),
        }
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether the map has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// All keys, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.places.keys()
    }

    /// All keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let entries = self.places.iter();
        entries.filter_map(|(key, place)| Some((key, self.values.get(*place)?.as_ref()?)))
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// All values, in no order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values.iter_mut().flatten()
    }
}

impl<K: Ord, V> OrderedMap<K, V> {
    /// The value of this key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.values.get(*self.places.get(key)?)?.as_ref()
    }

    /// The value of this key, to be changed.
    #[must_use]
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.values.get_mut(*self.places.get(key)?)?.as_mut()
    }

    /// Whether this key has a value.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.places.contains_key(key)
    }

    /// Gives a key its value, and returns the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(known) = self.get_mut(&key) {
            return Some(std::mem::replace(known, value));
        }
        let free = self.free.pop();
        let place = free.unwrap_or(self.values.len());
        match self.values.get_mut(place) {
            Some(slot) => *slot = Some(value),
            None => self.values.push(Some(value)),
        }
        self.places.insert(key, place);
        None
    }

    /// Changes the value of a key; one that it has not yet is made first.
    pub fn change<T>(
        &mut self,
        key: K,
        make: impl FnOnce() -> V,
        change: impl FnOnce(&mut V) -> T,
    ) -> T {
        if let Some(known) = self.get_mut(&key) {
            return change(known);
        }
        let mut value = make();
        let result = change(&mut value);
        self.insert(key, value);
        result
    }

    /// Takes out the value of a key.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.places.remove(key)?;
        let value = self.values.get_mut(place)?.take();
        self.free.push(place);
        value
    }
}

impl<K: Ord + Clone, V> OrderedMap<K, V> {
    /// Takes out what `stays` says no of.
    pub fn retain(&mut self, stays: impl Fn(&K, &V) -> bool) {
        let entries = self.iter().filter(|(key, value)| !stays(key, value));
        let gone: Vec<K> = entries.map(|(key, _)| key.clone()).collect();
        for key in gone {
            self.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::OrderedMap;

    #[test]
    fn it_is_the_map_of_the_standard_library() {
        let mut ours = OrderedMap::new();
        let mut theirs = BTreeMap::new();
        let mut seed = 1_u32;
        for step in 0..4_000_u32 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = (seed >> 20) % 97;
            match (seed >> 12) % 8 {
                0..=2 => assert_eq!(ours.insert(key, step), theirs.insert(key, step)),
                3 | 4 => assert_eq!(ours.remove(&key), theirs.remove(&key)),
                5 => {
                    ours.change(key, || 7, |value| *value ^= step);
                    *theirs.entry(key).or_insert(7) ^= step;
                }
                6 if seed.is_multiple_of(5) => {
                    ours.retain(|key, value| (key ^ value) % 3 != 0);
                    theirs.retain(|key, value| (*key ^ *value) % 3 != 0);
                }
                _ => {
                    assert_eq!(ours.get(&key), theirs.get(&key));
                    assert_eq!(ours.get_mut(&key), theirs.get_mut(&key));
                    assert_eq!(ours.contains_key(&key), theirs.contains_key(&key));
                }
            }
            assert!(ours.iter().eq(theirs.iter()));
            assert!(ours.keys().eq(theirs.keys()) && ours.values().eq(theirs.values()));
            assert_eq!(ours.len(), theirs.len());
            assert_eq!(ours.is_empty(), theirs.is_empty());
            let sum = |value: &mut u32| u64::from(*value);
            assert_eq!(
                ours.values_mut().map(sum).sum::<u64>(),
                theirs.values_mut().map(sum).sum::<u64>()
            );
        }
    }

    #[test]
    fn places_of_values_that_are_gone_are_used_again() {
        let mut map = OrderedMap::new();
        for key in 0..10_000_u32 {
            map.insert(key, key);
            map.remove(&key);
        }
        assert_eq!(map.values.len(), 1);
    }
}
