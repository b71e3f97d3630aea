//! The test vectors in `vectors/`: what this crate writes must be what stands there, this crate must
//! judge each as it says, and so must a verifier in another language that knows the README alone.
//!
//! `MESHWARD_WRITE_VECTORS=1 cargo test -p meshward-audit --test vectors` writes them anew.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod documents;
mod scribe;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use audit::canonical::{self, Writer};
use audit::keys::{LogKey, PublicKey, SigningKey};
use audit::record::{Fault, Record};
use audit::{
    Chain, Committed, Control, Event, Group, Hash, Head, Lost, Peers, Range, Statement, Target,
    log_line,
};
use policy::json::Json;
use serde_json::{Value, json};

use documents::vectors;

const CLASS: &str = "hipaa";

fn emitter_key() -> SigningKey {
    SigningKey::from_seed(Some("edge-1"), &[7; 32])
}

fn other_emitter_key() -> SigningKey {
    SigningKey::from_seed(Some("edge-2"), &[6; 32])
}

fn operator_key() -> SigningKey {
    SigningKey::from_seed(Some("dpo-1"), &[8; 32])
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn read(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().unwrap().iter();
    items
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_published_vectors_are_what_this_crate_writes() {
    for (name, value) in vectors() {
        let text = format!("{}\n", serde_json::to_string_pretty(&value).unwrap());
        let path = folder().join(name);
        if std::env::var_os("MESHWARD_WRITE_VECTORS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == text,
            "{name} is not up to date: see the top of this file"
        );
    }
}

#[test]
fn this_crate_judges_them_as_they_say() {
    let faults = read("faults.json");
    for case in faults["cases"].as_array().unwrap() {
        let fault = Record::check_text(case["text"].as_str().unwrap()).unwrap_err();
        let word = match fault {
            Fault::NotJson(_) => "not_json",
            Fault::NotARecord(_) => "not_a_record",
            Fault::NewerVersion(_) => "newer_version",
            Fault::NotCanonical => "not_canonical",
            Fault::WrongFingerprint => "wrong_fingerprint",
            Fault::NoSignature => "no_signature",
            Fault::WrongValue(_) => "wrong_value",
            Fault::Unvouched(_) => "unvouched",
            other => panic!("{other}"),
        };
        assert_eq!(case["fault"], word, "{}", case["name"]);
    }
    let key = PublicKey::from_hex(faults["keys"]["edge-1"]["public_key"].as_str().unwrap());
    let record = Record::check_text(faults["wrong_signature"].as_str().unwrap()).unwrap();
    assert!(!record.is_signed_by(&key.unwrap()));

    let logs = read("log_lines.json");
    let key = LogKey::from_text(logs["log_key"].as_str().unwrap()).unwrap();
    for case in logs["lines"].as_array().unwrap() {
        let line = case["line"].as_str().unwrap();
        let found: Vec<Value> = log_line::find(line)
            .filter_map(|found| {
                let record = Record::check_text(found.text?).unwrap();
                let uid = format!("{}:{}", record.chain_uid, record.sequence);
                Some(json!({"uid": uid, "tagged": found.is_tagged_by(&key)}))
            })
            .collect();
        assert_eq!(case["records"], Value::Array(found), "{line}");
    }

    let erasures = read("erasures.json");
    for case in erasures["erasures"].as_array().unwrap() {
        let after = Record::check_text(case["after"].as_str().unwrap()).unwrap();
        let names: Vec<&str> = after.erased.iter().map(|group| group.name()).collect();
        assert_eq!(names, [case["group"].as_str().unwrap()]);
    }
    for line in texts(&erasures["ledger"]) {
        let record = Record::check_text(&line).unwrap();
        assert!(record.is_signed_by(&operator_key().public()));
    }
}

/// Whoever knows the README alone comes to the same results.
#[test]
fn an_independent_verifier_agrees() {
    let output = Command::new("python3")
        .arg(folder().join("check_vectors.py"))
        .output()
        .expect("python3 must be installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{errors}");
    // It has looked at all of them.
    for (name, _) in vectors() {
        assert!(said.contains(&format!("{name}: ok")), "{said}");
    }
}
