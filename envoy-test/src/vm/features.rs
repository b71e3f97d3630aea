//! What each feature costs a request that it is about, over the same bundle without it.
//!
//! Host calls, VM entries and instructions do not depend on the machine, so a row is the feature and nothing else.
//! What a feature costs where it is not configured is not a row: [`super::cost`] holds those requests to exact
//! ceilings.

use host::fake::{CallResponse, Request, Response};
use serde_json::Value;

use super::cost::{Counts, counted_proxy, failed, pass};
use crate::Result;
use crate::paths::BUNDLE;

/// What a request costs with a feature.
#[derive(Clone, Debug)]
pub struct FeatureCost {
    /// What is configured: `owner of the objects of a response`.
    pub feature: &'static str,
    /// Calls from the VM to the host.
    pub calls: u64,
    /// The number of entries into the VM.
    pub entries: u64,
    /// Instructions of WebAssembly that the VM runs.
    pub instructions: u64,
}

/// A feature, and what it changes in [`PLAIN`]: a merge patch (RFC 7396). The first changes nothing: the base of
/// all comparisons.
const FEATURES: [(&str, &str); 20] = [
    ("nothing more", "{}"),
    (
        "a claim that equals a segment of the path",
        r#"{"auth": {"rules": [{"require": {"provider": "staff", "claims": [{"claim": "sub", "equals": {"path": "/people/{id}/**"}}]}}]}}"#,
    ),
    (
        "a recent login of a certain strength",
        r#"{"auth": {"rules": [{"require": {"provider": "staff", "acr_values": ["gold"], "max_age": "1y"}}]}}"#,
    ),
    (
        "a limit of failures by address",
        r#"{"auth": {"failures": {"limits": [{"key": ["ip"], "rate": "10/min"}]}}}"#,
    ),
    (
        "access in an emergency, without a reason",
        r#"{"auth": {"break_glass": {"scopes": ["emergency"]}}}"#,
    ),
    (
        "consent of a claim",
        r#"{"consent": {"claim": "consents"}, "auth": {"rules": [{"require": {"provider": "staff", "consent": {"granted": ["care"]}}}]}}"#,
    ),
    (
        "consent of a service, cached",
        r#"{"consent": {"lookup": {"uri": "https://consent.example.com/people/{subject}", "cluster": "consent"}}, "auth": {"rules": [{"require": {"provider": "staff", "consent": {"granted": ["care"]}}}]}}"#,
    ),
    (
        "opt-outs that are remembered",
        r#"{"consent": {"gpc": true, "remember_opt_out": {}}}"#,
    ),
    (
        "1,000 people who object to a purpose",
        r#"{"consent": {"claim": "consents"}, "auth": {"objections": [{"purposes": ["sharing"], "subjects": ["OBJECTORS"]}]}}"#,
    ),
    (
        "headers of responses that tell too much go",
        r#"{"auth": {"response_rules": [{"remove_headers": ["server", "x-powered-by"], "hide_errors": true}]}}"#,
    ),
    (
        "limits of size, depth and members",
        r#"{"redact": {"rules": [{"detect": ["EMAIL", "CREDIT_CARD"], "apply_to": ["response.body"], "max_body": "1MiB", "max_depth": 20, "max_members": 1000}]}}"#,
    ),
    (
        "only known members, others refused",
        r#"{"redact": {"rules": [{"detect": ["EMAIL", "CREDIT_CARD"], "allow_fields": ["$.items[*].owner_id", "$.items[*].mail", "$.items[*].note"], "allow_fields_action": "refuse"}]}}"#,
    ),
    (
        "owner of the objects of a response",
        r#"{"redact": {"rules": [{"detect": ["EMAIL", "CREDIT_CARD"], "owner": [{"path": "$..owner_id", "equals": {"claim": "sub"}, "else": "remove"}]}]}}"#,
    ),
    (
        "values in clear",
        r#"{"redact": {"rules": [{"detect": ["EMAIL", "CREDIT_CARD"], "unless": {"scopes": ["read"]}}]}}"#,
    ),
    (
        "values in clear, within a budget of values",
        r#"{"redact": {"rules": [{"detect": ["EMAIL", "CREDIT_CARD"], "unless": {"scopes": ["read"]}}], "budget": [{"name": "mail", "key": ["claim:sub"], "class": "EMAIL", "values": "100000/day", "then": "block"}]}}"#,
    ),
    (
        "callers by pseudonym",
        r#"{"audit": {"subject": {"pseudonymize": {"key_env": "MESHWARD_SUBJECT_KEY", "epoch": "2026"}}}}"#,
    ),
    (
        "the person in the data, from the path",
        r#"{"audit": {"subject": {"pseudonymize": {"key_env": "MESHWARD_SUBJECT_KEY", "epoch": "2026"}}, "rules": [{"match": {}, "data_subject": {"path": "/people/{id}/**"}}]}}"#,
    ),
    (
        "the person in the data, from the response",
        r#"{"audit": {"subject": {"pseudonymize": {"key_env": "MESHWARD_SUBJECT_KEY", "epoch": "2026"}}, "rules": [{"match": {}, "data_subject": {"response": "$.items[*].owner_id"}}]}}"#,
    ),
    (
        "a record with everything",
        r#"{"audit": {"rules": [{"match": {}, "level": "full"}]}}"#,
    ),
    (
        "a signed chain",
        r#"{"audit": {"chain": {"signing_key_env": "MESHWARD_CHAIN_KEY", "key_id": "edge"}}}"#,
    ),
];

