//! `meshward comply`: what a configuration and a trail prove of the requirements of a standard.

mod html;
mod text;

use std::path::{Path, PathBuf};

use audit::Hash;
use comply::assessment::{Assessment, Basis, Configurations};
use comply::control::{Catalog, Framework, Measure};
use comply::effective::{Bypassed, RouteConfig};
use comply::evidence::{Found, Period, Search};
use comply::inventory::{Inventory, Survey};
use host::fake::Profile;
use inspect::check::configured::{self, Configured, SaidByRoute};
use inspect::check::listeners::{self, ListenerTls};
use inspect::check::{self, BUNDLE, Bypass, Source, parsed};
use meshward_bundle::config::{Part, split};
use serde_json::Value;
use trail::coverage::{Coverage, DAY_MS, Days, days};
use trail::source::files_of;
use trail::time;
use trail::verdict::{Question, Verdict, conclude};

use crate::audit::common::{How, Result, TimeRange};
use crate::audit::format::{printable_lines, thousands};
use crate::audit::inventory::operations;
use crate::audit::unread::tell_unread;
use crate::exit;
use crate::output::{Output, say};

/// Says what a configuration and a trail prove of the requirements of a standard
///
/// For each requirement: which setting gives it, which records of the period show it, what is missing
/// and how to set it, and what no gateway can do. Only records count for which a known key vouches.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Which standards: pci, hipaa, gdpr, ccpa, soc2, iso27001, nist, bulk-data, owasp-api; or list
    #[arg(
        long = "framework",
        value_name = "NAME",
        value_delimiter = ',',
        required = true
    )]
    frameworks: Vec<String>,

    /// Controls of your own: measures, which replace ours of the same id key by key, or a framework
    #[arg(long = "controls", value_name = "FILE")]
    controls: Vec<PathBuf>,

    /// The configuration of the gateway: of each filter, of the bundle, or a manifest in which they stand
    #[arg(long = "config", value_name = "FILE")]
    configs: Vec<PathBuf>,

    /// Files with records, or directories of them, in any form that `audit verify` reads
    #[arg(long = "trail", value_name = "FILE")]
    trails: Vec<PathBuf>,

    /// What is documented, in OpenAPI 3.0 or 3.1: the pack then has the inventory of `audit inventory`
    #[arg(long, value_name = "FILE", requires = "trails")]
    openapi: Option<PathBuf>,

    #[command(flatten)]
    how: How,

    #[command(flatten)]
    times: TimeRange,

    /// In what form
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    output: Output,

    /// The files are a part of what there is: what is before and after them is not missing
    #[arg(long)]
    excerpt: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Html,
    Json,
    Oscal,
}

/// Makes the evidence pack.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    made(arguments).unwrap_or_else(|message| {
        eprintln!("meshward comply: {}", printable_lines(&message));
        exit::NOT_DONE
    })
}

