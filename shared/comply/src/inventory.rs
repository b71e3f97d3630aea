//! What passed the gateway, beside what is documented: operations that are seen, undocumented, unused or
//! deprecated, with authentication, classes of data and callers; and a draft of a record of
//! processing. Only records count for which a known key vouches.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;

use crate::evidence::Period;
use crate::openapi::Operations;
use trail::chains::Trail;
use trail::item::Item;
use trail::pipeline::{HeldBack, Observer};
use trail::scan::Fields;

/// What is known of the requests for an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The number of requests.
    pub requests: u64,
    /// How many of them succeeded.
    pub succeeded: u64,
    /// Those for which nobody was authenticated and that went well.
    pub unauthenticated: u64,
    /// When the last was, milliseconds since 1970.
    pub last_ms: u64,
    /// The methods by which callers were authenticated.
    pub authentication: BTreeSet<String>,
    /// Who called, as the trail names them.
    pub callers: BTreeSet<String>,
    /// Whether there were more callers than are listed.
    pub more_callers: bool,
    /// Classes of data with how they were handled: `EMAIL masked`.
    pub classes: BTreeSet<String>,
    /// Who got classified data in responses, seen or masked: not all who called did.
    pub recipients: BTreeSet<String>,
    /// Whether there were more of them than are listed.
    pub more_recipients: bool,
    /// Purposes that people had agreed to.
    pub purposes: BTreeSet<String>,
    /// Retention classes of the records.
    pub retention: BTreeSet<String>,
}

/// An operation of the documents or of the trail.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The operation: `GET /patients/{id}`.
    pub operation: String,
    /// What the document calls it.
    pub id: Option<String>,
    /// What is known of the requests.
    #[serde(flatten)]
    pub seen: Seen,
}

/// An inventory of the operations of an API.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Inventory {
    /// Operations that are documented and were seen.
    pub documented: Vec<Row>,
    /// Seen, and not documented: the upstream answered.
    pub undocumented: Vec<Row>,
    /// Operations that are documented and were not seen.
    pub unused: Vec<Row>,
    /// Documented as deprecated, and still called.
    pub deprecated: Vec<String>,
    /// Documented with authentication, and answered without.
    pub open: Vec<String>,
    /// Requests for what is neither documented nor seen, and was refused or not found.
    pub not_found: u64,
    /// Requests whose path is not in the record, and whose operation is no template: for what, nobody can tell.
    pub pathless: u64,
    /// Undocumented operations that were too many to be named.
    pub more_undocumented: u64,
    /// Requests in records for which no known key vouches.
    pub not_counted: u64,
    /// What was left out of the document.
    pub remarks: Vec<String>,
}

/// Looks at the records of requests.
#[derive(Debug)]
pub struct Survey<'o> {
    operations: &'o Operations,
    period: Period,
    has_keys: bool,
    documented: HashMap<usize, Seen>,
    undocumented: BTreeMap<String, Seen>,
    more_undocumented: u64,
    not_found: u64,
    /// Refused or not found, by what they were for.
    refused: BTreeMap<String, Seen>,
    pathless: u64,
    held: HeldBack<Request>,
}

/// What is looked at of a request.
#[derive(Debug)]
struct Request {
    time_ms: u64,
    method: String,
    /// The path, or the template that stands for it; a route's name is neither.
    path: Option<String>,
    host: String,
    status: u64,
    is_denied: bool,
    authentication: Option<String>,
    caller: Option<String>,
    classes: Vec<String>,
    /// Its response had classified data, of which something came through.
    is_disclosure: bool,
    purposes: Vec<String>,
    retention: String,
}

impl<'o> Survey<'o> {
    /// Starts a survey that compares a trail with these operations.
    #[must_use]
    pub fn new(operations: &'o Operations, period: Period, has_keys: bool) -> Self {
        Self {
            operations,
            period,
            has_keys,
            documented: HashMap::new(),
            undocumented: BTreeMap::new(),
            more_undocumented: 0,
            not_found: 0,
            refused: BTreeMap::new(),
            pathless: 0,
            held: HeldBack::default(),
        }
    }

