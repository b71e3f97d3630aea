//! The commands of the README do what it says that they do.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use envoy_test::FILTERS;
use envoy_test::envoy::{ADMIN, CLUSTERS, Envoy, GATEWAY, Options};
use envoy_test::peers::Peers;
use envoy_test::readme::{self, Step};

/// What is printed between the output of one command and the next.
const MARK: &str = "\u{1}";

/// Where the commands find what they name: the servers at these ports of `localhost`, and the file of
/// the audit trail.
pub(crate) struct Places<'a> {
    pub(crate) servers: Vec<(u16, SocketAddr)>,
    pub(crate) trail: &'a Path,
}

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
    run(&Places {
        servers: vec![
            (GATEWAY.port, envoy.gateway()),
            (ADMIN.port, envoy.admin()),
            (upstream, peers.upstream.address()),
            (idp, peers.idp.address()),
            (collector, peers.collector.address()),
        ],
        trail: &trail,
    });
}

/// Runs all commands of the README in one shell, and compares.
pub(crate) fn run(places: &Places<'_>) {
    let steps = readme::steps().unwrap();
    let mut script = String::from("set -u\n");
    for Step { command, .. } in &steps {
        let mut command = command.clone();
        for (port, actual) in &places.servers {
            command = command.replace(&format!("localhost:{port}"), &actual.to_string());
        }
        let trail = places.trail.display().to_string();
        command = command.replace(readme::TRAIL, &trail);
        script.push_str(&format!("{command}\nprintf '{MARK}'\n"));
    }
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let outputs: Vec<&str> = printed.split(MARK).collect();
    assert_eq!(
        outputs.len(),
        steps.len() + 1,
        "the script ended early: {errors}"
    );
    for (step, actual) in steps.iter().zip(outputs) {
        if let Some(difference) = step.difference(actual) {
            panic!(
                "{}\n{difference}\nit printed:\n{actual}{errors}",
                step.command
            );
        }
    }
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
