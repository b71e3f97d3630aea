//! Instances that end, and instances that take over from them.

use super::*;

#[test]
fn what_was_taken_over_and_is_rejected_is_told_by_who_took_it_over() {
    let configuration = crate::support::COLLECTOR.replace("ON_FULL", "log");
    let process = Process::new(Profile::Envoy);
    let mut old = worker(&process, 1, &configuration);
    let collector = Collector::of(&mut old);
    collector.status.set(400);
    get_and_send(&mut old, "/orders/1");
    collector.down.set(true);
    get_and_send(&mut old, "/orders/1");
    let mut new = worker(&process, 2, &configuration);
    collector.serve(&mut new);
    get(&mut new, "/patients/2");
    assert!(old.shut_down());
    // What was left is rejected too, before there is a chain of its class here.
    collector.down.set(false);
    new.advance(Duration::from_secs(40));
    collector.status.set(200);
    get(&mut new, "/orders/3");
    new.advance(Duration::from_secs(40));
    get(&mut new, "/orders/3");
    new.advance(Duration::from_secs(80));
    let texts = collector.texts.borrow();
    let of_the_old: Vec<_> = logged(&old)
        .iter()
        .chain(&logged(&new))
        .map(|text| Record::check_text(text).unwrap())
        .filter(|record| texts.iter().all(|text| !text.contains(&record.chain_uid)))
        .collect();
    // Not a record of the old chain is in the store, and every one of them is told of there.
    let told: Vec<_> = collector
        .controls()
        .into_iter()
        .filter_map(|control| match control {
            Control::Gap(lost) if lost.chain_uid.is_some() => Some(lost),
            _ => None,
        })
        .collect();
    assert!(!told.is_empty());
    for record in of_the_old {
        let is_told = told.iter().any(|lost| {
            lost.chain_uid.as_ref() == Some(&record.chain_uid)
                && lost
                    .ranges
                    .iter()
                    .any(|range| (range.0..=range.1).contains(&record.sequence))
        });
        assert!(is_told, "{}:{}", record.chain_uid, record.sequence);
    }
}

#[test]
fn who_goes_on_takes_over_what_waits() {
    let before = crate::support::COLLECTOR.replace("ON_FULL", "log");
    for after in [before.replace("6y", "7y"), before.clone()] {
        let process = Process::new(Profile::Envoy);
        let mut old = worker(&process, 1, &before);
        let collector = Collector::of(&mut old);
        collector.down.set(true);
        (0..5).for_each(|_| {
            get(&mut old, "/orders/1");
        });
        old.advance(Duration::from_secs(20));
        let mut new = worker(&process, 2, &after);
        collector.serve(&mut new);
        get(&mut new, "/orders/2");
        assert!(old.shut_down());
        assert_eq!(logged(&old).len() + logged(&new).len(), 0);
        collector.down.set(false);
        new.advance(Duration::from_secs(40));
        let texts = collector.texts.borrow().clone();
        assert_whole(&texts);
        assert_eq!(requests_in(&texts).len(), 6);
        let controls = collector.controls();
        let closed = |reason: &str| {
            let closed = |control: &&Control| matches!(control, Control::Close { reason: r, .. } if r == reason);
            controls.iter().filter(closed).count()
        };
        assert_eq!((closed("replaced"), closed("shutdown")), (1, 0));
        let changed = kinds(&controls).contains(&"config_change");
        assert_eq!(changed, after != before);
        assert_eq!(metric(&new, "handed_over_total"), 8);
        assert_eq!(metric(&new, "queue_records"), 0);
        assert!(new.shut_down());
        assert_whole(&[texts, logged(&new)].concat());
    }
}

