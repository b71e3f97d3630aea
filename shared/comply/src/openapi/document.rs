//! What an OpenAPI document says of each operation. The one reader of such documents.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::OpenApiError;

/// A document, and the operations in it.
#[derive(Debug)]
pub struct Document<'d> {
    /// In the order of the document.
    pub operations: Vec<Described<'d>>,
    /// What is in the document and was left out, with the reason.
    pub remarks: Vec<String>,
    /// What references name and nothing can be found for, with the reason.
    pub(super) problems: RefCell<BTreeSet<String>>,
    /// Schemas that build on another one, each with the reference to it, by the reference to that one.
    pub(super) subtypes: BTreeMap<String, Vec<(String, &'d Value)>>,
    root: &'d Value,
}

/// An operation as its document describes it.
#[derive(Clone, Debug)]
pub struct Described<'d> {
    /// The method: `GET`.
    pub method: String,
    /// `/patients/{id}`, with the path of the server before it.
    pub template: String,
    /// The operation object of the document.
    pub operation: &'d Value,
    /// The hosts of its servers, where the document names some.
    pub hosts: BTreeSet<String>,
    /// Whether one of its servers has no host: it is there wherever the document is.
    pub is_at_any_host: bool,
    item: &'d Value,
    /// `None`: what the document says cannot be read, and is in its remarks.
    alternatives: Option<Alternatives<'d>>,
}

/// Schemes that are needed together, each with the scopes that it must have; one of several such lists.
pub type Alternatives<'d> = Vec<Vec<(&'d str, Vec<&'d str>)>>;

/// Which message of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Requests, which clients send.
    Request,
    /// Responses, which clients get.
    Response,
}

/// What is said of the bodies of an operation in one direction.
#[derive(Clone, Debug, Default)]
pub struct Body<'d> {
    /// The schemas of JSON bodies.
    pub schemas: Vec<&'d Value>,
    /// Schemas of forms, whose members are fields.
    pub forms: Vec<&'d Value>,
    /// The media types of both.
    pub types: BTreeSet<String>,
    /// Media types that have no schema of members.
    pub other_types: BTreeSet<String>,
}

impl<'d> Document<'d> {
    /// Reads a document.
    ///
    /// # Errors
    /// See [`OpenApiError`].
    pub fn read(root: &'d Value) -> Result<Self, OpenApiError> {
        if root.get("swagger").is_some() {
            return Err(OpenApiError::Version("2.0 (Swagger)".to_owned()));
        }
        let version = root.get("openapi").and_then(Value::as_str);
        let version = version.ok_or(OpenApiError::NotOpenApi("it has no \"openapi\""))?;
        if !version.starts_with("3.0") && !version.starts_with("3.1") {
            return Err(OpenApiError::Version(version.to_owned()));
        }
        let mut document = Self {
            operations: Vec::new(),
            remarks: Vec::new(),
            problems: RefCell::default(),
            subtypes: subtypes(root),
            root,
        };
        let Some(paths) = root.get("paths") else {
            return Ok(document);
        };
        let paths = paths
            .as_object()
            .ok_or(OpenApiError::NotOpenApi("\"paths\" is no object"))?;
        let servers = document.servers(root, "servers");
        let security = document.alternatives(root.get("security"), "security");
        for (template, item) in paths {
            if !template.starts_with('/') {
                if !template.starts_with("x-") {
                    document
                        .remarks
                        .push(format!("{template}: a path begins with \"/\""));
                }
                continue;
            }
            let Some(item) = resolved(root, item) else {
                let remark = format!("{template}: its \"$ref\" leads nowhere, or in a circle");
                document.remarks.push(remark);
                continue;
            };
            document.add_path(template, item, &servers, security.as_ref())?;
        }
        Ok(document)
    }

    fn add_path(
        &mut self,
        template: &str,
        item: &'d Value,
        servers: &Servers,
        security: Option<&Alternatives<'d>>,
    ) -> Result<(), OpenApiError> {
        let of_path = item.get("servers").is_some();
        let of_path = of_path.then(|| self.servers(item, template));
        for method in METHODS {
            let described = item.get(method).and_then(|one| resolved(self.root, one));
            let Some(operation) = described else {
                continue;
            };
            let method = method.to_uppercase();
            let place = format!("{method} {template}");
            let own = operation.get("servers").is_some();
            let own = own.then(|| self.servers(operation, &place));
            let servers = own.as_ref().or(of_path.as_ref()).unwrap_or(servers);
            let alternatives = match operation.get("security") {
                None => security.cloned(),
                own => self.alternatives(own, &place),
            };
            for base in &servers.paths {
                if self.operations.len() >= MAX_OPERATIONS {
                    return Err(OpenApiError::TooMany);
                }
                self.operations.push(Described {
                    method: method.clone(),
                    template: format!("{base}{template}"),
                    operation,
                    hosts: servers.hosts.clone(),
                    is_at_any_host: servers.is_at_any_host,
                    item,
                    alternatives: alternatives.clone(),
                });
            }
        }
        Ok(())
    }

