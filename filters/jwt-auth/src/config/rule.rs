//! Who may do what.

use std::time::Duration;

use policy::claim::ClaimCondition;
use policy::config::{Fields, Node};
use policy::consent::ConsentCondition;
use policy::matching::Match;
use policy::mode::Mode;

use super::TlsRequirement;
use super::token_provider::audience_list;

/// Which requests a rule is about, and what they need to pass.
#[derive(Debug)]
pub struct Rule {
    /// Its name, or its place.
    pub name: String,
    /// Which requests it is about.
    pub matches: Match,
    /// What these requests need to pass.
    pub access: Access,
    /// The mode of this rule: its own, or that of the filter.
    pub mode: Mode,
}

/// What holds where no rule matches.
#[derive(Debug)]
pub struct DefaultRule {
    /// What requests that no rule matches need to pass.
    pub access: Access,
    /// The mode: its own, or that of the filter.
    pub mode: Mode,
}

impl DefaultRule {
    /// The key `default`: `"deny"`, `"anonymous"`, or an object with `access` and `mode`.
    pub(super) fn read(fields: &mut Fields<'_>, filter_mode: Mode) -> Self {
        let of_filter = |access| Self {
            access,
            mode: filter_mode,
        };
        fields.or("default", of_filter(Access::Deny), |node| {
            if !matches!(node.json(), policy::json::Json::Object(_)) {
                return Access::of_default(&node).map(of_filter);
            }
            node.object(|fields| {
                let access = fields.required("access", r#""deny" or "anonymous""#);
                let mode = Mode::of_rule(fields, filter_mode);
                Some(Self {
                    access: access.and_then(|node| Access::of_default(&node))?,
                    mode,
                })
            })
        })
    }
}

/// What a request needs to pass.
#[derive(Debug)]
pub enum Access {
    /// The request passes without a credential.
    Anonymous,
    /// Every request is refused.
    Deny,
    /// The request passes with a verified caller who meets the requirement.
    Require(Box<Requirement>),
}

/// What a caller must be.
#[derive(Debug)]
pub struct Requirement {
    /// Who must vouch for the caller. Empty when only the connection counts.
    pub providers: Providers,
    /// Whether it also works without.
    pub optional: Optional,
    /// `aud` must name one of these, beside what the provider demands.
    pub audiences: Option<Vec<String>>,
    /// Scopes that the caller must all have.
    pub scopes: Vec<String>,
    /// Scopes of which the caller must have one.
    pub scopes_any: Vec<String>,
    /// Conditions on claims, which must all hold.
    pub claims: Vec<ClaimCondition>,
    /// How and when the caller must have logged in.
    pub step_up: StepUp,
    /// What the caller must have agreed to.
    pub consent: Option<ConsentCondition>,
    /// What the connection must be.
    pub tls: Option<TlsRequirement>,
}

/// How and when a caller must have logged in (RFC 9470).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// `acr` must be one of these, the most wanted first.
    pub acr_values: Vec<String>,
    /// `auth_time` may be so long ago.
    pub max_age: Option<Duration>,
}

/// Who must vouch for a caller: indices into [`super::Config::providers`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Providers {
    /// Credentials of any of these providers, by index.
    AnyOf(Vec<usize>),
    /// Each of them, with a credential of its own; the first says who the caller is.
    AllOf(Vec<usize>),
}

/// Whether a request gets through without a valid credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optional {
    /// The request must have a credential.
    #[default]
    No,
    /// A request without a credential passes.
    Missing,
    /// If it brings none, or one that is not valid.
    MissingOrFailed,
}

impl Rule {
    pub(super) fn read(node: &Node<'_>, providers: &[String], filter_mode: Mode) -> Option<Self> {
        node.object(|fields| {
            let name = fields.or("name", node.path().to_owned(), |n| {
                n.name(64).map(str::to_owned)
            });
            let matches = fields.or("match", Match::default(), |n| {
                let matches = Match::read(&n)?;
                if matches.asks_for_identity() {
                    n.reject(
                        r#"rules are chosen before the caller is known; put "scopes" and "claims" under "require""#,
                    );
                }
                Some(matches)
            });
            let mode = Mode::of_rule(fields, filter_mode);
            let allow = fields.optional("allow");
            let deny = fields.optional("deny");
            let require = fields.optional("require");
            let access = match (allow, deny, require) {
                (Some(allow), None, None) => allow
                    .one_of(&[("anonymous", ())])
                    .map(|()| Access::Anonymous),
                (None, Some(deny), None) => deny
                    .one_of(&[("everybody", ())])
                    .map(|()| Access::Deny),
                (None, None, Some(require)) => {
                    Requirement::read(&require, providers, &matches).map(Box::new).map(Access::Require)
                }
                _ => {
                    fields
                        .node()
                        .reject(r#"expected exactly one of "allow", "deny" and "require""#);
                    None
                }
            };
            Some(Self {
                name,
                matches,
                access: access?,
                mode,
            })
        })
    }
}

impl Access {
    fn of_default(node: &Node<'_>) -> Option<Self> {
        match node.one_of(&[("deny", false), ("anonymous", true)])? {
            true => Some(Self::Anonymous),
            false => Some(Self::Deny),
        }
    }
}

impl StepUp {
    const fn asks(&self) -> bool {
        !self.acr_values.is_empty() || self.max_age.is_some()
    }
}

impl Requirement {
    /// Whether it says anything about what the caller may do.
    pub(crate) const fn asks_for_identity(&self) -> bool {
        self.audiences.is_some()
            || !self.scopes.is_empty()
            || !self.scopes_any.is_empty()
            || !self.claims.is_empty()
            || self.step_up.asks()
            || self.consent.is_some()
    }

