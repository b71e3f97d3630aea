//! Sorting that is compiled once.
//!
//! The standard library's sort is compiled anew for each type and each order, into 6 to 14 KiB, and a
//! host compiles every module that holds it before the first request. Here the places are sorted, by
//! one function for all types, and the values are then moved to them.

use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Sorts values; those that are equal stay in their order.
pub fn by<T>(values: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    let in_order = |left: &T, right: &T| compare(left, right) != Ordering::Greater;
    if values.is_sorted_by(in_order) {
        return;
    }
    let mut places: Vec<usize> = (0..values.len()).collect();
    sort_places(
        &mut places,
        &|left, right| match (values.get(left), values.get(right)) {
            (Some(left), Some(right)) => compare(left, right),
            _ => Ordering::Equal,
        },
    );
    let mut taken: Vec<Option<T>> = values.drain(..).map(Some).collect();
    let in_order = places
        .into_iter()
        .filter_map(|place| taken.get_mut(place)?.take());
    values.extend(in_order);
}

/// Sorts values by what `key` says of each; those of which it says the same stay in their order.
pub fn by_key<T, K: Ord>(values: &mut Vec<T>, key: impl Fn(&T) -> K) {
    by(values, |left, right| key(left).cmp(&key(right)));
}

/// The set of some values. To collect them into one would sort them first.
pub fn set<T: Ord>(values: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    set.extend(values);
    set
}

#[inline(never)]
fn sort_places(places: &mut [usize], compare: &dyn Fn(usize, usize) -> Ordering) {
    places.sort_by(|left, right| compare(*left, *right));
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use std::cmp::Reverse;

    #[test]
    fn it_sorts_as_the_standard_library_does() {
        let mut seed = 7_u32;
        for length in 0..200_usize {
            let mut values: Vec<(u32, String)> = (0..length)
                .map(|place| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 28, place.to_string())
                })
                .collect();
            let mut expected = values.clone();
            // Many are equal in the key, so that their order shows.
            expected.sort_by_key(|(key, _)| Reverse(*key));
            super::by_key(&mut values, |(key, _)| Reverse(*key));
            assert_eq!(values, expected);
            expected.sort();
            super::by(&mut values, Ord::cmp);
            assert_eq!(values, expected);
        }
    }

    #[test]
    fn a_set_has_each_value_once() {
        let set = super::set(["b", "a", "b"]);
        assert_eq!(set.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
