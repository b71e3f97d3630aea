//! What was listened to and seen, by filter.

use cases::{RequestData, Seen, Step as Exchange, Transcript};
use host::fake::Profile;
use meshward_bundle::config::split;
use policy::decision::{Decision, Outcome};
use policy::explain::{Condition, RuleName, Step};
use policy::filters::{AUDIT_EMITTER, IDENTITY_PROPERTY, JWT_AUTH};
use policy::finding::Place;
use policy::identity::Identity;
use serde_json::{Value, json};

use super::outage::Outage;
use crate::check::BUNDLE;
use crate::check::configured::Configured;
use crate::check::connection_manager::OwnResponse;
use crate::members::set;

/// What the filters did with a request.
#[derive(Debug)]
pub struct Explanation {
    pub(super) request: String,
    pub(super) client: String,
    /// What the proxy itself makes of the request before filters see it.
    pub(super) proxy: Vec<String>,
    /// The host that was simulated.
    pub(super) host: Profile,
    pub(super) filters: Vec<Section>,
    pub(super) identity: Option<Value>,
    pub(super) seen: Seen,
    pub(super) records: Vec<Value>,
    /// What would happen while services cannot be reached.
    pub(super) outages: Vec<Outage>,
}

/// What one filter did with the request.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) filter: &'static str,
    /// The request came this far.
    pub(super) is_reached: bool,
    pub(super) rules: Vec<RuleLine>,
    /// What the rule that matches asks for, and the request lacks.
    pub(super) lacks: Vec<Condition>,
    /// What services said of the caller.
    pub(super) heard: Vec<Heard>,
    pub(super) charges: Vec<Charge>,
    pub(super) budgets: Vec<Budget>,
    pub(super) decisions: Vec<Decision>,
    /// What holds where no rule matches, where the filter has such a thing.
    pub(super) default: Option<String>,
    at: Option<usize>,
}

/// A rule, and why it applies or does not.
#[derive(Debug)]
pub(super) struct RuleLine {
    pub(super) name: String,
    pub(super) fate: Fate,
    /// Where in the messages it applies, for rules that are about a part of them.
    pub(super) places: Vec<&'static str>,
}

/// Whether a rule applies, and why it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Applies,
    /// Servers may read the request in ways that the rule is about.
    Unclear(Condition),
    Fails(Condition),
    /// It applies, and only counts, because of who the caller is.
    Exempts(Condition),
    /// A rule before it has decided.
    NotReached,
}

/// A limit that counts the request.
#[derive(Debug)]
pub(super) struct Charge {
    pub(super) limit: String,
    pub(super) key: String,
    pub(super) cost: u64,
    /// For each window: its name, what is left, and of how much.
    pub(super) windows: Vec<(String, u64, u64)>,
}

/// What a service said of the caller.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) service: &'static str,
    pub(super) about: String,
    pub(super) said: String,
}

/// A budget that counts what the caller gets.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) name: String,
    pub(super) key: String,
    /// What it is charged in each of its units; nothing where the response has nothing that it counts.
    pub(super) charged: Vec<Charged>,
}

/// What a budget is charged in one of its units.
#[derive(Debug)]
pub(super) struct Charged {
    /// The unit that the budget counts: `values` or `people`.
    pub(super) unit: &'static str,
    pub(super) number: u64,
    pub(super) remaining: u64,
    pub(super) quota: u64,
}

impl Explanation {
    pub(super) fn new(
        configured: &Configured,
        host: Profile,
        exchange: &Exchange,
        transcript: &Transcript,
        steps: Vec<Step>,
    ) -> Self {
        let parts = parts(configured);
        let identity = transcript.outcome.properties.value(IDENTITY_PROPERTY);
        let identity = identity.or_else(|| {
            let mut steps = steps.iter().rev();
            steps.find_map(|step| match step {
                Step::Identifies(text) => Some(text.clone().into_bytes()),
                _ => None,
            })
        });
        let mut decisions = transcript.outcome.decisions();
        if decisions.is_empty() {
            decisions = told(&steps, identity.as_deref());
        }
        let mut filters: Vec<Section> = parts
            .iter()
            .map(|(filter, json)| Section::new(filter, json, &decisions))
            .collect();
        let mut current: Option<(&'static str, &'static str)> = None;
        for step in steps {
            if let Step::Choosing { filter, about } = step {
                current = Some((filter, about));
            }
            let Some((filter, about)) = current else {
                continue;
            };
            if let Some(section) = filters.iter_mut().find(|section| section.filter == filter) {
                section.take(step, about);
            }
        }
        Self {
            request: line(&exchange.request),
            client: exchange.request.client.to_string(),
            proxy: Vec::new(),
            host,
            filters,
            identity: identity.and_then(|text| serde_json::from_slice(&text).ok()),
            seen: Seen {
                status: transcript.seen.status,
                headers: transcript.seen.headers.clone(),
                body: transcript.seen.body.clone(),
                upstream: transcript.seen.upstream.clone(),
                upstream_body: transcript.seen.upstream_body.clone(),
                ..Seen::default()
            },
            records: transcript
                .seen
                .records
                .iter()
                .filter_map(|text| record(text))
                .collect(),
            outages: Vec::new(),
        }
    }

