//! What a route says in its metadata, and how an invalid configuration is handled.

use host::fake::{HOST_CALLS, Outcome, Profile, Request, name_spaces, route_metadata};
use policy::json::Json;

use crate::bed::{
    ALL, AUDIT, AUTH, BODY, BOTH, Bed, LENIENT, LIMITS, ON, REDACT, alone, get, status, with,
};

#[test]
fn a_route_lets_callers_in_that_others_refuse() {
    for is_bundled in BOTH {
        let mut bed = Bed::new("jwt-auth", is_bundled, &with(AUTH, ON));
        assert_eq!(status(&bed.run(&get())), 403);
        assert_eq!(status(&bed.on_route(r#"{"default": "anonymous"}"#)), 200);
        let partners = r#"{"rules": [{"require": {"provider": "partners"}}]}"#;
        assert_eq!(status(&bed.on_route(partners)), 401);
        let metadata = route_metadata(&[("meshward.jwt-auth", Json::String(partners.into()))]);
        let known = get().header("x-api-key", "test");
        let known = known.attribute(&["xds", "route_metadata"], metadata);
        assert_eq!(status(&bed.run(&known)), 200);
        assert_eq!(status(&bed.run(&get())), 403);
        // Step by step into force: the mode, too, is the route's.
        assert_eq!(status(&bed.on_route(r#"{"mode": "report"}"#)), 200);
    }
}

#[test]
fn a_route_has_limits_of_its_own() {
    for is_bundled in BOTH {
        let mut bed = Bed::new("token-bucket", is_bundled, &with(LIMITS, ON));
        let two = r#"{"limits": [{"name": "l", "key": ["ip"], "rate": "2/h"}]}"#;
        let statuses = [(); 3].map(|()| status(&bed.on_route(two)));
        assert_eq!(statuses, [200, 200, 429]);
        // Another limit has other buckets, even under the same name.
        let statuses = [(); 2].map(|()| status(&bed.run(&get())));
        assert_eq!(statuses, [200, 429]);
        assert_eq!(status(&bed.on_route(two)), 429);
    }
}

#[test]
fn a_route_that_enforces_has_overrides_stripped() {
    let configuration = r#"{"mode": "report", "path_override": "strip", "route_config": true, "limits": [
        {"name": "l", "match": {"paths": ["/login"]}, "key": ["constant"], "rate": "1/h", "burst": 1}]}"#;
    for is_bundled in BOTH {
        let mut bed = Bed::new("token-bucket", is_bundled, configuration);
        let said = Json::String(r#"{"mode": "enforce"}"#.to_owned());
        let metadata = route_metadata(&[("meshward.token-bucket", said)]);
        let mut run = |request: Request| {
            bed.run(&request.attribute(&["xds", "route_metadata"], metadata.clone()))
        };
        let login = || Request::get("/login").header("host", "shop.example");
        assert_eq!(status(&run(login())), 200);
        assert_eq!(status(&run(login())), 429);
        let other = Request::get("/x").header("x-original-url", "/login");
        let outcome = run(other);
        assert_eq!(status(&outcome), 200);
        assert_eq!(outcome.upstream().header("x-original-url"), None);
    }
}

#[test]
fn what_strips_by_the_mode_goes_by_that_of_the_route() {
    for (filter, template) in ALL {
        let more = r#""route_config": true, "mode": "report", "path_override": "strip""#;
        for is_bundled in BOTH {
            let mut bed = Bed::new(filter, is_bundled, &with(template, more));
            let mut left = |said: Option<&str>| {
                let request = get().header("x-original-url", "/orders/1");
                let said = said.map(|text| Json::String(text.to_owned()));
                let space = format!("meshward.{filter}");
                let request = match said {
                    None => request,
                    Some(said) => request.attribute(
                        &["xds", "route_metadata"],
                        route_metadata(&[(&space, said)]),
                    ),
                };
                let outcome = bed.run(&request);
                outcome.upstream().header("x-original-url").is_some()
            };
            assert!(left(None), "{filter} {is_bundled}");
            assert!(
                !left(Some(r#"{"mode": "enforce"}"#)),
                "{filter} {is_bundled}"
            );
        }
    }
}

#[test]
fn a_route_says_what_is_redacted() {
    for is_bundled in BOTH {
        let mut bed = Bed::new("pii-redactor", is_bundled, &with(REDACT, ON));
        let body = |outcome: &Outcome| outcome.client().text();
        assert!(!body(&bed.run(&get())).contains("ada@"));
        let cards = r#"{"rules": [{"detect": ["CREDIT_CARD"]}]}"#;
        assert_eq!(body(&bed.on_route(cards)), BODY);
        assert!(!body(&bed.run(&get())).contains("ada@"));
    }
}

#[test]
fn a_route_says_what_is_recorded() {
    for is_bundled in BOTH {
        let mut bed = Bed::new("audit-emitter", is_bundled, &with(AUDIT, ON));
        let is_recorded = |outcome: &Outcome| outcome.logged("/orders/1");
        assert!(!is_recorded(&bed.run(&get())));
        assert!(is_recorded(&bed.on_route(r#"{"rules": []}"#)));
        assert!(!is_recorded(&bed.run(&get())));
    }
}

/// A class is one chain, so no route may keep its records for another time.
#[test]
fn no_route_keeps_a_class_for_another_time() {
    let mut bed = Bed::new("audit-emitter", false, &with(AUDIT, ON));
    let keep = |time: &str| {
        format!(r#"{{"rules": [{{"retention": {{"class": "a", "keep": "{time}"}}}}]}}"#)
    };
    assert_eq!(status(&bed.on_route(&keep("1y"))), 200);
    let refused = bed.on_route(&keep("2y"));
    assert_eq!(status(&refused), 503);
    assert!(refused.logged("one chain"), "{:?}", refused.logs);
}

#[test]
fn text_and_a_struct_say_the_same() {
    let mut bed = Bed::new("token-bucket", false, &with(LIMITS, ON));
    let said = r#"{"limits":[{"name":"l","key":["ip"],"rate":"1/h","burst":3}]}"#;
    let tree = Json::parse(said.as_bytes()).unwrap();
    let statuses = [(); 2].map(|()| status(&bed.on_route(said)));
    assert_eq!(statuses, [200, 200]);
    let statuses = [(); 2].map(|()| status(&bed.said(tree.clone())));
    assert_eq!(statuses, [200, 429]);
}

#[test]
fn what_the_route_says_counts_before_what_its_virtual_host_says() {
    for is_bundled in BOTH {
        let mut bed = Bed::new("jwt-auth", is_bundled, &with(AUTH, ON));
        let said = |text: &str| route_metadata(&[("meshward.jwt-auth", Json::String(text.into()))]);
        let open = said(r#"{"default": "anonymous"}"#);
        let closed = said(r#"{"default": "deny"}"#);
        let host = ["xds", "virtual_host_metadata"];
        let route = ["xds", "route_metadata"];
        let on = |metadata: &[u8]| get().attribute(&host, metadata);
        assert_eq!(status(&bed.run(&on(&open))), 200);
        assert_eq!(
            status(&bed.run(&on(&open).attribute(&route, closed.clone()))),
            403
        );
        assert_eq!(
            status(&bed.run(&on(&closed).attribute(&route, open.clone()))),
            200
        );
        // Of the route of another filter nothing is for this one.
        let other = route_metadata(&[("meshward.audit-emitter", Json::String("{}".into()))]);
        assert_eq!(status(&bed.run(&on(&open).attribute(&route, other))), 200);
    }
}

/// One block of metadata for all four filters, whether they are one module or four.
#[test]
fn one_block_speaks_to_each_filter_by_its_part() {
    for is_bundled in BOTH {
        let mut bed = Bed::new("jwt-auth", is_bundled, &with(AUTH, ON));
        let mut run = |said: &str| {
            let metadata = route_metadata(&[("meshward", Json::String(said.into()))]);
            status(&bed.run(&get().attribute(&["xds", "route_metadata"], metadata)))
        };
        assert_eq!(
            run(r#"{"auth": {"default": "anonymous"}, "redact": {}}"#),
            200
        );
        assert_eq!(run(r#"{"limits": {"mode": "report"}}"#), 403);
        assert_eq!(run(r#"{"auht": {"default": "anonymous"}}"#), 503);
        assert_eq!(run(r#"{"auth": "anonymous"}"#), 503);
    }
}

/// What nobody reads is a slip, and slips leave no route in the state that its owner wanted to change.
#[test]
fn metadata_that_no_filter_reads_is_wrong() {
    let object = |text: &str| Json::parse(text.as_bytes()).unwrap();
    for is_bundled in BOTH {
        for (spaces, expected) in [
            (
                vec![("meshward", r#"{"auth": {"mode": "enforce"}}"#)],
                "meshward.auth: unknown key",
            ),
            (
                vec![("meshward.jwt-auth", r#"{"konfig": {"mode": "enforce"}}"#)],
                "meshward.jwt-auth.konfig: unknown key",
            ),
            (
                vec![("meshward.jwt-auth", r#"{"config": {}, "mode": "enforce"}"#)],
                "meshward.jwt-auth.mode: unknown key",
            ),
            (
                vec![("meshward.jwt-auth", "{}")],
                "meshward.jwt-auth.config: missing",
            ),
            (
                vec![("meshward.auth", r#"{"config": {"mode": "enforce"}}"#)],
                "meshward.auth: no filter reads this",
            ),
            (
                vec![("meshward.jwtauth", r#"{"config": {"mode": "enforce"}}"#)],
                "meshward.jwtauth: no filter reads this",
            ),
            (
                vec![("Meshward.jwt-auth", r#"{"config": {"mode": "enforce"}}"#)],
                "Meshward.jwt-auth: no filter reads this",
            ),
            (
                vec![("MESHWARD", r#"{"config": {"auth": {"mode": "enforce"}}}"#)],
                "MESHWARD: no filter reads this",
            ),
            (
                vec![
                    ("meshward", r#"{"config": {"auth": {"mode": "enforce"}}}"#),
                    ("meshward.jwt-auth", r#"{"config": {"mode": "report"}}"#),
                ],
                "say it in one",
            ),
        ] {
            let spaces: Vec<_> = spaces
                .iter()
                .map(|(name, text)| (*name, object(text)))
                .collect();
            for place in ["route_metadata", "virtual_host_metadata"] {
                let mut bed = Bed::new("jwt-auth", is_bundled, &with(AUTH, ON));
                let request = get().attribute(&["xds", place], name_spaces(&spaces));
                let refused = bed.run(&request);
                assert_eq!(status(&refused), 503, "{expected}");
                assert!(refused.logged(expected), "{expected}: {:?}", refused.logs);
            }
        }
        // What is said to others, in our words or in theirs, is nothing to this filter.
        for (name, text) in [
            ("meshward.token-bucket", r#"{"konfig": {}}"#),
            ("meshwarden", "{}"),
            ("meshward-jwt-auth", "{}"),
            ("Meshward.Token-Bucket", r#"{"konfig": {}}"#),
            ("meshward", r#"{"config": {"limits": {}}}"#),
        ] {
            let spaces = [
                (name, object(text)),
                (
                    "meshward.jwt-auth",
                    object(r#"{"config": {"default": "anonymous"}}"#),
                ),
            ];
            let mut bed = Bed::new("jwt-auth", is_bundled, &with(AUTH, ON));
            let request = get().attribute(&["xds", "route_metadata"], name_spaces(&spaces));
            assert_eq!(status(&bed.run(&request)), 200, "{name}");
        }
    }
}

/// Wrong metadata in every filter: refused, or treated as every other route, as configured; counted
/// each time and logged.
#[test]
fn a_route_that_is_wrong_goes_by_on_error() {
    for (filter, template) in ALL {
        for is_bundled in BOTH {
            for said in [
                Json::String(r#"{"rulse": []}"#.into()),
                Json::String("{".into()),
                Json::String("x".repeat(70_000)),
                Json::Bool(true),
                Json::Array(Vec::new()),
                Json::parse(br#"{"providers": {}, "sink": {}, "pseudonym_key_env": "K"}"#).unwrap(),
            ] {
                let mut bed = Bed::new(filter, is_bundled, &with(template, ON));
                let refused = bed.said(said.clone());
                assert_eq!(status(&refused), 503, "{filter} {is_bundled} {said:?}");
                assert!(
                    refused.logged("configuration of a route"),
                    "{:?}",
                    refused.logs
                );
                assert_eq!(status(&bed.said(said.clone())), 503);
                assert_eq!(bed.errors("denied"), 2, "{filter}");

                let mut bed = Bed::new(filter, is_bundled, &with(template, LENIENT));
                let own =
                    status(&Bed::new(filter, is_bundled, &with(template, LENIENT)).run(&get()));
                assert_eq!(status(&bed.said(said.clone())), own, "{filter}");
                assert_eq!(bed.errors("allowed"), 1, "{filter}");

                let report = format!(r#"{ON}, "mode": "report""#);
                let mut bed = Bed::new(filter, is_bundled, &with(template, &report));
                assert_eq!(status(&bed.said(said)), 200, "{filter}");
                assert_eq!(bed.errors("reported"), 1, "{filter}");
            }
        }
    }
}

/// Routes come and go with every update of the control plane.
#[test]
fn what_routes_said_once_does_not_pile_up() {
    let mut bed = Bed::new("token-bucket", false, &with(LIMITS, ON));
    let said = |burst: usize| {
        format!(
            r#"{{"limits": [{{"name": "l", "key": ["ip"], "rate": "1/h", "burst": {burst}}}]}}"#
        )
    };
    for burst in (1..200).chain(1..3) {
        assert!(matches!(status(&bed.on_route(&said(burst))), 200 | 429));
    }
    // Long forgotten, and counted on all the same: buckets are in shared memory.
    assert_eq!(status(&bed.on_route(&said(1))), 429);
}

/// What is not configured costs nothing, and is not looked at.
#[test]
fn metadata_counts_only_where_the_plugin_says_so() {
    for (filter, template) in ALL {
        let mut bed = Bed::new(filter, false, &with(template, r#""mode": "enforce""#));
        let own =
            status(&Bed::new(filter, false, &with(template, r#""mode": "enforce""#)).run(&get()));
        assert_eq!(status(&bed.on_route("{")), own, "{filter}");
    }
}

#[test]
fn hosts_without_route_metadata_say_so_and_go_on() {
    for profile in [Profile::Apisix, Profile::Kong] {
        for (filter, template) in ALL {
            let mut proxy = alone(filter, profile);
            proxy.configure(with(template, ON)).unwrap();
            let logs = proxy.host().logs();
            let is_said = |line: &host::fake::LogLine| line.text.contains("no route metadata");
            assert!(logs.iter().any(is_said), "{filter}: {logs:?}");
        }
    }
}

#[test]
fn no_failing_host_call_opens_a_route() {
    for call in HOST_CALLS {
        let mut bed = Bed::new("jwt-auth", false, &with(AUTH, ON));
        bed.proxy.host().fail(call, host::Status::InternalFailure);
        let outcome = bed.on_route(r#"{"rules": [{"require": {"provider": "partners"}}]}"#);
        assert_ne!(outcome.client().status(), Some(200), "{call}");
    }
}
