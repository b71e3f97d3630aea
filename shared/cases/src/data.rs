//! What a case sends and what its upstream responds.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The request that a client sends.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "RawMessage")]
pub struct RequestData {
    /// The method, `GET` by default.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers: values by name.
    pub headers: BTreeMap<String, HeaderValues>,
    /// The body, empty by default.
    pub body: Bytes,
    /// The address that the request comes from.
    pub client: IpAddr,
    /// The name of the route, where the host tells it.
    pub route: Option<String>,
    /// What is known of the connection, if it has TLS.
    pub tls: Option<Tls>,
    /// The verified claims of the caller, in place of a token.
    pub claims: Option<toml::Table>,
    /// What a filter before this one has told of the caller, as JSON.
    pub identity: Option<String>,
}

/// The response of the upstream.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "RawMessage")]
pub struct ResponseData {
    /// The status, 200 by default.
    pub status: u16,
    /// Header values by name; `content-type: application/json` unless another one is given.
    pub headers: BTreeMap<String, HeaderValues>,
    /// The body, `{}` by default.
    pub body: Bytes,
}

impl RequestData {
    /// A request without headers and without a body.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: BTreeMap::new(),
            body: Bytes::default(),
            client: LOOPBACK,
            route: None,
            tls: None,
            claims: None,
            identity: None,
        }
    }
}

impl Default for ResponseData {
    fn default() -> Self {
        Self {
            status: 200,
            headers: BTreeMap::from([json_type()]),
            body: b"{}".to_vec().into(),
        }
    }
}

/// A connection with TLS and the certificate that its client shows, if any: what a proxy tells of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The version of TLS, 1.3 by default.
    #[serde(default)]
    pub version: TlsVersion,
    /// The first URI among the subject alternative names.
    pub uri_san: Option<String>,
    /// The first DNS name among the subject alternative names.
    pub dns_san: Option<String>,
    /// The distinguished name of the subject.
    pub subject: Option<String>,
    /// The SHA-256 of the certificate, in hexadecimal.
    pub sha256: Option<String>,
}

impl Tls {
    /// Whether the client shows a certificate.
    #[must_use]
    pub const fn has_certificate(&self) -> bool {
        self.uri_san.is_some()
            || self.dns_san.is_some()
            || self.subject.is_some()
            || self.sha256.is_some()
    }
}

/// The versions of TLS that a case can ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.0
    V1_0,
    /// TLS 1.1
    V1_1,
    /// TLS 1.2
    V1_2,
    /// TLS 1.3
    #[default]
    V1_3,
}

impl TlsVersion {
    /// All versions, in ascending order.
    pub const ALL: [Self; 4] = [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3];

    /// Its number, as case files write it: `1.3`.
    #[must_use]
    pub const fn number(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }

    /// Its name, as proxies write it: `TLSv1.3`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_0 => "TLSv1",
            Self::V1_1 => "TLSv1.1",
            Self::V1_2 => "TLSv1.2",
            Self::V1_3 => "TLSv1.3",
        }
    }
}

impl FromStr for TlsVersion {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|version| version.number() == text)
            .ok_or("expected 1.0, 1.1, 1.2 or 1.3")
    }
}

impl<'de> Deserialize<'de> for TlsVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// A body: text, bytes that a case file writes in base64, or what stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    bytes: Vec<u8>,
    file: Option<String>,
}

impl Bytes {
    /// The bytes of the body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads the file, if the body stands in one.
    pub(crate) fn resolve(
        &mut self,
        read: &impl Fn(&str) -> Result<Vec<u8>, String>,
    ) -> Result<(), String> {
        if let Some(name) = self.file.take() {
            self.bytes = read(&name)?;
        }
        Ok(())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, file: None }
    }
}

/// The values of one header name, each sent as a line of its own.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum HeaderValues {
    /// A header that is sent once.
    One(String),
    /// A header that is sent once for each of these values, in this order.
    Several(Vec<String>),
}

impl HeaderValues {
    /// The values of the header, in order.
    #[must_use]
    pub fn values(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Several(values) => values,
        }
    }
}

/// A duration as configurations write it: `"250ms"`, `"10s"`, `"24h"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pause(pub Duration);

impl<'de> Deserialize<'de> for Pause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        policy::units::parse_duration(&text)
            .map(Self)
            .map_err(|error| D::Error::custom(format!("{text:?}: {error}")))
    }
}

