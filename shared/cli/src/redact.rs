//! `meshward redact`: the engine of pii-redactor over a file or a stream, for trying rules.

mod findings;
mod request;

use std::io::{Read, Write};
use std::rc::Rc;

use clap::ValueEnum;
use inspect::body;
use pii_redactor::config::{Config, FailurePolicy, Place, RuleUse};
use pii_redactor::headers;
use pii_redactor::inflate::InflateError;
use pii_redactor::pairs::{PairsRewriter, Syntax};
use pii_redactor::pipeline::BodyPipeline;
use pii_redactor::plan::Plan;
use pii_redactor::tally::Tally;
use policy::config::Configuration as _;
use request::TriedRequest;

use crate::exit;
use crate::output::{or_end, say};

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
    /// The configuration of pii-redactor
    #[arg(
        long,
        short,
        value_name = "RULES.json",
        required_unless_present = "list"
    )]
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
    #[arg(long, value_name = "CODING", default_value = "")]
    content_encoding: String,
    /// Show what was found where, and what takes its place, instead of the result
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "diff")]
    explain: Option<Explain>,
    /// The same as --explain=diff
    #[arg(long, conflicts_with = "explain")]
    diff: bool,
    /// Say on standard error how many values of which kind were found, and what became of them
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
        list();
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

/// The kinds and the items of the presets as rows of two tables, as the README has them.
fn list() {
    say!("| kind | what it is | category | acts | presets |\n| --- | --- | --- | --- | --- |");
    for detector in &pii_redactor::detect::DETECTORS {
        say!("{}", row(detector));
    }
    say!(
        "\n| preset | item | standard | what | kinds, and what is done with them besides a label |\n| --- | --- | --- | --- | --- |"
    );
    for item in items() {
        say!("{item}");
    }
}

/// A row for each item of each preset.
fn items() -> impl Iterator<Item = String> {
    use pii_redactor::detect::{DETECTORS, PRESETS};
    PRESETS.iter().flat_map(|preset| {
        preset.items.iter().map(|item| {
            let kinds = item.kinds.iter().filter_map(|entity| {
                let name = DETECTORS.get(usize::from(*entity))?.name;
                Some(match preset.treatment(*entity) {
                    Some(treatment) => format!("`{name}` ({})", treatment.as_str()),
                    None => format!("`{name}`"),
                })
            });
            let kinds: Vec<String> = kinds.collect();
            format!(
                "| `{}` | {} | {} | {} | {} |",
                preset.name,
                item.id,
                item.standard,
                item.what,
                kinds.join(" ")
            )
        })
    })
}

fn row(detector: &pii_redactor::detect::Detector) -> String {
    use pii_redactor::detect::{Form, PRESET_WORDS};
    let acts = match detector.form {
        Form::Named | Form::NamedIf(_) => "by name, on the whole value",
        Form::Scanned => "alone",
        Form::Shapes { alone: [], .. } => "with a word",
        Form::Shapes { announced: [], .. } => "alone",
        Form::Shapes { .. } => "alone in its usual form, else with a word",
    };
    let acts = match detector.name {
        "PHONE" => "alone with `+` or as in North America, else with a word",
        _ => acts,
    };
    let presets: Vec<&str> = PRESET_WORDS
        .iter()
        .filter(|(_, bit)| detector.presets & bit != 0)
        .map(|(word, _)| *word)
        .collect();
    format!(
        "| `{}` | {} | {} | {acts} | {} |",
        detector.name,
        detector.about,
        detector.category.as_str(),
        presets.join(" ")
    )
}

fn redact(arguments: &Arguments) -> Result<u8, String> {
    let path = arguments.config.as_deref().unwrap_or_default();
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let config = match configuration(&text) {
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
    let content_type = arguments
        .content_type
        .clone()
        .unwrap_or_else(|| guessed(&arguments.file, &first).to_owned());
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
    let (framing, charset, coding) =
        body::readable(&config, &content_type, &arguments.content_encoding)?;
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
    let (result, bytes) = stream(&mut pipeline, &first, &mut input, (&plan, how, blocks))?;
    if arguments.stats {
        findings::sums(&plan, pipeline.tally(), bytes);
    }
    if let Err(error) = result {
        return Err(format!("the body cannot be decoded: {}", error.reason()));
    }
    for remark in body::remarks(&config, &content_type, &pipeline)? {
        eprintln!("meshward redact: {remark}");
    }
    Ok(exit::RIGHT)
}

/// The request that the message belongs to, if one is given.
fn tried<'a>(
    arguments: &Arguments,
    config: &'a Config,
    content_type: Option<&'a str>,
) -> Result<Option<TriedRequest<'a>>, String> {
    let read = |line: &String| {
        TriedRequest::read(
            line,
            &arguments.headers,
            arguments.claims.as_deref(),
            content_type,
            (&config.sources.consent, config.sources.overrides),
        )
    };
    arguments.request.as_ref().map(read).transpose()
}

