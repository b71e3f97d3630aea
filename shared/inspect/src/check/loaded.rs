//! What a filter refuses on a host that cannot do it: the configuration is loaded in a simulated proxy of that host.

use host::fake::Profile;
use policy::config::{Checked, Problem, Problems};
use policy::json::Json;

use super::plugin::Host;
use crate::simulated;

impl Host {
    /// The profile of a host that cannot do all that Envoy can.
    const fn limited(self) -> Option<Profile> {
        match self {
            Self::Apisix => Some(Profile::Apisix),
            Self::Kong => Some(Profile::Kong),
            Self::Envoy | Self::Istio | Self::EnvoyGateway | Self::Higress => None,
        }
    }
}

/// What was found of a configuration, with what the filter refuses there, if nothing else is wrong with it.
pub(super) fn on_host(checked: Checked<()>, filter: &str, host: Host, text: &str) -> Checked<()> {
    match host.limited() {
        Some(profile) if checked.result.is_ok() => {
            let refused = refusals(filter, profile, text);
            Checked {
                result: refused.map_or(Ok(()), Err),
                ..checked
            }
        }
        _ => checked,
    }
}

fn refusals(filter: &str, profile: Profile, text: &str) -> Option<Problems> {
    let mut proxy = simulated::proxy(filter, profile);
    if let Ok(json) = Json::parse(text.as_bytes()) {
        set_environment(&json, &mut |name| {
            proxy.host().set_environment_variable(name, SECRET);
        });
    }
    let refused = proxy.configure(text).err()?;
    let lines = refused.logs.iter().map(|line| line.text.as_str());
    let problems = lines.filter_map(|line| {
        let (_, problem) = line.split_once(": configuration refused: ")?;
        let named = problem.split_once(": ");
        let named = named.filter(|(path, _)| !path.contains(' '));
        Some(match named {
            Some((path, message)) => Problem::new(path, message),
            None => Problem::new("", problem),
        })
    });
    let problems: Vec<Problem> = problems.collect();
    (!problems.is_empty()).then(|| problems.into_iter().collect())
}

/// Every variable that a configuration names has a value: whether it is there is for the machine to say on which the
/// proxy runs.
fn set_environment(json: &Json, set: &mut dyn FnMut(&str)) {
    match json {
        Json::Array(items) => items.iter().for_each(|item| set_environment(item, set)),
        Json::Object(members) => {
            for (name, value) in members {
                match value {
                    Json::String(variable) if name.ends_with("_env") => set(variable),
                    Json::Object(variables) if name.ends_with("_env") => {
                        let variables = variables.iter().filter_map(|(_, value)| value.as_str());
                        variables.for_each(&mut *set);
                    }
                    _ => set_environment(value, set),
                }
            }
        }
        _ => {}
    }
}

/// Good for every kind of secret: 32 bytes in hexadecimal digits.
const SECRET: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
