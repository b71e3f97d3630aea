//! `meshward check`: configurations, by themselves or in manifests, read with the very code that the
//! filters run, and what stands around them.

mod bootstrap;
pub(crate) mod codes;
pub(crate) mod configured;
pub(crate) mod extract;
mod locate;
mod plugin;
mod report;
pub(crate) mod source;
mod text;
mod tree;
mod wiring;

use policy::config::{Checked, Configuration};
use policy::filters::{AUDIT_EMITTER, JWT_AUTH, PII_REDACTOR, TOKEN_BUCKET};
use report::{Finding, Format};
use source::Source;

use crate::color::{Colour, painted};
use crate::exit;
use crate::output::say;

/// Checks configurations with the very code that the filter runs, and what stands around them
///
/// Files may be configurations of a filter (JSON or YAML), or manifests in which they stand: an Envoy
/// bootstrap or xDS resource, WasmPlugin, TrafficExtension and EnvoyFilter of Istio,
/// EnvoyExtensionPolicy of Envoy Gateway, WasmPlugin of Higress, config.yaml and routes of APISIX,
/// filter chains of Kong. Folders are searched for .json, .yaml and .yml; - is standard input.
///
/// A warning is about what is accepted and probably not meant. `meshward explain MW1203` says what a
/// code means.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  meshward check token-bucket limits.json
  meshward check envoy.yaml
  meshward check --format github --deny warnings manifests/ 'config/**/*.yaml'
  meshward check --allow escaped_slashes_kept envoy.yaml
  cat limits.json | meshward check --format json -")]
pub(crate) struct Arguments {
    /// Whose configurations they are, where that is not plain from the file: a filter, `meshward` for all in one, or `envoy`; then files, folders and patterns
    #[arg(value_name = "[FILTER] FILE", required = true)]
    words: Vec<String>,
    /// How findings are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Warnings count as errors
    #[arg(long, value_name = "WHAT", value_parser = ["warnings"])]
    deny: Option<String>,
    /// A warning that is not told, by its code or its name; more than once for several
    #[arg(long, value_name = "CODE", value_parser = known_code)]
    allow: Vec<&'static str>,
}

/// What `check` calls the configuration of Envoy itself.
const ENVOY: &str = "envoy";
/// The four filters in one module.
pub(crate) const BUNDLE: &str = "meshward";

fn known_code(word: &str) -> Result<&'static str, String> {
    match codes::find(word) {
        Some(code) => Ok(code.id),
        None => {
            let names = codes::ALL.iter().flat_map(|code| [code.id, code.name]);
            let near = policy::nearest(word, names);
            Err(near.map_or_else(
                || "no such code; the README lists them".to_owned(),
                |near| format!("no such code; did you mean {near}?"),
            ))
        }
    }
}

/// Checks files.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    let (filter, words) = match arguments.words.split_first() {
        Some((first, rest)) if parser(first).is_some() || first == ENVOY => (Some(first), rest),
        _ => (None, arguments.words.as_slice()),
    };
    if words.is_empty() {
        eprintln!("meshward check: no file; give files, folders, or - for standard input");
        return exit::USAGE;
    }
    if let (None, Some(first)) = (filter, words.first())
        && !std::path::Path::new(first).exists()
        && !first.contains(['.', '/', '*'])
        && first != "-"
    {
        let names = PARSERS.map(|(name, _)| name).into_iter().chain([ENVOY]);
        if let Some(near) = policy::nearest(first, names) {
            eprintln!("meshward check: no filter and no file {first:?}; did you mean {near}?");
            return exit::USAGE;
        }
    }
    let mut all = Vec::new();
    let mut files = Vec::new();
    let mut is_incomplete = false;
    for found in source::find(words, &["json", "yaml", "yml"]) {
        match found {
            Err(unreadable) => {
                eprintln!(
                    "meshward: {} cannot be read: {}",
                    unreadable.name, unreadable.reason
                );
                is_incomplete = true;
            }
            Ok(source) => {
                let mut findings = check(&source, filter.map(String::as_str));
                findings.retain(|f| f.is_error || !arguments.allow.contains(&f.code.id));
                tell(&source, &findings, arguments.format);
                files.push(source.name);
                all.append(&mut findings);
            }
        }
    }
    match arguments.format {
        Format::Text | Format::Github => {}
        Format::Json => say!("{}", report::json(&all, files.len())),
        Format::Sarif => say!("{}", report::sarif(&all)),
        Format::Junit => say!("{}", report::junit(&all, &files)),
    }
    let counts = |finding: &Finding| finding.is_error || arguments.deny.is_some();
    if is_incomplete {
        exit::NOT_DONE
    } else if all.iter().any(counts) {
        exit::FOUND
    } else {
        exit::RIGHT
    }
}

fn tell(source: &Source, findings: &[Finding], format: Format) {
    match format {
        Format::Text => {
            for finding in findings {
                say!("{}", finding.text(&source.text));
            }
            if !findings.iter().any(|finding| finding.is_error) {
                say!("{}: {}", source.name, painted("ok", Colour::Green));
            }
        }
        Format::Github => findings.iter().for_each(|f| say!("{}", report::github(f))),
        _ => {}
    }
}

/// Everything that is wrong with a text.
fn check(source: &Source, filter: Option<&str>) -> Vec<Finding> {
    let found = text::check(source, filter);
    found.into_iter().map(|f| f.placed(&source.text)).collect()
}

type Parser = fn(&str) -> Checked<()>;

const PARSERS: [(&str, Parser); 5] = [
    (AUDIT_EMITTER, parse::<audit_emitter::config::Config>),
    (JWT_AUTH, |text| {
        let mut checked = jwt_auth::config::Config::check(text);
        if let Ok(config) = &checked.result {
            checked.warnings.extend(config.expired_keys(now_s()));
        }
        checked.map(drop)
    }),
    (TOKEN_BUCKET, parse::<token_bucket::config::Config>),
    (PII_REDACTOR, parse::<pii_redactor::config::Config>),
    // The four in one module.
    ("meshward", meshward_bundle::config::check),
];

fn parse<C: Configuration>(text: &str) -> Checked<()> {
    C::check(text).map(drop)
}

/// Seconds since 1970.
fn now_s() -> i64 {
    i64::try_from(trail::time::now_ms() / 1000).unwrap_or(i64::MAX)
}

/// Reads a configuration as its filter does.
pub(crate) fn parsed(filter: &str, text: &str) -> Result<(), policy::config::Problems> {
    parser(filter).map_or(Ok(()), |parse| parse(text).result)
}

fn parser(filter: &str) -> Option<Parser> {
    PARSERS
        .iter()
        .find(|(name, _)| *name == filter)
        .map(|(_, parse)| *parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_has_a_parser_that_names_mistakes() {
        for (name, parse) in PARSERS {
            let checked = parse(r#"{"nonsense": 1}"#);
            let problems = checked.result.unwrap_err().to_string();
            assert!(problems.contains("nonsense: unknown"), "{name}: {problems}");
            assert!(parser(name).is_some());
        }
        assert!(parser("jwt").is_none());
    }
}
