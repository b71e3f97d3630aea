//! `docker-compose.yaml` runs what the tests run: the same configuration, the same Envoy, the same
//! servers at the same names and ports.

use std::fs;
use std::process::Command;

use envoy_test::envoy::{ADMIN, Address, Bootstrap, CLUSTERS, GATEWAY, MODULES};
use envoy_test::{ENVOY_VERSION, paths};
use serde_json::Value;

use crate::{texts, yaml};

fn published(service: &Value) -> Vec<&str> {
    service.get("ports").map(texts).unwrap_or_default()
}

fn here(port: u16) -> String {
    format!("127.0.0.1:{port}:{port}")
}

#[test]
fn envoy_is_the_one_of_the_tests() {
    let compose = yaml("docker-compose.yaml");
    let envoy = &compose["services"]["envoy"];
    assert_eq!(envoy["image"], format!("envoyproxy/envoy:v{ENVOY_VERSION}"));
    let volumes = texts(&envoy["volumes"]);
    assert!(
        volumes.contains(&"./envoy/meshward.yaml:/meshward/meshward.yaml:ro"),
        "{volumes:?}"
    );
    assert!(
        volumes.contains(&format!("../dist:{MODULES}:ro").as_str()),
        "{volumes:?}"
    );
    assert!(texts(&envoy["command"]).contains(&"/meshward/meshward.yaml"));
    assert_eq!(published(envoy), [here(GATEWAY.port), here(ADMIN.port)]);
}

#[test]
fn every_cluster_has_its_server() {
    let compose = yaml("docker-compose.yaml");
    let services = compose["services"].as_object().unwrap();
    let shipped = Bootstrap::shipped().unwrap().tree().clone();
    let clusters = shipped["static_resources"]["clusters"].as_array().unwrap();
    assert_eq!(clusters.len(), CLUSTERS.len());
    assert_eq!(services.len(), CLUSTERS.len() + 1);
    for (name, Address { host, port }) in CLUSTERS {
        let service = &services[host];
        let command = texts(&service["command"]);
        let end = ["--", name, "--listen", &format!("0.0.0.0:{port}")].map(str::to_owned);
        assert!(
            command.ends_with(&end.each_ref().map(String::as_str)),
            "{command:?}"
        );
        assert!(command.contains(&"--locked"), "{command:?}");
        let mounted = texts(&service["volumes"]);
        assert!(mounted.contains(&"..:/meshward:ro"), "{mounted:?}");
        assert!(
            published(service)
                .iter()
                .all(|port_mapping| *port_mapping == here(port))
        );
    }
}

#[test]
fn images_are_pinned() {
    let toolchain = fs::read_to_string(paths::root().join("Cargo.toml")).unwrap();
    for (name, service) in yaml("docker-compose.yaml")["services"].as_object().unwrap() {
        let image = service["image"].as_str().unwrap();
        let (_, tag) = image.rsplit_once(':').unwrap();
        let numbers = tag.chars().filter(|c| *c == '.').count();
        assert!(
            numbers >= 2 && tag != "latest",
            "{name}: {image} is not pinned to one version"
        );
        if let Some(rust) = image.strip_prefix("rust:") {
            let (minor, _) = rust.rsplit_once(".").unwrap();
            assert!(
                toolchain.contains(&format!("rust-version = \"{minor}\"")),
                "{image}"
            );
        }
    }
}

#[test]
fn docker_reads_it_where_there_is_docker() {
    let file = paths::root().join("envoy-test/docker-compose.yaml");
    let has_compose = Command::new("docker").args(["compose", "version"]).output();
    if !has_compose.is_ok_and(|output| output.status.success()) {
        // What docker would say is then checked by the other tests alone.
        return;
    }
    let mut read = Command::new("docker");
    read.args(["compose", "--file"])
        .arg(file)
        .args(["config", "--quiet"]);
    let output = read.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
