//! Configurations that name a measure and do not take it, or take it for some requests only: none counts.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use comply::assessment::MeasureState::{self, Limited, Missing, ReportOnly, Unclear};
use comply::control::Catalog;
use comply::effective::{RouteConfig, forms};
use meshward_bundle::config::Part;
use serde_json::{Map, Value, json};

/// A configuration of jwt-auth with a provider of API keys.
fn auth(rules: &str, more: &str) -> String {
    let more = match more {
        "" => String::new(),
        more => format!(", {more}"),
    };
    format!(r#"{{"auth": {{"providers": {{{KEYS}}}, "rules": {rules}{more}}}}}"#)
}

fn audit(more: &str) -> String {
    format!(r#"{{"audit": {{"sink": {STORE}, {more}}}}}"#)
}

fn redact(text: &str) -> String {
    format!(r#"{{"redact": {text}}}"#)
}

/// One of jwt-auth that says more beside one of pii-redactor.
fn both(more: &str, redact: &str) -> String {
    format!(
        r#"{{"auth": {{"providers": {{{KEYS}}}, "rules": [{{"require": {{"provider": "partners"}}}}], {more}}}, "redact": {redact}}}"#
    )
}

/// 30 November 2026.
const NOW_S: i64 = 1_795_996_800;
const KEYS: &str = r#""partners": {"api_keys": {"from": [{"header": "x-api-key"}], "keys": [{"id": "acme", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}]}}"#;
const STORE: &str = r#"{"ndjson_http": {"cluster": "store", "path": "/"}}"#;

/// The measure, what it is taken for, and the configuration.
fn weak() -> Vec<(&'static str, MeasureState, String)> {
    let orders = r#"{"match": {"paths": ["/orders/**"]}, "require": {"provider": "partners"}}"#;
    let one = |require: &str| format!(r#"[{{"require": {require}}}]"#);
    let partner = |more: &str| one(&format!(r#"{{"provider": "partners", {more}}}"#));
    let jwks = |name: &str, more: &str| {
        format!(
            r#""{name}": {{"issuer": "https://{name}.example.com", "audiences": ["a"], "algorithms": ["ES256"], "jwks": {{"remote": {{"uri": "https://{name}.example.com/jwks", "cluster": "idp"}}}}{more}}}"#
        )
    };
    let tls = r#"{"tls": {"min_version": "1.2"}}"#;
    let in_part = |preset: &str| {
        redact(&format!(
            r#"{{"rules": [{{"match": {{"paths": ["/never"]}}, "presets": ["{preset}"]}}]}}"#
        ))
    };
    let kept = |rule: &str| {
        audit(&format!(
            r#""rules": [{{"match": {{"paths": ["/never"]}}, "retention": {{"class": "long", "keep": {rule}}}}}]"#
        ))
    };
    vec![
        ("authentication", Missing, auth(&partner(r#""optional": true"#), "")),
        ("authentication", Missing, auth(&partner(r#""optional": "or_failed""#), "")),
        ("authentication", Limited, auth(&format!("[{orders}]"), r#""default": "anonymous""#)),
        ("authentication", Limited, auth(&format!(r#"[{orders}, {{"allow": "anonymous"}}]"#), "")),
        ("authentication", Missing, auth(&format!(r#"[{{"allow": "anonymous"}}, {orders}]"#), "")),
        ("authentication", Limited, auth(&format!("[{orders}]"), r#""_rules_": [{"_match_route_": ["shop"], "default": "anonymous"}]"#)),
        ("deny_by_default", ReportOnly, auth(&format!("[{orders}]"), r#""default": {"access": "deny", "mode": "report"}"#)),
        ("deny_by_default", ReportOnly, auth(&format!("[{orders}]"), r#""mode": "report""#)),
        ("deny_by_default", Missing, auth(&format!(r#"[{orders}, {{"match": {{"paths": ["/**"]}}, "allow": "anonymous"}}]"#), "")),
        ("deny_by_default", Limited, auth(&format!("[{orders}]"), r#""_rules_": [{"_match_route_": ["shop"], "default": "anonymous"}]"#)),
        ("least_privilege", Unclear, auth(&partner(r#""optional": true, "scopes": ["a"]"#), "")),
        ("least_privilege", Unclear, auth(&partner(r#""scopes": ["openid"]"#), "")),
        ("least_privilege", Unclear, auth(&partner(r#""scopes_any": ["orders:read", "profile"]"#), "")),
        ("least_privilege", MeasureState::Set, auth(&partner(r#""scopes": ["openid", "orders:read"]"#), "")),
        ("least_privilege", Unclear, auth(&partner(r#""claims": [{"claim": "iss", "equals": "https://idp.example.com"}]"#), "")),
        ("least_privilege", Unclear, auth(&partner(r#""claims": [{"claim": "aud", "contains": "o"}]"#), "")),
        ("least_privilege", Unclear, auth(&partner(r#""claims": [{"claim": "email_verified", "equals": true}]"#), "")),
        ("least_privilege", Unclear, auth(&partner(r#""claims": [{"claim": "scope", "contains": "openid"}]"#), "")),
        ("least_privilege", MeasureState::Set, auth(&partner(r#""claims": [{"claim": "sub", "equals": {"path": "/users/{id}/**"}}]"#), "")),
        ("authentication", Unclear, format!(
            r#"{{"auth": {{"providers": {{"corp": {{"issuer": "https://idp.example.com", "audiences": ["a"], "jwks": {{"remote": {{"uri": "http://idp.example.com/keys", "cluster": "idp", "plain_http": true}}}}}}}}, "rules": {}}}}}"#,
            one(r#"{"provider": "corp"}"#)
        )),
        ("rate_limits", Unclear, r#"{"limits": {"limits": [{"name": "a", "key": ["ip"], "rate": "1/s"}], "client_address": {"ip_prefix": {"v4": 0, "v6": 0}}}}"#.to_owned()),
        ("no_card_secrets", Missing, redact(r#"{"presets": ["pci"], "actions": {"CARD_CVV": {"pseudonym": {}}}, "pseudonym_key_env": "K"}"#)),
        ("pseudonymous_trail", Unclear, audit(r#""subject": {"pseudonymize": {"key_env": "K", "epoch": "2026"}}, "fields": {"ip": "prefix", "path": "template", "query": "keys"}"#)),
        ("named_callers", Missing, format!(r#"{{"audit": {{"sink": "host_log"}}, "auth": {{"providers": {{}}, "rules": {}}}}}"#, one(tls))),
        ("multiple_factors", Unclear, auth(&partner(r#""claims": [{"claim": "amr", "exists": true}]"#), "")),
        ("multiple_factors", Unclear, auth(&partner(r#""claims": [{"claim": "amr", "contains": "pwd"}]"#), "")),
        ("short_sessions", Missing, format!(
            r#"{{"auth": {{"providers": {{{}, {KEYS}}}, "rules": [{orders}]}}}}"#,
            jwks("idle", r#", "max_lifetime": "15m""#)
        )),
        ("short_sessions", Limited, format!(
            r#"{{"auth": {{"providers": {{{}, {}}}, "rules": {}}}}}"#,
            jwks("short", r#", "max_lifetime": "15m""#),
            jwks("long", ""),
            one(r#"{"any_of": ["short", "long"]}"#)
        )),
        ("keys_expire", Limited, auth(&format!("[{orders}]"), "").replace(
            r#""keys": ["#,
            r#""keys": [{"id": "b", "sha256": "1f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "expires": "2027-12-01T00:00:00Z"}, "#
        )),
        ("revocation", Missing, auth(&format!("[{orders}]"), "").replace(
            r#""providers": {"#,
            r#""providers": {"opaque": {"introspection": {"uri": "https://idp.example.com/i", "cluster": "idp", "client_id": "a", "client_secret_env": "S"}}, "#
        )),
        ("tls", Missing, auth(&one(r#"{"tls": {"min_version": "1.2", "forwarded_proto": true}}"#), "")),
        ("tls", Limited, auth(&format!(r#"[{{"match": {{"paths": ["/a"]}}, "require": {tls}}}, {orders}]"#), "")),
        ("https_only", Missing, auth(&one(r#"{"tls": {"hsts": {"max_age": "0s"}, "redirect": true}}"#), "")),
        ("https_only", Limited, auth(&format!(
            r#"[{{"match": {{"paths": ["/a"]}}, "require": {{"tls": {{"redirect": true, "hsts": {{"max_age": "1y"}}}}}}}}, {orders}]"#
        ), "")),
        ("client_certificates", Missing, auth(&format!(r#"[{{"allow": "anonymous"}}, {{"require": {{"tls": {{"client_certificate": true}}}}}}, {orders}]"#), "")),
        ("rate_limits", Limited, r#"{"limits": {"limits": [{"name": "a", "key": ["ip"], "rate": "1/s"}], "bypass": {"ips": ["0.0.0.0/0"]}}}"#.to_owned()),
        ("least_privilege", Limited, auth(&format!(r#"[{{"match": {{"paths": ["/x"]}}, "require": {{"provider": "partners", "scopes": ["a"]}}}}, {orders}]"#), "")),
        ("multiple_factors", Limited, auth(r#"[{"match": {"paths": ["/x"]}, "require": {"provider": "partners", "claims": [{"claim": "amr", "contains": "mfa"}]}}]"#, r#""default": "anonymous""#)),
        ("multiple_factors", Unclear, auth(&partner(r#""acr_values": ["password"]"#), "")),
        ("client_certificates", Limited, auth(&format!(r#"[{{"match": {{"paths": ["/x"]}}, "require": {{"tls": {{"client_certificate": true}}}}}}, {orders}]"#), "")),
        ("objections", Missing, auth(&format!("[{orders}]"), "")),
        ("fifteen_minutes", Missing, format!(r#"{{"auth": {{"providers": {{{}}}, "rules": [{{"require": {{"provider": "corp"}}}}]}}}}"#, jwks("corp", r#", "max_lifetime": "24h""#))),
        ("rate_limits", Unclear, r#"{"limits": {"limits": [{"name": "a", "key": ["header:x-none"], "on_missing_key": "skip", "rate": "1/s"}]}}"#.to_owned()),
        ("rate_limits", Limited, r#"{"limits": {"limits": [{"name": "a", "key": ["ip"], "rate": "1/s"}], "bypass": {"claims": [{"claim": "sub", "exists": true}]}}}"#.to_owned()),
        ("rate_limits", Unclear, r#"{"limits": {"limits": [{"name": "a", "key": ["ip"], "windows": [{"rate": "1000000/s"}, {"rate": "100000000/min"}]}]}}"#.to_owned()),
        ("rate_limits", MeasureState::Set, r#"{"limits": {"limits": [{"name": "a", "key": ["ip"], "windows": [{"rate": "1000000/s"}, {"rate": "1000/min"}]}], "bypass": {"ips": ["10.0.0.0/8", "fc00::/7"]}}}"#.to_owned()),
        ("data_budgets", Unclear, redact(r#"{"rules": [{"detect": ["US_SSN"]}], "budget": [{"name": "a", "key": ["ip"], "class": "US_SSN", "values": "1000000/s", "then": "block"}]}"#)),
        ("data_budgets", Limited, redact(r#"{"rules": [{"detect": ["US_SSN"]}], "budget": [{"name": "a", "match": {"paths": ["/never"]}, "key": ["ip"], "class": "US_SSN", "values": "1/day", "then": "block"}]}"#)),
        ("data_budgets", Limited, redact(r#"{"rules": [{"detect": ["US_SSN"]}], "budget": [{"name": "a", "key": ["ip"], "on_missing_key": "skip", "class": "US_SSN", "values": "1/day", "then": "block", "on_error": "pass"}]}"#)),
        ("minimisation", Limited, redact(r#"{"rules": [{"match": {"paths": ["/never"]}, "allow_fields": ["$.id"]}]}"#)),
        ("masked_cards", Limited, redact(r#"{"presets": ["pci"], "allow": {"prefixes": ["0", "1", "2", "3", "4", "5"]}}"#)),
        ("masked_cards", Limited, redact(r#"{"presets": ["pci"], "type_policy": "keep"}"#)),
        ("no_card_secrets", Limited, redact(r#"{"presets": ["pci"], "min_confidence": "high"}"#)),
        ("safe_harbor", Limited, redact(r#"{"presets": ["hipaa"], "on_error": {"unsupported_encoding": "pass"}}"#)),
        ("safe_harbor", Limited, redact(r#"{"rules": [{"presets": ["hipaa"], "unless": {"claims": [{"claim": "sub", "exists": true}]}}]}"#)),
        ("records", Limited, audit(r#""rules": [{"match": {"methods": ["GET"]}, "level": "none"}]"#)),
        ("records", MeasureState::Set, audit(r#""rules": [{"match": {"paths": ["/healthz", "/readyz"]}, "level": "none"}]"#)),
        ("no_silent_loss", Missing, audit(r#""assurance": "synchronous", "on_error": "allow""#)),
        ("witness", Missing, audit(r#""chain": {"signing_key_env": "K", "witness": {"ndjson_http": {"cluster": "store", "path": "/other"}}}"#)),
        ("rate_limits", Limited, r#"{"limits": {"limits": [{"name": "a", "match": {"paths": ["/never"]}, "key": ["ip"], "rate": "1/s"}]}}"#.to_owned()),
        ("data_budgets", Missing, redact(r#"{"rules": [{"detect": ["US_SSN"]}], "budget": [{"name": "a", "key": ["ip"], "class": "US_SSN", "values": "1/day", "then": "report"}]}"#)),
        (
            "people_budgets",
            Missing,
            redact(
                r#"{"rules": [{"detect": ["US_SSN"]}], "budget": [{"name": "a", "key": ["ip"], "class": "US_SSN", "values": "1/day", "then": "block"}]}"#,
            ),
        ),
        ("minimisation", Unclear, redact(r#"{"rules": [{"allow_fields": ["$.*"]}]}"#)),
        ("minimisation", Unclear, redact(r#"{"rules": [{"allow_fields": ["$.id"], "apply_to": ["request.query"]}]}"#)),
        ("masked_cards", Missing, redact(r#"{"presets": ["pci"], "actions": {"CREDIT_CARD": "detect"}}"#)),
        ("masked_cards", Missing, redact(r#"{"rules": [{"detect": ["CREDIT_CARD"], "actions": {"CREDIT_CARD": "detect"}}]}"#)),
        ("masked_cards", Missing, redact(r#"{"rules": [{"detect": ["CREDIT_CARD"]}], "actions": {"default": "detect"}}"#)),
        ("masked_cards", Missing, redact(r#"{"presets": ["pci"], "apply_to": ["request.query"]}"#)),
        ("masked_cards", Limited, redact(r#"{"rules": [{"detect": ["CREDIT_CARD"], "when": {"consent": {"denied": ["sharing"]}}}]}"#)),
        ("masked_cards", Limited, redact(r#"{"rules": [{"match": {"paths": ["/a"]}, "detect": ["CREDIT_CARD"], "actions": {"CREDIT_CARD": "detect"}}, {"match": {"paths": ["/b"]}, "presets": ["pci"]}]}"#)),
        ("masked_cards", Limited, redact(r#"{"presets": ["pci"], "_rules_": [{"_match_route_": ["shop"], "actions": {"CREDIT_CARD": "detect"}}]}"#)),
        ("no_card_secrets", Limited, in_part("pci")),
        ("no_card_secrets", Missing, redact(r#"{"presets": ["pci"], "actions": {"CARD_CVV": {"mask": {"keep_last": 3}}}}"#)),
        ("safe_harbor", Limited, in_part("hipaa")),
        ("safe_harbor", Missing, redact(r#"{"presets": ["hipaa"], "actions": {"US_SSN": "detect"}}"#)),
        ("safe_harbor", Missing, redact(r#"{"presets": ["hipaa"], "actions": {"US_SSN": {"mask": {"keep_last": 4}}}}"#)),
        ("safe_harbor", Missing, redact(r#"{"presets": ["hipaa"], "actions": {"PERSON_DATE": {"date": "month"}}}"#)),
        ("safe_harbor", ReportOnly, redact(r#"{"rules": [{"presets": ["hipaa"], "mode": "report"}]}"#)),
        ("special_categories", Limited, in_part("gdpr")),
        ("special_categories", Missing, redact(r#"{"presets": ["gdpr"], "actions": {"HEALTH": "detect"}}"#)),
        ("sensitive_information", Limited, in_part("ccpa")),
        ("sensitive_information", Missing, redact(r#"{"presets": ["ccpa"], "actions": {"PASSWORD": "detect"}}"#)),
        ("sensitive_information", Limited, redact(r#"{"rules": [{"presets": ["ccpa"], "when": {"consent": {"granted": ["sharing"]}}}]}"#)),
        ("no_secrets", Limited, in_part("secrets")),
        ("no_secrets", Missing, redact(r#"{"presets": ["secrets"], "actions": {"JWT": "detect"}}"#)),
        ("discovery", Limited, in_part("pci")),
        ("pseudonyms", Missing, redact(r#"{"presets": ["pci"], "actions": {"EMAIL": {"pseudonym": {}}}, "pseudonym_key_env": "K"}"#)),
        ("opt_out", Missing, redact(r#"{"consent": {"gpc": ["profiling"]}, "rules": [{"presets": ["ccpa"], "when": {"consent": {"denied": ["sharing"]}}}]}"#)),
        ("opt_out", Missing, redact(r#"{"consent": {"gpc": false}, "rules": [{"presets": ["ccpa"], "when": {"consent": {"denied": ["sharing"]}}}]}"#)),
        ("opt_out", Missing, redact(r#"{"rules": [{"detect": ["EMAIL"], "actions": {"EMAIL": "detect"}, "when": {"consent": {"denied": ["sharing"]}}}]}"#)),
        ("opt_out", Limited, redact(r#"{"rules": [{"match": {"paths": ["/never"]}, "presets": ["ccpa"], "when": {"consent": {"denied": ["sharing"]}}}]}"#)),
        ("consent", Missing, auth(&partner(r#""consent": {"granted": ["marketing"]}"#), r#""consent": {"default": "granted"}"#)),
        ("consent", Missing, redact(r#"{"rules": [{"presets": ["ccpa"], "when": {"consent": {"denied": ["marketing"]}}}]}"#)),
        ("records", Limited, audit(r#""rules": [{"sample": "1%"}]"#)),
        ("records", Missing, audit(r#""rules": [{"level": "none"}]"#)),
        ("records", Limited, audit(r#""_rules_": [{"_match_route_": ["shop"], "rules": [{"level": "none"}]}]"#)),
        ("full_records", Missing, audit(r#""rules": [{}, {"match": {"paths": ["/a"]}, "level": "full"}]"#)),
        ("no_silent_loss", Missing, audit(r#""rules": [{"match": {"scopes": ["a"]}, "assurance": "synchronous"}]"#)),
        ("no_silent_loss", Limited, audit(r#""rules": [{"match": {"paths": ["/never"]}, "assurance": "synchronous"}]"#)),
        ("no_silent_loss", Limited, audit(r#""queue": {"on_full": "reject"}, "rules": [{"sample": "1%"}]"#)),
        ("signed_trail", Missing, audit(r#""chain": {"heartbeat": "60s"}"#)),
        ("holds_and_erasure", Missing, audit(r#""chain": {"heartbeat": "60s"}"#)),
        ("configuration_is_recorded", Missing, audit(r#""chain": {"heartbeat": "60s"}"#)),
        ("witness", Missing, audit(&format!(r#""chain": {{"signing_key_env": "K", "witness": {STORE}}}"#))),
        ("kept_six_years", Limited, kept(r#""6y""#)),
        ("kept_six_years", Missing, kept(r#"{"at_most": "7y"}"#)),
        ("kept_one_year", Limited, kept(r#""1y""#)),
        ("kept_ten_years", Limited, kept(r#""10y""#)),
        ("storage_limit", Limited, kept(r#""1y""#)),
        ("pseudonymous_trail", Unclear, audit(r#""subject": {"pseudonymize": {"key_env": "K", "epoch": "2026"}}"#)),
        ("multiple_factors", Unclear, auth(&partner(r#""claims": [{"claim": "amr", "contains": "sms"}]"#), "")),
        ("multiple_factors", Unclear, auth(&partner(r#""claims": [{"claim": "amr", "in": ["mfa", "kba"]}]"#), "")),
        ("multiple_factors", Unclear, auth(&partner(r#""claims": [{"claim": "amr", "prefix": "mfa"}]"#), "")),
        ("multiple_factors", Unclear, auth(&partner(r#""acr_values": ["phr", "Password"]"#), "")),
        ("multiple_factors", Unclear, auth(&partner(r#""acr_values": ["urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"]"#), "")),
        ("multiple_factors", MeasureState::Set, auth(&partner(r#""claims": [{"claim": "amr", "all": ["pwd", "otp"]}]"#), "")),
        ("multiple_factors", MeasureState::Set, auth(&partner(r#""acr_values": ["phr", "phrh"]"#), "")),
        ("fifteen_minutes", Limited, format!(
            r#"{{"auth": {{"providers": {{{}, {KEYS}}}, "rules": {}}}}}"#,
            jwks("corp", r#", "max_lifetime": "15m""#),
            one(r#"{"any_of": ["corp", "partners"]}"#)
        )),
        ("fifteen_minutes", MeasureState::Set, format!(
            r#"{{"auth": {{"providers": {{{}}}, "rules": {}}}}}"#,
            jwks("corp", ""),
            one(r#"{"provider": "corp", "max_age": "15m"}"#)
        )),
        ("opt_out", Unclear, redact(r#"{"rules": [{"detect": ["CRYPTO"], "when": {"consent": {"denied": ["sharing"]}}}]}"#)),
        ("opt_out", Limited, redact(r#"{"rules": [{"presets": ["ccpa"], "when": {"consent": {"denied": ["sharing"]}}, "unless": {"claims": [{"claim": "sub", "exists": true}]}}]}"#)),
        ("opt_out", Unclear, redact(r#"{"rules": [{"presets": ["ccpa"], "apply_to": ["request.trailers"], "when": {"consent": {"denied": ["sharing"]}}}]}"#)),
        ("opt_out", Unclear, redact(r#"{"rules": [{"presets": ["ccpa"], "when": {"consent": {"denied": ["sharing"]}}}], "actions": {"default": "detect"}}"#)),
        ("objections", Unclear, auth(&one(r#"{"provider": "partners"}"#), r#""objections": [{"purposes": ["marketing"], "subjects": ["nobody"]}]"#)),
        ("objections", MeasureState::Set, both(r#""objections": [{"purposes": ["marketing"], "subjects": ["jane"]}]"#, r#"{"rules": [{"presets": ["ccpa"], "when": {"consent": {"denied": ["marketing"]}}}]}"#)),
        ("objections", Unclear, both(r#""objections": [{"purposes": ["profiling"], "subjects": ["jane"]}]"#, r#"{"rules": [{"presets": ["ccpa"], "when": {"consent": {"denied": ["marketing"]}}}]}"#)),
        ("objections", Limited, both(r#""objections": [{"purposes": ["marketing"], "subjects": ["jane"]}]"#, r#"{"rules": [{"match": {"paths": ["/x"]}, "presets": ["ccpa"], "when": {"consent": {"denied": ["marketing"]}}}]}"#)),
        ("objections", Limited, auth(&format!(
            r#"[{{"match": {{"paths": ["/x"]}}, "require": {{"provider": "partners", "consent": {{"granted": ["marketing"]}}}}}}, {orders}]"#
        ), r#""objections": [{"purposes": ["marketing"], "subjects": ["jane"]}]"#)),
        ("sensitive_information", Limited, redact(r#"{"rules": [{"presets": ["ccpa"], "when": {"consent": {"denied": ["newsletter"]}}}]}"#)),
        ("sensitive_information", MeasureState::Set, redact(r#"{"rules": [{"presets": ["ccpa"], "when": {"consent": {"denied": ["limit_use"]}}}]}"#)),
        ("consent", Limited, auth(&format!(
            r#"[{{"match": {{"paths": ["/never"]}}, "require": {{"provider": "partners", "consent": {{"granted": ["m"]}}}}}}, {orders}]"#
        ), "")),
        ("records", Limited, audit(r#""queue": {"on_full": "drop", "max_records": 1}"#)),
        ("records", Limited, audit(r#""assurance": "best_effort""#)),
        ("records", Limited, audit(r#""rules": [{"match": {"paths": ["/read", "/live"]}, "level": "none"}]"#)),
        ("signed_trail", Missing, audit(r#""chain": {"signing_key_env": "K"}, "rules": [{"level": "none"}]"#)),
        ("authentication", Limited, auth(&format!(r#"[{{"match": {{"methods": ["GET"]}}, "allow": "anonymous"}}, {orders}]"#), "")),
        ("authentication", MeasureState::Set, auth(&format!(r#"[{{"match": {{"paths": ["/healthz"]}}, "allow": "anonymous"}}, {orders}]"#), "")),
        ("authentication", ReportOnly, auth(&one(r#"{"provider": "partners"}"#), r#""mode": "report""#)),
        ("rate_limits", Unclear, r#"{"limits": {"limits": [{"name": "a", "key": ["ip"], "rate": "1000000/s"}]}}"#.to_owned()),
        ("rate_limits", Limited, r#"{"limits": {"limits": [{"name": "a", "key": ["ip"], "rate": "1/s"}], "bypass": {"ips": ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"]}}}"#.to_owned()),
        ("rate_limits", MeasureState::Set, r#"{"limits": {"limits": [{"name": "a", "key": ["ip"], "rate": "1/s"}], "bypass": {"ips": ["10.0.0.0/8", "203.0.113.7", "2001:db8::1"]}}}"#.to_owned()),
        ("data_budgets", Unclear, redact(r#"{"rules": [{"detect": ["EMAIL"]}], "budget": [{"name": "a", "key": ["ip"], "class": "US_SSN", "values": "1/day", "then": "block"}]}"#)),
        ("data_budgets", Limited, redact(r#"{"rules": [{"match": {"paths": ["/never"]}, "detect": ["US_SSN"]}], "budget": [{"name": "a", "key": ["ip"], "class": "US_SSN", "values": "1/day", "then": "block"}]}"#)),
        ("discovery", Unclear, redact(r#"{"rules": [{"detect": ["CRYPTO"]}]}"#)),
        ("storage_limit", Unclear, audit(r#""retention": {"class": "a", "keep": "100y"}"#)),
        ("object_ownership", Missing, redact(r#"{"rules": [{"owner": [{"path": "$.orders[*].owner_id", "equals": {"claim": "sub"}, "else": "report"}]}]}"#)),
        ("object_ownership", Limited, redact(r#"{"rules": [{"unless": {"scopes": ["a"]}, "owner": [{"path": "$.orders[*].owner_id", "equals": {"claim": "sub"}, "else": "remove"}]}]}"#)),
        ("object_ownership", Limited, redact(r#"{"apply_to": ["request.query"], "rules": [{"apply_to": ["response.body"], "match": {"paths": ["/a"]}, "owner": [{"path": "$.orders[*].owner_id", "equals": {"claim": "sub"}, "else": "remove"}]}]}"#)),
        ("object_ownership", MeasureState::Set, auth(&partner(r#""claims": [{"claim": "sub", "equals": {"path": "/users/{id}/**"}}]"#), "")),
        ("object_ownership", Limited, auth(&format!(r#"[{{"match": {{"paths": ["/users/**"]}}, "require": {{"provider": "partners", "claims": [{{"claim": "sub", "equals": {{"path": "/users/{{id}}/**"}}}}]}}}}, {orders}]"#), "")),
        ("brute_force", Unclear, auth(&format!("[{orders}]"), r#""failures": {"limits": [{"key": ["key_id"], "rate": "10/min"}]}"#)),
        ("brute_force", Unclear, auth(&format!("[{orders}]"), r#""failures": {"limits": [{"key": ["ip"], "rate": "1000000/s"}]}"#)),
        ("refused_members", Unclear, redact(r#"{"rules": [{"apply_to": ["response.body"], "allow_fields": ["$.id"], "allow_fields_action": "refuse"}]}"#)),
        ("refused_members", Missing, redact(r#"{"rules": [{"apply_to": ["request.body"], "allow_fields": ["$.id"]}]}"#)),
        ("body_limits", Unclear, redact(r#"{"rules": [{"apply_to": ["request.body"], "max_body": "1MiB"}]}"#)),
        ("body_limits", Unclear, redact(r#"{"rules": [{"apply_to": ["response.body"], "max_body": "1MiB", "max_depth": 8, "max_members": 8}]}"#)),
        ("page_sizes", Limited, auth(&format!("[{orders}]"), r#""requests": [{"match": {"paths": ["/a"]}, "max_query": {"limit": 100}}]"#)),
        ("graphql_limits", Unclear, redact(r#"{"rules": [{"apply_to": ["request.body"], "graphql": {"max_depth": 10}}]}"#)),
        ("graphql_limits", Limited, redact(r#"{"rules": [{"apply_to": ["request.body"], "graphql": {"max_depth": 10, "max_cost": 100}}]}"#)),
        ("internal_addresses", Unclear, redact(r#"{"rules": [{"apply_to": ["request.body"], "detect": ["INTERNAL_URL"], "actions": {"INTERNAL_URL": "detect"}}]}"#)),
        ("internal_addresses", Limited, redact(r#"{"rules": [{"match": {"paths": ["/hooks"]}, "apply_to": ["request.body"], "detect": ["INTERNAL_URL"], "actions": {"INTERNAL_URL": "block"}}]}"#)),
        ("quiet_responses", Missing, auth(&format!("[{orders}]"), r#""response_rules": [{"hide_errors": true}]"#)),
        ("quiet_responses", Limited, auth(&format!("[{orders}]"), r#""response_rules": [{"match": {"paths": ["/a"]}, "hide_errors": true}, {"remove_headers": ["server"]}]"#)),
        ("announced_retirement", Limited, auth(&format!("[{orders}]"), r#""response_rules": [{"match": {"paths": ["/v1/**"]}, "sunset": "2027-01-01T00:00:00Z"}]"#)),
        ("step_up", Limited, auth(&format!(r#"[{{"match": {{"paths": ["/transfers"]}}, "require": {{"provider": "partners", "acr_values": ["phr"]}}}}, {orders}]"#), "")),
        ("break_glass", Missing, auth(&format!("[{orders}]"), r#""break_glass": {"scopes": ["emergency"]}"#)),
        ("named_people", Limited, audit(r#""subject": {"pseudonymize": {"key_env": "K", "epoch": "2026"}}, "rules": [{"match": {"paths": ["/patients/**"]}, "data_subject": {"path": "/patients/{id}/**"}}]"#)),
        ("live_consent", Missing, auth(&partner(r#""consent": {"granted": ["marketing"]}"#), r#""consent": {"lookup": {"uri": "https://consent.example.com/people/{subject}", "cluster": "consent", "on_error": "ignore"}}"#)),
        ("live_consent", Missing, auth(&format!("[{orders}]"), r#""consent": {"lookup": {"uri": "https://consent.example.com/people/{subject}", "cluster": "consent"}}"#)),
        ("remembered_opt_out", Missing, auth(&format!("[{orders}]"), r#""consent": {"remember_opt_out": {}}"#)),
        ("opt_out_is_shown", Missing, auth(&format!("[{orders}]"), r#""gpc_status": {}"#)),
    ]
}

/// The state of a measure, by a configuration of the bundle.
fn state(catalog: &Catalog, id: &str, config: &str, routes: &[RouteConfig]) -> MeasureState {
    let measure = catalog.measure(id).unwrap_or_else(|| panic!("{id}"));
    let config: Map<String, Value> = serde_json::from_str(config).unwrap();
    measure.set_by(&forms(&config, routes, NOW_S)).0
}

/// What is only reported, only detected, for some requests, for some routes, or by a rule that never
/// acts.
#[test]
fn what_is_named_and_not_done_does_not_count() {
    let catalog = Catalog::own().unwrap();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (id, expected, config) in weak() {
        seen.insert(id);
        if let Err(problems) = meshward_bundle::config::check(&config).result {
            wrong.push(format!("{id}: {problems}: {config}"));
        }
        let found = state(&catalog, id, &config, &[]);
        if found != expected {
            wrong.push(format!("{id}: {found:?} for {config}"));
        }
    }
    let all: BTreeSet<&str> = catalog.measures.iter().map(|m| m.id.as_str()).collect();
    assert_eq!(seen, all, "each measure has a weak configuration");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Metadata counts where the plugin reads it.
#[test]
fn a_route_may_undo_what_the_plugin_does() {
    let catalog = Catalog::own().unwrap();
    let said = json!({"actions": {"CREDIT_CARD": "detect"}});
    let routes = [RouteConfig {
        part: Part::Redact,
        place: "a route".to_owned(),
        members: said.as_object().unwrap().clone(),
    }];
    let of = |config: &str| state(&catalog, "masked_cards", config, &routes);
    let read = r#"{"redact": {"presets": ["pci"], "route_config": true}}"#;
    assert_eq!(of(read), Limited);
    assert_eq!(of(r#"{"redact": {"presets": ["pci"]}}"#), MeasureState::Set);
}
