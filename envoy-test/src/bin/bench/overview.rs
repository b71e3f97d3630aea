//! What each filter costs: the same request through Envoy without filters, with a filter that does
//! nothing, with each of ours, and with all four.

use envoy_test::client::Request;
use envoy_test::envoy::{Bootstrap, Envoy, Options};
use envoy_test::peers::{Algorithm, Peers, Token};
use envoy_test::{FILTERS, Result, paths};

use crate::load::{Load, median};

const ROUNDS: usize = 5;
const LOAD: Load = Load {
    connections: 8,
    warm_up: 100,
    measured: 400,
};

/// One way to set Envoy up.
struct Setup {
    name: &'static str,
    filters: Vec<&'static str>,
    does_nothing: bool,
    microseconds: Vec<f64>,
}

impl Setup {
    fn new(name: &'static str, filters: &[&'static str]) -> Self {
        Self {
            name,
            filters: filters.to_vec(),
            does_nothing: false,
            microseconds: Vec::new(),
        }
    }

    fn bootstrap(&self, peers: &Peers) -> Result<Bootstrap> {
        let mut bootstrap = peers.bootstrap(&self.filters)?;
        if self.does_nothing {
            for filter in &self.filters {
                bootstrap.replace_module(filter, &paths::noop_filter()?)?;
            }
        } else if self.filters.contains(&"token-bucket") {
            // As shipped, but nobody is refused: a refusal would be cheaper than what is compared.
            let shipped = bootstrap.configuration("token-bucket")?;
            let generous = shipped
                .replace("100/min", "1000000/s")
                .replace("\"burst\": 20", "\"burst\": 1000000");
            bootstrap.configure("token-bucket", &generous)?;
        }
        Ok(bootstrap)
    }

    fn median(&self) -> f64 {
        median(&self.microseconds)
    }
}

pub(crate) fn run() -> Result<()> {
    let mut setups = vec![
        Setup::new("no filter", &[]),
        Setup::new("a filter that does nothing", &["jwt-auth"]),
    ];
    setups
        .iter_mut()
        .skip(1)
        .for_each(|setup| setup.does_nothing = true);
    setups.extend(FILTERS.map(|filter| Setup::new(filter, &[filter])));
    setups.push(Setup::new("all four", &FILTERS));

    let peers = Peers::start()?;
    let token = Token::of("drew").scope("patients:read");
    let token = peers.idp.mint(Algorithm::Rs256, &token)?;
    let request = Request::get("/patients/7").bearer(&token);
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for setup in &mut setups {
            let envoy = Envoy::start(&setup.bootstrap(&peers)?, Options::default())?;
            setup
                .microseconds
                .push(LOAD.measure(&envoy, &|_, _| request.clone())?);
        }
    }

    let median = |position: usize| setups.get(position).map_or(f64::NAN, Setup::median);
    let (nothing, noop) = (median(0), median(1));
    println!(
        "GET /patients/7 with an RS256 token over HTTP/1.1: one worker, {} connections, \
         {ROUNDS} rounds of {} requests\n",
        LOAD.connections,
        LOAD.connections * LOAD.measured
    );
    println!(
        "{:28} {:>10} {:>14} {:>14}",
        "", "us of CPU", "x no filter", "x doing none"
    );
    for setup in &setups {
        let median = setup.median();
        println!(
            "{:28} {median:>10.1} {:>14.2} {:>14.2}",
            setup.name,
            median / nothing,
            median / noop
        );
    }
    Ok(())
}
