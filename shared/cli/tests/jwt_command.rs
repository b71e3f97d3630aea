//! `meshward jwt`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// RFC 7515 appendix A.1: HS256, issuer joe, expires 2011-03-22T18:43:00Z.
const TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const KEY: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

fn config(issuer: &str, audiences: &str, key: &str) -> String {
    format!(
        r#"{{"providers":{{"joe":{{"issuer":"{issuer}","audiences":{audiences},"algorithms":["HS256"],"jwks":{{"inline":{{"keys":[{{"kty":"oct","alg":"HS256","k":"{key}"}}]}}}}}}}},
            "rules":[{{"require":{{"provider":"joe"}}}}]}}"#
    )
}

fn run(config: &str, token: &str, words: &[&str]) -> Output {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("auth.json"), config).unwrap();
    std::fs::write(folder.path().join("token.txt"), token).unwrap();
    Command::new(env!("CARGO_BIN_EXE_meshward"))
        .args(["jwt", "-c", "auth.json"])
        .args(words)
        .arg("token.txt")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn the_check_that_fails_is_named_with_its_claim() {
    let then = &["--at", "2011-03-22T18:00:00Z"][..];
    let good = config("joe", "\"any\"", KEY);
    let other_key = config("joe", "\"any\"", &KEY.replace("AyM1", "ByM1"));
    let bearer = format!("Bearer {TOKEN}\n");
    let tampered = TOKEN.replace(".dBjf", ".dBjg");
    for (config, token, words, code, said) in [
        (&good, TOKEN, then, 0, "provider joe: accepted"),
        (&good, bearer.as_str(), then, 0, "accepted"),
        (
            &good,
            TOKEN,
            &[],
            1,
            "token_expired: exp 2011-03-22T18:43:00Z",
        ),
        (&good, &tampered, then, 1, "signature_invalid"),
        (&other_key, TOKEN, then, 1, "signature_invalid"),
        (
            &config("ann", "\"any\"", KEY),
            TOKEN,
            then,
            1,
            "issuer_unknown: iss is \"joe\", expected \"ann\"",
        ),
        (
            &config("joe", "[\"shop\"]", KEY),
            TOKEN,
            then,
            1,
            "audience_mismatch: aud is missing",
        ),
        (&good, "a.b", then, 1, "token_malformed"),
        (&good, "", then, 2, "there is no token"),
    ] {
        let output = run(config, token, words);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(text.contains(said), "{said}: {text}");
        assert_eq!(output.status.code(), Some(code), "{said}: {text}");
        assert!(!text.contains("dBjf"), "the signature is printed: {text}");
    }
    let output = run(&good, TOKEN, &["--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["providers"][0]["code"], "token_expired");
    assert_eq!(json["claims"]["iss"], "joe");
}

/// The configuration may stand in a manifest, by itself or as a part of the bundle's.
#[test]
fn a_manifest_has_the_configuration_too() {
    for manifest in [
        "envoy/meshward.yaml",
        "envoy/bundle.yaml",
        "higress/meshward.yaml",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../envoy-test")
            .join(manifest);
        let mut child = Command::new(env!("CARGO_BIN_EXE_meshward"))
            .args(["jwt", "--provider", "nobody", "-c"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.AAAA";
        child
            .stdin
            .take()
            .unwrap()
            .write_all(token.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            told.contains("no such provider; there are corp"),
            "{manifest}: {told}"
        );
    }
}

/// What only the filter knows beyond claims and signature: it is the filter that decides.
#[test]
fn what_the_filter_refuses_behind_the_signature_is_refused_here() {
    let config = |more: &str, top: &str| {
        let good = config("joe", "\"any\"", KEY);
        let good = good.replacen("\"issuer\"", &format!("{more}\"issuer\""), 1);
        good.replacen("\"rules\"", &format!("{top}\"rules\""), 1)
    };
    // {"iss":"joe","exp":4102444800,"sub":"jane","username":"bob", and cnf}
    for (name, more, top, code) in [
        (
            "plain",
            r#""identity":{"subject":["username"]},"#,
            r#""deny":{"subjects":["bob"]},"#,
            "token_revoked",
        ),
        ("plain", "", r#""deny":{"subjects":["bob"]},"#, ""),
        ("jkt", "", "", "binding_unsupported"),
        ("empty", "", "", "binding_unsupported"),
        ("null", "", "", "token_malformed"),
        ("jkt", r#""confirmation":"ignore","#, "", ""),
        ("certificate", "", "", ""),
        (
            "long",
            r#""claims_to_headers":[{"claim":"username","header":"x-user","max_size":"16B"}],"#,
            "",
            "claim_header_too_large",
        ),
    ] {
        let claims = match name {
            "jkt" => r#","cnf":{"jkt":"x"}"#,
            "empty" => r#","cnf":{}"#,
            "null" => r#","cnf":null"#,
            "certificate" => r#","cnf":{"x5t#S256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
            _ => "",
        };
        let username = if name == "long" {
            "bob with a name that is too long"
        } else {
            "bob"
        };
        let claims = format!(
            r#"{{"iss":"joe","exp":4102444800,"sub":"jane","username":"{username}"{claims}}}"#
        );
        let output = run(&config(more, top), &signed(&claims), &[]);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        match code {
            "" => assert!(text.contains("provider joe: accepted"), "{name}: {text}"),
            code => assert!(
                text.contains(&format!("provider joe: {code}")),
                "{name}: {text}"
            ),
        }
        assert_eq!(
            output.status.code(),
            Some(i32::from(!code.is_empty())),
            "{text}"
        );
    }
}

/// A token of the issuer `joe`.
fn signed(claims: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use sha2::{Digest as _, Sha256};

    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let key = URL_SAFE_NO_PAD.decode(KEY).unwrap();
    // HMAC (RFC 2104) with a key as long as a block.
    let padded = |pad: u8| key.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
    let inner = Sha256::digest([padded(0x36), input.clone().into_bytes()].concat());
    let signature = Sha256::digest([padded(0x5c), inner.to_vec()].concat());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}
