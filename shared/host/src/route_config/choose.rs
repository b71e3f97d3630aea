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
    /// What metadata has said so far, the latest last.
    known: RefCell<Vec<(Spaces, Found<T>)>>,
    metrics: Metrics,
    throttle: Throttle,
}

/// Makes ready a whole configuration, with what a route says in the place of what the plugin says.
type Compile<'c, T> = &'c dyn Fn(&Startup<'_>) -> Result<T, Problems>;

/// What a request falls under.
pub enum Choice<T> {
    /// What the plugin says for all.
    Plugin,
    /// What its route says.
    Route(Rc<T>),
    /// Nothing: it has been refused, because what its route says is wrong.
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
}

impl<T> Clone for Found<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Route(route) => Self::Route(Rc::clone(route)),
            Self::Invalid => Self::Invalid,
        }
    }
}

impl<T> RouteConfigs<T> {
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
            metadata,
            folded: folded.collect::<Result<_, Problems>>()?,
            known: RefCell::default(),
            metrics: Metrics::new(filter),
            throttle: Throttle::default(),
        }))
    }

    /// What a request falls under: what its route says, what its virtual host says, what Higress has
    /// folded in for it, or what the plugin says for all. `mode` is that of the plugin.
    pub fn choose(
        &self,
        host: &dyn Host,
        request: &Request,
        mode: Mode,
        compile: Compile<'_, T>,
    ) -> Choice<T> {
        let found = self.find(host, request, compile);
        Self::chosen(found, || self.refuse(host, request, mode))
    }

    /// As [`RouteConfigs::choose`], for a request that has been let through under the route that was
    /// chosen first. What has been counted is not counted again.
    pub fn choose_again(
        &self,
        (host, request): (&dyn Host, &Request),
        mode: Mode,
        compile: Compile<'_, T>,
    ) -> Choice<T> {
        let found = self.find(host, request, compile);
        Self::chosen(found, || {
            !self.passes(mode) && self.refuse(host, request, mode)
        })
    }

    fn chosen(found: Found<T>, refuses: impl FnOnce() -> bool) -> Choice<T> {
        match found {
            Found::Nothing => Choice::Plugin,
            Found::Route(route) => Choice::Route(route),
            Found::Invalid if refuses() => Choice::Refused,
            Found::Invalid => Choice::Plugin,
        }
    }

    fn find(&self, host: &dyn Host, request: &Request, compile: Compile<'_, T>) -> Found<T> {
        match self.of_metadata(host, compile) {
            Found::Nothing => self.of_folded(host, request),
            found => found,
        }
    }

    /// Whether requests on routes that are wrong go by what the plugin says.
    fn passes(&self, mode: Mode) -> bool {
        self.metadata == Some(OnError::Allow) || !mode.enforces()
    }

    /// Each that is ready.
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

    fn of_folded(&self, host: &dyn Host, request: &Request) -> Found<T> {
        for (rule, route) in &self.folded {
            match rule.fit(host, request) {
                Fit::No => {}
                Fit::Yes => return Found::Route(Rc::clone(route)),
                Fit::Ambiguous => return Found::Invalid,
            }
        }
        Found::Nothing
    }

    /// Refuses a request, or returns false where it goes on under what the plugin says.
    fn refuse(&self, host: &dyn Host, request: &Request, mode: Mode) -> bool {
        let is_fallback = self.metadata == Some(OnError::Allow);
        let outcome = match (is_fallback, mode.enforces()) {
            (true, _) => "allowed",
            (false, true) => "denied",
            (false, false) => "reported",
        };
        let labels = [("outcome", outcome)];
        self.metrics
            .count(host, "route_config_errors_total", &labels);
        if is_fallback {
            return false;
        }
        let decision = Decision::new(self.filter, Outcome::Denied)
            .reason(CODE)
            .report_only(!mode.enforces());
        exchange::append_decision(host, decision);
        if !mode.enforces() {
            return false;
        }
        let id = request.request_id(host);
        self.throttle.log(host, LogLevel::Info, || {
            let id = id.unwrap_or("-");
            format!("{}: refused request {id}: {CODE}", self.filter)
        });
        let detail = "The gateway has no valid configuration for this route.";
        let refusal = Refusal::new(503, CODE, detail);
        refuse::send(host, &refusal, self.filter, id, request.is_grpc(host));
        true
    }
}

const CODE: &str = "route_config_invalid";
/// Configurations of routes that are kept ready. What is used least goes first.
const MAX_KNOWN: usize = 256;
/// Of one configuration so many mistakes are logged.
const MAX_LOGGED: usize = 8;
