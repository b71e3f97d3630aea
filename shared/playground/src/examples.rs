//! What the page begins with: configurations that are shipped, each with something to try on it.

use serde_json::{Value, json};

/// All of them, in the order of the page.
pub(crate) fn all() -> Value {
    json!([
        {
            "name": "Shop: a caller without a token",
            "what": "request",
            "configuration": SHOP,
            "request": "GET /orders/17",
            "client": "203.0.113.7",
        },
        {
            "name": "Shop: a patient's record, for a caller with scopes",
            "what": "request",
            "configuration": SHOP,
            "request": "GET /patients/7",
            "client": "203.0.113.7",
            "claims": r#"{ "sub": "drew", "scope": "patients:read" }"#,
            "response": "HTTP/1.1 200",
            "response-header": "content-type: application/json",
            "body": PATIENT,
        },
        {
            "name": "Rate limit: the 25th request in a row",
            "what": "request",
            "configuration": include_str!("../../../filters/token-bucket/examples/per-client.json"),
            "request": "GET /search",
            "client": "203.0.113.7",
            "times": "25",
        },
        {
            "name": "Workload: a call with a certificate of SPIFFE",
            "what": "request",
            "configuration": LEDGER,
            "request": "GET /ledger/1",
            "client": "10.0.0.8",
            "tls": "1.3",
            "certificate": "uri_san=spiffe://example.com/ns/billing/sa/job\nsubject=CN=job",
        },
        {
            "name": "Redaction: a body",
            "what": "body",
            "configuration": include_str!("../../../filters/pii-redactor/examples/patients.json"),
            "content-type": "application/json",
            "body": PATIENT,
        },
        {
            "name": "Token: an example of RFC 7515, which has expired",
            "what": "token",
            "configuration": TOKENS,
            "token": TOKEN,
        },
        {
            "name": "Check: a configuration with mistakes",
            "what": "check",
            "configuration": MISTAKES,
        },
        {
            "name": "Check: a bootstrap of Envoy with the four filters",
            "what": "check",
            "configuration": include_str!("../../../envoy-test/envoy/meshward.yaml"),
        },
    ])
}

const SHOP: &str = include_str!("../../../filters/meshward/examples/shop.json");
const PATIENT: &str = include_str!("../../../envoy-test/src/peers/patient.json");
/// RFC 7515, appendix A.1.
const TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const TOKENS: &str = r#"{
  "providers": {
    "joe": {
      "issuer": "joe",
      "audiences": "any",
      "algorithms": ["HS256"],
      "jwks": {
        "inline": {
          "keys": [
            {
              "kty": "oct",
              "alg": "HS256",
              "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
            }
          ]
        }
      }
    }
  },
  "rules": [{ "require": { "provider": "joe" } }]
}
"#;
const LEDGER: &str = r#"{
  "providers": {},
  "rules": [
    {
      "match": { "paths": ["/ledger/**"] },
      "require": {
        "tls": { "min_version": "1.2", "client_certificate": true, "san": ["spiffe://example.com/ns/billing/*"] }
      }
    }
  ],
  "default": "deny"
}
"#;
const MISTAKES: &str = r#"{
  "limits": [
    { "name": "per-client", "keys": ["ip"], "rate": "100/fortnight" },
    { "name": "search", "key": ["claim:sub"], "rate": "5/s", "burst": "many" }
  ]
}
"#;
