//! Leaves everything running for people to try.

use std::net::SocketAddr;

use envoy_test::envoy::{ADMIN, Bootstrap, CLUSTERS, Envoy, GATEWAY, Options};
use envoy_test::peers::Peers;
use envoy_test::readme::Places;
use envoy_test::{Result, paths, readme, wait_for_interrupt};

use crate::{Chain, Ports};

/// A next step with each filter and with all of them, after the commands of the README: what it shows, and the command.
const NEXT: [(&str, &str, &str); 5] = [
    (
        "jwt-auth",
        "why a request is refused",
        "meshward explain -c envoy-test/envoy/meshward.yaml --request 'GET /orders/17'",
    ),
    (
        "token-bucket",
        "its metrics",
        "curl -s http://localhost:9901/stats/prometheus | grep ^meshward_token_bucket",
    ),
    (
        "pii-redactor",
        "a text of yours, with its rules",
        "echo '{\"mail\": \"ada@example.com\"}' | meshward redact -c filters/pii-redactor/examples/patients.json --explain",
    ),
    (
        "audit-emitter",
        "who asked for what, from the trail",
        "meshward audit report target/trail/records.jsonl",
    ),
    (
        "the chain",
        "what its configuration and its trail prove of a standard",
        "meshward comply --framework pci --config envoy-test/envoy/meshward.yaml --trail target/trail/records.jsonl",
    ),
];

/// Starts everything at the ports that the README uses, which are those of the containers, or at free
/// ones, prints what to try, and waits to be interrupted.
pub(crate) fn until_interrupted(chain: Chain, ports: Ports, options: Options) -> Result<()> {
    let at = |port| match ports {
        Ports::Usual => SocketAddr::from(([127, 0, 0, 1], port)),
        Ports::Free => SocketAddr::from(([127, 0, 0, 1], 0)),
    };
    let peers = Peers::start_at(CLUSTERS.map(|(_, address)| at(address.port)))?;
    let trail = match ports {
        Ports::Usual => readme::TRAIL.to_owned(),
        // Not the file of one that runs at the usual ports.
        Ports::Free => format!(
            "target/trail/records-{}.jsonl",
            peers.collector.address().port()
        ),
    };
    peers.collector.write_to(&paths::root().join(&trail))?;
    let mut bootstrap = Bootstrap::shipped()?;
    chain.load(&mut bootstrap)?;
    bootstrap.listen_on(at(GATEWAY.port), at(ADMIN.port))?;
    peers.place(&mut bootstrap)?;
    let envoy = Envoy::start(&bootstrap, options)?;

    let [upstream, idp, collector] = CLUSTERS.map(|(_, address)| address.port);
    let servers = [
        (GATEWAY.port, envoy.gateway()),
        (ADMIN.port, envoy.admin()),
        (upstream, peers.upstream.address()),
        (idp, peers.idp.address()),
        (collector, peers.collector.address()),
    ];
    let places = Places {
        // At the usual ports the commands are those of the README, letter by letter.
        servers: match ports {
            Ports::Usual => Vec::new(),
            Ports::Free => servers.to_vec(),
        },
        trail: trail.as_ref(),
    };
    println!(
        "\nStill running: the gateway at http://{}, Envoy's admin interface at http://{},",
        envoy.gateway(),
        envoy.admin()
    );
    println!("the audit trail in {trail}.");
    if behind_a_proxy() {
        println!("A proxy is set here; for curl: export no_proxy=localhost,127.0.0.1");
    }
    println!("\nTo try, for example:\n");
    for step in readme::steps()? {
        println!("{}", places.put_into(&step.command));
    }
    println!("\nNext, with each filter (cargo install --path shared/cli installs meshward):\n");
    for (filter, what, command) in NEXT {
        println!("# {filter}: {what}\n{}", places.put_into(command));
    }
    println!(
        "\nTo change something: edit envoy-test/envoy/meshward.yaml, then meshward check envoy-test/envoy/meshward.yaml,\n\
         then this again. Ctrl-C ends it."
    );
    wait_for_interrupt()
}

/// Whether curl would ask a proxy for what runs here.
fn behind_a_proxy() -> bool {
    ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
