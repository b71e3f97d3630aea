//! Every rule of every example that asks for something lets a request pass that has it.

use std::path::Path;

use host::fake::{CallResponse, Profile, Proxy, Request, Response};
use jwt_auth::JwtAuth;
use jwt_auth::opaque::api_key;
use serde_json::{Map, Value, json};

use super::bed::{CLIENT_SECRET, PEPPER, Signer, encode};

const DIGEST: [u8; 32] = [0xab; 32];

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().unwrap().to_owned())
            .collect(),
        _ => Vec::new(),
    }
}

fn hexadecimal(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The example with keys that we have.
fn with_our_keys(mut example: Value, signer: &Signer) -> Value {
    for (name, provider) in example["providers"].as_object_mut().unwrap() {
        if let Some(keys) = provider.get_mut("api_keys") {
            let pepper = keys.get("pepper_env").map(|_| PEPPER.as_bytes());
            if let Some(entry) = keys["keys"].as_array_mut().unwrap().first_mut() {
                let member = if pepper.is_some() {
                    "hmac_sha256"
                } else {
                    "sha256"
                };
                entry[member] = json!(hexadecimal(api_key::hash(pepper, name.as_bytes())));
                entry.as_object_mut().unwrap().remove("expires");
                entry.as_object_mut().unwrap().remove("not_before");
            }
            keys["keys"].as_array_mut().unwrap().truncate(1);
        } else if provider.get("introspection").is_none() {
            provider["jwks"] = json!({"inline": signer.jwks()});
            provider["algorithms"] = json!(["ES256"]);
        }
    }
    example["mode"] = json!("enforce");
    example
}

/// Claims that meet a rule, of a token of this provider.
fn claims(provider: &Value, require: &Value, now: u64) -> Value {
    let mut audiences = list(&provider["audiences"]);
    audiences.retain(|audience| audience != "any");
    audiences.truncate(1);
    audiences.extend(list(&require["audiences"]).into_iter().take(1));
    let mut scopes = list(&require["scopes"]);
    scopes.extend(list(&require["scopes_any"]).into_iter().take(1));
    let mut claims = json!({
        "iss": provider["issuer"], "sub": "jane", "client_id": "shop", "jti": "4711",
        "aud": audiences, "iat": now, "exp": now + 300, "scope": scopes.join(" "),
        "consents": require["consent"]["granted"],
    });
    for condition in require["claims"].as_array().into_iter().flatten() {
        let mut path: Vec<&str> = condition["claim"].as_str().unwrap().split('.').collect();
        let last = path.pop().unwrap();
        let mut place = &mut claims;
        for name in path {
            if place.get(name).is_none() {
                place[name] = json!({});
            }
            place = &mut place[name];
        }
        place[last] = match condition.get("contains") {
            Some(item) => json!([item]),
            None => condition["equals"].clone(),
        };
    }
    if !require["tls"].is_null() {
        claims["cnf"] = json!({"x5t#S256": encode(DIGEST)});
    }
    claims
}

/// A request that meets a rule.
fn request(example: &Value, rule: &Value, signer: &Signer, now: u64) -> Request {
    let require = &rule["require"];
    let matches = &rule["match"];
    let path = list(&matches["paths"]).into_iter().next();
    let path = path
        .unwrap_or_else(|| "/".to_owned())
        .replace("**", "x")
        .replace('*', "x");
    let method = list(&matches["methods"]).into_iter().next();
    let mut request = match method.as_deref() {
        None | Some("GET") => Request::get(&path),
        Some(other) => Request::new(other, &path),
    };
    if !require["tls"].is_null() {
        request = request
            .attribute(&["connection", "tls_version"], "TLSv1.3")
            .attribute(&["connection", "mtls"], [1])
            .attribute(
                &["connection", "uri_san_peer_certificate"],
                list(&require["tls"]["san"])[0].replace('*', "x"),
            )
            .attribute(
                &["connection", "sha256_peer_certificate_digest"],
                hexadecimal(DIGEST),
            );
    }
    let mut names = list(&require["provider"]);
    names.extend(list(&require["any_of"]).into_iter().take(1));
    names.extend(list(&require["all_of"]));
    for name in names {
        let provider = &example["providers"][&name];
        let from = [&provider["from"], &provider["api_keys"]["from"]];
        let from = from.into_iter().find_map(|from| from.get(0));
        let default = json!({"header": "authorization", "prefix": "Bearer "});
        let from = from.unwrap_or(&default);
        let credential = match provider.get("jwks") {
            Some(_) if provider["profile"].is_null() => {
                signer.token(&claims(provider, require, now))
            }
            Some(_) => signer.sign(
                r#"{"alg":"ES256","typ":"at+jwt"}"#,
                &claims(provider, require, now).to_string(),
            ),
            None => name,
        };
        let prefix = from["prefix"].as_str().unwrap_or_default();
        request = request.header(
            from["header"].as_str().unwrap(),
            format!("{prefix}{credential}"),
        );
    }
    request
}

#[test]
fn every_rule_of_every_example_can_pass() {
    let signer = Signer::new("a", 7);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut rules = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let example: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let example = with_our_keys(example, &signer);
        let mut proxy = Proxy::native::<JwtAuth>(Profile::Envoy);
        for (name, value) in [
            ("VENDOR_KEY_PEPPER", PEPPER),
            ("EDGE_SECRET", CLIENT_SECRET),
        ] {
            proxy.host().set_environment_variable(name, value);
        }
        proxy
            .configure(example.to_string())
            .unwrap_or_else(|refused| panic!("{}: {}", path.display(), refused.text()));
        let now = proxy.host().process().wall_clock().as_secs();
        let everybody: Map<String, Value> = [
            ("active", json!(true)),
            ("sub", json!("jane")),
            ("iss", json!("https://idp.example.com")),
            ("aud", json!(["orders-api"])),
            ("scope", json!("orders:read")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect();
        let response = Value::Object(everybody).to_string();
        proxy.respond_to_calls(move |_| Some(CallResponse::http(200, response.clone())));
        for rule in example["rules"].as_array().unwrap() {
            if rule.get("deny").is_some() {
                continue;
            }
            rules += 1;
            let request = request(&example, rule, &signer, now);
            let outcome = proxy.run(&request, &Response::json("{}"));
            let client = outcome.client();
            assert_eq!(
                client.status(),
                Some(200),
                "{} {rule}: {}",
                path.display(),
                client.text()
            );
        }
    }
    assert!(rules >= 8, "{rules}");
}
