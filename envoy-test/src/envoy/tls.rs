//! TLS on the gateway's listener.

use serde_json::{Value, json};

use super::{Bootstrap, LISTENER};
use crate::Result;
use crate::certificates::{Authority, Certificate};

/// What the gateway wants to know of its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// It does not ask for their certificates.
    Ignored,
    /// It refuses certificates of other authorities, and takes clients that have none.
    Optional,
    /// It takes any certificate, those of the authority as validated ones, and clients that have
    /// none.
    Unchecked,
    /// It takes no client without a certificate of the authority.
    Required,
}

impl Bootstrap {
    /// Lets the gateway speak TLS 1.2 and 1.3 with this certificate, and HTTP/1.1 or HTTP/2 inside
    /// as the client wishes. Clients' certificates are those of the authority.
    ///
    /// # Errors
    /// When the listener is not there.
    pub fn speak_tls(
        &mut self,
        certificate: &Certificate,
        authority: &Authority,
        clients: ClientCertificates,
    ) -> Result<()> {
        let trusted = json!({"inline_string": authority.pem()});
        let validation = match clients {
            ClientCertificates::Ignored => Value::Null,
            ClientCertificates::Optional | ClientCertificates::Required => {
                json!({"trusted_ca": trusted})
            }
            ClientCertificates::Unchecked => json!({
                "trusted_ca": trusted,
                "trust_chain_verification": "ACCEPT_UNTRUSTED",
            }),
        };
        let common = json!({
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_params": {
                "tls_minimum_protocol_version": "TLSv1_2",
                "tls_maximum_protocol_version": "TLSv1_3",
            },
            "tls_certificates": [{
                "certificate_chain": {"inline_string": certificate.pem()},
                "private_key": {"inline_string": certificate.key_pem()},
            }],
            "validation_context": validation,
        });
        let context = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
        let reason = self.wrong("the listener has no filter chain");
        let listener = self.named("/static_resources/listeners", LISTENER)?;
        let chain = listener.pointer_mut("/filter_chains/0").ok_or(reason)?;
        chain["transport_socket"] = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": format!("type.googleapis.com/{context}"),
                "common_tls_context": common,
                "require_client_certificate": clients == ClientCertificates::Required,
            },
        });
        Ok(())
    }
}
