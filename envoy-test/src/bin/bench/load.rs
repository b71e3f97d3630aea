//! Load on an Envoy, and the processor time that it takes.

use std::ops::Range;

use envoy_test::Result;
use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::Envoy;

use crate::cpu;

/// So many requests on so many connections at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Together they keep Envoy busy, as a gateway is; waking up for every single request costs
    /// more.
    pub(crate) connections: usize,
    /// Requests on each connection before the measurement.
    pub(crate) warm_up: usize,
    /// Requests on each connection that are measured.
    pub(crate) measured: usize,
}

impl Load {
    /// Microseconds of Envoy's processor time for one request. `request` makes the one of a
    /// connection and a number, counted on from the warm-up; each must be answered with 200.
    pub(crate) fn measure(
        self,
        envoy: &Envoy,
        request: &(impl Fn(usize, usize) -> Request + Sync),
    ) -> Result<f64> {
        self.send(envoy, request, 0..self.warm_up)?;
        let before = cpu::nanoseconds(envoy.pid())?;
        self.send(envoy, request, self.warm_up..self.warm_up + self.measured)?;
        let used = cpu::nanoseconds(envoy.pid())?.saturating_sub(before);
        #[allow(
            clippy::cast_precision_loss,
            reason = "a few seconds in nanoseconds, a few thousand requests"
        )]
        let microseconds = used as f64 / 1e3 / (self.connections * self.measured) as f64;
        Ok(microseconds)
    }

    fn send(
        self,
        envoy: &Envoy,
        request: &(impl Fn(usize, usize) -> Request + Sync),
        numbers: Range<usize>,
    ) -> Result<()> {
        let list = |connection| {
            numbers
                .clone()
                .map(|number| request(connection, number))
                .collect()
        };
        let lists = (0..self.connections).map(list).collect();
        envoy.client(Protocol::Http1).send_all(lists)
    }
}

/// The middle of several measurements.
pub(crate) fn median(microseconds: &[f64]) -> f64 {
    let mut sorted = microseconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
