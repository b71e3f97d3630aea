//! What nginx hosts do not do, and what the filter does about it.

use host::fake::{CallResponse, Profile, Proxy, Refused, Request, Response};
use token_bucket::TokenBucket;

use crate::bed::proxy;

fn asking(name: &str, cluster: &str, rest: &str) -> String {
    format!(
        r#"{{"name":"{name}","key":["header:x-c"],"service":{{"cluster":"{cluster}","domain":"edge",
        "transport":"http","timeout":"1s"}}{rest}}}"#
    )
}

fn limits(limits: &[String]) -> String {
    format!(r#"{{"limits":[{}]}}"#, limits.join(","))
}

#[test]
fn what_would_need_a_second_call_is_refused_at_load_where_there_is_one() {
    let one = asking("a", "rls:80", "");
    for (second, accepted) in [
        (asking("b", "rls:80", ""), true),
        (asking("b", "other:80", ""), false),
        (asking("b", "rls:80", r#","cost":2"#), false),
        (asking("b", "rls:80", r#","mode":"report""#), false),
    ] {
        let configuration = limits(&[one.clone(), second]);
        let configured = Proxy::native::<TokenBucket>(Profile::Apisix).configure(&configuration);
        assert_eq!(configured.is_ok(), accepted, "{configuration}");
        if let Err(refused) = configured {
            let text = refused.text();
            assert!(
                text.contains("limits[1].service: this host makes one call"),
                "{text}"
            );
        }
        proxy(Profile::Kong, &configuration);
    }
}

/// The host drops a local response while a call is under way: it is sent when the call has ended.
#[test]
fn a_refusal_is_never_lost_beside_a_call() {
    for (response, body) in [
        (
            r#"{"overallCode":"OVER_LIMIT","statuses":[{"code":"OVER_LIMIT"}]}"#,
            "rate_limited",
        ),
        ("nonsense", "rate_limit_undecided"),
    ] {
        let deny = r#","on_error":"deny""#;
        let mut apisix = proxy(Profile::Apisix, &limits(&[asking("a", "rls:80", deny)]));
        let request = Request::get("/").header("x-c", "1");
        let stream = apisix.start(&request);
        let token = apisix.host().pending_calls()[0].token;
        assert!(apisix.respond_to_call(token, CallResponse::http(200, response)));
        let outcome = apisix.finish(stream);
        let reply = outcome.local_reply.as_ref().unwrap();
        let text = String::from_utf8_lossy(&reply.body);
        assert!(text.contains(body), "{text}");
        assert_eq!(outcome.upstream().headers, None);
    }
}

#[test]
fn a_secret_that_the_host_cannot_remove_is_overwritten() {
    let configuration = r#"{"limits":[{"name":"a","key":["constant"],"rate":"1/day","burst":1}],
        "bypass":{"headers":[{"name":"x-bypass","secret_env":"BYPASS"}]}}"#;
    for profile in [Profile::Apisix, Profile::Kong] {
        let mut proxy = Proxy::native::<TokenBucket>(profile);
        let secret = "fJ3kq8ZtR1vXwL0sPn7yBcDgHmQeUaTo";
        proxy.host().set_environment_variable("BYPASS", secret);
        proxy.configure(configuration).unwrap();
        let request = Request::get("/").header("x-bypass", secret);
        for _ in 0..3 {
            let outcome = proxy.run(&request, &Response::new(200));
            assert_eq!(outcome.client().status(), Some(200));
            let seen = outcome.upstream().header_values("x-bypass");
            let expected: &[&str] = match profile {
                Profile::Kong => &["removed"],
                Profile::Envoy | Profile::Apisix => &[],
            };
            assert_eq!(seen, expected);
        }
        let twice = request.clone().header("x-bypass", secret);
        let outcome = proxy.run(&twice, &Response::new(200));
        let passed_on = outcome.upstream().header_values("x-bypass");
        assert!(
            !passed_on.iter().any(|value| value == secret),
            "{passed_on:?}"
        );
    }
}

#[test]
fn nothing_is_asked_that_the_host_logs_as_an_error() {
    let configuration = r#"{"limits":[{"name":"a","key":["ip"],"rate":"1/day","burst":1}]}"#;
    for profile in [Profile::Apisix, Profile::Kong] {
        let mut proxy = proxy(profile, configuration);
        let before = proxy.host().errors_logged_by_the_host().len();
        for _ in 0..2 {
            proxy.run(&Request::get("/"), &Response::new(200));
        }
        let noise = proxy.host().errors_logged_by_the_host().split_off(before);
        assert_eq!(noise, Vec::<String>::new(), "{profile:?}");
    }
}

#[test]
fn what_goes_by_the_route_is_refused_at_load_where_nobody_tells_it() {
    let limit = |more: &str| limits(&[format!(r#"{{"name":"a","rate":"1/h","burst":1,{more}}}"#)]);
    for (more, path) in [
        (
            r#""match":{"routes":["r"]},"key":["constant"]"#,
            "limits[0].match.routes",
        ),
        (r#""key":["ip","route"]"#, "limits[0].key"),
        (
            r#""key":["claim:sub"],"on_missing_key":{"fallback":["route"]}"#,
            "limits[0].on_missing_key.fallback",
        ),
    ] {
        for profile in Profile::ALL {
            let configured = Proxy::native::<TokenBucket>(profile).configure(limit(more));
            is_for_envoy_alone(profile, configured, path);
        }
    }
}

/// Envoy takes the configuration, and the others say at which key they lack something.
fn is_for_envoy_alone(profile: Profile, configured: Result<(), Refused>, path: &str) {
    assert_eq!(
        configured.is_ok(),
        profile == Profile::Envoy,
        "{profile:?} {path}"
    );
    if let Err(refused) = configured {
        let text = refused.text();
        assert!(
            text.contains(&format!("{path}: this host does not")),
            "{text}"
        );
    }
}

#[test]
fn what_asks_for_the_caller_is_refused_at_load_where_nobody_hands_the_caller_on() {
    let limit = |more: &str, rest: &str| {
        format!(r#"{{"limits":[{{"name":"a","rate":"1/h","burst":1,{more}}}]{rest}}}"#)
    };
    let claims = r#","bypass":{"claims":[{"claim":"sub","equals":"x"}]}"#;
    for (more, rest, path) in [
        (r#""key":["claim:sub"]"#, "", "limits[0].key"),
        (r#""key":["consumer"]"#, "", "limits[0].key"),
        (
            r#""key":["header:x-a"],"on_missing_key":{"fallback":["consumer"]}"#,
            "",
            "limits[0].on_missing_key.fallback",
        ),
        (
            r#""key":["ip"],"match":{"scopes":["x"]}"#,
            "",
            "limits[0].match",
        ),
        (r#""key":["ip"]"#, claims, "bypass.claims"),
    ] {
        for profile in Profile::ALL {
            let alone = limit(more, rest);
            let configured = Proxy::native::<TokenBucket>(profile).configure(&alone);
            is_for_envoy_alone(profile, configured, path);
            let by_header = format!(r#"{rest},"identity_from":"header""#);
            proxy(profile, &limit(more, &by_header));
        }
    }
}

#[test]
fn a_secret_is_kept_from_the_trailers_too() {
    let configuration = r#"{"limits":[{"name":"a","key":["constant"],"rate":"1/day","burst":1}],
        "bypass":{"headers":[{"name":"x-bypass","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}]}}"#;
    let mut envoy = proxy(Profile::Envoy, configuration);
    let sent = [("x-bypass", "abc"), ("x_bypass", "abc"), ("x-other", "1")];
    let outcome = envoy.run(
        &Request::post("/", "x").trailers(&sent),
        &Response::new(200),
    );
    let seen = outcome.upstream().trailers.clone().unwrap();
    assert_eq!(seen, [(b"x-other".to_vec(), b"1".to_vec())]);
}
