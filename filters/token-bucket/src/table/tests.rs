use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use policy::units::Rate;
use proptest::prelude::*;

use super::*;
use policy::gcra::Gcra;

/// Shared storage in which another worker writes between a read and its write, on demand.
#[derive(Default)]
struct Memory {
    values: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    writes: Cell<u32>,
    /// So many of the next writes find that somebody was faster.
    collisions: Cell<u32>,
    broken: Cell<bool>,
}

impl Storage for Memory {
    fn load(&self, key: &str, initial: &[u8]) -> Result<(Vec<u8>, u32), StorageError> {
        if self.broken.get() {
            return Err(StorageError);
        }
        let mut values = self.values.borrow_mut();
        let value = values
            .entry(key.to_owned())
            .or_insert_with(|| (initial.to_vec(), 1));
        Ok(value.clone())
    }

    fn replace(&self, key: &str, value: &[u8], cas: u32) -> Result<bool, StorageError> {
        let mut values = self.values.borrow_mut();
        let stored = values.entry(key.to_owned()).or_default();
        if self.collisions.get() > 0 {
            self.collisions.set(self.collisions.get() - 1);
            stored.1 += 1;
            return Ok(false);
        }
        if stored.1 != cas {
            return Ok(false);
        }
        *stored = (value.to_vec(), cas + 1);
        self.writes.set(self.writes.get() + 1);
        Ok(true)
    }
}

const SECOND: u64 = 1_000_000_000;

fn windows(list: &[(&str, u64)]) -> Windows {
    let gcra = |(rate, burst): &(&str, u64)| Gcra::new(Rate::parse(rate).unwrap(), *burst).unwrap();
    Windows::new(list.iter().map(gcra).collect()).unwrap()
}

fn settings(windows: Windows, slots: u64) -> TableSettings<'static> {
    TableSettings {
        zone: "",
        limit: "t",
        key: "ip",
        slots,
        seed: [7; 16],
        windows,
    }
}

fn table(rate: &str, burst: u64, slots: u64) -> Table {
    Table::new(settings(windows(&[(rate, burst)]), slots), &[])
}

fn take(
    table: &Table,
    memory: &Memory,
    key: HashedKey,
    now_ns: u64,
    cost: u64,
) -> Result<BucketDecision, StorageError> {
    table.take(
        memory,
        Some(table.load(memory, key, now_ns)?),
        key,
        now_ns,
        cost,
    )
}

#[test]
fn counts_each_key_alone() {
    let (table, memory) = (table("1/min", 3, 1024), Memory::default());
    for key in [b"a".as_slice(), b"b", b"", b"\xff\0"] {
        let key = table.hash(key);
        let admitted = (0..10)
            .filter(|_| take(&table, &memory, key, SECOND, 1).unwrap().admitted)
            .count();
        assert_eq!(admitted, 3);
    }
}

#[test]
fn a_refusal_writes_nothing_and_says_when() {
    let (table, memory) = (table("1/s", 1, 16), Memory::default());
    let key = table.hash(b"k");
    assert!(take(&table, &memory, key, SECOND, 1).unwrap().admitted);
    let writes = memory.writes.get();
    let refused = take(&table, &memory, key, SECOND, 1).unwrap();
    assert!(!refused.admitted);
    assert_eq!(refused.wait, Some(Duration::from_secs(1)));
    let mut states = table.windows().states(&refused.after, SECOND);
    let (_, state) = states.next().unwrap();
    assert_eq!((state.remaining, memory.writes.get()), (0, writes));
}

#[test]
fn tries_again_when_another_worker_was_faster_and_gives_up_closed() {
    let (table, memory) = (table("1/s", 5, 16), Memory::default());
    let key = table.hash(b"k");
    memory.collisions.set(200);
    let taken = take(&table, &memory, key, SECOND, 1).unwrap();
    assert_eq!((taken.admitted, taken.retries), (true, 200));
    memory.collisions.set(host::shared_data::MAX_ATTEMPTS);
    assert_eq!(take(&table, &memory, key, SECOND, 1), Err(StorageError));
    memory.broken.set(true);
    assert_eq!(take(&table, &memory, key, SECOND, 1), Err(StorageError));
}

