//! Conditions on verified claims.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex_lite::{Regex, RegexBuilder};
use serde_json::Number;

use crate::config::{Fields, Node};
use crate::explain::Condition;
use crate::facts::Facts;
use crate::identity::Identity;
use crate::json::Json;
use crate::matching::{Fit, Match};
use crate::request_value::RequestValue;

/// A condition on one claim of the verified identity:
/// `{ "claim": "realm_access.roles", "contains": "admin" }`.
///
/// In the place of a constant, `equals` and `contains` take a value that the request names:
/// `{ "claim": "sub", "equals": { "path": "/users/{id}/**" } }` holds for callers who ask for their
/// own object. It must hold under every reading of the request.
///
/// The claim is a dotted path. Of a value that is an array, every test but `contains`, `all`, `exists`
/// and `absent` looks at every item and holds when one fits.
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
    Regex(WholeText),
    Compare(Comparison, Number),
    Exists,
    Absent,
    /// One of its items is what the request names.
    EqualsRequest(RequestValue),
    /// One of its words is.
    ContainsRequest(RequestValue),
}

/// How a number is compared with the one of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    LessThan,
    AtMost,
    GreaterThan,
    AtLeast,
}

/// A regular expression that must fit the whole text: one that fits anywhere lets `xadmin` pass
/// for `admin`. Matching takes time in proportion to the text, whatever the expression.
#[derive(Clone, Debug)]
struct WholeText {
    source: String,
    regex: Regex,
}

impl ClaimCondition {
    /// Reads one condition.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let claim = fields
                .required("claim", "the path of a claim")
                .and_then(|n| n.claim_path());
            let tests = tests(fields);
            if tests.len() != 1 {
                fields.node().reject(
                    r#"expected exactly one of "equals", "in", "contains", "all", "prefix", "regex", "less_than", "at_most", "greater_than", "at_least", "exists" or "absent""#,
                );
                return None;
            }
            // A test that could not be read has been reported.
            let test = tests.into_iter().next()??;
            Some(Self { claim: claim?, test })
        })
    }

    /// Whether the condition compares the caller with what the request names: whose object it is.
    #[must_use]
    pub const fn is_about_object(&self) -> bool {
        matches!(self.test, Test::EqualsRequest(_) | Test::ContainsRequest(_))
    }

    /// As [`ClaimCondition::read`], for the requests of a rule: a segment that none of its paths
    /// has is a mistake.
    #[must_use]
    pub fn read_within(node: &Node<'_>, matches: &Match) -> Option<Self> {
        let condition = Self::read(node)?;
        if let Test::EqualsRequest(place) | Test::ContainsRequest(place) = &condition.test {
            place.check_within(node, matches);
        }
        Some(condition)
    }

    /// Whether the identity fulfils the condition under every reading of the request. Without an
    /// identity only `absent` holds.
    #[must_use]
    pub fn holds(&self, identity: Option<&Identity>, facts: &dyn Facts) -> bool {
        self.fit(identity, facts) == Fit::Yes
    }

    /// As [`ClaimCondition::holds`], with the readings told apart.
    #[must_use]
    pub fn fit(&self, identity: Option<&Identity>, facts: &dyn Facts) -> Fit {
        let (place, words) = match &self.test {
            Test::EqualsRequest(place) => (place, false),
            Test::ContainsRequest(place) => (place, true),
            _ => return self.holds_for(identity).into(),
        };
        let Some(value) = self.value(identity) else {
            return Fit::No;
        };
        let claimed: Vec<String> = if words {
            value.words()
        } else {
            items(&value).collect()
        };
        if claimed.is_empty() {
            return Fit::No;
        }
        let readings = place.readings(facts);
        readings.fit(|named| claimed.iter().any(|item| item == named))
    }

    fn value(&self, identity: Option<&Identity>) -> Option<Json> {
        let value = identity.and_then(|identity| {
            let claims = &identity.claims.0;
            let found = claims.gathered(&self.claim).map(Cow::into_owned);
            // Items of which none has the member are as good as none.
            let is_empty = |value: &Json| value.as_array().is_some_and(<[Json]>::is_empty);
            found
                .filter(|value| !self.claim.contains("[]") || !is_empty(value))
                .or_else(|| identity.claim_text(&self.claim).map(Json::String))
        });
        value.filter(|value| *value != Json::Null)
    }

    fn holds_for(&self, identity: Option<&Identity>) -> bool {
        let Some(value) = self.value(identity) else {
            return self.test == Test::Absent;
        };
        match &self.test {
            Test::Exists => true,
            Test::Absent => false,
            Test::Equals(expected) => items(&value).any(|item| item == *expected),
            Test::In(expected) => items(&value).any(|item| expected.contains(&item)),
            Test::Prefix(prefix) => items(&value).any(|item| item.starts_with(prefix.as_str())),
            Test::Regex(pattern) => items(&value).any(|item| pattern.fits(&item)),
            Test::Compare(comparison, bound) => {
                numbers(&value).any(|number| comparison.holds(number, bound))
            }
            Test::Contains(expected) => value.words().contains(expected),
            Test::All(expected) => {
                let words = value.words();
                expected.iter().all(|word| words.contains(word))
            }
            // These depend on the request.
            Test::EqualsRequest(_) | Test::ContainsRequest(_) => false,
        }
    }
}

