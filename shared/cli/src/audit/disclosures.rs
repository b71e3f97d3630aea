//! `meshward audit disclosures`: who got to see what about a person.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::common::{Demands, Input, Result, TimeRange};
use super::format::thousands;
use super::subject_args::Pseudonyms;
use crate::output::text;
use trail::item::{ChainUid, Item};
use trail::pipeline::Observer;
use trail::scan::Fields;
use trail::subject::Subject;
use trail::time;
use trail::verdict::conclude;

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,

    /// Whom the data is about, as the messages name them
    #[arg(long, value_name = "ID")]
    data_subject: String,

    #[command(flatten)]
    pseudonyms: Pseudonyms,

    #[command(flatten)]
    times: TimeRange,

    /// In what form
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    demands: Demands,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// A line for each request
    Text,
    /// A row for each request
    Csv,
    /// An array of objects
    Json,
    /// A FHIR R4 Bundle of `AuditEvent`s, as IHE Basic Audit Log Patterns has them
    Fhir,
}

/// One request that was about the person.
struct Disclosure {
    chain: ChainUid,
    sequence: u64,
    time_ms: u64,
    record: Value,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let input = &arguments.input;
    let keyring = input.keyring()?;
    let now_ms = input.now_ms()?;
    let (from_ms, to_ms) = arguments.times.span()?;
    let (from_ms, to_ms) = (from_ms.unwrap_or(0), to_ms.unwrap_or(u64::MAX));
    let person = arguments.pseudonyms.data_subject(&arguments.data_subject)?;
    let (trail, found) = input.read(&keyring, || Found {
        person: &person,
        times: (from_ms, to_ms),
        disclosures: Vec::new(),
        crowded: 0,
    })?;
    let crowded: u64 = found.iter().map(|found| found.crowded).sum();
    let mut disclosures: Vec<Disclosure> = found
        .into_iter()
        .flat_map(|found| found.disclosures)
        .collect();
    let all = disclosures.len();
    disclosures.retain(|one| trail.is_vouched(&one.chain, one.sequence));
    let unvouched = all.saturating_sub(disclosures.len());
    disclosures.sort_by_key(|one| (one.time_ms, one.chain, one.sequence));
    let verdict = conclude(trail, &arguments.demands.question(now_ms));
    text(match arguments.format {
        Format::Text => lines(&disclosures),
        Format::Csv => rows(&disclosures),
        Format::Json => pretty(&disclosures.iter().map(plain).collect())?,
        Format::Fhir => pretty(&bundle(&disclosures))?,
    });
    eprintln!(
        "{} requests were about this person. {}",
        thousands(disclosures.len() as u64),
        verdict.sentence
    );
    if unvouched > 0 {
        eprintln!(
            "Not counted: {} records for which no signature of a given key vouches",
            thousands(unvouched as u64)
        );
    }
    if crowded > 0 {
        eprintln!(
            "{} records do not name everybody they are about; the person may be among those",
            thousands(crowded)
        );
    }
    Ok(u8::from(verdict.exit_code == 1))
}

struct Found<'s> {
    person: &'s Subject,
    times: (u64, u64),
    disclosures: Vec<Disclosure>,
    /// Records of others that leave somebody out.
    crowded: u64,
}

impl Observer for Found<'_> {
    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        let Some(fields) = fields else { return };
        let (from_ms, to_ms) = self.times;
        if item.time_ms < from_ms || item.time_ms >= to_ms {
            return;
        }
        if self.person.is_in(text, fields) {
            let record = serde_json::from_str(text).unwrap_or_default();
            self.disclosures.push(Disclosure {
                chain: item.chain,
                sequence: item.sequence,
                time_ms: item.time_ms,
                record,
            });
        } else if let Some(people) = fields.data_subject.of(text)
            && (people.contains("\"omitted\":") || people.contains("\"incomplete\":true"))
        {
            self.crowded = self.crowded.saturating_add(1);
        }
    }
}

impl Disclosure {
    fn text(&self, pointer: &str) -> &str {
        let value = self.record.pointer(pointer);
        value.and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, pointer: &str) -> u64 {
        let value = self.record.pointer(pointer);
        value.and_then(Value::as_u64).unwrap_or_default()
    }

    fn recipient(&self) -> &str {
        match self.text("/actor/user/uid") {
            "" => self.text("/actor/user/name"),
            uid => uid,
        }
    }

    /// `completed`, `refused` or `failed`.
    fn outcome(&self) -> &'static str {
        match (self.number("/action_id"), self.number("/status_id")) {
            (2, _) => "refused",
            (_, 2) => "failed",
            _ => "completed",
        }
    }

    /// Each class of data, and how it was disclosed.
    fn classes(&self) -> Vec<(&str, &str)> {
        let classes = self.record.pointer("/unmapped/data_subject/disclosed");
        let classes = classes.and_then(Value::as_array);
        let mut read = Vec::new();
        for one in classes.into_iter().flatten() {
            let class = one.get("class").and_then(Value::as_str);
            let form = one.get("form").and_then(Value::as_str);
            if let (Some(class), Some(form)) = (class, form.and_then(known_form)) {
                read.push((class, form));
            }
        }
        read
    }

    fn data(&self) -> String {
        let classes = self.classes().into_iter();
        let classes: Vec<String> = classes
            .map(|(class, form)| format!("{class}={form}"))
            .collect();
        classes.join(" ")
    }

    fn purposes(&self) -> Vec<&str> {
        let purposes = self.record.pointer("/unmapped/consent/purposes");
        let purposes = purposes.and_then(Value::as_array);
        purposes
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }
}

