//! A collector in memory, and what holds for whatever it gets.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use audit::record::Record;
use audit::{Control, Hash};
use audit_emitter::AuditEmitter;
use host::fake::{AnyCall, CallResponse, PendingCall, Profile, Proxy, Request, Response};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use policy::json::Json;
use prost::Message as _;
use serde_json::json;

pub(crate) const COLLECTOR: &str = r#"{"sink":{"otlp_http":{"cluster":"collector"}},
    "queue":{"max_bytes":"64KiB","max_records":20,"on_full":"ON_FULL"},
    "rules":[{"match":{"paths":["/healthz"]},"level":"none"},
             {"match":{"paths":["/patients/**"]},"level":"full","retention":{"class":"hipaa","keep":"6y"}}]}"#;

pub(crate) fn configured(profile: Profile, on_full: &str) -> Proxy {
    with_configuration(profile, &COLLECTOR.replace("ON_FULL", on_full))
}

pub(crate) fn with_configuration(profile: Profile, configuration: &str) -> Proxy {
    let mut proxy = Proxy::native::<AuditEmitter>(profile);
    proxy.configure(configuration).unwrap();
    proxy
}

/// A collector that can be down, and what it has got.
#[derive(Clone, Default)]
pub(crate) struct Collector {
    pub(crate) down: Rc<Cell<bool>>,
    /// Takes the call and never answers.
    pub(crate) hangs: Rc<Cell<bool>>,
    pub(crate) status: Rc<Cell<u16>>,
    pub(crate) body: Rc<RefCell<String>>,
    /// Log records of OTLP.
    pub(crate) logs: Rc<RefCell<Vec<Json>>>,
    /// Texts of all records.
    pub(crate) texts: Rc<RefCell<Vec<String>>>,
    /// Idempotency keys.
    pub(crate) keys: Rc<RefCell<Vec<String>>>,
    /// What the witness got.
    pub(crate) testimony: Rc<RefCell<Vec<String>>>,
}

impl Collector {
    pub(crate) fn of(proxy: &mut Proxy) -> Self {
        let collector = Self::default();
        collector.status.set(200);
        collector.body.replace("{}".to_owned());
        collector.serve(proxy);
        collector
    }

    /// Returns the calls of one more worker.
    pub(crate) fn serve(&self, proxy: &mut Proxy) {
        let this = self.clone();
        proxy.respond_to_calls(move |call| this.respond(call));
    }

    fn respond(&self, call: &PendingCall) -> Option<CallResponse> {
        if self.hangs.get() {
            return None;
        }
        if self.down.get() {
            return Some(CallResponse::http(503, "upstream connect error"));
        }
        let AnyCall::Http { body, headers, .. } = &call.call else {
            panic!("not HTTP")
        };
        let header = |name: &str| {
            let found = headers.iter().find(|(n, _)| n == name.as_bytes());
            found.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
        };
        if call.upstream == b"witness" {
            let lines = std::str::from_utf8(body).unwrap().lines();
            self.testimony.borrow_mut().extend(lines.map(str::to_owned));
            return Some(CallResponse::http(204, ""));
        }
        self.keys.borrow_mut().extend(header("idempotency-key"));
        if self.status.get() == 200 {
            match header("content-type").as_deref() {
                Some("application/json") => {
                    let logs = logs_in(body);
                    let text = |log: &Json| {
                        log.at("body.stringValue")
                            .unwrap()
                            .as_str()
                            .unwrap()
                            .to_owned()
                    };
                    self.texts.borrow_mut().extend(logs.iter().map(text));
                    self.logs.borrow_mut().extend(logs);
                }
                Some("application/x-protobuf") => {
                    let logs = protobuf_logs(body);
                    let text = |log: &Json| {
                        let text = log.at("body.stringValue").unwrap();
                        text.as_str().unwrap().to_owned()
                    };
                    self.texts.borrow_mut().extend(logs.iter().map(text));
                    self.logs.borrow_mut().extend(logs);
                }
                Some("application/x-ndjson") => {
                    let lines = std::str::from_utf8(body).unwrap().lines();
                    self.texts.borrow_mut().extend(lines.map(str::to_owned));
                }
                Some("application/cloudevents-batch+json") => {
                    let Json::Array(events) = Json::parse(body).unwrap() else {
                        panic!()
                    };
                    let text = |event: &Json| event.member("data").unwrap().to_string();
                    self.texts.borrow_mut().extend(events.iter().map(text));
                }
                other => panic!("{other:?}"),
            }
        }
        Some(CallResponse::http(
            self.status.get(),
            self.body.borrow().clone(),
        ))
    }

    /// The records of requests, in the order of arrival.
    pub(crate) fn records(&self) -> Vec<Json> {
        requests_in(&self.texts.borrow())
    }

    /// What was said about chains.
    pub(crate) fn controls(&self) -> Vec<Control> {
        let texts = self.texts.borrow();
        let records = texts.iter().map(|text| Record::check_text(text).unwrap());
        records.filter_map(|record| record.control).collect()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        let path = |record: &Json| {
            let path = record.at("http_request.url.path").unwrap();
            path.as_str().unwrap().to_owned()
        };
        self.records().iter().map(path).collect()
    }
}

