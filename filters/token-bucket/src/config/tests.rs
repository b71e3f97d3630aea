use std::time::Duration;

use super::*;
use policy::mode::OnError;

fn problems(text: &str) -> String {
    Config::parse(text).unwrap_err().to_string()
}

fn of_limit(rest: &str) -> String {
    format!(r#"{{"limits":[{{"name":"a","key":["ip"],{rest}}}]}}"#)
}

#[test]
fn every_mistake_is_named() {
    let text = r#"{
        "limits": [
            {"name": "a", "key": ["ip"], "rate": "0/s"},
            {"name": "b", "key": ["ipp"], "rate": "-5/s"},
            {"name": "c", "key": [], "rate": "5/fortnight"},
            {"name": "d", "key": ["claim:"], "rate": "5/s", "burst": 2, "cost": 3},
            {"name": "e", "key": ["ip"], "rate": "99999999999999999999/s"},
            {"name": "f f", "key": ["ip"], "rate": "1/s", "cost": {"header": "x"}},
            {"name": "g", "key": ["ip"], "rate": "1/s", "on_missing_key": "fallback"},
            {"name": "h", "key": ["ip"], "rate": "1/day", "burst": 1000000},
            {"name": "i", "key": ["ip"], "rate": "1/s", "service": {}},
            {"name": "j", "key": ["ip"], "rate": "1/s"},
            {"name": "j", "key": ["ip"], "rate": "1/s"},
            {"name": "k", "key": ["ip"]},
            {"name": "l", "key": ["ip"], "rate": "1/s", "windows": [{"rate": "1/s"}]},
            {"name": "m", "key": ["ip"], "windows": [{"burst": 5}, {"rate": "1/week"}, {"rates": "1/s"}]},
            {"name": "n", "key": ["ip"], "windows": []},
            {"name": "o", "key": ["ip"], "burst": 5},
            {"name": "p", "key": ["ip"], "rate": "1/s", "burst": 0},
            {"name": "q", "key": ["ip"], "service": {"cluster": "c", "domain": "d", "timeout": "0s", "transport": "tcp", "path": "x", "descriptor": ["a", "b"]}},
            {"name": "r", "key": ["ip"], "rate": "5/s", "on_error": {"timeout": "ignore", "storag": "deny"}},
            {"name": "s", "key": ["ip"], "rate": "5/s", "cost": {"header": "x", "max": 2, "default": 3}},
            {"name": "t", "key": ["ip"], "rate": "5/s", "refusal": {"status": 200, "content_type": "a/b", "headers": {"content-length": "3", "x y": "z", "x": "a\u00e9"}}}
        ],
        "bypass": {"ips": ["10.0.0.0/33"], "headers": [{"name": "x"}, {"name": "x", "sha256": "ab"},
            {"name": "x", "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]},
        "ip_prefix": {"v4": 33},
        "table": {"slots": 1, "zone": "a/b"},
        "headers": "ietf",
        "start": "half",
        "replica": 2
    }"#;
    let problems = problems(text);
    for expected in [
        r#"limits[0].rate: "0/s": must be at least 1"#,
        r#"limits[1].key[0]: "ipp": did you mean "ip"?"#,
        "limits[1].rate: \"-5/s\"",
        "limits[2].key: an array: expected at least one item",
        r#"limits[2].rate: "5/fortnight": unknown unit "fortnight"; use s, min, h or day"#,
        "limits[3].key[0]",
        "limits[3]: a request can cost 3, more than the burst of 2 can ever hold",
        "limits[4].rate: \"99999999999999999999/s\": too large",
        r#"limits[5].name: "f f": expected letters"#,
        "limits[5].cost.max: missing",
        "limits[6].on_missing_key",
        "limits[7]: rate and burst are out of range",
        "limits[8].service.cluster: missing",
        "limits[8].service.domain: missing",
        r#"limits: two limits are named "j""#,
        r#"limits[11]: expected a "rate" such as "100/min", "windows" or a "service""#,
        r#"limits[12].windows: either "rate" and "burst" or "windows", not both"#,
        "limits[13].windows[0].burst: 5: a burst needs a rate",
        r#"limits[13].windows[1].rate: "1/week": unknown unit "week""#,
        r#"limits[13].windows[2].rates: unknown key; did you mean "rate"?"#,
        "limits[14].windows: an array: expected at least one item",
        "limits[15].burst: 5: a burst needs a rate",
        "limits[16].burst: 0: expected an integer from 1",
        "limits[17].service.timeout: \"0s\": expected from 1ms to 1m",
        "limits[17].service.transport: \"tcp\"",
        "limits[17].service.path: \"x\": expected a path",
        r#"limits[17].service: "path" and "authority" are for "transport": "http""#,
        "limits[17]: service.descriptor needs as many names as the key has parts",
        "limits[18].on_error.timeout: \"ignore\"",
        r#"limits[18].on_error.storag: unknown key; did you mean "storage"?"#,
        "limits[19].cost: the default is more than max",
        "limits[20].refusal.status: 200: expected an integer from 400 to 599",
        "limits[20].refusal: a content_type needs a body",
        "limits[20].refusal.headers.content-length: expected the name of a header",
        "limits[20].refusal.headers[\"x y\"]: expected the name of a header",
        "limits[20].refusal.headers.x: \"a\u{e9}\": expected visible ASCII",
        "bypass.ips[0]",
        r#"bypass.headers[0]: expected either "sha256" or "secret_env""#,
        "bypass.headers[1].sha256: expected 64 hexadecimal digits",
        "bypass.headers[2].sha256: the hash of no text at all: an empty header would do",
        "ip_prefix.v4: 33: expected an integer from 0 to 32",
        "table.slots: 1: expected an integer from 16",
        "table.zone: \"a/b\": expected letters",
        r#"headers: "ietf""#,
        "start: \"half\"",
        r#"replica: unknown key; did you mean "replicas"?"#,
    ] {
        assert!(
            problems.contains(expected),
            "{expected} is not in\n{problems}"
        );
    }
}

#[test]
fn one_mistake_is_one_problem() {
    for (rest, expected) in [
        (
            r#""rate":"5/fortnight","cost":2,"burst":9,"match":{"paths":["/x"]},"mode":"report",
               "on_error":"allow","on_missing_key":"skip""#,
            r#"limits[0].rate: "5/fortnight": unknown unit "fortnight"; use s, min, h or day"#,
        ),
        (
            r#""rate":"5/s","cost":{"max":3}"#,
            "limits[0].cost.header: missing; expected the name of a header",
        ),
        (
            r#""windows":[{"rate":"1/s"},{}]"#,
            r#"limits[0].windows[1].rate: missing; expected a rate such as "100/min""#,
        ),
        (
            r#""service":{"cluster":"a"}"#,
            "limits[0].service.domain: missing; expected the domain of the service's limits",
        ),
    ] {
        assert_eq!(problems(&of_limit(rest)), expected);
    }
    let five =
        r#""windows":[{"rate":"1/s"},{"rate":"2/s"},{"rate":"3/s"},{"rate":"4/s"},{"rate":"5/s"}]"#;
    assert!(problems(&of_limit(five)).contains("5 items; expected at most 4"));
}

#[test]
fn replicas_share_one_limit() {
    let text = |replicas| {
        format!(
            r#"{{"limits":[{{"name":"a","key":["ip"],"rate":"100/min","burst":20}}],"replicas":{replicas}}}"#
        )
    };
    let own = |replicas| {
        let mut config = Config::parse(&text(replicas)).unwrap();
        config.limits.remove(0).windows.unwrap().list()[0]
    };
    for replicas in 1..=20_u32 {
        let gcra = own(replicas);
        let sum = u64::from(replicas) * gcra.burst();
        assert!(sum <= 20 && gcra.burst() == 20 / u64::from(replicas));
        // Each gets its part of the rate exactly: so many units take as many times longer.
        let unit = gcra.window().as_nanos() / u128::from(gcra.burst());
        assert_eq!(unit, 600_000_000 * u128::from(replicas));
    }
    let problems = problems(&text(21));
    assert!(
        problems.contains("the burst of 0 can ever hold (20 shared by 21 replicas)"),
        "{problems}"
    );
}

#[test]
fn limits_share_a_service() {
    let text = r#"{"limits":[
        {"name":"a","key":["claim:tenant","ip"],"service":{"cluster":"c","domain":"d"}},
        {"name":"b","key":["ip"],"rate":"5/s","service":{"cluster":"c","domain":"d","timeout":"20ms"}},
        {"name":"c","key":["ip"],"service":{"cluster":"c","domain":"d","transport":"http"},
         "on_error":{"timeout":"allow"}},
        {"name":"d","key":["constant"],"service":{"cluster":"c","domain":"d","transport":"http",
         "path":"/v1","authority":"limits.test","descriptor":["quota"]}}
    ]}"#;
    let config = Config::parse(text).unwrap();
    let places: Vec<_> = config.limits.iter().map(|limit| limit.service).collect();
    assert_eq!(places, [Some(0), Some(0), Some(1), Some(2)]);
    assert_eq!(config.limits[0].entry_keys, ["tenant", "remote_address"]);
    assert_eq!(config.limits[3].entry_keys, ["quota"]);
    assert!(config.limits[0].windows.is_none() && config.limits[1].windows.is_some());
    assert_eq!(config.services[0].timeout, Duration::from_millis(20));
    assert_eq!(
        config.services[1].transport,
        Transport::Http {
            path: "/json".to_owned(),
            authority: "c".to_owned()
        }
    );
    let on_error = config.limits[2].on_error;
    assert_eq!(
        (on_error.timeout, on_error.storage),
        (OnError::Allow, OnError::Deny)
    );
}

#[test]
fn a_limit_has_its_own_refusal_or_that_of_the_filter() {
    let text = r#"{"refusal":{"status":503},"limits":[
        {"name":"a","key":["ip"],"rate":"5/s"},
        {"name":"b","key":["ip"],"rate":"5/s","refusal":{"body":"slow down","headers":{"X-A":"1"}}}
    ]}"#;
    let config = Config::parse(text).unwrap();
    let [a, b] = [0, 1].map(|place| config.limits[place].response.clone().unwrap());
    assert_eq!((a.status, a.body), (Some(503), None));
    let plain = ("text/plain".to_owned(), "slow down".to_owned());
    assert_eq!((b.status, b.body), (None, Some(plain)));
    assert_eq!(b.headers, [("x-a".to_owned(), "1".to_owned())]);
}

