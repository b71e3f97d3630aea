//! PROVIDER_TOKEN: a token with the prefix of npm, PyPI, SendGrid, Hugging Face, OpenAI, Anthropic, DigitalOcean, Shopify, Doppler, Linear or Vault.

use super::{Class, Runs};
use crate::detect::prelude::*;

/// As many characters as the provider has behind the prefix.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, prefix: &[u8]) -> Option<usize> {
    let begin = start.plus(prefix.len());
    let least = match prefix {
        b"npm_" => return runs.exactly(Class::Alphanumeric, begin, 36),
        // Letters alone are common in these.
        b"hf_" => return runs.at_least(Class::Alphanumeric, begin, 30),
        b"SG." => 60,
        b"pypi-" => 50,
        b"sk-ant-" => 40,
        b"dop_v1_" => 60,
        b"shpat_" | b"shpss_" => 32,
        b"dp.pt." => 40,
        b"lin_api_" => 40,
        b"hvs." | b"hvb." | b"hvr." => 24,
        // `sk-` alone is also the beginning of plain words: digits and letters.
        _ => 32,
    };
    let run = runs.at(Class::Dotted, begin);
    (run.length_from(begin) >= least && run.is_mixed_from(begin)).then_some(run.end)
}
