//! Rules about whose the objects in bodies are, and about whom.

use policy::config::{Fields, Node};
use policy::finding::Direction;
use policy::matching::Match;
use policy::request_value::RequestValue;

use super::rule::{Place, Places};
use crate::paths::Path;
use crate::plan::watched::{Missing, Otherwise, OwnerRule, OwnerValue, PersonPath};

/// `{ "path": "$..owner_id", "equals": { "claim": "sub" }, "else": "remove" }`.
pub(super) fn read_owner(
    node: &Node<'_>,
    (matches, places): (&Match, Places),
) -> Option<OwnerRule> {
    let judges_responses = places.has(Place::ResponseBody);
    node.object(|fields| {
        let path = fields
            .required("path", "the path of the owner, such as \"$..owner_id\"")
            .and_then(|n| n.parsed(Path::parse, "a path"));
        let object = fields.optional("object");
        let has_object = object.is_some();
        let object = object.and_then(|n| n.parsed(Path::parse, "a path"));
        let equals = fields
            .required("equals", r#"whose it must be, such as {"claim": "sub"}"#)
            .and_then(|n| read_value(&n, matches));
        let otherwise = fields
            .required("else", r#"one of "remove", "block" and "report""#)
            .and_then(|n| {
                n.one_of(&[
                    ("remove", Otherwise::Remove),
                    ("block", Otherwise::Block),
                    ("report", Otherwise::Report),
                ])
            });
        let said = fields.or("if_missing", None, |n| {
            n.one_of(&[("keep", Missing::Keep), ("else", Missing::Foreign)])
                .map(Some)
        });
        let path = path?;
        let levels = match &object {
            Some(object) if path.continues(object) => path.depth().saturating_sub(object.depth()),
            Some(_) => {
                fields
                    .node()
                    .reject("\"path\" must go on where \"object\" ends");
                return None;
            }
            None if has_object => return None,
            None => 1,
        };
        if !path.ends_with_names(levels) {
            fields.node().reject(
                "the owner must be a member of its object, by name: end the path with one, as in \"$.items[*].owner_id\"",
            );
            return None;
        }
        // What is no item of a list may be another document, such as one about an error.
        let is_item = path.leads_to_items(levels) && !path.descends_before(levels);
        let missing = said.unwrap_or(match is_item {
            true => Missing::ForeignInLists,
            false => Missing::Keep,
        });
        if said.is_none() && !is_item && judges_responses && otherwise != Some(Otherwise::Report) {
            fields.node().warn(
                "owner_may_be_missing",
                "an object without its owner stays, and callers leave members out where they can (?fields=, $select, GraphQL): name the items of a list, as in \"$.items[*].owner_id\", or say \"if_missing\"",
            );
        }
        if missing == Missing::Foreign && path.descends_before(levels) {
            fields.node().reject(
                "with \"..\" before the owner every object is one that may lack it; name the objects, as in \"$.items[*].owner_id\"",
            );
        }
        Some(OwnerRule {
            path,
            levels,
            equals: equals?,
            otherwise: otherwise?,
            missing,
        })
    })
}

fn read_value(node: &Node<'_>, matches: &Match) -> Option<OwnerValue> {
    node.object(|fields| {
        let mut found: Vec<Option<OwnerValue>> = RequestValue::read_some(fields)
            .into_iter()
            .map(|place| place.map(OwnerValue::Request))
            .collect();
        found.extend(
            fields
                .optional("claim")
                .map(|n| n.claim_path().map(OwnerValue::Claim)),
        );
        if found.len() != 1 {
            fields.node().reject(
                r#"expected exactly one of "claim", "path", "query", "header", "host" and "client_certificate""#,
            );
            return None;
        }
        let mut value = found.into_iter().next()??;
        if let OwnerValue::Request(place) = &mut value {
            place.check_within(fields.node(), matches);
        }
        Some(value)
    })
}

/// Reads a path to people: `{ "response": "$.patient.id" }`.
pub(super) fn read_person(node: &Node<'_>, places: Places) -> Option<PersonPath> {
    node.object(|fields| {
        let ways = [
            (Direction::Request, Place::RequestBody),
            (Direction::Response, Place::ResponseBody),
        ];
        let mut found = Vec::new();
        for (direction, place) in ways {
            found.extend(read_way(fields, direction, places.has(place)));
        }
        if found.len() != 1 {
            fields
                .node()
                .reject(r#"expected exactly one of "request" and "response""#);
            return None;
        }
        found.into_iter().next()?
    })
}

fn read_way(
    fields: &mut Fields<'_>,
    direction: Direction,
    is_searched: bool,
) -> Option<Option<PersonPath>> {
    let node = fields.optional(direction.as_str())?;
    if !is_searched {
        node.reject(format_args!(
            "needs \"{}.body\" in \"apply_to\"",
            direction.as_str()
        ));
    }
    let parse = |text: &str| Path::parse(text).map(|path| (path, text.to_owned()));
    let path = node.parsed(parse, "a path into the body");
    Some(path.map(|path| PersonPath { direction, path }))
}