/// The rules that act, as the filter chooses them.
fn chosen(
    arguments: &Arguments,
    config: &Config,
    place: Place,
    request: Option<&TriedRequest<'_>>,
) -> Result<Vec<RuleUse>, String> {
    let acting = |index| RuleUse {
        index,
        is_exempt: false,
    };
    let mut uses: Vec<RuleUse> = (0..config.rules.len()).map(acting).collect();
    let name = |used: &RuleUse| config.rules.get(used.index).map(|rule| rule.name.as_str());
    if !arguments.rules.is_empty() {
        uses.retain(|used| {
            name(used).is_some_and(|name| arguments.rules.iter().any(|wanted| wanted == name))
        });
        if uses.is_empty() {
            let names: Vec<&str> = config.rules.iter().map(|rule| rule.name.as_str()).collect();
            return Err(format!("no such rule; there are {}", names.join(", ")));
        }
    }
    let Some(request) = request else {
        return Ok(uses);
    };
    let mut due = config.rules_at(&config.rules_for(request), place);
    if matches!(place, Place::RequestBody | Place::ResponseBody) {
        due = config.rules_of_type(&due, request);
    }
    due.retain(|used| uses.iter().any(|wanted| wanted.index == used.index));
    let names = |is_exempt: bool| -> Vec<&str> {
        let these = due.iter().filter(|used| used.is_exempt == is_exempt);
        these.filter_map(name).collect()
    };
    let acting = names(false);
    if acting.is_empty() {
        eprintln!(
            "meshward redact: no rule acts on this request at {}",
            place.as_str()
        );
    } else {
        eprintln!("meshward redact: rules that act: {}", acting.join(", "));
    }
    let exempt = names(true);
    if !exempt.is_empty() {
        eprintln!(
            "meshward redact: rules that this caller is exempt from: {}",
            exempt.join(", ")
        );
    }
    Ok(due)
}

/// Takes the whole body through, piece by piece.
fn stream(
    pipeline: &mut BodyPipeline,
    first: &[u8],
    input: &mut dyn Read,
    (plan, how, blocks): (&Plan, Option<Explain>, bool),
) -> Result<(Result<(), InflateError>, u64), String> {
    let mut output = std::io::stdout().lock();
    let mut out = Vec::new();
    let mut bytes = 0_u64;
    let mut chunk = first.to_vec();
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let last = chunk.is_empty();
        bytes = bytes.saturating_add(chunk.len() as u64);
        let result = if last {
            pipeline.finish(&mut out)
        } else {
            pipeline.write(&chunk, &mut out)
        };
        if blocks && pipeline.is_over_budget() {
            return Err(
                "searching the body costs more than it may; on_error.budget_exceeded says what becomes \
                 of it"
                    .to_owned(),
            );
        }
        match how {
            None => or_end(output.write_all(&out)),
            // As they come: a stream may have no end.
            Some(how) => or_end(findings::write(
                plan,
                &pipeline.take_findings(),
                how,
                &mut output,
            )),
        }
        out.clear();
        if last || result.is_err() {
            output.flush().map_err(|error| error.to_string())?;
            return Ok((result, bytes));
        }
        let length = input.read(&mut buffer).map_err(|error| error.to_string())?;
        chunk.clear();
        chunk.extend_from_slice(buffer.get(..length).unwrap_or_default());
    }
}

