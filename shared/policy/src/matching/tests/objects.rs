//! Rules about callers and what the request names: whose object it is.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

#[test]
fn a_claim_on_what_the_request_names_counts_under_each_reading() {
    let own = rule(
        r#"{"paths":["/users/**"],"claims":[{"claim":"sub","equals":{"path":"/users/{id}/**"}}]}"#,
    );
    let of_jane = |path: &str| DescribedRequest {
        identity: Some(Identity {
            subject: Some("jane".to_owned()),
            ..Identity::default()
        }),
        ..get(path, &[])
    };
    for (path, applied, chosen) in [
        ("/users/jane/x", true, Selection::Rule(0)),
        ("/users/joe/x", false, Selection::NoRule),
        (
            "/users/joe%2f..%2fjane/x",
            true,
            Selection::Ambiguous(Ambiguity::Path),
        ),
    ] {
        let request = of_jane(path);
        assert_eq!(applies(&own, &request), applied, "{path}");
        assert_eq!(select([&own].into_iter(), &request), chosen, "{path}");
    }
}

#[test]
fn a_segment_that_no_path_of_the_rule_has_is_a_mistake() {
    let read = |paths: &str, pattern: &str| {
        let text = format!(
            r#"{{"paths":{paths},"claims":[{{"claim":"sub","equals":{{"path":"{pattern}"}}}}]}}"#
        );
        config::read(&text, |n| Match::read(&n)).map_err(|problems| problems.to_string())
    };
    for (paths, pattern) in [
        (r#"["/users/*"]"#, "/users/{id}"),
        (r#"["/users/**"]"#, "/users/{id}/orders"),
        (r#"["/a","/users/*"]"#, "/users/{id}/**"),
        (r#"["/**"]"#, "/users/{id}"),
        (r#"["/Users/*"]"#, "/users/{id}"),
    ] {
        assert!(read(paths, pattern).is_ok(), "{paths} {pattern}");
    }
    for (paths, pattern) in [
        (r#"["/orders/**"]"#, "/users/{id}"),
        (r#"["/users"]"#, "/users/{id}"),
        (r#"["/users/*/orders"]"#, "/users/{id}"),
    ] {
        let problems = read(paths, pattern).unwrap_err();
        assert!(problems.contains("claims[0]"), "{problems}");
        assert!(problems.contains("always be missing"), "{problems}");
    }
}