    /// What a list of requirements asks for; nothing where there is none. `None`: it is of another form.
    fn alternatives(&mut self, list: Option<&'d Value>, place: &str) -> Option<Alternatives<'d>> {
        let Some(list) = list else {
            return Some(Vec::new());
        };
        let read = alternatives(list);
        if read.is_none() {
            let found: String = list.to_string().chars().take(80).collect();
            self.remarks.push(format!(
                "{place}: \"security\" is a list of objects in which each member is a list of scopes, found {found}"
            ));
        }
        read
    }

    /// The servers that `holder` names.
    fn servers(&mut self, holder: &'d Value, place: &str) -> Servers {
        let mut servers = Servers::default();
        let list = holder.get("servers").and_then(Value::as_array);
        for server in list.into_iter().flatten() {
            servers.add(server);
        }
        if servers.paths.len() > MAX_SERVERS {
            self.remarks
                .push(format!("{place}: more than {MAX_SERVERS} paths of servers"));
            servers.paths.truncate(MAX_SERVERS);
        }
        if servers.paths.is_empty() {
            servers.paths.push(String::new());
        }
        servers
    }

    /// How callers authenticate, by the name that operations use.
    #[must_use]
    pub fn security_scheme(&self, name: &str) -> Option<&'d Value> {
        let schemes = self.root.get("components")?.get("securitySchemes")?;
        resolved(self.root, schemes.get(name)?)
    }

    /// The schema of each query parameter of an operation.
    #[must_use]
    pub fn query_parameters(&self, described: &Described<'d>) -> BTreeMap<&'d str, &'d Value> {
        let mut parameters = BTreeMap::new();
        // Those of the operation stand in the place of those of the path.
        for holder in [described.item, described.operation] {
            let list = holder.get("parameters").and_then(Value::as_array);
            for parameter in list.into_iter().flatten() {
                let Some(parameter) = self.target(parameter) else {
                    continue;
                };
                let name = parameter.get("name").and_then(Value::as_str);
                let schema = parameter.get("schema").and_then(|one| self.target(one));
                if let (Some(name), Some(schema), Some("query")) =
                    (name, schema, parameter.get("in").and_then(Value::as_str))
                {
                    parameters.insert(name, schema);
                }
            }
        }
        parameters
    }

    /// What is said of the bodies of an operation.
    #[must_use]
    pub fn body(&self, described: &Described<'d>, way: Way) -> Body<'d> {
        let mut body = Body::default();
        match way {
            Way::Request => {
                if let Some(request) = described.operation.get("requestBody") {
                    self.add_content(request, &mut body);
                }
            }
            Way::Response => {
                let responses = described.operation.get("responses");
                let responses = responses.and_then(Value::as_object);
                for (_, response) in responses.into_iter().flatten() {
                    self.add_content(response, &mut body);
                }
            }
        }
        body
    }

    fn add_content(&self, message: &'d Value, body: &mut Body<'d>) {
        let content = self.target(message).and_then(|one| one.get("content"));
        for (range, media) in content.and_then(Value::as_object).into_iter().flatten() {
            let range = range.split(';').next().unwrap_or_default().trim();
            let range = range.to_ascii_lowercase();
            let is_form =
                range == "application/x-www-form-urlencoded" || range == "multipart/form-data";
            let is_json = range.ends_with("json") || range == "*/*" || range == "application/*";
            if !is_form && !is_json {
                body.other_types.insert(range);
                continue;
            }
            body.types.insert(range);
            let schema = media.get("schema").unwrap_or(&ANYTHING);
            match is_form {
                true => body.forms.push(schema),
                false => body.schemas.push(schema),
            }
        }
    }

    /// Where references lead out of the document, nowhere, or in a circle, as far as was asked.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.problems.borrow().iter().cloned().collect()
    }

    /// What a value is, or its reference leads to; a reference that cannot be followed is remembered.
    pub(super) fn target(&self, value: &'d Value) -> Option<&'d Value> {
        let found = resolved(self.root, value);
        if found.is_none() {
            let reference = value.get("$ref").and_then(Value::as_str);
            let reference = reference.unwrap_or_default();
            let why = match reference.strip_prefix('#') {
                None => "leads out of the document; bundle it into one first",
                Some(_) => "leads nowhere, or in a circle",
            };
            let problem = format!("\"$ref\": {reference:?} {why}");
            self.problems.borrow_mut().insert(problem);
        }
        found
    }
}

impl Body<'_> {
    /// Nothing is said of a body.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.is_empty() && self.other_types.is_empty()
    }
}

