//! The statistics of an Envoy, from either of its two formats.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Error, Result};

/// Counters and gauges by their internal names. What a filter counts stands under `wasmcustom.`.
#[derive(Clone, Debug, Default)]
pub struct Stats(BTreeMap<String, u64>);

impl Stats {
    /// Reads the response of `/stats?format=json`.
    pub(super) fn from_json(json: &Value) -> Result<Self> {
        let all = json
            .get("stats")
            .and_then(Value::as_array)
            .ok_or_else(|| Error::Config {
                file: "/stats?format=json".to_owned(),
                reason: "has no list named stats".to_owned(),
            })?;
        let number = |stat: &Value| {
            Some((
                stat.get("name")?.as_str()?.to_owned(),
                stat.get("value")?.as_u64()?,
            ))
        };
        Ok(Self(all.iter().filter_map(number).collect()))
    }

    /// A counter or gauge; 0 when it does not exist.
    #[must_use]
    pub fn value(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// The sum of all whose name starts with `prefix`: a metric over all its labels.
    #[must_use]
    pub fn sum(&self, prefix: &str) -> u64 {
        self.starting_with(prefix).map(|(_, value)| value).sum()
    }

    /// Those whose name starts with `prefix`.
    pub fn starting_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .filter(move |(name, _)| name.starts_with(prefix))
    }
}

/// One sample of a metric in the Prometheus format.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The name of the metric.
    pub name: String,
    /// The labels by name.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// Reads the Prometheus text format as Envoy writes it.
pub(super) fn parse_prometheus(text: &str) -> Vec<Sample> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(parse_sample)
        .collect()
}

fn parse_sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}')?),
        None => (series, ""),
    };
    let pair = |pair: &str| {
        let (label, value) = pair.split_once("=\"")?;
        Some((label.to_owned(), value.trim_end_matches('"').to_owned()))
    };
    Some(Sample {
        name: name.to_owned(),
        labels: labels.split("\",").filter_map(pair).collect(),
        value: value.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_formats() {
        let json = serde_json::json!({"stats": [
            {"name": "a.b;x=1", "value": 2}, {"name": "a.b;x=2", "value": 3},
            {"name": "text", "value": "no number"}, {"histograms": {}}
        ]});
        let stats = Stats::from_json(&json).unwrap();
        assert_eq!(stats.value("a.b;x=2"), 3);
        assert_eq!(stats.sum("a.b"), 5);
        assert_eq!(stats.value("text"), 0);
        assert!(Stats::from_json(&Value::Null).is_err());

        let samples = parse_prometheus("# TYPE a counter\na{x=\"1\",y=\"p,q\"} 2\nb{} 0.5\nc 1\n");
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        assert_eq!(samples.len(), 3);
        assert_eq!(samples[0].labels, labels(&[("x", "1"), ("y", "p,q")]));
        assert_eq!((samples[1].name.as_str(), samples[1].value), ("b", 0.5));
        assert_eq!(samples[2].labels, labels(&[]));
    }
}
