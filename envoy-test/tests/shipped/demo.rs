//! The demonstration ends with every line as expected.

use std::process::Command;

#[test]
fn the_demonstration_is_as_expected() {
    run(&[]);
}

#[test]
fn the_demonstration_with_four_modules_is_as_expected() {
    run(&["--separate"]);
}

fn run(arguments: &[&str]) {
    let demo = Command::new(env!("CARGO_BIN_EXE_demo"))
        .args(arguments)
        .output()
        .unwrap();
    let table = String::from_utf8_lossy(&demo.stdout);
    assert!(
        demo.status.success() && table.contains("as expected"),
        "{table}\n{}",
        String::from_utf8_lossy(&demo.stderr)
    );
}
