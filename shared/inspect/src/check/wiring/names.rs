//! What filters are called: by the module, by the configuration, and among the plugins of the host.

use policy::json::Json;

use super::Wiring;
use crate::check::codes;
use crate::check::higress;
use crate::check::plugin::{Host, Site, shaped};
use crate::check::tree::Kind;

impl Wiring<'_> {
    /// The module and the configuration are of one filter.
    pub(super) fn identity(&mut self, site: &Site<'_>) {
        let shape = site.config.as_deref().and_then(shaped);
        if let (Some(shape), Some(config)) = (shape, site.config.as_deref())
            && shape != site.filter
        {
            self.error(
                &codes::OTHER_FILTER,
                &config.span,
                format!(
                    "the module is {}, and the configuration has the keys of {shape}",
                    site.filter
                ),
            );
        }
        let needs_config = site
            .config
            .as_deref()
            .is_none_or(|config| matches!(config.kind, Kind::Null));
        let is_off = site.host == Host::Higress && higress::is_off(site.plugin);
        if needs_config && !is_declared(site) && !is_off {
            self.error(
                &codes::CONFIG_MISSING,
                &site.span(),
                format!("{} has no configuration here", site.filter),
            );
        }
    }

    /// No plugin of APISIX has the name of one of its own, or of another.
    pub(super) fn plugin_names(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        let mut declared: Vec<&str> = Vec::new();
        for (site, _) in sites.iter().filter(|(site, _)| site.host == Host::Apisix) {
            let (name, span) = match (site.member, site.plugin.get("name")) {
                (Some(member), _) => (member.name.as_str(), &member.name_span),
                (None, Some(name)) => (name.text().unwrap_or_default(), &name.span),
                (None, None) => continue,
            };
            if OF_APISIX.lines().any(|known| known == name) {
                let message = format!(
                    "APISIX has a plugin of its own called {name:?}; call this one \"meshward-{}\"",
                    site.filter
                );
                self.error(&codes::NAME_COLLIDES, span, message);
            }
            if !is_declared(site) {
                continue;
            }
            if declared.contains(&name) {
                let message =
                    format!("two plugins are called {name:?}, and one is taken for the other");
                self.error(&codes::NAME_COLLIDES, span, message);
            }
            declared.push(name);
        }
    }
}

/// `wasm.plugins` of APISIX says which plugins there are; routes configure them.
fn is_declared(site: &Site<'_>) -> bool {
    site.host == Host::Apisix && site.config.is_none() && site.member.is_none()
}

/// The plugins that APISIX 3 has itself, in its default list or to be switched on there.
const OF_APISIX: &str = include_str!("apisix.txt");
