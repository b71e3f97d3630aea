//! `meshward redact`: the engine of pii-redactor over a file or a stream, for trying rules.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::rc::Rc;

use pii_redactor::config::Config;
use pii_redactor::inflate::InflateError;
use pii_redactor::pairs::{PairsRewriter, Syntax};
use pii_redactor::pipeline::{BodyPipeline, Coding, Framing};
use pii_redactor::plan::Plan;
use pii_redactor::tally::{Finding, Tally};

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    config: String,
    file: String,
    content_type: Option<String>,
    encoding: String,
    rules: Vec<String>,
    explain: Explain,
    is_query: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Explain {
    No,
    /// As a difference, for people.
    Diff,
    /// One line of JSON for each finding.
    Json,
}

/// Redacts standard input or a file to standard output.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    if matches!(arguments, ["--help" | "-h"]) {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    if arguments == ["--list"] {
        return list();
    }
    let options = match Options::read(arguments) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("meshward redact: {message}\n{USAGE}");
            return ExitCode::from(crate::USAGE_ERROR);
        }
    };
    match redact(&options) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("meshward redact: {message}");
            ExitCode::from(crate::USAGE_ERROR)
        }
    }
}

/// The kinds as rows of a table, as the README has them.
fn list() -> ExitCode {
    println!("| kind | what it is | category | acts | presets |\n| --- | --- | --- | --- | --- |");
    for detector in &pii_redactor::detect::DETECTORS {
        println!("{}", row(detector));
    }
    ExitCode::SUCCESS
}

