//! The one match grammar of all filters.
//!
//! ```json
//! { "routes": ["orders"], "hosts": ["api.example.com", "*.example.org"], "paths": ["/orders/**"],
//!   "methods": ["GET"], "headers": [{ "name": "x-beta", "equals": "1" }],
//!   "content_types": ["application/json"], "consent": { "denied": ["sharing"] },
//!   "scopes": ["orders:read"], "claims": [{ "claim": "tenant", "equals": "acme" }] }
//! ```
//! All keys that are there must hold; within a list one item is enough, but for `scopes`,
//! `headers` and `claims`, of which all must hold. An absent or empty match holds always.
//!
//! Servers may read a path, a method, a host or a repeated header in more than one way, and a path that leads
//! elsewhere may belong to another route. There is one
//! rule for all: where one rule decides ([`select`]), all readings must lead to it; where every rule
//! that matches counts ([`applies`]), one reading is enough.

mod fit;
mod header_condition;
mod host_pattern;
mod known_method;
mod select;

pub use fit::{Ambiguity, Fit};
pub use host_pattern::HostPattern;
pub use select::{Selection, applies, candidates, may_apply, select};

use crate::claim::ClaimCondition;
use crate::config::Node;
use crate::consent::ConsentCondition;
use crate::explain::{self, Condition, Step};
use crate::facts::Facts;
use crate::path::{PathFit, PathPattern, PathRouting, Reading, Significance};
use crate::values::MAX_VALUES;
use header_condition::HeaderCondition;
use known_method::method;

/// The conditions of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    routes: Vec<String>,
    hosts: Vec<HostPattern>,
    paths: Vec<PathPattern>,
    routing: PathRouting,
    methods: Vec<String>,
    headers: Vec<HeaderCondition>,
    content_types: Vec<String>,
    consent: Option<ConsentCondition>,
    scopes: Vec<String>,
    claims: Vec<ClaimCondition>,
    break_glass: Option<bool>,
}

