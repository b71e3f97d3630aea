//! Records that are lost, kept elsewhere or rejected, and what the chain says of them.

use super::*;

#[test]
fn what_is_lost_is_told_in_the_chain() {
    for (on_full, kept) in [("drop", None), ("log", Some("host_log"))] {
        let mut proxy = configured(Profile::Envoy, on_full);
        let collector = Collector::of(&mut proxy);
        collector.down.set(true);
        (0..30).for_each(|_| {
            get(&mut proxy, "/orders/1");
        });
        proxy.advance(Duration::from_secs(2));
        collector.down.set(false);
        proxy.advance(Duration::from_secs(40));
        assert_whole(&collector.texts.borrow());
        let gaps: Vec<_> = collector
            .controls()
            .into_iter()
            .filter_map(|control| match control {
                Control::Gap(lost) => Some(lost),
                _ => None,
            })
            .collect();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!((gaps[0].count, gaps[0].reason.as_str()), (12, "queue_full"));
        assert_eq!(gaps[0].kept.as_deref(), kept);
        assert_eq!(gaps[0].ranges.len(), usize::from(kept.is_some()));
        // With what is in the log, the chain has no gap at all.
        let mut everything = collector.texts.borrow().clone();
        everything.extend(logged(&proxy));
        assert_whole(&everything);
        let controls = collector.controls();
        let lost = controls.last().unwrap().statement().unwrap().lost.clone();
        assert_eq!(
            lost.get("queue_full").copied().unwrap_or(0),
            if kept.is_some() { 0 } else { 12 }
        );
    }
}

/// No later signature can vouch for records that have a gap after them.
#[test]
fn what_is_before_a_gap_is_signed() {
    let more = r#","queue":{"max_records":20,"on_full":"log"}"#;
    let mut proxy = signed(OTLP, more);
    let collector = Collector::of(&mut proxy);
    collector.down.set(true);
    for _ in 0..40 {
        get(&mut proxy, "/orders/1");
        proxy.host().process().advance(Duration::from_millis(20));
    }
    collector.down.set(false);
    proxy.advance(Duration::from_secs(40));
    let texts = collector.texts.borrow();
    assert_whole(&texts);
    let mut records: Vec<Record> = texts
        .iter()
        .map(|t| Record::check_text(t).unwrap())
        .collect();
    records.sort_by_key(|record| record.sequence);
    let before_gap: Vec<bool> = records
        .windows(2)
        .filter(|pair| pair[0].sequence + 1 < pair[1].sequence)
        .map(|pair| pair[0].signature.is_some())
        .collect();
    assert_eq!(before_gap, [true]);
    let signatures = records
        .iter()
        .filter(|record| record.signature.is_some())
        .count();
    assert!(signatures < 8, "{signatures}");
}

#[test]
fn a_collector_that_rejects_everything_is_not_told_of_it_for_ever() {
    let mut proxy = configured(Profile::Envoy, "log");
    let collector = Collector::of(&mut proxy);
    collector.status.set(400);
    get(&mut proxy, "/orders/1");
    proxy.advance(Duration::from_secs(600));
    assert_eq!(spilled(&proxy), 1);
    // A gap and a checkpoint for the request, then those and a heartbeat each minute.
    assert!(logged(&proxy).len() < 40, "{}", logged(&proxy).len());
    assert_whole(&logged(&proxy));
    collector.status.set(200);
    get_and_send(&mut proxy, "/orders/2");
    assert_whole(
        &collector
            .texts
            .borrow()
            .iter()
            .chain(&logged(&proxy))
            .cloned()
            .collect::<Vec<_>>(),
    );
}

/// The record that tells of a rejected batch may be rejected itself. The store must know of all that
/// it lacks, without the log.
#[test]
fn what_is_said_in_a_rejected_record_is_said_again() {
    for assurance in ["buffered", "synchronous"] {
        let more = format!(r#","assurance":"{assurance}","on_error":"allow""#);
        let mut proxy = signed(OTLP, &more);
        let collector = Collector::of(&mut proxy);
        get_and_send(&mut proxy, "/orders/1");
        collector.status.set(400);
        for _ in 0..3 {
            (0..20).for_each(|_| {
                get(&mut proxy, "/orders/2");
            });
            proxy.advance(Duration::from_secs(2));
        }
        // It takes records again, and first the next ones.
        collector.status.set(200);
        get_and_send(&mut proxy, "/orders/3");
        get_and_send(&mut proxy, "/orders/3");
        assert_whole(&collector.texts.borrow());
        let told: u64 = collector
            .controls()
            .iter()
            .filter_map(|control| match control {
                Control::Gap(lost) => Some(lost.count),
                _ => None,
            })
            .sum();
        let rejected = u64::try_from(spilled(&proxy)).unwrap();
        assert!(told >= rejected && rejected >= 60, "{told} of {rejected}");
    }
}

#[test]
fn sampling_leaves_out_only_what_went_well() {
    let configuration = r#"{"sink":"host_log","rules":[{"sample":"10%"}]}"#;
    let mut proxy = with_configuration(Profile::Envoy, configuration);
    for _ in 0..1_000 {
        get(&mut proxy, "/orders/1");
    }
    let kept = spilled(&proxy);
    assert!((50..200).contains(&kept), "{kept}");
    let left_out = metric(&proxy, "sampled_out_total;class=default");
    assert_eq!(usize::try_from(left_out).unwrap() + kept, 1_000);
    for _ in 0..50 {
        let denied = Decision::new("jwt-auth", Decided::Denied);
        proxy.run(
            &Request::get("/x").decisions(&[denied]),
            &Response::json("{}"),
        );
        proxy.run(&Request::get("/x"), &Response::new(404));
    }
    assert_eq!(spilled(&proxy), kept + 100);
    proxy.advance(Duration::from_secs(20));
    let statement = logged(&proxy).iter().rev().find_map(|text| {
        Record::check_text(text)
            .unwrap()
            .control?
            .statement()
            .cloned()
    });
    assert_eq!(
        statement.unwrap().sampled_out,
        u64::try_from(left_out).unwrap()
    );
}

#[test]
fn best_effort_gives_way_and_never_refuses() {
    let configuration = r#"{"sink":{"otlp_http":{"cluster":"c"}},"queue":{"max_records":100,"on_full":"reject"},
        "rules":[{"match":{"paths":["/bulk"]},"assurance":"best_effort"}]}"#;
    let mut proxy = with_configuration(Profile::Envoy, configuration);
    let collector = Collector::of(&mut proxy);
    collector.down.set(true);
    for _ in 0..200 {
        assert_eq!(get(&mut proxy, "/bulk"), 200);
    }
    assert_eq!(metric(&proxy, "lost_total;reason=queue_full"), 125);
    assert_eq!(get(&mut proxy, "/orders/1"), 200);
    assert_eq!(spilled(&proxy), 0);
}