impl ClaimCondition {
    /// The condition, and what the claims say to it.
    #[must_use]
    pub fn told(&self, key: &'static str, identity: Option<&Identity>) -> Condition {
        let claim = &self.claim;
        let expected = match &self.test {
            Test::Equals(text) => format!("{claim} equals {text:?}"),
            Test::In(list) => format!("{claim} in {list:?}"),
            Test::Contains(text) => format!("{claim} contains {text:?}"),
            Test::All(list) => format!("{claim} all {list:?}"),
            Test::Prefix(text) => format!("{claim} begins with {text:?}"),
            Test::Regex(pattern) => format!("{claim} fits {:?}", pattern.source),
            Test::Compare(comparison, bound) => {
                let word = Comparison::ALL
                    .iter()
                    .find(|(_, known)| known == comparison);
                format!("{claim} {} {bound}", word.map_or("", |(word, _)| word))
            }
            Test::EqualsRequest(place) => format!("{claim} equals what the request has: {place:?}"),
            Test::ContainsRequest(place) => {
                format!("{claim} contains what the request has: {place:?}")
            }
            Test::Exists => format!("{claim} exists"),
            Test::Absent => format!("{claim} is absent"),
        };
        let found = match identity {
            None => "no verified caller".to_owned(),
            Some(identity) => match identity.claim(claim) {
                Some(value) => value.to_string(),
                None => identity
                    .claim_text(claim)
                    .unwrap_or_else(|| "no such claim".to_owned()),
            },
        };
        Condition {
            key,
            expected,
            found,
        }
    }
}

impl Comparison {
    const ALL: [(&str, Self); 4] = [
        ("less_than", Self::LessThan),
        ("at_most", Self::AtMost),
        ("greater_than", Self::GreaterThan),
        ("at_least", Self::AtLeast),
    ];