    /// Of a request that the proxy itself responds to.
    pub(super) fn of_proxy(
        configured: &Configured,
        host: Profile,
        asked: &RequestData,
        response: OwnResponse,
    ) -> Self {
        let OwnResponse {
            status,
            location,
            why,
        } = response;
        let to = location
            .as_deref()
            .map_or_else(String::new, |location| format!(" with location {location}"));
        let parts = parts(configured);
        let sections = parts
            .iter()
            .map(|(filter, json)| Section::new(filter, json, &[]));
        let location = location.map(|location| ("location".to_owned(), location));
        Self {
            request: line(asked),
            client: asked.client.to_string(),
            proxy: vec![format!(
                "the proxy itself responds {status}{to}: {why}; no filter sees the request"
            )],
            host,
            filters: sections.collect(),
            identity: None,
            seen: Seen {
                status,
                headers: location.into_iter().collect(),
                ..Seen::default()
            },
            records: Vec::new(),
            outages: Vec::new(),
        }
    }

    /// The request as the client sent it, and what the proxy made of it before filters saw it.
    pub(super) fn received(&mut self, asked: &RequestData, proxy: Vec<String>) {
        self.request = line(asked);
        self.client = asked.client.to_string();
        self.proxy = proxy;
    }

    /// The decisions of all filters.
    pub(super) fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.filters.iter().flat_map(|section| &section.decisions)
    }

    /// The whole explanation as one JSON document.
    #[must_use]
    pub fn json(&self) -> Value {
        let filters: Vec<Value> = self.filters.iter().map(Section::json).collect();
        let outages: Vec<Value> = self.outages.iter().map(Outage::json).collect();
        json!({
            "request": self.request,
            "client": self.client,
            "host": self.host.name(),
            "proxy": self.proxy,
            "identity": self.identity,
            "filters": filters,
            "upstream": self.seen.upstream,
            "response": {
                "status": self.seen.status,
                "headers": self.seen.headers,
                "body": self.seen.body,
            },
            "records": self.records,
            "outages": outages,
        })
    }
}

/// The filters of a configuration, and what each is told.
fn parts(configured: &Configured) -> Vec<(&'static str, String)> {
    match configured.filter {
        BUNDLE => split(&configured.json)
            .parts
            .into_iter()
            .map(|text| (text.part.filter(), text.json))
            .collect(),
        filter => vec![(filter, configured.json.clone())],
    }
}

fn line(request: &RequestData) -> String {
    format!("{} {}", request.method, request.path)
}

/// The decisions that filters have made, where the host keeps none.
fn told(steps: &[Step], identity: Option<&[u8]>) -> Vec<Decision> {
    let mut decisions = Vec::new();
    for step in steps {
        if let Step::Decides(decision) = step {
            decision.clone().add_to(&mut decisions);
        }
    }
    let identity = identity.and_then(|text| Identity::parse(text).ok());
    if let Some(rule) = identity.and_then(|identity| identity.rule) {
        Decision::new(JWT_AUTH, Outcome::Allowed)
            .rule(&rule)
            .add_to(&mut decisions);
    }
    Decision::sort_by_chain(&mut decisions);
    decisions
}

/// A record of the request, without what chains it to others: that is not this request's.
fn record(text: &str) -> Option<Value> {
    let mut record: Value = serde_json::from_str(text).ok()?;
    if let Some(unmapped) = record.get_mut("unmapped").and_then(Value::as_object_mut) {
        unmapped.remove("record_integrity");
    }
    record.get("http_request").is_some().then_some(record)
}

