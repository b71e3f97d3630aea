//! `meshward check FILTER FILE...` reads configurations with the very code that the filter runs, so
//! that what passes here is accepted by the proxy, and prints every mistake of what is not.

use std::io::Read as _;

use clap::builder::PossibleValuesParser;
use policy::config::Checked;

use crate::exit;
use crate::output::say;

/// Checks configurations with the very code that the filter runs.
///
/// A line with "warning:" is about what is accepted and probably not meant.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Whose configurations they are
    #[arg(value_parser = PossibleValuesParser::new(PARSERS.map(|(name, _)| name)))]
    filter: String,

    /// The configurations; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
}

/// Checks files as configurations of a filter.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    let Some(parse) = parser(&arguments.filter) else {
        return exit::USAGE;
    };
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
        let checked = parse(&text);
        for warning in &checked.warnings {
            say!("{file}: warning: {warning}");
        }
        match checked.result {
            Ok(()) => say!("{file}: ok"),
            Err(problems) => {
                code = code.max(exit::FOUND);
                for problem in problems.iter() {
                    say!("{file}: {problem}");
                }
            }
        }
    }
    code
}

type Parser = fn(&str) -> Checked<()>;

const PARSERS: [(&str, Parser); 4] = [
    ("audit-emitter", |text| {
        audit_emitter::config::Config::check(text).map(drop)
    }),
    ("jwt-auth", |text| {
        jwt_auth::config::Config::check(text).map(drop)
    }),
    ("token-bucket", |text| {
        token_bucket::config::Config::check(text).map(drop)
    }),
    ("pii-redactor", |text| {
        pii_redactor::config::Config::check(text).map(drop)
    }),
];

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
            assert!(
                problems.contains("nonsense: unknown key"),
                "{name}: {problems}"
            );
            assert!(parser(name).is_some());
        }
        assert!(parser("jwt").is_none());
    }
}
