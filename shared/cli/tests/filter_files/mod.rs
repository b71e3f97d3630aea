//! The files of the filters, for the tests that hold documents and configurations together.

use std::path::{Path, PathBuf};

/// The folder of a filter.
pub(crate) fn folder(filter: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../filters")
        .join(filter)
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files in a folder, by name.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The JSON blocks of a page.
pub(crate) fn json_blocks(page: &str) -> impl Iterator<Item = &str> {
    let blocks = page.split("```json\n").skip(1);
    blocks.filter_map(|rest| rest.split("```").next())
}

/// The configuration type of each filter, applied to a generic function: `each_filter!(parse)` is a
/// table of names and `parse::<Config>`.
macro_rules! each_filter {
    ($function:ident) => {
        [
            (
                "audit-emitter",
                $function::<audit_emitter::config::Config> as _,
            ),
            ("jwt-auth", $function::<jwt_auth::config::Config> as _),
            (
                "token-bucket",
                $function::<token_bucket::config::Config> as _,
            ),
            (
                "pii-redactor",
                $function::<pii_redactor::config::Config> as _,
            ),
        ]
    };
}

pub(crate) use each_filter;
