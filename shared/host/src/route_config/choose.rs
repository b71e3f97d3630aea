//! Which configuration a request falls under.

use std::cell::RefCell;
use std::rc::Rc;

use policy::config::Problems;
use policy::decision::{Decision, Outcome};
use policy::json::Json;
use policy::mode::{Mode, OnError};
use policy::refusal::Refusal;

use super::folded::{Fit, FoldedRule};
use super::metadata::{self, Spaces};
use super::{RoutePart, RouteSettings, merged};
use crate::{
    Capabilities, Host, HostKind, LogLevel, Metrics, Request, Startup, Throttle, exchange, refuse,
};

/// The configurations of routes that have one of their own, as a filter has made them ready.
pub struct RouteConfigs<T> {
    filter: &'static str,
    capabilities: Capabilities,
    keys: &'static [&'static str],
    /// What the plugin itself says, as far as routes have use for it.
    base: Json,
    metadata: Option<OnError>,
    folded: Vec<(FoldedRule, Rc<T>)>,
    /// Some of them are for routes, not for hosts.
    go_by_route: bool,
    /// What metadata has said so far, the latest last.
    known: RefCell<Vec<(Spaces, Found<T>)>>,
    metrics: Metrics,
    throttle: Throttle,
}

/// Makes ready a whole configuration, with what a route says in the place of what the plugin says.
type Compile<'c, T> = &'c dyn Fn(&Startup<'_>) -> Result<T, Problems>;

/// The configuration of a filter, for the plugin or for a route.
pub trait PolicyOfRoute {
    /// That of everything in it together: it enforces as soon as anything in it does.
    fn strictest_mode(&self) -> Mode;
}

/// What a request falls under.
pub enum Choice<T> {
    /// What the plugin says for all.
    Plugin,
    /// The configuration in the metadata of the route or virtual host.
    Route(Rc<T>),
    /// Nothing: it has been refused, because what its route says is wrong, or it is not clear whose it is.
    Refused,
}

impl<T> Choice<T> {
    /// With what the plugin says for all; `None` when the request has been refused.
    #[must_use]
    pub fn or_plugin(self, plugin: &Rc<T>) -> Option<Rc<T>> {
        match self {
            Self::Plugin => Some(Rc::clone(plugin)),
            Self::Route(route) => Some(route),
            Self::Refused => None,
        }
    }
}

/// What there is for a request.
enum Found<T> {
    /// Nothing but what the plugin says.
    Nothing,
    Route(Rc<T>),
    Invalid,
    /// Servers may read its host in several ways, which lead to several configurations: the strictest of
    /// their modes.
    Ambiguous(Mode),
}

/// Why there is no configuration for a request.
struct Problem {
    status: u16,
    code: &'static str,
    counter: &'static str,
    detail: &'static str,
}

impl<T> Clone for Found<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Route(route) => Self::Route(Rc::clone(route)),
            Self::Invalid => Self::Invalid,
            Self::Ambiguous(mode) => Self::Ambiguous(*mode),
        }
    }
}

impl<T: PolicyOfRoute> RouteConfigs<T> {
    /// Makes ready what the configuration has for its routes; `None` where all are alike.
    ///
    /// # Errors
    /// What this host lacks for one of them.
    pub fn new(
        startup: &Startup<'_>,
        filter: &'static str,
        part: &RoutePart,
        settings: &RouteSettings,
        compile: Compile<'_, T>,
    ) -> Result<Option<Self>, Problems> {
        let mut metadata = settings.metadata;
        if metadata.is_some() && startup.capabilities.kind() != HostKind::Envoy {
            let line = format!(
                "{filter}: this host has no route metadata: route_config does nothing. A route \
                 has a plugin configuration of its own here"
            );
            startup.host.log(LogLevel::Warn, &line);
            metadata = None;
        }
        if metadata.is_none() && settings.folded.is_empty() {
            return Ok(None);
        }
        let folded = settings.folded.iter().map(|rule| {
            let compiled = compile(&Startup {
                configuration: &rule.configuration,
                ..*startup
            })?;
            Ok((rule.clone(), Rc::new(compiled)))
        });
        Ok(Some(Self {
            filter,
            capabilities: *startup.capabilities,
            keys: part.keys,
            base: part.base(&Json::parse(startup.configuration.as_bytes()).unwrap_or(Json::Null)),
            go_by_route: metadata.is_some()
                || settings.folded.iter().any(FoldedRule::goes_by_route),
            metadata,
            folded: folded.collect::<Result<_, Problems>>()?,
            known: RefCell::default(),
            metrics: Metrics::new(filter),
            throttle: Throttle::default(),
        }))
    }

