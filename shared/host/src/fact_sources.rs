//! Where the facts about a request stand that rules ask for.

use policy::client_address::ClientAddress;
use policy::config::Fields;
use policy::consent::ConsentSources;
use policy::method::MethodOverride;

use crate::exchange::IdentitySource;

/// Where a filter's configuration says that identity and consent come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactSources {
    /// The key `identity_from`.
    pub identity: IdentitySource,
    /// The key `consent`.
    pub consent: ConsentSources,
    /// The key `client_address`.
    pub client_address: ClientAddress,
    /// The key `method_override`.
    pub method_override: MethodOverride,
}

impl FactSources {
    /// Reads `identity_from`, `consent`, `client_address` and `method_override` at the top level of a filter.
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
            method_override: fields.or("method_override", MethodOverride::default(), |n| {
                MethodOverride::read(&n)
            }),
        }
    }
}
