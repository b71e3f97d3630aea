//! Which configuration a request is recorded by.

use std::cell::RefCell;
use std::rc::Rc;

use host::route_config::{Choice, PolicyOfRoute, RouteConfigs};
use host::{Filter as _, Host, Request, Startup};
use policy::config::{Problem, Problems};
use policy::mode::Mode;
use policy::ordered_map::OrderedMap;

use super::AuditEmitter;
use crate::config::{Config, Keep};

/// The configuration of the plugin and those of its routes, which agree on how long each class is
/// kept.
pub(super) struct Configs {
    plugin: Rc<Config>,
    routes: Option<RouteConfigs<Config>>,
    retentions: Retentions,
}

/// For how long each class is kept, as far as any route has said.
type Retentions = RefCell<OrderedMap<String, Keep>>;

impl Configs {
    /// # Errors
    /// What a route says that the plugin or another route contradicts.
    pub(super) fn new(startup: &Startup<'_>, plugin: Rc<Config>) -> Result<Self, Problems> {
        let retentions = Retentions::default();
        agree_on_retention(&retentions, &plugin)?;
        let routes = RouteConfigs::new(
            startup,
            AuditEmitter::NAME,
            &Config::ROUTE_PART,
            &plugin.routes,
            &|startup| config_of_route(startup, &retentions),
        )?;
        Ok(Self {
            plugin,
            routes,
            retentions,
        })
    }

    /// What holds for all requests that no route says anything about.
    pub(super) const fn plugin(&self) -> &Rc<Config> {
        &self.plugin
    }

    /// What the route of the request says; `None` when the request has been refused.
    pub(super) fn choose(&self, host: &dyn Host, request: &Request) -> Option<Rc<Config>> {
        let choice = self.routes.as_ref().map_or(Choice::Plugin, |routes| {
            let plugin = (self.plugin.as_ref(), self.plugin.mode);
            routes.choose(host, request, plugin, &|startup| {
                config_of_route(startup, &self.retentions)
            })
        });
        choice.or_plugin(&self.plugin)
    }
}

impl PolicyOfRoute for Config {
    fn strictest_mode(&self) -> Mode {
        self.strictest_mode()
    }
}

fn config_of_route(startup: &Startup<'_>, retentions: &Retentions) -> Result<Config, Problems> {
    let config = startup.read::<Config>(AuditEmitter::NAME)?;
    agree_on_retention(retentions, &config)?;
    Ok(config)
}

/// A class is one chain, whichever route its records are about, so all must keep it equally long.
fn agree_on_retention(retentions: &Retentions, config: &Config) -> Result<(), Problems> {
    let mut known = retentions.borrow_mut();
    let own = config.retentions().collect::<Vec<_>>();
    let other = own
        .iter()
        .find(|own| known.get(&own.class).is_some_and(|keep| *keep != own.keep));
    if let Some(retention) = other {
        let message = format!(
            "the class {:?} is kept for another time elsewhere: its records are one chain, which \
             is purged as a whole. Give each time a class of its own, or both the same \"keep\"",
            retention.class
        );
        return Err(Problem::new("retention", message).into());
    }
    for retention in own {
        known.insert(retention.class.clone(), retention.keep);
    }
    Ok(())
}
