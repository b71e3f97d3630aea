//! What opens doors.

pub(crate) mod api_key;
pub(crate) mod aws_key;
pub(crate) mod basic;
pub(crate) mod gcp_key;
pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod jwt;
pub(crate) mod password;
pub(crate) mod private_key;
pub(crate) mod provider;
pub(crate) mod slack;
pub(crate) mod stripe;
pub(crate) mod url_password;

use crate::bytes::{Position as _, at, before, count_while, part};
use crate::detect::boundary::is_word;
use crate::detect::table::id;

/// What a prefix begins.
type End = fn(&[u8], usize, &'static [u8]) -> Option<usize>;

const PREFIXES: &[(&[u8], u8, End)] = &[
    (b"eyJ", id("JWT"), |text, start, _| jwt::end(text, start)),
    (b"Basic ", id("BASIC_AUTH"), |text, start, _| {
        basic::end(text, start)
    }),
    (b"AKIA", id("AWS_ACCESS_KEY"), |text, start, _| {
        aws_key::end(text, start)
    }),
    (b"ASIA", id("AWS_ACCESS_KEY"), |text, start, _| {
        aws_key::end(text, start)
    }),
    (b"ABIA", id("AWS_ACCESS_KEY"), |text, start, _| {
        aws_key::end(text, start)
    }),
    (b"AIDA", id("AWS_ACCESS_KEY"), |text, start, _| {
        aws_key::end(text, start)
    }),
    (b"AROA", id("AWS_ACCESS_KEY"), |text, start, _| {
        aws_key::end(text, start)
    }),
    (b"AIza", id("GCP_API_KEY"), |text, start, _| {
        gcp_key::end(text, start)
    }),
    (b"GOCSPX-", id("GCP_API_KEY"), |text, start, _| {
        gcp_key::end(text, start)
    }),
    (b"ghp_", id("GITHUB_TOKEN"), |text, start, _| {
        github::end(text, start)
    }),
    (b"gho_", id("GITHUB_TOKEN"), |text, start, _| {
        github::end(text, start)
    }),
    (b"ghu_", id("GITHUB_TOKEN"), |text, start, _| {
        github::end(text, start)
    }),
    (b"ghs_", id("GITHUB_TOKEN"), |text, start, _| {
        github::end(text, start)
    }),
    (b"ghr_", id("GITHUB_TOKEN"), |text, start, _| {
        github::end(text, start)
    }),
    (b"github_pat_", id("GITHUB_TOKEN"), |text, start, _| {
        github::end(text, start)
    }),
    (b"glpat-", id("GITLAB_TOKEN"), |text, start, _| {
        gitlab::end(text, start)
    }),
    (b"gldt-", id("GITLAB_TOKEN"), |text, start, _| {
        gitlab::end(text, start)
    }),
    (b"xoxb-", id("SLACK_TOKEN"), |text, start, _| {
        slack::end(text, start)
    }),
    (b"xoxp-", id("SLACK_TOKEN"), |text, start, _| {
        slack::end(text, start)
    }),
    (b"xoxa-", id("SLACK_TOKEN"), |text, start, _| {
        slack::end(text, start)
    }),
    (b"xoxr-", id("SLACK_TOKEN"), |text, start, _| {
        slack::end(text, start)
    }),
    (b"xoxs-", id("SLACK_TOKEN"), |text, start, _| {
        slack::end(text, start)
    }),
    (b"xapp-", id("SLACK_TOKEN"), |text, start, _| {
        slack::end(text, start)
    }),
    (b"sk_live_", id("STRIPE_KEY"), |text, start, _| {
        stripe::end(text, start)
    }),
    (b"sk_test_", id("STRIPE_KEY"), |text, start, _| {
        stripe::end(text, start)
    }),
    (b"rk_live_", id("STRIPE_KEY"), |text, start, _| {
        stripe::end(text, start)
    }),
    (b"rk_test_", id("STRIPE_KEY"), |text, start, _| {
        stripe::end(text, start)
    }),
    (b"whsec_", id("STRIPE_KEY"), |text, start, _| {
        stripe::end(text, start)
    }),
    (b"npm_", id("PROVIDER_TOKEN"), provider::end),
    (b"pypi-", id("PROVIDER_TOKEN"), provider::end),
    (b"SG.", id("PROVIDER_TOKEN"), provider::end),
    (b"hf_", id("PROVIDER_TOKEN"), provider::end),
    (b"dop_v1_", id("PROVIDER_TOKEN"), provider::end),
    (b"shpat_", id("PROVIDER_TOKEN"), provider::end),
    (b"shpss_", id("PROVIDER_TOKEN"), provider::end),
    (b"lin_api_", id("PROVIDER_TOKEN"), provider::end),
    (b"dp.pt.", id("PROVIDER_TOKEN"), provider::end),
    (b"sk-ant-", id("PROVIDER_TOKEN"), provider::end),
    (b"sk-", id("PROVIDER_TOKEN"), provider::end),
];

/// The secrets that begin with a prefix, from `from` on.
pub(crate) fn find(text: &[u8], from: usize, mut found: impl FnMut(u8, usize, usize)) {
    let mut position = from;
    while position < text.len() {
        let byte = at(text, position);
        if byte == b'-'
            && part(text, position, position.plus(11)) == b"-----BEGIN "
            && let Some((end, _)) = private_key::end(text, position)
        {
            found(id("PRIVATE_KEY"), position, end);
            position = end;
            continue;
        }
        let may_begin = begins(byte) && !is_word(before(text, position));
        let known = may_begin
            .then(|| {
                PREFIXES.iter().find(|(prefix, ..)| {
                    part(text, position, position.plus(prefix.len())) == *prefix
                })
            })
            .flatten();
        if let Some((prefix, entity, end)) = known
            && let Some(end) = end(text, position, prefix)
        {
            found(*entity, position, end);
            position = end;
            continue;
        }
        position = position.plus(1);
    }
}

/// The end of exactly so many characters of a kind.
fn exactly(text: &[u8], start: usize, count: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    (count_while(text, start, is) == count).then(|| start.plus(count))
}

/// The end of so many characters of a kind or more.
fn at_least(text: &[u8], start: usize, count: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    let length = count_while(text, start, is);
    (length >= count).then(|| start.plus(length))
}

/// The first bytes of the prefixes.
const fn begins(byte: u8) -> bool {
    matches!(
        byte,
        b'e' | b'B'
            | b'A'
            | b'G'
            | b'g'
            | b'x'
            | b's'
            | b'r'
            | b'w'
            | b'n'
            | b'p'
            | b'S'
            | b'h'
            | b'd'
            | b'l'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::Triggers;

    #[test]
    fn every_prefix_is_seen_at_the_first_look() {
        for (prefix, ..) in PREFIXES {
            assert!(
                Triggers::of(prefix).has(Triggers::LITERAL),
                "{}",
                String::from_utf8_lossy(prefix)
            );
            assert!(prefix.first().is_some_and(|first| begins(*first)));
        }
        assert!(Triggers::of(b"-----BEGIN ").has(Triggers::LITERAL));
    }
}
