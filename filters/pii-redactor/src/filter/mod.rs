//! The filter: redacts requests on their way to the upstream, and responses on their way back.
//!
//! What a host allows decides the shape. A body callback that returns "continue" lets everything go
//! that is in the host's buffer, so each callback replaces the buffer by what may leave and the
//! pipeline holds the rest. With trailers no callback says that the body is over, and nothing can
//! be written any more; so what holds nothing at its end (JSON, events) streams, and a small text or
//! form is left with the host until it is complete.

mod body;
mod data_budget;
mod fields;
mod host_limits;
mod limits;
mod message;
mod pieces;
mod reason;
mod report;
mod upload;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use host::route_config::{Choice, PolicyOfRoute, RouteConfigs};
use host::{
    Action, Capabilities, ContextId, Direction, Filter, HeaderMap, Host, LogLevel, Metrics, Moment,
    Request, Startup, Stream, Throttle, refuse,
};
use policy::config::{Problem, Problems};
use policy::mode::Mode;
use policy::refusal::Refusal;
use policy::secret::{Secret, SecretKind};

use crate::budget::Budget;
use crate::config::RuleUse;
use crate::config::{Config, FailurePolicy, Place, Rule};
use crate::plan::Plan;
use crate::pseudonym::MIN_KEY_BYTES;
use crate::tally::Tally;
use body::Work;
use data_budget::{Accounts, DataBudgets};
use limits::Counted;
use reason::Reason;
use report::Fate;

/// The filter in one VM.
pub struct PiiRedactor {
    config: Config,
    capabilities: Capabilities,
    metrics: Metrics,
    throttle: Throttle,
    /// Plans by the rules that they are made of.
    plans: RefCell<HashMap<Vec<RuleUse>, Rc<Plan>>>,
    /// What callers have got in clear, where there are budgets.
    data_budgets: Option<DataBudgets>,
    /// The configurations of routes that have their own.
    routes: Option<RouteConfigs<Self>>,
}

impl Filter for PiiRedactor {
    const NAME: &'static str = "pii-redactor";
    type Stream = RedactedStream;

    fn configure(startup: &Startup<'_>) -> Result<Self, Problems> {
        let filter = Self::new(startup)?;
        let routes = RouteConfigs::new(
            startup,
            Self::NAME,
            &Config::ROUTE_PART,
            &filter.config.routes,
            &Self::new,
        )?;
        Ok(Self { routes, ..filter })
    }

    fn stream(&mut self, _context: ContextId) -> RedactedStream {
        RedactedStream::default()
    }
}

impl PiiRedactor {
    /// The filter with the configuration of the plugin, or with that of a route.
    fn new(startup: &Startup<'_>) -> Result<Self, Problems> {
        let (host, capabilities) = (startup.host, startup.capabilities);
        let mut config = startup.read::<Config>(Self::NAME)?;
        if let Some(name) = &config.pseudonym_key_env {
            let kind = SecretKind::Key {
                min_bytes: MIN_KEY_BYTES,
            };
            let key = Secret::from_environment(name, host.environment_variable(name), kind)
                .map_err(|error| Problem::new("pseudonym_key_env", error.to_string()))?;
            config = Config::parse_with_key(startup.configuration, key.expose())?;
        }
        host_limits::check(&config, capabilities)?;
        // Years of the Gregorian calendar, on average.
        let year = Moment::of(host).wall_ms() / 31_556_952_000;
        config.settings.year.set(year.saturating_add(1970));
        if !capabilities.rewrites_bodies() {
            let consequence = match config.on_error.host_readonly {
                FailurePolicy::Block => {
                    "requests with rules about bodies are refused, and so are those with findings in the query"
                }
                FailurePolicy::Pass => "rules about bodies and queries only count what they find",
            };
            host.log(
                LogLevel::Warn,
                &format!("pii-redactor: this host cannot change bodies and queries: {consequence}"),
            );
        }
        let filter = Self {
            data_budgets: DataBudgets::new(host, capabilities, &config)?,
            config,
            capabilities: *capabilities,
            metrics: Metrics::new(Self::NAME),
            throttle: Throttle::default(),
            plans: RefCell::default(),
            routes: None,
        };
        // The plan of all rules together, now: the first request does not wait for it.
        let acting = |index| RuleUse {
            index,
            is_exempt: false,
        };
        let all: Vec<RuleUse> = (0..filter.config.rules.len()).map(acting).collect();
        drop(filter.plan(&all));
        Ok(filter)
    }
}

