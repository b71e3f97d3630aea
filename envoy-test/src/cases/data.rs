//! What a case sends and what its upstream responds.

use std::collections::BTreeMap;
use std::fmt;
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

impl Default for ResponseData {
    fn default() -> Self {
        Self {
            status: 200,
            headers: BTreeMap::from([json_type()]),
            body: b"{}".to_vec(),
        }
    }
}

/// A body: text, or bytes that a case file writes in base64.
pub type Bytes = Vec<u8>;

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
}

impl RawMessage {
    fn body(&self) -> Result<Option<Bytes>, Mistake> {
        match (&self.body, &self.body_base64) {
            (Some(_), Some(_)) => Err(Mistake("body and body_base64 exclude each other".into())),
            (Some(text), None) => Ok(Some(text.clone().into_bytes())),
            (None, Some(encoded)) => STANDARD
                .decode(encoded)
                .map(Some)
                .map_err(|error| Mistake(format!("body_base64: {error}"))),
            (None, None) => Ok(None),
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
        Ok(Self {
            method: raw.method.unwrap_or_else(|| "GET".to_owned()),
            path: raw
                .path
                .ok_or_else(|| Mistake("a request needs a path".into()))?,
            headers: raw.headers,
            body,
        })
    }
}

impl TryFrom<RawMessage> for ResponseData {
    type Error = Mistake;

    fn try_from(raw: RawMessage) -> Result<Self, Mistake> {
        let body = raw.body()?.unwrap_or_else(|| b"{}".to_vec());
        if raw.method.is_some() || raw.path.is_some() {
            return Err(Mistake("a response has neither method nor path".into()));
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
        assert_eq!(request.body, [0, 1, 255]);
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
