//! `meshward test`: case files for users' configurations, in a simulated proxy or in a real Envoy.

mod prepare;
mod report;

use std::path::{Path, PathBuf};

use cases::{Backend, Case, CaseFile, EnvoyBackend, EnvoySettings, InProcess};
use inspect::check::Source;
use prepare::Clock;
use report::{Format, Outcome, Report};

use crate::check::source;
use crate::exit;
use crate::simulated::Host;

/// Runs case files: requests, and what a configuration must do with them
///
/// A case file names a configuration (or the manifest that it stands in) and has cases: requests in
/// order, the upstream's responses, and what client, upstream, log, metrics and audit records must show.
/// The filters run in a simulated proxy in this process, on their own code; with --envoy in a real
/// Envoy. The format is described in the README of shared/cases.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  meshward test cases/
  meshward test --name 'second request' cases/limits.toml
  meshward test --format junit cases/ >report.xml
  meshward test --list cases/")]
pub(crate) struct Arguments {
    /// Case files, folders of them (.toml), and patterns
    #[arg(value_name = "FILE", required = true)]
    words: Vec<String>,
    /// Only cases whose name, with that of the file, contains this
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// The host that is simulated; by default that of the manifest, or Envoy
    #[arg(long, value_enum, value_name = "HOST")]
    host: Option<Host>,
    /// Run in this Envoy, or in the one on PATH
    #[arg(long, value_name = "BINARY", num_args = 0..=1, require_equals = true, default_missing_value = "envoy")]
    envoy: Option<PathBuf>,
    /// For --envoy: the module of the filter, or the folder where `jwt-auth.wasm` and so on are
    #[arg(long, value_name = "PATH", default_value = "dist", requires = "envoy")]
    module: PathBuf,
    /// List the cases and run none
    #[arg(long)]
    list: bool,
    /// How results are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// Runs cases.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    let envoy = match arguments.envoy.as_deref().map(binary).transpose() {
        Ok(envoy) => envoy,
        Err(message) => {
            eprintln!("meshward test: {message}");
            return exit::NOT_DONE;
        }
    };
    let mut report = Report::new(arguments.format);
    for found in source::find(&arguments.words, &["toml"]) {
        match found {
            // Of a folder, what is no case file is passed over.
            Ok(source) if !source.is_named && !source.text.contains("[[case]]") => {}
            Ok(source) => file(&source, arguments, envoy.as_deref(), &mut report),
            Err(unreadable) => report.broken(&unreadable.name, &unreadable.reason),
        }
    }
    if arguments.list {
        return if report.is_broken() {
            exit::NOT_DONE
        } else {
            exit::RIGHT
        };
    }
    report.end()
}

fn file(source: &Source, arguments: &Arguments, envoy: Option<&Path>, report: &mut Report) {
    let is_wanted = |case: &Case| {
        let title = format!("{}::{}", source.name, case.name);
        arguments
            .name
            .as_ref()
            .is_none_or(|wanted| title.contains(wanted))
    };
    let folder = Path::new(&source.name).parent().unwrap_or(Path::new("."));
    let parsed = CaseFile::parse(&source.text, folder);
    let read = parsed.and_then(|mut file| {
        let clock = match envoy {
            Some(_) => Clock::Real,
            None => Clock::Simulated,
        };
        let (filter, profile) = prepare::prepare(&mut file, clock)?;
        Ok((file, filter, profile))
    });
    let (file, filter, profile) = match read {
        Ok(read) => read,
        Err(reason) => {
            report.broken(&source.name, reason.trim_end());
            return;
        }
    };
    let places: Vec<usize> = (0..file.cases.len())
        .filter(|place| file.cases.get(*place).is_some_and(is_wanted))
        .collect();
    if places.is_empty() {
        return;
    }
    report.begin(&source.name);
    if arguments.list {
        for case in places.iter().filter_map(|place| file.cases.get(*place)) {
            report.listed(&case.name);
        }
        return;
    }
    let profile = arguments.host.map_or(profile, Host::profile);
    let mut backend: Box<dyn Backend> = match envoy {
        None => Box::new(InProcess::new(move || Ok(inspect::proxy(filter, profile)))),
        Some(binary) => match module(&arguments.module, filter) {
            Ok(module) => Box::new(EnvoyBackend::new(EnvoySettings {
                envoy: binary.to_owned(),
                module,
                name: filter.to_owned(),
            })),
            Err(reason) => {
                report.broken(&source.name, &reason);
                return;
            }
        },
    };
    for place in places {
        let Some(case) = file.cases.get(place) else {
            continue;
        };
        let cannot = match envoy {
            Some(_) => EnvoyBackend::cannot_run(case).map(str::to_owned),
            None if !case.holds_on(profile) => Some(format!(
                "only on {}: {}",
                case.hosts.join(", "),
                case.because.as_deref().unwrap_or_default()
            )),
            None => None,
        };
        let outcome = match cannot {
            Some(reason) => Outcome::Skipped(reason),
            None => match cases::run(&file, place, backend.as_mut()) {
                Ok(failures) if failures.is_empty() => Outcome::Passed,
                Ok(failures) => Outcome::Failed(failures),
                Err(error) => Outcome::Broken(error.to_string()),
            },
        };
        report.case(&source.name, &case.name, outcome);
    }
}

/// The binary by its path, or by its name on PATH.
fn binary(path: &Path) -> Result<PathBuf, String> {
    if path.components().count() > 1 {
        let real = path.canonicalize();
        return real.map_err(|error| format!("{}: {error}", path.display()));
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join(path))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| {
            format!(
                "there is no {} on PATH; say where it is: --envoy=/usr/bin/envoy",
                path.display()
            )
        })
}

/// The module of a filter.
fn module(path: &Path, filter: &str) -> Result<PathBuf, String> {
    let file = if path.is_dir() {
        path.join(format!("{filter}.wasm"))
    } else {
        path.to_owned()
    };
    file.canonicalize()
        .map_err(|error| format!("{}: {error}; --module says where it is", file.display()))
}
