//! The configurations of Envoy with the bundle: every Envoy takes them, and the module takes what is
//! in them.

use std::fs;
use std::path::PathBuf;

use envoy_test::envoy::{Bootstrap, Options, Validation, validate};
use envoy_test::{BUNDLE, ENVOY_VERSIONS, paths};
use serde_json::{Value, json};

fn file(name: &str) -> PathBuf {
    paths::root().join("envoy-test/envoy").join(name)
}

fn read(name: &str) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(file(name)).unwrap()).unwrap()
}

fn checked(bootstrap: &Bootstrap, version: &'static str) -> Validation {
    let options = Options {
        version,
        ..Options::default()
    };
    validate(bootstrap, options).unwrap()
}

const VM: &str = "/typed_config/config/vm_config";

fn with_key(bootstrap: &mut Bootstrap) {
    let vm = bootstrap.filter(BUNDLE).unwrap().pointer_mut(VM).unwrap();
    let keys = json!({
        "MESHWARD_SUBJECT_KEY": "fJ3kq8ZtR1vXwL0sPn7yBcDgHmQeUaTo",
        "MESHWARD_CHAIN_KEY": "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    });
    vm["environment_variables"] = json!({ "key_values": keys });
}

#[test]
fn every_envoy_takes_the_bundle_from_a_file() {
    let mut bootstrap = Bootstrap::read(&file("bundle.yaml")).unwrap();
    bootstrap
        .replace_module(BUNDLE, &paths::wasm(BUNDLE).unwrap())
        .unwrap();
    with_key(&mut bootstrap);
    for version in ENVOY_VERSIONS {
        let verdict = checked(&bootstrap, version);
        assert!(verdict.accepted, "{version}\n{}", verdict.log);
    }
    // The module itself reads what is for it.
    bootstrap.configure(BUNDLE, r#"{"limts": {}}"#).unwrap();
    let verdict = checked(&bootstrap, ENVOY_VERSIONS[0]);
    assert!(
        !verdict.accepted && verdict.log.contains("limits"),
        "{}",
        verdict.log
    );
}

/// What a control plane sends, in the place of static resources.
fn sent() -> Bootstrap {
    let mut bootstrap = Bootstrap::read(&file("xds/bootstrap.yaml")).unwrap();
    let of = |name: &str| {
        let mut resources = read(name)["resources"].take();
        for resource in resources.as_array_mut().unwrap() {
            resource.as_object_mut().unwrap().remove("@type").unwrap();
        }
        resources
    };
    let resources = json!({
        "listeners": of("xds/listeners.yaml"),
        "clusters": of("xds/clusters.yaml"),
    });
    let tree = bootstrap.tree().as_object_mut().unwrap();
    tree.remove("dynamic_resources").unwrap();
    tree.insert("static_resources".to_owned(), resources);
    bootstrap
}

#[test]
fn every_envoy_takes_the_bundle_from_a_control_plane() {
    let mut bootstrap = sent();
    let configuration = bootstrap.configuration(BUNDLE).unwrap();
    let shipped = Bootstrap::read(&file("bundle.yaml"));
    let same = shipped.unwrap().configuration(BUNDLE).unwrap();
    assert_eq!(configuration, same, "one chain, sent in two ways");
    for version in ENVOY_VERSIONS {
        let verdict = checked(&bootstrap, version);
        assert!(verdict.accepted, "{version}\n{}", verdict.log);
    }
    // Envoy knows each key of where the module comes from.
    for key in ["sha256", "http_uri", "retry_policy"] {
        let mut bootstrap = bootstrap.clone();
        let remote = bootstrap.filter(BUNDLE).unwrap();
        let remote = remote.pointer_mut(&format!("{VM}/code/remote")).unwrap();
        let remote = remote.as_object_mut().unwrap();
        let value = remote.remove(key).unwrap();
        remote.insert(format!("{key}s"), value);
        let verdict = checked(&bootstrap, ENVOY_VERSIONS[0]);
        assert!(!verdict.accepted, "{key}");
    }
}
