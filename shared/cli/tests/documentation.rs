//! What the READMEs say about configurations is true: every example is accepted, and every key,
//! reason and metric is described.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod filter_files;

use std::collections::BTreeSet;
use std::path::Path;

use filter_files::{each_filter, files, folder, json_blocks, read};
use policy::config::{Configuration, Problems};

type Parse = fn(&str) -> Result<(), Problems>;

const FILTERS: [(&str, Parse); 4] = each_filter!(parse);

fn parse<C: Configuration>(text: &str) -> Result<(), Problems> {
    C::parse(text).map(drop)
}

/// All source files below a folder.
fn sources(folder: &Path) -> String {
    let paths = files(folder).into_iter();
    paths
        .map(|path| match path.is_dir() {
            true => sources(&path),
            false => read(&path),
        })
        .collect()
}

#[test]
fn examples_are_accepted() {
    for (filter, parse) in FILTERS {
        let readme = read(&folder(filter).join("README.md"));
        let examples = files(&folder(filter).join("examples"));
        assert!(examples.len() >= 2, "{filter}");
        for path in &examples {
            let result = parse(&read(path));
            result.unwrap_or_else(|problems| panic!("{}: {problems}", path.display()));
        }
        // Those that are whole configurations.
        let blocks = json_blocks(&readme).filter(|block| block.starts_with("{\n"));
        let blocks: Vec<&str> = blocks.collect();
        assert!(
            !blocks.is_empty(),
            "{filter}: the README has no configuration"
        );
        for block in blocks {
            let result = parse(block);
            result.unwrap_or_else(|problems| panic!("{filter} README: {problems}\n{block}"));
        }
    }
}

#[test]
fn every_reason_of_jwt_auth_is_described() {
    let readme = read(&folder("jwt-auth").join("README.md"));
    let source = read(&folder("jwt-auth").join("src/reason.rs"));
    let arms = source.lines().filter_map(|line| line.split("=> \"").nth(1));
    let codes: Vec<&str> = arms.filter_map(|arm| arm.split('"').next()).collect();
    assert!(codes.len() > 15);
    for code in codes {
        assert!(
            readme.contains(&format!("`{code}`")),
            "{code} is not in the README"
        );
    }
}

/// Metrics are string constants of the filters; each must be in the README of its filter.
#[test]
fn every_metric_is_described() {
    for (filter, _) in FILTERS {
        let readme = read(&folder(filter).join("README.md"));
        let source = sources(&folder(filter).join("src"));
        let is_metric = |word: &&str| {
            word.ends_with("_total")
                || matches!(
                    *word,
                    "queue_bytes"
                        | "queue_records"
                        | "key_age_seconds"
                        | "verification_microseconds"
                        | "waiting_requests"
                )
        };
        let metrics: BTreeSet<&str> = source.split('"').filter(is_metric).collect();
        assert!(!metrics.is_empty(), "{filter}");
        for name in metrics {
            assert!(
                readme.contains(&format!("`{name}`")),
                "{filter}: {name} is not in the README"
            );
        }
    }
}

/// What `meshward audit verify` can find is what its users look up.
#[test]
fn every_kind_of_issue_and_every_option_is_described() {
    let page = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    for kind in trail::issue::Kind::ALL {
        let code = kind.code();
        assert!(
            page.contains(&format!("`{code}`")),
            "{code} is not in the README"
        );
    }
    for command in [
        "verify",
        "report",
        "disclosures",
        "erase",
        "purge",
        "hold",
        "keygen",
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_meshward"))
            .args(["audit", command, "--help"])
            .output()
            .unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let options = help
            .split_whitespace()
            .filter(|word| word.starts_with("--") && word.len() > 2);
        for option in options {
            let option = option.trim_end_matches(['.', ',', ';', ':']);
            assert!(
                page.contains(option),
                "{command} {option} is not in the README"
            );
        }
    }
}

#[test]
fn help_lists_every_command() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_meshward"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for word in [
        "audit", "check", "verify", "report", "purge", "erase", "hold", "keygen",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
}
