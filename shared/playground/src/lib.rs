//! What the page asks: each question is a JSON object of texts, as the fields of the page have them, and
//! each response a JSON object. Members that are missing count as empty.
//!
//! Everything is decided by `inspect`, which the `meshward` command prints too.

mod examples;

use std::time::Duration;

use inspect::body;
use inspect::check::{self, Source, configured};
use inspect::explain::{Profile, Question, Unexplained, explain as explanation};
use inspect::token;
use jwt_auth::token::{KnownHeaders, Token};
use pii_redactor::config::Config as RedactorConfig;
use policy::config::Configuration as _;
use policy::filters::{JWT_AUTH, PII_REDACTOR};
use policy::json::Json;
use policy::timestamp::parse_timestamp;
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

/// The examples to begin with: the fields of the page with what they hold.
#[wasm_bindgen]
#[must_use]
pub fn examples() -> String {
    examples::all().to_string()
}

/// Checks `configuration`, of `filter` or of whichever it is plainly: `findings`.
#[wasm_bindgen]
#[must_use]
pub fn check(question: &str) -> String {
    let question = Fields::read(question);
    let source = Source {
        name: "configuration".to_owned(),
        text: question.text("configuration").to_owned(),
        is_named: true,
    };
    let now_s = i64::try_from(question.now().as_secs()).unwrap_or(i64::MAX);
    let found = check::check(&source, question.filter(), Profile::Envoy, now_s).findings;
    let findings = found.iter().map(|finding| {
        let mut told = of(&finding.json());
        inspect::set(&mut told, "about", finding.code.about);
        // In what a text field of a page counts: UTF-16.
        let units = |at: usize| {
            let before = source.text.get(..at).unwrap_or_default();
            before.encode_utf16().count()
        };
        if let Some(span) = &finding.span {
            let units = [units(span.start), units(span.end)];
            inspect::set(&mut told, "span", units.map(Value::from).to_vec());
        }
        told
    });
    json!({ "findings": findings.collect::<Vec<Value>>() }).to_string()
}

/// What the filters of `configuration` do with a `request` and why: `chapters` for people, `document` for
/// programs, or `error` and which field it is about.
#[wasm_bindgen]
#[must_use]
pub fn explain(question: &str) -> String {
    let fields = Fields::read(question);
    match explained(&fields) {
        Ok(told) => told,
        Err((field, message)) => json!({ "field": field, "error": message }),
    }
    .to_string()
}

fn explained(fields: &Fields) -> Result<Value, (&'static str, String)> {
    let lines = |name: &str| -> Vec<String> {
        let lines = fields.text(name).lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    };
    let bytes = |name: &str| fields.some(name).map(|text| text.as_bytes().to_vec());
    let mut question = Question {
        configuration: fields.text("configuration").to_owned(),
        filter: fields.filter().map(str::to_owned),
        request: fields.text("request").to_owned(),
        headers: lines("header"),
        request_body: bytes("request-body"),
        claims: bytes("claims"),
        jwks: bytes("jwks"),
        route: fields.some("route").map(str::to_owned),
        tls: fields.parsed("tls", "1.0, 1.1, 1.2 or 1.3", |text| text.parse().ok())?,
        certificate: lines("certificate"),
        response: fields.some("response").map(str::to_owned),
        response_headers: lines("response-header"),
        body: bytes("body"),
        env: lines("env"),
        at: fields.now(),
        ..Question::default()
    };
    let client = "an address, such as 203.0.113.7";
    if let Some(client) = fields.parsed("client", client, |text| text.parse().ok())? {
        question.client = client;
    }
    let number = |text: &str| {
        let number = text.parse().ok();
        number.filter(|times| (1..=MOST).contains(times))
    };
    let times = format!("a number from 1 to {MOST}");
    if let Some(times) = fields.parsed("times", &times, number)? {
        question.times = times;
    }
    let time = |text: &str| u64::try_from(parse_timestamp(text).ok()?).ok();
    if let Some(at) = fields.parsed("at", "a time, such as 2026-06-01T00:00:00Z", time)? {
        question.at = Duration::from_secs(at);
    }
    let profile = |text: &str| {
        let mut all = Profile::ALL.into_iter();
        all.find(|profile| profile.name() == text)
    };
    if let Some(profile) = fields.parsed("host", "envoy, apisix or kong", profile)? {
        question.profile = Some(profile);
    }
    let told = explanation(&question).map_err(|why| match why {
        Unexplained::Refused(problems) => ("config", problems.to_string()),
        Unexplained::Mistaken(field, message) => (field, message),
        Unexplained::Failed(message) => ("", message),
    })?;
    let chapters = told.chapters(|text, _| text.to_owned()).into_iter();
    let chapters =
        chapters.map(|chapter| json!({ "title": chapter.title, "lines": chapter.lines }));
    Ok(json!({
        "title": told.title(),
        "chapters": chapters.collect::<Vec<Value>>(),
        "document": told.json(),
    }))
}

