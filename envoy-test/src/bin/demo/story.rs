//! The requests of the demonstration, each of which shows one filter at work.

use envoy_test::Result;
use envoy_test::client::{Client, Protocol, Request, Response};
use envoy_test::envoy::{self, Bootstrap, Envoy, Options};
use envoy_test::peers::otlp::Record;
use envoy_test::peers::{Algorithm, PATIENT, Peers, Token};
use serde_json::Value;

use crate::Chain;
use crate::table::Table;

/// The personal data in what the upstream answers, in the order in which it stands there, and what
/// the configuration makes of it.
const PERSONAL: [(&str, &str, &str); 4] = [
    ("email", "ada@example.com", "[EMAIL]"),
    ("SSN", "536-22-8145", "[US_SSN]"),
    ("card", "4111 1111 1111 1111", "**** **** **** 1111"),
    (
        "email with escapes",
        r"\u0061da\u0040example.com",
        "[EMAIL]",
    ),
];

/// Sends the requests and compares.
pub(crate) fn tell(
    envoy: &Envoy,
    peers: &Peers,
    (chain, options): (Chain, Options),
) -> Result<Table> {
    let mut story = Story::new(envoy.client(Protocol::Http1));
    let reader = Token::of("alice").scope("orders:read");
    let reader = peers.idp.mint(Algorithm::Rs256, &reader)?;
    let doctor = Token::of("drew").scope("patients:read");
    let doctor = peers.idp.mint(Algorithm::Es256, &doctor)?;
    let order = Request::get("/orders/17");
    let search = Request::get("/search").bearer(&reader);

    let response = story.send(&order, "401 anonymous: credential_missing")?;
    let challenge = response
        .header("www-authenticate")
        .split(' ')
        .next()
        .unwrap_or_default();
    let actual = format!("{} {challenge}", response.status);
    story.row("GET /orders/17 without a token", "401 Bearer", actual);

    let response = story.send(&order.clone().bearer(&reader), "200 alice")?;
    story.row(
        "GET /orders/17 with scope orders:read",
        "200",
        response.status.to_string(),
    );

    let response = story.send(&order.bearer(&doctor), "403 drew: scope_missing")?;
    story.row(
        "GET /orders/17 with scope patients:read",
        "403",
        response.status.to_string(),
    );

    for time in ["first", "second"] {
        let response = story.send(&search, "200 alice")?;
        story.row(
            format!("GET /search, the {time} time"),
            "200",
            response.status.to_string(),
        );
    }
    let response = story.send(&search, "429 alice: rate_limited")?;
    story.row(
        "GET /search, the third time",
        "429, retry within 3 s",
        too_many(&response),
    );

    let patient = Request::get("/patients/7").bearer(&doctor);
    let response = story.send(&patient, "200 drew: EMAIL 2, US_SSN 1, CREDIT_CARD 1")?;
    redaction(&mut story, &response);

    let mut table = story.end(&peers.collector.wait_for(story.sent)?);
    bad_configuration(&mut table, (chain, options))?;
    Ok(table)
}

/// The rows so far; those about audit records wait for the records.
struct Story {
    client: Client,
    sent: usize,
    rows: Vec<Row>,
}

enum Row {
    Seen {
        what: String,
        expected: String,
        actual: String,
    },
    Recorded {
        trace_id: String,
        expected: String,
    },
}

impl Story {
    fn new(client: Client) -> Self {
        Self {
            client,
            sent: 0,
            rows: Vec::new(),
        }
    }

    /// Sends a request that can be told from the others in its audit record.
    fn send(&mut self, request: &Request, recorded: &str) -> Result<Response> {
        self.sent = self.sent.saturating_add(1);
        let trace_id = format!("{:032x}", self.sent);
        let trace = format!("00-{trace_id}-00f067aa0ba902b7-01");
        let response = self
            .client
            .send(&request.clone().header("traceparent", trace))?;
        self.rows.push(Row::Recorded {
            trace_id,
            expected: recorded.to_owned(),
        });
        Ok(response)
    }

    fn row(&mut self, what: impl Into<String>, expected: &str, actual: impl Into<String>) {
        let (what, expected, actual) = (what.into(), expected.to_owned(), actual.into());
        self.rows.push(Row::Seen {
            what,
            expected,
            actual,
        });
    }

    fn end(&self, records: &[Record]) -> Table {
        let mut table = Table::default();
        let mut waiting = None;
        for row in &self.rows {
            match row {
                Row::Seen {
                    what,
                    expected,
                    actual,
                } => {
                    table.row(what, expected, actual);
                }
                Row::Recorded { .. } => {
                    audit(&mut table, waiting, records);
                    waiting = Some(row);
                }
            }
        }
        audit(&mut table, waiting, records);
        table
    }
}