    pub(super) fn read(node: &Node<'_>, names: &[String], matches: &Match) -> Option<Self> {
        node.object(|fields| {
            let providers = Providers::read(fields, names);
            let optional = fields.or("optional", Optional::No, |n| Optional::read(&n));
            let audiences = fields.or("audiences", None, |n| audience_list(&n, r#"leave out "audiences""#).map(Some));
            let scopes = fields.or("scopes", Vec::new(), |n| n.scopes());
            let scopes_any = fields.or("scopes_any", Vec::new(), |n| n.scopes());
            let claims = fields.or("claims", Vec::new(), |n| {
                n.non_empty_list(|claim| ClaimCondition::read_within(&claim, matches))
            });
            let step_up = StepUp {
                acr_values: fields.or("acr_values", Vec::new(), |n| n.scopes()),
                max_age: fields.or("max_age", None, |n| {
                    n.duration(Duration::from_secs(1)..=Duration::from_secs(31_622_400)).map(Some)
                }),
            };
            let consent = fields.or("consent", None, |n| ConsentCondition::read(&n).map(Some));
            let tls = fields.or("tls", None, |n| TlsRequirement::read(&n).map(Some));
            let providers = match providers {
                Some(providers) => providers?,
                None if tls.is_some() => Providers::AnyOf(Vec::new()),
                None => {
                    fields.node().reject(
                        r#"expected exactly one of "provider", "any_of" and "all_of"; only "tls" stands alone"#,
                    );
                    return None;
                }
            };
            let requirement = Self {
                providers,
                optional,
                audiences,
                scopes,
                scopes_any,
                claims,
                step_up,
                consent,
                tls,
            };
            if requirement.providers.list().is_empty() && requirement.asks_about_caller() {
                fields.node().reject(
                    r#"nobody vouches for the caller; name one of "provider", "any_of" and "all_of""#,
                );
            }
            Some(requirement)
        })
    }

    fn asks_about_caller(&self) -> bool {
        self.audiences.is_some()
            || !self.scopes.is_empty()
            || !self.scopes_any.is_empty()
            || !self.claims.is_empty()
            || self.step_up.asks()
            || self.optional != Optional::No
            || self.tls.as_ref().is_some_and(|tls| tls.bound)
            || (self.consent.is_some() && !self.wants_certificate())
    }

    /// Whether a certificate says who the caller is.
    fn wants_certificate(&self) -> bool {
        let tls = self.tls.as_ref();
        tls.is_some_and(TlsRequirement::wants_certificate)
    }
}

impl Providers {
    /// `None` when no key is there; `Some(None)` when what is there is wrong.
    fn read(fields: &mut Fields<'_>, names: &[String]) -> Option<Option<Self>> {
        let index = |n: &Node<'_>| {
            let words: Vec<(&str, usize)> = names
                .iter()
                .enumerate()
                .map(|(index, name)| (name.as_str(), index))
                .collect();
            if words.is_empty() {
                n.reject("there is no provider");
                return None;
            }
            n.one_of(&words)
        };
        let list = |n: Node<'_>| {
            let list = n.non_empty_list(|item| index(&item))?;
            let mut places = list.iter().enumerate();
            let twice = places.find(|(place, one)| list.iter().take(*place).any(|it| it == *one));
            if let Some(name) = twice.and_then(|(_, one)| names.get(*one)) {
                n.reject_unseen(format_args!("{name:?} is there twice"));
            }
            Some(list)
        };
        let one = fields.optional("provider");
        let any = fields.optional("any_of");
        let all = fields.optional("all_of");
        Some(match (one, any, all) {
            (None, None, None) => return None,
            (Some(one), None, None) => index(&one).map(|index| Self::AnyOf(vec![index])),
            (None, Some(any), None) => list(any).map(Self::AnyOf),
            (None, None, Some(all)) => list(all).map(Self::AllOf),
            _ => {
                fields
                    .node()
                    .reject(r#"expected exactly one of "provider", "any_of" and "all_of""#);
                None
            }
        })
    }

    /// All of them, in order.
    #[must_use]
    pub fn list(&self) -> &[usize] {
        match self {
            Self::AnyOf(list) | Self::AllOf(list) => list,
        }
    }
}

impl Optional {
    fn read(node: &Node<'_>) -> Option<Self> {
        if let policy::json::Json::Bool(optional) = node.json() {
            return Some(if *optional { Self::Missing } else { Self::No });
        }
        if node.is_word("or_failed") {
            return Some(Self::MissingOrFailed);
        }
        node.reject(r#"expected true, false or "or_failed""#);
        None
    }
}
