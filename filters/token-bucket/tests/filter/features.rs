//! Windows, responses, headers, bypasses, modes and hosts, in a host in memory.

use std::time::Duration;

use host::fake::{FakeHost, Outcome, Process, Profile, Proxy, Response};
use host::{Host as _, Status};
use token_bucket::TokenBucket;

use crate::bed::{counted, from, limit, passed, proxy, run, status, worker};

#[test]
fn several_windows_are_one_limit() {
    let two = limit(r#""windows":[{"rate":"10/s","burst":2},{"rate":"3/h"}]"#);
    for profile in Profile::ALL {
        let mut proxy = proxy(profile, &two);
        let client = from("192.0.2.1");
        assert_eq!(status(&mut proxy, &client), 200);
        assert_eq!(status(&mut proxy, &client), 200);
        let refused = run(&mut proxy, &client);
        assert_eq!(refused.client().header("retry-after").as_deref(), Some("1"));
        let limits = refused.client().header("x-ratelimit-limit");
        assert_eq!(
            limits.as_deref(),
            Some(r#"2, 2;w=1;name="l", 3;w=3600;name="l:2""#),
            "the windows"
        );
        proxy.advance(Duration::from_secs(1));
        assert_eq!(status(&mut proxy, &client), 200);
        let refused = run(&mut proxy, &client);
        assert_eq!(refused.client().status(), Some(429), "the hour is used up");
        let wait: u64 = refused
            .client()
            .header("retry-after")
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(wait, 1_199);
        proxy.advance(Duration::from_secs(wait - 1));
        assert_eq!(status(&mut proxy, &client), 429);
        proxy.advance(Duration::from_secs(1));
        assert_eq!(status(&mut proxy, &client), 200, "Retry-After is true");
    }
}

/// 10,000 requests over four workers, at one moment, with odd rates: exactly the burst.
#[test]
fn odd_rates_are_exact_over_workers() {
    let process = Process::new(Profile::Envoy);
    let odd = limit(r#""rate":"7/s","burst":21"#);
    let mut workers: Vec<Proxy> = (0..4).map(|_| worker(&process, &odd)).collect();
    let mut admitted = 0;
    for number in 0..2_000_usize {
        admitted += u32::from(status(&mut workers[number % 4], &from("192.0.2.1")) == 200);
        if number % 20 == 19 {
            process.advance(Duration::from_millis(100));
        }
    }
    assert_eq!(admitted, 21 + 69, "9.9 s at 7/s, after the burst");
}

#[test]
fn the_refusing_limit_is_named_and_the_longest_wait_is_told() {
    let both = r#"{"limits":[
        {"name":"short","key":["ip"],"rate":"1/s","burst":1},
        {"name":"long","key":["ip"],"rate":"1/min","burst":1},
        {"name":"free","key":["ip"],"rate":"9/s"}]}"#;
    let mut proxy = proxy(Profile::Envoy, both);
    assert_eq!(status(&mut proxy, &from("192.0.2.1")), 200);
    let refused = run(&mut proxy, &from("192.0.2.1"));
    assert!(refused.client().text().contains(r#""limit":"long""#));
    assert_eq!(
        refused.client().header("retry-after").as_deref(),
        Some("60")
    );
    assert!(refused.logged("by limit long: rate_limited"));
    assert_eq!(refused.decisions()[0].rule.as_deref(), Some("long"));
    // What passes is counted with the tick.
    proxy.tick();
    let counts =
        |limit: &str, outcomes: [&str; 2]| outcomes.map(|outcome| counted(&proxy, limit, outcome));
    assert_eq!(counts("short", ["admitted", "refused"]), [1, 1]);
    assert_eq!(counts("long", ["admitted", "refused"]), [1, 1]);
    assert_eq!(counts("free", ["admitted", "refused"]), [1, 0]);
}

#[test]
fn grpc_callers_get_a_grpc_status_whatever_is_written() {
    let own = limit(r#""rate":"1/h","refusal":{"status":503,"body":"no"}"#);
    let mut proxy = proxy(Profile::Envoy, &own);
    let call = from("192.0.2.1").header("content-type", "application/grpc");
    assert_eq!(status(&mut proxy, &call), 200);
    let refused = run(&mut proxy, &call);
    let reply = refused.local_reply.unwrap();
    assert_eq!(reply.grpc_status, 8, "RESOURCE_EXHAUSTED");
    assert!(String::from_utf8_lossy(&reply.body).contains("The limit"));
}

#[test]
fn the_response_can_be_written_by_the_user() {
    let own = r#"{"refusal":{"status":503,"headers":{"X-Envoy-RateLimited":"true"}},"limits":[
        {"name":"a","key":["header:x-a"],"on_missing_key":"skip","rate":"1/h"},
        {"name":"b","key":["header:x-b"],"on_missing_key":"skip","rate":"1/h",
         "refusal":{"body":"{\"error\":\"slow\"}","content_type":"application/json"}}]}"#;
    let mut proxy = proxy(Profile::Envoy, own);
    let (a, b) = (
        from("192.0.2.1").header("x-a", "1"),
        from("192.0.2.1").header("x-b", "1"),
    );
    assert_eq!((status(&mut proxy, &a), status(&mut proxy, &b)), (200, 200));
    let refused = run(&mut proxy, &a);
    assert_eq!(refused.client().status(), Some(503));
    assert_eq!(
        refused.client().header("x-envoy-ratelimited").as_deref(),
        Some("true")
    );
    assert_eq!(
        refused.client().header("retry-after").as_deref(),
        Some("3600")
    );
    assert!(refused.client().text().contains("rate_limited"));
    let refused = run(&mut proxy, &b);
    assert_eq!(refused.client().status(), Some(429));
    assert_eq!(refused.client().text(), r#"{"error":"slow"}"#);
    assert_eq!(
        refused.client().header("content-type").as_deref(),
        Some("application/json")
    );
    assert_eq!(refused.client().header("x-envoy-ratelimited"), None);
}

#[test]
fn headers_of_the_new_style_or_none() {
    let base = limit(r#""rate":"2/min""#);
    let styled =
        |style: &str| base.replace("\"limits\"", &format!("\"headers\":\"{style}\",\"limits\""));
    let mut new = proxy(Profile::Envoy, &styled("ietf-10"));
    let seen = |outcome: &Outcome| {
        let header = |name: &str| outcome.client().header(name).unwrap_or_default();
        (header("ratelimit-policy"), header("ratelimit"))
    };
    let policy = || r#""l";q=2;w=60"#.to_owned();
    let outcome = run(&mut new, &from("192.0.2.1"));
    assert_eq!(seen(&outcome), (policy(), r#""l";r=1;t=30"#.to_owned()));
    run(&mut new, &from("192.0.2.1"));
    new.advance(Duration::from_millis(500));
    let outcome = run(&mut new, &from("192.0.2.1"));
    assert_eq!(seen(&outcome), (policy(), r#""l";r=0;t=30"#.to_owned()));
    assert_eq!(
        outcome.client().header("retry-after").as_deref(),
        Some("30")
    );
    let upstream = Response::json("{}")
        .header("ratelimit-policy", "\"up\";q=5")
        .header("ratelimit", "\"up\";r=1;t=9");
    let outcome = new.run(&from("192.0.2.2"), &upstream);
    let both = (
        r#""up";q=5, "l";q=2;w=60"#.to_owned(),
        r#""up";r=1;t=9, "l";r=1;t=30"#.to_owned(),
    );
    assert_eq!(seen(&outcome), both);
    let mut none = proxy(Profile::Envoy, &styled("none"));
    let outcome = run(&mut none, &from("192.0.2.1"));
    assert!(
        outcome
            .client()
            .headers
            .as_ref()
            .unwrap()
            .iter()
            .all(|(name, _)| { !String::from_utf8_lossy(name).contains("ratelimit") })
    );
}

#[test]
fn a_secret_header_opens_and_goes_no_further() {
    let configuration = limit(r#""rate":"1/h""#).replace(
        "\"limits\"",
        r#""bypass":{"headers":[{"name":"x-pass","secret_env":"PASS"}]},"limits""#,
    );
    let mut proxy = Proxy::native::<TokenBucket>(Profile::Envoy);
    let refused = proxy.configure(&configuration).unwrap_err();
    assert!(
        refused.text().contains(r#""PASS" is not set"#),
        "{}",
        refused.text()
    );
    proxy
        .host()
        .set_environment_variable("PASS", "open sesame please");
    proxy.configure(&configuration).unwrap();
    for _ in 0..5 {
        let outcome = run(
            &mut proxy,
            &from("192.0.2.1").header("x-pass", "open sesame please"),
        );
        assert_eq!(outcome.client().status(), Some(200));
        assert_eq!(outcome.upstream().header("x-pass"), None);
    }
    let wrong = from("192.0.2.1").header("x-pass", "open sesame pleasE");
    let outcome = run(&mut proxy, &wrong);
    assert_eq!(outcome.upstream().header("x-pass"), None);
    assert_eq!(status(&mut proxy, &wrong), 429);
    assert_eq!(
        proxy.host().metric("meshward.token-bucket.bypassed_total"),
        5
    );
    let logs = proxy.host().logs();
    assert!(logs.iter().all(|line| !line.text.contains("sesame")));
}

#[test]
fn report_mode_changes_nothing_and_counts_what_would_be() {
    let whole = r#"{"mode":"report","limits":[
        {"name":"wide","key":["constant"],"rate":"1/h","burst":3},
        {"name":"narrow","key":["ip"],"on_missing_key":"deny","rate":"1/h","burst":1}]}"#;
    let mut proxy = proxy(Profile::Envoy, whole);
    for number in 0..20 {
        let outcome = run(&mut proxy, &from("192.0.2.1"));
        assert_eq!(outcome.client().status(), Some(200));
        assert_eq!(outcome.client().header("x-ratelimit-limit"), None);
        let reported = outcome
            .decisions()
            .iter()
            .any(|decision| decision.report_only);
        assert_eq!(reported, number > 0);
    }
    run(&mut proxy, &from("192.0.2.2"));
    run(&mut proxy, &from("nobody"));
    proxy.tick();
    let counts =
        |limit: &str, outcomes: [&str; 2]| outcomes.map(|outcome| counted(&proxy, limit, outcome));
    // As it would be: what narrow refuses is not charged to wide.
    assert_eq!(counts("narrow", ["admitted", "reported"]), [2, 20]);
    assert_eq!(counts("wide", ["admitted", "reported"]), [2, 0]);
}

/// The mode of the filter is the default of its limits, and no more than that.
#[test]
fn a_limit_enforces_in_a_filter_that_reports_and_reports_in_one_that_enforces() {
    for (filter, acting, watching) in [
        ("report", r#""mode":"enforce","#, ""),
        ("enforce", "", r#""mode":"report","#),
    ] {
        let configuration = format!(
            r#"{{"mode":"{filter}","limits":[
                {{"name":"acts","key":["constant"],{acting}"rate":"1/h","burst":3}},
                {{"name":"watches","key":["ip"],{watching}"rate":"1/h","burst":1}}]}}"#
        );
        let mut proxy = proxy(Profile::Envoy, &configuration);
        let responses: Vec<u16> = (0..5)
            .map(|_| status(&mut proxy, &from("192.0.2.1")))
            .collect();
        assert_eq!(responses, [200, 200, 200, 429, 429], "{filter}");
    }
}

#[test]
fn buckets_start_empty_if_so_configured() {
    let empty =
        limit(r#""rate":"1/s","burst":3"#).replace("\"limits\"", r#""start":"empty","limits""#);
    let process = Process::new(Profile::Envoy);
    let mut first = worker(&process, &empty);
    assert_eq!(status(&mut first, &from("192.0.2.1")), 429);
    process.advance(Duration::from_secs(2));
    // A worker that comes later does not begin anew.
    let mut second = worker(&process, &empty);
    let admitted = passed(&mut second, 9, |_| from("192.0.2.1"));
    assert_eq!(admitted, 2);
    process.advance(Duration::from_secs(60));
    let admitted = passed(&mut first, 9, |_| from("192.0.2.2"));
    assert_eq!(admitted, 3);
}

#[test]
fn damaged_shared_data_gives_nothing_away_and_heals() {
    let configuration = limit(r#""rate":"1/s","burst":5"#);
    for profile in [Profile::Envoy, Profile::Kong] {
        let process = Process::new(profile);
        let mut proxy = worker(&process, &configuration);
        let vandal = FakeHost::in_process(&process);
        let client = from("192.0.2.1");
        for damage in [
            &b""[..],
            b"x",
            &[0; 32],
            &[2, 1, 0, 0, 0, 0, 0, 0],
            &[0xff; 4096],
        ] {
            process.advance(Duration::from_secs(30));
            assert_eq!(status(&mut proxy, &client), 200);
            for (key, value) in process.shared_data() {
                if !key.ends_with("/seed") {
                    vandal
                        .set_shared_data(&key, damage, Some(value.cas))
                        .unwrap();
                }
            }
            let admitted = passed(&mut proxy, 20, |_| client.clone());
            assert_eq!(admitted, 0, "{profile:?} {damage:?}");
            process.advance(Duration::from_secs(3));
            let admitted = passed(&mut proxy, 20, |_| client.clone());
            assert_eq!(admitted, 3, "it fills at its rate");
        }
        let corrupt = "meshward.token-bucket.corrupt_total;limit=l";
        assert_eq!(proxy.host().metric(corrupt), 5);
        let keys = process.shared_data().len();
        assert_eq!(keys, 2, "one set and the seed");
        // A seed that is something else: this worker would count apart from the others.
        let seed = process.shared_data()["meshward/token-bucket/seed"].cas;
        vandal
            .set_shared_data("meshward/token-bucket/seed", b"short", Some(seed))
            .unwrap();
        let mut late = Proxy::native_worker::<TokenBucket>(&process);
        let refused = late.configure(&configuration).unwrap_err();
        assert!(
            refused.text().contains("something else under"),
            "{}",
            refused.text()
        );
    }
}

#[test]
fn shared_data_that_fails_at_the_start_is_no_reason_to_count_apart() {
    let mut proxy = Proxy::native::<TokenBucket>(Profile::Envoy);
    proxy
        .host()
        .fail("proxy_get_shared_data", Status::InternalFailure);
    let refused = proxy.configure(limit(r#""rate":"1/s""#)).unwrap_err();
    assert!(
        refused.text().contains("shared data does not work"),
        "{}",
        refused.text()
    );
    // A host that says it has none is another matter.
    proxy
        .host()
        .fail("proxy_get_shared_data", Status::Unimplemented);
    proxy.configure(limit(r#""rate":"1/s""#)).unwrap();
    assert_eq!(
        proxy.host().metric("meshward.token-bucket.unshared_total"),
        1
    );
}

#[test]
fn filters_of_different_names_count_apart() {
    let process = Process::new(Profile::Envoy);
    let named = |name: &str| {
        let mut proxy = Proxy::native_worker::<TokenBucket>(&process);
        proxy.host().set_attribute(&["plugin_name"], name);
        proxy.configure(limit(r#""rate":"1/h""#)).unwrap();
        proxy
    };
    let (mut a, mut b, mut again) = (named("a"), named("b"), named("a"));
    assert_eq!(status(&mut a, &from("192.0.2.1")), 200);
    assert_eq!(status(&mut again, &from("192.0.2.1")), 429);
    assert_eq!(status(&mut b, &from("192.0.2.1")), 200);
}

#[test]
fn the_zone_of_nginx_hosts_begins_every_key() {
    let zoned =
        limit(r#""rate":"1/s""#).replace("\"limits\"", r#""table":{"zone":"limits"},"limits""#);
    let mut proxy = proxy(Profile::Kong, &zoned);
    status(&mut proxy, &from("192.0.2.1"));
    let keys: Vec<String> = proxy.host().all_shared_data().into_keys().collect();
    assert_eq!(keys.len(), 2);
    assert!(
        keys.iter()
            .all(|key| key.starts_with("limits/meshward/token-bucket/")),
        "{keys:?}"
    );
}

#[test]
fn any_number_of_clients_leaves_the_same_number_of_keys() {
    let small = r#"{"limits":[{"name":"l","key":["header:x-client"],"rate":"1/min"}],"table":{"slots":64}}"#;
    let mut proxy = proxy(Profile::Envoy, small);
    for number in 0..3_000 {
        let request = from("192.0.2.1").header("x-client", format!("client-{number}"));
        run(&mut proxy, &request);
    }
    let data = proxy.host().all_shared_data();
    assert_eq!(data.len(), 1 + 64 / 16);
    assert!(
        data.iter().all(
            |(key, value)| key.len() < 100 && value.bytes.len() <= 16 + 16 * 16 + 4 * (8 + 128)
        )
    );
    assert!(data.keys().all(|key| !key.contains("client-")));
    assert!(
        proxy
            .host()
            .metric("meshward.token-bucket.overflow_total;limit=l")
            > 0
    );
}

#[test]
fn spoofed_chains_do_not_choose_the_client() {
    let behind = limit(r#""rate":"1/h""#).replace("\"limits\"", r#""trusted_hops":2,"limits""#);
    let mut proxy = proxy(Profile::Envoy, &behind);
    let chain = |text: &str| from("10.0.0.1").header("x-forwarded-for", text);
    assert_eq!(status(&mut proxy, &chain("192.0.2.1, 10.0.0.2")), 200);
    for text in [
        "198.51.100.1, 192.0.2.1, 10.0.0.2",
        "evil, 192.0.2.1 ,10.0.0.2",
        ",,,192.0.2.1:80,x",
        "[::1]:7, 192.0.2.1, ",
    ] {
        assert_eq!(status(&mut proxy, &chain(text)), 429, "{text}");
    }
    // Too short, or no address: all of these are one client.
    assert_eq!(status(&mut proxy, &chain("192.0.2.9")), 200);
    for text in [
        "",
        "10.0.0.2",
        "nobody, 10.0.0.2",
        "1.2.3.4.5, x",
        "fe80::1%eth0, x",
    ] {
        assert_eq!(status(&mut proxy, &chain(text)), 429, "{text}");
    }
    // Several headers are one chain.
    let split = from("10.0.0.1")
        .header("x-forwarded-for", "192.0.2.77")
        .header("x-forwarded-for", "192.0.2.1, 10.0.0.2");
    assert_eq!(status(&mut proxy, &split), 429);
}

/// What an ordinary request costs in calls of the host, each of which leaves the VM: the address, the
/// bucket read and written, what the filters after this one are told, and the headers of the response.
#[test]
fn an_ordinary_request_takes_no_more_host_calls_than_it_needs() {
    let calls = |headers: &str| {
        let configuration = limit(r#""rate":"9/s""#)
            .replace("\"limits\"", &format!(r#""headers":"{headers}","limits""#));
        let mut proxy = proxy(Profile::Envoy, &configuration);
        run(&mut proxy, &from("192.0.2.1"));
        let names = [
            "proxy_get_property",
            "proxy_get_shared_data",
            "proxy_set_shared_data",
            "proxy_set_property",
            "proxy_get_header_map_value",
            "proxy_replace_header_map_value",
            "proxy_get_header_map_pairs",
            "proxy_remove_header_map_value",
            "proxy_add_header_map_value",
            "proxy_define_metric",
            "proxy_increment_metric",
            "proxy_log",
        ];
        let count = |proxy: &Proxy| names.map(|name| proxy.host().times_called(name));
        let before = count(&proxy);
        run(&mut proxy, &from("192.0.2.1"));
        let after = count(&proxy);
        let made = names.iter().zip(before.into_iter().zip(after));
        made.filter(|(_, (before, after))| after > before)
            .map(|(name, (before, after))| format!("{name} {}", after - before))
            .collect::<Vec<_>>()
    };
    let bucket = [
        "proxy_get_property 1",
        "proxy_get_shared_data 1",
        "proxy_set_shared_data 1",
        "proxy_set_property 1",
    ];
    assert_eq!(calls("none"), bucket);
    let told = [
        "proxy_get_header_map_value 1",
        "proxy_replace_header_map_value 3",
    ];
    assert_eq!(calls("x-ratelimit"), [&bucket[..], &told].concat());
}