/// Compares the audit record of a request, below what was seen of it.
fn audit(table: &mut Table, row: Option<&Row>, records: &[Record]) {
    if let Some(Row::Recorded { trace_id, expected }) = row {
        let path = "/unmapped/trace/trace_id";
        let is_about = |record: &&Record| {
            record.trace_id == *trace_id
                || record.body.pointer(path).is_some_and(|id| id == trace_id)
        };
        let about: Vec<_> = records.iter().filter(is_about).collect();
        let actual = match about[..] {
            [record] => summary(&record.body),
            _ => format!("{} records", about.len()),
        };
        table.row("  its audit record", expected, actual);
    }
}

/// Status, caller, and what was decided or found: `403 drew: scope_missing`.
fn summary(record: &Value) -> String {
    let text = |path: &str| {
        record
            .pointer(path)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let status = record
        .pointer("/http_response/code")
        .map(ToString::to_string);
    let caller = text("/actor/user/uid").or_else(|| text("/actor/user/name"));
    let each = |path: &str| {
        record
            .pointer(path)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let refused = each("/authorizations")
        .filter(|item| {
            item.get("decision")
                .is_some_and(|decision| decision == "denied")
        })
        .filter_map(|item| item.pointer("/policy/desc")?.as_str().map(str::to_owned));
    let found = each("/resources/0/data_classifications").filter_map(|class| {
        let details = class.pointer("/discovery_details/0")?;
        Some(format!(
            "{} {}",
            details.get("type")?.as_str()?,
            details.get("count")?
        ))
    });
    let details: Vec<String> = refused.chain(found).collect();
    let mut summary = format!(
        "{} {}",
        status.unwrap_or_default(),
        caller.unwrap_or_default()
    );
    if !details.is_empty() {
        summary.push_str(": ");
        summary.push_str(&details.join(", "));
    }
    summary
}

fn too_many(response: &Response) -> String {
    match response.header("retry-after").parse::<u64>() {
        Ok(1..=3) => format!("{}, retry within 3 s", response.status),
        _ => format!(
            "{}, Retry-After: {:?}",
            response.status,
            response.header("retry-after")
        ),
    }
}

/// Compares the response with what the upstream sent: other bytes only where the personal data was.
fn redaction(story: &mut Story, response: &Response) {
    let mut pieces = Vec::new();
    let mut rest = PATIENT;
    for (_, value, _) in PERSONAL {
        let (piece, after) = rest.split_once(value).unwrap_or((rest, ""));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);

    let body = response.text();
    let shown = between(&body, &pieces);
    for (position, (name, _, masked)) in PERSONAL.into_iter().enumerate() {
        let shown = shown.as_ref().and_then(|shown| shown.get(position));
        let actual = shown.copied().unwrap_or("not where it was");
        story.row(format!("GET /patients/7, the {name}"), masked, actual);
    }
    let actual = if shown.is_some() {
        "as the upstream sent it"
    } else {
        &body
    };
    story.row(
        "GET /patients/7, every other byte",
        "as the upstream sent it",
        actual,
    );
}

/// What stands between the pieces of a text; `None` if it is not made of them.
fn between<'a>(text: &'a str, pieces: &[&str]) -> Option<Vec<&'a str>> {
    let (first, others) = pieces.split_first()?;
    let mut rest = text.strip_prefix(first)?;
    let mut found = Vec::new();
    for piece in others {
        let (gap, after) = rest.split_once(piece)?;
        found.push(gap);
        rest = after;
    }
    rest.is_empty().then_some(found)
}

/// Lets Envoy check a configuration with a mistake in it.
fn bad_configuration(table: &mut Table, (chain, options): (Chain, Options)) -> Result<()> {
    let mut bootstrap = Bootstrap::shipped()?;
    bootstrap.keep_filters(&["token-bucket"])?;
    let shipped = bootstrap.configuration("token-bucket")?;
    bootstrap.configure("token-bucket", &shipped.replace("100/min", "100/fortnight"))?;
    chain.load(&mut bootstrap)?;
    let verdict = envoy::validate(&bootstrap, options)?;
    let message = r#"limits[0].rate: "100/fortnight": unknown unit"#;
    let actual = match (verdict.accepted, verdict.log.contains(message)) {
        (true, _) => "accepted",
        (false, true) => message,
        (false, false) => "refused without our message",
    };
    table.row("envoy --mode validate, a bad rate", message, actual);
    Ok(())
}
