//! `meshward check`: configurations, by themselves or in manifests, read with the very code that the
//! filters run, and what stands around them.

pub(crate) mod configured;
mod report;
pub(crate) mod source;

use inspect::check::{ENVOY, Finding, Source, check, codes, names};
use report::Format;

use crate::audit::format::printable;
use crate::color::{Colour, painted};
use crate::exit;
use crate::output::say;
use crate::simulated::Host;

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
  meshward check --host kong limits.json
  meshward check --allow escaped_slashes_kept envoy.yaml
  cat limits.json | meshward check --format json -")]
pub(crate) struct Arguments {
    /// Whose configurations they are, where that is not plain from the file: a filter, `meshward` for all in one, or `envoy`; then files, folders and patterns
    #[arg(value_name = "[FILTER] FILE", required = true)]
    words: Vec<String>,
    /// The host that a configuration by itself is for; a manifest says it
    #[arg(long, value_enum, default_value_t = Host::Envoy, value_name = "HOST")]
    host: Host,
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
        Some((first, rest)) if names().any(|name| name == first) || first == ENVOY => {
            (Some(first), rest)
        }
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
        let names = names().chain([ENVOY]);
        if let Some(near) = policy::nearest(first, names) {
            eprintln!("meshward check: no filter and no file {first:?}; did you mean {near}?");
            return exit::USAGE;
        }
    }
    let mut all = Vec::new();
    let mut files = Vec::new();
    let mut ours = 0;
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
                let filter = filter.map(String::as_str);
                let checked = check(&source, filter, arguments.host.profile(), now_s());
                let mut findings = checked.findings;
                findings.retain(|f| f.is_error || !arguments.allow.contains(&f.code.id));
                tell(&source, &findings, checked.is_ours, arguments.format);
                ours += usize::from(checked.is_ours);
                files.push(source.name);
                all.append(&mut findings);
            }
        }
    }
    match arguments.format {
        Format::Text if ours < files.len() && files.len() > 1 => {
            say!("{} files, {ours} of them with configurations", files.len());
        }
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

fn tell(source: &Source, findings: &[Finding], is_ours: bool, format: Format) {
    match format {
        Format::Text => {
            for finding in findings {
                say!("{}", report::text(finding, &source.text));
            }
            if !findings.iter().any(|finding| finding.is_error) {
                let word = match is_ours {
                    true => painted("ok", Colour::Green),
                    false => painted("no configuration of a filter", Colour::Dim),
                };
                say!("{}: {word}", printable(&source.name));
            }
        }
        Format::Github => findings.iter().for_each(|f| say!("{}", report::github(f))),
        _ => {}
    }
}

/// Seconds since 1970.
fn now_s() -> i64 {
    i64::try_from(trail::time::now_ms() / 1000).unwrap_or(i64::MAX)
}