/// What pii-redactor makes of a `body` of a `content-type`, by all rules: `body`, `findings`, `remarks`.
#[wasm_bindgen]
#[must_use]
pub fn redact(question: &str) -> String {
    let fields = Fields::read(question);
    match redacted(&fields) {
        Ok(told) => told,
        Err(message) => json!({ "error": message }),
    }
    .to_string()
}

fn redacted(fields: &Fields) -> Result<Value, String> {
    let text = fields.part(PII_REDACTOR)?;
    let config = RedactorConfig::parse(&text).map_err(|problems| problems.to_string())?;
    let content_type = fields.some("content-type").unwrap_or("application/json");
    let redacted = body::redacted(&config, content_type, fields.text("body").as_bytes())?;
    Ok(json!({
        "body": String::from_utf8_lossy(&redacted.body),
        "findings": redacted.findings.iter().map(of).collect::<Vec<Value>>(),
        "remarks": redacted.remarks,
    }))
}

/// What jwt-auth says of a `token`: `header`, `claims`, and `providers` with what each says.
#[wasm_bindgen]
#[must_use]
pub fn judge(question: &str) -> String {
    let fields = Fields::read(question);
    match judged(&fields) {
        Ok(told) => told,
        Err(message) => json!({ "error": message }),
    }
    .to_string()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times of this millennium are exact"
)]
fn judged(fields: &Fields) -> Result<Value, String> {
    let text = token::bare(fields.text("token"));
    if text.is_empty() {
        return Err("there is no token".to_owned());
    }
    let token = Token::parse(text, &KnownHeaders::default())
        .map_err(|reason| format!("{}: {}", reason.code(), token::malformed(reason)))?;
    let now_s = fields.now().as_secs() as f64;
    let jwks = fields.some("jwks").map(|text| Json::parse(text.as_bytes()));
    let jwks = jwks.transpose().map_err(|error| format!("keys: {error}"))?;
    let verdicts = match fields.some("configuration") {
        None => Vec::new(),
        Some(_) => {
            let text = fields.part(JWT_AUTH)?;
            token::verdicts(&text, None, jwks.as_ref(), &token, now_s)?
        }
    };
    Ok(of(&token::json(&token, &verdicts)))
}

/// More requests than this in a row take too long for a page.
const MOST: u32 = 1_000;

/// A question.
struct Fields(Value);

impl Fields {
    fn read(question: &str) -> Self {
        Self(serde_json::from_str(question).unwrap_or_default())
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// What a field holds, where it holds anything.
    fn some(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.trim().is_empty())
    }

    /// What a field holds, where it holds anything; or that something else was expected in it.
    fn parsed<T>(
        &self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, (&'static str, String)> {
        let Some(text) = self.some(name).map(str::trim) else {
            return Ok(None);
        };
        let wrong = || (name, format!("{text:?}: expected {expected}"));
        parse(text).map(Some).ok_or_else(wrong)
    }

    fn filter(&self) -> Option<&str> {
        self.some("filter")
    }

    /// When the question is asked, since 1970.
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.get("now").and_then(Value::as_u64).unwrap_or(0))
    }

    /// The configuration of one filter, alone or as a part.
    fn part(&self, filter: &'static str) -> Result<String, String> {
        configured::part(self.text("configuration"), self.filter(), filter)
    }
}

fn of(json: &Json) -> Value {
    serde_json::from_str(&json.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