/// What it costs to refuse a configuration is linear in its size, with a small maximum for every
/// list; nothing is compared with everything else before that.
#[test]
fn hundreds_of_thousands_of_limits_are_refused_by_their_number() {
    let limit = r#"{"name":"a","key":["ip"],"rate":"1/s"}"#;
    let text = format!(r#"{{"limits":[{}]}}"#, vec![limit; 400_000].join(","));
    assert_eq!(
        problems(&text),
        "limits: 400000 items; expected at most 256"
    );
    let ranges = vec![r#""10.0.0.0/8""#; 100_000].join(",");
    let text = format!(r#"{{"limits":[{limit}],"bypass":{{"ips":[{ranges}]}}}}"#);
    assert_eq!(
        problems(&text),
        "bypass.ips: 100000 items; expected at most 1024"
    );
}

#[test]
fn keys_with_slips_are_refused() {
    let of_key = |key: &str| {
        problems(&format!(
            r#"{{"limits":[{{"name":"a","key":{key},"rate":"1/s"}}]}}"#
        ))
    };
    for (key, expected) in [
        (
            r#"["header: x-api-key"]"#,
            r#"limits[0].key[0]: "header: x-api-key": expected the name of a header after "header:"; did you mean "header:x-api-key"?"#,
        ),
        (
            r#"["ip","claims:sub"]"#,
            r#"limits[0].key[1]: "claims:sub": did you mean "claim:sub"?"#,
        ),
        (
            r#""ip""#,
            r#"limits[0].key: "ip": expected an array, such as ["ip"]"#,
        ),
        (r#"["ip","ip"]"#, r#"limits[0].key: "ip" is there twice"#),
    ] {
        assert!(of_key(key).starts_with(expected), "{}", of_key(key));
    }
    let fallback = r#"{"limits":[{"name":"a","key":["ip"],"on_missing_key":{"fallback":["user"]},"rate":"1/s"}]}"#;
    assert!(
        problems(fallback)
            .contains(r#"on_missing_key.fallback[0]: "user": did you mean "consumer"?"#)
    );
}

#[test]
fn addresses_are_configured_in_one_place() {
    let with =
        |rest: &str| format!(r#"{{"limits":[{{"name":"a","key":["ip"],"rate":"1/s"}}],{rest}}}"#);
    let block = Config::parse(&with(
        r#""client_address":{"trusted_hops":1,"ip_prefix":{"v6":56}}"#,
    ));
    let short = Config::parse(&with(r#""trusted_hops":1,"ip_prefix":{"v6":56}"#));
    let of = |config: Result<Config, _>| config.unwrap().sources.client_address.clone();
    assert_eq!(of(block), of(short));
    assert_eq!(
        problems(&with(r#""client_address":{},"trusted_hops":1"#)),
        r#"trusted_hops: belongs into "client_address": "client_address.trusted_hops""#
    );
}
