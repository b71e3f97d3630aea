//! What nginx hosts do not do, and what the filter does about it.

use host::fake::{CallResponse, Profile, Proxy, Request, Response};
use jwt_auth::JwtAuth;

const NGINX: [Profile; 2] = [Profile::Apisix, Profile::Kong];

fn proxy(profile: Profile, configuration: &str) -> Proxy {
    let mut proxy = Proxy::native::<JwtAuth>(profile);
    proxy.configure(configuration).unwrap();
    proxy
}

/// API keys in `header`; everything under `/open` is for everybody.
fn keys(rest: &str) -> String {
    // SHA-256 of `mw_a-key-of-acme-that-is-long-enough`.
    let hash = "833ee12ccfd53ab83a9da632a27d5d29ee5e3c35cab9d263a393cd92ecf993ca";
    format!(
        r#"{{"providers":{{"partners":{{"api_keys":{{"from":[{{"header":"x-api-key"}}],
            "keys":[{{"id":"acme","sha256":"{hash}"}}]}},
            "claims_to_headers":[{{"claim":"sub","header":"x-role"}}]{rest}}}}},
        "rules":[{{"match":{{"paths":["/open/**"]}},"allow":"anonymous"}},
            {{"require":{{"provider":"partners"}}}}]}}"#
    )
}

const KEY: &str = "mw_a-key-of-acme-that-is-long-enough";
const JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a",
    "x":"yKf_wndmFdMm1PQuvt3audRj3pHTkfFA49RhiZ9K4_8",
    "y":"c8cIHE-YzOaCDGA6mQv9wzOsf2p8EZPxqSjJREcksYk"}]}"#;

fn crowded(request: Request, headers: usize) -> Request {
    (0..headers).fold(request, |request, number| {
        request.header(&format!("x-{number}"), "1")
    })
}

#[test]
fn no_number_of_headers_hides_one_that_only_we_may_set() {
    for headers in [90, 99, 100, 130, 500] {
        let mut proxy = proxy(Profile::Apisix, &keys(""));
        let request = crowded(Request::get("/open/1"), headers)
            .header("x-meshward-identity", "e30")
            .header("x-role", "admin");
        let outcome = proxy.run(&request, &Response::new(200));
        let upstream = outcome.upstream();
        for name in ["x-meshward-identity", "x-role"] {
            assert_eq!(upstream.header(name), None, "{headers} {name}");
        }
        // `host`, `x-request-id` and the two are listed as well.
        let expected = if headers + 4 < 100 { 200 } else { 431 };
        assert_eq!(outcome.client().status(), Some(expected), "{headers}");
        if expected == 431 {
            assert!(outcome.client().text().contains("headers_unlisted"));
            assert_eq!(upstream.headers, None);
        }
    }
}

#[test]
fn in_report_mode_too_many_headers_are_counted_and_ours_are_removed() {
    let configuration = keys("").replacen('{', "{\"mode\":\"report\",", 1);
    let mut proxy = proxy(Profile::Apisix, &configuration);
    let request = crowded(Request::get("/open/1"), 130).header("x-role", "admin");
    let outcome = proxy.run(&request, &Response::new(200));
    assert_eq!(outcome.client().status(), Some(200));
    assert_eq!(outcome.upstream().header("x-role"), None);
    assert!(outcome.logged("headers_unlisted"));
}

#[test]
fn a_header_that_the_host_cannot_remove_is_refused() {
    let mut kong = proxy(Profile::Kong, &keys(""));
    for name in ["x-role", "X-Meshward-Identity"] {
        let request = Request::get("/open/1").header(name, "admin");
        let outcome = kong.run(&request, &Response::new(200));
        assert_eq!(outcome.client().status(), Some(400), "{name}");
        assert!(outcome.client().text().contains("managed_header"));
        assert_eq!(outcome.upstream().headers, None);
    }
    let plain = kong.run(&Request::get("/open/1"), &Response::new(200));
    assert_eq!(plain.client().status(), Some(200));
}

#[test]
fn a_credential_that_the_host_cannot_remove_is_overwritten() {
    let mut kong = proxy(Profile::Kong, &keys(""));
    let request = Request::get("/orders").header("x-api-key", KEY);
    let outcome = kong.run(&request, &Response::new(200));
    assert_eq!(outcome.client().status(), Some(200));
    assert_eq!(outcome.upstream().header_values("x-api-key"), ["removed"]);
    // Of two lines only one can be overwritten.
    let outcome = kong.run(&request.header("x-api-key", KEY), &Response::new(200));
    assert_eq!(outcome.client().status(), Some(400));
    assert!(outcome.client().text().contains("credential_kept"));
    assert_eq!(outcome.upstream().headers, None);
}

