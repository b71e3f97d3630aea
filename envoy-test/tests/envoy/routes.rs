//! What differs by route, in each of the ways that Envoy has for it.

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Bootstrap, Envoy, Options};
use envoy_test::peers::Peers;
use envoy_test::{BUNDLE, ENVOY_VERSIONS};
use serde_json::{Value, json};

use crate::bed::bootstrap;

/// Nobody gets in, unless the route says otherwise.
fn closed() -> Value {
    json!({
        "providers": {},
        "rules": [],
        "default": "deny",
        "route_config": true,
        "_rules_": [{ "_match_route_prefix_": ["folded"], "default": "anonymous" }],
    })
}

fn route(name: &str, more: Value) -> Value {
    let mut route = json!({
        "name": name,
        "match": { "prefix": format!("/{name}") },
        // The upstream has something there.
        "route": { "cluster": "upstream", "prefix_rewrite": "/orders" },
    });
    let members = route.as_object_mut().unwrap();
    members.extend(more.as_object().cloned().unwrap_or_default());
    route
}

fn says(space: &str, config: Value) -> Value {
    json!({ "metadata": { "filter_metadata": { space: { "config": config } } } })
}

fn set_virtual_hosts(bootstrap: &mut Bootstrap, hosts: Value) {
    let manager = bootstrap.connection_manager().unwrap();
    *manager.pointer_mut("/route_config/virtual_hosts").unwrap() = hosts;
}

fn start(bootstrap: &Bootstrap, version: &'static str) -> Envoy {
    let options = Options {
        version,
        ..Options::default()
    };
    Envoy::start(bootstrap, options).unwrap()
}

fn status(envoy: &Envoy, request: &Request) -> u16 {
    envoy.client(Protocol::Http1).send(request).unwrap().status
}

/// As text, as a `Struct`, for one filter and for all, on a route and on a virtual host; and what
/// Higress folds in, by the name of the route.
#[test]
fn metadata_of_routes_and_virtual_hosts_reaches_the_filter_on_every_envoy() {
    let open = || json!({ "default": "anonymous" });
    let hosts = json!([
        {
            "name": "open",
            "domains": ["open.example"],
            "metadata": says("meshward.jwt-auth", json!(open().to_string()))["metadata"],
            "routes": [
                route("closed", says("meshward.jwt-auth", json!({ "default": "deny" }))),
                route("", json!({})),
            ],
        },
        {
            "name": "closed",
            "domains": ["*"],
            "routes": [
                route("text", says("meshward.jwt-auth", json!(open().to_string()))),
                route("struct", says("meshward.jwt-auth", open())),
                route("all", says("meshward", json!({ "auth": open(), "limits": {} }))),
                route("another", says("meshward.token-bucket", open())),
                route("wrong", says("meshward.jwt-auth", json!({ "defautl": "anonymous" }))),
                route("secret", says("meshward.jwt-auth", json!({ "providers": {} }))),
                route("folded-in", json!({})),
                route("", json!({})),
            ],
        },
    ]);
    for (version, is_bundled) in ENVOY_VERSIONS
        .iter()
        .flat_map(|v| [(*v, false), (*v, true)])
    {
        let peers = Peers::start().unwrap();
        let mut bootstrap = bootstrap(&peers, "jwt-auth", &closed());
        if is_bundled {
            bootstrap.bundle().unwrap();
            let mut parts = closed();
            let members = parts.as_object_mut().unwrap();
            members.remove("_rules_");
            let whole = json!({
                "auth": parts,
                "_rules_": [{ "_match_route_prefix_": ["folded"], "auth": open() }],
            });
            bootstrap.configure(BUNDLE, &whole.to_string()).unwrap();
        }
        set_virtual_hosts(&mut bootstrap, hosts.clone());
        let envoy = start(&bootstrap, version);
        for (path, expected) in [
            ("/text", 200),
            ("/struct", 200),
            ("/all", 200),
            ("/another", 403),
            ("/wrong", 503),
            ("/secret", 503),
            ("/folded-in", 200),
            ("/", 403),
        ] {
            // The second is served from what is known.
            for _ in 0..2 {
                let found = status(&envoy, &Request::get(path));
                assert_eq!(found, expected, "{version} {is_bundled} {path}");
            }
        }
        let on_open_host = |path: &str| status(&envoy, &Request::get(path).host("open.example"));
        assert_eq!(on_open_host("/"), 200, "{version} {is_bundled}");
        assert_eq!(on_open_host("/closed"), 403, "{version} {is_bundled}");
        let log = envoy.log();
        log.wait_for("defautl: cannot differ by route").unwrap();
        log.wait_for("providers: cannot differ by route").unwrap();
        assert_eq!(envoy.traps(), 0, "{version} {is_bundled}");
    }
}

