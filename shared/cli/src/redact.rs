//! `meshward redact`: the engine of pii-redactor over a file or a stream, for trying rules.

mod choose;
mod fields;
mod findings;
mod list;
mod request;
mod response;
mod stream;

use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use choose::{chosen, tried};
use clap::ValueEnum;
use fields::fields;
use inspect::body;
use pii_redactor::config::{Config, FailurePolicy, Place};
use pii_redactor::pipeline::BodyPipeline;
use policy::config::Configuration as _;
use policy::filters::PII_REDACTOR;
use stream::stream;

use crate::check::configured;
use crate::exit;
use crate::progress::Progress;

/// Redacts FILE, or standard input, to standard output, with the code that the filter runs.
///
/// With --request only those rules act that the filter would apply to that request, for that caller,
/// at that place. Without it every rule is tried, whatever its match, apply_to, unless and when say.
#[derive(Debug, clap::Parser)]
#[command(after_help = "Examples:
  meshward redact --list
  meshward redact -c redact.json body.json
  meshward redact -c redact.json --request 'GET /patients/7' --claims claims.json body.json
  meshward redact -c redact.json --diff --stats body.json
  meshward redact --config=redact.json --explain=json <body.json")]
pub(crate) struct Arguments {
    /// The configuration of pii-redactor, or a manifest with it
    #[arg(long, short, value_name = "FILE", required_unless_present = "list")]
    config: Option<String>,
    /// Only the rules of this name; more than once for several
    #[arg(long = "rule", value_name = "NAME")]
    rules: Vec<String>,
    /// The request that the body belongs to: "GET /patients/7"
    #[arg(long, value_name = "METHOD PATH")]
    request: Option<String>,
    /// A header of the request: "host: api.example.com"; more than once for several
    #[arg(long = "header", value_name = "NAME: VALUE", requires = "request")]
    headers: Vec<String>,
    /// A file with the verified claims of the caller, as JSON
    #[arg(long, value_name = "FILE", requires = "request")]
    claims: Option<String>,
    /// What the input is: response.body, request.query, request.cookies, response.headers, and so on
    #[arg(long, value_name = "PLACE", value_parser = place, default_value = "response.body")]
    place: Place,
    /// The same as --place request.query
    #[arg(long, conflicts_with = "place")]
    query: bool,
    /// The content type of a body; else its name and its first byte say
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// How a body is compressed: gzip or deflate
    #[arg(long, value_name = "CODING")]
    content_encoding: Option<String>,
    /// A header of the response that the body belongs to: "content-type: application/json"; more than once for several
    #[arg(
        long = "response-header",
        alias = "response-headers",
        value_name = "NAME: VALUE"
    )]
    response_headers: Vec<String>,
    /// Show what was found where, and what takes its place, instead of the result
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "diff")]
    explain: Option<Explain>,
    /// The same as --explain=diff
    #[arg(long, conflicts_with = "explain")]
    diff: bool,
    /// Say on standard error how many values of which kind were found, and how they were handled
    #[arg(long)]
    stats: bool,
    /// List the kinds of data
    #[arg(long, exclusive = true)]
    list: bool,
    /// The input; - is standard input
    #[arg(default_value = "-")]
    file: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Explain {
    /// As a difference, for people
    Diff,
    /// One line of JSON for each finding
    Json,
}

impl Arguments {
    /// How findings are shown, where they are shown in place of the result.
    const fn how(&self) -> Option<Explain> {
        match self.explain {
            None if self.diff => Some(Explain::Diff),
            how => how,
        }
    }
}

/// Redacts standard input or a file to standard output.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    if arguments.list {
        list::list();
        return exit::RIGHT;
    }
    redact(arguments).unwrap_or_else(|message| {
        eprintln!("meshward redact: {message}");
        exit::NOT_DONE
    })
}

fn place(word: &str) -> Result<Place, String> {
    let known = Place::ALL.iter().find(|(known, _)| *known == word);
    known.map(|(_, place)| *place).ok_or_else(|| {
        let words: Vec<&str> = Place::ALL.iter().map(|(word, _)| *word).collect();
        format!("expected one of {}", words.join(", "))
    })
}