fn known_form(word: &str) -> Option<&'static str> {
    let known = ["clear", "masked", "removed", "blocked"];
    known.into_iter().find(|form| *form == word)
}

fn lines(disclosures: &[Disclosure]) -> String {
    let mut page = String::new();
    for one in disclosures {
        let data = one.data();
        let data = if data.is_empty() { "-" } else { &data };
        let _ = writeln!(
            page,
            "{}  {}  {}  {}  {data}",
            time::format(one.time_ms),
            one.recipient(),
            one.text("/api/operation"),
            one.outcome()
        );
    }
    page
}

fn rows(disclosures: &[Disclosure]) -> String {
    let mut page =
        "time,recipient,application,operation,outcome,data,purposes,record\r\n".to_owned();
    for one in disclosures {
        let cells = [
            time::format(one.time_ms),
            one.recipient().to_owned(),
            one.text("/actor/app_uid").to_owned(),
            one.text("/api/operation").to_owned(),
            one.outcome().to_owned(),
            one.data(),
            one.purposes().join(" "),
            one.text("/metadata/uid").to_owned(),
        ];
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        let _ = write!(page, "{}\r\n", cells.join(","));
    }
    page
}

/// A cell (RFC 4180), which no spreadsheet takes for a formula.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

fn plain(one: &Disclosure) -> Value {
    let classes: Vec<Value> = one
        .classes()
        .into_iter()
        .map(|(class, form)| json!({ "class": class, "form": form }))
        .collect();
    json!({
        "time": time::format(one.time_ms),
        "recipient": one.recipient(),
        "application": one.text("/actor/app_uid"),
        "operation": one.text("/api/operation"),
        "outcome": one.outcome(),
        "disclosed": classes,
        "purposes": one.purposes(),
        "record": one.text("/metadata/uid"),
    })
}

fn bundle(disclosures: &[Disclosure]) -> Value {
    let entries: Vec<Value> = disclosures
        .iter()
        .map(|one| json!({ "resource": audit_event(one) }))
        .collect();
    json!({ "resourceType": "Bundle", "type": "collection", "entry": entries })
}

/// FHIR R4 AuditEvent: who (the client that acts and its user), through what, and about whom.
fn audit_event(one: &Disclosure) -> Value {
    let (action, interaction) = match one.number("/activity_id") {
        1 => ("C", "create"),
        3 => ("U", "update"),
        4 => ("D", "delete"),
        _ => ("R", "read"),
    };
    let outcome = if one.outcome() == "completed" {
        "0"
    } else {
        "4"
    };
    let person = one.record.pointer("/unmapped/data_subject/uids/0");
    let details: Vec<Value> = one
        .classes()
        .into_iter()
        .map(|(class, form)| json!({ "type": class, "valueString": form }))
        .collect();
    let mut patient = json!({
        "what": { "identifier": { "value": person } },
        "type": {
            "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "1",
            "display": "Person"
        },
        "role": {
            "system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1",
            "display": "Patient"
        }
    });
    if let (Some(patient), false) = (patient.as_object_mut(), details.is_empty()) {
        patient.insert("detail".to_owned(), Value::Array(details));
    }
    json!({
        "resourceType": "AuditEvent",
        "type": {
            "system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest",
            "display": "RESTful Operation"
        },
        "subtype": [{ "system": "http://hl7.org/fhir/restful-interaction", "code": interaction }],
        "action": action,
        "recorded": time::format(one.time_ms),
        "outcome": outcome,
        "agent": [{
            "who": { "identifier": { "value": one.recipient() } },
            "requestor": true
        }],
        "source": {
            "observer": { "display": "Meshward audit-emitter" },
            "type": [{
                "system": "http://terminology.hl7.org/CodeSystem/security-source-type", "code": "4"
            }]
        },
        "entity": [patient, {
            "what": { "identifier": { "value": one.text("/metadata/uid") } },
            "role": {
                "system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "20",
                "display": "Job"
            },
            "name": one.text("/api/operation")
        }]
    })
}

fn pretty(json: &Value) -> Result<String> {
    let text = serde_json::to_string_pretty(json);
    Ok(text.map_err(|error| error.to_string())? + "\n")
}

const AFTER_HELP: &str = "\
An accounting of disclosures: every request that audit rules with `data_subject` say was about the person,
who made it, and which classes of data were seen in clear, masked, removed or blocked. People are recorded
by pseudonyms, so --pseudonym-key-env is needed. Exit status: 0 done, 1 done, and the trail fails
verification, 2 not possible, 64 wrong usage.";
