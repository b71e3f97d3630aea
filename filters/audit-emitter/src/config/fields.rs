//! What is recorded of the parts of a request that tell most about people.

use policy::config::Node;

/// What is recorded of the parts of a request that tell most about people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSettings {
    /// Of the query, from level `request` on.
    pub query: QueryForm,
    /// Of the address of the client.
    pub ip: IpForm,
    /// The form in which records have the path.
    pub path: PathForm,
    /// Names of request headers, from level `request` on.
    pub headers: Vec<String>,
}

/// What is recorded of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryForm {
    /// The address is not recorded.
    #[default]
    None,
    /// The names of its parameters.
    Keys,
    /// Its pseudonym: who knows the key can look for one.
    Hash,
}

/// What is recorded of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpForm {
    /// The whole address.
    #[default]
    Full,
    /// The network: 24 bits of an IPv4, 48 of an IPv6 address.
    Prefix,
    /// A keyed pseudonym of the address.
    Pseudonym,
    /// The address is not recorded.
    None,
}

/// What is recorded of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathForm {
    /// The whole path.
    #[default]
    Full,
    /// The template of the rule, where it has one.
    Template,
}

impl FieldSettings {
    pub(super) fn read(node: &Node<'_>, has_key: bool) -> Option<Self> {
        let keyed = |node: &Node<'_>, needs_key: bool| {
            if needs_key && !has_key {
                node.reject("needs a key: set subject.pseudonymize");
            }
            !needs_key || has_key
        };
        node.object(|fields| {
            Some(Self {
                query: fields.or("query", QueryForm::None, |n| {
                    let form = n.one_of(&[
                        ("none", QueryForm::None),
                        ("keys", QueryForm::Keys),
                        ("hash", QueryForm::Hash),
                    ])?;
                    keyed(&n, form == QueryForm::Hash).then_some(form)
                }),
                ip: fields.or("ip", IpForm::Full, |n| {
                    let form = n.one_of(&[
                        ("full", IpForm::Full),
                        ("prefix", IpForm::Prefix),
                        ("pseudonym", IpForm::Pseudonym),
                        ("none", IpForm::None),
                    ])?;
                    keyed(&n, form == IpForm::Pseudonym).then_some(form)
                }),
                path: fields.or("path", PathForm::Full, |n| {
                    n.one_of(&[("full", PathForm::Full), ("template", PathForm::Template)])
                }),
                headers: fields.or("headers", Vec::new(), |n| {
                    n.at_most(MAX_HEADERS).list(|name| read_header(&name))
                }),
            })
        })
    }
}

/// The name of a header that holds nothing secret, as far as its name tells.
fn read_header(node: &Node<'_>) -> Option<String> {
    let name = node.header_name()?;
    if policy::secret_names::names_secret(&name) {
        node.reject("such a header holds a secret, which must not be in a record");
        return None;
    }
    Some(name)
}

const MAX_HEADERS: usize = 32;
