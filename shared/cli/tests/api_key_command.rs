//! `meshward api-key` as people call it.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use host::fake::{Profile, Proxy, Request, Response};
use jwt_auth::JwtAuth;
use serde_json::{Value, json};

const PEPPER: &str = "a pepper of 16 bytes and more";

/// Exit status, standard output and standard error.
fn meshward(words: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_meshward"))
        .arg("api-key")
        .args(words)
        .env("PEPPER", PEPPER)
        .env("SHORT", "fifteen bytes..")
        .env_remove("NOT_SET")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who refuses the words has not waited for the input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

/// A new key and its entry.
fn new(words: &[&str]) -> (String, Value) {
    let (code, out, err) = meshward(&[&["new"], words].concat(), "");
    assert_eq!((code, err.as_str()), (0, ""));
    let (key, entry) = out.trim_end().split_once('\n').unwrap();
    (key.to_owned(), serde_json::from_str(entry).unwrap())
}

#[test]
fn new_keys_are_random_and_of_one_form() {
    let mut seen = HashSet::new();
    for _ in 0..20 {
        let (key, entry) = new(&[]);
        let random = key.strip_prefix("mw_").unwrap();
        assert_eq!(random.len(), 43, "32 bytes");
        let base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(random.bytes().all(base64url), "{key}");
        assert_eq!(entry["sha256"].as_str().unwrap().len(), 64);
        assert!(!entry.to_string().contains(random));
        assert!(seen.insert(key));
        assert!(seen.insert(entry["id"].as_str().unwrap().to_owned()));
    }
}

/// What is printed goes into a configuration, and what it is for opens the door.
#[test]
fn the_filter_knows_the_key_by_its_entry() {
    let id = "acme \"west\" é";
    for (options, pepper_env) in [
        (&[][..], None),
        (&["--pepper-env", "PEPPER"][..], Some("PEPPER")),
    ] {
        let (key, entry) = new(&[&["--id", id], options].concat());
        assert_eq!(entry["id"], id);
        let (other, _) = new(options);
        let mut keys = json!({"from": [{"header": "x-api-key"}], "keys": [entry]});
        if let Some(name) = pepper_env {
            keys["pepper_env"] = json!(name);
        }
        let configuration = json!({
            "providers": {"partners": {"api_keys": keys}},
            "rules": [{"require": {"provider": "partners"}}],
        });
        let mut proxy = Proxy::native::<JwtAuth>(Profile::Envoy);
        proxy.host().set_environment_variable("PEPPER", PEPPER);
        proxy.configure(configuration.to_string()).unwrap();
        for (key, status) in [(&key, 200), (&other, 401)] {
            let request = Request::get("/").header("x-api-key", key);
            let outcome = proxy.run(&request, &Response::json("{}"));
            assert_eq!(outcome.client().status(), Some(status));
        }
        // The same hash for whoever has the key.
        let (code, hash, _) = meshward(&[&["hash"], options].concat(), &key);
        assert_eq!(code, 0);
        let member = if pepper_env.is_some() {
            "hmac_sha256"
        } else {
            "sha256"
        };
        assert_eq!(entry[member], hash.trim_end());
    }
}

#[test]
fn hashes_are_of_the_key_without_the_end_of_its_line() {
    // FIPS 180-4.
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
    for input in ["abc", "abc\n", "abc\r\n"] {
        assert_eq!(
            meshward(&["hash"], input),
            (0, expected.to_owned(), String::new())
        );
    }
    let longest = "x".repeat(4096);
    assert_eq!(meshward(&["hash"], &format!("{longest}\r\n")).0, 0);
}

#[test]
fn mistakes_are_told_and_no_key_is() {
    let too_long = "x".repeat(5000);
    for (words, input, code, expected) in [
        (&["hash"][..], "", 2, "no key"),
        (&["hash"], "\n", 2, "no key"),
        (&["hash"], "mw_secret mw_other", 2, "spaces"),
        (&["hash"], "mw_secret\nmw_other\n", 2, "line breaks"),
        (&["hash"], "mw_secret,mw_other", 2, "commas"),
        (&["hash"], "mw_sécret", 2, "beyond ASCII"),
        (&["hash"], &too_long, 2, "longer than 4096"),
        (
            &["hash", "--pepper-env", "NOT_SET"],
            "mw_secret",
            2,
            "\"NOT_SET\" is not set",
        ),
        (
            &["hash", "--pepper-env", "SHORT"],
            "mw_secret",
            2,
            "less than 16 bytes",
        ),
        (
            &["new", "--pepper-env", "SHORT"],
            "",
            2,
            "less than 16 bytes",
        ),
        (&["new", "--id", ""], "", 2, "--id"),
        (&["new", "--id", "a\nb"], "", 2, "--id"),
        (&["new", "--id"], "", 64, "Usage"),
        (&["new", "--id", "a", "--id", "b"], "", 64, "Usage"),
        (&["new", "acme"], "", 64, "Usage"),
        (&["hash", "mw_secret"], "", 64, "Usage"),
        (&["hash", "--id", "a"], "mw_secret", 64, "Usage"),
        (&["make"], "", 64, "Usage"),
        (&[], "", 64, "Usage"),
    ] {
        let (status, out, err) = meshward(words, input);
        assert_eq!(
            (status, out.as_str()),
            (code, ""),
            "{words:?} {input:?} {err}"
        );
        assert!(err.contains(expected), "{words:?} {input:?}: {err}");
        for secret in ["mw_secret", "xxxxxxxx", "fifteen"] {
            assert!(!err.contains(secret), "{err}");
        }
    }
}

#[test]
fn help_goes_to_standard_output() {
    for (words, expected) in [
        (&["--help"][..], ["new", "hash"]),
        (&["new", "-h"], ["api-key new", "--pepper-env"]),
        (&["hash", "--help"], ["api-key hash", "--pepper-env"]),
    ] {
        let (code, out, err) = meshward(words, "");
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(expected.iter().all(|word| out.contains(word)), "{out}");
    }
}