impl PolicyOfRoute for PiiRedactor {
    fn strictest_mode(&self) -> Mode {
        Mode::strictest(self.config.rules.iter().map(|rule| rule.mode))
    }
}

/// One request and its response.
#[derive(Default)]
pub struct RedactedStream {
    /// The filter as the route of the request has it, if not as the plugin has it.
    route: Option<Rc<PiiRedactor>>,
    request: Option<Request>,
    /// The rules that are about this request, whatever its content types.
    rules: Vec<RuleUse>,
    /// The client asks for another protocol on this connection.
    asks_for_upgrade: bool,
    request_work: Option<Work>,
    response_work: Option<Work>,
    /// The response has been cut off, on a host that cannot end its stream.
    is_stopped: bool,
    request_counted: Counted,
    response_counted: Counted,
    /// What searching headers, the query, cookies and trailers has cost.
    head_budget: Budget,
    /// The budgets that count this request.
    accounts: Accounts,
    /// The path of the member for which a request goes no further.
    refused_member: Option<String>,
    /// What was found in everything but the body of the response, for `report_header`.
    found: Vec<(String, u64)>,
}

impl Stream<PiiRedactor> for RedactedStream {
    fn on_request_headers(
        &mut self,
        filter: &mut PiiRedactor,
        host: &dyn Host,
        end_of_stream: bool,
    ) -> Action {
        let request = Request::capture(host, &filter.config.sources);
        let goes_by_route = filter.config.goes_by_route;
        match filter.choose_route(host, &request) {
            Choice::Plugin => {}
            Choice::Route(route) => self.route = Some(route),
            Choice::Refused => return Action::Pause,
        }
        let route = self.route.clone();
        let filter = route.as_deref().unwrap_or(filter);
        // Where one stays, jwt-auth refuses the request.
        let _ = request.strip_overrides(host, filter.strictest_mode());
        let facts = request.facts(host, Direction::Request);
        self.rules = filter.config.rules_for(&facts);
        if self.rules.is_empty() && !goes_by_route {
            return Action::Continue;
        }
        self.asks_for_upgrade = request.method(host) == "CONNECT"
            || request.may_have_header(host, "upgrade") && upgrades(&request, host);
        if self.rules.is_empty() {
            self.request = Some(request);
            return Action::Continue;
        }
        let has_body =
            host_limits::may_have_body(&filter.capabilities, host, &request, end_of_stream);
        self.request = Some(request);
        if let Some(action) = self.open_accounts(filter, host) {
            return action;
        }
        if let Some(action) = self.limit_query(filter, host) {
            return action;
        }
        let about_bodies = self.enforces(filter, Direction::Response)
            || has_body && filter.enforces(&self.at(filter, Place::RequestBody));
        let readonly = !filter.capabilities.rewrites_bodies();
        if readonly && about_bodies && filter.config.on_error.host_readonly == FailurePolicy::Block
        {
            // Such a host takes no response in place of the upstream's either, once there is one.
            return self.refuse(
                filter,
                host,
                Direction::Response,
                (FailurePolicy::Block, Reason::HostReadonly),
            );
        }
        let reads = || !filter.plan(&self.at(filter, Place::ResponseBody)).is_idle();
        let asks = self.enforces(filter, Direction::Response) && reads();
        if asks && !readonly {
            // A compressed body or a part of one cannot be searched as well as a plain whole one.
            for name in ["accept-encoding", "range", "if-range"] {
                // Where it stays, what comes back is decoded, or is a part and is refused.
                let listed = self.request.as_ref();
                if listed.is_none_or(|request| request.may_have_header(host, name)) {
                    let _ = host.remove_header(HeaderMap::RequestHeaders, name);
                }
            }
            // The tag of what was shown is weak, and the upstream made it strong: `If-Match` compares no weak ones.
            let matched = self.request.as_ref();
            let matched = matched.and_then(|request| request.header(host, "if-match"));
            if let Some(tags) = matched.filter(|tags| tags.contains("W/\"")) {
                let strong = tags.replace("W/\"", "\"");
                let _ = host.set_header(HeaderMap::RequestHeaders, "if-match", strong.as_bytes());
            }
        }
        if let Some(action) = self.redact_request_head(filter, host) {
            return action;
        }
        if !filter.capabilities.rewrites_bodies() {
            self.ask_for_bodies(filter, host);
        }
        if !has_body {
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
        let route = self.route.clone();
        let filter = route.as_deref().unwrap_or(filter);
        self.body(filter, host, Direction::Request, size, end_of_stream)
    }

    fn on_request_trailers(&mut self, filter: &mut PiiRedactor, host: &dyn Host) -> Action {
        let route = self.route.clone();
        let filter = route.as_deref().unwrap_or(filter);
        self.trailers(filter, host, Direction::Request)
    }

    fn on_response_headers(
        &mut self,
        filter: &mut PiiRedactor,
        host: &dyn Host,
        end_of_stream: bool,
    ) -> Action {
        let route = self.route.clone();
        self.report_body(route.as_deref().unwrap_or(filter), host, Direction::Request);
        if filter.config.goes_by_route && !self.choose_again(filter, host) {
            return Action::Pause;
        }
        let route = self.route.clone();
        let filter = route.as_deref().unwrap_or(filter);
        if self.rules.is_empty() || self.request.is_none() {
            return Action::Continue;
        }
        if let Some(action) = self.redact_response_head(filter, host) {
            return action;
        }
        let action = self.begin_response(filter, host, end_of_stream);
        if action == Action::Continue {
            self.set_report_header(filter, host);
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
        let route = self.route.clone();
        let filter = route.as_deref().unwrap_or(filter);
        self.body(filter, host, Direction::Response, size, end_of_stream)
    }

    fn on_response_trailers(&mut self, filter: &mut PiiRedactor, host: &dyn Host) -> Action {
        let route = self.route.clone();
        let filter = route.as_deref().unwrap_or(filter);
        self.trailers(filter, host, Direction::Response)
    }

    fn on_log(&mut self, filter: &mut PiiRedactor, host: &dyn Host) {
        let route = self.route.clone();
        let filter = route.as_deref().unwrap_or(filter);
        self.report_body(filter, host, Direction::Request);
        self.report_body(filter, host, Direction::Response);
    }
}

impl PiiRedactor {
    fn choose_route(&self, host: &dyn Host, request: &Request) -> Choice<Self> {
        match &self.routes {
            None => Choice::Plugin,
            Some(routes) => routes.choose(host, request, (self, self.config.mode), &Self::new),
        }
    }

    /// The plan of these rules; known ones are not made again.
    fn plan(&self, rules: &[RuleUse]) -> Rc<Plan> {
        if let Some(plan) = self.plans.borrow().get(rules) {
            return Rc::clone(plan);
        }
        let plan = Rc::new(self.config.plan_of(rules));
        let mut plans = self.plans.borrow_mut();
        if plans.len() >= MAX_PLANS {
            plans.clear();
        }
        plans.insert(rules.to_vec(), Rc::clone(&plan));
        plan
    }

    fn rules<'r>(&'r self, uses: &'r [RuleUse]) -> impl Iterator<Item = (&'r Rule, bool)> {
        uses.iter().filter_map(|used| {
            let rule = self.config.rules.get(used.index)?;
            Some((rule, used.is_exempt))
        })
    }

    /// Whether any of these rules acts.
    fn enforces(&self, uses: &[RuleUse]) -> bool {
        self.rules(uses)
            .any(|(rule, is_exempt)| rule.mode.enforces() && !is_exempt)
    }

    /// Whether any of these rules lets objects pass only if they are the caller's.
    fn judges_owners(&self, uses: &[RuleUse]) -> bool {
        let judges = |rule: &Rule| rule.mode.enforces() && rule.judges_owners();
        self.rules(uses)
            .any(|(rule, is_exempt)| judges(rule) && !is_exempt)
    }

    /// Of these rules those about GraphQL, for this caller.
    fn graphql_rules(&self, uses: &[RuleUse]) -> Vec<RuleUse> {
        let is_about_it = |used: &&RuleUse| {
            let rule = self.config.rules.get(used.index);
            !used.is_exempt && rule.is_some_and(|rule| rule.limits.graphql.is_some())
        };
        uses.iter().filter(is_about_it).copied().collect()
    }

    /// Whether any of these rules lets only named members pass.
    fn minimizes(&self, uses: &[RuleUse]) -> bool {
        self.rules(uses)
            .any(|(rule, is_exempt)| rule.allow_fields.is_some() && !is_exempt)
    }
}

impl RedactedStream {
    /// Goes by the route that the proxy has chosen in the end. It is another than the one that was known
    /// at the request where a filter, or this one, has changed a header that routes go by. Returns false
    /// when the response has been refused, because what that route says is wrong.
    fn choose_again(&mut self, plugin: &PiiRedactor, host: &dyn Host) -> bool {
        let Some(request) = &self.request else {
            return true;
        };
        let is_rerouted = request.is_rerouted(host);
        let chosen = match &plugin.routes {
            None => Choice::Plugin,
            Some(routes) => {
                let said = (plugin, plugin.config.mode);
                routes.choose_again(host, request, said, &PiiRedactor::new)
            }
        };
        let chosen = match chosen {
            Choice::Plugin => None,
            Choice::Route(route) => Some(route),
            Choice::Refused => {
                // The local response passes this filter too.
                self.rules.clear();
                self.request = None;
                return false;
            }
        };
        let is_same = match (&chosen, &self.route) {
            (None, None) => true,
            (Some(one), Some(other)) => Rc::ptr_eq(one, other),
            _ => false,
        };
        if is_rerouted || !is_same {
            let filter = chosen.as_deref().unwrap_or(plugin);
            let facts = request.facts(host, Direction::Request);
            self.rules = filter.config.rules_for(&facts);
            self.route = chosen;
        }
        true
    }

