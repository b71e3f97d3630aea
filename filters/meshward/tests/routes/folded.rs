//! Rules that the controller of Higress folds into the configuration of a plugin.

use host::fake::{Profile, Proxy, Request, Response};
use meshward_bundle::Meshward;
use policy::config::Configuration as _;

use crate::bed::{AUTH, BODY, BOTH, Bed, LIMITS, get, status, with};

/// A plugin configuration as the controller of Higress writes it.
const FOLDED: &str = r#""_rules_": [
    {"_match_route_": ["open"], "default": "anonymous"},
    {"_match_route_prefix_": ["partner-"], "rules": [{"require": {"provider": "partners"}}]},
    {"_match_domain_": ["*.public.example", "public.example"], "default": "anonymous"},
    {"_match_service_": ["docs.shop.svc.cluster.local:80"], "default": "anonymous"},
    {"_match_domain_": ["same.example"]}
]"#;

#[test]
fn rules_that_higress_folds_in_are_for_their_routes_hosts_and_services() {
    for is_bundled in BOTH {
        let mut bed = Bed::new("jwt-auth", is_bundled, &with(AUTH, FOLDED));
        let route = |name: &str| get().attribute(&["xds", "route_name"], name.to_owned());
        let host = |name: &str| {
            let request = Request::get("/").without(":authority");
            request.header(":authority", name)
        };
        let service = |name: &str| get().attribute(&["xds", "cluster_name"], name.to_owned());
        for (request, expected) in [
            (get(), 403),
            (route("open"), 200),
            (route("opened"), 403),
            (route("partner-a"), 401),
            (route("partner-a").header("x-api-key", "test"), 200),
            (host("a.public.example"), 200),
            (host("public.example"), 200),
            (host("public.example.org"), 403),
            (host("same.example"), 403),
            // Another server may take it for the host that is open.
            (
                host("public.example").header("x-forwarded-host", "shop.example"),
                400,
            ),
            (service("outbound|80||docs.shop.svc.cluster.local"), 200),
            (service("outbound|81||docs.shop.svc.cluster.local"), 403),
            (service("docs.shop.svc.cluster.local"), 403),
            (service("docs.shop.svc.cluster.local:80"), 200),
        ] {
            assert_eq!(status(&bed.run(&request)), expected, "{request:?}");
        }
    }
}

/// In the bundle a rule that Higress folds in has the parts, as the plugin has them.
#[test]
fn a_folded_rule_of_the_bundle_has_parts() {
    let parts = format!(
        r#"{{"auth": {}, "limits": {}, "_rules_": [
            {{"_match_route_": ["open"], "auth": {{"default": "anonymous"}}}},
            {{"_match_route_": ["open", "slow"], "limits": {{"mode": "report"}}}}
        ]}}"#,
        with(AUTH, r#""mode": "enforce""#),
        with(LIMITS, r#""mode": "enforce""#)
    );
    let mut proxy = Proxy::native::<Meshward>(Profile::Envoy);
    let configured = proxy.configure(parts);
    configured.unwrap_or_else(|refused| panic!("{}", refused.text()));
    let mut run = |route: &str| {
        let request = get().attribute(&["xds", "route_name"], route.to_owned());
        status(&proxy.run(&request, &Response::json(BODY)))
    };
    // The first that is about a request counts, in every part.
    assert_eq!([(); 2].map(|()| run("open")), [200, 429]);
    assert_eq!(run("slow"), 403);
}

#[test]
fn wrong_rules_are_refused_at_their_place() {
    for (rules, expected) in [
        (
            r#"[{"default": "anonymous"}]"#,
            "_rules_[0]: expected exactly one of",
        ),
        (
            r#"[{"_match_route_": ["a"], "_match_domain_": ["b"]}]"#,
            "_rules_[0]: expected exactly one of",
        ),
        (
            r#"[{"_match_route_": "a"}]"#,
            "_rules_[0]._match_route_: expected an array of names",
        ),
        (
            r#"[{"_match_ruote_": ["a"]}]"#,
            "_rules_[0]._match_ruote_: unknown key",
        ),
        (
            r#"[{}, {"_match_route_": ["a"], "providers": {}}]"#,
            "_rules_[1].providers: cannot differ by route; what can is mode, rules, default",
        ),
        (
            r#"[{"_match_route_": ["a"], "rules": [{"allow": "anonymus"}]}]"#,
            "_rules_[0].rules[0].allow: ",
        ),
        (r#"["a"]"#, "_rules_[0]: \"a\": expected an object"),
    ] {
        let text = with(AUTH, &format!(r#""_rules_": {rules}"#));
        let refused = jwt_auth::config::Config::parse(&text)
            .unwrap_err()
            .to_string();
        assert!(refused.contains(expected), "{rules}: {refused}");
    }
    let of_the_bundle = format!(
        r#"{{"auth": {}, "_rules_": [{{"_match_route_": ["a"], "auth": {{"rules": [{{"allow": "anonymus"}}]}}, "limit": {{}}}}]}}"#,
        with(AUTH, r#""mode": "enforce""#)
    );
    let checked = meshward_bundle::config::check(&of_the_bundle);
    let refused = checked.result.unwrap_err().to_string();
    assert!(
        refused.contains("_rules_[0].auth.rules[0].allow: "),
        "{refused}"
    );
    assert!(
        refused.contains("_rules_[0].limit: unknown part"),
        "{refused}"
    );
}

/// A plugin that only reports strips nothing, so an upstream may go by the host that a header names.
#[test]
fn a_header_that_is_not_stripped_counts() {
    let folded = r#""mode": "report", "host_override": "strip", "_rules_": [{"_match_domain_": ["admin.example"], "mode": "enforce"}]"#;
    for is_bundled in BOTH {
        let mut bed = Bed::new("jwt-auth", is_bundled, &with(AUTH, folded));
        let request = |host: &str, other: &str| {
            let request = Request::get("/")
                .without(":authority")
                .header(":authority", host);
            request.header("x-forwarded-host", other)
        };
        for (host, other, expected) in [
            ("shop.example", "shop.example", 200),
            ("shop.example", "admin.example", 400),
            // Here it goes.
            ("admin.example", "shop.example", 403),
        ] {
            assert_eq!(
                status(&bed.run(&request(host, other))),
                expected,
                "{host} {other}"
            );
        }
    }
}
