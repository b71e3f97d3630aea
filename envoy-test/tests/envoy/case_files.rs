//! The backend of `meshward test --envoy`: users' case files in a real Envoy.

use cases::{CaseFile, EnvoyBackend, EnvoySettings};
use envoy_test::paths;

fn backend(filter: &str) -> EnvoyBackend {
    EnvoyBackend::new(EnvoySettings {
        envoy: paths::envoy(paths::ENVOY_VERSION).unwrap(),
        module: paths::wasm(filter).unwrap(),
        name: filter.to_owned(),
    })
}

/// Each kind of expectation is met by one of these: bodies, headers, records, metrics, log lines.
#[test]
fn cases_of_each_filter_pass() {
    for (filter, file) in [
        ("token-bucket", "limits"),
        ("jwt-auth", "tokens"),
        ("audit-emitter", "traffic"),
        ("pii-redactor", "requests"),
    ] {
        let path = paths::root().join(format!("filters/{filter}/cases/{file}.toml"));
        let file = CaseFile::read(&path).unwrap();
        let mut backend = backend(filter);
        let fit = (0..file.cases.len())
            .filter(|place| EnvoyBackend::cannot_run(&file.cases[*place]).is_none());
        let fit: Vec<usize> = fit.take(3).collect();
        assert!(!fit.is_empty(), "{filter}");
        for place in fit {
            let failures = cases::run(&file, place, &mut backend).unwrap();
            assert!(failures.is_empty(), "{filter}: {failures:?}");
        }
    }
}

#[test]
fn what_is_not_as_expected_fails_and_what_is_refused_is_told() {
    let text = |limits: &str| {
        format!(
            "configuration = '{{\"limits\": [{limits}]}}'\n[[case]]\nname = 'a'\n[[case.step]]\n\
             request = {{ path = '/' }}\nexpect = {{ status = 201 }}\n"
        )
    };
    let limit = r#"{"name": "a", "key": ["ip"], "rate": "5/s"}"#;
    let file = CaseFile::parse(&text(limit), &paths::root()).unwrap();
    let failures = cases::run(&file, 0, &mut backend("token-bucket")).unwrap();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!((failures[0].line, failures[0].key), (6, "status"));
    let file = CaseFile::parse(&text(r#"{"name": "a"}"#), &paths::root()).unwrap();
    let error = cases::run(&file, 0, &mut backend("token-bucket")).unwrap_err();
    assert!(matches!(error, cases::Error::Refused(_)), "{error}");
    assert!(error.to_string().contains("limits[0].key"), "{error}");
}
