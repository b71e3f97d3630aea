//! Writes the trail of so many requests that nobody sent, to try `meshward audit` with.
//!
//! ```text
//! cargo run -p meshward-trail --example synthetic_trail -- 1000 >trail.ndjson
//! meshward audit verify --key edge-2026=PUBLIC_KEY trail.ndjson
//! ```
//!
//! The key that signed it is printed to standard error.

#![allow(clippy::print_stderr, reason = "a command speaks to its user")]

use std::io::{BufWriter, Write as _};

use trail::synthetic::{emitter_key, write_trail};

fn main() -> std::io::Result<()> {
    let requests = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let mut out = BufWriter::new(std::io::stdout().lock());
    write_trail(&mut out, requests.unwrap_or(1000), 1)?;
    out.flush()?;
    let key = emitter_key();
    eprintln!("--key {}={}", key.id(), key.public().to_hex());
    Ok(())
}
