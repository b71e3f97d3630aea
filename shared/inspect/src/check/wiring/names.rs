//! What filters are called: by the module, by the configuration, and among the plugins of the host.

use policy::json::Json;

use super::Wiring;
use crate::check::higress;
use crate::check::plugin::{Host, Site, named, shaped};
use crate::check::tree::{Kind, Tree};
use crate::check::{BUNDLE, codes};

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
            let where_else = match site.host {
                Host::Apisix => "; on APISIX it stands under \"conf\"",
                _ => "",
            };
            let message = format!("{} has no configuration here{where_else}", site.filter);
            self.error(&codes::CONFIG_MISSING, &site.span(), message);
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
            let file = site.plugin.get("file").and_then(Tree::text).and_then(named);
            let is_crossed = |said: &&str| {
                file.is_some_and(|file| ![*said, BUNDLE].contains(&file)) && *said != BUNDLE
            };
            let said = named(name).filter(is_crossed);
            if let (Some(said), None) = (said, site.member) {
                let message = format!("the module is {}, and the name says {said}", site.filter);
                self.error(&codes::OTHER_FILTER, span, message);
            }
            if is_of_apisix(name) {
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

/// Whether APISIX has a plugin of its own of this name.
pub(in crate::check) fn is_of_apisix(name: &str) -> bool {
    OF_APISIX.lines().any(|known| known == name)
}

/// The plugins that APISIX 3 has itself, in its default list or to be switched on there.
const OF_APISIX: &str = include_str!("apisix.txt");
