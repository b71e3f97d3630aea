//! Filters of Envoy that are switched off, and requests that pass them twice.

use policy::filters::{JWT_AUTH, TOKEN_BUCKET};
use policy::json::Json;

use crate::check::codes;
use crate::check::plugin::{Host, Site};
use crate::check::tree::{Kind, Member, Tree};

use super::Wiring;

impl Wiring<'_> {
    /// A filter that is disabled, and where nothing enables it; routes that switch it off.
    pub(super) fn switched_off(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        let mut own = Vec::new();
        for document in self.documents {
            visit(document, &mut |tree| {
                let of_route = tree.get("typed_per_filter_config");
                own.extend(of_route.map_or(&[][..], Tree::members));
            });
        }
        for (site, _) in sites {
            let Some((name, entry)) = entry(site) else {
                continue;
            };
            let of_this = own.iter().filter(|member| member.name == name);
            let (off, on): (Vec<&Member>, Vec<&Member>) =
                of_this.partition(|member| is_disabled(&member.value).is_some());
            let filter = site.filter;
            if let Some(disabled) = is_disabled(entry)
                && on.is_empty()
            {
                let message = format!(
                    "{filter} is disabled and no route enables it: requests pass it unchecked"
                );
                self.warning(&codes::DISABLED, &disabled.span, message);
            }
            for member in off {
                let message = format!("{filter} is switched off here: requests pass it unchecked");
                self.warning(&codes::DISABLED_ON_ROUTE, &member.value.span, message);
            }
        }
    }

    /// Routes whose requests pass the filters again.
    pub(super) fn internal_redirects(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        let changes = |site: &Site<'_>| {
            [JWT_AUTH, TOKEN_BUCKET, crate::check::BUNDLE].contains(&site.filter)
                && site.host == Host::Envoy
        };
        let Some((site, _)) = sites.iter().find(|(site, _)| changes(site)) else {
            return;
        };
        let mut found = Vec::new();
        visit(self.document, &mut |tree| {
            let policy = tree.get("internal_redirect_policy");
            found.extend(policy.map(|policy| policy.span.clone()));
        });
        for span in found {
            let message = format!(
                "a redirect within Envoy passes {} again, without the credential and charged twice",
                site.filter
            );
            self.warning(&codes::INTERNAL_REDIRECT, &span, message);
        }
    }
}

/// The entry of a list of filters that a filter of Envoy is, and its name, by which routes know it.
fn entry<'t>(site: &Site<'t>) -> Option<(&'t str, &'t Tree)> {
    let (list, place) = site.chain.filter(|_| site.host == Host::Envoy)?;
    let entry = list.items().get(place)?;
    Some((entry.get("name")?.text()?, entry))
}

/// The member that disables an entry of a list, or what a route has of a filter.
fn is_disabled(tree: &Tree) -> Option<&Tree> {
    let disabled = tree.get("disabled")?;
    matches!(disabled.kind, Kind::Bool(true)).then_some(disabled)
}

fn visit<'t>(tree: &'t Tree, found: &mut impl FnMut(&'t Tree)) {
    found(tree);
    for member in tree.members() {
        visit(&member.value, found);
    }
    for item in tree.items() {
        visit(item, found);
    }
}
