//! A response that is refused on its way back does not pass token-bucket, which is before
//! pii-redactor in the chain; its client learns where it stands all the same.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use host::fake::{Profile, Proxy, Request, Response, StreamProperties};
use pii_redactor::PiiRedactor;

#[test]
fn a_refused_response_has_the_headers_of_rate_limits() {
    let mut proxy = Proxy::native::<PiiRedactor>(Profile::Envoy);
    proxy
        .configure(
            r#"{"rules":[{"name":"r","apply_to":["response.headers"],"detect":["US_SSN"]}],
                "actions":{"US_SSN":"block"}}"#,
        )
        .unwrap();
    let properties = StreamProperties::default();
    properties.set(
        "meshward.within_limits",
        "x-ratelimit-limit:20, 20;w=12;name=\"a\"\nx-ratelimit-remaining:7\n",
    );
    let request = Request::get("/").properties(&properties);
    let response = Response::json("{}").header("x-note", "SSN 536-22-1234");
    let outcome = proxy.run(&request, &response);
    assert_eq!(outcome.client().status(), Some(502), "refused");
    let header = |name: &str| outcome.client().header(name).unwrap();
    assert_eq!(header("x-ratelimit-remaining"), "7");
    assert_eq!(header("x-ratelimit-limit"), r#"20, 20;w=12;name="a""#);
}
