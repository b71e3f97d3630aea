//! Certificates made for one test: an authority, and what it signs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use sha2::{Digest, Sha256};

use crate::error::Context;
use crate::{Error, Result};

/// A name in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AltName<'a> {
    /// A DNS name.
    Dns(&'a str),
    /// A URI, such as `spiffe://shop.test/orders`.
    Uri(&'a str),
    /// An e-mail address.
    Email(&'a str),
}

/// A certificate authority that issues certificates for tests.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its private key.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    pem: String,
    key_der: Vec<u8>,
    key_pem: String,
}

impl Authority {
    /// Makes one.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(name: &str) -> Result<Self> {
        let key = KeyPair::generate().context("making the key of an authority")?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params
            .self_signed(&key)
            .context("signing the certificate of an authority")?;
        Ok(Self {
            certificate: certificate.pem(),
            issuer: Issuer::new(params, key),
        })
    }

    /// Its own certificate, in PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.certificate
    }

    /// A certificate for a server with this host name.
    ///
    /// # Errors
    /// When the name cannot be in a certificate.
    pub fn server(&self, host: &str) -> Result<Certificate> {
        let usage = ExtendedKeyUsagePurpose::ServerAuth;
        self.sign(host, &[AltName::Dns(host)], usage)
    }

    /// A certificate for a client.
    ///
    /// # Errors
    /// When a name cannot be in a certificate.
    pub fn client(&self, common_name: &str, names: &[AltName<'_>]) -> Result<Certificate> {
        self.sign(common_name, names, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(
        &self,
        common_name: &str,
        names: &[AltName<'_>],
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Certificate> {
        let action = format!("making a certificate for {common_name}");
        let key = KeyPair::generate().context(&action)?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.extended_key_usages = vec![usage];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        for name in names {
            let name = match name {
                AltName::Dns(name) => (*name).try_into().map(SanType::DnsName),
                AltName::Uri(name) => (*name).try_into().map(SanType::URI),
                AltName::Email(name) => (*name).try_into().map(SanType::Rfc822Name),
            };
            params.subject_alt_names.push(name.context(&action)?);
        }
        let certificate = params.signed_by(&key, &self.issuer).context(&action)?;
        Ok(Certificate {
            der: certificate.der().to_vec(),
            pem: certificate.pem(),
            key_der: key.serialize_der(),
            key_pem: key.serialize_pem(),
        })
    }
}

impl Certificate {
    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The private key, PKCS #8 in DER.
    #[must_use]
    pub fn key_der(&self) -> &[u8] {
        &self.key_der
    }

    /// The private key, PKCS #8 in PEM.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// Its SHA-256 digest in hexadecimal, as Envoy shows it to filters.
    #[must_use]
    pub fn sha256(&self) -> String {
        format!("{:x}", Sha256::digest(&self.der))
    }

    /// What a token that is bound to it has as `cnf["x5t#S256"]` (RFC 8705).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.der))
    }
}

impl<T> Context<T> for std::result::Result<T, rcgen::Error> {
    fn context(self, action: impl Into<String>) -> Result<T> {
        self.map_err(|error| Error::Crypto {
            action: action.into(),
            reason: error.to_string(),
        })
    }
}
