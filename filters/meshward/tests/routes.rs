//! What differs by route: in each filter alone, and in the bundle.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use host::fake::{
    HOST_CALLS, Outcome, Profile, Proxy, Request, Response, name_spaces, route_metadata,
};
use meshward_bundle::Meshward;
use policy::config::Configuration as _;
use policy::json::Json;

const BOTH: [bool; 2] = [false, true];

/// A filter, alone or as the only part of the bundle, with `route_config` set.
struct Bed {
    filter: &'static str,
    proxy: Proxy,
}

impl Bed {
    fn new(filter: &'static str, is_bundled: bool, configuration: &str) -> Self {
        let (mut proxy, configuration) = match (filter, is_bundled) {
            (_, true) => {
                let part = policy::filters::part_key(filter);
                let whole = format!(r#"{{"{part}": {configuration}}}"#);
                (Proxy::native::<Meshward>(Profile::Envoy), whole)
            }
            (_, false) => (alone(filter, Profile::Envoy), configuration.to_owned()),
        };
        let configured = proxy.configure(configuration);
        configured.unwrap_or_else(|refused| panic!("{}", refused.text()));
        Self { filter, proxy }
    }

    /// A request on a route that says this to the filter, as text.
    fn on_route(&mut self, said: &str) -> Outcome {
        self.said(Json::String(said.to_owned()))
    }

    fn said(&mut self, said: Json) -> Outcome {
        let space = format!("meshward.{}", self.filter);
        let metadata = route_metadata(&[("another", Json::Bool(true)), (&space, said)]);
        self.run(&get().attribute(&["xds", "route_metadata"], metadata))
    }

    fn run(&mut self, request: &Request) -> Outcome {
        let outcome = self.proxy.run(request, &Response::json(BODY));
        assert_eq!(outcome.trap, None);
        outcome
    }

    fn errors(&self, outcome: &str) -> i64 {
        let name = "meshward.FILTER.route_config_errors_total;outcome=OUTCOME";
        let name = name
            .replace("FILTER", self.filter)
            .replace("OUTCOME", outcome);
        self.proxy.host().metric(&name)
    }
}

fn alone(filter: &str, profile: Profile) -> Proxy {
    match filter {
        "jwt-auth" => Proxy::native::<jwt_auth::JwtAuth>(profile),
        "token-bucket" => Proxy::native::<token_bucket::TokenBucket>(profile),
        "pii-redactor" => Proxy::native::<pii_redactor::PiiRedactor>(profile),
        _ => Proxy::native::<audit_emitter::AuditEmitter>(profile),
    }
}

fn get() -> Request {
    Request::get("/orders/1").header("host", "shop.example")
}

fn status(outcome: &Outcome) -> u16 {
    outcome.client().status().unwrap()
}

const BODY: &str = r#"{"mail":"ada@example.com"}"#;
/// The SHA-256 of "test".
const AUTH: &str = r#"{"ROUTES": {}, "providers": {"partners": {"api_keys": {
    "from": [{"header": "x-api-key"}],
    "keys": [{"id": "acme", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}]
}}}, "rules": [], "default": "deny"}"#;
const LIMITS: &str = r#"{"ROUTES": {}, "limits": [{"name": "l", "key": ["ip"], "rate": "1/h"}]}"#;
const REDACT: &str = r#"{"ROUTES": {}, "rules": [{"detect": ["EMAIL"]}]}"#;
const AUDIT: &str = r#"{"ROUTES": {}, "sink": {"host_log": {}}, "rules": [{"level": "none"}]}"#;

