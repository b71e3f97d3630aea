//! How a request is handled while a service that the configuration calls cannot be reached.

use meshward_bundle::config::Part;
use policy::decision::Decision;
use policy::json::Json;
use serde_json::{Value, json};

use super::Explanation;
use crate::check::configured::Configured;
use crate::check::{BUNDLE, called};

/// One service that cannot be reached, and what the client receives then.
#[derive(Debug)]
pub(super) struct Outage {
    pub(super) service: String,
    pub(super) status: u16,
    /// What filters decide then, and do not otherwise.
    pub(super) decisions: Vec<Decision>,
    /// The record of the request is not sent.
    pub(super) record_waits: bool,
}

/// A service by the name that the configuration calls it.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) name: String,
    /// It says who callers are: keys, introspection, consent.
    pub(super) is_of_auth: bool,
    /// Whether it is a sink that takes records.
    pub(super) is_sink: bool,
}

impl Service {
    /// Those that a configuration calls.
    pub(super) fn all(configured: &Configured) -> Vec<Self> {
        let Ok(whole) = Json::parse(configured.json.as_bytes()) else {
            return Vec::new();
        };
        let of_part = |part: Part| match configured.filter {
            BUNDLE => whole.member(part.key()).map(called),
            filter => (filter == part.filter()).then(|| called(&whole)),
        };
        let [auth, audit] = [Part::Auth, Part::Audit].map(|part| of_part(part).unwrap_or_default());
        let services = called(&whole).into_iter();
        services
            .map(|name| Self {
                is_of_auth: auth.contains(&name),
                is_sink: audit.contains(&name),
                name,
            })
            .collect()
    }
}

impl Outage {
    /// What differs from what happens otherwise.
    pub(super) fn of(service: Service, otherwise: &Explanation, then: &Explanation) -> Self {
        let decisions = then.decisions();
        let usual: Vec<&Decision> = otherwise.decisions().collect();
        Self {
            service: service.name,
            status: then.seen.status,
            decisions: decisions
                .filter(|decision| !usual.contains(decision))
                .cloned()
                .collect(),
            record_waits: then.records.len() < otherwise.records.len(),
        }
    }

    pub(super) fn json(&self) -> Value {
        let decisions = self.decisions.iter().map(|decision| {
            json!({
                "filter": decision.filter,
                "outcome": decision.outcome.as_str(),
                "reason": decision.reason,
            })
        });
        json!({
            "service": self.service,
            "status": self.status,
            "decisions": decisions.collect::<Vec<Value>>(),
            "record_waits": self.record_waits,
        })
    }
}
