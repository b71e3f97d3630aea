//! Whose bucket a request counts in, whatever a client writes.

use host::fake::{AnyCall, CallResponse, Process, Profile, Proxy, Request};
use token_bucket::TokenBucket;

use crate::bed::{counted, from, passed, proxy, run, status};

fn by(key: &str) -> String {
    format!(
        r#"{{"limits":[{{"name":"l","key":[{key}],"on_missing_key":"deny","rate":"1/day","burst":3}}]}}"#
    )
}

/// Whatever a client adds to its key, it gets its three requests a day and not one more.
#[test]
fn no_repetition_of_a_key_gives_a_fresh_bucket() {
    let header = |lines: &[&str]| {
        lines.iter().fold(from("192.0.2.1"), |request, line| {
            request.header("x-api-key", *line)
        })
    };
    let cookie = |lines: &[&str]| {
        lines.iter().fold(from("192.0.2.1"), |request, line| {
            request.header("cookie", *line)
        })
    };
    let at = |path: String| Request::get(&path).attribute(&["source", "address"], "192.0.2.1:4711");
    type Attempt = Box<dyn Fn(usize) -> Request>;
    let attempts: [(&str, Attempt); 12] = [
        (
            r#""query:user""#,
            Box::new(move |n| {
                at(format!("/?user=junk-{n}")).header("x-original-url", "/?user=mine")
            }),
        ),
        (
            r#""query:user""#,
            Box::new(move |n| at(format!("/%3fuser=mine%26?user=junk-{n}"))),
        ),
        (
            r#""header:x-api-key""#,
            Box::new(move |n| header(&["mine", &format!("junk-{n}")])),
        ),
        (
            r#""header:x-api-key""#,
            Box::new(move |n| header(&[&format!("junk-{n}"), "mine"])),
        ),
        (
            r#""header:x-api-key""#,
            Box::new(move |n| header(&[&" ".repeat(n), "mine", &format!("j{n}")])),
        ),
        (
            r#""header:x-api-key""#,
            Box::new(move |n| header(&["mine"]).header("x_api_key", format!("junk-{n}"))),
        ),
        (
            r#""cookie:id""#,
            Box::new(move |n| cookie(&[&format!("id=mine; id=junk-{n}")])),
        ),
        (
            r#""cookie:id""#,
            Box::new(move |n| cookie(&[&format!("id=junk-{n}"), "id=mine"])),
        ),
        (
            r#""query:user""#,
            Box::new(move |n| at(format!("/?user=mine&user=junk-{n}"))),
        ),
        (
            r#""query:user""#,
            Box::new(move |n| at(format!("/?user=junk-{n}&us%65r=min%65"))),
        ),
        (
            r#""query:user""#,
            Box::new(move |n| at(format!("/?user=mine;x={n}"))),
        ),
        (
            r#""query:user""#,
            Box::new(move |n| at(format!("/?user[]=mine&user[]=junk-{n}"))),
        ),
    ];
    for (key, attempt) in attempts {
        let mut proxy = proxy(Profile::Envoy, &by(key));
        let passed = passed(&mut proxy, 12, &attempt);
        assert_eq!(passed, 3, "{key}");
    }
}

