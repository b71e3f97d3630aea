//! The keys that one provider has taken from a document.

use std::time::Duration;

use policy::json::Json;

use super::document::{Body, Document, Sought, without_mark};
use super::{FetchError, nanoseconds};
use crate::config::FetchSettings;
use crate::jose::{KeyRules, KeySet, SkippedKey};

/// The keys of a provider, imported by its own rules.
#[derive(Debug)]
pub struct ProviderKeys {
    /// Index into the documents of the verifier.
    pub(crate) document: usize,
    settings: FetchSettings,
    rules: KeyRules,
    keys: Option<Imported>,
    /// The bytes that were looked at last.
    generation: u64,
    /// They had no usable key.
    refused: bool,
}

#[derive(Debug)]
struct Imported {
    set: KeySet,
    at_ns: u64,
}

/// What is known about the keys at this moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// The keys serve: see [`ProviderKeys::set`].
    Serving,
    /// None yet, but a fetch is under way or due at once.
    Soon,
    /// None, and the last try failed: so long until the next one.
    Unavailable {
        /// Whole seconds, at least 1.
        retry_after_s: u64,
    },
}

impl ProviderKeys {
    /// Makes the state of a provider whose keys were not imported yet.
    #[must_use]
    pub const fn new(document: usize, settings: FetchSettings, rules: KeyRules) -> Self {
        Self {
            document,
            settings,
            rules,
            keys: None,
            generation: 0,
            refused: false,
        }
    }

    /// Takes the keys out of bytes that were not looked at yet. What came of it, if there were any:
    /// the keys that had to be left out, or why there are none. A set that has none withdraws the old
    /// ones as any other set does: that is how an issuer takes back its only key.
    pub(crate) fn import(
        &mut self,
        body: Option<&Body>,
    ) -> Option<Result<Vec<SkippedKey>, FetchError>> {
        let body = body.filter(|body| body.generation > self.generation)?;
        self.generation = body.generation;
        let imported = imported(&body.bytes, &self.rules);
        self.refused = imported.is_err();
        let old = self.keys.take();
        Some(imported.map(|(set, skipped)| {
            let set = match &old {
                Some(old) => set.succeeding(&old.set),
                None => set,
            };
            self.keys = Some(Imported {
                set,
                at_ns: body.fetched_ns,
            });
            skipped
        }))
    }

    /// Whether these bytes have a usable key.
    #[must_use]
    pub fn can_use(&self, bytes: &[u8]) -> bool {
        imported(bytes, &self.rules).is_ok()
    }

    /// The keys that serve. They do for a while after the last fetch, as the configuration says.
    #[must_use]
    pub fn set(&self, now_ns: u64) -> Option<&KeySet> {
        let most_ns = nanoseconds(self.settings.cache_duration)
            .saturating_add(nanoseconds(self.settings.max_stale));
        let serves = |keys: &&Imported| now_ns.saturating_sub(keys.at_ns) <= most_ns;
        self.keys.as_ref().filter(serves).map(|keys| &keys.set)
    }

    /// Whether the keys serve, or when to hope for them. `since_ns` is when the request came.
    pub(crate) fn availability(
        &self,
        document: &mut Document,
        since_ns: u64,
        now_ns: u64,
    ) -> Availability {
        if self.set(now_ns).is_some() {
            return Availability::Serving;
        }
        let demanded = document.demand(since_ns, now_ns);
        if demanded.is_err() && self.refused {
            // The document is fresh, and has nothing for this provider: perhaps it has by now.
            match document.seek(None, since_ns, now_ns) {
                Sought::Soon => return Availability::Soon,
                Sought::Undecided { retry_after_s, .. } => {
                    return Availability::Unavailable { retry_after_s };
                }
                Sought::Absent => {}
            }
        }
        match demanded {
            Ok(()) => Availability::Soon,
            Err(retry_after_s) => Availability::Unavailable { retry_after_s },
        }
    }