fn made(arguments: &Arguments) -> Result<u8> {
    let catalog = arguments.catalog()?;
    if arguments.frameworks.iter().any(|name| name == "list") {
        for framework in &catalog.frameworks {
            say!("{:<10} {}", framework.id, framework.title);
        }
        return Ok(exit::RIGHT);
    }
    let frameworks = arguments.frameworks(&catalog)?;
    if arguments.configs.is_empty() {
        return Err("--config is needed: the configuration of the gateway".to_owned());
    }
    arguments.output.refuse_inputs(arguments.all_paths()?)?;
    let now_ms = arguments.how.now_ms()?;
    let now_s = i64::try_from(now_ms / 1000).unwrap_or(i64::MAX);
    let configurations = arguments.configurations(now_s)?;
    let forms = configurations.forms(now_s);
    let (from_ms, to_ms) = arguments.times.span()?;
    let period = Period { from_ms, to_ms };
    let measures: Vec<&Measure> = catalog.measures.iter().collect();
    let found = arguments.search(&measures, period, now_ms, &configurations.config_sha256)?;
    let basis = Basis {
        forms: &forms,
        found: found.as_ref().map(|one| (measures.as_slice(), &one.found)),
        verdict: found.as_ref().map(|one| &one.verdict),
    };
    // Whoever reads the pack has to know by what it was judged.
    let own = arguments.controls.iter();
    let own = own.map(|path| ("controls".to_owned(), path.display().to_string()));
    let sources: Vec<_> = configurations.sources.iter().cloned().chain(own).collect();
    let assessments: Vec<Assessment> = frameworks
        .iter()
        .map(|framework| Assessment {
            made_ms: now_ms,
            period,
            configurations: sources.clone(),
            inventory: found.as_ref().and_then(|one| one.inventory.clone()),
            ..Assessment::new(&catalog, framework, &basis)
        })
        .collect();
    let made = match arguments.format {
        Format::Text => assessments.iter().map(text::page).collect(),
        Format::Html => html::page(&assessments),
        Format::Json => written(serde_json::to_string_pretty(&assessments))?,
        Format::Oscal => match assessments.as_slice() {
            [assessment] => {
                let document = comply::oscal::document(assessment, env!("CARGO_PKG_VERSION"));
                written(serde_json::to_string_pretty(&document))?
            }
            _ => return Err("--format oscal: one --framework makes one document".to_owned()),
        },
    };
    arguments.output.write(&made)?;
    let is_untrue = basis.verdict.is_some_and(|verdict| verdict.exit_code == 1);
    let is_lacking = |one: &Assessment| one.counts.missing + one.counts.partial > 0;
    let is_of_others = |one: &Searched| !one.found.of_others.is_empty();
    let is_untrue = is_untrue || found.as_ref().is_some_and(is_of_others);
    Ok(if is_untrue || assessments.iter().any(is_lacking) {
        exit::FOUND
    } else {
        found.as_ref().map_or(exit::RIGHT, |one| one.unread)
    })
}

fn written(json: serde_json::Result<String>) -> Result<String> {
    Ok(json.map_err(|error| error.to_string())? + "\n")
}

