//! `meshward schema FILTER`: the JSON Schema of a configuration.

use clap::ValueEnum;

use crate::exit;
use crate::output::say;

/// Prints the JSON Schema (2020-12) of a filter's configuration, for editors and validators
///
/// It says what the filter's own parser asks for; what keys mean to each other (a burst below a cost,
/// two rules of one name) only `meshward check` finds.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  meshward schema token-bucket >token-bucket.schema.json")]
pub(crate) struct Arguments {
    /// Whose configuration
    filter: Filter,
}

/// The filters that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Filter {
    AuditEmitter,
    JwtAuth,
    TokenBucket,
    PiiRedactor,
    /// All four in one
    Meshward,
}

/// Prints the schema.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    let schema = match arguments.filter {
        Filter::AuditEmitter => include_str!("../../../filters/audit-emitter/schema.json"),
        Filter::JwtAuth => include_str!("../../../filters/jwt-auth/schema.json"),
        Filter::TokenBucket => include_str!("../../../filters/token-bucket/schema.json"),
        Filter::PiiRedactor => include_str!("../../../filters/pii-redactor/schema.json"),
        Filter::Meshward => include_str!("../../../filters/meshward/schema.json"),
    };
    say!("{}", schema.trim_end());
    exit::RIGHT
}
