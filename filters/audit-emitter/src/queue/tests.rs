use proptest::prelude::*;

use super::*;

fn record(number: u32, size: usize) -> QueuedRecord {
    QueuedRecord {
        json: format!("{number:0size$}"),
        class: "default".to_owned(),
        ..QueuedRecord::default()
    }
}

fn queue(max_records: usize, max_bytes: usize) -> Queue {
    Queue::new(QueueLimits {
        max_bytes,
        max_records,
    })
}

fn numbers(batch: &Batch) -> String {
    batch
        .records
        .iter()
        .map(|record| record.json.as_str())
        .collect()
}

/// As if it was sent: its number and its records.
fn send(queue: &mut Queue, max_records: usize, max_bytes: usize) -> Option<(u64, String)> {
    let batch = queue.next_batch(max_records, max_bytes, 1)?;
    batch.is_under_way = true;
    Some((batch.number, numbers(batch)))
}

#[test]
fn two_batches_stay_until_they_are_acknowledged_and_keep_their_order() {
    let one = record(0, 1).bytes();
    let mut queue = queue(10, 100 * one);
    for number in 0..6 {
        queue.push(record(number, 1), Priority::Normal).unwrap();
    }
    let (number, sent) = send(&mut queue, 2, 9 * one).unwrap();
    assert_eq!(sent, "01");
    let (second, sent) = send(&mut queue, 9, 0).unwrap();
    assert_eq!(sent, "2", "one record at least");
    assert_eq!(send(&mut queue, 2, 9 * one), None, "two at once");
    assert!(!queue.can_send());
    queue.retry(number);
    assert!(queue.can_send());
    let again = send(&mut queue, 9, 9 * one);
    assert_eq!(again, Some((number, "01".to_owned())), "the same again");
    assert_eq!(queue.finish(number).len(), 2);
    assert_eq!(queue.finish(number).len(), 0);
    assert_eq!(send(&mut queue, 2, 2 * one).unwrap().1, "34");
    assert_eq!(
        (queue.len(), queue.waiting(), queue.bytes()),
        (4, 1, 4 * one)
    );
    queue.retry(second);
    assert_eq!(send(&mut queue, 2, 2 * one).unwrap().1, "2");
    let left: String = queue
        .drain()
        .iter()
        .map(|record| record.json.as_str())
        .collect();
    assert_eq!(left, "2345");
    assert!(queue.is_empty() && queue.bytes() == 0 && queue.oldest_ns().is_none());
}

#[test]
fn who_matters_less_gives_way_first() {
    let control = QueuedRecord {
        kind: Kind::Control,
        ..record(0, 1)
    };
    let mut queue = queue(16, 1_000_000);
    let mut admitted = Vec::new();
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        while queue.push(record(0, 1), priority).is_ok() {}
        admitted.push(queue.len());
    }
    assert_eq!(admitted, [12, 15, 16]);
    queue.push(control, Priority::Control).unwrap();
}

proptest! {
    #[test]
    fn what_goes_in_comes_out_once_and_never_too_much_is_inside(
        steps in proptest::collection::vec((0_u8..6, 1_usize..40), 1..300),
    ) {
        let max_bytes = 16 * record(0, 20).bytes();
        let mut queue = queue(20, max_bytes);
        let (mut next, mut accepted, mut refused) = (0, 0, 0);
        let mut delivered: Vec<QueuedRecord> = Vec::new();
        let mut sent: Vec<u64> = Vec::new();
        for (step, size) in steps {
            match step {
                0..=2 => {
                    let mut offered = record(next, size);
                    if step == 2 { offered.kind = Kind::Control; }
                    next += 1;
                    let priority = [Priority::Low, Priority::High, Priority::Control][usize::from(step)];
                    match queue.push(offered, priority) {
                        Ok(()) => accepted += 1,
                        Err(_) => refused += 1,
                    }
                }
                3 => if let Some((number, _)) = send(&mut queue, size, max_bytes / 4)
                    && !sent.contains(&number)
                {
                    sent.push(number);
                }
                4 => if let Some(number) = sent.last() { queue.retry(*number) },
                _ => if let Some(number) = sent.pop() { delivered.extend(queue.finish(number)) },
            }
            prop_assert!(queue.bytes() <= max_bytes && queue.under_way() <= 2);
            prop_assert_eq!(accepted, delivered.len() + queue.len());
        }
        prop_assert_eq!(next as usize, accepted + refused);
        let left = queue.drain();
        let order: Vec<u32> = left.iter().map(|r| r.json.parse().unwrap()).collect();
        prop_assert!(order.windows(2).all(|pair| pair[0] < pair[1]));
        delivered.extend(left);
        let mut all: Vec<u32> = delivered.iter().map(|r| r.json.parse().unwrap()).collect();
        all.sort_unstable();
        prop_assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!(queue.bytes(), 0);
    }
}
