//! Leaves everything running for people to try.

use std::net::SocketAddr;

use envoy_test::envoy::{ADMIN, Bootstrap, CLUSTERS, Envoy, GATEWAY, Options};
use envoy_test::peers::Peers;
use envoy_test::{Result, paths, readme, wait_for_interrupt};

use crate::Chain;

/// Starts everything at the ports that the README uses, which are those of the containers, prints
/// what to try, and waits to be interrupted.
pub(crate) fn until_interrupted(chain: Chain, options: Options) -> Result<()> {
    let peers = Peers::start_at(CLUSTERS.map(|(_, address)| loopback(address.port)))?;
    let trail = paths::root().join(readme::TRAIL);
    peers.collector.write_to(&trail)?;
    let mut bootstrap = Bootstrap::shipped()?;
    bootstrap.load_built_modules()?;
    chain.apply(&mut bootstrap)?;
    bootstrap.listen_on(loopback(GATEWAY.port), loopback(ADMIN.port))?;
    peers.place(&mut bootstrap)?;
    let envoy = Envoy::start(&bootstrap, options)?;

    println!(
        "\nStill running: the gateway at http://{}, Envoy's admin interface at http://{},",
        envoy.gateway(),
        envoy.admin()
    );
    println!("the audit trail in {}.\n", readme::TRAIL);
    match readme::steps() {
        Ok(steps) => {
            println!("To try, for example:\n");
            steps.iter().for_each(|step| println!("{}", step.command));
        }
        Err(error) => println!("({error})"),
    }
    println!("\nCtrl-C ends it.");
    wait_for_interrupt()
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