    fn holds(self, number: &Number, bound: &Number) -> bool {
        let order = compare(number, bound);
        match self {
            Self::LessThan => order == Some(Ordering::Less),
            Self::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::GreaterThan => order == Some(Ordering::Greater),
            Self::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

/// Integers exactly, others as floating-point numbers.
fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

impl WholeText {
    fn new(source: &str) -> Result<Self, String> {
        // The expression alone first: `a)|(b` would break out of the group.
        let build = |text: &str| {
            let mut builder = RegexBuilder::new(text);
            let built = builder.size_limit(MAX_REGEX_BYTES).nest_limit(32).build();
            built.map_err(|error| error.to_string())
        };
        build(source)?;
        Ok(Self {
            source: source.to_owned(),
            regex: build(&format!("^(?:{source})$"))?,
        })
    }

    fn fits(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for WholeText {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for WholeText {}

const MAX_REGEX_BYTES: usize = 64 * 1024;

/// The tests that are there; `None` for one that cannot be read.
fn tests(fields: &mut Fields<'_>) -> Vec<Option<Test>> {
    let mut tests = Vec::new();
    let mut add = |node: Option<Node<'_>>, read: fn(&Node<'_>) -> Option<Test>| {
        tests.extend(node.map(|node| read(&node)));
    };
    add(fields.optional("equals"), |n| match n.json() {
        Json::Object(_) => RequestValue::read(n).map(Test::EqualsRequest),
        _ => scalar(n).map(Test::Equals),
    });
    add(fields.optional("in"), |n| {
        n.non_empty_list(|item| scalar(&item)).map(Test::In)
    });
    add(fields.optional("contains"), |n| match n.json() {
        Json::Object(_) => RequestValue::read(n).map(Test::ContainsRequest),
        _ => scalar(n).map(Test::Contains),
    });
    add(fields.optional("all"), |n| {
        n.non_empty_list(|item| scalar(&item)).map(Test::All)
    });
    add(fields.optional("prefix"), |n| {
        n.name(1024).map(str::to_owned).map(Test::Prefix)
    });
    add(fields.optional("regex"), |n| {
        n.parsed(WholeText::new, "a regular expression")
            .map(Test::Regex)
    });
    for (name, comparison) in Comparison::ALL {
        let bound = fields.optional(name);
        tests.extend(bound.map(|n| number(&n).map(|bound| Test::Compare(comparison, bound))));
    }
    let mut add = |node: Option<Node<'_>>, read: fn(&Node<'_>) -> Option<Test>| {
        tests.extend(node.map(|node| read(&node)));
    };
    add(fields.optional("exists"), |n| {
        present(n).map(|()| Test::Exists)
    });
    add(fields.optional("absent"), |n| {
        present(n).map(|()| Test::Absent)
    });
    tests
}

fn number(node: &Node<'_>) -> Option<Number> {
    match node.json() {
        Json::Number(number) => Some(number.clone()),
        _ => {
            node.reject("expected a number");
            None
        }
    }
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

/// The numbers of an array, or the number itself. A text that looks like a number is none.
fn numbers(value: &Json) -> impl Iterator<Item = &Number> {
    let items = match value {
        Json::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    items.iter().filter_map(|item| match item {
        Json::Number(number) => Some(number),
        _ => None,
    })
}

#[cfg(test)]
mod conditions {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::config;
    use crate::facts::tests::Request;
    use crate::identity::parse_claims;
    use crate::matching::Ambiguity;

    fn identity() -> Identity {
        let claims =
            br#"{"sub":"jane","realm_access":{"roles":["admin","ops","on call"]},"level":7,
            "scope":"a b","ok":true,"none":null,"a.b":"dotted","uses":[{"code":"TREAT"},{"code":"ETREAT"}],"obj":{},"huge":9007199254740993}"#;
        Identity {
            claims: parse_claims(claims).unwrap(),
            ..Identity::default()
        }
    }

    fn holds(condition: &str, identity: Option<&Identity>) -> bool {
        config::read(condition, |n| ClaimCondition::read(&n))
            .unwrap()
            .holds(identity, &Request::get("/", &[]))
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
            (r#"{"claim":"uses[].code","equals":"TREAT"}"#, true),
            (r#"{"claim":"uses[].code","all":["TREAT","ETREAT"]}"#, true),
            (r#"{"claim":"uses[].code","contains":"HMARKT"}"#, false),
            (r#"{"claim":"uses[].none","exists":true}"#, false),
            (r#"{"claim":"sub","regex":"ja.*"}"#, true),
            (r#"{"claim":"sub","regex":"an"}"#, false),
            (r#"{"claim":"sub","regex":"jan|e"}"#, false),
            (r#"{"claim":"realm_access.roles","regex":"o[a-z]s"}"#, true),
            (r#"{"claim":"level","less_than":8}"#, true),
            (r#"{"claim":"level","less_than":7}"#, false),
            (r#"{"claim":"level","at_most":7}"#, true),
            (r#"{"claim":"level","greater_than":6.5}"#, true),
            (r#"{"claim":"level","at_least":7.5}"#, false),
            (r#"{"claim":"huge","greater_than":9007199254740992}"#, true),
            (r#"{"claim":"sub","at_least":0}"#, false),
            (r#"{"claim":"nobody","at_least":0}"#, false),
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
    fn a_claim_is_what_the_request_names() {
        let jane = identity();
        let fit = |condition: &str, path: &str, headers: &[(&str, &str)]| {
            let condition = config::read(condition, |n| ClaimCondition::read(&n)).unwrap();
            assert!(condition.is_about_object());
            condition.fit(Some(&jane), &Request::get(path, headers))
        };
        let of_path = r#"{"claim":"sub","equals":{"path":"/users/{id}/**"}}"#;
        let number = r#"{"claim":"level","equals":{"path":"/levels/{level}"}}"#;
        let list = r#"{"claim":"realm_access.roles","contains":{"path":"/roles/{role}"}}"#;
        let words = r#"{"claim":"scope","contains":{"query":"scope"}}"#;
        let header = r#"{"claim":"sub","equals":{"header":"x-user"}}"#;
        let host = r#"{"claim":"sub","equals":{"host":"{user}.example.com"}}"#;
        for (condition, path, expected) in [
            (of_path, "/users/jane", Fit::Yes),
            (of_path, "/users/jane/orders", Fit::Yes),
            (of_path, "/users/j%61ne", Fit::Maybe(Ambiguity::Path)),
            (list, "/roles/on%20call", Fit::Yes),
            (of_path, "/users/joe/orders", Fit::No),
            (of_path, "/users/Jane", Fit::No),
            (of_path, "/users", Fit::No),
            (of_path, "/accounts/jane", Fit::No),
            (of_path, "/users/joe/../jane", Fit::Maybe(Ambiguity::Path)),
            (
                of_path,
                "/users/jane%2f..%2fjoe",
                Fit::Maybe(Ambiguity::Path),
            ),
            (number, "/levels/7", Fit::Yes),
            (number, "/levels/07", Fit::No),
            (number, "/levels/7.0", Fit::No),
            (list, "/roles/ops", Fit::Yes),
            (list, "/roles/op", Fit::No),
            (words, "/?scope=b", Fit::Yes),
            (words, "/?scope=a%20b", Fit::No),
            (words, "/", Fit::No),
            (header, "/", Fit::No),
            (host, "/", Fit::No),
        ] {
            assert_eq!(fit(condition, path, &[]), expected, "{condition} {path}");
        }
        assert_eq!(fit(header, "/", &[("x-user", "jane")]), Fit::Yes);
        let list = fit(header, "/", &[("x-user", "jane,joe")]);
        assert_eq!(list, Fit::Maybe(Ambiguity::Header));
    }

    #[test]
    fn nobody_owns_what_the_request_does_not_name() {
        let condition = r#"{"claim":"sub","equals":{"query":"user"}}"#;
        let condition = config::read(condition, |n| ClaimCondition::read(&n)).unwrap();
        let anonymous = Identity::default();
        let empty = Identity {
            subject: Some(String::new()),
            ..Identity::default()
        };
        for caller in [None, Some(&anonymous), Some(&empty)] {
            assert!(!condition.holds(caller, &Request::get("/?user=", &[])));
            assert!(!condition.holds(caller, &Request::get("/", &[])));
        }
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
            r#"{"claim":"sub","regex":"("}"#,
            r#"{"claim":"sub","regex":"a)|(b"}"#,
            r#"{"claim":"sub","regex":"(((a{100}){100}){100}){100}"}"#,
            r#"{"claim":"sub","at_least":"1"}"#,
            r#"{"claim":"sub","equals":{"path":"/users/**"}}"#,
            r#"{"claim":"sub","in":[{"query":"user"}]}"#,
        ] {
            assert!(
                config::read(condition, |n| ClaimCondition::read(&n)).is_err(),
                "{condition}"
            );
        }
    }
}
