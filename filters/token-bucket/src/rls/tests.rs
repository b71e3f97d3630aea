use proptest::prelude::*;

use super::*;
use crate::rls::json::NoResponse;

fn question(descriptors: &[Descriptor]) -> RateLimitRequest<'_> {
    RateLimitRequest {
        domain: "edge",
        descriptors,
        hits: 3,
    }
}

fn descriptors() -> Vec<Descriptor> {
    let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    vec![
        vec![entry("tenant", "acme"), entry("route", "r")],
        vec![entry("generic_key", "")],
    ]
}

#[test]
fn a_question_is_written_as_the_definition_says() {
    let expected = b"\x0a\x04edge\
        \x12\x1c\x0a\x0e\x0a\x06tenant\x12\x04acme\x0a\x0a\x0a\x05route\x12\x01r\
        \x12\x11\x0a\x0f\x0a\x0bgeneric_key\x12\x00\x18\x03";
    assert_eq!(question(&descriptors()).to_protobuf(), expected);
    assert_eq!(
        question(&descriptors()).to_json(),
        r#"{"domain":"edge","descriptors":[{"entries":[{"key":"tenant","value":"acme"},{"key":"route","value":"r"}]},{"entries":[{"key":"generic_key","value":""}]}],"hitsAddend":3}"#
    );
}

/// The response of the JSON test below in protobuf.
fn message() -> Vec<u8> {
    let limit = Writer::default().varint(1, 10).varint(2, 2).bytes(3, b"x");
    let reset = Writer::default().varint(1, 32).varint(2, 500_000_000);
    let status = Writer::default()
        .varint(1, 2)
        .bytes(2, &limit.finish())
        .varint(3, 0)
        .bytes(4, &reset.finish())
        .bytes(5, b"unknown field");
    let header = Writer::default().bytes(1, b"x-a").bytes(2, b"1");
    let raw = Writer::default().bytes(1, b"x-b").bytes(3, b"\xff");
    Writer::default()
        .varint(1, 2)
        .bytes(2, &status.finish())
        .bytes(2, &Writer::default().varint(1, 1).finish())
        .bytes(3, &header.finish())
        .bytes(4, &raw.finish())
        .bytes(5, b"slow down")
        .bytes(7, b"unknown")
        .varint(99, 1)
        .finish()
}

#[test]
fn responses_are_read_in_both_forms() {
    let response = ServiceResponse::from_protobuf(&message()).unwrap();
    let limit = CurrentLimit {
        name: "x".to_owned(),
        requests: 10,
        window: Some(Duration::from_secs(60)),
    };
    let status = Status {
        code: Code::OverLimit,
        limit: Some(limit),
        remaining: 0,
        until_reset: Some(Duration::from_millis(32_500)),
    };
    let ok = Status {
        code: Code::Ok,
        ..Status::default()
    };
    let expected = ServiceResponse {
        code: Code::OverLimit,
        statuses: vec![status, ok],
        response_headers: vec![("x-a".to_owned(), b"1".to_vec())],
        request_headers: vec![("x-b".to_owned(), b"\xff".to_vec())],
        body: b"slow down".to_vec(),
    };
    assert_eq!(response, expected);
    for text in [
        r#"{"overallCode":"OVER_LIMIT","statuses":[{"code":"OVER_LIMIT","currentLimit":{"name":"x",
            "requestsPerUnit":10,"unit":"MINUTE"},"durationUntilReset":"32.500s"},{"code":"OK","limitRemaining":0}],
            "responseHeadersToAdd":[{"key":"x-a","value":"1"}],"requestHeadersToAdd":[{"key":"x-b","rawValue":"/w=="}],
            "rawBody":"c2xvdyBkb3du","more":{}}"#,
        r#"{"overall_code":2,"statuses":[{"code":2,"current_limit":{"name":"x","requests_per_unit":"10","unit":2},
            "duration_until_reset":"32.5s"},{"code":1}],"response_headers_to_add":[{"key":"x-a","value":"1"}],
            "request_headers_to_add":[{"key":"x-b","raw_value":"_w"}],"raw_body":"c2xvdyBkb3du","quota":null}"#,
    ] {
        assert_eq!(
            ServiceResponse::from_json(text.as_bytes()),
            Ok(expected.clone()),
            "{text}"
        );
    }
    assert_eq!(
        ServiceResponse::from_json(b"{}").unwrap().code,
        Code::Unknown
    );
    assert_eq!(
        ServiceResponse::from_protobuf(b"").unwrap().code,
        Code::Unknown
    );
}

#[test]
fn what_is_no_response_is_an_error() {
    for text in [
        "",
        "[]",
        "null",
        "\"OK\"",
        r#"{"overallCode":[]}"#,
        r#"{"overallCode":"OK","statuses":{}}"#,
        r#"{"overallCode":"OK","statuses":[{"limitRemaining":-1}]}"#,
        r#"{"overallCode":"OK","responseHeadersToAdd":[{"key":1}]}"#,
        r#"{"overallCode":"OK","rawBody":"%"}"#,
    ] {
        assert_eq!(
            ServiceResponse::from_json(text.as_bytes()),
            Err(NoResponse),
            "{text}"
        );
    }
    let long = format!(
        r#"{{"overallCode":"OK","x":"{}"}}"#,
        "a".repeat(MAX_RESPONSE_BYTES)
    );
    assert_eq!(ServiceResponse::from_json(long.as_bytes()), Err(NoResponse));
    let message = message();
    for length in 1..message.len() {
        let _ = ServiceResponse::from_protobuf(&message[..length]);
    }
    assert!(ServiceResponse::from_protobuf(&message[..message.len() - 1]).is_err());
    assert!(ServiceResponse::from_protobuf(&vec![0x0a; MAX_RESPONSE_BYTES + 1]).is_err());
    let negative = Writer::default().varint(1, u64::MAX).finish();
    let status = Writer::default().bytes(4, &negative).finish();
    let response = Writer::default().varint(1, 2).bytes(2, &status).finish();
    let response = ServiceResponse::from_protobuf(&response).unwrap();
    assert_eq!(response.statuses[0].until_reset, None);
}

proptest! {
    #[test]
    fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in any::<usize>()) {
        let _ = (ServiceResponse::from_protobuf(&bytes), ServiceResponse::from_json(&bytes));
        let mut changed = message();
        let at = at % changed.len();
        for (byte, new) in changed[at..].iter_mut().zip(&bytes) {
            *byte = *new;
        }
        let _ = ServiceResponse::from_protobuf(&changed);
    }
}