    fn count(&mut self, request: &Request) {
        let path = request.path.as_deref();
        let operations = self.operations;
        let known = path.and_then(|path| operations.find(&request.method, path));
        let operation = known.and_then(|number| Some((number, operations.all.get(number)?)));
        if let Some((number, operation)) = operation
            && operation.is_at(&request.host)
        {
            self.documented.entry(number).or_default().add(request);
            return;
        }
        let Some(path) = &request.path else {
            self.pathless += 1;
            return;
        };
        let name = match operation {
            // What one host has by the document, another may have without one.
            Some((_, operation)) => {
                format!(
                    "{} {} at {}",
                    request.method, operation.template, request.host
                )
            }
            None => format!("{} {}", request.method, shape(path)),
        };
        if request.is_denied || matches!(request.status, 0 | 404 | 405 | 410 | 501) {
            // Whether it is there at all, others may tell that went through.
            let has_room = self.refused.len() < MAX_UNDOCUMENTED;
            if has_room || self.refused.contains_key(&name) {
                self.refused.entry(name).or_default().add(request);
            } else {
                self.not_found += 1;
            }
            return;
        }
        let has_room = self.undocumented.len() < MAX_UNDOCUMENTED;
        if has_room || self.undocumented.contains_key(&name) {
            self.undocumented.entry(name).or_default().add(request);
        } else {
            self.more_undocumented += 1;
        }
    }

    /// Puts together what several threads have seen.
    #[must_use]
    pub fn inventory(operations: &Operations, all: Vec<Self>) -> Inventory {
        let mut inventory = Inventory {
            remarks: operations.remarks.clone(),
            ..Inventory::default()
        };
        let mut documented: BTreeMap<usize, Seen> = BTreeMap::new();
        let mut undocumented: BTreeMap<String, Seen> = BTreeMap::new();
        let mut refused: BTreeMap<String, Seen> = BTreeMap::new();
        for survey in all {
            for (number, seen) in survey.documented {
                documented.entry(number).or_default().merge(seen);
            }
            for (name, seen) in survey.undocumented {
                undocumented.entry(name).or_default().merge(seen);
            }
            for (name, seen) in survey.refused {
                refused.entry(name).or_default().merge(seen);
            }
            inventory.not_found += survey.not_found;
            inventory.pathless += survey.pathless;
            inventory.more_undocumented += survey.more_undocumented;
            inventory.not_counted += survey.held.len() as u64;
        }
        for (name, seen) in refused {
            match undocumented.get_mut(&name) {
                Some(known) => known.merge(seen),
                None => inventory.not_found += seen.requests,
            }
        }
        for (number, operation) in operations.all.iter().enumerate() {
            let name = format!("{} {}", operation.method, operation.template);
            let seen = documented.remove(&number);
            if let Some(seen) = &seen {
                if operation.is_deprecated {
                    inventory.deprecated.push(name.clone());
                }
                if operation.needs_authentication && seen.unauthenticated > 0 {
                    inventory.open.push(name.clone());
                }
            }
            let rows = match seen {
                Some(_) => &mut inventory.documented,
                None => &mut inventory.unused,
            };
            rows.push(Row {
                operation: name,
                id: operation.id.clone(),
                seen: seen.unwrap_or_default(),
            });
        }
        inventory.undocumented = undocumented
            .into_iter()
            .map(|(operation, seen)| Row {
                operation,
                id: None,
                seen,
            })
            .collect();
        let by_requests = |row: &Row| std::cmp::Reverse(row.seen.requests);
        inventory.undocumented.sort_by_key(by_requests);
        inventory.documented.sort_by_key(by_requests);
        inventory
    }

    fn request(&self, item: &Item, text: &str) -> Option<Request> {
        if item.control.is_some() || !self.period.has(item.time_ms) {
            return None;
        }
        let record: Value = serde_json::from_str(text).ok()?;
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
        if text("/unmapped/stage") == Some("received") {
            return None;
        }
        let operation = text("/api/operation").unwrap_or_default();
        let path = text("/http_request/url/path");
        // Where the path was erased or is not recorded, the template of the rule may tell.
        let template = operation.split_once(' ').map(|(_, template)| template);
        let path = path
            .filter(|path| !matches!(*path, "/erased" | "/{path}"))
            .or(template.filter(|template| template.starts_with('/')));
        let method = text("/http_request/http_method").filter(|method| *method != "OTHER");
        let names = |pointer: &str| -> Vec<String> {
            let list = record.pointer(pointer).and_then(Value::as_array);
            let names = list.into_iter().flatten().filter_map(Value::as_str);
            names.map(str::to_owned).collect()
        };
        let findings = record
            .pointer("/unmapped/findings")
            .and_then(Value::as_array);
        let classes = findings.into_iter().flatten().filter_map(|finding| {
            let word = |name: &str| finding.get(name)?.as_str();
            Some(format!("{} {}", word("kind")?, word("outcome")?))
        });
        let mut handled = findings.into_iter().flatten();
        let is_disclosure = handled.any(|finding| {
            let word = finding.get("outcome").and_then(Value::as_str);
            matches!(word, Some("seen" | "masked"))
        });
        let caller = text("/actor/app_uid").or_else(|| text("/actor/user/uid"));
        Some(Request {
            time_ms: item.time_ms,
            method: method.or_else(|| text("/unmapped/http_method"))?.to_owned(),
            path: path.map(str::to_owned),
            host: text("/http_request/url/hostname")
                .unwrap_or_default()
                .to_owned(),
            status: record
                .pointer("/http_response/code")
                .and_then(Value::as_u64)
                .unwrap_or(0),
            is_denied: record.get("action_id").and_then(Value::as_u64) == Some(2),
            authentication: text("/unmapped/authentication").map(str::to_owned),
            caller: caller.map(str::to_owned),
            classes: classes.collect(),
            is_disclosure,
            purposes: names("/unmapped/consent/purposes"),
            retention: text("/unmapped/retention/class")
                .unwrap_or_default()
                .to_owned(),
        })
    }
}

