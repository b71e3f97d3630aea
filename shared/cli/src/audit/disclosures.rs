//! `meshward audit disclosures`: who got to see what about a person.

use std::fmt::Write as _;

use audit::Group;
use serde_json::{Value, json};

use super::absent;
use super::common::{Demands, Input, Result, TimeRange};
use super::format::thousands;
use super::logged::{Logged, or_none, pretty, settle_received, tell_unvouched, vouched};
use super::subject_args::Pseudonyms;
use super::unread::{or_not_done, tell_unidentified, tell_unread};
use crate::exit;
use crate::output::text;
use trail::item::Item;
use trail::pipeline::Observer;
use trail::pseudonym_keys::PseudonymKeys;
use trail::report::Filter;
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

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let input = &arguments.input;
    let keyring = input.keyring()?;
    let now_ms = input.now_ms()?;
    let (from_ms, to_ms) = arguments.times.span()?;
    let person = arguments.pseudonyms.data_subject(&arguments.data_subject)?;
    let filter = Filter {
        from_ms,
        to_ms,
        data_subject: Some(person.clone()),
        ..Filter::default()
    };
    let (trail, observers) = input.read(&keyring, || {
        let found = Found {
            person: &person,
            filter: &filter,
            disclosures: Vec::new(),
            crowded: 0,
            erased: 0,
        };
        (found, PseudonymKeys::new(&filter))
    })?;
    let (found, keys): (Vec<Found<'_>>, Vec<_>) = observers.into_iter().unzip();
    let crowded: u64 = found.iter().map(|found| found.crowded).sum();
    let erased: u64 = found.iter().map(|found| found.erased).sum();
    let disclosures = found.into_iter().flat_map(|found| found.disclosures);
    let (disclosures, unvouched) = vouched(&trail, disclosures);
    let (disclosures, open) = settle_received(disclosures);
    let unread = tell_unread(&trail, exit::RIGHT);
    let unread = tell_unidentified(&PseudonymKeys::merged(keys), unread);
    let verdict = conclude(trail, &arguments.demands.question(now_ms));
    text(match arguments.format {
        Format::Text => lines(&disclosures),
        Format::Csv => rows(&disclosures),
        Format::Json => pretty(&disclosures.iter().map(plain).collect())?,
        Format::Fhir => pretty(&bundle(&disclosures, &person))?,
    });
    eprintln!(
        "{} requests were about this person. {}",
        thousands(disclosures.len() as u64),
        verdict.sentence
    );
    tell_unvouched(unvouched);
    if crowded > 0 {
        eprintln!(
            "{} records do not name everybody they are about; the person may be among those",
            thousands(crowded)
        );
    }
    if erased > 0 {
        eprintln!(
            "Whom {} records are about was erased; the person may be among those",
            thousands(erased)
        );
    }
    let absent = absent::notes(&verdict, from_ms);
    for note in &absent {
        eprintln!("{note}; the person may be among them");
    }
    Ok(match verdict.exit_code {
        1 => exit::FOUND,
        _ if erased > 0 || open > 0 || !absent.is_empty() => or_not_done(unread),
        _ => unread,
    })
}

struct Found<'s> {
    person: &'s Subject,
    filter: &'s Filter,
    disclosures: Vec<Logged>,
    /// Records of others that leave somebody out.
    crowded: u64,
    /// Records of which those whom they are about were erased.
    erased: u64,
}

impl Observer for Found<'_> {
    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        let Some(fields) = fields else { return };
        if !self.filter.takes_whoever(item, text, fields) {
            return;
        }
        if self.person.is_in(text, fields) {
            self.disclosures.push(Logged::new(item, text));
        } else if let Some(people) = fields.data_subject.of(text)
            && (people.contains("\"omitted\":") || people.contains("\"incomplete\":true"))
        {
            self.crowded = self.crowded.saturating_add(1);
        } else if item.erased.has(Group::DataSubject) {
            self.erased = self.erased.saturating_add(1);
        }
    }
}

fn lines(disclosures: &[Logged]) -> String {
    let mut page = String::new();
    for one in disclosures {
        let _ = writeln!(
            page,
            "{}  {}  {}  {}  {}",
            time::format(one.time_ms),
            or_none(one.caller()),
            or_none(one.text("/api/operation")),
            one.outcome(),
            or_none(&one.data())
        );
    }
    page
}

