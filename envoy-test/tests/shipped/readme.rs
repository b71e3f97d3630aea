//! The commands of the README do what it says that they do.

use envoy_test::FILTERS;
use envoy_test::envoy::{ADMIN, CLUSTERS, Envoy, GATEWAY, Options};
use envoy_test::peers::Peers;
use envoy_test::readme::{self, Places};

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