fn row(detector: &pii_redactor::detect::Detector) -> String {
    use pii_redactor::detect::{Form, preset};
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
    let presets: Vec<&str> = preset::ALL
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

fn redact(options: &Options) -> Result<ExitCode, String> {
    let text = std::fs::read_to_string(&options.config)
        .map_err(|error| format!("{} cannot be read: {error}", options.config))?;
    let config = match configuration(&text) {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems.iter() {
                eprintln!("{}: {problem}", options.config);
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let chosen: Vec<usize> = config
        .rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| options.rules.is_empty() || options.rules.contains(&rule.name))
        .map(|(index, _)| index)
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = config.rules.iter().map(|rule| rule.name.as_str()).collect();
        return Err(format!("no such rule; there are {}", names.join(", ")));
    }
    let plan = Rc::new(config.plan(&chosen));
    let mut input: Box<dyn Read> = if options.file == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = std::fs::File::open(&options.file);
        Box::new(file.map_err(|error| format!("{} cannot be read: {error}", options.file))?)
    };
    if options.is_query {
        return query(&plan, &mut input, options);
    }
    let mut first = vec![0; CHUNK_BYTES];
    let length = input.read(&mut first).map_err(|error| error.to_string())?;
    first.truncate(length);
    let content_type = options
        .content_type
        .clone()
        .unwrap_or_else(|| guessed(&options.file, &first).to_owned());
    let framing = Framing::of(&content_type).ok_or_else(|| {
        format!("{content_type:?} is not searched; the filter lets it pass or blocks it")
    })?;
    let coding = Coding::of(&options.encoding)
        .ok_or_else(|| format!("the encoding {:?} is not decoded", options.encoding))?;
    let mut pipeline = BodyPipeline::new(Rc::clone(&plan), &framing, coding, config.inflate);
    if options.explain != Explain::No {
        pipeline = pipeline.explained();
    }
    let result = stream(
        &mut pipeline,
        &first,
        &mut input,
        options.explain == Explain::No,
    )?;
    if options.explain != Explain::No {
        let findings = pipeline.tally().findings.as_deref().unwrap_or_default();
        explain(&plan, findings, options.explain).map_err(|error| error.to_string())?;
    }
    if let Err(error) = result {
        return Err(format!("the body cannot be decoded: {}", error.reason()));
    }
    if pipeline.is_malformed() {
        eprintln!("meshward redact: not {content_type}, whatever it says; scanned as text");
    }
    if pipeline.tally().blocks {
        eprintln!("meshward redact: a finding would block this message");
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes the whole body through, piece by piece.
fn stream(
    pipeline: &mut BodyPipeline,
    first: &[u8],
    input: &mut dyn Read,
    prints: bool,
) -> Result<Result<(), InflateError>, String> {
    let mut output = std::io::stdout().lock();
    let mut out = Vec::new();
    let mut chunk = first.to_vec();
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let last = chunk.is_empty();
        let result = if last {
            pipeline.finish(&mut out)
        } else {
            pipeline.write(&chunk, &mut out)
        };
        if prints {
            output.write_all(&out).map_err(|error| error.to_string())?;
        }
        out.clear();
        if last || result.is_err() {
            output.flush().map_err(|error| error.to_string())?;
            return Ok(result);
        }
        let length = input.read(&mut buffer).map_err(|error| error.to_string())?;
        chunk.clear();
        chunk.extend_from_slice(buffer.get(..length).unwrap_or_default());
    }
}

fn query(plan: &Rc<Plan>, input: &mut dyn Read, options: &Options) -> Result<ExitCode, String> {
    let mut text = Vec::new();
    input
        .read_to_end(&mut text)
        .map_err(|error| error.to_string())?;
    let mut rewriter = PairsRewriter::new(Rc::clone(plan), Syntax::Form);
    let mut tally = Tally::default();
    tally.findings = (options.explain != Explain::No).then(Vec::new);
    let mut out = Vec::new();
    rewriter.write(&text, &mut out, &mut tally);
    rewriter.finish(&mut out, &mut tally);
    match &tally.findings {
        Some(findings) => {
            explain(plan, findings, options.explain).map_err(|error| error.to_string())?;
        }
        None => std::io::stdout()
            .write_all(&out)
            .map_err(|error| error.to_string())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What was found where, by which detector and rule, and what takes its place.
fn explain(plan: &Plan, findings: &[Finding], how: Explain) -> std::io::Result<()> {
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    for finding in findings {
        let kind = Tally::word(plan, finding.entity);
        let rule = plan
            .rules
            .get(usize::from(finding.rule))
            .map_or("", String::as_str);
        let old = String::from_utf8_lossy(&finding.old);
        let new = finding.new.as_deref().map(String::from_utf8_lossy);
        match how {
            Explain::Json => {
                let object = policy::json::Json::Object(vec![
                    ("offset".to_owned(), finding.offset.into()),
                    ("length".to_owned(), finding.length.into()),
                    ("type".to_owned(), kind.into()),
                    ("rule".to_owned(), rule.into()),
                    ("old".to_owned(), old.as_ref().into()),
                    (
                        "new".to_owned(),
                        new.as_deref().map_or(policy::json::Json::Null, Into::into),
                    ),
                ]);
                writeln!(output, "{object}")?;
            }
            _ => {
                writeln!(
                    output,
                    "@@ byte {}, {kind}, rule {rule:?} @@",
                    finding.offset
                )?;
                match new {
                    Some(new) => writeln!(output, "-{old}\n+{new}")?,
                    None => writeln!(output, " {old}")?,
                }
            }
        }
    }
    output.flush()
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
        "json" | "ndjson" | "jsonl" => "application/json",
        "txt" | "csv" | "log" | "html" | "xml" => "text/plain",
        _ => match first.trim_ascii_start().first() {
            Some(b'{' | b'[') => "application/json",
            _ if first.starts_with(b"data:") || first.starts_with(b"event:") => "text/event-stream",
            _ => "text/plain",
        },
    }
}

impl Options {
    fn read(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self {
            config: String::new(),
            file: "-".to_owned(),
            content_type: None,
            encoding: String::new(),
            rules: Vec::new(),
            explain: Explain::No,
            is_query: false,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().map(|value| (*value).to_owned());
            let needs =
                |value: Option<String>| value.ok_or_else(|| format!("{argument} needs a value"));
            match *argument {
                "--config" => options.config = needs(value())?,
                "--content-type" => options.content_type = Some(needs(value())?),
                "--content-encoding" => options.encoding = needs(value())?,
                "--rule" => options.rules.push(needs(value())?),
                "--query" => options.is_query = true,
                "--explain" => options.explain = Explain::Diff,
                "--explain=json" => options.explain = Explain::Json,
                file if !file.starts_with("--") => file.clone_into(&mut options.file),
                other => return Err(format!("there is no option {other:?}")),
            }
        }
        if options.config.is_empty() {
            return Err("--config is missing".to_owned());
        }
        Ok(options)
    }
}

/// How it is called.
pub(crate) const USAGE: &str = "\
Usage: meshward redact --config RULES.json [--explain|--explain=json] [--rule NAME]...
                       [--content-type TYPE] [--content-encoding gzip] [--query] [FILE]
       meshward redact --list";

const CHUNK_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let options = Options::read(&[
            "--config",
            "a.json",
            "--explain=json",
            "--rule",
            "x",
            "body.csv",
        ])
        .unwrap();
        assert_eq!(options.config, "a.json");
        assert_eq!(
            (options.explain, options.file.as_str()),
            (Explain::Json, "body.csv")
        );
        assert_eq!(options.rules, ["x"]);
        for wrong in [
            vec![],
            vec!["--config"],
            vec!["--config", "a", "--nonsense"],
        ] {
            assert!(Options::read(&wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(guessed("-", b" {\"a\""), "application/json");
        assert_eq!(guessed("a.csv", b"{"), "text/plain");
        assert_eq!(guessed("-", b"data: x"), "text/event-stream");
    }

    /// The README of the filter has the table of kinds that `--list` prints.
    #[test]
    fn the_readme_lists_every_kind() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../filters/pii-redactor/README.md"
        );
        let readme = std::fs::read_to_string(path).unwrap();
        for detector in &pii_redactor::detect::DETECTORS {
            let row = row(detector);
            assert!(
                readme.contains(&row),
                "{row} is not in the README; `meshward redact --list` prints it"
            );
        }
    }
}
