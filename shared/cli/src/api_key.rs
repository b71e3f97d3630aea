//! `meshward api-key` makes keys for the API key providers of jwt-auth, and the hashes that stand
//! in the configuration in their place.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_auth::opaque::api_key::{MAX_KEY_BYTES, MIN_PEPPER_BYTES, hash};
use policy::json::Json;

use crate::exit;
use crate::output::say;

/// Makes keys for the API key providers of jwt-auth, and the hashes that stand in its configuration.
///
/// With --pepper-env the hash is HMAC-SHA-256 with the secret in that environment variable, as
/// "pepper_env" of the provider has it; without, it is SHA-256, which is enough for keys of `new`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  meshward api-key new --id acme
  printf %s \"$KEY\" | meshward api-key hash")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print a new key, which nobody can print again, and on a second line its entry for "keys" of the provider
    New {
        /// Whose key it is
        #[arg(long)]
        id: Option<String>,

        #[command(flatten)]
        pepper: Pepper,
    },
    /// Read a key from standard input, where no list of processes shows it, and print its hash
    Hash(Pepper),
}

#[derive(clap::Args)]
struct Pepper {
    /// The environment variable with the pepper
    #[arg(long, value_name = "NAME")]
    pepper_env: Option<String>,
}

/// What all keys begin with, so that scanners for leaked secrets find them.
const PREFIX: &str = "mw_";
/// As many as the hash has.
const RANDOM_BYTES: usize = 32;

/// Makes a key or a hash.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    let made = match &arguments.command {
        Command::New { id, pepper } => new(id.as_deref(), pepper),
        Command::Hash(pepper) => hash_of(pepper, std::io::stdin().lock()),
    };
    match made {
        Ok(text) => {
            say!("{text}");
            exit::RIGHT
        }
        Err(error) => {
            eprintln!("meshward: {error}");
            exit::NOT_DONE
        }
    }
}

impl Pepper {
    /// The member that holds the hash of a key, and the hash.
    fn hashed(&self, key: &str) -> Result<(&'static str, String), String> {
        let pepper = self.pepper_env.as_deref().map(pepper).transpose()?;
        let hash = hash(pepper.as_deref().map(str::as_bytes), key.as_bytes());
        let text = policy::hex::encode(&hash);
        let member = match pepper {
            Some(_) => "hmac_sha256",
            None => "sha256",
        };
        Ok((member, text))
    }
}

fn new(id: Option<&str>, pepper: &Pepper) -> Result<String, String> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random bytes: {error}"))?;
    let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    let (member, hash) = pepper.hashed(&key)?;
    let id = match id {
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

fn hash_of(pepper: &Pepper, mut input: impl Read) -> Result<String, String> {
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
    pepper.hashed(checked_key(key)?).map(|(_, hash)| hash)
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
