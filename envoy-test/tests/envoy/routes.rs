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