/// A query, cookies, or lines of headers.
fn fields(
    config: &Config,
    uses: &[RuleUse],
    plan: &Rc<Plan>,
    (place, text): (Place, &[u8]),
    arguments: &Arguments,
) -> Result<u8, String> {
    let how = arguments.how();
    let mut tally = Tally::default();
    tally.findings = how.is_some().then(Vec::new);
    let mut out = Vec::new();
    let syntax = match place {
        Place::RequestQuery => Some(Syntax::Form),
        Place::RequestCookies => Some(Syntax::Cookies),
        _ => None,
    };
    if let Some(syntax) = syntax {
        let mut rewriter = PairsRewriter::new(Rc::clone(plan), syntax);
        rewriter.write(text, &mut out, &mut tally);
        rewriter.finish(&mut out, &mut tally);
    } else {
        let named = config.named_headers(uses);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            let Some((name, value)) = line.split_once(':') else {
                out.extend_from_slice(line.as_bytes());
                continue;
            };
            let lower = name.trim().to_ascii_lowercase();
            let is_searched = match &named {
                Some(named) => named.contains(&lower.as_str()),
                None => headers::is_searched(&lower),
            };
            if !is_searched {
                out.extend_from_slice(line.as_bytes());
                continue;
            }
            let new = headers::redacted(plan, &lower, value.trim().as_bytes(), &mut tally);
            if let Some(new) = new {
                out.extend([name.as_bytes(), b": ", &new, b"\n"].concat());
            }
        }
    }
    match (how, &tally.findings) {
        (Some(how), Some(findings)) => {
            or_end(findings::write(
                plan,
                findings,
                how,
                &mut std::io::stdout().lock(),
            ));
        }
        _ => or_end(std::io::stdout().write_all(&out)),
    }
    if arguments.stats {
        findings::sums(plan, &tally, text.len() as u64);
    }
    if let Some(remark) = body::block(&tally) {
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
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn options() {
        let read = |words: &[&str]| {
            Arguments::try_parse_from(std::iter::once("redact").chain(words.iter().copied()))
        };
        let arguments = read(&[
            "--config",
            "a.json",
            "--explain=json",
            "--rule",
            "x",
            "body.csv",
        ]);
        let arguments = arguments.unwrap();
        assert_eq!(arguments.explain, Some(Explain::Json));
        assert_eq!(
            (arguments.file.as_str(), arguments.rules.len()),
            ("body.csv", 1)
        );
        let arguments = read(&["--config", "a", "--explain", "b"]).unwrap();
        assert_eq!(arguments.explain, Some(Explain::Diff));
        assert_eq!(arguments.file, "b");
        for wrong in [
            &[][..],
            &["--config"],
            &["--config", "a", "--nonsense"],
            &["--config", "a", "--place", "response"],
            &["--config", "a", "--claims", "b"],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(guessed("-", b" {\"a\""), "application/json");
        assert_eq!(guessed("a.csv", b"{"), "text/csv");
        assert_eq!(guessed("-", b"data: x"), "text/event-stream");
    }

    #[test]
    fn a_request_chooses_the_rules_that_the_filter_would() {
        let config = Config::parse(
            r#"{"rules":[
                {"name":"patients","match":{"paths":["/patients/**"],"methods":["GET"]},"unless":{"scopes":["phi:read"]},"detect":["EMAIL"]},
                {"name":"query","apply_to":["request.query"],"detect":["EMAIL"]},
                {"name":"html","match":{"content_types":["text/html"]},"detect":["EMAIL"]},
                {"name":"gpc","when":{"consent":{"denied":["sharing"]}},"detect":["EMAIL"]}]}"#,
        )
        .unwrap();
        let claims = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(claims.path(), r#"{"sub":"u","scope":"phi:read"}"#).unwrap();
        let claims = claims.path().to_str().unwrap();
        let names = |words: &[&str]| -> Vec<(String, bool)> {
            let words = ["redact", "--config", "c"].iter().chain(words).copied();
            let arguments = Arguments::try_parse_from(words).unwrap();
            let content_type = arguments.content_type.clone();
            let place = arguments.place;
            let request = tried(&arguments, &config, content_type.as_deref()).unwrap();
            let uses = chosen(&arguments, &config, place, request.as_ref()).unwrap();
            let name = |used: &RuleUse| (config.rules[used.index].name.clone(), used.is_exempt);
            uses.iter().map(name).collect()
        };
        let json = ["--content-type", "application/json"];
        let with = |words: &[&'static str]| [words, &json].concat();
        assert_eq!(
            names(&with(&["--request", "GET /patients/7"])),
            [("patients".to_owned(), false)]
        );
        assert_eq!(names(&with(&["--request", "POST /patients/7"])), []);
        let mut words = with(&["--request", "GET /patients/7", "--claims"]);
        words.insert(3, claims);
        assert_eq!(names(&words), [("patients".to_owned(), true)]);
        assert_eq!(
            names(&with(&[
                "--request",
                "GET /x",
                "--header",
                "X-Original-URL: /patients/7"
            ])),
            names(&with(&["--request", "GET /patients/7"]))
        );
        assert_eq!(
            names(&with(&[
                "--request",
                "POST /patients/7",
                "--header",
                "X-HTTP-Method-Override: GET"
            ])),
            names(&with(&["--request", "GET /patients/7"]))
        );
        assert_eq!(
            names(&with(&["--request", "GET /x", "--header", "Sec-GPC: 1"])),
            [("gpc".to_owned(), false)]
        );
        assert_eq!(
            names(&["--request", "GET /x", "--place", "request.query"]),
            [("query".to_owned(), false)]
        );
        assert_eq!(names(&json).len(), 4);
    }

    /// The README of the filter has the tables that `--list` prints.
    #[test]
    fn the_readme_lists_every_kind_and_every_item() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../filters/pii-redactor/README.md"
        );
        let readme = std::fs::read_to_string(path).unwrap();
        let kinds = pii_redactor::detect::DETECTORS.iter().map(row);
        for row in kinds.chain(items()) {
            assert!(
                readme.contains(&row),
                "{row} is not in the README; `meshward redact --list` prints it"
            );
        }
    }
}