impl Arguments {
    /// The controls of this program, and those of the files that were named.
    fn catalog(&self) -> Result<Catalog> {
        let mut catalog = Catalog::own().map_err(|error| error.to_string())?;
        for path in &self.controls {
            let file = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| format!("{file}: {error}"))?;
            let added = catalog.add_own(&file, &text);
            added.map_err(|error| error.to_string())?;
        }
        Ok(catalog)
    }

    fn frameworks<'c>(&self, catalog: &'c Catalog) -> Result<Vec<&'c Framework>> {
        let known = || catalog.frameworks.iter().map(|one| one.id.as_str());
        let find = |name: &String| {
            catalog.framework(name).ok_or_else(|| {
                let near = policy::nearest(name, known());
                let near = near.map_or_else(
                    || format!("there are {}", known().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean {near:?}?"),
                );
                format!("--framework {name:?}: no such standard; {near}")
            })
        };
        self.frameworks.iter().map(find).collect()
    }

    /// All that is read.
    fn all_paths(&self) -> Result<Vec<PathBuf>> {
        let mut paths = files_of(&self.trails)?;
        paths.extend(self.trails.iter().cloned());
        let given = self.configs.iter().chain(&self.openapi);
        paths.extend(given.chain(&self.controls).cloned());
        paths.extend(self.how.paths_beside().cloned());
        Ok(paths)
    }

    fn configurations(&self, now_s: i64) -> Result<Configurations> {
        let mut all = Configurations::default();
        let mut listeners: Option<ListenerTls> = None;
        for file in &self.configs {
            let tls = add_configurations(&mut all, file, now_s)?;
            listeners = match (listeners, tls) {
                (Some(known), Some(tls)) => Some(known.and(tls)),
                (known, tls) => known.or(tls),
            };
        }
        all.listener_tls = listeners.map(ListenerTls::word);
        Ok(all)
    }

    fn search(
        &self,
        measures: &[&Measure],
        period: Period,
        now_ms: u64,
        in_force: &[Hash],
    ) -> Result<Option<Searched>> {
        if self.trails.is_empty() {
            return Ok(None);
        }
        let keyring = self.how.keyring()?;
        let has_keys = !keyring.is_empty();
        let documented = self.openapi.as_deref().map(operations).transpose()?;
        let (trail, observers) = self.how.read(files_of(&self.trails)?, &keyring, || {
            let survey = documented.as_ref();
            let survey = survey.map(|documented| Survey::new(documented, period, has_keys));
            let search = Search::new(measures, period, has_keys);
            ((search, Days::default()), survey)
        })?;
        let (found, surveys): (Vec<_>, Vec<Option<Survey<'_>>>) = observers.into_iter().unzip();
        let (found, seen): (Vec<Search<'_>>, Vec<Days>) = found.into_iter().unzip();
        let seen = days(&trail, &seen, None);
        let to_ms = period.to_ms.unwrap_or(now_ms);
        let covered = measures.iter().filter_map(|measure| measure.covers_days);
        let covered = covered.map(|count| {
            let from_ms = to_ms.saturating_sub(count * DAY_MS);
            (
                count,
                Coverage::new(&seen, from_ms, to_ms, None).days_without,
            )
        });
        let inventory = documented.as_ref().map(|documented| {
            Survey::inventory(documented, surveys.into_iter().flatten().collect())
        });
        let question = Question {
            at_ms: now_ms,
            is_excerpt: self.excerpt,
            ..Question::default()
        };
        let unread = tell_unread(&trail, exit::RIGHT);
        Ok(Some(Searched {
            unread,
            found: Found {
                days_without: covered.collect(),
                ..Search::found(found, in_force)
            },
            verdict: conclude(trail, &question),
            inventory,
        }))
    }
}

/// What was found in a trail.
struct Searched {
    /// The exit status, as far as it is about what was read.
    unread: u8,
    found: Found,
    verdict: Verdict,
    inventory: Option<Inventory>,
}

/// Adds what a file has, by the names of the bundle's parts.
/// Returns what its listeners take.
fn add_configurations(
    all: &mut Configurations,
    file: &Path,
    now_s: i64,
) -> Result<Option<ListenerTls>> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    let wrong = |error: String| format!("{name}: {error}");
    let found = configured::all(&text, None).map_err(wrong)?;
    let said = configured::said_by_routes(&text).map_err(wrong)?;
    let is_empty = found.is_empty() && said.is_empty();
    for SaidByRoute { part, json, line } in said {
        all.routes.push(RouteConfig {
            part,
            place: format!("the metadata at {name}:{line}"),
            members: serde_json::from_str(&json)
                .map_err(|error| format!("{name}:{line}: {error}"))?,
        });
    }
    if is_empty {
        return Err(format!(
            "{name}: no configuration of a filter in it; `meshward check` says more"
        ));
    }
    let tls = listeners::tls(&text).map_err(wrong)?;
    add_bypasses(all, &name, text, &found, now_s);
    for Configured { filter, json, .. } in found {
        // The filter would not start with what it refuses, so nothing of it is set.
        parsed(filter, &json)
            .map_err(|problems| format!("{name}: {filter} refuses this: {problems}"))?;
        if filter == BUNDLE {
            all.config_sha256.push(Hash::configuration(&json));
            for part in split(&json).parts {
                let config = value(&part.json, &name)?;
                all.add(part.part.key(), &name, config)?;
            }
        } else if let Some(part) = Part::of_filter(filter) {
            if part == Part::Audit {
                all.config_sha256.push(Hash::configuration(&json));
            }
            all.add(part.key(), &name, value(&json, &name)?)?;
        }
    }
    Ok(tls)
}

/// Adds what `meshward check` finds in a file by which requests pass filters by.
fn add_bypasses(
    all: &mut Configurations,
    name: &str,
    text: String,
    found: &[Configured],
    now_s: i64,
) {
    let source = Source {
        name: name.to_owned(),
        text,
        is_named: true,
    };
    let findings = check::check(&source, None, Profile::Envoy, now_s).findings;
    let switches = |filter: &str| {
        let of_filter = |bypass: &&Bypass| bypass.filter == filter && bypass.is_of_all;
        let bypasses = findings.iter().flat_map(|finding| &finding.bypasses);
        bypasses.filter(of_filter).count()
    };
    for finding in &findings {
        for Bypass { filter, is_of_all } in &finding.bypasses {
            let places = found.iter().filter(|one| one.filter == *filter).count();
            // A filter that stands in two places and is off in one is there for some.
            let is_of_all = *is_of_all && switches(filter) >= places;
            let parts = Part::ALL.into_iter();
            let parts = parts.filter(|part| *filter == BUNDLE || part.filter() == *filter);
            let reason = format!("{}: {}", finding.place(), finding.message);
            all.bypasses.extend(parts.map(|part| Bypassed {
                part,
                is_of_all,
                reason: reason.clone(),
            }));
        }
    }
}

