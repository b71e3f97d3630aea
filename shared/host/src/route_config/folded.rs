//! The rules that Higress folds into the configuration of a plugin: each names the routes, hosts or
//! services that it is for, and what differs there.

use policy::config::{self, Node, Problems, join};
use policy::json::Json;
use policy::matching::{Match, Selection, select};

use super::{RoutePart, merged, said_by};
use crate::{Direction, Host, Request};

/// What differs for some routes.
#[derive(Clone, Debug)]
pub(super) struct FoldedRule {
    about: About,
    /// The whole configuration of the filter there.
    pub(super) configuration: String,
}

/// Whether a rule is about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Yes,
    No,
    /// Servers may read the host of the request in more than one way.
    Ambiguous,
}

#[derive(Clone, Debug)]
enum About {
    Routes(Vec<String>),
    RoutePrefixes(Vec<String>),
    Services(Vec<String>),
    Hosts(Box<Match>),
}

impl FoldedRule {
    pub(super) fn read(node: &Node<'_>, base: &Json, part: &RoutePart) -> Option<Self> {
        let Json::Object(members) = node.json() else {
            node.reject("expected an object");
            return None;
        };
        let (matches, own): (Vec<_>, Vec<_>) = members
            .iter()
            .cloned()
            .partition(|(key, _)| key.starts_with("_match_"));
        let about = match matches.as_slice() {
            [(key, value)] => About::read(key, value).map_err(|message| (Some(key), message)),
            _ => Err((None, format!("expected exactly one of {KEYS}"))),
        };
        let about = about.map_err(|(key, message)| {
            let place = key.map_or_else(|| node.path().to_owned(), |key| join(node.path(), key));
            node.reject_at(&place, message);
        });
        let report = |problems: Problems| {
            for problem in said_by(&own, problems) {
                let problem = problem.under(node.path());
                node.reject_at(problem.path(), problem.message());
            }
        };
        let configuration = merged(base, &own, part.keys).map_err(report).ok()?;
        (part.check_route)(&configuration)
            .result
            .map_err(report)
            .ok()?;
        Some(Self {
            about: about.ok()?,
            configuration,
        })
    }

    /// Whether it is about routes or services, not about hosts.
    pub(super) const fn goes_by_route(&self) -> bool {
        !matches!(self.about, About::Hosts(_))
    }

    pub(super) fn fit(&self, host: &dyn Host, request: &Request) -> Fit {
        let is_about = |name: Option<&str>, test: &dyn Fn(&str) -> bool| {
            if name.is_some_and(test) {
                Fit::Yes
            } else {
                Fit::No
            }
        };
        match &self.about {
            About::Routes(routes) => is_about(request.route(host), &|name| {
                routes.iter().any(|route| route == name)
            }),
            About::RoutePrefixes(prefixes) => is_about(request.route(host), &|name| {
                prefixes.iter().any(|prefix| name.starts_with(prefix))
            }),
            About::Services(services) => is_about(cluster(host).as_deref(), &|cluster| {
                serves(cluster, services)
            }),
            About::Hosts(hosts) => {
                let facts = request.facts(host, Direction::Request);
                match select(std::iter::once(hosts.as_ref()), &facts) {
                    Selection::Rule(_) => Fit::Yes,
                    Selection::NoRule => Fit::No,
                    Selection::Ambiguous(_) | Selection::Unreadable(_) => Fit::Ambiguous,
                }
            }
        }
    }
}

impl About {
    fn read(key: &str, value: &Json) -> Result<Self, String> {
        let names = value.as_array().filter(|items| !items.is_empty());
        let names = names.and_then(|items| {
            let names = items.iter().map(|item| item.as_str().map(str::to_owned));
            names.collect::<Option<Vec<String>>>()
        });
        let names = names.ok_or("expected an array of names, at least one");
        match key {
            "_match_route_" => Ok(Self::Routes(names?)),
            "_match_route_prefix_" => Ok(Self::RoutePrefixes(names?)),
            "_match_service_" => Ok(Self::Services(names?)),
            "_match_domain_" => {
                let names = names?;
                if names.iter().any(|name| name == "*") {
                    return Ok(Self::Hosts(Box::default()));
                }
                let hosts = Json::Array(names.into_iter().map(Json::String).collect());
                let text = Json::Object(vec![("hosts".to_owned(), hosts)]).to_string();
                let read = config::read(&text, |node| Match::read(&node));
                let problem = |found: Problems| {
                    let messages = found.iter().map(|problem| problem.message().to_owned());
                    messages.collect::<Vec<_>>().join("; ")
                };
                Ok(Self::Hosts(Box::new(read.map_err(problem)?)))
            }
            _ => Err(format!("unknown key; expected one of {KEYS}")),
        }
    }
}

/// The cluster of the route, which is named after the service:
/// `outbound|80||orders.shop.svc.cluster.local`.
fn cluster(host: &dyn Host) -> Option<String> {
    let name = host
        .property(&["xds", "cluster_name"])
        .or_else(|_| host.property(&["cluster_name"]));
    String::from_utf8(name.ok()?).ok()
}

/// Whether a cluster is one of these services, with or without its port.
fn serves(cluster: &str, services: &[String]) -> bool {
    let mut parts = cluster.splitn(4, '|');
    let (_, port, _, name) = (parts.next(), parts.next(), parts.next(), parts.next());
    services.iter().any(|service| match (name, port) {
        (Some(name), Some(port)) => {
            let rest = service.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':') == Some(port))
        }
        _ => service == cluster,
    })
}

const KEYS: &str = "_match_route_, _match_domain_, _match_service_ and _match_route_prefix_";
