use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use policy::units::Rate;
use proptest::prelude::*;

use super::*;

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
    fn load(&self, key: &str) -> Result<(Vec<u8>, u32), StorageError> {
        if self.broken.get() {
            return Err(StorageError);
        }
        Ok(self.values.borrow().get(key).cloned().unwrap_or_default())
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

fn table(rate: &str, burst: u64, slots: u64) -> Table {
    let gcra = Gcra::new(Rate::parse(rate).unwrap(), burst).unwrap();
    Table::new("t", slots, [7; 16], gcra)
}

#[test]
fn counts_each_key_alone() {
    let (table, memory) = (table("1/min", 3, 1024), Memory::default());
    for key in [b"a".as_slice(), b"b", b"", b"\xff\0"] {
        let key = table.hash(key);
        let admitted = (0..10)
            .filter(|_| table.take(&memory, key, SECOND, 1).unwrap().admitted)
            .count();
        assert_eq!(admitted, 3);
    }
}

#[test]
fn a_refusal_writes_nothing_and_says_when() {
    let (table, memory) = (table("1/s", 1, 16), Memory::default());
    let key = table.hash(b"k");
    assert!(table.take(&memory, key, SECOND, 1).unwrap().admitted);
    let writes = memory.writes.get();
    let refused = table.take(&memory, key, SECOND, 1).unwrap();
    assert!(!refused.admitted);
    assert_eq!(refused.wait, Some(Duration::from_secs(1)));
    assert_eq!((refused.remaining, memory.writes.get()), (0, writes));
}

#[test]
fn tries_again_when_another_worker_was_faster_and_gives_up_closed() {
    let (table, memory) = (table("1/s", 5, 16), Memory::default());
    let key = table.hash(b"k");
    memory.collisions.set(200);
    let answer = table.take(&memory, key, SECOND, 1).unwrap();
    assert_eq!((answer.admitted, answer.retries), (true, 200));
    memory.collisions.set(MAX_RETRIES);
    assert_eq!(table.take(&memory, key, SECOND, 1), Err(StorageError));
    memory.broken.set(true);
    assert_eq!(table.take(&memory, key, SECOND, 1), Err(StorageError));
}

#[test]
fn a_corrupt_set_gives_nothing_away() {
    let (table, memory) = (table("1/s", 5, 16), Memory::default());
    let key = table.hash(b"k");
    table.take(&memory, key, SECOND, 1).unwrap();
    for (bytes, _) in memory.values.borrow_mut().values_mut() {
        bytes.truncate(11);
    }
    let answer = table.take(&memory, key, SECOND, 1).unwrap();
    assert!(!answer.admitted && answer.corrupt);
    assert!(
        !table.take(&memory, key, SECOND, 1).unwrap().corrupt,
        "it was replaced"
    );
    assert!(
        table.take(&memory, key, 20 * SECOND, 5).unwrap().admitted,
        "and heals"
    );
}

#[test]
fn giving_back_restores_an_untouched_bucket_only() {
    let (table, memory) = (table("1/h", 3, 16), Memory::default());
    let key = table.hash(b"k");
    let first = table.take(&memory, key, SECOND, 2).unwrap();
    table.give_back(&memory, key, &first);
    let all = table.take(&memory, key, SECOND, 3).unwrap();
    assert!(all.admitted);
    table.give_back(&memory, key, &first);
    assert!(!table.take(&memory, key, SECOND, 1).unwrap().admitted);
}

#[test]
fn the_number_of_storage_keys_is_fixed() {
    let (table, memory) = (table("1/s", 1, 256), Memory::default());
    for number in 0..20_000_u32 {
        let key = table.hash(&number.to_le_bytes());
        table.take(&memory, key, SECOND, 1).unwrap();
    }
    assert_eq!(memory.values.borrow().len(), 16);
}

proptest! {
    /// A flood of keys through a table that is far too small: no key gets more than its due.
    #[test]
    fn never_over_admits(
        requests in proptest::collection::vec((0_u32..150, 0_u64..5_000_000, 1_u64..3), 1..500),
    ) {
        let (table, memory) = (table("20/s", 4, 32), Memory::default());
        let mut ideal: HashMap<u32, u64> = HashMap::new();
        let mut now = SECOND;
        for (client, step, cost) in requests {
            now += step;
            let key = table.hash(&client.to_le_bytes());
            if table.take(&memory, key, now, cost).unwrap().admitted {
                let tat = ideal.entry(client).or_insert(0);
                match table.gcra().decide(*tat, now, cost) {
                    Verdict::Admit { tat_ns } => *tat = tat_ns,
                    Verdict::Refuse { .. } => prop_assert!(false, "over-admission"),
                }
            }
        }
    }
}