fn value(json: &str, name: &str) -> Result<Value> {
    serde_json::from_str(json).map_err(|error| format!("{name}: {error}"))
}

/// What the assessment is of, in lines.
fn about(assessment: &Assessment) -> Vec<String> {
    let sources = assessment.configurations.iter();
    let sources: Vec<String> = sources
        .map(|(part, file)| format!("{part} from {file}"))
        .collect();
    let mut lines = vec![format!("Configuration: {}", sources.join(", "))];
    let from = assessment.period.from_ms.map(time::format);
    let to = assessment.period.to_ms.map(time::format);
    match (from, to) {
        (None, None) => {}
        (from, to) => lines.push(format!(
            "Period: {} to {}",
            from.as_deref().unwrap_or("the beginning"),
            to.as_deref().unwrap_or("the end")
        )),
    }
    match &assessment.trail {
        None => {
            lines.push("Trail: none was given (--trail), so no records show anything.".to_owned());
        }
        Some(trail) => {
            lines.push(format!(
                "Trail: {}: {}; {} records of the period for which a known key vouches",
                trail.result,
                trail.sentence,
                thousands(trail.counted.records)
            ));
            if trail.not_counted > 0 {
                lines.push(format!(
                    "Not counted: {} records for which no key vouches; give the keys of the emitters (--key, --keys)",
                    thousands(trail.not_counted)
                ));
            }
            for (config_sha256, records) in &trail.of_other_configurations {
                lines.push(format!(
                    "Not counted: {} records from {} to {}, made under another configuration (config_sha256 {config_sha256}), so they \
                     show nothing of this one; assess that time with that configuration (--from, --to)",
                    thousands(records.records),
                    time::format(records.first_ms.unwrap_or_default()),
                    time::format(records.last_ms.unwrap_or_default())
                ));
            }
            if trail.of_unknown_configuration > 0 {
                lines.push(format!(
                    "Of these, {} records are of chains whose beginning is not in the files: under which configuration they \
                     were made is not known",
                    thousands(trail.of_unknown_configuration)
                ));
            }
            if trail.result == "failed" {
                lines.push("The trail does not verify, so its records show nothing.".to_owned());
            }
        }
    }
    if let Some(inventory) = &assessment.inventory {
        let count = |rows: usize| thousands(rows as u64);
        lines.push(format!(
            "API inventory: {} operations documented and seen, {} not documented, {} deprecated and still called, \
             {} answered without authentication, {} not seen (`meshward audit inventory` names them)",
            count(inventory.documented.len()),
            count(inventory.undocumented.len()),
            count(inventory.deprecated.len()),
            count(inventory.open.len()),
            count(inventory.unused.len())
        ));
    }
    lines
}

/// What a requirement's state is called.
fn word(state: comply::assessment::ControlState) -> &'static str {
    use comply::assessment::ControlState as State;
    match state {
        State::Shown => "shown",
        State::Set => "set",
        State::Partial => "partial",
        State::Missing => "missing",
        State::Beyond => "beyond",
    }
}

/// What a measure's state is called.
fn measure_word(state: comply::assessment::MeasureState) -> &'static str {
    use comply::assessment::MeasureState as State;
    match state {
        State::Shown => "shown by records",
        State::Set => "set",
        State::ReportOnly => "in report mode only",
        State::Unclear => "cannot be told",
        State::Limited => "for some requests only",
        State::Missing => "missing",
    }
}

const AFTER_HELP: &str = "\
Examples:
  meshward comply --framework pci --config envoy.yaml
  meshward comply --framework hipaa,gdpr --config meshward.json --trail /var/lib/trail --keys keys.json \\
    --from 2026-01-01 --to 2026-04-01 --format html --output evidence.html
The requirements are in our own words, and what is met is met as far as a gateway can. The files of controls, and what a
predicate may say, are described in the README of shared/comply.
Records count that were made under this configuration: each chain begins with the hash of the configuration of the plugin that
writes it (of the bundle, all of it). Others are told, with their time.
Exit status: 0 nothing is missing, 1 something is, or the trail fails verification, or is of another configuration, 2 not possible, or not all was read, 64 wrong usage.";
