//! Batches: their encodings, their sizes, and how many are under way.

use super::*;

#[test]
fn a_part_that_is_not_taken_is_in_the_log() {
    for (encoding, response) in [
        // partial_success = 1 { rejected_log_records = 1 } is 1.
        ("protobuf", "\u{a}\u{2}\u{8}\u{1}"),
        ("json", r#"{"partialSuccess":{"rejectedLogRecords":"1"}}"#),
    ] {
        let configuration = format!(
            r#"{{"sink":{{"otlp_http":{{"cluster":"collector","encoding":"{encoding}"}}}}}}"#
        );
        let mut proxy = with_configuration(Profile::Envoy, &configuration);
        let collector = Collector::of(&mut proxy);
        collector.body.replace(response.to_owned());
        get(&mut proxy, "/orders/1");
        proxy.advance(Duration::from_secs(1));
        assert_eq!(spilled(&proxy), 1, "{encoding}");
        assert_eq!(metric(&proxy, "batches_total;result=rejected"), 1);
        assert_eq!(metric(&proxy, "spilled_total;reason=rejected"), 3);
    }
}

/// What a collector routes by, and the records, are the same in both.
#[test]
fn both_encodings_of_otlp_say_the_same() {
    let sent = |encoding: &str| {
        let configuration = format!(
            r#"{{"sink":{{"otlp_http":{{"cluster":"collector","encoding":"{encoding}"}}}},"rules":[{{"match":{{"paths":["/patients/**"]}},"retention":{{"class":"hipaa"}}}}]}}"#
        );
        let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
        proxy.host().set_random_seed(7);
        proxy.configure(configuration).unwrap();
        let collector = Collector::of(&mut proxy);
        for path in ["/patients/7", "/orders/\"é\\", "/orders/1"] {
            let request = Request::get(path).header(
                "traceparent",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            );
            proxy.run(&request, &Response::json("{}"));
        }
        proxy.advance(Duration::from_secs(2));
        let logs = collector.logs.borrow();
        let logs = logs.iter().map(|log| {
            let names = [
                "timeUnixNano",
                "severityNumber",
                "eventName",
                "body",
                "attributes",
                "traceId",
                "spanId",
            ];
            names
                .map(|name| {
                    log.member(name)
                        .map(ToString::to_string)
                        .unwrap_or_default()
                })
                .map(|text| if text == "\"\"" { String::new() } else { text })
                // The configuration is another, and with it the first record of each chain and all hashes.
                .map(|text| {
                    if text.contains("stringValue") && text.contains("fingerprint") {
                        String::new()
                    } else {
                        text
                    }
                })
        });
        let logs: Vec<_> = logs.collect();
        (logs, collector.paths())
    };
    let (protobuf, paths) = sent("protobuf");
    assert!(protobuf.len() >= 5, "{protobuf:?}");
    assert_eq!((protobuf, paths), sent("json"));
}

#[test]
fn what_is_too_large_is_sent_in_pieces() {
    let mut proxy = configured(Profile::Envoy, "log");
    let collector = Collector::of(&mut proxy);
    collector.status.set(413);
    (0..8).for_each(|_| {
        get(&mut proxy, "/orders/1");
    });
    proxy.advance(Duration::from_secs(1));
    assert_eq!(collector.records().len(), 0);
    assert!(metric(&proxy, "batches_total;result=split") > 2);
    // Down to single records, which then are in the log.
    assert_eq!(spilled(&proxy), 8);
    collector.status.set(200);
    get(&mut proxy, "/orders/9");
    proxy.advance(Duration::from_secs(3));
    let mut everything = collector.texts.borrow().clone();
    everything.extend(logged(&proxy));
    assert_whole(&everything);
    assert_eq!(requests_in(&everything).len(), 9);
}

#[test]
fn at_most_two_batches_are_under_way_and_one_that_hangs_is_sent_again_as_it_was() {
    let configuration = r#"{"sink":{"otlp_http":{"cluster":"collector","timeout":"1s"}},"batch":{"max_records":2,"max_delay":"100ms"}}"#;
    let mut proxy = with_configuration(Profile::Envoy, configuration);
    let collector = Collector::of(&mut proxy);
    collector.hangs.set(true);
    for number in 0..20 {
        get(&mut proxy, &format!("/orders/{number}"));
        proxy.advance(Duration::from_millis(200));
        assert!(
            proxy.host().pending_calls().len() <= 2 + 2 * usize::try_from(number / 15).unwrap()
        );
    }
    collector.hangs.set(false);
    proxy.advance(Duration::from_secs(60));
    let paths = collector.paths();
    let mut distinct = paths;
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 20);
    assert_whole(&collector.texts.borrow());
    let mut keys = collector.keys.borrow().clone();
    assert!(
        keys.iter()
            .all(|key| key.starts_with('"') && key.ends_with('"'))
    );
    let sent = keys.len();
    keys.sort();
    keys.dedup();
    assert!(keys.len() <= sent);
}

#[test]
fn all_forms_carry_the_same_records() {
    for sink in ["otlp_http", "ndjson_http", "cloudevents_http"] {
        let sink = format!(r#"{{"{sink}":{{"cluster":"collector"}}}}"#);
        let mut proxy = signed(&sink, "");
        let collector = Collector::of(&mut proxy);
        get_and_send(&mut proxy, "/orders/1");
        let texts = collector.texts.borrow();
        assert_whole(&texts);
        assert_eq!((texts.len(), requests_in(&texts).len()), (3, 1), "{sink}");
    }
}
