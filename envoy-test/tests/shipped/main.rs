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

use envoy_test::paths;
use serde_json::Value;

/// A YAML file of this folder.
fn yaml(file: &str) -> Value {
    let file = paths::root().join("envoy-test").join(file);
    serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn texts(list: &Value) -> Vec<&str> {
    let texts = list.as_array().unwrap().iter();
    texts.map(|item| item.as_str().unwrap()).collect()
}