impl Section {
    fn new(filter: &'static str, json: &str, decisions: &[Decision]) -> Self {
        let config: Value = serde_json::from_str(json).unwrap_or_default();
        let list = ["rules", "limits"]
            .iter()
            .find_map(|key| Some((key, config.get(key)?.as_array()?)));
        let mut rules = Vec::new();
        // What presets at the top level are is a rule of its own, which the filter names.
        if let Some((key, items)) = list {
            rules.extend(items.iter().enumerate().map(|(place, item)| {
                let name = item.get("name").and_then(Value::as_str);
                RuleLine {
                    name: name.map_or_else(|| format!("{key}[{place}]"), str::to_owned),
                    fate: Fate::NotReached,
                    places: Vec::new(),
                }
            }));
        }
        let own = decisions
            .iter()
            .filter(|decision| decision.filter == filter);
        Self {
            filter,
            is_reached: false,
            rules,
            lacks: Vec::new(),
            heard: Vec::new(),
            charges: Vec::new(),
            budgets: Vec::new(),
            decisions: own.cloned().collect(),
            default: match (filter, config.get("default")) {
                (JWT_AUTH, None) => Some("deny".to_owned()),
                (JWT_AUTH, Some(Value::String(word))) => Some(word.clone()),
                (JWT_AUTH, Some(other)) => Some(other.to_string()),
                (AUDIT_EMITTER, _) => Some("recorded as metadata".to_owned()),
                _ => None,
            },
            at: None,
        }
    }

    fn take(&mut self, step: Step, about: &'static str) {
        let is_choice = [CHOICE, PREFLIGHT].contains(&about);
        let is_place = Place::ALL.iter().any(|(word, _)| *word == about);
        match step {
            Step::Choosing { .. } => {
                self.is_reached = true;
                self.at = None;
                if is_choice {
                    // What was known the last time decides.
                    self.lacks.clear();
                    for rule in &mut self.rules {
                        (rule.fate, rule.places) = (Fate::NotReached, Vec::new());
                    }
                }
            }
            Step::Rule(name) if is_choice || is_place => {
                let place = self.place_of(name);
                self.at = Some(place);
                let Some(rule) = self.rules.get_mut(place) else {
                    return;
                };
                if is_choice {
                    rule.fate = Fate::Applies;
                } else if !rule.places.contains(&about) {
                    rule.places.push(about);
                }
            }
            Step::Fails(condition) => self.with_rule(|rule| {
                if is_place {
                    rule.places.retain(|place| *place != about);
                } else if matches!(rule.fate, Fate::Applies | Fate::Unclear(_)) {
                    rule.fate = Fate::Fails(condition);
                }
            }),
            Step::Unclear(condition) => self.with_rule(|rule| {
                if rule.fate == Fate::Applies {
                    rule.fate = Fate::Unclear(condition);
                }
            }),
            Step::Exempts(condition) => self.with_rule(|rule| {
                rule.fate = Fate::Exempts(condition);
            }),
            Step::Lacks(condition) => self.lacks.push(condition),
            Step::Counts { limit, key, cost } => self.charges.push(Charge {
                limit,
                key,
                cost,
                windows: Vec::new(),
            }),
            Step::Stands {
                limit,
                remaining,
                quota,
            } => {
                // Windows beyond the first have a number behind a colon, which no name has.
                let name = limit.split(':').next().unwrap_or_default();
                let charge = self.charges.iter_mut().find(|charge| {
                    charge.limit == name || charge.limit.ends_with(&format!("/{name}"))
                });
                if let Some(charge) = charge {
                    charge.windows.push((limit, remaining, quota));
                }
            }
            Step::Heard {
                service,
                about,
                said,
            } => {
                let heard = Heard {
                    service,
                    about,
                    said,
                };
                // Rules are chosen more than once.
                if !self.heard.contains(&heard) {
                    self.heard.push(heard);
                }
            }
            Step::Opens { budget, key } => self.budgets.push(Budget {
                name: budget,
                key,
                charged: Vec::new(),
            }),
            Step::Charges {
                budget,
                unit,
                number,
                remaining,
                quota,
            } => {
                let charged = Charged {
                    unit,
                    number,
                    remaining,
                    quota,
                };
                if let Some(known) = self.budgets.iter_mut().find(|known| known.name == budget) {
                    known.charge(charged);
                }
            }
            _ => {}
        }
    }

