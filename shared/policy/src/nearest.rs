//! The name that somebody meant.

/// The nearest of `names` to `found`, if it is near enough to be a slip of the finger: at most two
/// edits, and fewer than half of the letters.
#[must_use]
pub fn nearest<'n>(found: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // A name as long as a document is no slip, and the distance would cost its length squared.
    const MAX_CHARACTERS: usize = 64;
    if found.chars().count() > MAX_CHARACTERS {
        return None;
    }
    names
        .map(|name| (distance(found, name), name))
        .filter(|(edits, name)| *edits <= 2 && edits.saturating_mul(2) < name.chars().count())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// Edit distance with swaps of neighbours (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut left_before = None;
    for (row, left_char) in left.iter().enumerate() {
        let mut current = vec![row.saturating_add(1)];
        let mut right_before = None;
        for (column, right_char) in right.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let next = column.saturating_add(1);
            let substituted =
                at(&last, column).saturating_add(usize::from(left_char != right_char));
            let removed = at(&last, next).saturating_add(1);
            let added = at(&current, column).saturating_add(1);
            let mut best = substituted.min(removed).min(added);
            if left_before == Some(right_char) && right_before == Some(left_char) {
                let swapped = at(&before_last, column.saturating_sub(1)).saturating_add(1);
                best = best.min(swapped);
            }
            current.push(best);
            right_before = Some(right_char);
        }
        left_before = Some(left_char);
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn suggests_slips_and_nothing_else() {
        let names = ["rate", "burst", "name", "on_missing_key", "mode"];
        let meant = |found: &str| nearest(found, names.into_iter());
        assert_eq!(meant("burts"), Some("burst"));
        assert_eq!(meant("Rate"), Some("rate"));
        assert_eq!(meant("onmissing_key"), Some("on_missing_key"));
        assert_eq!(meant("mood"), None);
        assert_eq!(meant("fortnight"), None);
        assert_eq!(meant(""), None);
        assert_eq!(meant(&"r".repeat(100_000)), None);
    }

    #[test]
    fn counts_edits() {
        for (left, right, edits) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("abc", "acb", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), edits, "{left} {right}");
        }
    }
}
