//! An HTTP client over TLS, with or without a certificate of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::certificates::{Authority, Certificate};
use crate::client::{Connection, Protocol, Request, Response};
use crate::error::Context;
use crate::runtime::block_on;
use crate::{Error, Result};

/// Which versions of TLS a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// The client offers TLS 1.2 only.
    Tls12,
    /// The client offers TLS 1.3 only.
    Tls13,
}

/// A client of one server that speaks TLS.
#[derive(Clone)]
pub struct TlsClient {
    server: SocketAddr,
    host: String,
    protocol: Protocol,
    connector: TlsConnector,
}

impl TlsClient {
    /// A client that trusts the authority and expects the server to be `host`. It shows its
    /// certificate, if it has one, to whoever asks.
    ///
    /// # Errors
    /// When a certificate cannot be used.
    pub fn new(
        server: SocketAddr,
        host: &str,
        authority: &Authority,
        certificate: Option<&Certificate>,
        version: TlsVersion,
        protocol: Protocol,
    ) -> Result<Self> {
        let setting_up = "setting up a TLS client";
        let trusted = CertificateDer::from_pem_slice(authority.pem().as_bytes());
        let mut roots = RootCertStore::empty();
        roots
            .add(trusted.context(setting_up)?)
            .context(setting_up)?;
        let versions: &[&SupportedProtocolVersion] = match version {
            TlsVersion::Tls12 => &[&TLS12],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .context(setting_up)?
            .with_root_certificates(roots);
        let mut config = match certificate {
            None => config.with_no_client_auth(),
            Some(certificate) => {
                let chain = vec![CertificateDer::from(certificate.der().to_vec())];
                let key = PrivateKeyDer::Pkcs8(certificate.key_der().to_vec().into());
                config
                    .with_client_auth_cert(chain, key)
                    .context(setting_up)?
            }
        };
        config.alpn_protocols = match protocol {
            Protocol::Http1 => vec![b"http/1.1".to_vec()],
            Protocol::Http2 => vec![b"h2".to_vec()],
        };
        Ok(Self {
            server,
            host: host.to_owned(),
            protocol,
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Sends one request over a new connection and reads all of the response.
    ///
    /// # Errors
    /// [`Error::Http`] if there was no response at all; a refused certificate is one such case.
    pub fn send(&self, request: &Request) -> Result<Response> {
        self.connect()?.send(request)
    }

    /// A connection that carries one request after the other.
    ///
    /// # Errors
    /// When the server does not take the connection. With TLS 1.3 a server can refuse a client's
    /// certificate only after that.
    pub fn connect(&self) -> Result<Connection> {
        block_on(async {
            let action = format!("connecting to {} with TLS", self.server);
            let stream = TcpStream::connect(self.server).await.context(&action)?;
            stream.set_nodelay(true).context(&action)?;
            let host = ServerName::try_from(self.host.clone()).context(&action)?;
            let stream = self.connector.connect(host, stream).await;
            Connection::over(stream.context(&action)?, self.server, self.protocol).await
        })
    }
}

/// What the parts of the TLS library say.
macro_rules! spell_out {
    ($error:path) => {
        impl<T> Context<T> for std::result::Result<T, $error> {
            fn context(self, action: impl Into<String>) -> Result<T> {
                self.map_err(|error| Error::Crypto {
                    action: action.into(),
                    reason: error.to_string(),
                })
            }
        }
    };
}

spell_out!(tokio_rustls::rustls::Error);
spell_out!(tokio_rustls::rustls::pki_types::InvalidDnsNameError);
spell_out!(tokio_rustls::rustls::pki_types::pem::Error);
