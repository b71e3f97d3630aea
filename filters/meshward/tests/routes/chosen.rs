//! Which route counts: the one that the proxy chose, not the one that a client would like.

use host::fake::{Profile, Proxy, Request, Response, route_metadata};
use meshward_bundle::Meshward;
use policy::json::Json;

use crate::bed::{AUTH, BODY, BOTH, Bed, LIMITS, ON, REDACT, get, status, with};

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

/// Envoy chooses the route by its own reading of the path, and a server may serve what another route protects.
#[test]
fn a_path_that_leads_elsewhere_has_the_policy_of_no_route() {
    let auth = with(AUTH, ON);
    let open = r#"{"default": "anonymous"}"#;
    let watching = auth.replacen('{', r#"{"mode": "report", "#, 1);
    for is_bundled in BOTH {
        let on = |bed: &mut Bed, path: &str, said: &str| {
            let text = Json::String(said.to_owned());
            let metadata = route_metadata(&[("meshward.jwt-auth", text)]);
            let request = Request::get(path).attribute(&["xds", "route_metadata"], metadata);
            status(&bed.run(&request))
        };
        let mut bed = Bed::new("jwt-auth", is_bundled, &auth);
        for (path, expected) in [
            ("/x/..%2fadmin", 400),
            ("//admin", 400),
            ("/;x/admin", 400),
            ("/%zz", 400),
            ("/projects/a%2Fb", 200),
            ("/@scope%2fname", 200),
            ("/wiki/What%3F", 200),
        ] {
            assert_eq!(on(&mut bed, path, open), expected, "{path}");
        }
        // A plugin that only watches refuses nothing, until a route enforces.
        let mut bed = Bed::new("jwt-auth", is_bundled, &watching);
        assert_eq!(on(&mut bed, "//admin", open), 200);
        assert_eq!(on(&mut bed, "//admin", r#"{"mode": "enforce"}"#), 400);
        assert_eq!(on(&mut bed, "//admin", open), 400);
        let counter = "meshward.jwt-auth.ambiguous_paths_total;outcome=";
        let counted = ["reported", "denied"]
            .map(|outcome| bed.proxy.host().metric(&format!("{counter}{outcome}")));
        assert_eq!(counted, [1, 2]);
        for (trust, escaped, moved) in [("unambiguous", 400, 400), ("always", 200, 200)] {
            let configuration = auth.replacen('{', &format!(r#"{{"route_trust": "{trust}", "#), 1);
            let mut bed = Bed::new("jwt-auth", is_bundled, &configuration);
            assert_eq!(on(&mut bed, "/projects/a%2Fb", open), escaped, "{trust}");
            assert_eq!(on(&mut bed, "//admin", open), moved, "{trust}");
        }
    }
}

/// Of rules by the name of the route, those that may be meant count.
#[test]
fn limits_and_redaction_apply_to_a_path_that_may_belong_to_their_route() {
    let on = |path: &str| Request::get(path).attribute(&["xds", "route_name"], "public".to_owned());
    let of_admin = r#""match": {"routes": ["admin"]}"#;
    for is_bundled in BOTH {
        let limits = with(LIMITS, r#""mode": "enforce""#)
            .replace(r#""name": "l""#, &format!(r#""name": "l", {of_admin}"#));
        let mut bed = Bed::new("token-bucket", is_bundled, &limits);
        assert_eq!(
            ["/a", "/a", "/x/..%2fadmin", "/x/..%2fadmin", "/a%2Fb"]
                .map(|path| status(&bed.run(&on(path)))),
            [200, 200, 200, 429, 200]
        );
        let keyed = with(LIMITS, r#""mode": "enforce""#).replace(r#"["ip"]"#, r#"["route"]"#);
        let mut bed = Bed::new("token-bucket", is_bundled, &keyed);
        assert_eq!(
            ["//admin", "/a"].map(|path| status(&bed.run(&on(path)))),
            [400, 200]
        );
        let redact = with(REDACT, r#""mode": "enforce""#)
            .replace(r#"{"detect""#, &format!(r#"{{{of_admin}, "detect""#));
        let mut bed = Bed::new("pii-redactor", is_bundled, &redact);
        for (path, is_redacted) in [("/a", false), ("//admin", true)] {
            let outcome = bed.run(&on(path));
            assert_eq!(
                outcome.client().text().contains("[EMAIL]"),
                is_redacted,
                "{path}"
            );
        }
    }
}