impl<'d> Described<'d> {
    /// What the document calls it.
    #[must_use]
    pub fn id(&self) -> Option<&'d str> {
        self.operation.get("operationId").and_then(Value::as_str)
    }

    /// Each alternative: the schemes that are needed together, with the scopes that they must have.
    /// One that is empty needs nothing.
    #[must_use]
    pub fn alternatives(&self) -> &[Vec<(&'d str, Vec<&'d str>)>] {
        self.alternatives.as_deref().unwrap_or_default()
    }

    /// Whether a caller has to authenticate: some of the alternatives need something, and none needs
    /// nothing. What cannot be read may need it.
    #[must_use]
    pub fn needs_authentication(&self) -> bool {
        self.alternatives.as_ref().is_none_or(|alternatives| {
            !alternatives.is_empty() && alternatives.iter().all(|one| !one.is_empty())
        })
    }
}

/// The servers that operations are offered at.
#[derive(Clone, Debug, Default)]
struct Servers {
    /// The paths before those of operations.
    paths: Vec<String>,
    hosts: BTreeSet<String>,
    is_at_any_host: bool,
}

impl Servers {
    fn add(&mut self, server: &Value) {
        let url = server.get("url").and_then(Value::as_str);
        for url in with_variables(url.unwrap_or_default(), server.get("variables")) {
            let rest = match url.split_once("://") {
                Some((_, rest)) => Some(rest),
                None => url.strip_prefix("//"),
            };
            let path = match rest {
                Some(rest) => {
                    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                    self.hosts.insert(host.to_ascii_lowercase());
                    path
                }
                None => {
                    self.is_at_any_host = true;
                    url.as_str()
                }
            };
            let path = path.split(['?', '#']).next().unwrap_or_default();
            let path = path.trim_end_matches('/').to_owned();
            if !self.paths.contains(&path) {
                self.paths.push(path);
            }
        }
    }
}

/// An address with each value that its variables may have; one whose values are not listed stays, and
/// stands for any.
fn with_variables(url: &str, variables: Option<&Value>) -> Vec<String> {
    let mut urls = vec![url.to_owned()];
    for (name, variable) in variables.and_then(Value::as_object).into_iter().flatten() {
        let values = variable.get("enum").and_then(Value::as_array);
        let values: Vec<&str> = values
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let place = format!("{{{name}}}");
        if values.is_empty() || !url.contains(&place) {
            continue;
        }
        // One more than may be says that there are too many.
        urls = urls
            .iter()
            .flat_map(|url| values.iter().map(|value| url.replace(&place, value)))
            .take(MAX_SERVERS.saturating_add(1))
            .collect();
    }
    urls
}

/// `None`: it is of another form.
fn alternatives(list: &Value) -> Option<Alternatives<'_>> {
    list.as_array()?.iter().map(together).collect()
}

fn together(schemes: &Value) -> Option<Vec<(&str, Vec<&str>)>> {
    let schemes = schemes.as_object()?.iter();
    schemes
        .map(|(name, list)| {
            let scopes = list.as_array()?.iter().map(Value::as_str);
            Some((name.as_str(), scopes.collect::<Option<_>>()?))
        })
        .collect()
}

/// Schemas that build on another one by `allOf`, by the reference to that one.
fn subtypes(root: &Value) -> BTreeMap<String, Vec<(String, &Value)>> {
    let mut subtypes: BTreeMap<String, Vec<(String, &Value)>> = BTreeMap::new();
    let components = root.get("components");
    let schemas = components.and_then(|components| components.get("schemas"));
    for (name, schema) in schemas.and_then(Value::as_object).into_iter().flatten() {
        let parts = schema.get("allOf").and_then(Value::as_array);
        for part in parts.into_iter().flatten() {
            if let Some(reference) = part.get("$ref").and_then(Value::as_str) {
                let of_this = subtypes.entry(reference.to_owned()).or_default();
                of_this.push((format!("#/components/schemas/{name}"), schema));
            }
        }
    }
    subtypes
}

/// What a value is, or its `$ref` within the document leads to. `None`: out of it, to nowhere, or in a circle.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> Option<&'d Value> {
    let mut value = value;
    for _ in 0..MAX_REFERENCES {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return Some(value);
        };
        let pointer = reference.strip_prefix('#')?;
        let found = document.pointer(pointer);
        // Names in braces are often written with the escapes of addresses.
        value = match found {
            Some(found) => found,
            None => document.pointer(&percent_decode_str(pointer).decode_utf8_lossy())?,
        };
    }
    None
}

static ANYTHING: Value = Value::Bool(true);
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
pub(super) const MAX_OPERATIONS: usize = 50_000;
const MAX_SERVERS: usize = 16;
const MAX_REFERENCES: usize = 16;
