//! What a valid credential says.

use policy::identity::Identity;

use crate::claims::Validity;

/// A caller whose credential was verified.
#[derive(Debug)]
pub(crate) struct Verified {
    /// Index into [`crate::config::Config::providers`].
    pub(crate) provider: usize,
    /// When the credential is valid.
    pub(crate) validity: Validity,
    /// Who it is.
    pub(crate) identity: Identity,
    /// The identity as the other filters read it.
    pub(crate) identity_json: String,
    /// Headers for the upstream, by name.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// The certificate that the credential is bound to: base64url of its SHA-256.
    pub(crate) certificate: Option<String>,
    /// Whether it is good with that certificate only, whatever the rule says.
    pub(crate) binds: bool,
}

impl Verified {
    /// A caller, without headers for the upstream and without a binding.
    #[must_use]
    pub(crate) fn new(provider: usize, validity: Validity, identity: Identity) -> Self {
        Self {
            provider,
            validity,
            identity_json: identity.to_json(),
            identity,
            headers: Vec::new(),
            certificate: None,
            binds: true,
        }
    }
}
