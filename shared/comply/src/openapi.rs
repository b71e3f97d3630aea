//! The operations of an OpenAPI document (3.0 and 3.1), and which of them a request is for.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

/// An operation of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// `GET`.
    pub method: String,
    /// `/patients/{id}`, with the path of the server before it.
    pub template: String,
    /// What the document calls it.
    pub id: Option<String>,
    /// Whether it is to be used no more.
    pub is_deprecated: bool,
    /// Whether a caller has to authenticate.
    pub needs_authentication: bool,
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
    /// By method.
    operations: BTreeMap<String, usize>,
}

/// Why a document cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenApiError {
    /// It is something else.
    #[error("no OpenAPI document: {0}")]
    NotOpenApi(&'static str),
    /// Of another version.
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
        let version = document.get("openapi").and_then(Value::as_str);
        if document.get("swagger").is_some() {
            return Err(OpenApiError::Version("2.0 (Swagger)".to_owned()));
        }
        let version = version.ok_or(OpenApiError::NotOpenApi("it has no \"openapi\""))?;
        if !version.starts_with("3.0") && !version.starts_with("3.1") {
            return Err(OpenApiError::Version(version.to_owned()));
        }
        let mut operations = Self::default();
        let paths = document.get("paths");
        let paths = match paths {
            None => return Ok(operations),
            Some(paths) => paths
                .as_object()
                .ok_or(OpenApiError::NotOpenApi("\"paths\" is no object"))?,
        };
        let bases = bases(document);
        for (template, item) in paths {
            if !template.starts_with('/') {
                if !template.starts_with("x-") {
                    operations
                        .remarks
                        .push(format!("{template}: a path begins with \"/\""));
                }
                continue;
            }
            let Some(item) = resolved(document, item) else {
                let remark = format!("{template}: its \"$ref\" leads nowhere, or in a circle");
                operations.remarks.push(remark);
                continue;
            };
            let own = item.get("servers").map(|_| self::bases(item));
            for base in own.as_ref().unwrap_or(&bases) {
                operations.add_path(document, &format!("{base}{template}"), item)?;
            }
        }
        Ok(operations)
    }

    fn add_path(
        &mut self,
        document: &Value,
        template: &str,
        item: &Value,
    ) -> Result<(), OpenApiError> {
        for method in METHODS {
            let Some(described) = item.get(method).and_then(|one| resolved(document, one)) else {
                continue;
            };
            if self.all.len() >= MAX_OPERATIONS {
                return Err(OpenApiError::TooMany);
            }
            let security = described
                .get("security")
                .or_else(|| document.get("security"));
            let operation = Operation {
                method: method.to_uppercase(),
                template: template.to_owned(),
                id: described
                    .get("operationId")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                is_deprecated: described.get("deprecated") == Some(&Value::Bool(true)),
                needs_authentication: security.is_some_and(is_needed),
            };
            self.insert(operation);
        }
        Ok(())
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

/// The paths of the servers; nothing where none is named.
fn bases(document: &Value) -> Vec<String> {
    let servers = document.get("servers").and_then(Value::as_array);
    let mut bases: Vec<String> = Vec::new();
    for server in servers.into_iter().flatten().take(MAX_SERVERS) {
        let url = server
            .get("url")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("", |at| rest.get(at..).unwrap_or("")),
            None => url,
        };
        let path = path.trim_end_matches('/').to_owned();
        if !bases.contains(&path) {
            bases.push(path);
        }
    }
    if bases.is_empty() {
        bases.push(String::new());
    }
    bases
}

/// Some of the alternatives need something; one that is empty needs nothing.
fn is_needed(security: &Value) -> bool {
    let alternatives = security.as_array();
    alternatives.is_some_and(|alternatives| {
        let is_open = |one: &Value| one.as_object().is_some_and(serde_json::Map::is_empty);
        !alternatives.is_empty() && !alternatives.iter().any(is_open)
    })
}

/// What a value is, or its `$ref` within the document leads to. `None`: to nowhere, or in a circle.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> Option<&'d Value> {
    let mut value = value;
    for _ in 0..MAX_REFERENCES {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return Some(value);
        };
        value = document.pointer(reference.strip_prefix('#')?)?;
    }
    None
}

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
const MAX_OPERATIONS: usize = 50_000;
const MAX_SEGMENTS: usize = 64;
const MAX_SERVERS: usize = 16;
const MAX_REFERENCES: usize = 16;
/// Of the search for one path.
const MAX_STEPS: usize = 10_000;