    /// What a request falls under: what its route says, what its virtual host says, what Higress has
    /// folded in for it, or what the plugin says for all. `plugin` is that, with the mode that it has where
    /// nothing says otherwise.
    pub fn choose(
        &self,
        host: &dyn Host,
        request: &Request,
        plugin: (&T, Mode),
        compile: Compile<'_, T>,
    ) -> Choice<T> {
        self.chosen((host, request), plugin, compile, true)
    }

    /// As [`RouteConfigs::choose`], for a request that has been let through under the route that was
    /// chosen first. What has been counted is not counted again.
    pub fn choose_again(
        &self,
        host: &dyn Host,
        request: &Request,
        plugin: (&T, Mode),
        compile: Compile<'_, T>,
    ) -> Choice<T> {
        self.chosen((host, request), plugin, compile, false)
    }

    fn chosen(
        &self,
        (host, request): (&dyn Host, &Request),
        (plugin, mode): (&T, Mode),
        compile: Compile<'_, T>,
        is_first: bool,
    ) -> Choice<T> {
        let said = self.of_metadata(host, compile);
        let found = |request: &Request| match &said {
            Found::Nothing => self.of_folded(host, request, plugin),
            said => said.clone(),
        };
        let mut chosen = found(request);
        // What only reports strips nothing: an upstream that acts on an override sees it, and may serve what
        // another configuration enforces.
        let strips = match &chosen {
            Found::Route(route) => route.strictest_mode().enforces(),
            _ => plugin.strictest_mode().enforces(),
        };
        let unstripped = (!strips).then(|| request.unstripped()).flatten();
        if let Some(unstripped) = &unstripped {
            chosen = found(unstripped);
        }
        if self.go_by_route && !unstripped.as_ref().unwrap_or(request).is_on_route(host) {
            // It may go to any route, so all that are known count, the one at hand among them.
            let mode = self.strictest_mode(plugin);
            if self.is_refused(host, request, &AMBIGUOUS_PATH, (mode, false), is_first) {
                return Choice::Refused;
            }
        }
        // What a client sends is no wrong configuration: it goes by all that it may be about.
        let (problem, mode, passes) = match chosen {
            Found::Nothing => return Choice::Plugin,
            Found::Route(route) => return Choice::Route(route),
            Found::Invalid => (&INVALID, mode, self.metadata == Some(OnError::Allow)),
            Found::Ambiguous(mode) => (&AMBIGUOUS_HOST, mode, false),
        };
        match self.is_refused(host, request, problem, (mode, passes), is_first) {
            true => Choice::Refused,
            false => Choice::Plugin,
        }
    }

    /// The strictest mode of the plugin and of all routes that are known: for what may go to any of them.
    pub fn strictest_mode(&self, plugin: &T) -> Mode {
        let mut mode = plugin.strictest_mode();
        self.for_each(|route| mode = Mode::strictest([mode, route.strictest_mode()].into_iter()));
        mode
    }

    /// Refuses a request if the mode enforces and it is not let pass. `is_first`: its outcome has not been
    /// counted yet.
    fn is_refused(
        &self,
        host: &dyn Host,
        request: &Request,
        problem: &Problem,
        (mode, passes): (Mode, bool),
        is_first: bool,
    ) -> bool {
        let outcome = match (passes, mode.enforces()) {
            (true, _) => "allowed",
            (false, true) => "denied",
            (false, false) => "reported",
        };
        let is_refused = outcome == "denied";
        if is_refused || is_first {
            self.report(host, problem, outcome);
        }
        if !is_refused {
            return false;
        }
        let (filter, code) = (self.filter, problem.code);
        let id = request.request_id(host);
        self.throttle.log(host, LogLevel::Info, || {
            let id = id.unwrap_or("-");
            format!("{filter}: refused request {id}: {code}")
        });
        let refusal = Refusal::new(problem.status, code, problem.detail);
        refuse::send(host, &refusal, filter, id, request.is_grpc(host));
        true
    }

