#![allow(clippy::restriction, reason = "an overflow in a test is a failed test")]

use proptest::prelude::*;

use super::*;

fn gcra(rate: &str, burst: u64) -> Gcra {
    Gcra::new(Rate::parse(rate).unwrap(), burst).unwrap()
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn a_burst_passes_and_then_the_rate() {
    let limit = gcra("3/s", 5);
    let mut tat = 0;
    let mut admitted = |now, cost| match limit.decide(tat, now, cost) {
        Decision::Admit { tat: new } => {
            tat = new;
            true
        }
        Decision::Refuse { .. } => false,
    };
    assert_eq!((0..20).filter(|_| admitted(10 * SECOND, 1)).count(), 5);
    assert!(!admitted(10 * SECOND + 333_333_333, 1));
    assert!(admitted(10 * SECOND + 333_333_334, 1));
    assert!(!admitted(10 * SECOND + 333_333_334, 1));
    assert_eq!((0..20).filter(|_| admitted(100 * SECOND, 2)).count(), 2);
}

/// Nothing is lost to rounding either: after a day of asking every moment, all that was due came.
#[test]
fn admits_exactly_the_rate() {
    for (rate, count, step) in [
        ("3/s", 3, 333_333_334),
        ("7/min", 7, 1_000_000_000),
        ("999983/s", 999_983, 1_000),
    ] {
        let limit = gcra(rate, 2);
        let period = Rate::parse(rate).unwrap().period.as_nanos();
        let (mut tat, mut now, mut admitted) = (0_u128, SECOND, 0_u128);
        for _ in 0..200_000 {
            if let Decision::Admit { tat: new } = limit.decide(tat, now, 1) {
                (tat, admitted) = (new, admitted + 1);
            }
            now += step;
        }
        let elapsed = u128::from(now - SECOND);
        assert!((admitted - 2) * period <= elapsed * count, "{rate}");
        if rate == "999983/s" {
            // Units come every 1000.017 ns; with a rounded interval 200 would be missing.
            assert!((199_996..=199_999).contains(&admitted), "{admitted}");
        }
    }
}

#[test]
fn says_how_long_to_wait_and_what_is_left() {
    let limit = gcra("1/s", 2);
    let full = SECOND * 7;
    assert_eq!(limit.remaining(0, full), 2);
    assert_eq!(limit.until_next(0, full), Duration::ZERO);
    let Decision::Admit { tat } = limit.decide(0, full, 2) else {
        panic!()
    };
    assert_eq!(limit.remaining(tat, full), 0);
    assert_eq!(limit.until_next(tat, full), Duration::from_secs(1));
    assert_eq!(
        limit.until_next(tat, full + SECOND / 4),
        Duration::from_millis(750)
    );
    let wait = Some(Duration::from_secs(1));
    assert_eq!(limit.decide(tat, full, 1), Decision::Refuse { wait });
    assert_eq!(limit.decide(tat, full, 3), Decision::Refuse { wait: None });
    assert_eq!(limit.until_full(tat, full), Duration::from_secs(2));
    assert_eq!(limit.empty(full), tat);
    let third = gcra("3/s", 1);
    let Decision::Admit { tat } = third.decide(0, full, 1) else {
        panic!()
    };
    assert_eq!(
        third.until_full(tat, full),
        Duration::from_nanos(333_333_334)
    );
    assert_eq!(third.nanoseconds(tat), full + 333_333_333);
}

#[test]
fn a_charge_is_given_back_less_the_time_since() {
    let limit = gcra("1/min", 20);
    let admit = |tat, now| match limit.decide(tat, now, 1) {
        Decision::Admit { tat } => tat,
        Decision::Refuse { .. } => panic!(),
    };
    let now = SECOND;
    let both = admit(admit(0, now), now);
    // Two at once, neither passes: one unit later the bucket is as if they had never been.
    let later = now + SECOND / 100;
    let none = limit.give_back(limit.give_back(both, now, later, 1), now, later, 1);
    assert_eq!(limit.remaining(none, now + SECOND / 50), 20);
    assert_eq!(
        limit.remaining(admit(none, now + SECOND / 50), now + SECOND / 50),
        19
    );
    // What has refilled since is not given back a second time.
    assert_eq!(limit.give_back(both, now, now + 60 * SECOND, 1), both);
    // At the moment of the charge, all of it.
    assert_eq!(
        limit.give_back(admit(0, now), now, now, 1),
        limit.ticks(now)
    );
}

#[test]
fn refuses_what_cannot_be_counted() {
    let rate = |text| Rate::parse(text).unwrap();
    assert_eq!(Gcra::new(rate("1/day"), 1_000_000), None);
    assert_eq!(Gcra::new(rate("1/s"), 0), None);
    assert_eq!(Gcra::new(rate("1/s"), u64::MAX), None);
    assert!(Gcra::new(rate("1000000000/s"), 1_000_000_000).is_some());
    let nothing = Rate {
        count: 0,
        period: Duration::from_secs(1),
    };
    assert_eq!(Gcra::new(nothing, 1), None);
    let endless = Rate {
        count: 1,
        period: Duration::MAX,
    };
    assert_eq!(Gcra::new(endless, 1), None);
    let instant = Rate {
        count: 1,
        period: Duration::ZERO,
    };
    assert_eq!(Gcra::new(instant, 1), None);
}

proptest! {
    /// Over every stretch of any history, no more than burst + rate * time; and whoever waits as
    /// long as it is told passes.
    #[test]
    fn never_admits_more_than_the_bound(
        count in 1_u64..1_000_000,
        burst in 1_u64..50,
        steps in proptest::collection::vec((0_u64..3_000_000_000, 1_u64..4), 1..200),
    ) {
        let period = Duration::from_secs(3600);
        let limit = Gcra::new(Rate { count, period }, burst).unwrap();
        let (mut now, mut tat) = (SECOND, 0);
        let mut history = Vec::new();
        for (step, cost) in steps {
            now += step;
            match limit.decide(tat, now, cost) {
                Decision::Admit { tat: new } => {
                    tat = new;
                    history.push((now, cost));
                }
                Decision::Refuse { wait: Some(wait) } => {
                    let later = now + u64::try_from(wait.as_nanos()).unwrap();
                    let admits = |at| matches!(limit.decide(tat, at, cost), Decision::Admit { .. });
                    prop_assert!(admits(later));
                    prop_assert!(!admits(later - 1));
                }
                Decision::Refuse { wait: None } => prop_assert!(cost > burst),
            }
            prop_assert!(limit.until_next(tat, now) <= limit.until_full(tat, now));
        }
        for (first, (start, _)) in history.iter().enumerate() {
            let mut units = 0_u128;
            for (time, cost) in &history[first..] {
                units += u128::from(*cost);
                let earned = u128::from(time - start) * u128::from(count);
                let beyond = units.saturating_sub(u128::from(burst));
                prop_assert!(beyond * period.as_nanos() <= earned);
            }
        }
    }

    /// Whatever is charged and given back in whatever order: the requests that pass are requests
    /// that a bucket would admit which never saw the others.
    #[test]
    fn charges_given_back_admit_nothing_more(
        count in 1_u64..40, burst in 1_u64..12,
        steps in proptest::collection::vec((0_u64..400_000_000, 0_u8..8, 1_u64..4, any::<u8>()), 1..300),
    ) {
        let limit = Gcra::new(Rate { count, period: Duration::from_secs(10) }, burst).unwrap();
        let (mut now, mut tat) = (SECOND, 0);
        // Charged and undecided, and the requests that have passed by the time of their charge.
        let mut pending: Vec<(u64, u64)> = Vec::new();
        let mut passed: Vec<(u64, u64)> = Vec::new();
        for (step, action, cost, pick) in steps {
            now += step;
            if action < 4 || pending.is_empty() {
                if let Decision::Admit { tat: after } = limit.decide(tat, now, cost) {
                    tat = after;
                    pending.push((now, cost));
                }
            } else {
                let (charged, cost) = pending.swap_remove(usize::from(pick) % pending.len());
                if action < 6 {
                    tat = limit.give_back(tat, charged, now, cost);
                } else {
                    passed.push((charged, cost));
                }
            }
        }
        passed.append(&mut pending);
        passed.sort_unstable();
        let mut ideal = 0;
        for (at, cost) in passed {
            match limit.decide(ideal, at, cost) {
                Decision::Admit { tat } => ideal = tat,
                Decision::Refuse { .. } => prop_assert!(false, "over-admission"),
            }
        }
    }

    #[test]
    fn never_overflows(
        tat in any::<u128>(), now in any::<u64>(), cost in any::<u64>(),
        count in any::<u64>(), seconds in any::<u64>(), burst in any::<u64>(),
    ) {
        let odd = Gcra::new(Rate { count, period: Duration::from_secs(seconds) }, burst);
        for limit in odd.into_iter().chain([gcra("7/min", 20), gcra("999999937/day", 1_000_000)]) {
            let _ = (limit.decide(tat, now, cost), limit.remaining(tat, now));
            let _ = (limit.until_next(tat, now), limit.until_full(tat, now), limit.empty(now));
            let _ = (limit.nanoseconds(tat), limit.window(), limit.give_back(tat, now, now / 2, cost));
        }
    }

    /// A time as large as it gets fits into 96 bits.
    #[test]
    fn a_state_fits_its_place(
        count in 1_u64..1_000_000_000, burst in 1_u64..1_000_000_000, now in any::<u64>(),
    ) {
        let period = Duration::from_secs(86_400);
        if let Some(limit) = Gcra::new(Rate { count, period }, burst) {
            prop_assert!(limit.empty(now) < 1 << 96);
            prop_assert!(!limit.counts_nanoseconds() || limit.empty(now) < 1 << 64);
        }
    }
}

/// What was used beyond the burst is owed: nothing passes before all of it has been refilled.
#[test]
fn what_is_owed_is_refilled_before_anything_passes() {
    let limit = gcra("1/s", 10);
    let tat = limit.owe(0, SECOND, 35);
    let wait = |now| match limit.decide(tat, now, 1) {
        Decision::Admit { .. } => None,
        Decision::Refuse { wait } => wait,
    };
    assert_eq!(limit.remaining(tat, SECOND), 0);
    assert_eq!(wait(SECOND), Some(Duration::from_secs(26)));
    assert_eq!(wait(27 * SECOND), None);
    let ever = limit.owe(0, SECOND, u64::MAX);
    assert_eq!(limit.owe(ever, SECOND, u64::MAX), ever, "a century at most");
}

proptest! {
    /// In whole nanoseconds a bucket is never faster than its rate, and its state fits 64 bits.
    #[test]
    fn whole_nanoseconds_are_never_faster(count in 1_u64..1_000_000_000, burst in 1_u64..1_000_000, now in 0_u64..1 << 60) {
        let rate = Rate { count, period: Duration::from_secs(86_400) };
        let (Some(whole), Some(exact)) = (Gcra::in_nanoseconds(rate, burst), Gcra::new(rate, burst)) else {
            return Ok(());
        };
        prop_assert!(whole.counts_nanoseconds());
        prop_assert!(whole.window() >= exact.window());
        prop_assert!(u64::try_from(whole.empty(now)).is_ok());
    }
}