/// Several instances of which a route enables one, and, where Envoy has it, a filter that stands on
/// the route itself.
#[test]
fn instances_and_inline_filters_are_for_their_routes() {
    for version in ENVOY_VERSIONS {
        let peers = Peers::start().unwrap();
        let closed = json!({ "providers": {}, "default": "deny" });
        let mut bootstrap = bootstrap(&peers, "jwt-auth", &closed);
        let filter = bootstrap.filter("jwt-auth").unwrap();
        let inline = filter.clone();
        filter["disabled"] = json!(true);
        let enabled = json!({ "typed_per_filter_config": { "jwt-auth": {
            "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {},
        } } });
        let mut routes = vec![route("instance", enabled)];
        let has_inline = !["1.36.4", "1.37.0", "1.38.2"].contains(&version);
        if has_inline {
            let chain = "type.googleapis.com/envoy.extensions.filters.http.filter_chain.v3";
            let name = "envoy.filters.http.filter_chain";
            let manager = bootstrap.connection_manager().unwrap();
            let filters = manager["http_filters"].as_array_mut().unwrap();
            let of_chain = json!({
                "name": name, "typed_config": { "@type": format!("{chain}.FilterChainConfig") },
            });
            filters.insert(0, of_chain);
            routes.push(route(
                "inline",
                json!({ "typed_per_filter_config": { name: {
                "@type": format!("{chain}.FilterChainConfigPerRoute"),
                "filter_chain": { "filters": [inline] },
            } } }),
            ));
        }
        routes.push(route("", json!({})));
        let hosts = json!([{ "name": "all", "domains": ["*"], "routes": routes }]);
        set_virtual_hosts(&mut bootstrap, hosts);
        let envoy = start(&bootstrap, version);
        assert_eq!(status(&envoy, &Request::get("/")), 200, "{version}");
        assert_eq!(status(&envoy, &Request::get("/instance")), 403, "{version}");
        let inline = if has_inline { 403 } else { 200 };
        assert_eq!(
            status(&envoy, &Request::get("/inline")),
            inline,
            "{version}"
        );
    }
}

/// Routes that go by a header of the gateway: Envoy chooses the route anew when jwt-auth has set or removed
/// it. Responses are redacted as the route says that the request has taken; in the bundle nobody
/// brings such a header, and beside other plugins where the configuration says so.
#[test]
fn what_goes_by_the_route_goes_by_the_one_that_is_taken() {
    let to = json!({ "cluster": "upstream", "prefix_rewrite": "/patients/7" });
    let acme = json!({ "name": "x-tenant", "string_match": { "exact": "acme" } });
    let hosts = json!([{ "name": "all", "domains": ["*"], "routes": [
        { "name": "acme", "match": { "prefix": "/", "headers": [acme] }, "route": to },
        { "name": "rest", "match": { "prefix": "/" }, "route": to },
    ] }]);
    let auth = |managed: &str| {
        json!({
            "managed_headers": managed,
            "providers": { "partners": {
                "api_keys": { "from": [{ "header": "x-api-key" }], "keys": [
                    { "id": "acme", "tenant": "acme", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" },
                    { "id": "bolt", "tenant": "bolt", "sha256": "d0b3cba71f725563d316ea3516099328042095d10f4571be25c07f9ce31985a5" },
                ] },
                "claims_to_headers": [{ "claim": "tenant", "header": "x-tenant" }],
            } },
            "rules": [{ "require": { "provider": "partners" } }],
        })
    };
    let redact = json!({ "rules": [
        { "match": { "routes": ["acme"] }, "apply_to": ["response.body"], "detect": ["EMAIL"] },
    ] });
    for (managed, is_bundled, spoofed) in [
        ("remove", false, 200),
        ("refuse", false, 400),
        ("remove", true, 200),
        ("", true, 400),
    ] {
        let peers = Peers::start().unwrap();
        let mut bootstrap = peers.bootstrap(&["jwt-auth", "pii-redactor"]).unwrap();
        let mut auth = auth(managed);
        if managed.is_empty() {
            auth.as_object_mut().unwrap().remove("managed_headers");
        }
        if is_bundled {
            bootstrap.bundle().unwrap();
            let whole = json!({ "auth": auth, "redact": redact });
            bootstrap.configure(BUNDLE, &whole.to_string()).unwrap();
        } else {
            bootstrap.configure("jwt-auth", &auth.to_string()).unwrap();
            bootstrap
                .configure("pii-redactor", &redact.to_string())
                .unwrap();
        }
        set_virtual_hosts(&mut bootstrap, hosts.clone());
        let envoy = start(&bootstrap, ENVOY_VERSIONS[0]);
        let get = |key: &str| Request::get("/").header("x-api-key", key);
        let send = |request: &Request| envoy.client(Protocol::Http1).send(request).unwrap();
        for (key, is_redacted) in [("test", true), ("bolt", false)] {
            let response = send(&get(key));
            assert_eq!(response.status, 200, "{managed} {is_bundled} {key}");
            let shows = response.text().contains("ada@example.com");
            assert_eq!(!shows, is_redacted, "{managed} {is_bundled} {key}");
            // Whatever the client says of itself.
            for tenant in ["acme", "bolt"] {
                let response = send(&get(key).header("x-tenant", tenant));
                assert_eq!(response.status, spoofed, "{managed} {is_bundled} {key}");
                if spoofed == 200 {
                    let shows = response.text().contains("ada@example.com");
                    assert_eq!(!shows, is_redacted, "{managed} {is_bundled} {key} {tenant}");
                }
            }
        }
        assert_eq!(envoy.traps(), 0, "{managed} {is_bundled}");
    }
}