/// A path with what differs from request to request left open: numbers, hashes, ids.
fn shape(path: &str) -> String {
    let mut shape = String::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let is_id = segment.bytes().any(|b| b.is_ascii_digit()) && segment.len() > 2
            || segment.bytes().all(|b| b.is_ascii_digit())
            || segment.len() > 40
            || segment.contains(['@', '%']);
        shape.push('/');
        shape.push_str(if is_id { "{id}" } else { segment });
    }
    if shape.is_empty() {
        "/".to_owned()
    } else {
        shape
    }
}

impl Seen {
    fn add(&mut self, request: &Request) {
        self.requests += 1;
        let went_well = (100..400).contains(&request.status) && !request.is_denied;
        self.succeeded += u64::from(went_well);
        self.unauthenticated += u64::from(went_well && request.authentication.is_none());
        self.last_ms = self.last_ms.max(request.time_ms);
        let authentication = request.authentication.as_deref().unwrap_or("none");
        self.authentication.insert(authentication.to_owned());
        if let Some(caller) = &request.caller {
            self.more_callers |= !name(&mut self.callers, caller);
            if request.is_disclosure {
                self.more_recipients |= !name(&mut self.recipients, caller);
            }
        }
        for (set, names) in [
            (&mut self.classes, &request.classes),
            (&mut self.purposes, &request.purposes),
            (&mut self.retention, &vec![request.retention.clone()]),
        ] {
            for name in names {
                if set.len() < MAX_NAMES && !set.contains(name) {
                    set.insert(name.clone());
                }
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.succeeded += other.succeeded;
        self.unauthenticated += other.unauthenticated;
        self.last_ms = self.last_ms.max(other.last_ms);
        self.more_callers |= other.more_callers;
        self.more_recipients |= other.more_recipients;
        for caller in &other.callers {
            self.more_callers |= !name(&mut self.callers, caller);
        }
        for caller in &other.recipients {
            self.more_recipients |= !name(&mut self.recipients, caller);
        }
        self.authentication.extend(other.authentication);
        self.classes.extend(other.classes);
        self.purposes.extend(other.purposes);
        self.retention.extend(other.retention);
    }
}

/// Adds a name where there is room; whether it is there now.
fn name(names: &mut BTreeSet<String>, new: &str) -> bool {
    if names.contains(new) {
        return true;
    }
    let has_room = names.len() < MAX_NAMES;
    if has_room {
        names.insert(new.to_owned());
    }
    has_room
}

impl Observer for Survey<'_> {
    const WANTS_VOUCHED: bool = true;

    fn observe(&mut self, item: &Item, text: &str, _: Option<&Fields>) {
        if let Some(request) = self.request(item, text) {
            self.held.add(item, request);
        }
    }

    fn observe_vouched(&mut self, item: &Item, text: &str, _: Option<&Fields>) {
        match self.request(item, text) {
            Some(request) if self.has_keys => self.count(&request),
            Some(request) => self.held.add(item, request),
            None => {}
        }
    }

    fn held_back(&self) -> usize {
        self.held.len()
    }

    fn settle(&mut self, trail: &Trail) {
        if self.has_keys {
            let vouched = self.held.take_vouched(trail);
            vouched.iter().for_each(|request| self.count(request));
        }
    }
}

const MAX_UNDOCUMENTED: usize = 5_000;
/// The most names that are kept for one operation.
const MAX_NAMES: usize = 1_000;
