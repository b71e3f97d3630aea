//! Aliases of GraphQL: what the caller calls the members of the response.
//!
//! A document is followed twice at once, by the names of its fields and by those that the response will have. What
//! counts is whether the rules about the response would read one of these members otherwise.

use super::graphql::{Step, Steps, steps};
use crate::names::KeyInfo;
use crate::plan::Plan;

/// Whether an alias keeps rules about members from what they are about. Documents that ask for more than can be
/// followed are taken for such.
pub(super) fn mislead(document: &[u8], plan: &Plan) -> bool {
    let Some(definitions) = steps(document) else {
        return true;
    };
    let mut operations = definitions.iter().filter(|(name, _)| name.is_none());
    let mut followed = 0;
    operations.any(|(_, steps)| is_misleading(steps, &definitions, plan, &mut followed))
}

/// A member of the response.
#[derive(Clone)]
struct Member<'d> {
    name: &'d [u8],
    info: KeyInfo,
}

impl<'d> Member<'d> {
    fn of(around: &Self, name: &'d [u8], plan: &Plan) -> Self {
        Self {
            name,
            info: plan.name_info((&around.info, around.name), name),
        }
    }

    /// Whether rules read the two alike. Their places in the table of names say nothing.
    fn is_read_as(&self, other: &Self) -> bool {
        let read = |info: &KeyInfo| KeyInfo {
            id: 0,
            mark: 0,
            ..info.clone()
        };
        read(&self.info) == read(&other.info)
    }
}

/// A field as it is called by the schema, and as it is called in the response.
type Both<'d> = (Member<'d>, Member<'d>);

fn is_misleading(
    operation: &[Step<'_>],
    definitions: &[Steps<'_>],
    plan: &Plan,
    followed: &mut usize,
) -> bool {
    let data = Member {
        name: b"data",
        info: plan.field_info(b"data"),
    };
    let mut around: Vec<Both<'_>> = vec![(data.clone(), data)];
    let mut last = None;
    let mut open = vec![operation.iter()];
    while let Some(steps) = open.last_mut() {
        let Some(step) = steps.next() else {
            open.pop();
            continue;
        };
        *followed = followed.saturating_add(1);
        if *followed > MAX_FOLLOWED {
            return true;
        }
        match step {
            Step::Field { name, shown } => {
                let Some((field, alias)) = around.last() else {
                    return true;
                };
                let both = (
                    Member::of(field, name, plan),
                    Member::of(alias, shown, plan),
                );
                let is_on_path = || plan.has_in_paths(name) || plan.has_in_paths(shown);
                if !both.0.is_read_as(&both.1) || name != shown && is_on_path() {
                    return true;
                }
                last = Some(both);
            }
            Step::Spread(name) => {
                let mut known = definitions.iter();
                let fragment = known.find(|(fragment, _)| *fragment == Some(*name));
                open.extend(fragment.map(|(_, steps)| steps.iter()));
            }
            Step::Open => around.extend(last.take()),
            Step::Close => {
                around.pop();
            }
        }
    }
    false
}

/// More steps of all operations together are not followed.
const MAX_FOLLOWED: usize = 8192;

#[cfg(test)]
mod tests {
    use super::mislead;
    use crate::fixtures::plan_of;

    #[test]
    fn aliases_mislead_where_rules_read_them_otherwise() {
        let by_name = plan_of(
            r#"{"rules":[{"presets":["gdpr","secrets"],"fields":[{"name":["credit_limit"],"action":"remove"}]}]}"#,
        );
        for (document, expected) in [
            ("{ me { a: firstName } }", true),
            ("{ me { b: password } }", true),
            ("{ me { g: credit_limit } }", true),
            (
                "{ me { ...F } } fragment F on User { ... on User { b: password } }",
                true,
            ),
            (
                "query A { me { id } } query B { me { x: dateOfBirth } }",
                true,
            ),
            // The name around is what announces.
            ("{ x: phone { number } }", true),
            ("{ x: phone { ...F } } fragment F on Phone { number }", true),
            // What is an id speaks against what is found in it.
            ("{ me { orderId: note } }", true),
            ("{ me { id: id givenName: firstName } }", false),
            (
                "{ user1: user(id: 1) { title } user2: user(id: 2) { title } }",
                false,
            ),
            (
                "{ me { open: issues(first: 3) { nodes { title } } } }",
                false,
            ),
            ("{ me { firstName password } }", false),
        ] {
            assert_eq!(
                mislead(document.as_bytes(), &by_name),
                expected,
                "{document}"
            );
        }
        let by_path = plan_of(
            r#"{"rules":[{"fields":[{"path":"$.data.me.salary","action":"remove"}],"owner":[{"path":"$.data.orders[*].ownerId","equals":{"claim":"sub"},"else":"remove"}],"data_subject":[{"response":"$..patient.id"}]}]}"#,
        );
        for (document, expected) in [
            ("{ x: me { salary } }", true),
            ("{ me { x: salary } }", true),
            ("{ orders { ownerId: viewerId } }", true),
            ("{ orders { x: OwnerId } }", true),
            ("{ x: patient { id } }", true),
            ("{ me { a: firstName } }", false),
        ] {
            assert_eq!(
                mislead(document.as_bytes(), &by_path),
                expected,
                "{document}"
            );
        }
        let allowed = plan_of(r#"{"rules":[{"allow_fields":["$.data.me.id","$.data.me.name"]}]}"#);
        for (document, expected) in [
            ("{ me { id: ssn name: password } }", true),
            ("{ me { x: ssn } }", false),
            ("{ me { id name } }", false),
        ] {
            assert_eq!(
                mislead(document.as_bytes(), &allowed),
                expected,
                "{document}"
            );
        }
    }

    #[test]
    fn what_cannot_be_followed_misleads() {
        let plan = plan_of(r#"{"presets":["gdpr"]}"#);
        let mut document = "{ x: a { ...F0 } }".to_owned();
        for level in 0..30 {
            let next = level + 1;
            document += &format!(" fragment F{level} on T {{ ...F{next} ...F{next} }}");
        }
        document += " fragment F30 on T { b }";
        assert!(mislead(document.as_bytes(), &plan));
        assert!(!mislead(b"{ x: a { ...F } } fragment F on T { b }", &plan));
    }
}
