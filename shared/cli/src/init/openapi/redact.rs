//! What messages may have: rules of pii-redactor.

use std::collections::BTreeSet;

use comply::openapi::{Allowed, Document, Size, Way};
use policy::json::Json;

use super::Remarks;
use super::auth::{matches, unique};
use super::json::{number, object, text, texts};
use super::target::{label, merged, targets, widened};

/// What is held of the messages of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    /// Paths that may pass; `None` are all.
    paths: Option<BTreeSet<String>>,
    size: Size,
    /// The types that have members, where there are others.
    types: BTreeSet<String>,
    has_other_types: bool,
}

/// The part of the bundle. `None`: nothing can be held.
pub(super) fn part(document: &Document<'_>, remarks: &mut Remarks) -> Option<Json> {
    let mut rules = rules(document, Way::Request, remarks);
    rules.extend(self::rules(document, Way::Response, remarks));
    (!rules.is_empty()).then(|| object([("rules", Json::Array(rules))]))
}

fn rules(document: &Document<'_>, way: Way, remarks: &mut Remarks) -> Vec<Json> {
    let mut messages = Vec::new();
    for described in &document.operations {
        let body = document.body(described, way);
        let place = label(described);
        let side = match way {
            Way::Request => "request",
            Way::Response => "response",
        };
        if !body.other_types.is_empty() {
            let types: Vec<&str> = body.other_types.iter().map(String::as_str).collect();
            let remark = format!("{side}s of type {} are not checked", types.join(", "));
            remarks.add(&remark, &place);
        }
        if body.types.is_empty() {
            if !body.other_types.is_empty() {
                messages.push((described, Message::open(true)));
            }
            continue;
        }
        let paths = match document.allowed(&body.schemas, &body.forms, way) {
            Allowed::Anything => {
                remarks.add(
                    &format!("{side}s may have any member: the schema does not say which"),
                    &place,
                );
                None
            }
            Allowed::Members {
                paths,
                cut_at,
                has_nulls,
            } => {
                if has_nulls {
                    let becomes = if way == Way::Request {
                        "refused"
                    } else {
                        "taken out"
                    };
                    remarks.add(
                        &format!("null in the place of an object or array is {becomes} in {side}s"),
                        &place,
                    );
                }
                if let Some(depth) = cut_at {
                    let remark = format!(
                        "{side}s may have any member below {depth} levels: the schema names too many"
                    );
                    remarks.add(&remark, &place);
                }
                Some(paths)
            }
        };
        let size = match (way, body.forms.is_empty()) {
            (Way::Request, true) => document.size(&body.schemas, way),
            _ => Size::default(),
        };
        if way == Way::Request && size.bytes.is_none() {
            remarks.add(
                "requests have no max_body: the schema does not bound every text and list",
                &place,
            );
        }
        messages.push((
            described,
            Message {
                paths,
                size,
                types: body.types,
                has_other_types: !body.other_types.is_empty(),
            },
        ));
    }
    let operations = messages.into_iter().map(|(described, message)| {
        (
            described.method.clone(),
            described.template.clone(),
            message,
        )
    });
    let mut found = targets(operations, |known, other, _| known.widen(&other), |_| {});
    widened(&mut found, Message::widen);
    found.retain(|target| target.says.holds());
    let mut names = BTreeSet::new();
    let rules = merged(found);
    rules
        .iter()
        .map(|rule| {
            let (place, side) = match way {
                Way::Request => ("request.body", "requests"),
                Way::Response => ("response.body", "responses"),
            };
            let first = rule.paths.first().map_or("", String::as_str);
            let name = unique(&format!("{side} {first}"), &mut names);
            let mut matches = matches(rule);
            if rule.says.has_other_types
                && let Json::Object(members) = &mut matches
            {
                let types = texts(rule.says.types.iter().map(String::as_str));
                members.push(("content_types".to_owned(), types));
            }
            let mut members = vec![
                ("name", text(&name)),
                ("match", matches),
                ("apply_to", texts([place])),
            ];
            if let Some(paths) = &rule.says.paths {
                members.push(("allow_fields", texts(paths.iter().map(String::as_str))));
                let action = match way {
                    Way::Request => "refuse",
                    Way::Response => "remove",
                };
                members.push(("allow_fields_action", text(action)));
            }
            let size = rule.says.size;
            if let Some(bytes) = size.bytes {
                members.push(("max_body", text(&body_size(bytes))));
            }
            if let Some(depth) = size.depth {
                members.push(("max_depth", number(depth)));
            }
            if let Some(most) = size.members {
                members.push(("max_members", number(most)));
            }
            object(members)
        })
        .collect()
}

impl Message {
    fn open(has_other_types: bool) -> Self {
        Self {
            paths: None,
            size: Size::default(),
            types: BTreeSet::new(),
            has_other_types,
        }
    }

    fn holds(&self) -> bool {
        self.paths.is_some() || self.size != Size::default()
    }

    fn widen(&mut self, other: &Self) {
        self.has_other_types |= other.has_other_types;
        self.size = self.size.or(other.size);
        self.types.extend(other.types.iter().cloned());
        if other.types.is_empty() {
            return;
        }
        match (&mut self.paths, &other.paths) {
            (Some(own), Some(other)) => own.extend(other.iter().cloned()),
            (own, None) => *own = None,
            (None, _) => {}
        }
    }
}

/// Twice what is needed, for white space, in whole KiB.
fn body_size(bytes: u64) -> String {
    let kibibytes = bytes.saturating_mul(2).div_ceil(1024).min(1 << 30);
    format!("{kibibytes}KiB")
}
