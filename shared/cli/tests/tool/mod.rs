//! What `meshward` says to people who call it.

use std::process::Output;

/// All that it has said, results first.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
