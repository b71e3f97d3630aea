//! Configurations, by themselves or in manifests, read with the very code that the filters run, and what
//! stands around them.

mod bootstrap;
mod callers;
mod carried;
pub mod codes;
pub mod configured;
pub(crate) mod connection_manager;
pub mod document;
mod finding;
mod headers;
mod higress;
pub mod listeners;
mod loaded;
mod locate;
mod plugin;
mod rerouted;
mod routes;
mod subjects;
mod template;
mod text;
mod tree;
mod wiring;

pub use finding::{Bypass, Finding};
use host::fake::Profile;
use meshward_bundle::config::Part;
use policy::config::{self, Configuration};
use policy::filters::{AUDIT_EMITTER, JWT_AUTH, PII_REDACTOR, TOKEN_BUCKET};
pub(crate) use wiring::called;

/// A file to check, with its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What findings call it: the name of a file.
    pub name: String,
    /// The contents of the file.
    pub text: String,
    /// It was named, rather than found in a folder.
    pub is_named: bool,
}

/// What the configuration of Envoy itself is called.
pub const ENVOY: &str = "envoy";
/// The four filters in one module.
pub const BUNDLE: &str = "meshward";

/// What a text says to filters.
#[derive(Debug)]
pub struct Checked {
    /// Everything that is wrong with it.
    pub findings: Vec<Finding>,
    /// There is a configuration of a filter in it, or it is that of Envoy itself.
    pub is_ours: bool,
}

/// Everything that is wrong with a text, at a time in seconds since 1970. `filter` says whose configuration
/// it is, where that is not plain from the text, and `host` what a configuration that stands by itself is for.
#[must_use]
pub fn check(source: &Source, filter: Option<&str>, host: Profile, now_s: i64) -> Checked {
    let mut checked = text::check(source, filter, host, now_s);
    let found = checked.findings.into_iter();
    checked.findings = found.map(|f| f.placed(&source.text)).collect();
    checked
}

/// Reads a configuration at a time in seconds since 1970.
type Parser = fn(&str, i64) -> config::Checked<()>;

const PARSERS: [(&str, Parser); 5] = [
    (AUDIT_EMITTER, parse::<audit_emitter::config::Config>),
    (JWT_AUTH, |text, now_s| {
        let mut checked = jwt_auth::config::Config::check(text);
        if let Ok(config) = &checked.result {
            checked.warnings.extend(config.expired_keys(now_s));
        }
        let warnings = headers::of_filter(Part::Auth, text);
        checked.warnings.extend(warnings);
        checked.map(drop)
    }),
    (TOKEN_BUCKET, |text, now_s| {
        let mut checked = parse::<token_bucket::config::Config>(text, now_s);
        let warnings = headers::of_filter(Part::Limits, text);
        checked.warnings.extend(warnings);
        checked
    }),
    (PII_REDACTOR, parse::<pii_redactor::config::Config>),
    (BUNDLE, |text, _| {
        let mut checked = meshward_bundle::config::check(text);
        checked.warnings.extend(headers::of_bundle(text));
        checked
    }),
];

fn parse<C: Configuration>(text: &str, _: i64) -> config::Checked<()> {
    C::check(text).map(drop)
}

/// Whose configurations can be checked: the filters and the bundle of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    PARSERS.iter().map(|(name, _)| *name)
}

/// Reads a configuration as its filter does.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parsed(filter: &str, text: &str) -> Result<(), config::Problems> {
    parser(filter).map_or(Ok(()), |parse| parse(text, 0).result)
}

fn parser(filter: &str) -> Option<Parser> {
    PARSERS
        .iter()
        .find(|(name, _)| *name == filter)
        .map(|(_, parse)| *parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_has_a_parser_that_names_mistakes() {
        for (name, parse) in PARSERS {
            let checked = parse(r#"{"nonsense": 1}"#, 0);
            let problems = checked.result.unwrap_err().to_string();
            assert!(problems.contains("nonsense: unknown"), "{name}: {problems}");
            assert!(parser(name).is_some());
        }
        assert!(parser("jwt").is_none());
    }
}