    /// APISIX shows the bodies that a plugin asks for before they come.
    fn ask_for_bodies(&self, filter: &PiiRedactor, host: &dyn Host) {
        for (place, switch) in [
            (Place::RequestBody, "wasm_process_req_body"),
            (Place::ResponseBody, "wasm_process_resp_body"),
        ] {
            if !self.at(filter, place).is_empty() {
                let _ = host.set_property(&[switch], b"1");
            }
        }
    }

    /// The rules that are about this request and this place.
    fn at(&self, filter: &PiiRedactor, place: Place) -> Vec<RuleUse> {
        filter.config.rules_at(&self.rules, place)
    }

    /// Whether rules or budgets act on the body of the response.
    fn enforces(&self, filter: &PiiRedactor, direction: Direction) -> bool {
        let place = match direction {
            Direction::Request => Place::RequestBody,
            Direction::Response => Place::ResponseBody,
        };
        self.acts(filter, &self.at(filter, place), direction)
    }

    /// Whether any of these rules acts, or a budget, on a message of a direction.
    fn acts(&self, filter: &PiiRedactor, rules: &[RuleUse], direction: Direction) -> bool {
        let is_rationed =
            || direction == Direction::Response && !rules.is_empty() && self.is_rationed(filter);
        filter.enforces(rules) || is_rationed()
    }

