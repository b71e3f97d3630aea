//! What is shipped beside the code: the README, the examples, the compose files, the modules.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod compose;
mod demo;
mod engines;
mod envoy_manifests;
mod examples;
mod explained;
mod first_run;
mod fleet;
mod keycloak;
mod links;
mod machine;
mod manifests;
mod modules;
mod packages;
mod panics;
mod readme;
mod trail;

use std::fs;

use envoy_test::envoy::MODULES;
use envoy_test::{ENVOY_VERSION, paths};
use serde_json::Value;

/// A YAML file of this folder.
fn yaml(file: &str) -> Value {
    let file = paths::root().join("envoy-test").join(file);
    serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// A container is the Envoy of the tests, with a configuration of this repository and the modules.
fn assert_is_envoy_of_the_tests(service: &Value, configuration: &str) {
    assert_eq!(
        service["image"],
        format!("envoyproxy/envoy:v{ENVOY_VERSION}")
    );
    let own = format!("./envoy/{configuration}:/meshward/{configuration}:ro");
    assert_eq!(
        texts(&service["volumes"]),
        [own, format!("../dist:{MODULES}:ro")]
    );
    let path = format!("/meshward/{configuration}");
    assert!(
        texts(&service["command"]).contains(&path.as_str()),
        "{path}"
    );
}

fn texts(list: &Value) -> Vec<&str> {
    let texts = list.as_array().unwrap().iter();
    texts.map(|item| item.as_str().unwrap()).collect()
}