    fn place_of(&mut self, name: RuleName) -> usize {
        let name = match name {
            RuleName::Place(place) => return place,
            RuleName::Name(name) => name,
        };
        let found = self.rules.iter().position(|rule| rule.name == name);
        found.unwrap_or_else(|| {
            // Presets at the top level are a rule that only the filter knows.
            self.rules.push(RuleLine {
                name,
                fate: Fate::NotReached,
                places: Vec::new(),
            });
            self.rules.len() - 1
        })
    }

    fn with_rule(&mut self, change: impl FnOnce(&mut RuleLine)) {
        let rule = self.at.and_then(|place| self.rules.get_mut(place));
        if let Some(rule) = rule {
            change(rule);
        }
    }

    fn json(&self) -> Value {
        let rules: Vec<Value> = self.rules.iter().map(RuleLine::json).collect();
        let charges = self.charges.iter().map(|charge| {
            let window = |(name, remaining, quota): &(String, u64, u64)| json!({ "window": name, "remaining": remaining, "quota": quota });
            let windows: Vec<Value> = charge.windows.iter().map(window).collect();
            json!({ "limit": charge.limit, "key": charge.key, "cost": charge.cost, "windows": windows })
        });
        let heard = self.heard.iter();
        let heard = heard.map(
            |heard| json!({ "service": heard.service, "about": heard.about, "said": heard.said }),
        );
        let lacks: Vec<Value> = self.lacks.iter().map(condition).collect();
        let decisions = Decision::list_to_json(&self.decisions);
        json!({
            "filter": self.filter,
            "reached": self.is_reached,
            "rules": rules,
            "default": self.default,
            "lacks": lacks,
            "services": heard.collect::<Vec<Value>>(),
            "limits": charges.collect::<Vec<Value>>(),
            "budgets": self.budgets.iter().map(Budget::json).collect::<Vec<Value>>(),
            "decisions": serde_json::from_str::<Value>(&decisions).unwrap_or_default(),
        })
    }

    /// The request is decided about by what the configuration says for all others.
    pub(super) fn falls_to_default(&self) -> bool {
        let decides = |rule: &RuleLine| matches!(rule.fate, Fate::Applies | Fate::Unclear(_));
        self.is_reached && self.default.is_some() && !self.rules.iter().any(decides)
    }
}

impl Budget {
    /// Charges are for a piece of a response each. People count once.
    fn charge(&mut self, charged: Charged) {
        let known = self
            .charged
            .iter_mut()
            .find(|known| known.unit == charged.unit);
        match known {
            Some(known) => {
                let before = match charged.unit {
                    "values" => known.number,
                    _ => 0,
                };
                *known = Charged {
                    number: charged.number.saturating_add(before),
                    ..charged
                };
            }
            None => self.charged.push(charged),
        }
    }

    fn json(&self) -> Value {
        let charged = self.charged.iter().map(|charged| {
            json!({ "unit": charged.unit, "number": charged.number, "remaining": charged.remaining, "quota": charged.quota })
        });
        let charged: Vec<Value> = charged.collect();
        json!({ "budget": self.name, "key": self.key, "charged": charged })
    }
}

impl RuleLine {
    fn json(&self) -> Value {
        let (word, why) = match &self.fate {
            Fate::Applies => ("applies", None),
            Fate::Unclear(why) => ("unclear", Some(why)),
            Fate::Fails(why) => ("fails", Some(why)),
            Fate::Exempts(why) => ("exempts", Some(why)),
            Fate::NotReached => ("not_reached", None),
        };
        let mut rule = json!({ "rule": self.name, "outcome": word });
        if let Some(why) = why {
            set(&mut rule, "condition", condition(why));
        }
        if !self.places.is_empty() {
            set(&mut rule, "places", self.places.clone());
        }
        rule
    }
}

fn condition(condition: &Condition) -> Value {
    json!({ "key": condition.key, "expected": condition.expected, "found": condition.found })
}

/// What is chosen for at first, by the headers of the request.
const CHOICE: &str = "request";
/// Of a preflight, the rules decide about the request that it announces.
const PREFLIGHT: &str = "preflight";
