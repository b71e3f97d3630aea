//! `meshward audit keygen`.

use std::io::Write as _;
use std::path::PathBuf;

use audit::keys::{SigningKey, looks_guessable};

use super::common::{Result, read_text};
use crate::exit;
use crate::output::say;
use trail::hex;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  meshward audit keygen --secret edge.secret >edge.json
  meshward audit keygen --operator --id dpo --secret dpo.secret >operator.json")]
pub(super) struct Arguments {
    /// Where the secret goes: a new file that only you can read, or - for standard error
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,

    /// The id of the key in records [default: from its public key]
    #[arg(long)]
    id: Option<String>,

    /// Print the key that tags this key's lines in logs, from the secret that is in the file, and make none
    #[arg(long, conflicts_with_all = ["id", "operator"])]
    log_key: bool,

    /// A key for erasing, purging and holding, not for an emitter
    #[arg(long)]
    operator: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    if arguments.log_key {
        let text = read_text(&arguments.secret)?;
        let key = SigningKey::from_text(None, &text)
            .map_err(|error| format!("{}: {error}", arguments.secret.display()))?;
        say!("{}", key.log_key().to_hex());
        return Ok(exit::RIGHT);
    }
    if let Some(id) = &arguments.id {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if id.is_empty() || id.len() > 64 || !id.bytes().all(plain) {
            return Err(format!(
                "--id {id:?}: expected up to 64 letters, digits, dots, dashes and underscores"
            ));
        }
    }
    let seed = random::<32>()?;
    if looks_guessable(&seed) {
        return Err("the random source of this system is broken".to_owned());
    }
    let key = SigningKey::from_seed(arguments.id.as_deref(), &seed);
    let secret = format!("{}\n", hex::encode(&seed));
    if arguments.secret.as_os_str() == "-" {
        let written = std::io::stderr().write_all(secret.as_bytes());
        written.map_err(|error| error.to_string())?;
    } else {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&arguments.secret).and_then(|mut file| {
            file.write_all(secret.as_bytes())
                .and_then(|()| file.sync_all())
        });
        written.map_err(|error| format!("{}: {error}", arguments.secret.display()))?;
    }
    let role = if arguments.operator {
        "operator"
    } else {
        "emitter"
    };
    let entry = serde_json::json!({ "keys": [
        { "id": key.id(), "public_key": key.public().to_hex(), "role": role }
    ]});
    say!("{entry}");
    if let Some(id) = arguments.id.as_deref().filter(|_| !arguments.operator) {
        eprintln!(
            "Say \"key_id\": {id:?} in \"chain\" of audit-emitter, so that records name the key so."
        );
    }
    Ok(exit::RIGHT)
}

/// Bytes from the random source of the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random bytes: {error}"))?;
    Ok(bytes)
}
