//! `meshward check FILTER FILE...` reads configurations with the very code that the filter runs, so
//! that what passes here is accepted by the proxy, and prints every mistake of what is not.

mod bootstrap;

use std::io::Read as _;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use policy::config::Checked;

/// Checks files as configurations of a filter.
pub(crate) fn run(words: &[&str]) -> ExitCode {
    match words {
        ["--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        [filter, files @ ..] if !files.is_empty() => check(filter, files),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(crate::USAGE_ERROR)
        }
    }
}

const USAGE: &str = "\
Usage: meshward check FILTER FILE...
       meshward check envoy FILE...

Checks configurations of FILTER (audit-emitter, jwt-auth, token-bucket or pii-redactor); - is
standard input. With `envoy`, the files are configurations of Envoy, in YAML or JSON: warnings name
what they leave open around the filters. A line with \"warning:\" is about what is accepted and probably not meant.
Exit status: 0 all are accepted, with warnings or without, 1 a mistake was found, 2 wrong usage or no
such file.";

fn check(filter: &str, files: &[&str]) -> ExitCode {
    if filter == "envoy" {
        return check_envoy(files);
    }
    let Some(parse) = parser(filter) else {
        let names: Vec<&str> = PARSERS.iter().map(|(name, _)| *name).collect();
        eprintln!(
            "meshward: there is no filter {filter:?}; there are {}, and envoy for its own configuration",
            names.join(", ")
        );
        return ExitCode::from(crate::USAGE_ERROR);
    };
    let mut wrong = false;
    for file in files {
        let text = match read(file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("meshward: {file} cannot be read: {error}");
                return ExitCode::from(crate::USAGE_ERROR);
            }
        };
        let checked = parse(&text);
        for warning in &checked.warnings {
            println!("{file}: warning: {warning}");
        }
        match checked.result {
            Ok(()) => println!("{file}: ok"),
            Err(problems) => {
                wrong = true;
                for problem in problems.iter() {
                    println!("{file}: {problem}");
                }
            }
        }
    }
    if wrong {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn check_envoy(files: &[&str]) -> ExitCode {
    let mut wrong = false;
    for file in files {
        let text = match read(file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("meshward: {file} cannot be read: {error}");
                return ExitCode::from(crate::USAGE_ERROR);
            }
        };
        match bootstrap::check(&text) {
            Ok(warnings) => {
                for warning in warnings {
                    println!("{file}: warning: {warning}");
                }
                println!("{file}: ok");
            }
            Err(mistake) => {
                wrong = true;
                println!("{file}: {mistake}");
            }
        }
    }
    if wrong {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

type Parser = fn(&str) -> Checked<()>;

const PARSERS: [(&str, Parser); 4] = [
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
];

/// Seconds since 1970.
fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
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
            assert!(
                problems.contains("nonsense: unknown key"),
                "{name}: {problems}"
            );
            assert!(parser(name).is_some());
        }
        assert!(parser("jwt").is_none());
    }
}