/// A moment, since 1970; in a file as in RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp(pub Duration);

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        let text = match &value {
            toml::Value::Datetime(moment) => moment.to_string(),
            toml::Value::String(text) => text.clone(),
            _ => return Err(D::Error::custom("expected a moment as in RFC 3339")),
        };
        let seconds = policy::timestamp::parse_timestamp(&text);
        let seconds = seconds.map_err(|error| D::Error::custom(format!("{text:?}: {error}")))?;
        let seconds = u64::try_from(seconds)
            .map_err(|_| D::Error::custom(format!("{text:?} is before 1970")))?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMessage {
    method: Option<String>,
    path: Option<String>,
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, HeaderValues>,
    body: Option<String>,
    body_base64: Option<String>,
    body_file: Option<String>,
    client: Option<IpAddr>,
    route: Option<String>,
    tls: Option<Tls>,
    claims: Option<toml::Table>,
}

impl RawMessage {
    fn body(&self) -> Result<Option<Bytes>, Mistake> {
        match (&self.body, &self.body_base64, &self.body_file) {
            (None, None, None) => Ok(None),
            (Some(text), None, None) => Ok(Some(text.clone().into_bytes().into())),
            (None, Some(encoded), None) => STANDARD
                .decode(encoded)
                .map(|bytes| Some(bytes.into()))
                .map_err(|error| Mistake(format!("body_base64: {error}"))),
            (None, None, Some(name)) => Ok(Some(Bytes {
                bytes: Vec::new(),
                file: Some(name.clone()),
            })),
            _ => Err(Mistake(
                "body, body_base64 and body_file exclude each other".into(),
            )),
        }
    }
}

impl TryFrom<RawMessage> for RequestData {
    type Error = Mistake;

    fn try_from(raw: RawMessage) -> Result<Self, Mistake> {
        let body = raw.body()?.unwrap_or_default();
        if raw.status.is_some() {
            return Err(Mistake("a request has no status".into()));
        }
        let path = raw
            .path
            .ok_or_else(|| Mistake("a request needs a path".into()))?;
        Ok(Self {
            headers: raw.headers,
            body,
            client: raw.client.unwrap_or(LOOPBACK),
            route: raw.route,
            tls: raw.tls,
            claims: raw.claims,
            ..Self::new(raw.method.as_deref().unwrap_or("GET"), &path)
        })
    }
}

/// Where requests come from that do not say it.
pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

impl TryFrom<RawMessage> for ResponseData {
    type Error = Mistake;

    fn try_from(raw: RawMessage) -> Result<Self, Mistake> {
        let body = raw.body()?.unwrap_or_else(|| b"{}".to_vec().into());
        if raw.method.is_some() || raw.path.is_some() {
            return Err(Mistake("a response has neither method nor path".into()));
        }
        let of_request = [
            raw.client.is_some(),
            raw.route.is_some(),
            raw.tls.is_some(),
            raw.claims.is_some(),
        ];
        if of_request.contains(&true) {
            return Err(Mistake(
                "client, route, tls and claims are of the request".into(),
            ));
        }
        let mut headers = raw.headers;
        if headers.is_empty() {
            headers.extend([json_type()]);
        }
        Ok(Self {
            status: raw.status.unwrap_or(200),
            headers,
            body,
        })
    }
}

fn json_type() -> (String, HeaderValues) {
    let value = HeaderValues::One("application/json".to_owned());
    ("content-type".to_owned(), value)
}

/// What is wrong with a message in a case file.
#[derive(Debug)]
struct Mistake(String);

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_repeated_headers_and_bytes() {
        let request: RequestData = toml::from_str(
            "path = '/a'\nbody_base64 = 'AAH/'\nheaders = { x = ['1', '2'], y = '3' }",
        )
        .unwrap();
        assert_eq!(request.body.bytes(), [0, 1, 255]);
        assert_eq!(request.headers["x"].values(), ["1", "2"]);
        assert_eq!(request.headers["y"].values(), ["3"]);
        for wrong in [
            "path = '/a'\nbody = ''\nbody_base64 = ''",
            "path = '/a'\nstatus = 200",
            "method = 'GET'",
            "path = '/a'\nbody_base64 = '!'",
            "path = '/a'\ntls = { version = '1.4' }",
            "path = '/a'\ntls = { uri = 'x' }",
        ] {
            assert!(toml::from_str::<RequestData>(wrong).is_err(), "{wrong}");
        }
        assert!(toml::from_str::<ResponseData>("path = '/'").is_err());
        assert!(toml::from_str::<ResponseData>("tls = {}").is_err());
    }
}
