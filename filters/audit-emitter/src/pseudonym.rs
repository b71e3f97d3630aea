//! Subjects as pseudonyms: the same person has the same name in every record of an epoch, and only
//! who holds the key can tell whose it is (GDPR article 4(5)).

use hmac::{Hmac, KeyInit as _, Mac as _};
use policy::config::Problem;
use policy::secret::{Secret, SecretKind};
use sha2::Sha256;

use crate::config::SubjectKey;

/// Makes pseudonyms with HMAC-SHA-256. A plain hash would be undone by hashing every known name.
#[derive(Clone)]
pub struct Pseudonymizer {
    keyed: Hmac<Sha256>,
    epoch: String,
}

impl Pseudonymizer {
    /// With the key from the environment variable that the configuration names.
    ///
    /// # Errors
    /// There is none, it has fewer than 32 bytes, or it is one that can be guessed.
    pub fn from_environment(settings: &SubjectKey, key: Option<String>) -> Result<Self, Problem> {
        let kind = SecretKind::Key {
            min_bytes: MIN_KEY_BYTES,
        };
        let key = Secret::from_environment(&settings.key_env, key, kind)
            .map_err(|error| Problem::new("subject.pseudonymize.key_env", error.to_string()))?;
        Ok(Self::new(key.expose(), settings.epoch.clone()))
    }

    /// With a key of at least 32 bytes.
    #[must_use]
    pub fn new(key: &[u8], epoch: String) -> Self {
        // HMAC takes keys of any length; the error exists for other constructions.
        let keyed = Hmac::<Sha256>::new_from_slice(key)
            .unwrap_or_else(|_| Hmac::<Sha256>::new(&[0; 64].into()));
        Self { keyed, epoch }
    }

    /// The pseudonym of a subject: the epoch, and 128 bits in hexadecimal. Destroying the key of
    /// an epoch cuts its records off from the people in them.
    #[must_use]
    pub fn pseudonym(&self, subject: &str) -> String {
        self.keyed_hash(&[], subject)
    }

    /// The pseudonym of somebody whom the data is about. Another than that of a caller: patient 7
    /// and user 7 are two people.
    #[must_use]
    pub fn data_subject(&self, person: &str) -> String {
        self.keyed_hash(b"data_subject\0", person)
    }

    /// The check value of this key: a pseudonym of nobody, by which a chain says which key its records were made
    /// with. It tells no more about the key than any pseudonym does.
    #[must_use]
    pub fn key_check(&self) -> String {
        self.keyed_hash(b"key_check\0", "")
    }

    fn keyed_hash(&self, domain: &[u8], name: &str) -> String {
        let mut mac = self.keyed.clone();
        mac.update(self.epoch.as_bytes());
        mac.update(&[0]);
        mac.update(domain);
        mac.update(name.as_bytes());
        let digest = mac.finalize().into_bytes();
        let half = digest.first_chunk::<16>().copied().unwrap_or_default();
        let hexadecimal = policy::hex::encode(&half);
        format!("{}:{hexadecimal}", self.epoch)
    }
}

/// The key is not shown.
impl std::fmt::Debug for Pseudonymizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pseudonymizer({})", self.epoch)
    }
}

/// The shortest key: half of what an attacker could search is gone below it.
const MIN_KEY_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_subject_same_name_until_key_or_epoch_change() {
        let name = |key: u8, epoch: &str, subject: &str| {
            Pseudonymizer::new(&[key; 32], epoch.to_owned()).pseudonym(subject)
        };
        assert_eq!(name(1, "2026", "jane"), name(1, "2026", "jane"));
        let others = [
            name(2, "2026", "jane"),
            name(1, "2027", "jane"),
            name(1, "2026", "joan"),
        ];
        for other in others {
            assert_ne!(name(1, "2026", "jane"), other);
        }
        let keyed = Pseudonymizer::new(&[1; 32], "2026".to_owned());
        assert_ne!(keyed.data_subject("jane"), keyed.pseudonym("jane"));
        let check =
            |key: u8, epoch: &str| Pseudonymizer::new(&[key; 32], epoch.to_owned()).key_check();
        assert_eq!(check(1, "2026"), keyed.key_check());
        assert_ne!(check(2, "2026"), keyed.key_check());
        assert_ne!(check(1, "2027"), keyed.key_check());
        assert_eq!(name(1, "2026", "jane").len(), "2026:".len() + 32);
    }
}
