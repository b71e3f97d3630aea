//! `meshward init`: a working set of manifests for a host, made of those that are shipped and tested.

mod edit;
mod hosts;

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
/// is there is overwritten without --force.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  meshward init --host envoy --use auth,limits --output-dir gateway
  meshward init --host istio --output-dir mesh")]
pub(crate) struct Arguments {
    /// What the filters run in
    #[arg(long, value_enum, value_name = "HOST")]
    host: Host,
    /// Which filters; all of them by default
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
    let wanted: Vec<Part> = arguments.parts.iter().map(|used| used.part()).collect();
    let is_used = |part: &Part| wanted.is_empty() || wanted.contains(part);
    let parts: Vec<Part> = Part::ALL.into_iter().filter(is_used).collect();
    let files = arguments.host.files(&parts);
    match write(&files, &arguments.output_dir, arguments.force) {
        Ok(()) => {}
        Err(message) => {
            eprintln!("meshward init: {message}");
            return exit::NOT_DONE;
        }
    }
    for file in &files {
        say!("wrote {}", arguments.output_dir.join(file.name).display());
    }
    say!("\nNext:");
    for (number, step) in arguments.host.next(&parts).iter().enumerate() {
        say!("{}. {step}", number + 1);
    }
    exit::RIGHT
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
