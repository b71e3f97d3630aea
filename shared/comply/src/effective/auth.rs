//! Whom jwt-auth lets through, and what it asks of them.

use std::collections::BTreeSet;

use jwt_auth::config::{Access, Config, Optional};
use policy::config::Configuration;
use policy::mode::Mode;
use serde_json::{Map, Value, json};

use super::{is_of_all, mode_word};

/// `admits`: each rule, and the default, by which somebody gets through. `otherwise`: what decides
/// about requests that no rule with a condition is about.
pub(super) fn effective(
    text: &str,
    config: &Map<String, Value>,
    unreachable: &BTreeSet<String>,
) -> Option<Value> {
    let read = Config::parse(text).ok()?;
    let written = config.get("rules").and_then(Value::as_array);
    let mut admits = Vec::new();
    for (index, rule) in read.rules.iter().enumerate() {
        let place = format!("rules[{index}]");
        if unreachable.contains(&place) {
            continue;
        }
        let require = written.and_then(|rules| rules.get(index)?.get("require"));
        admits.extend(admitted(&rule.access, rule.mode, require));
        if is_of_all(&rule.matches) {
            let otherwise = otherwise(&rule.access, rule.mode);
            return Some(json!({"admits": admits, "otherwise": otherwise}));
        }
    }
    let default = &read.default;
    admits.extend(admitted(&default.access, default.mode, None));
    let otherwise = otherwise(&default.access, default.mode);
    Some(json!({"admits": admits, "otherwise": otherwise}))
}

/// What is asked of those who get through. Where a rule only reports, everybody does.
fn admitted(access: &Access, mode: Mode, require: Option<&Value>) -> Option<Value> {
    let word = match (access, mode.enforces()) {
        (Access::Deny, true) => return None,
        (_, false) => "reported",
        (Access::Anonymous, _) => "anonymous",
        (Access::Require(_), _) => {
            return Some(json!({"mode": "enforce", "access": "require", "require": require}));
        }
    };
    Some(json!({"mode": "enforce", "access": word}))
}

fn otherwise(access: &Access, mode: Mode) -> Value {
    let word = match access {
        Access::Deny => "deny",
        Access::Require(requirement)
            if !requirement.providers.list().is_empty() && requirement.optional == Optional::No =>
        {
            "require"
        }
        Access::Require(_) | Access::Anonymous => "anonymous",
    };
    json!({"mode": mode_word(mode), "access": word})
}
