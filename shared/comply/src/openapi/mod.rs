//! The operations of an OpenAPI document (3.0 and 3.1), which of them a request is for, and what their
//! messages may have.

mod document;
mod shape;
#[cfg(test)]
mod tests;
mod walk;

pub use document::{Alternatives, Body, Described, Document, Way};
pub use walk::{Allowed, Size};

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use document::MAX_OPERATIONS;

/// An operation of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The method: `GET`.
    pub method: String,
    /// `/patients/{id}`, with the path of the server before it.
    pub template: String,
    /// What the document calls it.
    pub id: Option<String>,
    /// Whether it is to be used no more.
    pub is_deprecated: bool,
    /// Whether a caller has to authenticate.
    pub needs_authentication: bool,
    /// The hosts that it is offered at; none: any.
    pub hosts: BTreeSet<String>,
}

impl Operation {
    /// Whether a request to this host may be for it. A host in a record names no port, and has its own variable where
    /// it names a person; nor is there one where the record does not say it.
    #[must_use]
    pub fn is_at(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let name = |text: &str| match text.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name.to_owned(),
            _ => text.to_owned(),
        };
        let host = name(&host);
        let fits = |known: &String| {
            let known = name(known);
            let of_pattern = |pattern: &str, text: &str| {
                let parts = pattern.split_once('{').zip(pattern.rsplit_once('}'));
                let around = parts.map(|((before, _), (_, behind))| (before, behind));
                around.is_some_and(|(before, behind)| {
                    let rest = text.strip_prefix(before);
                    rest.is_some_and(|rest| rest.len() > behind.len() && rest.ends_with(behind))
                })
            };
            known == host || of_pattern(&known, &host) || of_pattern(&host, &known)
        };
        host.is_empty() || self.hosts.is_empty() || self.hosts.iter().any(fits)
    }
}

/// The operations, found by method and path.
#[derive(Clone, Debug, Default)]
pub struct Operations {
    /// All of them, in the order of the document.
    pub all: Vec<Operation>,
    root: Segment,
    /// What is in the document and was left out, with the reason.
    pub remarks: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Segment {
    exact: BTreeMap<String, Self>,
    /// Segments with a variable: what stands before it and behind it.
    open: BTreeMap<(String, String), Self>,
    /// The operations of this path, by method.
    operations: BTreeMap<String, usize>,
}

/// Why a document cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenApiError {
    /// The document is something else.
    #[error("no OpenAPI document: {0}")]
    NotOpenApi(&'static str),
    /// The document is of an unknown version.
    #[error("OpenAPI {0}: versions 3.0 and 3.1 are read")]
    Version(String),
    /// There is too much in it.
    #[error("more than {MAX_OPERATIONS} operations")]
    TooMany,
}

impl Operations {
    /// Reads a document.
    ///
    /// # Errors
    /// See [`OpenApiError`].
    pub fn read(document: &Value) -> Result<Self, OpenApiError> {
        let document = Document::read(document)?;
        let mut operations = Self {
            remarks: document.remarks,
            ..Self::default()
        };
        for described in document.operations {
            operations.insert(Operation {
                id: described.id().map(str::to_owned),
                is_deprecated: described.operation.get("deprecated") == Some(&Value::Bool(true)),
                needs_authentication: described.needs_authentication(),
                hosts: match described.is_at_any_host {
                    true => BTreeSet::new(),
                    false => described.hosts,
                },
                method: described.method,
                template: described.template,
            });
        }
        Ok(operations)
    }

    fn insert(&mut self, operation: Operation) {
        let number = self.all.len();
        let mut place = &mut self.root;
        for segment in segments(&operation.template).take(MAX_SEGMENTS) {
            place = match segment.split_once('{') {
                None => place.exact.entry(segment.to_owned()).or_default(),
                Some((before, rest)) => {
                    let behind = rest.rsplit_once('}').map_or("", |(_, behind)| behind);
                    place
                        .open
                        .entry((before.to_owned(), behind.to_owned()))
                        .or_default()
                }
            };
        }
        place
            .operations
            .entry(operation.method.clone())
            .or_insert(number);
        self.all.push(operation);
    }

    /// The operation that a request is for, by its number. Of two templates that fit, the one counts
    /// that is more concrete, segment by segment from the left.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<usize> {
        let path = path.split('?').next().unwrap_or_default();
        let segments: Vec<&str> = segments(path).collect();
        if segments.len() > MAX_SEGMENTS {
            return None;
        }
        let mut steps = MAX_STEPS;
        self.root.find(method, &segments, &mut steps)
    }
}

impl Segment {
    fn find(&self, method: &str, path: &[&str], steps: &mut usize) -> Option<usize> {
        *steps = steps.checked_sub(1)?;
        let Some((first, rest)) = path.split_first() else {
            let operation = self.operations.get(method);
            // Servers answer HEAD with what they have for GET.
            let of_get = || self.operations.get("GET").filter(|_| method == "HEAD");
            return operation.or_else(of_get).copied();
        };
        let exact = self.exact.get(*first);
        if let Some(found) = exact.and_then(|next| next.find(method, rest, steps)) {
            return Some(found);
        }
        // Those with more around the variable are more concrete.
        let mut open: Vec<_> = self.open.iter().collect();
        open.sort_by_key(|((before, behind), _)| std::cmp::Reverse(before.len() + behind.len()));
        open.into_iter().find_map(|((before, behind), next)| {
            let inner = first.strip_prefix(before.as_str())?;
            let inner = inner.strip_suffix(behind.as_str())?;
            (!inner.is_empty())
                .then(|| next.find(method, rest, steps))
                .flatten()
        })
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

const MAX_SEGMENTS: usize = 64;
/// Of the search for one path.
const MAX_STEPS: usize = 10_000;
