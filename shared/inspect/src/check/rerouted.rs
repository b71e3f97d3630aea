//! Routes that go by headers which filters change, or by paths that servers read in other ways.
//!
//! Envoy chooses the route anew when a filter changes a header, and filters go by the route that was
//! chosen before. It chooses by one reading of the path.

use std::ops::Range;

use host::exchange::IDENTITY_HEADER;
use host::route_config::goes_by_route;
use jwt_auth::config::{Config as JwtAuth, Location};
use meshward_bundle::config::{Part, split};
use policy::config::Configuration as _;
use policy::filters::{JWT_AUTH, TOKEN_BUCKET};
use policy::http::folds_alike;
use policy::json::Json;
use token_bucket::config::Config as TokenBucket;

use super::BUNDLE;
use super::codes;
use super::tree::{Kind, Tree};
use super::wiring::Fault;

/// A filter of a manifest: where it stands, and its configuration.
pub(super) struct Placed {
    pub(super) span: Range<usize>,
    pub(super) filter: &'static str,
    /// Which list of all filters that a request passes it stands in, by where that begins.
    pub(super) chain: Option<usize>,
    pub(super) config: Json,
}

/// A header that a filter changes.
struct Changed {
    name: String,
    filter: &'static str,
    how: &'static str,
}

/// What goes by the route beside routes that go by headers of filters.
pub(super) fn check(documents: &[Tree], filters: &[Placed]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let by_route = filters.iter().find(|placed| goes_by_route(&placed.config));
    let Some(by_route) = by_route else {
        return faults;
    };
    let changed: Vec<Changed> = filters.iter().flat_map(changed_by).collect();
    let mut named = Named::default();
    documents
        .iter()
        .for_each(|document| visit(document, false, &mut named));
    let paths = &named.paths;
    let differ = paths
        .iter()
        .any(|(path, _)| Some(path) != paths.first().map(|(first, _)| first));
    let narrow = paths.iter().find(|(path, _)| *path != "/");
    if let (true, Some((path, span))) = (differ, narrow) {
        faults.push(Fault {
            code: &codes::ROUTES_BY_PATH,
            is_error: false,
            bypasses: Vec::new(),
            span: (*span).clone(),
            message: format!(
                "{} goes by the route, for which Envoy reads the path in one way: what is under {path:?} to the upstream may come by another route (another case, index.php, %2F). Let what must hold there go by \"paths\" or \"hosts\"",
                by_route.filter
            ),
        });
    }
    for (name, span) in named.headers {
        let found = changed
            .iter()
            .find(|header| folds_alike(header.name.as_bytes(), name.as_bytes()));
        if let Some(header) = found {
            faults.push(Fault {
                code: &codes::ROUTES_BY_CHANGED_HEADER,
                is_error: false,
                bypasses: Vec::new(),
                span: span.clone(),
                message: format!(
                    "{} {} {name:?}, and Envoy chooses the route anew then; {} has gone by the first route",
                    header.filter, header.how, by_route.filter
                ),
            });
        }
    }
    for placed in filters.iter().filter(|placed| placed.filter == JWT_AUTH) {
        let other = filters.iter().find(|other| {
            other.filter != JWT_AUTH && other.filter != BUNDLE && goes_by_route(&other.config)
        });
        let is_said = placed.config.member("managed_headers").is_some();
        let config = JwtAuth::check(&placed.config.to_string()).result.ok();
        let removed = config.filter(|config| !config.refuses_managed && !is_said);
        let removed = removed.and_then(|config| {
            let mut headers = config.managed.into_iter().map(|header| header.name);
            headers.find(|name| name != IDENTITY_HEADER)
        });
        if let (Some(other), Some(name)) = (other, removed) {
            faults.push(Fault {
                code: &codes::MANAGED_HEADERS_REMOVED,
                is_error: false,
                bypasses: Vec::new(),
                span: placed.span.clone(),
                message: format!(
                    "{} goes by the route, and jwt-auth removes {name:?} from requests: say \"managed_headers\": \"refuse\", or \"remove\" if no route goes by it",
                    other.filter
                ),
            });
        }
    }
    faults
}

/// The headers that a filter takes from requests, or sets.
fn changed_by(placed: &Placed) -> Vec<Changed> {
    let text = placed.config.to_string();
    if placed.filter == BUNDLE {
        let parts = split(&text).parts.into_iter();
        return parts
            .flat_map(|part| of_part(part.part, &part.json))
            .collect();
    }
    Part::of_filter(placed.filter).map_or_else(Vec::new, |part| of_part(part, &text))
}

fn of_part(part: Part, text: &str) -> Vec<Changed> {
    let mut changed = Vec::new();
    match part {
        Part::Auth => {
            let Ok(config) = JwtAuth::check(text).result else {
                return changed;
            };
            let add = |how| {
                move |name: String| Changed {
                    name,
                    filter: JWT_AUTH,
                    how,
                }
            };
            let managed = config.managed.iter().map(|header| header.name.clone());
            changed.extend(managed.map(add("sets or removes")));
            let kept = config.providers.iter().filter(|provider| !provider.forward);
            let headers =
                kept.flat_map(|provider| &provider.from)
                    .filter_map(|place| match place {
                        Location::Header { name, .. } => Some(name.clone()),
                        Location::Cookie(_) => Some("cookie".to_owned()),
                        Location::Query(_) => None,
                    });
            changed.extend(headers.map(add("removes credentials from")));
        }
        Part::Limits => {
            let Ok(config) = TokenBucket::check(text).result else {
                return changed;
            };
            let secrets = config.bypass.headers.iter();
            changed.extend(secrets.map(|secret| Changed {
                name: secret.name().to_owned(),
                filter: TOKEN_BUCKET,
                how: "removes the bypass secret in",
            }));
        }
        Part::Audit | Part::Redact => {}
    }
    changed
}

/// The headers and paths that routes match on, each with its place.
#[derive(Default)]
struct Named<'t> {
    headers: Vec<(&'t str, &'t Range<usize>)>,
    paths: Vec<(&'t str, &'t Range<usize>)>,
}

/// The headers and paths that routes match on: of Envoy, of the Gateway API and of Istio.
fn visit<'t>(tree: &'t Tree, is_match: bool, named: &mut Named<'t>) {
    match &tree.kind {
        Kind::List(items) => items.iter().for_each(|item| visit(item, is_match, named)),
        Kind::Map(members) => {
            for member in members {
                match member.name.as_str() {
                    // What filters match on is in their own configurations.
                    "configuration" | "config" | "pluginConfig" | "defaultConfig"
                    | "matchRules" | "filter_metadata" | "filterMetadata" | "plugins" => {}
                    "headers" | "withoutHeaders" if is_match => {
                        let list = member.value.items().iter();
                        let names = list.filter_map(|item| item.get("name"));
                        let names = names.filter_map(|name| Some((name.text()?, &name.span)));
                        named.headers.extend(names);
                        let map = member.value.members().iter();
                        let names = map.map(|header| (header.name.as_str(), &header.name_span));
                        named.headers.extend(names);
                    }
                    "prefix" | "path" | "path_separated_prefix" | "safe_regex" | "uri"
                        if is_match =>
                    {
                        let value = &member.value;
                        // Istio and the Gateway API say in an object how the path is compared.
                        let inner = value.members().iter().filter(|inner| inner.name != "type");
                        let texts = inner.map(|inner| &inner.value).chain([value]);
                        named
                            .paths
                            .extend(texts.filter_map(|path| Some((path.text()?, &path.span))));
                    }
                    name => visit(&member.value, matches!(name, "match" | "matches"), named),
                }
            }
        }
        _ => {}
    }
}