fn rows(disclosures: &[Logged]) -> String {
    let mut page =
        "time,recipient,application,operation,outcome,data,purposes,record\r\n".to_owned();
    for one in disclosures {
        let cells = [
            time::format(one.time_ms),
            one.caller().to_owned(),
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
    // Some leave out white space, or take signs of East Asian width for the others.
    const SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let is_formula = cell.trim_start().starts_with(SIGNS);
    let guard = if is_formula || cell.starts_with(char::is_control) {
        "'"
    } else {
        ""
    };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

fn plain(one: &Logged) -> Value {
    let classes: Vec<Value> = one
        .classes()
        .into_iter()
        .map(|(class, form)| json!({ "class": class, "form": form }))
        .collect();
    json!({
        "time": time::format(one.time_ms),
        "recipient": one.caller(),
        "application": one.text("/actor/app_uid"),
        "operation": one.text("/api/operation"),
        "outcome": one.outcome(),
        "disclosed": classes,
        "purposes": one.purposes(),
        "record": one.text("/metadata/uid"),
    })
}

fn bundle(disclosures: &[Logged], person: &Subject) -> Value {
    let entries: Vec<Value> = disclosures
        .iter()
        .map(|one| {
            let id = urn(one.text("/metadata/uid"));
            json!({ "fullUrl": id, "resource": audit_event(one, person) })
        })
        .collect();
    json!({ "resourceType": "Bundle", "type": "collection", "entry": entries })
}

/// An id that is the same for the same record.
fn urn(uid: &str) -> String {
    let hex = audit::Hash::plain(uid.as_bytes()).to_hex();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    let (time, low, high, node) = (part(0, 8), part(8, 12), part(13, 16), part(17, 20));
    // Version 8 of RFC 9562: made in a way of its own.
    format!("urn:uuid:{time}-{low}-8{high}-8{node}-{}", part(20, 32))
}

/// FHIR R4 AuditEvent: who (the client that acts and its user), through what, and about whom.
fn audit_event(one: &Logged, person: &Subject) -> Value {
    let (action, interaction) = match one.number("/activity_id") {
        1 => ("C", "create"),
        3 => ("U", "update"),
        4 => ("D", "delete"),
        _ => ("R", "read"),
    };
    // Of what was only received nobody knows it, and R4 wants none then.
    let outcome = match one.outcome() {
        "completed" => Some("0"),
        "received" => None,
        _ => Some("4"),
    };
    // A record may be about others too, who are none of this person's business.
    let person = person.pseudonym_among(one.people());
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
    // What is read goes from the server to the client, and what is written the other way.
    let roles = [
        ("110153", "Source Role ID"),
        ("110152", "Destination Role ID"),
    ];
    let role = |is_source: bool| {
        let [source, destination] = roles;
        let (code, display) = if is_source { source } else { destination };
        json!({ "coding": [{ "system": "http://dicom.nema.org/resources/ontology/DCM", "code": code, "display": display }] })
    };
    let writes = action != "R";
    let mut event = json!({
        "resourceType": "AuditEvent",
        "type": {
            "system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest",
            "display": "RESTful Operation"
        },
        "subtype": [{ "system": "http://hl7.org/fhir/restful-interaction", "code": interaction }],
        "action": action,
        "recorded": time::format(one.time_ms),
        "agent": [{
            "type": role(writes),
            "who": { "identifier": { "value": one.caller() } },
            "requestor": true
        }, {
            "type": role(!writes),
            "who": { "display": one.text("/api/service/name") },
            "requestor": false
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
    });
    let members = event.as_object_mut();
    match (members, outcome) {
        (Some(members), Some(outcome)) => members.insert("outcome".to_owned(), outcome.into()),
        (Some(members), None) => members.insert("outcomeDesc".to_owned(), NO_OUTCOME.into()),
        (None, _) => None,
    };
    event
}

const NO_OUTCOME: &str = "The request was received; no record says what became of it.";

const AFTER_HELP: &str = "\
Examples:
  meshward audit disclosures --keys emitter.json --data-subject 7 --pseudonym-key-env 2026=MESHWARD_SUBJECT_KEY trail.ndjson
An accounting of disclosures: every request that audit rules with `data_subject` say was about the person,
who made it, and which classes of data were seen in clear, masked, removed or blocked. People are recorded
by pseudonyms, so --pseudonym-key-env is needed. Exit status: 0 done, 1 done, and the trail fails
verification, 2 not possible, or the list may not be all: not all was read, records are missing, were sampled out, purged
or removed, nothing says what became of a request, or whom a record is about was erased, 64 wrong usage.";
