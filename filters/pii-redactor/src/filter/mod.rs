//! The filter: redacts requests on their way to the upstream, and answers on their way back.
//!
//! What a host allows decides the shape. A body callback that answers "continue" lets everything go
//! that is in the host's buffer, so each callback replaces the buffer by what may leave and the
//! pipeline holds the rest. With trailers no callback says that the body is over, and nothing can
//! be written any more; so what holds nothing at its end (JSON, events) streams, and a small text or
//! form is left with the host until it is complete.

mod body;
mod fields;
mod tell;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use host::{
    Action, Capabilities, ContextId, Direction, Filter, HeaderMap, Host, LogLevel, Metrics,
    Request, Stream, Throttle, exchange, header_text, plugin_configuration, refuse,
};
use policy::config::{Problem, Problems};
use policy::decision::{Decision, Outcome};
use policy::facts::Facts as _;
use policy::matching::{applies, may_apply};
use policy::refusal::Refusal;
use policy::secret::{Secret, SecretKind};

use crate::config::{Config, Place, Policy, Rule};
use crate::plan::Plan;
use crate::pseudonym::MIN_KEY_BYTES;
use crate::tally::Tally;
use body::Work;

/// The filter in one VM.
pub struct PiiRedactor {
    config: Config,
    capabilities: Capabilities,
    metrics: Metrics,
    throttle: Throttle,
    /// Plans by the rules that they are made of.
    plans: RefCell<HashMap<Vec<usize>, Rc<Plan>>>,
}

impl Filter for PiiRedactor {
    const NAME: &'static str = "pii-redactor";
    type Stream = RedactedStream;

    fn configure(
        host: &dyn Host,
        capabilities: &Capabilities,
        configuration: &str,
    ) -> Result<Self, Problems> {
        let checked = Config::check(configuration);
        let mut config = plugin_configuration::accept(host, Self::NAME, checked)?;
        if let Some(name) = &config.pseudonym_key_env {
            let kind = SecretKind::Key {
                min_bytes: MIN_KEY_BYTES,
            };
            let key = Secret::from_environment(name, host.environment_variable(name), kind)
                .map_err(|error| Problem::new("pseudonym_key_env", error.to_string()))?;
            config = Config::parse_with_key(configuration, key.expose())?;
        }
        if !capabilities.rewrites_bodies() {
            let consequence = match config.on_error.host_readonly {
                Policy::Block => "requests with rules about bodies are refused",
                Policy::Pass => "rules about bodies only count what they find",
            };
            host.log(
                LogLevel::Warn,
                &format!("pii-redactor: this host cannot change bodies: {consequence}"),
            );
        }
        let filter = Self {
            config,
            capabilities: *capabilities,
            metrics: Metrics::new(Self::NAME),
            throttle: Throttle::default(),
            plans: RefCell::default(),
        };
        // The plan of all rules together, now: the first request does not wait for it.
        let all: Vec<usize> = (0..filter.config.rules.len()).collect();
        drop(filter.plan(&all));
        Ok(filter)
    }

    fn stream(&mut self, _context: ContextId) -> RedactedStream {
        RedactedStream::default()
    }
}

/// One request and its answer.
#[derive(Default)]
pub struct RedactedStream {
    request: Option<Request>,
    /// Indices of the rules that are about this request, whatever its content types.
    rules: Vec<usize>,
    /// Why bodies are not searched, if so.
    unsearchable: Option<&'static str>,
    request_work: Option<Work>,
    response_work: Option<Work>,
    /// The answer has been cut off, on a host that cannot end its stream.
    is_stopped: bool,
    /// What was found in everything but the answer's body, for the header that tells.
    told: Vec<(String, u64)>,
}

