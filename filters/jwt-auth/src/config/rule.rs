//! Who may do what.

use policy::claim::ClaimCondition;
use policy::config::Node;
use policy::matching::Match;
use policy::mode::Mode;

/// Who may do what.
#[derive(Debug)]
pub struct Rule {
    /// Its name, or its place.
    pub name: String,
    /// Which requests it is about.
    pub matches: Match,
    /// What they need.
    pub access: Access,
    /// The mode of this rule.
    pub mode: Mode,
}

/// What a request needs.
#[derive(Debug)]
pub enum Access {
    /// Nothing.
    Anonymous,
    /// Nobody gets through.
    Deny,
    /// A verified token.
    Require(Requirement),
}

/// What a verified token must have.
#[derive(Debug)]
pub struct Requirement {
    /// Indices into [`Config::providers`]: any of them.
    pub providers: Vec<usize>,
    /// All of them.
    pub scopes: Vec<String>,
    /// All must hold.
    pub claims: Vec<ClaimCondition>,
}

impl Rule {
    pub(super) fn read(node: &Node<'_>, providers: &[String]) -> Option<Self> {
        node.object(|fields| {
            let name = fields.or("name", node.path().to_owned(), |n| {
                n.name(64).map(str::to_owned)
            });
            let matches = fields.or("match", Match::default(), |n| Match::read(&n));
            let mode = fields.or("mode", Mode::Enforce, |n| Mode::read(&n));
            let allow = fields.optional("allow");
            let require = fields.optional("require");
            let access = match (allow, require) {
                (Some(allow), None) => allow
                    .one_of(&[("anonymous", ())])
                    .map(|()| Access::Anonymous),
                (None, Some(require)) => {
                    Requirement::read(&require, providers).map(Access::Require)
                }
                _ => {
                    fields
                        .node()
                        .reject(r#"expected exactly one of "allow" and "require""#);
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

impl Requirement {
    pub(super) fn read(node: &Node<'_>, providers: &[String]) -> Option<Self> {
        node.object(|fields| {
            let index = |n: &Node<'_>| {
                let words: Vec<(&str, usize)> = providers
                    .iter()
                    .enumerate()
                    .map(|(index, name)| (name.as_str(), index))
                    .collect();
                n.one_of(&words)
            };
            for later in ["all_of", "audiences", "tls", "consent"] {
                fields.not_yet(later);
            }
            let one = fields
                .optional("provider")
                .map(|n| index(&n).map(|index| vec![index]));
            let any = fields
                .optional("any_of")
                .map(|n| n.non_empty_list(|item| index(&item)));
            let providers = match (one, any) {
                (Some(one), None) => one,
                (None, Some(any)) => any,
                _ => {
                    fields
                        .node()
                        .reject(r#"expected exactly one of "provider" and "any_of""#);
                    None
                }
            };
            let scopes = fields.or("scopes", Vec::new(), |n| n.strings());
            let claims = fields.or("claims", Vec::new(), |n| {
                n.non_empty_list(|claim| ClaimCondition::read(&claim))
            });
            Some(Self {
                providers: providers?,
                scopes,
                claims,
            })
        })
    }
}
