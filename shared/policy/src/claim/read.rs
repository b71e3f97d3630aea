//! How the test of a condition is written.

use serde_json::Number;

use super::whole_text::WholeText;
use super::{Comparison, Test};
use crate::config::{Fields, Node};
use crate::json::Json;
use crate::request_value::RequestValue;

/// The tests that are there; `None` for one that cannot be read.
pub(super) fn tests(fields: &mut Fields<'_>) -> Vec<Option<Test>> {
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
