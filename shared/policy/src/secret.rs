//! Secrets: text that must not be shown, and the one rule for what is strong enough.
//!
//! Every filter reads its keys, peppers and passwords from the environment through
//! [`Secret::from_environment`], so that they share one idea of a weak secret and one set of
//! messages: a variable that is not set is told apart from one that is too short or predictable.

use std::fmt;

/// A key or password from the environment or the configuration. `Debug` prints a placeholder, so
/// that a configuration can be logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// Who chose a secret, which decides what can be demanded of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// A key that the operator generates: a pepper, a pseudonym key, an HMAC key. It must have a
    /// minimum length and must not be predictable.
    Key {
        /// The least number of bytes.
        min_bytes: usize,
    },
    /// A credential that another party issued, such as an OAuth client secret or a collector's
    /// token. Its strength is not ours to judge; it must be present and fit into a header.
    Issued,
}

/// Why an environment variable holds no usable secret. No message shows the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The variable does not exist in the environment of the VM.
    #[error(
        "the environment variable {0:?} is not set; the proxy must hand it to the filter (Envoy: \
         vm_config.environment_variables)"
    )]
    Unset(String),
    /// The variable exists and holds nothing.
    #[error("the environment variable {0:?} is set, but empty")]
    Empty(String),
    /// A key with fewer bytes than its use needs.
    #[error("the environment variable {variable:?} has {found} bytes; at least {least} are needed")]
    Short {
        /// The name of the variable.
        variable: String,
        /// How many bytes the secret has.
        found: usize,
        /// How many bytes it needs at least.
        least: usize,
    },
    /// A key that is long enough and still predictable: one character repeated, a short piece
    /// repeated, or characters counted up.
    #[error(
        "the environment variable {0:?} can be guessed: it repeats or counts; use random bytes, \
         such as those of `openssl rand -base64 32`"
    )]
    Guessable(String),
    /// An issued credential with a line break or another control character inside.
    #[error("the environment variable {0:?} has a control character inside, such as a line break")]
    ControlCharacter(String),
}

impl Secret {
    /// Wraps `bytes`, so that they are never printed.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// Takes the value of an environment variable, `None` where it is not set.
    ///
    /// Space around an issued credential is dropped: files often end with a line break. A key is
    /// taken byte by byte as it is.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn from_environment(
        variable: &str,
        value: Option<String>,
        kind: SecretKind,
    ) -> Result<Self, SecretError> {
        let value = value.ok_or_else(|| SecretError::Unset(variable.to_owned()))?;
        if value.trim().is_empty() {
            return Err(SecretError::Empty(variable.to_owned()));
        }
        match kind {
            SecretKind::Issued => {
                let value = value.trim();
                if value.chars().any(char::is_control) {
                    return Err(SecretError::ControlCharacter(variable.to_owned()));
                }
                Ok(Self::new(value))
            }
            SecretKind::Key { min_bytes } => {
                if value.len() < min_bytes {
                    return Err(SecretError::Short {
                        variable: variable.to_owned(),
                        found: value.len(),
                        least: min_bytes,
                    });
                }
                if is_guessable(value.as_bytes()) {
                    return Err(SecretError::Guessable(variable.to_owned()));
                }
                Ok(Self::new(value))
            }
        }
    }

    /// The bytes, for the one computation that needs them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The text of a secret that was read from text.
    #[must_use]
    pub fn expose_text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Whether a key of this text is predictable: few different characters, few different steps from
/// one character to the next, or a short piece over and over. Of 16 random hexadecimal digits, the
/// weakest keys that any filter accepts, fewer than one in ten thousand looks like that.
#[must_use]
pub fn is_guessable(key: &[u8]) -> bool {
    let repeats = |period: usize| {
        let shifted = key.iter().skip(period);
        key.iter().zip(shifted).all(|(one, next)| one == next)
    };
    let half = key.len() / 2;
    let (values, steps) = variety(key);
    values < 6 || steps < 4 || (1..16.min(half.saturating_add(1))).any(repeats)
}

/// Whether no random source would give these bytes: 32 random ones are never all printable, and
/// have never fewer than 12 values among them (both happen less than once in 2^40 times).
#[must_use]
pub fn looks_guessable(random: &[u8]) -> bool {
    let (values, steps) = variety(random);
    values < 12 || steps < 6 || random.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// How many different values there are, and how many different steps from one to the next.
fn variety(bytes: &[u8]) -> (usize, usize) {
    let steps = bytes.iter().zip(bytes.iter().skip(1));
    let steps = steps.map(|(one, next)| next.wrapping_sub(*one));
    (distinct(bytes.iter().copied()), distinct(steps))
}

fn distinct(bytes: impl Iterator<Item = u8>) -> usize {
    let mut is_there = [false; 256];
    for byte in bytes {
        if let Some(is_there) = is_there.get_mut(usize::from(byte)) {
            *is_there = true;
        }
    }
    is_there.iter().filter(|is_there| **is_there).count()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const KEY: SecretKind = SecretKind::Key { min_bytes: 16 };

    fn read(value: Option<&str>, kind: SecretKind) -> Result<Secret, SecretError> {
        Secret::from_environment("KEY", value.map(str::to_owned), kind)
    }

    #[test]
    fn unset_empty_short_and_predictable_are_told_apart() {
        let name = || "KEY".to_owned();
        let long = "a".repeat(32);
        for (value, expected) in [
            (None, SecretError::Unset(name())),
            (Some(""), SecretError::Empty(name())),
            (Some(" \n"), SecretError::Empty(name())),
            (
                Some("fifteen bytes.."),
                SecretError::Short {
                    variable: name(),
                    found: 15,
                    least: 16,
                },
            ),
            (Some(long.as_str()), SecretError::Guessable(name())),
            (Some("abababababababab"), SecretError::Guessable(name())),
            (Some("passwordpassword"), SecretError::Guessable(name())),
            (Some("0123456789abcdef"), SecretError::Guessable(name())),
            (
                Some("0123456789abcdef0123456789abcdef"),
                SecretError::Guessable(name()),
            ),
        ] {
            let error = read(value, KEY).unwrap_err();
            assert_eq!(error, expected, "{value:?}");
            let shown = value.filter(|value| !value.trim().is_empty());
            assert!(!shown.is_some_and(|value| error.to_string().contains(value)));
        }
        for good in [
            "fJ3kq8ZtR1vXwL0s",
            "a pepper of 16 bytes and more",
            "7f3a9c01e5b2d846",
        ] {
            assert_eq!(read(Some(good), KEY).unwrap().expose_text(), good);
        }
    }

    #[test]
    fn issued_credentials_are_taken_as_they_were_issued() {
        let read = |value| read(Some(value), SecretKind::Issued);
        assert_eq!(read("secret\n").unwrap().expose(), b"secret");
        assert_eq!(
            read("one\r\ntwo"),
            Err(SecretError::ControlCharacter("KEY".to_owned()))
        );
        assert_eq!(format!("{:?}", read("secret").unwrap()), "Secret(...)");
    }
}
