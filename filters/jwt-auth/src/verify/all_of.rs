//! Rules that want several callers at once.

use std::collections::BTreeMap;

use super::Verifier;
use crate::credential::source::CredentialSource;
use crate::reason::Reason;
use crate::token::Token;
use crate::verify::context::{Authenticated, Failure, VerifyContext};
use crate::verify::verified::Verified;

impl Verifier {
    /// Each provider has a credential of its own: one that counts for a provider counts for no other.
    pub(super) fn all_of(
        &mut self,
        context: VerifyContext<'_>,
        providers: &[usize],
    ) -> Result<Authenticated, Failure> {
        let mut all = Authenticated::default();
        let mut of_providers = Vec::new();
        let mut missing = None;
        for provider in providers {
            let one = match self.any_of(context, std::slice::from_ref(provider)) {
                // Where it is optional, those that are there must be good all the same.
                Err(failure @ Failure::Refused(Reason::CredentialMissing, _)) => {
                    missing = Some(failure);
                    continue;
                }
                one => one?,
            };
            let credentials = one.callers.iter().zip(&one.credentials);
            let signed = credentials.map(|(caller, text)| self.what_is_signed(caller, text));
            of_providers.push(signed.map(str::to_owned).collect());
            all.callers.extend(one.callers);
            all.credentials.extend(one.credentials);
            all.in_query |= one.in_query;
        }
        if let Some(failure) = missing {
            return Err(failure);
        }
        match has_one_each(&of_providers) {
            true => Ok(all),
            false => Err(Reason::CredentialMissing.into()),
        }
    }

    /// What makes two credentials one: of a token all but its signature, which may have several forms.
    fn what_is_signed<'t>(&self, caller: &Verified, text: &'t str) -> &'t str {
        let is_token = || Token::parse(text, &self.headers).is_ok();
        match (self.source(caller.provider), text.rsplit_once('.')) {
            (Some(CredentialSource::ApiKeys(_)), _) | (_, None) => text,
            // Others have dots in them as well.
            (Some(CredentialSource::Introspection(_)), _) if !is_token() => text,
            (_, Some((signed, _))) => signed,
        }
    }
}

/// Whether each of these has an item of its own.
fn has_one_each(lists: &[Vec<String>]) -> bool {
    // Who has which item. Who finds none takes that of another, who can do with another item.
    fn finds<'l>(
        place: usize,
        lists: &'l [Vec<String>],
        holders: &mut BTreeMap<&'l str, usize>,
        seen: &mut Vec<&'l str>,
    ) -> bool {
        let items = lists.get(place).into_iter().flatten();
        for item in items.map(String::as_str) {
            if seen.contains(&item) {
                continue;
            }
            seen.push(item);
            let holder = holders.get(item).copied();
            if holder.is_none_or(|holder| finds(holder, lists, holders, seen)) {
                holders.insert(item, place);
                return true;
            }
        }
        false
    }
    let mut holders = BTreeMap::new();
    (0..lists.len()).all(|place| finds(place, lists, &mut holders, &mut Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::has_one_each;

    #[test]
    fn nobody_shares_an_item() {
        for (lists, expected) in [
            (&[&["a"][..], &["b"]][..], true),
            (&[&["a"], &["a"]], false),
            (&[&["a", "b"], &["a"]], true),
            (&[&["a", "b"], &["a", "c"], &["a"]], true),
            (&[&["a", "b"], &["a", "b"], &["b", "a"]], false),
            (&[&[], &["a"]], false),
            (&[], true),
        ] {
            let owned = |list: &&[&str]| list.iter().map(|item| (*item).to_owned()).collect();
            let lists: Vec<Vec<String>> = lists.iter().map(owned).collect();
            assert_eq!(has_one_each(&lists), expected, "{lists:?}");
        }
    }
}
