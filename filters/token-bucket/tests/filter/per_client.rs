//! The filter in a host in memory: workers that share a process, hosts that lack things.

use std::time::Duration;

use host::Status;
use host::fake::{Process, Profile, Proxy};
use policy::identity::{Claims, Identity};
use policy::json::Json;
use token_bucket::TokenBucket;

use crate::bed::{counted, from, passed, proxy, run, status, worker};

const PER_ADDRESS: &str =
    r#"{"limits":[{"name":"per-client","key":["ip"],"rate":"1/s","burst":3}]}"#;

#[test]
fn refuses_what_is_over_the_limit_and_says_when_to_return() {
    for profile in [Profile::Envoy, Profile::Kong, Profile::Apisix] {
        let mut proxy = proxy(profile, PER_ADDRESS);
        for remaining in ["2", "1", "0"] {
            let outcome = run(&mut proxy, &from("192.0.2.1"));
            assert_eq!(outcome.client().status(), Some(200), "{profile:?}");
            let header = outcome.client().header("x-ratelimit-remaining");
            assert_eq!(header.as_deref(), Some(remaining), "{profile:?}");
        }
        let outcome = run(&mut proxy, &from("192.0.2.1"));
        let client = outcome.client();
        assert_eq!(client.status(), Some(429), "{profile:?}");
        assert_eq!(client.header("retry-after").as_deref(), Some("1"));
        assert_eq!(
            client.header("x-ratelimit-limit").as_deref(),
            Some(r#"3, 3;w=3;name="per-client""#)
        );
        assert_eq!(
            client.header("content-type").as_deref(),
            Some("application/problem+json")
        );
        assert!(
            client
                .text()
                .contains(r#"The limit \"per-client\" is used up."#)
        );
        assert_eq!(status(&mut proxy, &from("192.0.2.2")), 200);
        proxy.advance(Duration::from_secs(1));
        assert_eq!(status(&mut proxy, &from("192.0.2.1")), 200);
        assert_eq!(status(&mut proxy, &from("192.0.2.1")), 429);
    }
}

#[test]
fn workers_count_together() {
    let process = Process::new(Profile::Envoy);
    let mut workers: Vec<Proxy> = (0..4).map(|_| worker(&process, PER_ADDRESS)).collect();
    let statuses: Vec<u16> = (0..40_usize)
        .map(|number| status(&mut workers[number % 4], &from("192.0.2.1")))
        .collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 3);
}

#[test]
fn a_reload_keeps_the_counts_of_a_limit_that_did_not_change() {
    let mut proxy = proxy(Profile::Envoy, PER_ADDRESS);
    for _ in 0..3 {
        status(&mut proxy, &from("192.0.2.1"));
    }
    proxy.configure(PER_ADDRESS.replace('}', " }")).unwrap();
    assert_eq!(status(&mut proxy, &from("192.0.2.1")), 429);
    proxy
        .configure(PER_ADDRESS.replace(r#""burst":3"#, r#""burst":4"#))
        .unwrap();
    assert_eq!(status(&mut proxy, &from("192.0.2.1")), 200);
}

#[test]
fn one_refusal_charges_nobody() {
    let both = r#"{"limits":[
        {"name":"wide","key":["constant"],"rate":"1/h","burst":5},
        {"name":"narrow","key":["ip"],"rate":"1/h","burst":1}]}"#;
    let mut proxy = proxy(Profile::Envoy, both);
    assert_eq!(status(&mut proxy, &from("192.0.2.1")), 200);
    for _ in 0..20 {
        assert_eq!(status(&mut proxy, &from("192.0.2.1")), 429);
    }
    for host in 2..=5 {
        assert_eq!(status(&mut proxy, &from(&format!("192.0.2.{host}"))), 200);
    }
    assert_eq!(
        status(&mut proxy, &from("192.0.2.6")),
        429,
        "now the wide one is used up"
    );
}

#[test]
fn callers_count_by_claim_and_missing_keys_as_configured() {
    let limits = |missing: &str| {
        format!(
            r#"{{"limits":[{{"name":"l","key":["claim:sub"],"on_missing_key":{missing},"rate":"1/h","burst":1}}]}}"#
        )
    };
    let caller = |subject: &str| {
        let identity = Identity {
            subject: Some(subject.to_owned()),
            provider: "corp".to_owned(),
            ..Identity::default()
        };
        from("192.0.2.1").identity(&identity)
    };
    let mut proxy = proxy(Profile::Envoy, &limits(r#""skip""#));
    assert_eq!(status(&mut proxy, &caller("jane")), 200);
    assert_eq!(status(&mut proxy, &caller("jane")), 429);
    assert_eq!(status(&mut proxy, &caller("joan")), 200);
    for (missing, statuses) in [
        (r#""skip""#, [200, 200, 200]),
        (r#""deny""#, [429, 429, 429]),
        (r#""shared""#, [200, 429, 429]),
        (r#"{"fallback":["ip"]}"#, [200, 429, 200]),
    ] {
        proxy
            .configure(
                limits(missing)
                    .replace("\"l\"", "\"m\"")
                    .replace("\"m\"", &format!("\"m{}\"", missing.len())),
            )
            .unwrap();
        let addresses = ["192.0.2.1", "192.0.2.1", "192.0.2.2"];
        let found = addresses.map(|address| status(&mut proxy, &from(address)));
        assert_eq!(found, statuses, "{missing}");
    }
}

#[test]
fn a_spoofed_forwarded_chain_changes_nothing() {
    let mut direct = proxy(Profile::Envoy, PER_ADDRESS);
    let spoofed =
        |number: usize| from("192.0.2.1").header("x-forwarded-for", format!("198.51.100.{number}"));
    assert_eq!(passed(&mut direct, 10, spoofed), 3);
    let behind = PER_ADDRESS.replace("\"limits\"", "\"trusted_hops\":1,\"limits\"");
    let mut behind = proxy(Profile::Envoy, &behind);
    let appended = |number: usize| {
        from("10.0.0.1").header("x-forwarded-for", format!("198.51.100.{number}, 192.0.2.1"))
    };
    assert_eq!(passed(&mut behind, 10, appended), 3);
}

#[test]
fn bypass_report_and_cost() {
    let configuration = r#"{"limits":[{"name":"l","key":["ip"],"rate":"1/h","burst":10,"cost":{"header":"x-cost","max":5}}],
        "bypass":{"ips":["10.0.0.0/8"]}}"#;
    let mut proxy = proxy(Profile::Envoy, configuration);
    for _ in 0..20 {
        assert_eq!(status(&mut proxy, &from("10.1.2.3")), 200);
    }
    // Whoever may say the cost gets nothing for nothing, and nonsense costs the most.
    for (number, (cost, left)) in [
        (None, "9"),
        (Some("0"), "9"),
        (Some("1"), "9"),
        (Some(" 3 "), "7"),
        (Some("5"), "5"),
        (Some("100"), "5"),
        (Some("-3"), "5"),
        (Some("1.5"), "5"),
        (Some("99999999999999999999"), "5"),
        (Some("\u{0663}"), "5"),
        (Some(""), "5"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut request = from(&format!("192.0.2.{number}"));
        if let Some(cost) = cost {
            request = request.header("x-cost", cost);
        }
        let outcome = run(&mut proxy, &request);
        let header = outcome.client().header("x-ratelimit-remaining");
        assert_eq!(header.as_deref(), Some(left), "{cost:?}");
    }
    let report = PER_ADDRESS.replace("\"burst\"", "\"mode\":\"report\",\"burst\"");
    proxy.configure(report).unwrap();
    for _ in 0..10 {
        assert_eq!(status(&mut proxy, &from("192.0.2.9")), 200);
    }
    assert_eq!(counted(&proxy, "per-client", "reported"), 7);
}

#[test]
fn dead_storage_goes_the_configured_way() {
    for (on_error, expected) in [("deny", 503), ("allow", 200)] {
        let configuration = PER_ADDRESS.replace(
            "\"burst\"",
            &format!("\"on_error\":\"{on_error}\",\"burst\""),
        );
        let mut proxy = proxy(Profile::Envoy, &configuration);
        proxy
            .host()
            .fail("proxy_get_shared_data", Status::InternalFailure);
        let outcome = run(&mut proxy, &from("192.0.2.1"));
        assert_eq!(outcome.client().status(), Some(expected), "{on_error}");
        proxy.host().stop_failing();
        assert_eq!(status(&mut proxy, &from("192.0.2.1")), 200);
    }
}

#[test]
fn a_host_without_shared_data_is_named() {
    let mut proxy = Proxy::native::<TokenBucket>(Profile::Apisix);
    proxy.configure(PER_ADDRESS).unwrap();
    let warned = proxy
        .host()
        .logs()
        .iter()
        .any(|line| line.text.contains("each worker counts alone"));
    assert!(warned);
    let process = PER_ADDRESS.replace("\"limits\"", "\"scope\":\"process\",\"limits\"");
    let refused = proxy.configure(process).unwrap_err();
    assert!(
        refused.text().contains("shares no data"),
        "{}",
        refused.text()
    );
}

/// All such callers would be one, with those who have no token.
#[test]
fn callers_count_by_a_claim_that_is_a_list_or_an_object() {
    let limit = r#"{"limits":[{"name":"l","key":["claim:groups"],"rate":"1/h","burst":1}]}"#;
    let mut proxy = proxy(Profile::Envoy, limit);
    assert_eq!(status(&mut proxy, &from("192.0.2.1")), 200, "nobody");
    for (groups, expected) in [
        (r#"["a","b"]"#, 200),
        (r#"["b","a"]"#, 429),
        (r#"["a"]"#, 200),
        (r#""a""#, 200),
        (r#"["a,b"]"#, 200),
        (r#"{"id":1}"#, 200),
        (r#"{"id":1}"#, 429),
        (r#"{"id":2}"#, 200),
        ("[]", 429),
        ("null", 429),
    ] {
        let claims = format!(r#"{{"groups":{groups}}}"#);
        let identity = Identity {
            provider: "corp".to_owned(),
            claims: Claims(Json::parse(claims.as_bytes()).unwrap()),
            ..Identity::default()
        };
        let request = from("192.0.2.1").identity(&identity);
        assert_eq!(status(&mut proxy, &request), expected, "{groups}");
    }
}
