use std::collections::HashMap;

use policy::units::Rate;
use proptest::prelude::*;

use super::*;
use crate::windows::WindowsDecision;
use policy::gcra::Gcra;

fn windows(list: &[(&str, u64)]) -> Windows {
    let gcra = |(rate, burst): &(&str, u64)| Gcra::new(Rate::parse(rate).unwrap(), *burst).unwrap();
    Windows::new(list.iter().map(gcra).collect()).unwrap()
}

fn shapes() -> Vec<Windows> {
    vec![
        windows(&[("10/s", 5)]),
        windows(&[("7/s", 5)]),
        windows(&[
            ("10/s", 5),
            ("70/min", 20),
            ("1000/h", 100),
            ("9999/day", 500),
        ]),
    ]
}

fn take(set: &mut BucketSet, layout: &Layout, windows: &Windows, key: u64, now_ns: u64) -> bool {
    match windows.decide(&set.state(layout, key), now_ns, 1) {
        WindowsDecision::Admit(tats) => {
            set.put(layout, windows, key, &tats, now_ns);
            true
        }
        WindowsDecision::Refuse { .. } => false,
    }
}

#[test]
fn survives_storage() {
    for windows in shapes() {
        let layout = Layout::new(&windows, 7);
        let mut set = BucketSet::new(&layout, &[0; MAX_WINDOWS]);
        assert_eq!(
            BucketSet::parse(set.bytes().to_vec(), &layout),
            Ok(set.clone())
        );
        for key in 0..40 {
            assert!(take(&mut set, &layout, &windows, key, 1_000));
            assert_eq!(
                BucketSet::parse(set.bytes().to_vec(), &layout),
                Ok(set.clone())
            );
        }
        assert_eq!(set.bytes().len(), layout.max_size());
    }
    let layout = Layout::new(&windows(&[("10/s", 5)]), 0);
    assert_eq!(layout.full_size(), 16 + 16 * 16);
}

#[test]
fn every_changed_byte_is_noticed() {
    for windows in shapes() {
        let layout = Layout::new(&windows, 7);
        let mut set = BucketSet::new(&layout, &[0; MAX_WINDOWS]);
        take(&mut set, &layout, &windows, 7, 1_000);
        take(&mut set, &layout, &windows, 8, 1_000);
        let bytes = set.bytes().to_vec();
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[index] ^= 1 << bit;
                let parsed = BucketSet::parse(changed, &layout);
                assert_eq!(parsed, Err(Corrupt), "byte {index}, bit {bit}");
            }
            assert!(BucketSet::parse(bytes[..index].to_vec(), &layout).is_err());
        }
        let other = Layout::new(&windows, 8);
        assert_eq!(
            BucketSet::parse(bytes.clone(), &other),
            Err(Corrupt),
            "another table"
        );
        let torn = [
            &bytes[..20],
            &BucketSet::new(&layout, &[5; 4]).bytes()[20.min(layout.head)..],
        ]
        .concat();
        assert!(torn == bytes || BucketSet::parse(torn, &layout).is_err());
        let twice = [bytes.as_slice(), &bytes].concat();
        assert!(BucketSet::parse(twice, &layout).is_err());
    }
}

#[test]
fn a_set_with_a_floor_gives_no_burst_away() {
    for windows in shapes() {
        let layout = Layout::new(&windows, 0);
        let mut set = BucketSet::new(&layout, &windows.empty(1_000));
        assert!(!take(&mut set, &layout, &windows, 1, 1_000));
        assert!(take(&mut set, &layout, &windows, 1, 1_000 + 90_000_000_000));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_set(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for windows in shapes() {
            let layout = Layout::new(&windows, 0);
            prop_assert!(BucketSet::parse(bytes.clone(), &layout).is_err());
        }
    }

    /// Far more keys than room, and workers whose clocks were read a little earlier: no key ever
    /// gets more than its own ideal bucket would admit.
    #[test]
    fn eviction_never_admits_more(
        shape in 0_usize..3,
        requests in proptest::collection::vec((0_u64..60, 0_u64..40_000_000, 0_u64..1_000_000), 1..600),
    ) {
        let windows = shapes().swap_remove(shape);
        let layout = Layout::new(&windows, 0);
        let mut set = BucketSet::new(&layout, &[0; MAX_WINDOWS]);
        let mut now = 1_000_000_000;
        let mut ideal: HashMap<u64, Tats> = HashMap::new();
        for (key, step, late) in requests {
            now += step;
            if take(&mut set, &layout, &windows, key, now - late) {
                let tats = ideal.entry(key).or_default();
                match windows.decide(tats, now - late, 1) {
                    WindowsDecision::Admit(after) => *tats = after,
                    WindowsDecision::Refuse { .. } => prop_assert!(false, "over-admission of {key}"),
                }
            }
            prop_assert!(set.bytes().len() <= layout.max_size());
        }
    }
}