impl Stream<PiiRedactor> for RedactedStream {
    fn on_request_headers(
        &mut self,
        filter: &mut PiiRedactor,
        host: &dyn Host,
        end_of_stream: bool,
    ) -> Action {
        let request = Request::capture(host);
        let facts = request.facts(host, &filter.config.sources, Direction::Request);
        let is_due = |rule: &Rule| {
            let consented = rule.when_consent.as_ref();
            may_apply(&rule.matches, &facts)
                && consented.is_none_or(|condition| condition.holds(facts.consent()))
                && !rule.unless.holds(facts.identity())
        };
        let rules = filter.config.rules.iter().enumerate();
        self.rules = rules
            .filter(|(_, rule)| is_due(rule))
            .map(|(index, _)| index)
            .collect();
        if self.rules.is_empty() {
            return Action::Continue;
        }
        self.unsearchable = if request.is_grpc() {
            Some("grpc")
        } else if request.method() == "CONNECT"
            || request.may_have_header("upgrade") && upgrades(&request, host)
        {
            Some("upgrade")
        } else {
            None
        };
        self.request = Some(request);
        let about_bodies = filter.enforces(&self.at(filter, Place::ResponseBody))
            || !end_of_stream && filter.enforces(&self.at(filter, Place::RequestBody));
        let readonly = !filter.capabilities.rewrites_bodies();
        if readonly && about_bodies && filter.config.on_error.host_readonly == Policy::Block {
            // Such a host takes no answer in place of the upstream's either, once there is one.
            return self.refuse(
                filter,
                host,
                Direction::Response,
                Policy::Block,
                "host_readonly",
            );
        }
        let asks = filter.enforces(&self.at(filter, Place::ResponseBody));
        if asks && !readonly && self.unsearchable.is_none() {
            // A compressed body or a part of one cannot be searched as well as a plain whole one.
            for name in ["accept-encoding", "range", "if-range"] {
                let _ = host.remove_header(HeaderMap::RequestHeaders, name);
            }
        }
        if let Some(action) = self.redact_request_head(filter, host) {
            return action;
        }
        if end_of_stream && filter.capabilities.has_log_phase() {
            return Action::Continue;
        }
        self.begin_body(filter, host, Direction::Request)
    }

    fn on_request_body(
        &mut self,
        filter: &mut PiiRedactor,
        host: &dyn Host,
        size: usize,
        end_of_stream: bool,
    ) -> Action {
        self.body(filter, host, Direction::Request, size, end_of_stream)
    }

    fn on_request_trailers(&mut self, filter: &mut PiiRedactor, host: &dyn Host) -> Action {
        self.trailers(filter, host, Direction::Request)
    }

    fn on_response_headers(
        &mut self,
        filter: &mut PiiRedactor,
        host: &dyn Host,
        end_of_stream: bool,
    ) -> Action {
        self.tell(filter, host, Direction::Request);
        if self.rules.is_empty() || self.request.is_none() {
            return Action::Continue;
        }
        if let Some(action) = self.redact_response_head(filter, host) {
            return action;
        }
        let action = self.begin_answer(filter, host, end_of_stream);
        if action == Action::Continue {
            self.report(filter, host);
        }
        action
    }

    fn on_response_body(
        &mut self,
        filter: &mut PiiRedactor,
        host: &dyn Host,
        size: usize,
        end_of_stream: bool,
    ) -> Action {
        self.body(filter, host, Direction::Response, size, end_of_stream)
    }

    fn on_response_trailers(&mut self, filter: &mut PiiRedactor, host: &dyn Host) -> Action {
        self.trailers(filter, host, Direction::Response)
    }

    fn on_log(&mut self, filter: &mut PiiRedactor, host: &dyn Host) {
        self.tell(filter, host, Direction::Request);
        self.tell(filter, host, Direction::Response);
    }
}

impl PiiRedactor {
    /// The plan of these rules; known ones are not made again.
    fn plan(&self, rules: &[usize]) -> Rc<Plan> {
        if let Some(plan) = self.plans.borrow().get(rules) {
            return Rc::clone(plan);
        }
        let plan = Rc::new(self.config.plan(rules));
        let mut plans = self.plans.borrow_mut();
        if plans.len() >= MAX_PLANS {
            plans.clear();
        }
        plans.insert(rules.to_vec(), Rc::clone(&plan));
        plan
    }

    fn rules<'r>(&'r self, indices: &'r [usize]) -> impl Iterator<Item = &'r Rule> {
        indices
            .iter()
            .filter_map(|index| self.config.rules.get(*index))
    }

    fn enforces(&self, indices: &[usize]) -> bool {
        self.rules(indices).any(|rule| rule.mode.enforces())
    }

    /// Whether any of these rules lets only named members pass.
    fn minimizes(&self, indices: &[usize]) -> bool {
        self.rules(indices).any(|rule| rule.allow_fields.is_some())
    }
}

impl RedactedStream {
    /// The rules that are about this request and this place.
    fn at(&self, filter: &PiiRedactor, place: Place) -> Vec<usize> {
        let is_about = |index: &usize| {
            let rule = filter.config.rules.get(*index);
            rule.is_some_and(|rule| rule.places.has(place))
        };
        self.rules.iter().copied().filter(is_about).collect()
    }

