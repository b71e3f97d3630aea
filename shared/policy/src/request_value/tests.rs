#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::config;
use crate::facts::DescribedRequest;
use crate::facts::tests::get;

fn place(text: &str) -> RequestValue {
    config::read(text, |n| RequestValue::read(&n)).unwrap()
}

fn values(place_text: &str, request: &DescribedRequest) -> (Vec<String>, bool) {
    let readings = place(place_text).readings(request);
    (readings.values, readings.is_missing_somewhere)
}

fn one(value: &str) -> (Vec<String>, bool) {
    (vec![value.to_owned()], false)
}

#[test]
fn values_of_a_plain_request() {
    let headers = [("x-tenant", "acme"), ("x-list", "a, b")];
    let mut request = get("/users/7/orders?patient=p%2B1", &headers);
    request.host = "acme.example.com".to_owned();
    for (place, expected) in [
        (r#"{"path":"/users/{id}/**"}"#, one("7")),
        (r#"{"path":"/*/{id}/orders"}"#, one("7")),
        (r#"{"query":"patient"}"#, one("p+1")),
        (r#"{"header":"x-tenant"}"#, one("acme")),
        (r#"{"host":"{tenant}.example.com"}"#, one("acme")),
        (r#"{"host":"{host}"}"#, one("acme.example.com")),
    ] {
        assert_eq!(values(place, &request), expected, "{place}");
    }
    for missing in [
        r#"{"path":"/users/{id}"}"#,
        r#"{"path":"/accounts/{id}/**"}"#,
        r#"{"query":"person"}"#,
        r#"{"header":"x-person"}"#,
        r#"{"host":"{tenant}.example.org"}"#,
        r#"{"client_certificate":"uri_san"}"#,
    ] {
        assert_eq!(values(missing, &request), (vec![], true), "{missing}");
    }
}

#[test]
fn each_reading_has_its_value() {
    let path = place(r#"{"path":"/users/{id}/**"}"#);
    let fit =
        |path_sent: &str, id: &str| path.readings(&get(path_sent, &[])).fit(|value| value == id);
    assert_eq!(fit("/users/7/x", "7"), Fit::Yes);
    assert_eq!(fit("/users/7%40x/x", "7@x"), Fit::Yes);
    assert_eq!(fit("/users/7/x", "8"), Fit::No);
    assert_eq!(fit("/users", "7"), Fit::No);
    for ambiguous in [
        "/users/%37/x",
        "/users/8/..%2f7/x",
        "/users/7;/../8/x",
        "/users/8%2f..%2f7/x",
        "/users//7",
    ] {
        assert_ne!(fit(ambiguous, "7"), Fit::Yes, "{ambiguous}");
    }
    assert_eq!(fit("/users/%zz", "7"), Fit::Maybe(Ambiguity::Path));
    let query = place(r#"{"query":"user"}"#);
    let twice = query.readings(&get("/x?user=7&user=8", &[]));
    assert_eq!(
        twice.fit(|value| value == "7"),
        Fit::Maybe(Ambiguity::Query)
    );
    let header = place(r#"{"header":"x-user"}"#);
    let lines = [("x-user", "7"), ("x-user", "8")];
    let twice = header.readings(&get("/", &lines));
    assert_eq!(
        twice.fit(|value| value == "7"),
        Fit::Maybe(Ambiguity::Header)
    );
}

#[test]
fn an_empty_value_is_a_missing_one() {
    let request = get("/x?user=", &[("x-user", "")]);
    for place in [r#"{"query":"user"}"#, r#"{"header":"x-user"}"#] {
        assert_eq!(values(place, &request), (vec![], true), "{place}");
    }
}

#[test]
fn places_that_name_nothing_are_mistakes() {
    for wrong in [
        r#"{"path":"/users/**"}"#,
        r#"{"path":"/users/{id}/{other}"}"#,
        r#"{"path":"/users/x{id}"}"#,
        r#"{"path":"users/{id}"}"#,
        r#"{"path":"/users/{}"}"#,
        r#"{"host":"example.com"}"#,
        r#"{"host":"a{b}.example.com"}"#,
        r#"{"host":"{a}.{b}.example.com"}"#,
        r#"{"client_certificate":"issuer"}"#,
        r#"{"query":"a","header":"b"}"#,
        "{}",
    ] {
        let read = config::read(wrong, |n| RequestValue::read(&n));
        assert!(read.is_err(), "{wrong}");
    }
}

/// A server takes one of them; so whoever sends many is known to ask for these.
#[test]
fn of_too_many_values_the_first_and_the_last_are_there() {
    let mut query = String::from("/list?x=1");
    for number in 0..200 {
        query.push_str(&format!("&patient={number}"));
    }
    let readings = place(r#"{"query":"patient"}"#).readings(&get(&query, &[]));
    assert!(readings.is_incomplete);
    for known in ["0", "7", "199"] {
        assert!(
            readings.values.iter().any(|value| value == known),
            "{readings:?}"
        );
    }
    assert_eq!(
        readings.fit(|value| value == "0"),
        Fit::Maybe(Ambiguity::Query)
    );
}
