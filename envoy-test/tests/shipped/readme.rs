//! The commands of the README do what it says that they do.

use envoy_test::envoy::{ADMIN, CLUSTERS, Envoy, GATEWAY, Options};
use envoy_test::peers::Peers;
use envoy_test::readme::{self, Places};
use envoy_test::{ENVOY_VERSIONS, FILTERS, paths};

#[test]
fn every_command_prints_what_the_readme_says() {
    let peers = Peers::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let trail = folder.path().join("records.jsonl");
    peers.collector.write_to(&trail).unwrap();
    let options = Options {
        workers: 2,
        ..Options::default()
    };
    let envoy = Envoy::start(&peers.bootstrap(&FILTERS).unwrap(), options).unwrap();
    let [upstream, idp, collector] = CLUSTERS.map(|(_, address)| address.port);
    let followed = readme::follow(&Places {
        servers: vec![
            (GATEWAY.port, envoy.gateway()),
            (ADMIN.port, envoy.admin()),
            (upstream, peers.upstream.address()),
            (idp, peers.idp.address()),
            (collector, peers.collector.address()),
        ],
        trail: &trail,
    });
    followed.unwrap();
}

#[test]
fn every_command_reaches_a_server_of_the_test() {
    for step in readme::steps().unwrap() {
        for part in step.command.split("localhost:").skip(1) {
            let port: String = part.chars().take_while(char::is_ascii_digit).collect();
            let known = CLUSTERS
                .map(|(_, address)| address.port)
                .contains(&port.parse().unwrap())
                || [GATEWAY.port, ADMIN.port].contains(&port.parse().unwrap());
            assert!(known, "{}: nothing is at port {port}", step.command);
        }
    }
}

/// The figures of the README are those of the last measurement that the test bed shows.
#[test]
fn the_figures_are_those_of_the_test_bed() {
    let read = |file: &str| std::fs::read_to_string(paths::root().join(file)).unwrap();
    let measured = read("envoy-test/README.md");
    let readme = read("README.md");
    let (_, table) = readme
        .split_once("<!-- figures: from envoy-test/README.md -->")
        .unwrap();
    let (table, _) = table.split_once("<!-- figures: end -->").unwrap();
    let rows: Vec<&str> = table.trim().lines().skip(2).collect();
    assert!(rows.len() >= 9, "{table}");
    for row in rows {
        assert!(measured.contains(row.trim_end_matches('|')), "{row}");
    }
}

/// What the README says of versions is what the tests run with.
#[test]
fn the_versions_are_those_of_the_tests() {
    let readme = std::fs::read_to_string(paths::root().join("README.md")).unwrap();
    let (_, versions) = readme.split_once("## Minimum versions").unwrap();
    for version in ENVOY_VERSIONS {
        assert!(versions.contains(version), "{version}");
    }
    let needs = std::fs::read_to_string(paths::root().join("envoy-test/setup/needs.sh")).unwrap();
    assert!(needs.contains("${1:-3.9}") && versions.contains("Python 3.9 with"));
    assert!(needs.contains("20.12 or later") && versions.contains("Node 20.12"));
    let cargo = std::fs::read_to_string(paths::root().join("Cargo.toml")).unwrap();
    assert!(cargo.contains("rust-version = \"1.95\"") && versions.contains("Rust 1.95"));
}
