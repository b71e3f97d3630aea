//! PROVIDER_TOKEN: a token with the prefix of npm, PyPI, SendGrid, Hugging Face, OpenAI, Anthropic, DigitalOcean, Shopify, Doppler or Linear.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "PROVIDER_TOKEN",
    about: "A token with the prefix of npm, PyPI, SendGrid, Hugging Face, OpenAI, Anthropic, DigitalOcean, Shopify, Doppler or Linear",
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["npm token", "pypi token", "openai api key"],
    examples: &[
        "npm_0123456789abcdefghijABCDEFGHIJ012345",
        "SG.0123456789abcdefghijAB.0123456789abcdefghijABCDEFGHIJ0123456789abc",
    ],
    counterexamples: &["npm_install", "SG.short"],
};

/// As many characters as the provider has behind the prefix.
pub(crate) fn end(text: &[u8], start: usize, prefix: &[u8]) -> Option<usize> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let begin = start.plus(prefix.len());
    let least = match prefix {
        b"npm_" => return super::exactly(text, begin, 36, |byte| byte.is_ascii_alphanumeric()),
        b"SG." => 60,
        b"pypi-" => 50,
        b"hf_" => 30,
        b"sk-ant-" => 40,
        b"dop_v1_" => 60,
        b"shpat_" | b"shpss_" => 32,
        b"dp.pt." => 40,
        b"lin_api_" => 40,
        // `sk-` alone is also the beginning of plain words: digits and letters of both sizes.
        _ => 32,
    };
    let end = super::at_least(text, begin, least, is_part)?;
    let body = part(text, begin, end);
    (body.iter().any(u8::is_ascii_digit) && body.iter().any(u8::is_ascii_alphabetic)).then_some(end)
}