#[test]
fn a_corrupt_set_gives_nothing_away() {
    for (rate, burst) in [("1/s", 5), ("3/s", 5)] {
        let (table, memory) = (table(rate, burst, 16), Memory::default());
        let key = table.hash(b"k");
        take(&table, &memory, key, SECOND, 1).unwrap();
        for (bytes, _) in memory.values.borrow_mut().values_mut() {
            bytes.truncate(11);
        }
        let taken = take(&table, &memory, key, SECOND, 1).unwrap();
        assert!(!taken.admitted && taken.corrupt);
        let next = take(&table, &memory, key, SECOND, 1).unwrap();
        assert!(!next.admitted && !next.corrupt, "it was replaced");
        let later = take(&table, &memory, key, 20 * SECOND, 5).unwrap();
        assert!(later.admitted, "and heals");
    }
}

/// Somebody else who keeps writing under the same key.
#[test]
fn a_set_that_stays_corrupt_admits_nobody() {
    struct Foreign;
    impl Storage for Foreign {
        fn load(&self, _: &str, _: &[u8]) -> Result<(Vec<u8>, u32), StorageError> {
            Ok((b"something else".to_vec(), 1))
        }
        fn replace(&self, _: &str, _: &[u8], _: u32) -> Result<bool, StorageError> {
            Ok(true)
        }
    }
    let table = table("1/s", 5, 16);
    for second in 1..100 {
        let taken = table.take(&Foreign, None, table.hash(b"k"), second * SECOND, 1);
        let taken = taken.unwrap();
        assert!(!taken.admitted && taken.corrupt);
    }
}

#[test]
fn a_charge_is_given_back_whatever_happened_to_the_bucket_since() {
    let (table, memory) = (table("1/h", 3, 16), Memory::default());
    let key = table.hash(b"k");
    let first = take(&table, &memory, key, SECOND, 2).unwrap();
    let second = take(&table, &memory, key, SECOND, 1).unwrap();
    take(&table, &memory, table.hash(b"other"), SECOND, 1).unwrap();
    memory.collisions.set(300);
    table.give_back(&memory, &first.receipt.unwrap(), &|| SECOND);
    assert!(take(&table, &memory, key, SECOND, 2).unwrap().admitted);
    assert!(!take(&table, &memory, key, SECOND, 1).unwrap().admitted);
    // An hour later its unit has refilled: giving it back now would be giving it twice.
    let hour = 3_601 * SECOND;
    table.give_back(&memory, &second.receipt.unwrap(), &|| hour);
    assert!(take(&table, &memory, key, hour, 1).unwrap().admitted);
    assert!(!take(&table, &memory, key, hour, 1).unwrap().admitted);
    // Nothing is left to give back of a bucket that is not there.
    let other = Memory::default();
    assert_eq!(
        table.give_back(&other, &first.receipt.unwrap(), &|| SECOND),
        None
    );
}

#[test]
fn the_number_and_the_size_of_storage_keys_are_fixed() {
    let (table, memory) = (table("1/s", 1, 256), Memory::default());
    let mut overflows = 0;
    for number in 0..20_000_u32 {
        let key = table.hash(&number.to_le_bytes());
        overflows += u32::from(take(&table, &memory, key, SECOND, 1).unwrap().overflow);
    }
    let values = memory.values.borrow();
    assert_eq!(values.len(), 16);
    assert!(
        values
            .values()
            .all(|(bytes, _)| bytes.len() == 16 + 16 * 16 + 4 * (8 + 128))
    );
    assert!(overflows > 0);
}

#[test]
fn buckets_start_empty_where_that_is_asked_for() {
    let mut table = table("1/s", 3, 256);
    table.start_empty(100 * SECOND);
    let memory = Memory::default();
    let admitted = |client: u8, now| {
        let key = table.hash(&[client]);
        (0..10)
            .filter(|_| take(&table, &memory, key, now, 1).unwrap().admitted)
            .count()
    };
    assert_eq!(admitted(1, 100 * SECOND), 0);
    assert_eq!(admitted(1, 101 * SECOND), 1);
    assert_eq!(admitted(1, 103 * SECOND), 2);
    assert_eq!(admitted(2, 103 * SECOND), 3);
}

