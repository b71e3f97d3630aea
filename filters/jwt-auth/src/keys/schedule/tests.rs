use super::*;

const S: u64 = NS_PER_S;
const VM: u64 = 7;

fn pace() -> Pace {
    Pace {
        timeout: Duration::from_secs(5),
        cache_duration: Duration::from_secs(600),
        min_refresh: Duration::from_secs(30),
    }
}

fn begun(schedule: Schedule, now_ns: u64) -> Schedule {
    schedule.beginning(&pace(), Due::Scheduled, VM, now_ns)
}

#[test]
fn one_fetch_at_a_time_and_again_before_it_is_too_late() {
    let none = Wishes::default();
    let new = Schedule::default();
    assert_eq!(new.due(&pace(), none, S), Some(Due::Scheduled));
    let begun = begun(new, S);
    assert_eq!(begun.due(&pace(), none, 2 * S), None);
    let renewed = begun.renewed(VM, 2 * S + S / 2).unwrap();
    assert_eq!(renewed.due(&pace(), none, 4 * S), None);
    assert_eq!(begun.renewed(VM + 1, 3 * S), None, "another's lease");
    assert_eq!(begun.renewed(VM, S), None, "it has just been said");
    assert!(
        renewed.due(&pace(), none, 5 * S).is_some(),
        "nobody renews it"
    );
    let fetched = renewed.succeeded(&pace(), S, true, 4 * S, 0);
    assert_eq!(fetched.due(&pace(), none, 500 * S), None);
    assert!(fetched.due(&pace(), none, 545 * S).is_some());
    let shorter = Pace {
        cache_duration: Duration::from_secs(60),
        ..pace()
    };
    assert!(fetched.due(&shorter, none, 59 * S).is_some());
}

#[test]
fn a_vm_that_goes_frees_its_lease_only() {
    let begun = begun(Schedule::default(), S);
    assert_eq!(begun.freed(VM + 1), None);
    let freed = begun.freed(VM).unwrap();
    assert!(freed.due(&pace(), Wishes::default(), S).is_some());
    assert_eq!(freed.freed(VM), None);
}

/// However a fetch ends and whatever is wished for, only so many start.
#[test]
fn no_wish_starts_more_fetches_than_the_schedule_allows() {
    let tick_ns = S / 10;
    for (useful, demanded, most) in [
        (Some(true), true, 4),
        (Some(false), false, 6),
        (Some(false), true, 9),
        (None, false, 6),
        (None, true, 9),
    ] {
        let wishes = Wishes {
            demanded,
            unknown_key: true,
        };
        let (mut schedule, mut fetches) = (Schedule::default(), 0);
        for tick in 1..=100 {
            let now_ns = tick * tick_ns;
            if let Some(due) = schedule.due(&pace(), wishes, now_ns) {
                fetches += 1;
                let begun = schedule.beginning(&pace(), due, VM, now_ns);
                schedule = match useful {
                    Some(useful) => begun.succeeded(&pace(), now_ns, useful, now_ns, 0),
                    None => begun.failed(now_ns, 0),
                };
            }
        }
        assert!(fetches <= most, "{useful:?} {demanded}: {fetches}");
        assert!(fetches > 1);
    }
}

#[test]
fn a_request_notices_within_two_seconds_that_a_provider_is_back() {
    let mut schedule = Schedule::default();
    for minute in 1..20 {
        let now_ns = minute * 60 * S;
        schedule = begun(schedule, now_ns).failed(now_ns, 999);
        assert!(schedule.demand_wait_ns(&pace(), now_ns) <= 2 * S);
        let wishes = Wishes {
            demanded: true,
            unknown_key: false,
        };
        assert_eq!(schedule.due(&pace(), wishes, now_ns + S / 5), None);
        assert!(schedule.due(&pace(), wishes, now_ns + 2 * S).is_some());
    }
    let waits = schedule.due(&pace(), Wishes::default(), 19 * 60 * S + 2 * S);
    assert_eq!(waits, None, "nobody asks, nobody tries");
}

#[test]
fn fetches_for_unknown_keys_have_a_bucket_of_their_own() {
    let wishes = Wishes {
        demanded: true,
        unknown_key: true,
    };
    let mut schedule = begun(Schedule::default(), S).succeeded(&pace(), S, true, S, 0);
    for _ in 0..3 {
        let due = schedule.due(&pace(), wishes, S).unwrap();
        assert_eq!(due, Due::UnknownKey, "at once after any fetch");
        schedule = schedule
            .beginning(&pace(), due, VM, S)
            .succeeded(&pace(), S, true, S, 0);
    }
    assert_eq!(schedule.due(&pace(), wishes, S), None);
    assert_eq!(schedule.bucket_wait_ns(&pace(), S), 30 * S);
    assert_eq!(schedule.due(&pace(), wishes, 30 * S), None);
    assert_eq!(schedule.due(&pace(), wishes, 31 * S), Some(Due::UnknownKey));
}

#[test]
fn what_was_lost_is_fetched_again_and_ever_more_seldom() {
    let fetched = begun(Schedule::default(), S).succeeded(&pace(), S, true, S, 0);
    let wait_ns = |losses| fetched.lost(losses, 0).due_ns - S;
    assert_eq!((wait_ns(1), wait_ns(3)), (S / 4, S));
    assert_eq!(wait_ns(100), 15 * S);
}

#[test]
fn schedules_survive_and_garbage_does_not() {
    let schedule = Schedule {
        generation: 1,
        fetched_ns: 2,
        fetched_began_ns: 3,
        due_ns: u64::MAX,
        began_ns: 4,
        lease_ns: 5,
        holder: 6,
        failed_ns: 7,
        bucket_full_ns: 8,
        failures: 9,
        useless: 10,
    };
    let bytes = schedule.to_bytes();
    assert_eq!(Schedule::from_bytes(&bytes), Some(schedule));
    for length in 0..bytes.len() {
        assert_eq!(Schedule::from_bytes(&bytes[..length]), None);
    }
    let mut other = bytes.clone();
    other[0] = 1;
    assert_eq!(Schedule::from_bytes(&other), None);
    other = bytes;
    other.push(0);
    assert_eq!(Schedule::from_bytes(&other), None);
}
