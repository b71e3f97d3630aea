//! Where the facts about a request stand that rules ask for.

use policy::client_address::ClientAddress;
use policy::config::Fields;
use policy::consent::ConsentSources;
use policy::overrides::OverrideRules;
use policy::path::RouteTrust;

use crate::exchange::IdentitySource;

/// Where a filter's configuration says that identity and consent come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactSources {
    /// Where the caller's identity is read: the key `identity_from`.
    pub identity: IdentitySource,
    /// Where consent is read: the key `consent`.
    pub consent: ConsentSources,
    /// How the client's address is found: the key `client_address`.
    pub client_address: ClientAddress,
    /// The keys `method_override`, `path_override` and `host_override`.
    pub overrides: OverrideRules,
    /// When decisions may rest on the route: the key `route_trust`.
    pub route_trust: RouteTrust,
}

impl FactSources {
    /// Reads `identity_from`, `consent`, `client_address`, the overrides and `route_trust` at the top level of a filter.
    #[must_use]
    pub fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            identity: fields.or("identity_from", IdentitySource::default(), |n| {
                IdentitySource::read(&n)
            }),
            ..Self::read_without_identity(fields)
        }
    }

    /// As [`FactSources::read`], for the filter that verifies identities itself.
    #[must_use]
    pub fn read_without_identity(fields: &mut Fields<'_>) -> Self {
        Self {
            identity: IdentitySource::default(),
            consent: fields.or("consent", ConsentSources::default(), |n| {
                ConsentSources::read(&n)
            }),
            client_address: fields.or("client_address", ClientAddress::default(), |n| {
                ClientAddress::read(&n)
            }),
            overrides: OverrideRules::read(fields),
            route_trust: fields.or("route_trust", RouteTrust::default(), |n| {
                RouteTrust::read(&n)
            }),
        }
    }
}
