//! What a case sends and what its upstream responds.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// What a client sends.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "RawMessage")]
pub struct RequestData {
    /// `GET` by default.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Header values by name.
    pub headers: BTreeMap<String, HeaderValues>,
    /// The body, empty by default.
    pub body: Bytes,
    /// The address that the request comes from.
    pub client: IpAddr,
    /// The name of the route, where the host tells it.
    pub route: Option<String>,
    /// The verified claims of the caller, in place of a token.
    pub claims: Option<toml::Table>,
    /// What a filter before this one has told of the caller, as JSON.
    pub identity: Option<String>,
}

/// What an upstream responds.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "RawMessage")]
pub struct ResponseData {
    /// 200 by default.
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

/// A body: text, bytes that a case file writes in base64, or what stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    bytes: Vec<u8>,
    file: Option<String>,
}

impl Bytes {
    /// The bytes.
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
    /// The values in order.
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
        if raw.client.is_some() || raw.route.is_some() || raw.claims.is_some() {
            return Err(Mistake(
                "client, route and claims are of the request".into(),
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
        ] {
            assert!(toml::from_str::<RequestData>(wrong).is_err(), "{wrong}");
        }
        assert!(toml::from_str::<ResponseData>("path = '/'").is_err());
    }
}