    /// Of these rules those that are about the content type of the message at hand.
    fn of_this_type(
        &self,
        filter: &PiiRedactor,
        host: &dyn Host,
        rules: Vec<usize>,
        direction: Direction,
    ) -> Vec<usize> {
        let Some(request) = &self.request else {
            return rules;
        };
        let facts = request.facts(host, &filter.config.sources, direction);
        let fits = |index: &usize| {
            let rule = filter.config.rules.get(*index);
            rule.is_some_and(|rule| applies(&rule.matches, &facts))
        };
        rules.into_iter().filter(fits).collect()
    }

    /// A message that rules are about and that cannot be redacted, before it has begun.
    fn refuse(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        policy: Policy,
        reason: &'static str,
    ) -> Action {
        let enforces = filter.enforces(&self.rules);
        let blocks = policy == Policy::Block && enforces;
        tell::unredacted(filter, host, reason, blocks, !enforces);
        if !blocks {
            return Action::Continue;
        }
        self.send_refusal(host, direction, reason);
        Action::Pause
    }

    /// Answers in the place of the upstream.
    fn send_refusal(&mut self, host: &dyn Host, direction: Direction, reason: &'static str) {
        let (status, detail) = match (direction, reason) {
            (Direction::Request, "blocked_content") => {
                (403, "The request has data in it that may not be sent.")
            }
            (Direction::Request, "unsupported_encoding" | "unsupported_type") => {
                (415, "The request could not be checked for personal data.")
            }
            (Direction::Request, _) => (400, "The request could not be checked for personal data."),
            (Direction::Response, "blocked_content") => {
                (502, "The answer has data in it that may not be sent.")
            }
            (Direction::Response, _) => (502, "The answer could not be checked for personal data."),
        };
        let refusal = Refusal::new(status, reason, detail);
        let request = self.request.as_ref();
        let id = request.and_then(|request| request.request_id(host));
        let is_grpc = request.is_some_and(Request::is_grpc);
        refuse::send(host, &refusal, PiiRedactor::NAME, id, is_grpc);
        // The local answer passes this filter too.
        self.rules.clear();
        self.request_work = None;
        self.response_work = None;
    }

    /// A finding says that the message goes no further.
    fn block(&mut self, filter: &PiiRedactor, host: &dyn Host, direction: Direction) -> Action {
        filter.metrics.count(
            host,
            "blocked_total",
            &[(
                "direction",
                if direction == Direction::Request {
                    "request"
                } else {
                    "response"
                },
            )],
        );
        let decision = Decision::new(PiiRedactor::NAME, Outcome::Denied).reason("blocked_content");
        exchange::append_decision(host, decision);
        filter.throttle.log(host, LogLevel::Info, || {
            "pii-redactor: a message was blocked for what is in it".to_owned()
        });
        self.send_refusal(host, direction, "blocked_content");
        Action::Pause
    }

    /// Tells what was found in a part of a message that is complete.
    fn told(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        place: Place,
        plan: &Plan,
        tally: &Tally,
    ) {
        if tally.counts().is_empty() {
            return;
        }
        tell::found(filter, host, place, plan, tally, true);
        for count in tally.counts() {
            let word = Tally::word(plan, count.entity);
            match self.told.iter_mut().find(|(known, _)| known == word) {
                Some((_, number)) => *number = number.saturating_add(count.number),
                None => self.told.push((word.to_owned(), count.number)),
            }
        }
    }

    /// The response header that tells, if the configuration names one.
    fn report(&self, filter: &PiiRedactor, host: &dyn Host) {
        let Some(name) = &filter.config.report_header else {
            return;
        };
        let mut parts: Vec<String> = self
            .told
            .iter()
            .map(|(word, number)| format!("{word}={number}"))
            .collect();
        parts.push(format!(
            "body={}",
            if self.response_work.is_some() {
                "searched"
            } else {
                "not-searched"
            }
        ));
        let _ = host.set_header(
            HeaderMap::ResponseHeaders,
            name,
            parts.join(", ").as_bytes(),
        );
    }
}

fn upgrades(request: &Request, host: &dyn Host) -> bool {
    // `h2c` and the like are answered by the proxy itself; what is left is another protocol.
    request
        .header(host, "upgrade")
        .is_some_and(|value| !value.trim().is_empty())
        && request
            .header(host, "connection")
            .is_none_or(|value| value.to_ascii_lowercase().contains("upgrade"))
}

fn response_text(host: &dyn Host, name: &str) -> Option<String> {
    header_text(host, HeaderMap::ResponseHeaders, name)
}

const MAX_PLANS: usize = 32;
