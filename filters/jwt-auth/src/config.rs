//! The configuration: who may vouch for callers, and who may do what.

mod key_source;
mod provider;
mod rule;

pub use key_source::{KeySource, RemoteKeys};
pub use provider::{ClaimHeader, Location, Provider};
pub use rule::{Access, Requirement, Rule};

use host::FactSources;
use host::exchange::{IDENTITY_HEADER, IdentitySource};
use policy::config::{self, Fields, Problems};
use policy::consent::ConsentSources;
use policy::mode::Mode;

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// The mode of the whole filter.
    pub mode: Mode,
    /// Who may vouch for callers.
    pub providers: Vec<Provider>,
    /// The first that matches decides.
    pub rules: Vec<Rule>,
    /// What holds where no rule matches.
    pub default: Access,
    /// Where consent signals come from.
    pub sources: FactSources,
}

impl Config {
    /// Reads the plugin configuration.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        config::read(text, |node| node.object(Self::read))
    }

    /// Reads the top level; public for the test that compares keys and documentation.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mode = fields.or("mode", Mode::Enforce, |n| Mode::read(&n));
        let mut names = Vec::new();
        let providers = fields
            .required("providers", "an object with a provider for each name")
            .and_then(|node| {
                // A provider with a mistake still has a name that rules may use.
                names = node
                    .named(|_, _| Some(()))?
                    .into_iter()
                    .map(|(name, ())| name)
                    .collect();
                node.named(|name, provider| Provider::read(name, &provider))
            });
        let rules = fields.or("rules", Vec::new(), |n| {
            n.list(|rule| Rule::read(&rule, &names))
        });
        let default = fields.or("default", Access::Deny, |n| {
            match n.one_of(&[("deny", false), ("anonymous", true)])? {
                true => Some(Access::Anonymous),
                false => Some(Access::Deny),
            }
        });
        let sources = FactSources {
            identity: IdentitySource::default(),
            consent: fields.or("consent", ConsentSources::default(), |n| {
                ConsentSources::read(&n)
            }),
        };
        let providers = providers?
            .into_iter()
            .map(|(_, provider)| provider)
            .collect();
        Some(Self {
            mode,
            providers,
            rules,
            default,
            sources,
        })
    }

    /// Headers that only this filter may set, whatever a client sends.
    pub fn managed_headers(&self) -> impl Iterator<Item = &str> {
        let own = self.providers.iter().flat_map(|provider| {
            let claims = provider
                .claims_to_headers
                .iter()
                .map(|mapping| mapping.header.as_str());
            claims.chain(provider.payload_header.as_deref())
        });
        std::iter::once(IDENTITY_HEADER).chain(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_named() {
        let text = r#"{
            "providers": {
                "a": {"issuer": "", "audiences": [], "jwks": {"inline": {"keys": []}}},
                "b": {"issuer": "i", "jwks": {"remote": {"uri": "ftp://x", "timeout": "5m"}}, "algorithms": ["none"]},
                "c": {"issuer": "i", "audiences": "any", "jwks": {"discovery": {}}, "algorithms": ["EdDSA"], "clock_skew": "1h"},
                "d": {"issuer": "i", "audiences": "all", "jwks": {"inline": {"keys": [{"kty": "oct", "k": "x"}]}},
                      "from": [{"header": "a", "query": "b"}], "payload_header": "Host", "forwards": true},
                "e": {"api_keys": {}}
            },
            "rules": [
                {"match": {"paths": ["/x"]}, "allow": "all"},
                {"require": {"provider": "nobody"}},
                {"require": {"scopes": ["x"]}},
                {"allow": "anonymous", "require": {"provider": "a"}}
            ],
            "default": "allow"
        }"#;
        let problems = Config::parse(text).unwrap_err().to_string();
        for expected in [
            r#"providers.a.issuer: """#,
            "providers.a.audiences: an array: expected at least one item",
            "providers.a.jwks.inline: no usable key",
            "providers.b.audiences: missing",
            r#"providers.b.jwks.remote.uri: "ftp://x": expected an address"#,
            "providers.b.jwks.remote.cluster: missing",
            r#"providers.b.jwks.remote.timeout: "5m": expected from 10ms to 1m"#,
            r#"providers.b.algorithms[0]: "none": expected "RS256" or "ES256""#,
            "providers.c.jwks.discovery: not supported yet",
            r#"providers.c.algorithms[0]: "EdDSA": not supported yet"#,
            r#"providers.c.clock_skew: "1h": expected from 0s to 5m"#,
            r#"providers.d.audiences: "all""#,
            "providers.d.jwks.inline: no usable key; keys[0]: a private or symmetric key",
            "providers.d.from[0]",
            r#"providers.d.payload_header: "Host": this header cannot carry a claim"#,
            r#"providers.d.forwards: unknown key; did you mean "forward"?"#,
            "providers.e.api_keys: not supported yet",
            r#"rules[0].allow: "all": expected "anonymous""#,
            "rules[1].require.provider: \"nobody\"",
            r#"rules[2].require: an object: expected exactly one of "provider" and "any_of""#,
            r#"rules[3]: an object: expected exactly one of "allow" and "require""#,
            r#"default: "allow""#,
        ] {
            assert!(
                problems.contains(expected),
                "{expected} is not in\n{problems}"
            );
        }
    }
}
