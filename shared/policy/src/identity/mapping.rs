//! Where in the claims of a token the parts of an identity are.

use super::{AuthenticationMethod, Claims, Identity};
use crate::config::Node;
use crate::json::Json;

/// The claims that the parts of an identity are taken from: issuers disagree on their names.
///
/// A claim is named by its dotted path; a member whose own name has dots is found as it is
/// (`https://example.com/roles`), and `*` stands for every member of an object
/// (`resource_access.*.roles`). Of single values the first claim that is there counts, of lists all
/// are taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityMapping {
    /// The claims that name the subject; by default `sub`.
    subject: Vec<String>,
    /// The application that acts: `client_id` (RFC 9068 section 2.2), else `azp`.
    client: Vec<String>,
    /// The customer: `tenant`, else `tid`.
    tenant: Vec<String>,
    /// What the caller was granted: `scope` (RFC 8693 section 4.2) and `scp`.
    scopes: Vec<String>,
    /// The claims that list roles; by default `roles`, `groups` and `realm_access.roles`.
    roles: Vec<String>,
    /// The purposes that the caller has agreed to: `consents`.
    consents: Vec<String>,
}

impl Default for IdentityMapping {
    fn default() -> Self {
        let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        Self {
            subject: paths(&["sub"]),
            client: paths(&["client_id", "azp"]),
            tenant: paths(&["tenant", "tid"]),
            scopes: paths(&["scope", "scp"]),
            roles: paths(&["roles", "groups", "realm_access.roles"]),
            consents: paths(&["consents"]),
        }
    }
}

impl IdentityMapping {
    /// Reads an `identity` key: for each part a claim, or a list of claims.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let defaults = Self::default();
            let mut paths = |name, default: Vec<String>| {
                fields.or(name, default, |n: Node<'_>| {
                    let paths = n.strings()?;
                    let wrong = |path: &String| {
                        path.is_empty() || path.len() > 256 || path.chars().any(char::is_whitespace)
                    };
                    // A star alone would make everything that a token says a role.
                    let lone_star = |path: &String| {
                        let parts: Vec<&str> = path.split('.').collect();
                        let edge = parts.first() == Some(&"*") || parts.last() == Some(&"*");
                        edge || parts.iter().any(|part| part.contains('*') && *part != "*")
                    };
                    if paths.iter().any(lone_star) {
                        n.reject("* stands for all members of an object, between two names: \"resource_access.*.roles\"");
                    }
                    if paths.iter().any(wrong) {
                        n.reject("expected paths of claims such as \"realm_access.roles\", without spaces");
                    }
                    Some(paths)
                })
            };
            Some(Self {
                subject: paths("subject", defaults.subject),
                client: paths("client", defaults.client),
                tenant: paths("tenant", defaults.tenant),
                scopes: paths("scopes", defaults.scopes),
                roles: paths("roles", defaults.roles),
                consents: paths("consents", defaults.consents),
            })
        })
    }

    /// Who the claims are about.
    #[must_use]
    pub fn subject(&self, claims: &Json) -> Option<String> {
        first(&self.subject, claims)
    }

    /// The identity that verified claims give.
    #[must_use]
    pub fn identity(&self, provider: &str, method: AuthenticationMethod, claims: Json) -> Identity {
        let first = |paths: &[String]| first(paths, &claims);
        let all = |paths: &[String]| {
            let mut words: Vec<String> = Vec::new();
            for path in paths {
                each_at(&claims, path, &mut |value| {
                    for word in value.words() {
                        if !words.contains(&word) {
                            words.push(word);
                        }
                    }
                });
            }
            words
        };
        let mut says_consents = false;
        for path in &self.consents {
            each_at(&claims, path, &mut |value| {
                says_consents |= *value != Json::Null;
            });
        }
        let issuer = claims.member("iss").and_then(Json::as_str);
        Identity {
            subject: self.subject(&claims),
            issuer: issuer.map(str::to_owned),
            client_id: first(&self.client),
            scopes: all(&self.scopes),
            roles: all(&self.roles),
            consents: says_consents.then(|| all(&self.consents)),
            tenant: first(&self.tenant),
            method,
            provider: provider.to_owned(),
            rule: None,
            claims: Claims(claims),
            ..Identity::default()
        }
    }
}

