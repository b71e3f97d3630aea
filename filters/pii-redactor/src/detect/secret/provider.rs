//! PROVIDER_TOKEN: a token with the prefix of npm, PyPI, SendGrid, Hugging Face, OpenAI, Anthropic, DigitalOcean, Shopify, Doppler, Linear, Vault, Docker, Figma, Grafana, Groq, Netlify, Notion, PlanetScale, Replicate, RubyGems, Sentry, Supabase or xAI.

use super::{Class, Runs};
use crate::detect::prelude::*;

/// As many characters as the provider has behind the prefix.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, prefix: &[u8]) -> Option<usize> {
    let begin = start.plus(prefix.len());
    let least = match prefix {
        b"npm_" => return runs.exactly(Class::Alphanumeric, begin, 36),
        // A name of many words may begin so too.
        b"secret_" => return runs.exactly(Class::Alphanumeric, begin, 43),
        // Letters alone are common in these.
        b"hf_" => return runs.at_least(Class::Alphanumeric, begin, 30),
        b"SG." | b"xai-" => 60,
        b"gsk_" | b"ntn_" | b"sntrys_" => 40,
        b"dckr_pat_" => 27,
        b"pypi-" => 50,
        b"sk-ant-" => 40,
        b"dop_v1_" | b"doo_v1_" | b"dor_v1_" | b"sntryu_" => 60,
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