/// Measures every feature, the bundle without any first.
///
/// # Errors
/// The bundle is not built, or refuses a configuration or the request.
pub fn measure() -> Result<Vec<FeatureCost>> {
    let plain: Value = serde_json::from_str(PLAIN).map_err(failed)?;
    let objectors: Vec<String> = (0..1000).map(|number| format!("person-{number}")).collect();
    let costs = FEATURES.iter().map(|(feature, patch)| {
        let patch = patch.replace("OBJECTORS", &objectors.join("\",\""));
        let mut configuration = plain.clone();
        merge(
            &mut configuration,
            serde_json::from_str(&patch).map_err(failed)?,
        );
        let mut proxies = [counted_proxy(
            BUNDLE,
            &configuration.to_string(),
            &ENVIRONMENT,
        )?];
        for proxy in &mut proxies {
            proxy.respond_to_calls(|_| Some(CallResponse::http(200, r#"{"purposes":["care"]}"#)));
        }
        let counts = Counts::of_one_more(&mut proxies, |proxies| {
            let request = Request::get("/people/ward-4/mail")
                .header("x-api-key", "test")
                .header("user-agent", "cost")
                .attribute(&["source", "address"], "192.0.2.7:4711");
            let response = Response::json(BODY);
            proxies
                .iter_mut()
                .try_for_each(|proxy| pass(proxy, &request, &response, feature))
        })?;
        Ok(FeatureCost {
            feature,
            calls: counts.calls,
            entries: counts.entries,
            instructions: counts.instructions,
        })
    });
    costs.collect()
}

/// Applies a merge patch (RFC 7396) that removes nothing.
fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(members), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(members.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch,
    }
}

/// The bundle with one rule in each part. The key is the SHA-256 of `test`.
const PLAIN: &str = r#"{
    "audit": {"sink": {"host_log": {}}, "rules": [{"match": {}}], "retention": {"class": "default", "keep": "1y"}},
    "auth": {
        "providers": {"staff": {"api_keys": {
            "from": [{"header": "x-api-key"}],
            "keys": [{
                "id": "ward-4",
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "scopes": ["read"],
                "claims": {"acr": "gold", "auth_time": 1767225000, "consents": ["care"]}
            }]
        }}},
        "rules": [{"require": {"provider": "staff"}}]
    },
    "limits": {"limits": [{"name": "a", "key": ["ip"], "rate": "1000/s", "burst": 1000}]},
    "redact": {"rules": [{"detect": ["EMAIL", "CREDIT_CARD"]}]}
}"#;
const BODY: &str = r#"{"items":[{"owner_id":"ward-4","mail":"ada@example.com","note":"see the file"},{"owner_id":"ward-4","mail":"grace@example.com","note":"see the other file"}]}"#;
/// Keys that no case needs: 32 bytes each.
const ENVIRONMENT: [(&str, &str); 2] = [
    (
        "MESHWARD_SUBJECT_KEY",
        "5f1d7a36c2e84b09a7d35c18e96f2b405f1d7a36c2e84b09a7d35c18e96f2b40",
    ),
    (
        "MESHWARD_CHAIN_KEY",
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    ),
];