/// The first of these claims that has a text or a number.
fn first(paths: &[String], claims: &Json) -> Option<String> {
    let values = paths.iter().filter_map(|path| claims.at(path));
    let mut names = values.filter(|value| matches!(value, Json::String(_) | Json::Number(_)));
    names.find_map(Json::scalar_text)
}

/// Every value at a path, in which `*` stands for all members of an object.
fn each_at(claims: &Json, path: &str, found: &mut dyn FnMut(&Json)) {
    if let Some(value) = claims.at(path) {
        found(value);
        return;
    }
    let Some((head, tail)) = path.split_once(".*.") else {
        return;
    };
    if let Some(Json::Object(members)) = claims.at(head) {
        for (_, value) in members {
            each_at(value, tail, found);
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::config;

    const CLAIMS: &str = r#"{"iss":"https://idp.test","sub":"jane","oid":"4711","azp":"shop","tid":"acme",
        "scope":"a b","realm_access":{"roles":["user"]},"cognito:groups":["staff"],
        "resource_access":{"orders":{"roles":["read","user"]},"billing":{"roles":["pay"]}},
        "https://example.com/roles":"admin"}"#;

    fn identity(mapping: &str) -> Identity {
        let mapping = config::read(mapping, |node| IdentityMapping::read(&node)).unwrap();
        let claims = Json::parse(CLAIMS.as_bytes()).unwrap();
        mapping.identity("corp", AuthenticationMethod::Jwt, claims)
    }

    #[test]
    fn the_defaults_are_those_that_are_documented() {
        let identity = identity("{}");
        assert_eq!(identity.subject.as_deref(), Some("jane"));
        assert_eq!(identity.issuer.as_deref(), Some("https://idp.test"));
        assert_eq!(identity.client_id.as_deref(), Some("shop"));
        assert_eq!(identity.tenant.as_deref(), Some("acme"));
        assert_eq!(identity.scopes, ["a", "b"]);
        assert_eq!(identity.roles, ["user"]);
    }

    #[test]
    fn no_consent_is_another_thing_than_no_word_about_it() {
        let consents = |claims: &str, mapping: &str| {
            let mapping = config::read(mapping, |n| IdentityMapping::read(&n)).unwrap();
            let claims = Json::parse(claims.as_bytes()).unwrap();
            let identity = mapping.identity("corp", AuthenticationMethod::Jwt, claims);
            let read = Identity::parse(identity.to_json().as_bytes()).unwrap();
            assert_eq!(read, identity);
            identity.consents
        };
        let mapped = r#"{"consents":["agreed","privacy.purposes"]}"#;
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(consents(r#"{"agreed":["ads"]}"#, mapped), words(&["ads"]));
        assert_eq!(
            consents(r#"{"privacy":{"purposes":"ads maps"}}"#, mapped),
            words(&["ads", "maps"])
        );
        assert_eq!(consents(r#"{"agreed":[]}"#, mapped), words(&[]));
        assert_eq!(
            consents(r#"{"consents":["ads"],"agreed":null}"#, mapped),
            None
        );
        assert_eq!(consents(r#"{"consents":""}"#, "{}"), words(&[]));
    }

    #[test]
    fn roles_come_from_wherever_the_issuer_puts_them() {
        let mapped = identity(
            r#"{"roles":["realm_access.roles","resource_access.*.roles","cognito:groups",
                "https://example.com/roles"],"subject":"oid","tenant":"absent","client":["absent","azp"]}"#,
        );
        assert_eq!(mapped.roles, ["user", "read", "pay", "staff", "admin"]);
        assert_eq!(mapped.subject.as_deref(), Some("4711"));
        assert_eq!(mapped.tenant, None);
        assert_eq!(mapped.client_id.as_deref(), Some("shop"));
    }

    #[test]
    fn a_path_with_a_space_is_a_mistake() {
        for wrong in ["realm access", "*", "*.roles", "roles.*", "realm_*.roles"] {
            let text = format!(r#"{{"roles":"{wrong}"}}"#);
            let read = config::read(&text, |n| IdentityMapping::read(&n));
            assert!(read.unwrap_err().to_string().contains("roles"), "{wrong}");
        }
    }
}
