//! What the tests of the modules share.

use std::rc::Rc;

use crate::config::Config;
use crate::plan::Plan;

/// The plan of all rules of a configuration.
pub(crate) fn plan_of(configuration: &str) -> Rc<Plan> {
    let config = Config::parse_with_key(configuration, &[7; 32])
        .unwrap_or_else(|problems| panic!("{problems}"));
    let all: Vec<usize> = (0..config.rules.len()).collect();
    Rc::new(config.plan(&all))
}