    /// Number of keys at hand.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.as_ref().map_or(0, |keys| keys.set.len())
    }

    /// How long ago the keys were fetched.
    #[must_use]
    pub fn age(&self, now_ns: u64) -> Option<Duration> {
        let keys = self.keys.as_ref()?;
        Some(Duration::from_nanos(now_ns.saturating_sub(keys.at_ns)))
    }
}

fn imported(body: &[u8], rules: &KeyRules) -> Result<(KeySet, Vec<SkippedKey>), FetchError> {
    let set = Json::parse(without_mark(body)).map_err(|_| FetchError("not_json"))?;
    let (keys, skipped) = KeySet::import(&set, rules).map_err(|_| FetchError("not_a_jwk_set"))?;
    if keys.is_empty() {
        return Err(FetchError("no_usable_key"));
    }
    Ok((keys, skipped))
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::super::NS_PER_S as S;
    use super::*;
    use crate::jose::{Algorithm, KNOWN_ANSWERS};

    fn body(algorithms: &[Algorithm], generation: u64, fetched_ns: u64) -> Body {
        let keys: Vec<&str> = KNOWN_ANSWERS
            .iter()
            .filter(|answer| algorithms.contains(&answer.algorithm))
            .map(|answer| answer.jwk)
            .collect();
        Body {
            bytes: Rc::new(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).into_bytes()),
            generation,
            fetched_ns,
        }
    }

    fn keys() -> ProviderKeys {
        ProviderKeys::new(0, FetchSettings::default(), KeyRules::default())
    }

    #[test]
    fn stale_keys_serve_for_a_while_and_each_body_is_imported_once() {
        let mut keys = keys();
        assert!(keys.import(None).is_none());
        let first = body(&[Algorithm::Es256], 1, 2 * S);
        assert_eq!(keys.import(Some(&first)), Some(Ok(vec![])));
        assert!(keys.import(Some(&first)).is_none());
        assert_eq!(keys.age(3 * S), Some(Duration::from_secs(1)));
        assert!(keys.set(4200 * S).is_some(), "stale keys serve");
        assert!(keys.set(4203 * S).is_none(), "but not for ever");
    }

    #[test]
    fn a_set_without_a_usable_key_withdraws_those_of_one_provider_and_of_no_other() {
        let mut broad = keys();
        let narrow = KeyRules::published([Algorithm::EdDsa].into_iter().collect(), true);
        let mut narrow = ProviderKeys::new(0, FetchSettings::default(), narrow);
        let first = body(&[Algorithm::Es256, Algorithm::EdDsa], 1, S);
        let second = body(&[Algorithm::Es256], 2, 2 * S);
        for keys in [&mut broad, &mut narrow] {
            assert!(keys.import(Some(&first)).unwrap().is_ok());
        }
        assert!(broad.import(Some(&second)).unwrap().is_ok());
        let refused = narrow.import(Some(&second)).unwrap();
        assert_eq!(refused, Err(FetchError("no_usable_key")));
        assert_eq!((broad.key_count(), narrow.key_count()), (1, 0));
        assert!(narrow.set(2 * S).is_none());
        assert!(narrow.import(Some(&body(&[], 3, 3 * S))).unwrap().is_err());
        assert!(
            narrow
                .import(Some(&body(&[Algorithm::EdDsa], 4, 4 * S)))
                .unwrap()
                .is_ok()
        );
        assert_eq!(narrow.key_count(), 1);
    }

    #[test]
    fn keys_that_stay_are_the_same_and_those_that_go_are_gone() {
        let mut keys = keys();
        let both = body(&[Algorithm::Es256, Algorithm::Rs256], 1, S);
        keys.import(Some(&both)).unwrap().unwrap();
        let weak = |keys: &ProviderKeys, algorithm| {
            let set = keys.set(S).unwrap();
            Rc::downgrade(set.candidates(algorithm, None).next().unwrap())
        };
        let (stays, goes) = (weak(&keys, Algorithm::Es256), weak(&keys, Algorithm::Rs256));
        let one = body(&[Algorithm::Es256], 2, S);
        keys.import(Some(&one)).unwrap().unwrap();
        assert_eq!((stays.strong_count(), goes.strong_count()), (1, 0));
    }
}
