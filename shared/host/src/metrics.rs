//! Counters, gauges and histograms with labels.
//!
//! The ABI knows only names, so labels go to the end of the name: `meshward.jwt-auth.requests_total`
//! with `outcome` is `meshward.jwt-auth.requests_total;outcome=denied`. In Envoy one `stats_tags`
//! rule per label name splits them off again (see the example configurations), which gives
//! `meshward_jwt_auth_requests_total{outcome="denied"}` in Prometheus.
//!
//! Label values come from configurations and enumerations, never from requests: a metric, once
//! defined, lives as long as the proxy.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use crate::{Host, MetricId, MetricKind};

/// The metrics of one filter, defined when they are first used.
pub struct Metrics {
    filter: &'static str,
    /// `None` for a metric that the host would not define.
    defined: RefCell<HashMap<String, Option<MetricId>>>,
}

impl Metrics {
    /// Makes the metrics of `filter`, whose name they begin with.
    #[must_use]
    pub fn new(filter: &'static str) -> Self {
        Self {
            filter,
            defined: RefCell::new(HashMap::new()),
        }
    }

    /// Adds one to a counter. Counter names end in `_total`.
    pub fn count(&self, host: &dyn Host, name: &str, labels: &[(&str, &str)]) {
        self.add(host, name, labels, 1);
    }

    /// Adds `number` to a counter, which is defined at its first use.
    pub fn add(&self, host: &dyn Host, name: &str, labels: &[(&str, &str)], number: u64) {
        if let Some(metric) = self.defined(host, MetricKind::Counter, name, labels) {
            let offset = i64::try_from(number).unwrap_or(i64::MAX);
            let _ = host.increment_metric(metric, offset);
        }
    }

    /// Moves a gauge up or down. A gauge belongs to all workers, so what each counts for itself is
    /// never set: each adds its own changes.
    pub fn shift(&self, host: &dyn Host, name: &str, labels: &[(&str, &str)], change: i64) {
        if let Some(metric) = self.defined(host, MetricKind::Gauge, name, labels) {
            let _ = host.increment_metric(metric, change);
        }
    }

    /// Sets a gauge of which all workers know the same value.
    pub fn set(&self, host: &dyn Host, name: &str, labels: &[(&str, &str)], value: u64) {
        if let Some(metric) = self.defined(host, MetricKind::Gauge, name, labels) {
            let _ = host.record_metric(metric, value);
        }
    }

    /// Records a value of a histogram.
    pub fn record(&self, host: &dyn Host, name: &str, labels: &[(&str, &str)], value: u64) {
        if let Some(metric) = self.defined(host, MetricKind::Histogram, name, labels) {
            let _ = host.record_metric(metric, value);
        }
    }

    fn defined(
        &self,
        host: &dyn Host,
        kind: MetricKind,
        name: &str,
        labels: &[(&str, &str)],
    ) -> Option<MetricId> {
        let full = full_name(self.filter, name, labels);
        if let Some(known) = self.defined.borrow().get(&full) {
            return *known;
        }
        let metric = host.define_metric(kind, &full).ok();
        self.defined.borrow_mut().insert(full, metric);
        metric
    }
}

/// One counter with its labels, for the hot path: it is named once, not for every request.
#[derive(Debug)]
pub struct Counter {
    full_name: String,
    /// `None` before it was defined; then the metric, if the host would define it.
    metric: Cell<Option<Option<MetricId>>>,
    pending: Cell<u32>,
}

impl Counter {
    /// A counter of `filter`. Its name ends in `_total`.
    #[must_use]
    pub fn new(filter: &str, name: &str, labels: &[(&str, &str)]) -> Self {
        Self {
            full_name: full_name(filter, name, labels),
            metric: Cell::new(None),
            pending: Cell::new(0),
        }
    }

    /// Adds one at once.
    pub fn count(&self, host: &dyn Host) {
        self.note();
        self.flush(host);
    }

    /// Adds one at the next [`Counter::flush`]: for what happens with every request, in a filter
    /// whose tick flushes.
    pub fn note(&self) {
        self.pending.set(self.pending.get().saturating_add(1));
    }

    /// Tells the host what was noted.
    pub fn flush(&self, host: &dyn Host) {
        let pending = self.pending.take();
        if pending == 0 {
            return;
        }
        let metric = self.metric.get().unwrap_or_else(|| {
            let metric = host
                .define_metric(MetricKind::Counter, &self.full_name)
                .ok();
            self.metric.set(Some(metric));
            metric
        });
        if let Some(metric) = metric {
            let _ = host.increment_metric(metric, i64::from(pending));
        }
    }
}

/// One histogram, for the hot path. Its name ends in its unit.
#[derive(Debug)]
pub struct Histogram {
    full_name: String,
    metric: Cell<Option<Option<MetricId>>>,
}

impl Histogram {
    /// Makes a histogram of `filter`, which is defined at its first value.
    #[must_use]
    pub fn new(filter: &str, name: &str, labels: &[(&str, &str)]) -> Self {
        Self {
            full_name: full_name(filter, name, labels),
            metric: Cell::new(None),
        }
    }

    /// Records a value in the histogram's own unit.
    pub fn record(&self, host: &dyn Host, value: u64) {
        let metric = self.metric.get().unwrap_or_else(|| {
            let kind = MetricKind::Histogram;
            let metric = host.define_metric(kind, &self.full_name).ok();
            self.metric.set(Some(metric));
            metric
        });
        if let Some(metric) = metric {
            let _ = host.record_metric(metric, value);
        }
    }
}

/// The name of a metric with its labels, as it is told to the host.
#[must_use]
pub fn full_name(filter: &str, name: &str, labels: &[(&str, &str)]) -> String {
    let mut full = format!("meshward.{filter}.{name}");
    for (label, value) in labels {
        full.push(';');
        full.push_str(label);
        full.push('=');
        full.extend(value.chars().take(MAX_LABEL_CHARACTERS).map(|character| {
            let plain = character.is_ascii_alphanumeric() || "_-.[]".contains(character);
            if plain { character } else { '_' }
        }));
    }
    full
}

const MAX_LABEL_CHARACTERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::full_name;

    #[test]
    fn labels_go_to_the_end_and_cannot_break_out() {
        let labels = [("outcome", "denied"), ("rule", "a;b=c\nd.é")];
        assert_eq!(
            full_name("jwt-auth", "requests_total", &labels),
            "meshward.jwt-auth.requests_total;outcome=denied;rule=a_b_c_d._"
        );
        assert_eq!(full_name("x", "y", &[]), "meshward.x.y");
        assert!(full_name("x", "y", &[("l", &"v".repeat(1000))]).len() < 100);
    }
}