/// To upstreams that make variables of headers, `x_api_key` is `x-api-key`.
#[test]
fn a_key_in_a_name_that_folds_alike_counts() {
    let mut proxy = proxy(Profile::Envoy, &by(r#""header:x-api-key""#));
    for (name, expected) in [
        ("x-api-key", 200),
        ("x_api_key", 200),
        ("x.api_key", 200),
        ("x_api-key", 429),
        ("x-api-key", 429),
    ] {
        let request = from("192.0.2.1").header(name, "mine");
        assert_eq!(status(&mut proxy, &request), expected, "{name}");
    }
}

#[test]
fn more_values_than_anybody_needs_are_refused() {
    for (mode, expected) in [("enforce", 400), ("report", 200)] {
        let configuration = by(r#""header:x-api-key""#)
            .replace("\"limits\"", &format!(r#""mode":"{mode}","limits""#));
        let mut proxy = proxy(Profile::Envoy, &configuration);
        let request = (0..1_000).fold(from("192.0.2.1"), |request, n| {
            request.header("x-api-key", format!("key-{n}"))
        });
        let outcome = run(&mut proxy, &request);
        assert_eq!(outcome.client().status(), Some(expected));
        let decision = &outcome.decisions()[0];
        assert_eq!(decision.reason, "rate_limit_key_ambiguous");
        assert_eq!(decision.report_only, mode == "report");
        let keys = proxy.host().all_shared_data();
        assert!(
            keys.keys().all(|key| key.ends_with("/seed")),
            "no bucket was touched"
        );
    }
}

#[test]
fn a_service_is_asked_about_every_value() {
    let configuration = r#"{"limits":[{"name":"l","key":["header:x-t"],
        "service":{"cluster":"c","domain":"d","transport":"http"}}]}"#;
    let mut proxy = proxy(Profile::Envoy, configuration);
    let stream = proxy.start(&from("192.0.2.1").header("x-t", "a").header("x-t", "b"));
    let call = proxy.host().pending_calls().remove(0);
    let AnyCall::Http { body, .. } = &call.call else {
        panic!("{call:?}")
    };
    let body = String::from_utf8(body.clone()).unwrap();
    for value in ["a", "b", "a,b"] {
        assert!(
            body.contains(&format!(r#"{{"key":"x-t","value":"{value}"}}"#)),
            "{body}"
        );
    }
    // The service refuses one of the three.
    let says = r#"{"overallCode":"OVER_LIMIT","statuses":[{"code":"OK"},{"code":"OVER_LIMIT","durationUntilReset":"9s"},{"code":"OK"}]}"#;
    proxy.respond_to_call(call.token, CallResponse::http(200, says));
    let outcome = proxy.finish(stream);
    assert_eq!(outcome.client().status(), Some(429));
    assert_eq!(outcome.client().header("retry-after").as_deref(), Some("9"));
    assert_eq!(counted(&proxy, "l", "refused"), 1, "one request, not three");
}

#[test]
fn values_that_are_no_text_are_told_apart() {
    let mut proxy = proxy(Profile::Envoy, &by(r#""header:x-client""#));
    let client = |byte: u8| from("192.0.2.1").header("x-client", vec![b'c', byte]);
    for byte in [0x80, 0xfe, 0xff] {
        let passed = passed(&mut proxy, 5, |_| client(byte));
        assert_eq!(passed, 3, "{byte:x}");
    }
}

#[test]
fn a_method_in_another_case_is_the_same_method() {
    let mut proxy = proxy(Profile::Envoy, &by(r#""ip","method""#));
    let with = |method: &str| from("192.0.2.1").header(":method", method);
    let methods = ["GET", "get", "Get", "gEt", "GET"];
    let passed = methods
        .iter()
        .filter(|m| status(&mut proxy, &with(m)) == 200)
        .count();
    assert_eq!(passed, 3);
}

#[test]
fn addresses_in_any_spelling_are_one_client() {
    let mut direct = proxy(Profile::Envoy, &by(r#""ip""#));
    let spelled = [
        "192.0.2.1:1",
        "[::ffff:192.0.2.1]:2",
        "[64:ff9b::192.0.2.1]:3",
        "192.0.2.1:4",
    ];
    let passed = spelled.iter().filter(|address| {
        let request = Request::get("/").attribute(&["source", "address"], **address);
        status(&mut direct, &request) == 200
    });
    assert_eq!(passed.count(), 3);
    let behind = by(r#""ip""#).replace(
        "\"limits\"",
        r#""client_address":{"trusted_proxies":["10.0.0.0/8"],"header":"cf-connecting-ip"},"limits""#,
    );
    let mut behind = proxy(Profile::Envoy, &behind);
    let named = |peer: &str, client: &str| from(peer).header("cf-connecting-ip", client);
    // A peer that is not trusted may write what it likes.
    let forged = (0..9).filter(|n| {
        let request = named("192.0.2.9", &format!("198.51.100.{n}"));
        status(&mut behind, &request) == 200
    });
    assert_eq!(forged.count(), 3);
    for client in ["198.51.100.1", "198.51.100.2"] {
        let passed = (0..9).filter(|_| status(&mut behind, &named("10.0.0.1", client)) == 200);
        assert_eq!(passed.count(), 3, "{client}");
    }
}

/// Where addresses come from has no part in what a header says.
#[test]
fn a_reload_keeps_counts_unless_the_meaning_of_their_keys_changes() {
    let base = by(r#""header:x-client""#);
    let with = |rest: &str| base.replace("\"limits\"", &format!("{rest},\"limits\""));
    let client = from("192.0.2.1").header("x-client", "a");
    for changed in [
        with(r#""client_address":{"trusted_hops":1}"#),
        with(r#""client_address":{"trusted_proxies":["10.0.0.0/8"]}"#),
        with(r#""ip_prefix":{"v4":24,"v6":48}"#),
        with(r#""trusted_hops":2"#),
        with(r#""headers":"none","bypass":{"ips":["198.51.100.0/24"]}"#),
        base.replace(r#""deny""#, r#"{"fallback":["ip"]}"#),
        base.replace(
            r#""rate""#,
            r#""mode":"enforce","match":{"paths":["/**"]},"rate""#,
        ),
    ] {
        let mut proxy = proxy(Profile::Envoy, &base);
        for _ in 0..3 {
            assert_eq!(status(&mut proxy, &client), 200);
        }
        proxy.configure(&changed).unwrap();
        assert_eq!(status(&mut proxy, &client), 429, "{changed}");
    }
    for other in [
        base.replace("x-client", "x-other"),
        base.replace(r#""burst":3"#, r#""burst":4"#),
        base.replace(r#""name":"l""#, r#""name":"m""#),
    ] {
        let mut proxy = proxy(Profile::Envoy, &base);
        for _ in 0..3 {
            assert_eq!(status(&mut proxy, &client), 200);
        }
        proxy.configure(&other).unwrap();
        let client = from("192.0.2.1")
            .header("x-client", "a")
            .header("x-other", "a");
        assert_eq!(status(&mut proxy, &client), 200, "{other}");
    }
}

#[test]
fn instances_with_a_limit_of_one_name_are_told_apart() {
    let process = Process::new(Profile::Envoy);
    let named = |name: &str, root_id: &str| {
        let mut proxy = Proxy::native_worker::<TokenBucket>(&process);
        proxy.host().set_attribute(&["plugin_name"], name);
        proxy.host().set_attribute(&["plugin_root_id"], root_id);
        proxy.configure(by(r#""ip""#)).unwrap();
        proxy
    };
    for (name, root_id, label, rule) in [
        ("token-bucket", "", "", "l"),
        ("edge", "", ";instance=edge", "edge/l"),
        ("token-bucket", "inner", ";instance=inner", "inner/l"),
    ] {
        let mut proxy = named(name, root_id);
        for _ in 0..3 {
            assert_eq!(
                status(&mut proxy, &from("192.0.2.1")),
                200,
                "{name} counts apart"
            );
        }
        let refused = run(&mut proxy, &from("192.0.2.1"));
        assert_eq!(refused.client().status(), Some(429));
        assert_eq!(refused.decisions()[0].rule.as_deref(), Some(rule));
        assert!(refused.logged(&format!("by limit {rule}: rate_limited")));
        let metric = format!("meshward.token-bucket.requests_total;limit=l;outcome=refused{label}");
        assert_eq!(proxy.host().metric(&metric), 1, "{metric}");
    }
}

#[test]
fn a_refusal_lists_every_limit_that_counts_and_the_refusing_one_first() {
    let three = r#"{"limits":[
        {"name":"wide","key":["constant"],"rate":"1/h","burst":9},
        {"name":"short","key":["ip"],"rate":"1/min","burst":2},
        {"name":"long","key":["ip"],"rate":"1/h","burst":2}]}"#;
    let mut proxy = proxy(Profile::Envoy, three);
    for _ in 0..2 {
        assert_eq!(status(&mut proxy, &from("192.0.2.1")), 200);
    }
    let refused = run(&mut proxy, &from("192.0.2.1"));
    let header = |name: &str| refused.client().header(name).unwrap();
    assert_eq!(
        header("x-ratelimit-limit"),
        r#"2, 2;w=7200;name="long", 2;w=120;name="short", 9;w=32400;name="wide""#
    );
    assert_eq!(header("x-ratelimit-remaining"), "0");
    assert_eq!(header("retry-after"), "3600");
    let styled = three.replace("\"limits\"", r#""headers":"ietf-10","limits""#);
    proxy.configure(&styled).unwrap();
    let refused = run(&mut proxy, &from("192.0.2.1"));
    assert_eq!(
        refused.client().header("ratelimit").as_deref(),
        Some(r#""long";r=0;t=3600, "short";r=0;t=60, "wide";r=7;t=3600"#)
    );
}

/// A secret goes no further, in report mode either.
#[test]
fn the_bypass_secret_never_reaches_the_upstream() {
    let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for mode in ["enforce", "report"] {
        let configuration = by(r#""ip""#).replace(
            "\"limits\"",
            &format!(
                r#""mode":"{mode}","bypass":{{"headers":[{{"name":"x-pass","sha256":"{sha256}"}}]}},"limits""#
            ),
        );
        let mut proxy = proxy(Profile::Envoy, &configuration);
        for secret in ["test", "guess"] {
            let outcome = run(&mut proxy, &from("192.0.2.1").header("x-pass", secret));
            assert_eq!(outcome.upstream().header("x-pass"), None, "{mode} {secret}");
        }
    }
}