    /// Of these rules those that are about the content type of the message at hand.
    fn of_this_type(
        &self,
        filter: &PiiRedactor,
        host: &dyn Host,
        rules: Vec<RuleUse>,
        direction: Direction,
    ) -> Vec<RuleUse> {
        let Some(request) = &self.request else {
            return rules;
        };
        let facts = request.facts(host, direction);
        filter.config.rules_of_type(&rules, &facts)
    }

    /// A message that rules are about and that cannot be redacted, before it has begun.
    fn refuse(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        (policy, reason): (FailurePolicy, Reason),
    ) -> Action {
        let enforces = self.acts(filter, &self.rules, direction);
        let blocks = policy == FailurePolicy::Block && enforces;
        report::unredacted(filter, host, reason, blocks, !enforces);
        if !blocks {
            return Action::Continue;
        }
        self.send_refusal(host, direction, reason);
        Action::Pause
    }

    /// Responds in the place of the upstream.
    fn send_refusal(&mut self, host: &dyn Host, direction: Direction, reason: Reason) {
        self.send_refusal_with(host, direction, reason, |refusal| refusal);
    }

    fn send_refusal_with(
        &mut self,
        host: &dyn Host,
        direction: Direction,
        reason: Reason,
        with: impl FnOnce(Refusal) -> Refusal,
    ) {
        let (status, detail) = reason.refusal(direction);
        let mut refusal = with(Refusal::new(status, reason.as_str(), detail));
        // The sender knows its names. Those of a response are nobody's business.
        if let Some(member) = self.refused_member.take()
            && reason == Reason::MemberNotAllowed
            && direction == Direction::Request
        {
            refusal = refusal.member("member", member);
        }
        let request = self.request.as_ref();
        let id = request.and_then(|request| request.request_id(host));
        let is_grpc = request.is_some_and(|request| request.is_grpc(host));
        refuse::send(host, &refusal, PiiRedactor::NAME, id, is_grpc);
        // The local response passes this filter too.
        self.rules.clear();
        self.request_work = None;
        self.response_work = None;
    }