/// The records of requests among these.
pub(crate) fn requests_in(texts: &[String]) -> Vec<Json> {
    let records = texts
        .iter()
        .map(|text| Json::parse(text.as_bytes()).unwrap());
    records
        .filter(|record| record.member("class_uid") == Some(&Json::from(6003)))
        .collect()
}

/// Every record fits its own hash and the one before, and every number of each chain is there or
/// told of as missing. Returns how many are there twice.
pub(crate) fn assert_whole(texts: &[String]) -> usize {
    let mut chains: BTreeMap<String, BTreeMap<u64, Record>> = BTreeMap::new();
    let mut twice = 0;
    for text in texts {
        let record = Record::check_text(text).unwrap_or_else(|fault| panic!("{fault}: {text}"));
        let chain = chains.entry(record.chain_uid.clone()).or_default();
        if let Some(known) = chain.insert(record.sequence, record.clone()) {
            assert_eq!(known.fingerprint, record.fingerprint);
            twice += 1;
        }
    }
    let mut told_of: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    for record in chains.values().flat_map(BTreeMap::values) {
        if let Some(Control::Gap(lost)) = &record.control {
            let chain_uid = lost.chain_uid.as_ref().unwrap_or(&record.chain_uid);
            let told = told_of.entry(chain_uid.clone()).or_default();
            told.extend(lost.ranges.iter().map(|range| (range.0, range.1)));
        }
    }
    for (uid, chain) in chains {
        let told = told_of.remove(&uid).unwrap_or_default();
        let mut previous = Some((None, Hash::NONE));
        for sequence in 0..=*chain.keys().last().unwrap() {
            let Some(record) = chain.get(&sequence) else {
                let covered = told
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&sequence));
                assert!(covered, "{uid}:{sequence} is missing");
                previous = None;
                continue;
            };
            if let Some((_, fingerprint)) = previous {
                assert_eq!(record.previous, fingerprint, "{uid}:{sequence}");
            }
            previous = Some((Some(sequence), record.fingerprint));
        }
    }
    twice
}

fn items<'j>(json: &'j Json, name: &str) -> &'j [Json] {
    match json.member(name) {
        Some(Json::Array(items)) => items,
        _ => panic!("{name}"),
    }
}

/// The log records of a request, as they are.
fn logs_in(body: &[u8]) -> Vec<Json> {
    let request = Json::parse(body).unwrap();
    let resources = items(&request, "resourceLogs").iter();
    let scopes = resources.flat_map(|resource| items(resource, "scopeLogs"));
    let logs = scopes.flat_map(|scope| items(scope, "logRecords"));
    logs.cloned().collect()
}

/// A request, and the time in which its record is sent.
pub(crate) fn get_and_send(proxy: &mut Proxy, path: &str) {
    get(proxy, path);
    proxy.advance(Duration::from_secs(2));
}

pub(crate) fn get(proxy: &mut Proxy, path: &str) -> u16 {
    let outcome = proxy.run(&Request::get(path), &Response::json("{}"));
    assert_eq!(outcome.trap, None);
    outcome.client().status().unwrap()
}

/// The records in the proxy's log, put together again where they are in parts.
pub(crate) fn logged(proxy: &Proxy) -> Vec<String> {
    let mut records = Vec::new();
    let mut parts = String::new();
    for line in proxy.host().logs() {
        for found in audit::log_line::find(&line.text) {
            let text = found.text.unwrap();
            match found.part {
                None => records.push(text.to_owned()),
                Some(part) => {
                    parts.push_str(text);
                    if part.number == part.count {
                        records.push(std::mem::take(&mut parts));
                    }
                }
            }
        }
    }
    records
}

/// Records of requests in the proxy's log.
pub(crate) fn spilled(proxy: &Proxy) -> usize {
    requests_in(&logged(proxy)).len()
}

pub(crate) fn metric(proxy: &Proxy, name: &str) -> i64 {
    proxy
        .host()
        .metric(&format!("meshward.audit-emitter.{name}"))
}

/// The log records of a request in protobuf, as those of one in JSON: read by the types of the schema.
fn protobuf_logs(body: &[u8]) -> Vec<Json> {
    let request = ExportLogsServiceRequest::decode(body).unwrap();
    let resources = request.resource_logs.into_iter();
    let scopes = resources.flat_map(|resource| resource.scope_logs);
    let hexadecimal = |id: &[u8]| policy::hex::encode(id);
    let log = |log: LogRecord| {
        let value = |value: AnyValue| match value.value.unwrap() {
            Value::StringValue(text) => json!({"stringValue": text}),
            Value::IntValue(number) => json!({"intValue": number.to_string()}),
            other => panic!("{other:?}"),
        };
        let attribute = |attribute: KeyValue| json!({"key": attribute.key, "value": value(attribute.value.unwrap())});
        let attributes: Vec<_> = log.attributes.into_iter().map(attribute).collect();
        let log = json!({
            "timeUnixNano": log.time_unix_nano.to_string(),
            "severityNumber": log.severity_number,
            "eventName": log.event_name,
            "body": value(log.body.unwrap()),
            "attributes": attributes,
            "flags": log.flags,
            "traceId": hexadecimal(&log.trace_id),
            "spanId": hexadecimal(&log.span_id),
        });
        Json::parse(log.to_string().as_bytes()).unwrap()
    };
    scopes
        .flat_map(|scope| scope.log_records)
        .map(log)
        .collect()
}
