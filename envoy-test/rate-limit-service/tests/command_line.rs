//! The command by itself. With this, cargo builds it for the tests of the fleet, which start it.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::process::Command;

#[test]
fn what_is_missing_or_unknown_is_said() {
    for (arguments, message) in [
        (&[][..], "--redis is missing"),
        (&["--redis"], "--redis needs a value"),
        (&["--rediss", "x"], "there is no option --rediss"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rate-limit-service"));
        let output = command.args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(message), "{arguments:?}: {said}");
    }
}
