//! Conditions on verified claims.

use crate::config::{Fields, Node};
use crate::identity::Identity;
use crate::json::Json;

/// A condition on one claim of the verified identity:
/// `{ "claim": "realm_access.roles", "contains": "admin" }`.
///
/// The claim is a dotted path. Of a value that is an array, `equals`, `in` and `prefix` look at
/// every item and hold when one fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimCondition {
    claim: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Equals(String),
    In(Vec<String>),
    Contains(String),
    All(Vec<String>),
    Prefix(String),
    Exists,
    Absent,
}

impl ClaimCondition {
    /// Reads one condition.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let claim = fields
                .required("claim", "the path of a claim")
                .and_then(|n| n.name(256).map(str::to_owned));
            let tests = tests(fields);
            if tests.len() != 1 {
                fields.node().reject(
                    r#"expected exactly one of "equals", "in", "contains", "all", "prefix", "exists" or "absent""#,
                );
                return None;
            }
            // A test that could not be read has been reported.
            let test = tests.into_iter().next()??;
            Some(Self { claim: claim?, test })
        })
    }

    /// Whether the identity fulfils the condition. Without an identity only `absent` holds.
    #[must_use]
    pub fn holds(&self, identity: Option<&Identity>) -> bool {
        let value = identity.and_then(|identity| {
            identity
                .claim(&self.claim)
                .cloned()
                .or_else(|| identity.claim_text(&self.claim).map(Json::String))
        });
        let Some(value) = value.filter(|value| *value != Json::Null) else {
            return self.test == Test::Absent;
        };
        match &self.test {
            Test::Exists => true,
            Test::Absent => false,
            Test::Equals(expected) => items(&value).any(|item| item == *expected),
            Test::In(expected) => items(&value).any(|item| expected.contains(&item)),
            Test::Prefix(prefix) => items(&value).any(|item| item.starts_with(prefix.as_str())),
            Test::Contains(expected) => value.words().contains(expected),
            Test::All(expected) => {
                let words = value.words();
                expected.iter().all(|word| words.contains(word))
            }
        }
    }
}

/// The tests that are there; `None` for one that cannot be read.
fn tests(fields: &mut Fields<'_>) -> Vec<Option<Test>> {
    let mut tests = Vec::new();
    let mut add = |node: Option<Node<'_>>, read: fn(&Node<'_>) -> Option<Test>| {
        tests.extend(node.map(|node| read(&node)));
    };
    add(fields.optional("equals"), |n| scalar(n).map(Test::Equals));
    add(fields.optional("in"), |n| {
        n.non_empty_list(|item| scalar(&item)).map(Test::In)
    });
    add(fields.optional("contains"), |n| {
        scalar(n).map(Test::Contains)
    });
    add(fields.optional("all"), |n| {
        n.non_empty_list(|item| scalar(&item)).map(Test::All)
    });
    add(fields.optional("prefix"), |n| {
        n.name(1024).map(str::to_owned).map(Test::Prefix)
    });
    add(fields.optional("exists"), |n| {
        present(n).map(|()| Test::Exists)
    });
    add(fields.optional("absent"), |n| {
        present(n).map(|()| Test::Absent)
    });
    tests
}

fn scalar(node: &Node<'_>) -> Option<String> {
    let text = node.json().scalar_text();
    if text.is_none() {
        node.reject("expected a string, a number or a boolean");
    }
    text
}

/// `"exists": true` is a test, `"exists": false` would read as its opposite.
fn present(node: &Node<'_>) -> Option<()> {
    match node.boolean()? {
        true => Some(()),
        false => {
            node.reject(r#"expected true; "exists" and "absent" are each other's opposite"#);
            None
        }
    }
}

/// The scalars of an array, or the scalar itself: a string is one item here, spaces and all.
fn items(value: &Json) -> impl Iterator<Item = String> {
    let items = match value {
        Json::Array(items) => items.iter().filter_map(Json::scalar_text).collect(),
        other => other.scalar_text().into_iter().collect::<Vec<_>>(),
    };
    items.into_iter()
}

#[cfg(test)]
mod conditions {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::config;
    use crate::identity::parse_claims;

    fn identity() -> Identity {
        let claims = br#"{"sub":"jane","realm_access":{"roles":["admin","ops"]},"level":7,
            "scope":"a b","ok":true,"none":null,"a.b":"dotted","obj":{}}"#;
        Identity {
            claims: parse_claims(claims).unwrap(),
            ..Identity::default()
        }
    }

    fn holds(condition: &str, identity: Option<&Identity>) -> bool {
        config::read(condition, |n| ClaimCondition::read(&n))
            .unwrap()
            .holds(identity)
    }

    #[test]
    fn conditions_hold_or_not() {
        let jane = identity();
        for (condition, expected) in [
            (r#"{"claim":"sub","equals":"jane"}"#, true),
            (r#"{"claim":"sub","equals":"jan"}"#, false),
            (r#"{"claim":"sub","prefix":"ja"}"#, true),
            (r#"{"claim":"sub","in":["joe","jane"]}"#, true),
            (r#"{"claim":"realm_access.roles","contains":"admin"}"#, true),
            (r#"{"claim":"realm_access.roles","contains":"adm"}"#, false),
            (r#"{"claim":"realm_access.roles","equals":"ops"}"#, true),
            (
                r#"{"claim":"realm_access.roles","all":["ops","admin"]}"#,
                true,
            ),
            (
                r#"{"claim":"realm_access.roles","all":["ops","root"]}"#,
                false,
            ),
            (r#"{"claim":"scope","contains":"b"}"#, true),
            (r#"{"claim":"scope","equals":"b"}"#, false),
            (r#"{"claim":"level","equals":7}"#, true),
            (r#"{"claim":"ok","equals":true}"#, true),
            (r#"{"claim":"a.b","equals":"dotted"}"#, true),
            (r#"{"claim":"none","exists":true}"#, false),
            (r#"{"claim":"none","absent":true}"#, true),
            (r#"{"claim":"nobody","absent":true}"#, true),
            (r#"{"claim":"obj","exists":true}"#, true),
            (r#"{"claim":"obj","equals":"{}"}"#, false),
        ] {
            assert_eq!(holds(condition, Some(&jane)), expected, "{condition}");
        }
        assert!(!holds(r#"{"claim":"sub","equals":"jane"}"#, None));
        assert!(holds(r#"{"claim":"sub","absent":true}"#, None));
    }

    #[test]
    fn an_api_key_has_a_subject_but_no_claims() {
        let acme = Identity {
            subject: Some("acme".to_owned()),
            ..Identity::default()
        };
        assert!(holds(r#"{"claim":"sub","equals":"acme"}"#, Some(&acme)));
    }

    #[test]
    fn exactly_one_test() {
        for condition in [
            r#"{"claim":"sub"}"#,
            r#"{"claim":"sub","equals":"a","prefix":"a"}"#,
            r#"{"claim":"sub","equals":["a"]}"#,
            r#"{"claim":"sub","exists":false}"#,
            r#"{"equals":"a"}"#,
            r#"{"claim":"sub","in":[]}"#,
        ] {
            assert!(
                config::read(condition, |n| ClaimCondition::read(&n)).is_err(),
                "{condition}"
            );
        }
    }
}
