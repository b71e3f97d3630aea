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
    /// The documented types that have members.
    types: BTreeSet<String>,
    /// The others.
    other_types: BTreeSet<String>,
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
            let without = match (way, body.types.is_empty()) {
                (Way::Request, false) => ", and neither are those without a type",
                _ => "",
            };
            let types = types.join(", ");
            let remark = format!("{side}s of type {types} are not checked{without}");
            remarks.add(&remark, &place);
        }
        if body.types.is_empty() {
            if !body.other_types.is_empty() {
                messages.push((described, Message::open(body.other_types)));
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
                has_patterns,
            } => {
                if has_patterns {
                    let remark = format!(
                        "{side}s may have members of any name where the schema has patternProperties"
                    );
                    remarks.add(&remark, &place);
                }
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
                other_types: body.other_types,
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
    let mut found = targets(operations, |known, other, _| known.widen(&other), |_| true);
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
            let name = unique(&format!("{side} {first}"), ' ', &mut names);
            let mut matches = matches(rule);
            if !rule.says.other_types.is_empty()
                && let Json::Object(members) = &mut matches
            {
                let types = rule.says.checked_types(way);
                let types = texts(types.iter().map(String::as_str));
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
    fn open(other_types: BTreeSet<String>) -> Self {
        Self {
            paths: None,
            size: Size::default(),
            types: BTreeSet::new(),
            other_types,
        }
    }

    /// The types that are checked where some are not. What a client calls its body is up to the client, so
    /// those of requests are all but the documented others.
    fn checked_types(&self, way: Way) -> BTreeSet<String> {
        let mut types = self.types.clone();
        if way == Way::Request {
            let kind = |one: &str| one.split('/').next().unwrap_or_default().to_owned();
            let others: BTreeSet<String> = self.other_types.iter().map(|one| kind(one)).collect();
            let is_checked = |one: &&&str| match one.ends_with("/*") {
                true => !others.contains(&kind(one)),
                false => others.contains(&kind(one)) && !self.other_types.contains(**one),
            };
            types.extend(
                MEMBER_TYPES
                    .iter()
                    .filter(is_checked)
                    .map(|one| (*one).to_owned()),
            );
        }
        types
    }

    fn holds(&self) -> bool {
        self.paths.is_some() || self.size != Size::default()
    }

    fn widen(&mut self, other: &Self) {
        self.other_types.extend(other.other_types.iter().cloned());
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

/// Types whose bodies servers take for members, each also by the kind that any may be of.
const MEMBER_TYPES: &[&str] = &[
    "application/*",
    "application/csp-report",
    "application/graphql",
    "application/json",
    "application/json-patch+json",
    "application/jsonlines",
    "application/ld+json",
    "application/merge-patch+json",
    "application/problem+json",
    "application/scim+json",
    "application/vnd.api+json",
    "application/x-json",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    "application/x-yaml",
    "application/xml",
    "application/yaml",
    "multipart/*",
    "multipart/form-data",
    "multipart/mixed",
    "text/*",
    "text/csv",
    "text/html",
    "text/json",
    "text/plain",
    "text/x-json",
    "text/xml",
    "text/yaml",
];

/// Twice what is needed, for white space, in whole KiB.
fn body_size(bytes: u64) -> String {
    let kibibytes = bytes.saturating_mul(2).div_ceil(1024).min(1 << 30);
    format!("{kibibytes}KiB")
}