fn with(template: &str, routes: &str) -> String {
    template.replace(r#""ROUTES": {}"#, routes)
}

const ON: &str = r#""route_config": true"#;
const LENIENT: &str = r#""route_config": {"on_error": "allow"}"#;

const ALL: [(&str, &str); 4] = [
    ("jwt-auth", AUTH),
    ("token-bucket", LIMITS),
    ("pii-redactor", REDACT),
    ("audit-emitter", AUDIT),
];

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

/// A route that lets everybody in or only watches, and goes by a header that is then removed: the request
/// goes to another route, so what the first one says does not let it pass.
#[test]
fn the_metadata_of_a_route_that_a_client_chose_by_our_header_does_not_count() {
    let claims = r#""claims_to_headers": [{"claim": "tenant", "header": "x-tenant"}], "api_keys""#;
    let auth = with(AUTH, ON).replace(r#""api_keys""#, claims);
    let watching = auth.replacen('{', r#"{"mode": "report", "#, 1);
    let removing = auth.replacen('{', r#"{"managed_headers": "remove", "#, 1);
    for is_bundled in BOTH {
        let on = |bed: &mut Bed, said: &str, header: bool| {
            let text = Json::String(said.to_owned());
            let metadata = route_metadata(&[("meshward.jwt-auth", text)]);
            let request = get().attribute(&["xds", "route_metadata"], metadata);
            let request = match header {
                true => request.header("X_Tenant", "open"),
                false => request,
            };
            status(&bed.run(&request))
        };
        let mut bed = Bed::new("jwt-auth", is_bundled, &auth);
        for open in [r#"{"default": "anonymous"}"#, r#"{"mode": "report"}"#] {
            assert_eq!(on(&mut bed, open, false), 200, "{open}");
            assert_eq!(on(&mut bed, open, true), 400, "{open}");
        }
        // A plugin that only watches refuses nothing, until a route enforces.
        let mut bed = Bed::new("jwt-auth", is_bundled, &watching);
        let open = r#"{"default": "anonymous"}"#;
        assert_eq!(on(&mut bed, open, true), 200);
        assert_eq!(on(&mut bed, r#"{"mode": "enforce"}"#, false), 403);
        assert_eq!(on(&mut bed, open, true), 400);
        // Whoever says that no route goes by such a header is believed.
        let mut bed = Bed::new("jwt-auth", is_bundled, &removing);
        assert_eq!(on(&mut bed, open, true), 200);
    }
}

/// What any part of the bundle does by the route is done by the route that Envoy chose first.
#[test]
fn no_client_chooses_the_limits_the_redaction_or_the_records_of_a_route_by_our_header() {
    let claims = r#""claims_to_headers": [{"claim": "tenant", "header": "x-tenant"}], "api_keys""#;
    let auth = with(AUTH, r#""mode": "enforce""#).replace(r#""api_keys""#, claims);
    let auth = auth.replace(r#""default": "deny""#, r#""default": "anonymous""#);
    let by = |key: &str| format!(r#"{{"match": {{"{key}": ["acme"]}}, EXTRA}}"#);
    for (part, rest) in [
        ("limits", r#"{"limits": [RULE]}"#),
        ("redact", r#"{"rules": [RULE]}"#),
        ("audit", r#"{"sink": {"host_log": {}}, "rules": [RULE]}"#),
    ] {
        let extra = match part {
            "limits" => r#""name": "l", "key": ["ip"], "rate": "9/h""#,
            "redact" => r#""detect": ["EMAIL"]"#,
            _ => r#""level": "none""#,
        };
        let configured = |key: &str, auth: &str| {
            let rule = by(key).replace("EXTRA", extra);
            let text = format!(
                r#"{{"auth": {auth}, "{part}": {}}}"#,
                rest.replace("RULE", &rule)
            );
            let mut proxy = Proxy::native::<Meshward>(Profile::Envoy);
            let configured = proxy.configure(text);
            configured.unwrap_or_else(|refused| panic!("{part}: {}", refused.text()));
            let mut run = |request: &Request| status(&proxy.run(request, &Response::json(BODY)));
            assert_eq!(run(&get()), 200, "{part}");
            run(&get().header("x-tenant", "acme"))
        };
        assert_eq!(configured("routes", &auth), 400, "{part}");
        assert_eq!(configured("hosts", &auth), 200, "{part}");
        let removing = auth.replacen('{', r#"{"managed_headers": "remove", "#, 1);
        assert_eq!(configured("routes", &removing), 200, "{part}");
    }
}

/// The gateway itself sets headers by which routes go, so the route of the response is not that of the
/// request: what is redacted is what the route says that the response comes from.
#[test]
fn responses_are_redacted_as_the_route_says_that_they_come_from() {
    let text = |said: &str| Json::String(said.to_owned());
    let says = |said: &str| route_metadata(&[("meshward.pii-redactor", text(said))]);
    let name = ["xds", "route_name"];
    let metadata = ["xds", "route_metadata"];
    let by_name = with(REDACT, r#""mode": "enforce""#).replace(
        r#"{"detect""#,
        r#"{"match": {"routes": ["acme"]}, "detect""#,
    );
    let by_metadata = with(REDACT, ON);
    let reports = says(r#"{"mode": "report"}"#);
    for is_bundled in BOTH {
        for (configuration, path, before, after, expected) in [
            (
                &by_name,
                name,
                b"other".to_vec(),
                b"acme".to_vec(),
                Some("[EMAIL]"),
            ),
            (
                &by_name,
                name,
                b"acme".to_vec(),
                b"other".to_vec(),
                Some("ada@"),
            ),
            (
                &by_metadata,
                metadata,
                reports.clone(),
                says("{}"),
                Some("[EMAIL]"),
            ),
            (
                &by_metadata,
                metadata,
                says("{}"),
                reports.clone(),
                Some("ada@"),
            ),
            (&by_metadata, metadata, says("{}"), says("{"), None),
        ] {
            let mut bed = Bed::new("pii-redactor", is_bundled, configuration);
            let request = get().attribute(&path, before);
            let stream = bed.proxy.start(&request);
            bed.proxy.send(stream, &request);
            assert!(bed.proxy.request_arrived(stream));
            bed.proxy.host().set_stream_attribute(stream, &path, after);
            bed.proxy.respond(stream, &Response::json(BODY));
            let outcome = bed.proxy.finish(stream);
            assert_eq!(outcome.trap, None);
            match expected {
                Some(words) => assert!(outcome.client().text().contains(words), "{path:?}"),
                None => assert_eq!(status(&outcome), 503),
            }
        }
    }
}

#[test]
fn a_route_that_the_host_does_not_tell_with_the_response_is_the_one_of_the_request() {
    let by_name = with(REDACT, r#""mode": "enforce""#).replace(
        r#"{"detect""#,
        r#"{"match": {"routes": ["acme"]}, "detect""#,
    );
    for is_bundled in BOTH {
        let mut bed = Bed::new("pii-redactor", is_bundled, &by_name);
        let request = get().attribute(&["xds", "route_name"], "acme");
        let stream = bed.proxy.start(&request);
        bed.proxy.send(stream, &request);
        let fails = host::Status::InternalFailure;
        bed.proxy.host().fail("proxy_get_property", fails);
        bed.proxy.respond(stream, &Response::json(BODY));
        let outcome = bed.proxy.finish(stream);
        assert!(!outcome.client().text().contains("ada@"), "{is_bundled}");
    }
}

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
                503,
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