#[test]
fn credentials_in_a_query_are_refused_at_load_where_queries_cannot_be_rewritten() {
    let in_query = keys("").replace(
        r#"{"header":"x-api-key"}"#,
        r#"{"header":"x-api-key"},{"query":"key"}"#,
    );
    for profile in NGINX {
        let mut refusing = Proxy::native::<JwtAuth>(profile);
        let refused = refusing.configure(&in_query).unwrap_err();
        let text = refused.text();
        assert!(text.contains("providers.partners.from[1].query"), "{text}");
        assert!(text.contains("\"forward\": true"), "{text}");
        let forwards = in_query.replace("\"claims_to", "\"forward\":true,\"claims_to");
        proxy(profile, &forwards);
    }
    proxy(Profile::Envoy, &in_query);
}

#[test]
fn one_call_at_a_time_fetches_the_keys_of_all_providers() {
    let provider = |name: &str| {
        format!(
            r#""{name}":{{"issuer":"https://{name}.example.com","audiences":["api"],
            "jwks":{{"remote":{{"uri":"https://{name}.example.com/jwks","cluster":"{name}"}}}}}}"#
        )
    };
    let configuration = format!(
        r#"{{"providers":{{{},{}}},"rules":[{{"require":{{"any_of":["a","b"]}}}}]}}"#,
        provider("a"),
        provider("b")
    );
    let mut apisix = proxy(Profile::Apisix, &configuration);
    apisix.respond_to_calls(|_| Some(CallResponse::http(200, JWKS)));
    let header = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ";
    for issuer in ["a", "b", "a", "b"] {
        use base64::Engine as _;
        let claims =
            format!(r#"{{"iss":"https://{issuer}.example.com","aud":"api","exp":4102444800}}"#);
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims);
        let token = format!("{header}.{claims}.AAAA");
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        let outcome = apisix.run(&request, &Response::new(200));
        assert_eq!(outcome.trap, None);
        assert_ne!(outcome.client().status(), Some(200));
        assert!(
            !outcome.logged("could not be fetched"),
            "{:?}",
            outcome.logs
        );
    }
}

#[test]
fn a_client_with_tls_is_not_redirected_to_tls() {
    let tls = r#""provider":"partners","tls":{"redirect":true,"min_version":"1.2"}"#;
    let configuration = keys("").replace(r#""provider":"partners""#, tls);
    for profile in NGINX {
        let mut proxy = proxy(profile, &configuration);
        for (scheme, expected) in [("http", 308), ("https", 200)] {
            let request = Request::get("/")
                .header(":scheme", scheme)
                .header("x-api-key", KEY)
                .attribute(&["scheme"], scheme)
                .attribute(&["request", "scheme"], scheme)
                .attribute(&["ssl_protocol"], "TLSv1.3")
                .attribute(&["connection", "tls_version"], "TLSv1.3");
            let outcome = proxy.run(&request, &Response::new(200));
            assert_eq!(
                outcome.client().status(),
                Some(expected),
                "{profile:?} {scheme}"
            );
        }
    }
}

#[test]
fn nothing_is_asked_that_the_host_logs_as_an_error() {
    for profile in NGINX {
        let mut proxy = proxy(profile, &keys(""));
        let before = proxy.host().errors_logged_by_the_host().len();
        let request = Request::get("/orders").header("x-api-key", "unknown");
        for request in [Request::get("/open/1"), request] {
            proxy.run(&request, &Response::new(200));
        }
        let noise = proxy.host().errors_logged_by_the_host().split_off(before);
        assert_eq!(noise, Vec::<String>::new(), "{profile:?}");
    }
}

#[test]
fn what_a_host_cannot_do_is_refused_with_the_reason() {
    let with = |more: &str| keys("").replacen('{', &format!("{{{more},"), 1);
    let by_route = r#""response_rules":[{"match":{"routes":["r"]},"remove_headers":["server"]}]"#;
    let folded = r#""_rules_":[{"_match_route_":["r"],"mode":"report"}]"#;
    let hides = r#""response_rules":[{"hide_errors":true}]"#;
    for (more, path, hosts) in [
        (by_route, "response_rules[0].match.routes", &NGINX[..]),
        (folded, "_rules_[0]._match_route_", &NGINX),
        (hides, "response_rules[0].hide_errors", &[Profile::Apisix]),
    ] {
        for profile in Profile::ALL {
            let configured = Proxy::native::<JwtAuth>(profile).configure(with(more));
            match (configured, hosts.contains(&profile)) {
                (Ok(()), false) => {}
                (Err(refused), true) => {
                    let text = refused.text();
                    assert!(text.contains(path) && text.contains("this host"), "{text}");
                }
                (configured, _) => panic!("{profile:?} {more}: {configured:?}"),
            }
        }
    }
}