    /// Calls `visit` with each configuration that is ready.
    pub fn for_each(&self, mut visit: impl FnMut(&T)) {
        self.folded.iter().for_each(|(_, route)| visit(route));
        for (_, found) in self.known.borrow().iter() {
            if let Found::Route(route) = found {
                visit(route);
            }
        }
    }

    fn of_metadata(&self, host: &dyn Host, compile: Compile<'_, T>) -> Found<T> {
        if self.metadata.is_none() {
            return Found::Nothing;
        }
        for place in metadata::PLACES {
            let Some(said) = metadata::read(host, place, self.filter) else {
                continue;
            };
            match self.of_said(host, said, compile) {
                Found::Nothing => {}
                found => return found,
            }
        }
        Found::Nothing
    }

    fn of_said(&self, host: &dyn Host, said: Spaces, compile: Compile<'_, T>) -> Found<T> {
        let mut known = self.known.borrow_mut();
        if let Some(place) = known.iter().rposition(|(known, _)| *known == said) {
            let found = known.remove(place);
            let chosen = found.1.clone();
            known.push(found);
            return chosen;
        }
        let compiled = said.members(self.filter).and_then(|members| {
            let Some(members) = members else {
                return Ok(Found::Nothing);
            };
            let configuration = merged(&self.base, &members, self.keys)?;
            let route = compile(&Startup {
                host,
                capabilities: &self.capabilities,
                configuration: &configuration,
                of_plugin: &configuration,
            })?;
            Ok(Found::Route(Rc::new(route)))
        });
        let found = compiled.unwrap_or_else(|problems| {
            for problem in problems.iter().take(MAX_LOGGED) {
                self.throttle.log(host, LogLevel::Error, || {
                    format!("{}: configuration of a route: {problem}", self.filter)
                });
            }
            Found::Invalid
        });
        if known.len() >= MAX_KNOWN {
            known.remove(0);
        }
        known.push((said, found.clone()));
        found
    }

    fn of_folded(&self, host: &dyn Host, request: &Request, plugin: &T) -> Found<T> {
        let mut meant = Vec::new();
        for (rule, route) in &self.folded {
            match rule.fit(host, request) {
                Fit::No => continue,
                Fit::Yes if meant.is_empty() => return Found::Route(Rc::clone(route)),
                Fit::Yes | Fit::Ambiguous => meant.push(route.strictest_mode()),
            }
        }
        if meant.is_empty() {
            return Found::Nothing;
        }
        meant.push(plugin.strictest_mode());
        Found::Ambiguous(Mode::strictest(meant.into_iter()))
    }

    fn report(&self, host: &dyn Host, problem: &Problem, outcome: &str) {
        let labels = [("outcome", outcome)];
        self.metrics.count(host, problem.counter, &labels);
        if outcome != "allowed" {
            let decision = Decision::new(self.filter, Outcome::Denied)
                .reason(problem.code)
                .report_only(outcome == "reported");
            exchange::append_decision(host, decision);
        }
    }
}

const INVALID: Problem = Problem {
    status: 503,
    code: "route_config_invalid",
    counter: "route_config_errors_total",
    detail: "The gateway has no valid configuration for this route.",
};
const AMBIGUOUS_PATH: Problem = Problem {
    status: 400,
    code: "path_ambiguous",
    counter: "ambiguous_paths_total",
    detail: "The path can be read in more than one way.",
};
const AMBIGUOUS_HOST: Problem = Problem {
    status: 400,
    code: "host_ambiguous",
    counter: "ambiguous_hosts_total",
    detail: "It is not clear for which host the request is.",
};
/// Configurations of routes that are kept ready. What is used least goes first.
const MAX_KNOWN: usize = 256;
/// Of one configuration so many mistakes are logged.
const MAX_LOGGED: usize = 8;
