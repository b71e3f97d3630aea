//! Secrets: what opens doors.

pub(crate) mod api_key;
pub(crate) mod aws_key;
pub(crate) mod basic;
pub(crate) mod gcp_key;
pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod jwt;
pub(crate) mod private_key;
pub(crate) mod provider;
mod runs;
pub(crate) mod slack;
pub(crate) mod stripe;
pub(crate) mod url_password;

pub(crate) use runs::{Class, Runs};

use crate::bytes::{Position as _, at, before, part};
use crate::detect::boundary::is_word;
use crate::detect::kind;
use crate::entity::EntitySet;
use crate::steps::step;

/// Finds the end of a secret whose prefix stands at a place.
type End = fn(&mut Runs<'_>, usize, &'static [u8]) -> Option<usize>;

/// The prefixes with which secrets begin; those with the same first byte stand together.
const PREFIXES: &[(&[u8], u8, End)] = &[
    (b"eyJ", kind::JWT, jwt::end),
    (b"Basic ", kind::BASIC_AUTH, basic::end),
    (b"AKIA", kind::AWS_ACCESS_KEY, aws_key::end),
    (b"ASIA", kind::AWS_ACCESS_KEY, aws_key::end),
    (b"ABIA", kind::AWS_ACCESS_KEY, aws_key::end),
    (b"AIDA", kind::AWS_ACCESS_KEY, aws_key::end),
    (b"AROA", kind::AWS_ACCESS_KEY, aws_key::end),
    (b"AIza", kind::GCP_API_KEY, gcp_key::end),
    (b"GOCSPX-", kind::GCP_API_KEY, gcp_key::end),
    (b"ya29.", kind::GCP_API_KEY, gcp_key::end),
    (b"ghp_", kind::GITHUB_TOKEN, github::end),
    (b"gho_", kind::GITHUB_TOKEN, github::end),
    (b"ghu_", kind::GITHUB_TOKEN, github::end),
    (b"ghs_", kind::GITHUB_TOKEN, github::end),
    (b"ghr_", kind::GITHUB_TOKEN, github::end),
    (b"github_pat_", kind::GITHUB_TOKEN, github::end),
    (b"glsa_", kind::PROVIDER_TOKEN, provider::end),
    (b"gsk_", kind::PROVIDER_TOKEN, provider::end),
    (b"glpat-", kind::GITLAB_TOKEN, gitlab::end),
    (b"gldt-", kind::GITLAB_TOKEN, gitlab::end),
    (b"xoxb-", kind::SLACK_TOKEN, slack::end),
    (b"xoxp-", kind::SLACK_TOKEN, slack::end),
    (b"xoxa-", kind::SLACK_TOKEN, slack::end),
    (b"xoxr-", kind::SLACK_TOKEN, slack::end),
    (b"xoxs-", kind::SLACK_TOKEN, slack::end),
    (b"xai-", kind::PROVIDER_TOKEN, provider::end),
    (b"xapp-", kind::SLACK_TOKEN, slack::end),
    (b"sk_live_", kind::STRIPE_KEY, stripe::end),
    (b"sk_test_", kind::STRIPE_KEY, stripe::end),
    (b"shpat_", kind::PROVIDER_TOKEN, provider::end),
    (b"shpca_", kind::PROVIDER_TOKEN, provider::end),
    (b"shppa_", kind::PROVIDER_TOKEN, provider::end),
    (b"secret_", kind::PROVIDER_TOKEN, provider::end),
    (b"sntrys_", kind::PROVIDER_TOKEN, provider::end),
    (b"sntryu_", kind::PROVIDER_TOKEN, provider::end),
    (b"sbp_", kind::PROVIDER_TOKEN, provider::end),
    (b"shpss_", kind::PROVIDER_TOKEN, provider::end),
    (b"sk-ant-", kind::PROVIDER_TOKEN, provider::end),
    (b"sk-", kind::PROVIDER_TOKEN, provider::end),
    (b"rk_live_", kind::STRIPE_KEY, stripe::end),
    (b"r8_", kind::PROVIDER_TOKEN, provider::end),
    (b"rubygems_", kind::PROVIDER_TOKEN, provider::end),
    (b"rk_test_", kind::STRIPE_KEY, stripe::end),
    (b"whsec_", kind::STRIPE_KEY, stripe::end),
    (b"ntn_", kind::PROVIDER_TOKEN, provider::end),
    (b"nfp_", kind::PROVIDER_TOKEN, provider::end),
    (b"npm_", kind::PROVIDER_TOKEN, provider::end),
    (b"pscale_pw_", kind::PROVIDER_TOKEN, provider::end),
    (b"pscale_tkn_", kind::PROVIDER_TOKEN, provider::end),
    (b"pypi-", kind::PROVIDER_TOKEN, provider::end),
    (b"SG.", kind::PROVIDER_TOKEN, provider::end),
    (b"hf_", kind::PROVIDER_TOKEN, provider::end),
    (b"hvs.", kind::PROVIDER_TOKEN, provider::end),
    (b"hvb.", kind::PROVIDER_TOKEN, provider::end),
    (b"hvr.", kind::PROVIDER_TOKEN, provider::end),
    (b"hooks.slack.com/", kind::SLACK_TOKEN, slack::web_hook_end),
    (
        b"hooks.slack-gov.com/",
        kind::SLACK_TOKEN,
        slack::web_hook_end,
    ),
    (b"dop_v1_", kind::PROVIDER_TOKEN, provider::end),
    (b"dckr_pat_", kind::PROVIDER_TOKEN, provider::end),
    (b"doo_v1_", kind::PROVIDER_TOKEN, provider::end),
    (b"dor_v1_", kind::PROVIDER_TOKEN, provider::end),
    (b"dp.pt.", kind::PROVIDER_TOKEN, provider::end),
    (b"lin_api_", kind::PROVIDER_TOKEN, provider::end),
    (b"figd_", kind::PROVIDER_TOKEN, provider::end),
];