fn redact(arguments: &Arguments) -> Result<u8, String> {
    let path = arguments.config.as_deref().unwrap_or_default();
    let config = match configuration(&configured::read(path, Some(PII_REDACTOR))?.json) {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems.iter() {
                eprintln!("{path}: {problem}");
            }
            return Ok(exit::FOUND);
        }
    };
    let place = if arguments.query {
        Place::RequestQuery
    } else {
        arguments.place
    };
    let mut input: Box<dyn Read> = if arguments.file == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = std::fs::File::open(&arguments.file);
        Box::new(file.map_err(|error| format!("{} cannot be read: {error}", arguments.file))?)
    };
    let mut first = vec![0; CHUNK_BYTES];
    let length = input.read(&mut first).map_err(|error| error.to_string())?;
    first.truncate(length);
    let is_body = matches!(place, Place::RequestBody | Place::ResponseBody);
    let response = response::head(&arguments.response_headers, place)?;
    let content_type = arguments.content_type.clone().or(response.content_type);
    let content_type = content_type.unwrap_or_else(|| guessed(&arguments.file, &first).to_owned());
    let coding = arguments.content_encoding.clone();
    let coding = coding.or(response.content_encoding).unwrap_or_default();
    let message_type = is_body.then_some(content_type.as_str());
    let request = tried(arguments, &config, message_type)?;
    let uses = chosen(arguments, &config, place, request.as_ref())?;
    let plan = Rc::new(config.plan_of(&uses));
    if !is_body {
        input
            .read_to_end(&mut first)
            .map_err(|error| error.to_string())?;
        return fields(&config, &uses, &plan, (place, &first), arguments);
    }
    let (framing, charset, coding) = body::readable(&config, &plan, (&content_type, &coding))?;
    let limits = config.inflate;
    let mut pipeline =
        BodyPipeline::with_charset(Rc::clone(&plan), &framing, charset, coding, limits);
    let how = arguments.how();
    if how.is_some() {
        pipeline = pipeline.explained();
    }
    if let Some(request) = &request {
        pipeline.watch(place.direction(), request);
    }
    let blocks = config.on_error.budget_exceeded == FailurePolicy::Block
        || plan.minimizes_bodies()
        || plan.judges_owners();
    let progress = Progress::beside_output(Path::new(&arguments.file));
    let streamed = stream(
        &mut pipeline,
        &first,
        &mut input,
        (&plan, how, blocks),
        &progress,
    );
    progress.end();
    let (result, bytes) = streamed?;
    if arguments.stats {
        findings::sums(&plan, pipeline.tally(), bytes);
    }
    if let Err(error) = result {
        return Err(format!("the body cannot be decoded: {}", error.reason()));
    }
    let remarks = body::remarks(&config, &content_type, (&plan, &pipeline))?;
    for remark in body::too_long(&config, &uses, bytes).iter().chain(&remarks) {
        eprintln!("meshward redact: {remark}");
    }
    Ok(exit::RIGHT)
}

/// The configuration; pseudonyms get the key of the environment, where there is one.
fn configuration(text: &str) -> Result<Config, policy::config::Problems> {
    let config = Config::parse(text)?;
    let Some(name) = &config.pseudonym_key_env else {
        return Ok(config);
    };
    match std::env::var(name) {
        Ok(key) if key.len() >= pii_redactor::pseudonym::MIN_KEY_BYTES => {
            Config::parse_with_key(text, key.as_bytes())
        }
        _ => {
            eprintln!(
                "meshward redact: {name} has no key; the pseudonyms are not those of the proxy"
            );
            Ok(config)
        }
    }
}

/// The content type of a file, by its name and its first byte.
fn guessed(file: &str, first: &[u8]) -> &'static str {
    let extension = file.rsplit('.').next().unwrap_or_default();
    match extension {
        "json" => "application/json",
        "ndjson" | "jsonl" => "application/x-ndjson",
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "html" | "htm" => "text/html",
        "xml" => "application/xml",
        "txt" | "log" => "text/plain",
        _ => match first.trim_ascii_start().first() {
            Some(b'{' | b'[') => "application/json",
            _ if first.starts_with(b"data:") || first.starts_with(b"event:") => "text/event-stream",
            _ => "text/plain",
        },
    }
}

const CHUNK_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