#[test]
fn whoever_is_the_last_writes_down_everything() {
    // Three workers end one after the other, in any order, as at the end of a proxy.
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let process = Process::new(Profile::Envoy);
        let configuration = crate::support::COLLECTOR.replace("ON_FULL", "log");
        let mut workers: Vec<Proxy> = (1..=3)
            .map(|seed| worker(&process, seed, &configuration))
            .collect();
        // A worker that saw no request, and one of another listener with another configuration.
        let mut idle = worker(&process, 9, &configuration);
        workers[1]
            .configure(configuration.replace("6y", "7y"))
            .unwrap();
        let collector = Collector::default();
        collector.down.set(true);
        for worker in &mut workers {
            collector.serve(worker);
            get(worker, "/orders/1");
        }
        for index in order {
            assert!(workers[index].shut_down());
        }
        assert!(idle.shut_down());
        let texts: Vec<String> = workers.iter().flat_map(logged).collect();
        assert_eq!(assert_whole(&texts), 0);
        assert_eq!(requests_in(&texts).len(), 3, "{order:?}");
        let last = logged(&workers[order[2]]);
        assert_eq!(last.len(), texts.len());
    }
}

#[test]
fn a_worker_that_has_trapped_is_not_waited_for() {
    let process = Process::new(Profile::Envoy);
    let configuration = crate::support::COLLECTOR.replace("ON_FULL", "log");
    let mut trapped = worker(&process, 1, &configuration);
    get(&mut trapped, "/orders/1");
    let mut last = worker(&process, 2, &configuration);
    let collector = Collector::of(&mut last);
    collector.down.set(true);
    get(&mut last, "/orders/2");
    last.advance(Duration::from_secs(10));
    assert!(last.shut_down());
    assert_eq!(requests_in(&logged(&last)).len(), 1);
}

#[test]
fn a_chain_goes_on_from_one_that_was_left() {
    let process = Process::new(Profile::Envoy);
    let configuration = crate::support::COLLECTOR.replace("ON_FULL", "log");
    let mut old = worker(&process, 1, &configuration);
    let collector = Collector::of(&mut old);
    let changed = configuration.replace("6y", "7y");
    let mut new = worker(&process, 2, &changed);
    collector.serve(&mut new);
    get(&mut new, "/patients/1");
    get(&mut old, "/orders/1");
    assert!(old.shut_down());
    new.advance(Duration::from_secs(2));
    get_and_send(&mut new, "/orders/2");
    assert_whole(&collector.texts.borrow());
    let controls = collector.controls();
    let predecessors = controls.iter().filter_map(|control| match control {
        Control::Open { predecessor, .. } => predecessor.clone(),
        _ => None,
    });
    let predecessors: Vec<_> = predecessors.collect();
    assert_eq!(predecessors.len(), 1);
    let texts = collector.texts.borrow();
    let left = texts.iter().map(|text| Record::check_text(text).unwrap());
    let left: Vec<_> = left
        .filter(|record| record.chain_uid == predecessors[0].chain_uid)
        .collect();
    assert!(
        left.iter()
            .any(|record| record.fingerprint == predecessors[0].fingerprint)
    );
    let opened = controls.iter().any(|control| {
        matches!(control, Control::Open { config_sha256, .. } if *config_sha256 == Hash::configuration(&changed))
    });
    assert!(opened);
}

#[test]
fn at_the_end_everything_is_in_the_log_and_closed() {
    for witness in ["", "x"] {
        let mut proxy = if witness.is_empty() {
            configured(Profile::Envoy, "log")
        } else {
            signed(OTLP, "")
        };
        let collector = Collector::of(&mut proxy);
        collector.down.set(true);
        (0..5).for_each(|_| {
            get(&mut proxy, "/orders/1");
        });
        proxy.advance(Duration::from_secs(5));
        assert!(proxy.shut_down());
        let texts = logged(&proxy);
        assert_eq!(assert_whole(&texts), 0);
        assert_eq!(requests_in(&texts).len(), 5);
        let last = Record::check_text(texts.last().unwrap()).unwrap();
        let Some(Control::Close { statement, reason }) = last.control else {
            panic!()
        };
        assert_eq!((statement.records, reason.as_str()), (5, "shutdown"));
        assert_eq!(metric(&proxy, "queue_bytes"), 0);
    }
    // A VM that saw no traffic, of which a host makes several, says nothing.
    let mut proxy = configured(Profile::Envoy, "log");
    assert!(proxy.shut_down());
    assert_eq!(logged(&proxy).len(), 0);
}