/// By the first byte of a prefix: where in the table it is, and how many there are.
const RANGES: [(u8, u8); 128] = ranges();

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "runs while compiling"
)]
const fn ranges() -> [(u8, u8); 128] {
    let mut ranges = [(0, 0); 128];
    let mut place = 0;
    while place < PREFIXES.len() {
        let first = PREFIXES[place].0[0] as usize;
        if ranges[first].1 == 0 {
            ranges[first].0 = place as u8;
        }
        assert!(
            ranges[first].0 as usize + ranges[first].1 as usize == place,
            "prefixes with the same first byte stand together"
        );
        ranges[first].1 += 1;
        place += 1;
    }
    ranges
}

/// Whether a token of Vault may be in a text with a digit: `hvs.`. All of them have one.
#[inline]
pub(crate) fn may_have_vault_token(text: &[u8]) -> bool {
    step(text.len() / 8);
    memchr::memchr_iter(b'v', text).any(|place| {
        step(1);
        before(text, place) == b'h' && at(text, place.plus(2)) == b'.'
    })
}

/// The kinds that begin with a prefix.
pub(crate) fn kinds() -> EntitySet {
    let mut kinds = EntitySet::EMPTY;
    kinds.insert(kind::PRIVATE_KEY);
    for (_, entity, _) in PREFIXES {
        kinds.insert(*entity);
    }
    kinds
}

/// The secrets of the wanted kinds that begin with a prefix, from `from` on. Returns how many prefixes
/// stood there.
pub(crate) fn find(
    text: &[u8],
    from: usize,
    wanted: &EntitySet,
    mut found: impl FnMut(u8, usize, usize),
) -> usize {
    let mut prefixes = 0_usize;
    let mut runs = Runs::new(text);
    let mut position = from;
    while position < text.len() {
        let byte = at(text, position);
        if byte == b'-'
            && part(text, position, position.plus(11)) == b"-----BEGIN "
            && wanted.has(kind::PRIVATE_KEY)
            && let Some(end) = private_key::end(text, position)
        {
            prefixes = prefixes.plus(1);
            found(kind::PRIVATE_KEY, position, end);
            position = end;
            continue;
        }
        let (first, count) = RANGES.get(usize::from(byte)).copied().unwrap_or((0, 0));
        if count > 0
            && !is_word(before(text, position))
            && let Some((entity, end)) =
                prefixed(&mut runs, position, (first, count), wanted, &mut prefixes)
        {
            found(entity, position, end);
            position = end;
            continue;
        }
        position = position.plus(1);
    }
    prefixes
}

/// The secret whose prefix stands at a place.
fn prefixed(
    runs: &mut Runs<'_>,
    position: usize,
    (first, count): (u8, u8),
    wanted: &EntitySet,
    prefixes: &mut usize,
) -> Option<(u8, usize)> {
    let second = at(runs.text(), position.plus(1));
    let candidates = PREFIXES
        .iter()
        .skip(usize::from(first))
        .take(usize::from(count));
    for (prefix, entity, end) in candidates {
        step(1);
        if at(prefix, 1) == second
            && part(runs.text(), position, position.plus(prefix.len())) == *prefix
        {
            step(prefix.len());
            // The longest prefix comes first, and is the only one that counts.
            if !wanted.has(*entity) {
                return None;
            }
            *prefixes = prefixes.plus(1);
            return end(runs, position, prefix).map(|end| (*entity, end));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::Triggers;

    #[test]
    fn every_prefix_is_seen_at_the_first_look() {
        for (prefix, ..) in PREFIXES {
            assert!(
                Triggers::of(prefix).has(Triggers::LITERAL) || may_have_vault_token(prefix),
                "{}",
                String::from_utf8_lossy(prefix)
            );
        }
        assert!(Triggers::of(b"-----BEGIN ").has(Triggers::LITERAL));
    }
}
