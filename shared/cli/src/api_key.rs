//! `meshward api-key` makes keys for the API key providers of jwt-auth, and the hashes that stand
//! in the configuration in their place.

use std::io::Read;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_auth::api_key::{MAX_KEY_BYTES, MIN_PEPPER_BYTES, hash};
use policy::json::Json;

const USAGE: &str = "\
Usage: meshward api-key new [--id ID] [--pepper-env NAME]
       meshward api-key hash [--pepper-env NAME] < KEY

new   prints a new key, which nobody can print again, and on a second line its entry for
      \"keys\" of the provider. ID is whose key it is.
hash  reads a key from standard input, where no list of processes shows it, and prints its hash.

With --pepper-env the hash is HMAC-SHA-256 with the secret in the environment variable NAME, as
\"pepper_env\" of the provider has it; without, it is SHA-256, which is enough for keys of new.
Exit status: 0 done, 1 it could not be done, 2 wrong usage.";

/// What all keys begin with, so that scanners for leaked secrets find them.
const PREFIX: &str = "mw_";
/// As many as the hash has.
const RANDOM_BYTES: usize = 32;

/// Runs the words after `api-key`.
pub(crate) fn run(words: &[&str]) -> ExitCode {
    let answer = match words {
        ["--help" | "-h"] | [_, "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        ["new", options @ ..] => Options::read(options, true).map(|options| new(&options)),
        ["hash", options @ ..] => {
            Options::read(options, false).map(|options| hash_of(&options, std::io::stdin().lock()))
        }
        _ => None,
    };
    match answer {
        Some(Ok(text)) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Some(Err(error)) => {
            eprintln!("meshward: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(crate::USAGE_ERROR)
        }
    }
}

#[derive(Default)]
struct Options<'w> {
    id: Option<&'w str>,
    pepper_env: Option<&'w str>,
}

impl<'w> Options<'w> {
    /// `None` for what is no option, such as a key, or stands twice.
    fn read(words: &[&'w str], takes_id: bool) -> Option<Self> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let place = match *word {
                "--id" if takes_id => &mut options.id,
                "--pepper-env" => &mut options.pepper_env,
                _ => return None,
            };
            if place.replace(words.next()?).is_some() {
                return None;
            }
        }
        Some(options)
    }

    /// The member that holds the hash of a key, and the hash.
    fn hashed(&self, key: &str) -> Result<(&'static str, String), String> {
        let pepper = self.pepper_env.map(pepper).transpose()?;
        let hash = hash(pepper.as_deref().map(str::as_bytes), key.as_bytes());
        let text = policy::hex::encode(&hash);
        let member = match pepper {
            Some(_) => "hmac_sha256",
            None => "sha256",
        };
        Ok((member, text))
    }
}

fn new(options: &Options<'_>) -> Result<String, String> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random bytes: {error}"))?;
    let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    let (member, hash) = options.hashed(&key)?;
    let id = match options.id {
        Some(id) => checked_id(id)?.to_owned(),
        // Not a part of the key, and another one for each.
        None => format!("key-{}", hash.chars().take(8).collect::<String>()),
    };
    let entry = Json::Object(vec![
        ("id".to_owned(), Json::String(id)),
        (member.to_owned(), Json::String(hash)),
    ]);
    Ok(format!("{key}\n{entry}"))
}

fn hash_of(options: &Options<'_>, mut input: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    // One byte more than a key has, and the end of the line.
    let most = u64::try_from(MAX_KEY_BYTES).map_or(u64::MAX, |bytes| bytes.saturating_add(3));
    input
        .by_ref()
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("standard input cannot be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "the key is no text".to_owned())?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let key = line.strip_suffix('\r').unwrap_or(line);
    options.hashed(checked_key(key)?).map(|(_, hash)| hash)
}

/// A key that a request can carry: anything else would never be found again.
fn checked_key(key: &str) -> Result<&str, String> {
    if key.is_empty() {
        return Err("there is no key on standard input".to_owned());
    }
    if key.len() > MAX_KEY_BYTES {
        return Err(format!("the key is longer than {MAX_KEY_BYTES} bytes"));
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) || key.contains(',') {
        return Err(
            "the key has spaces, commas, line breaks or bytes beyond ASCII, which a header does not keep"
                .to_owned(),
        );
    }
    Ok(key)
}

/// As the configuration wants it.
fn checked_id(id: &str) -> Result<&str, String> {
    if id.is_empty() || id.len() > 256 || id.chars().any(char::is_control) {
        return Err("--id: expected 1 to 256 bytes without control characters".to_owned());
    }
    Ok(id)
}

fn pepper(variable: &str) -> Result<String, String> {
    let pepper = std::env::var(variable)
        .map_err(|_| format!("the environment variable {variable:?} is not set, or is no text"))?;
    if pepper.len() < MIN_PEPPER_BYTES {
        return Err(format!(
            "the environment variable {variable:?} has less than {MIN_PEPPER_BYTES} bytes, which can be guessed"
        ));
    }
    Ok(pepper)
}
