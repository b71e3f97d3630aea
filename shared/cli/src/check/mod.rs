//! `meshward check FILTER FILE...` reads configurations with the very code that the filter runs, so
//! that what passes here is accepted by the proxy, and prints every mistake of what is not.

mod bootstrap;

use std::io::Read as _;

use clap::builder::PossibleValuesParser;
use policy::config::Checked;

use crate::color::{Colour, painted};
use crate::exit;
use crate::output::say;

/// Checks configurations with the very code that the filter runs.
///
/// A line with "warning:" is about what is accepted and probably not meant.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  meshward check token-bucket limits.json
  meshward check envoy envoy.yaml")]
pub(crate) struct Arguments {
    /// Whose configurations they are; those of Envoy are YAML or JSON, and warnings say what they leave open around the filters
    #[arg(value_parser = PossibleValuesParser::new(PARSERS.map(|(name, _)| name).into_iter().chain([ENVOY])))]
    filter: String,

    /// The configurations; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
}

/// Checks files as configurations of a filter, or of Envoy.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    let mut code = exit::RIGHT;
    for file in &arguments.files {
        let text = match read(file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("meshward: {file} cannot be read: {error}");
                code = exit::NOT_DONE;
                continue;
            }
        };
        let (warnings, mistakes) = check(&arguments.filter, &text);
        for warning in warnings {
            say!("{file}: {}: {warning}", painted("warning", Colour::Yellow));
        }
        if mistakes.is_empty() {
            say!("{file}: {}", painted("ok", Colour::Green));
            continue;
        }
        code = code.max(exit::FOUND);
        for mistake in mistakes {
            say!("{file}: {mistake}");
        }
    }
    code
}

/// Warnings and mistakes.
fn check(filter: &str, text: &str) -> (Vec<String>, Vec<String>) {
    let Some(parse) = parser(filter) else {
        return match bootstrap::check(text) {
            Ok(warnings) => (
                warnings.iter().map(ToString::to_string).collect(),
                Vec::new(),
            ),
            Err(mistake) => (Vec::new(), vec![mistake]),
        };
    };
    let checked = parse(text);
    let warnings = checked.warnings.iter().map(ToString::to_string).collect();
    let mistakes = checked.result.err();
    let mistakes = mistakes
        .iter()
        .flat_map(|problems| problems.iter().map(ToString::to_string));
    (warnings, mistakes.collect())
}

/// What `check` calls the configuration of Envoy itself.
const ENVOY: &str = "envoy";

type Parser = fn(&str) -> Checked<()>;

const PARSERS: [(&str, Parser); 5] = [
    ("audit-emitter", |text| {
        audit_emitter::config::Config::check(text).map(drop)
    }),
    ("jwt-auth", |text| {
        let mut checked = jwt_auth::config::Config::check(text);
        if let Ok(config) = &checked.result {
            checked.warnings.extend(config.expired_keys(now_s()));
        }
        checked.map(drop)
    }),
    ("token-bucket", |text| {
        token_bucket::config::Config::check(text).map(drop)
    }),
    ("pii-redactor", |text| {
        pii_redactor::config::Config::check(text).map(drop)
    }),
    // The four in one module.
    ("meshward", meshward_bundle::config::check),
];

/// Seconds since 1970.
fn now_s() -> i64 {
    i64::try_from(trail::time::now_ms() / 1000).unwrap_or(i64::MAX)
}

fn parser(filter: &str) -> Option<Parser> {
    PARSERS
        .iter()
        .find(|(name, _)| *name == filter)
        .map(|(_, parse)| *parse)
}

fn read(file: &str) -> std::io::Result<String> {
    if file != "-" {
        return std::fs::read_to_string(file);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
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