#[test]
fn another_limit_has_other_buckets() {
    let base = || settings(windows(&[("1/s", 3)]), 256);
    let name = |settings| Table::new(settings, &[]).side_key("x");
    let known = name(base());
    assert_eq!(known, name(base()));
    assert!(known.starts_with("meshward/token-bucket/t/"), "{known}");
    let others = [
        TableSettings {
            limit: "u",
            ..base()
        },
        TableSettings {
            key: "header:x",
            ..base()
        },
        TableSettings {
            slots: 512,
            ..base()
        },
        TableSettings {
            zone: "zone/",
            ..base()
        },
        TableSettings {
            windows: windows(&[("1/s", 4)]),
            ..base()
        },
        TableSettings {
            windows: windows(&[("1/s", 3), ("9/h", 9)]),
            ..base()
        },
    ];
    for other in others {
        assert_ne!(known, name(other));
    }
    let seeded = TableSettings {
        seed: [8; 16],
        ..base()
    };
    let (one, two) = (Table::new(base(), &[]), Table::new(seeded, &[]));
    assert_ne!(one.hash(b"k"), two.hash(b"k"));
    // Where names would collide on a host that compares checksums, another one is taken.
    let again = Table::new(base(), &[one.storage_keys()]);
    assert_ne!(again.side_key("x"), known);
}

/// Made-up clients, each with one request, three times as many as there is room for, and clients
/// that come again and again within their limit: these are let through.
#[test]
fn a_flood_of_new_clients_does_not_lock_the_others_out() {
    let (table, memory) = (table("5/h", 5, 1_024), Memory::default());
    let take = |client: u64, now| {
        let key = table.hash(&client.to_le_bytes());
        take(&table, &memory, key, now, 1).unwrap().admitted
    };
    // A bucket with one unit missing is live for 12 minutes.
    let flood = 3 * 1_024;
    let (mut sent, mut refused) = (0, 0);
    for step in 0..10_u64 * flood {
        let now = SECOND + step * 720 * SECOND / flood;
        take(1_000_000 + step, now);
        if step % 24 == 0 {
            // 480 clients, each every 45 minutes.
            sent += 1;
            refused += u32::from(!take(step / 24 % 480, now));
        }
    }
    assert!(sent > 1_200 && refused * 50 < sent, "{refused} of {sent}");
}

proptest! {
    /// A flood of keys through a table that is far too small, charges that are given back, and
    /// workers whose clocks were read a moment earlier: no key gets more than its due.
    #[test]
    fn never_over_admits(
        requests in proptest::collection::vec(
            (0_u32..150, 0_u64..30_000_000, 1_u64..3, 0_u64..900_000, any::<u8>()), 1..800),
        shape in 0_usize..3,
    ) {
        let shapes: [&[(&str, u64)]; 3] = [
            &[("20/s", 4)], &[("21/s", 4)], &[("20/s", 4), ("100/min", 7)],
        ];
        let table = Table::new(settings(windows(shapes[shape]), 32), &[]);
        let memory = Memory::default();
        let mut passed: HashMap<u32, Vec<(u64, u64)>> = HashMap::new();
        let mut pending: Vec<(u32, Receipt)> = Vec::new();
        let mut now = SECOND;
        for (client, step, cost, late, fate) in requests {
            now += step;
            let client = if fate % 2 == 0 { client % 5 } else { client };
            let key = table.hash(&client.to_le_bytes());
            let charged = take(&table, &memory, key, now - late, cost).unwrap();
            if let Some(receipt) = charged.receipt {
                if fate % 3 == 0 {
                    pending.push((client, receipt));
                } else {
                    passed.entry(client).or_default().push((now - late, cost));
                }
            }
            if fate % 5 == 0 && !pending.is_empty() {
                let (_, receipt) = pending.swap_remove(usize::from(fate) % pending.len());
                table.give_back(&memory, &receipt, &|| now);
            }
        }
        for (client, receipt) in pending {
            let charge = (receipt.charged_ns, receipt.cost);
            passed.entry(client).or_default().push(charge);
        }
        for (client, mut charges) in passed {
            charges.sort_unstable();
            let mut ideal = [0; MAX_WINDOWS];
            for (at, cost) in charges {
                match table.windows().decide(&ideal, at, cost) {
                    WindowsDecision::Admit(after) => ideal = after,
                    WindowsDecision::Refuse { .. } => prop_assert!(false, "{client}: over-admission"),
                }
            }
        }
    }
}
