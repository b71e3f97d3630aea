//! The example configurations of the filters: a real Envoy takes them all.

use std::fs;
use std::path::PathBuf;

use envoy_test::envoy::{self, Bootstrap, Options};
use envoy_test::peers::Peers;
use envoy_test::{FILTERS, paths};
use serde_json::json;

fn examples(filter: &str) -> Vec<PathBuf> {
    let folder = paths::root().join("filters").join(filter).join("examples");
    let files = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let examples: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    assert!(!examples.is_empty(), "{} has no example", folder.display());
    examples
}

/// Gives a filter the keys that its examples take from the environment.
fn with_keys(bootstrap: &mut Bootstrap, filter: &str) {
    let vm = "/typed_config/config/vm_config";
    let vm = bootstrap.filter(filter).unwrap().pointer_mut(vm).unwrap();
    vm["environment_variables"] = json!({"key_values": {
        "MESHWARD_SUBJECT_KEY": "fJ3kq8ZtR1vXwL0sPn7yBcDgHmQeUaTo",
        "MESHWARD_CHAIN_KEY": "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "VENDOR_KEY_PEPPER": "Zt8fQ2mVbX4sLw9K",
        "EDGE_SECRET": "of the edge",
        "MESHWARD_PSEUDONYM_KEY": "hV7nXq2LrT9cZb4WmK6sYd3PfG8jRt5Q",
        "MESHWARD_COLLECTOR_TOKEN": "Bearer opaque",
    }});
}

#[test]
fn envoy_takes_every_example() {
    let peers = Peers::start().unwrap();
    for filter in FILTERS {
        for example in examples(filter) {
            let mut bootstrap = peers.bootstrap(&[filter]).unwrap();
            bootstrap
                .configure(filter, &fs::read_to_string(&example).unwrap())
                .unwrap();
            with_keys(&mut bootstrap, filter);
            let verdict = envoy::validate(&bootstrap, Options::default()).unwrap();
            assert!(verdict.accepted, "{}\n{}", example.display(), verdict.log);
        }
    }
}