impl Match {
    /// Reads the `match` key of a rule.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let mut significance = |key| {
                fields.or(key, Significance::Unknown, |n: Node<'_>| {
                    Some(match n.boolean()? {
                        true => Significance::Ignored,
                        false => Significance::Significant,
                    })
                })
            };
            let routing = PathRouting {
                case: significance("ignore_case"),
                extension: significance("ignore_extension"),
                script: significance("ignore_script"),
            };
            let mut read = Self {
                routing,
                routes: fields.or("routes", Vec::new(), |n| n.strings()),
                hosts: fields.or("hosts", Vec::new(), |n| {
                    n.non_empty_list(|h| HostPattern::read(&h))
                }),
                paths: fields.or("paths", Vec::new(), |n| {
                    n.non_empty_list(|path| {
                        path.parsed(|text| PathPattern::parse(text, routing), "a path pattern")
                    })
                }),
                methods: fields.or("methods", Vec::new(), |n| n.non_empty_list(|m| method(&m))),
                headers: fields.or("headers", Vec::new(), |n| {
                    let list = n.non_empty_list(|header| HeaderCondition::read(&header))?;
                    let contradicts =
                        |one: &HeaderCondition| list.iter().any(|other| one.excludes(other));
                    if let Some(one) = list.iter().find(|one| contradicts(one)) {
                        n.reject_unseen(format_args!(
                            "{:?} cannot be there and absent at once: all conditions must hold",
                            one.name
                        ));
                    }
                    Some(list)
                }),
                content_types: fields.or("content_types", Vec::new(), |n| {
                    n.non_empty_list(|item| media_range(&item))
                }),
                consent: fields.or("consent", None, |n| ConsentCondition::read(&n).map(Some)),
                scopes: fields.or("scopes", Vec::new(), |n| n.scopes()),
                claims: Vec::new(),
                break_glass: fields.or("break_glass", None, |n| n.boolean().map(Some)),
            };
            read.claims = fields.or("claims", Vec::new(), |n| {
                n.non_empty_list(|claim| ClaimCondition::read_within(&claim, &read))
            });
            Some(read)
        })
    }

    /// Whether this certainly holds for every request that `other` holds for: a rule with `other`
    /// behind one with this is never reached.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        // Of a list one item is enough, so a longer list holds more often, and an absent one always.
        fn wider<T>(own: &[T], other: &[T], covers: impl Fn(&T, &T) -> bool) -> bool {
            let covered = |item: &T| own.iter().any(|own| covers(own, item));
            own.is_empty() || (!other.is_empty() && other.iter().all(covered))
        }
        // All of these must hold, so a shorter list holds more often.
        fn fewer<T>(own: &[T], other: &[T], covers: impl Fn(&T, &T) -> bool) -> bool {
            own.iter()
                .all(|own| other.iter().any(|item| covers(own, item)))
        }
        let covers_type = |own: &String, other: &String| {
            let below = own.strip_suffix('*');
            own == other || below.is_some_and(|kind| other.starts_with(kind))
        };
        wider(&self.paths, &other.paths, PathPattern::covers)
            && wider(&self.routes, &other.routes, String::eq)
            && wider(&self.hosts, &other.hosts, HostPattern::covers)
            && wider(&self.methods, &other.methods, String::eq)
            && wider(&self.content_types, &other.content_types, covers_type)
            && fewer(&self.headers, &other.headers, HeaderCondition::covers)
            && fewer(&self.scopes, &other.scopes, String::eq)
            && fewer(&self.claims, &other.claims, ClaimCondition::eq)
            && (self.consent.is_none() || self.consent == other.consent)
            && (self.break_glass.is_none() || self.break_glass == other.break_glass)
    }

    /// Whether the rule says anything about paths.
    #[must_use]
    pub const fn has_paths(&self) -> bool {
        !self.paths.is_empty()
    }

    /// Whether some request that the rule is about has a path of this template: `/patients/{id}`.
    #[must_use]
    pub fn may_fit_template(&self, template: &str) -> bool {
        let fits = |pattern: &PathPattern| pattern.may_fit_template(template);
        self.paths.is_empty() || self.paths.iter().any(fits)
    }

    /// Whether the rule is about some request with this method.
    #[must_use]
    pub fn may_have_method(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|own| own == method)
    }

    /// Whether one of its paths has this segment, in whatever case.
    #[must_use]
    pub fn has_segment(&self, word: &str) -> bool {
        self.paths.iter().any(|path| {
            let path = path.to_string();
            path.split('/').any(|own| own.eq_ignore_ascii_case(word))
        })
    }

    /// Whether some path may be one of both.
    #[must_use]
    pub fn may_share_path(&self, other: &Self) -> bool {
        other.paths.is_empty() || other.paths.iter().any(|path| self.may_have_path(path))
    }

    /// Whether the rule says anything about the verified caller.
    #[must_use]
    pub const fn asks_for_identity(&self) -> bool {
        !self.scopes.is_empty() || !self.claims.is_empty() || self.break_glass.is_some()
    }

    /// Whether the rule asks what the caller has agreed to.
    #[must_use]
    pub const fn asks_for_consent(&self) -> bool {
        self.consent.is_some()
    }

    /// How the upstream of the rule routes paths.
    #[must_use]
    pub(crate) const fn routing(&self) -> PathRouting {
        self.routing
    }

    /// Whether some path that the rule is about fits a pattern too.
    #[must_use]
    pub fn may_have_path(&self, pattern: &PathPattern) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|own| own.overlaps(pattern))
    }

    fn path_fits(&self, reading: &Reading) -> Fit {
        let mut fit = Fit::from(self.paths.is_empty());
        for pattern in &self.paths {
            match pattern.fit(reading) {
                PathFit::Yes => return Fit::Yes,
                PathFit::Maybe => fit = Fit::Maybe(Ambiguity::Path),
                PathFit::No => {}
            }
        }
        fit
    }

    /// Everything but the path: cheap conditions first.
    fn rest_fits(&self, facts: &dyn Facts) -> Fit {
        self.content_type_fits(facts)
            .and(|| self.request_fits(facts))
    }

    /// Everything but the path and the content type.
    fn request_fits(&self, facts: &dyn Facts) -> Fit {
        told(fit::method(&self.methods, facts), || {
            Condition::new("methods", &self.methods, facts.method())
        })
        .and(|| {
            told(self.host_fits(facts), || {
                let hosts: Vec<&str> = self.hosts.iter().map(HostPattern::spelled).collect();
                Condition::new("hosts", hosts, facts.host())
            })
        })
        .and(|| {
            told(self.route_fits(facts), || {
                let route = facts.route().unwrap_or("no route");
                Condition::new("routes", &self.routes, route)
            })
        })
        .and(|| {
            self.headers.iter().fold(Fit::Yes, |fit, header| {
                fit.and(|| {
                    told(header.fits(facts), || {
                        let lines = facts.header_lines(&header.name);
                        Condition {
                            key: "headers",
                            expected: header.to_string(),
                            found: match lines.is_empty() {
                                true => "no such header".to_owned(),
                                false => format!("{lines:?}"),
                            },
                        }
                    })
                })
            })
        })
        .and(|| self.caller_fits(facts))
    }

    /// Says that the path keeps the rule from applying.
    fn tell_path(&self, facts: &dyn Facts) {
        explain::note(|| {
            let patterns: Vec<String> = self.paths.iter().map(ToString::to_string).collect();
            let path = facts.path().map(|path| path.canonical());
            let found = path.unwrap_or_else(|error| error.to_string());
            Step::Fails(Condition::new("paths", patterns, found))
        });
    }

    fn host_fits(&self, facts: &dyn Facts) -> Fit {
        if self.hosts.is_empty() {
            return Fit::Yes;
        }
        let others = facts.other_hosts();
        if others.is_any || !facts.has_all_headers() {
            return Fit::Maybe(Ambiguity::Host);
        }
        let hosts = std::iter::once(facts.host()).chain(others.names.iter().map(String::as_str));
        Fit::over(
            hosts.map(|host| self.hosts.iter().any(|pattern| pattern.matches(host))),
            Ambiguity::Host,
        )
    }

    fn route_fits(&self, facts: &dyn Facts) -> Fit {
        if self.routes.is_empty() {
            return Fit::Yes;
        }
        if !facts.is_on_route() {
            return Fit::Maybe(Ambiguity::Path);
        }
        let route = facts.route();
        Fit::from(self.routes.iter().any(|item| Some(item.as_str()) == route))
    }

    fn caller_fits(&self, facts: &dyn Facts) -> Fit {
        let granted = |scope: &String| {
            let identity = facts.identity();
            identity.is_some_and(|identity| identity.has_scope(scope))
        };
        let consent_fits = || {
            let Some(condition) = &self.consent else {
                return Fit::Yes;
            };
            told(condition.holds(facts.consent()).into(), || {
                condition.told("consent", facts.consent())
            })
        };
        let emergency_fits = || {
            let Some(wanted) = self.break_glass else {
                return Fit::Yes;
            };
            let identity = facts.identity();
            let is_one = identity.is_some_and(|identity| identity.emergency.is_some());
            told((is_one == wanted).into(), || {
                Condition::new("break_glass", wanted, is_one)
            })
        };
        told(self.scopes.iter().all(granted).into(), || {
            let granted = facts.identity().map(|identity| identity.scopes.join(" "));
            let found = granted.unwrap_or_else(|| "no verified caller".to_owned());
            Condition::new("scopes", &self.scopes, found)
        })
        .and(|| {
            self.claims.iter().fold(Fit::Yes, |fit, claim| {
                fit.and(|| {
                    told(claim.fit(facts.identity(), facts), || {
                        claim.told("claims", facts.identity(), facts)
                    })
                })
            })
        })
        .and(consent_fits)
        .and(emergency_fits)
    }

    fn content_type_fits(&self, facts: &dyn Facts) -> Fit {
        if self.content_types.is_empty() {
            return Fit::Yes;
        }
        let is_one = |found: &String| {
            self.content_types
                .iter()
                .any(|allowed| match allowed.strip_suffix("/*") {
                    Some(kind) => found.split('/').next() == Some(kind),
                    None => allowed == found,
                })
        };
        let types = facts.media_types();
        let fit = match types.len() > MAX_VALUES {
            true => Fit::Maybe(Ambiguity::Header),
            false => Fit::over(types.iter().map(is_one), Ambiguity::Header),
        };
        told(fit, || {
            Condition::new("content_types", &self.content_types, types.join(", "))
        })
    }
}

/// A fit, with the condition where it does not hold.
#[inline(always)]
fn told(fit: Fit, condition: impl FnOnce() -> Condition) -> Fit {
    match fit {
        Fit::Yes => {}
        Fit::No => explain::note(|| Step::Fails(condition())),
        Fit::Maybe(_) => explain::note(|| Step::Unclear(condition())),
    }
    fit
}

fn media_range(node: &Node<'_>) -> Option<String> {
    let text = node.name(128)?.to_ascii_lowercase();
    let valid = text.split_once('/').is_some_and(|(kind, subtype)| {
        !kind.is_empty() && !kind.contains('*') && !subtype.is_empty() && !subtype.contains('/')
    });
    if !valid || text.contains([';', ' ']) {
        node.reject(r#"expected a media type such as "application/json" or "text/*""#);
        return None;
    }
    Some(text)
}

#[cfg(test)]
mod tests;
