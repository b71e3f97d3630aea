//! `meshward init`: a working set of manifests for a host, made of those that are shipped and tested, or a
//! configuration made from an OpenAPI document.

mod edit;
mod hosts;
mod openapi;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use meshward_bundle::config::Part;
use trail::replacement::Replacement;

use crate::exit;
use crate::output::say;
use hosts::Host;

/// Writes a first set of manifests and configurations for a host, and says what to do next
///
/// What it writes passes `meshward check`: replace issuer, hosts and addresses by yours. Nothing that
/// is there is overwritten without --force. With --openapi the rules are those of the operations of a document:
/// who may call them, and what their messages may have; without --host they are written as meshward.json, a
/// configuration of the bundle.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  meshward init --host envoy --use auth,limits --output-dir gateway
  meshward init --host istio --output-dir mesh
  meshward init --openapi api.yaml --output-dir gateway
  meshward init --host envoy --openapi api.yaml --output-dir edge")]
pub(crate) struct Arguments {
    /// What the filters run in
    #[arg(
        long,
        value_enum,
        value_name = "HOST",
        required_unless_present = "openapi"
    )]
    host: Option<Host>,
    /// Rules for what this document describes: OpenAPI 3.0 or 3.1 in JSON or YAML
    #[arg(long, value_name = "FILE")]
    openapi: Option<PathBuf>,
    /// Which filters; by default all that the host can run to the full; without --host auth and redact
    #[arg(
        long = "use",
        value_enum,
        value_delimiter = ',',
        value_name = "FILTERS"
    )]
    parts: Vec<Use>,
    /// Where the files go
    #[arg(long, value_name = "DIR", default_value = ".")]
    output_dir: PathBuf,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
}

/// The filters, by what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Use {
    /// audit-emitter: records of requests
    Audit,
    /// jwt-auth: who is calling, and may they
    Auth,
    /// token-bucket: rate limits
    Limits,
    /// pii-redactor: personal data
    Redact,
}

impl Use {
    const fn part(self) -> Part {
        match self {
            Self::Audit => Part::Audit,
            Self::Auth => Part::Auth,
            Self::Limits => Part::Limits,
            Self::Redact => Part::Redact,
        }
    }
}

/// A file to be written.
pub(crate) struct File {
    name: &'static str,
    text: String,
}

/// Writes the files.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    match done(arguments) {
        Ok(()) => exit::RIGHT,
        Err(message) => {
            eprintln!("meshward init: {message}");
            exit::NOT_DONE
        }
    }
}

fn done(arguments: &Arguments) -> Result<(), String> {
    let wanted: Vec<Part> = arguments.parts.iter().map(|used| used.part()).collect();
    let all = arguments
        .host
        .map_or(Part::ALL.to_vec(), Host::default_parts);
    let parts: Vec<Part> = match wanted.as_slice() {
        [] => all,
        wanted => {
            let is_used = |part: &Part| wanted.contains(part);
            Part::ALL.into_iter().filter(is_used).collect()
        }
    };
    let document = arguments.openapi.as_deref();
    let rewrites_queries = arguments.host.is_none_or(Host::rewrites_queries);
    let made = document.map(|document| openapi::configuration(document, &parts, rewrites_queries));
    let made = made.transpose()?;
    let files = match (&made, arguments.host) {
        (_, Some(host)) => host.files(&parts, made.as_ref()),
        (Some(made), None) => vec![File {
            name: openapi::FILE,
            text: made.text(),
        }],
        (None, None) => return Err("expected --host or --openapi".to_owned()),
    };
    write_and_tell(arguments, &files)?;
    let mut steps = Vec::new();
    if let Some(made) = &made {
        listed("Guessed, for the document does not say it:", &made.guesses);
        listed("In the document, and not held:", &made.left_out);
        if !made.guesses.is_empty() {
            steps.push("Replace what is guessed: until then nobody gets through it.".to_owned());
        }
    }
    match arguments.host {
        Some(host) => {
            listed("Of this host:", &host.remarks(&parts));
            steps.extend(host.next(&parts, made.as_ref()));
        }
        None => steps.extend(openapi::steps()),
    }
    say!("\nNext:");
    for (number, step) in steps.iter().enumerate() {
        say!("{}. {step}", number + 1);
    }
    Ok(())
}

fn write_and_tell(arguments: &Arguments, files: &[File]) -> Result<(), String> {
    write(files, &arguments.output_dir, arguments.force)?;
    for file in files {
        say!("wrote {}", arguments.output_dir.join(file.name).display());
    }
    Ok(())
}

fn listed(title: &str, lines: &[String]) {
    if !lines.is_empty() {
        say!("\n{title}");
    }
    for line in lines {
        say!("- {line}");
    }
}

/// All files or none.
fn write(files: &[File], folder: &Path, overwrites: bool) -> Result<(), String> {
    let there: Vec<String> = files
        .iter()
        .map(|file| folder.join(file.name))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| path.display().to_string())
        .collect();
    if !there.is_empty() && !overwrites {
        return Err(format!(
            "{} is there; nothing was written (--force overwrites)",
            there.join(", ")
        ));
    }
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| format!("{path}: {error}")
    };
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    let mut written = Vec::new();
    for file in files {
        let path = folder.join(file.name);
        if path.is_dir() {
            return Err(format!("{} is a folder", path.display()));
        }
        let fresh = Replacement::create(&path).map_err(failed(&path))?;
        let mut target = fresh.file();
        let written_whole = target.write_all(file.text.as_bytes());
        written_whole
            .and_then(|()| fresh.finish())
            .map_err(failed(&path))?;
        written.push((path, fresh));
    }
    for (path, fresh) in written {
        fresh.put_in_place().map_err(failed(&path))?;
    }
    Ok(())
}