    /// A finding says that the message goes no further.
    fn block(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        reason: Reason,
    ) -> Action {
        report::blocked(filter, host, direction, reason);
        self.send_refusal(host, direction, reason);
        Action::Pause
    }

    /// Reports what was found in a part of a message that is complete.
    fn found(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        place: Place,
        (plan, changes): (&Plan, bool),
        tally: &Tally,
    ) {
        self.note_refused(tally.refused_member().map(str::to_owned));
        let fate = match (tally.blocks, changes) {
            (_, false) => Fate::Unchanged,
            (false, true) => Fate::Changed,
            (true, true) => Fate::Stopped,
        };
        report::found(filter, host, place, plan, (tally.counts(), fate));
        for count in tally.counts() {
            let word = Tally::word(plan, count.entity);
            match self.found.iter_mut().find(|(known, _)| known == word) {
                Some((_, number)) => *number = number.saturating_add(count.number),
                None => self.found.push((word.to_owned(), count.number)),
            }
        }
    }

    /// A member for which the message goes no further, and why then.
    fn note_refused(&mut self, member: Option<String>) {
        if self.refused_member.is_none() {
            self.refused_member = member;
        }
    }

    /// Why a message goes no further that has something in it that blocks.
    const fn why_blocked(&self) -> Reason {
        match self.refused_member {
            Some(_) => Reason::MemberNotAllowed,
            None => Reason::BlockedContent,
        }
    }

    /// The response header that says what was found, if the configuration names one.
    fn set_report_header(&self, filter: &PiiRedactor, host: &dyn Host) {
        let Some(name) = &filter.config.report_header else {
            return;
        };
        let mut parts: Vec<String> = self
            .found
            .iter()
            .map(|(word, number)| format!("{word}={number}"))
            .collect();
        parts.push(format!(
            "body={}",
            self.response_work
                .as_ref()
                .map_or(body::NOT_SEARCHED, |work| work.report)
        ));
        let _ = host.set_header(
            HeaderMap::ResponseHeaders,
            name,
            parts.join(", ").as_bytes(),
        );
    }
}

fn upgrades(request: &Request, host: &dyn Host) -> bool {
    // `h2c` is HTTP all the same, and proxies overlook it.
    request
        .header(host, "upgrade")
        .is_some_and(|value| !matches!(value.trim(), "" | "h2c"))
        && request
            .header(host, "connection")
            .is_none_or(|value| value.to_ascii_lowercase().contains("upgrade"))
}

const MAX_PLANS: usize = 32;
