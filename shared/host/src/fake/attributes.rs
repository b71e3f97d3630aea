//! The properties that each host has.
//!
//! Numbers are what the host makes of them: eight bytes, little-endian, on Envoy; decimal text on
//! nginx hosts. Addresses carry the port on Envoy only.

use super::calls::nanoseconds;
use super::stream::{Flow, Stream, pairs};
use super::{FakeHost, Profile};
use crate::{Status, fake::state::State};

impl FakeHost {
    pub(super) fn attribute(&self, path: &str) -> Result<Vec<u8>, Status> {
        let state = self.state.borrow();
        let known = state
            .stream()
            .and_then(|stream| stream.attributes.get(path));
        if let Some(value) = known.or_else(|| state.attributes.get(path)) {
            return Ok(value.clone());
        }
        let value = match self.profile() {
            Profile::Envoy => self.envoy_attribute(&state, path),
            Profile::Apisix => {
                if path != "plugin_root_id" && state.stream().is_none() {
                    return Err(Status::BadArgument);
                }
                nginx_variable(&state, path)
            }
            Profile::Kong => self.kong_attribute(&state, path),
        };
        value.ok_or(Status::NotFound)
    }

    pub(super) fn store_property(&self, path: &str, value: &[u8]) -> Result<(), Status> {
        let mut state = self.state.borrow_mut();
        let stream = match (state.stream_mut(), self.profile()) {
            (Some(stream), _) => stream,
            (None, Profile::Apisix) => return Err(Status::BadArgument),
            (None, _) => return Err(Status::NotFound),
        };
        let storable = match self.profile() {
            Profile::Envoy => true,
            // A variable of the configuration can be set, an unknown one cannot.
            Profile::Apisix => BODY_SWITCHES.contains(&path),
            Profile::Kong => path.starts_with("wasmx\0") || path.starts_with("kong\0"),
        };
        if !storable {
            return Err(Status::NotFound);
        }
        stream.properties.set(path, value);
        Ok(())
    }

    fn envoy_attribute(&self, state: &State, path: &str) -> Option<Vec<u8>> {
        let mut segments = path.split('\0');
        let first = segments.next()?;
        match first {
            "plugin_name" | "plugin_root_id" | "plugin_vm_id" => return Some(Vec::new()),
            "xds" if path == "xds\0node\0id" => return Some(b"fake-node".to_vec()),
            _ => {}
        }
        let stream = state.stream()?;
        match first {
            "filter_state" => {
                let name = segments.next()?.strip_prefix("wasm.")?;
                stream.properties.value(name)
            }
            "request" => {
                let open = stream.flows.request.headers_open || stream.logging;
                let headers = stream.flows.request.headers.as_ref().filter(|_| open);
                request_text(headers, path).or_else(|| match path {
                    "request\0time" => Some(number(nanoseconds(self.process.wall_clock()))),
                    "request\0protocol" => Some(b"HTTP/1.1".to_vec()),
                    "request\0size" => Some(number(size_of(&stream.flows.request))),
                    _ => None,
                })
            }
            "response" => {
                let open = stream.flows.response.headers_open || stream.logging;
                match path {
                    "response\0code" => status(stream).map(number),
                    "response\0code_details" => code_details(stream),
                    "response\0flags" => Some(number(response_flags(stream))),
                    "response\0size" => Some(number(size_of(&stream.flows.response))),
                    _ => {
                        let headers = stream.flows.response.headers.as_ref().filter(|_| open)?;
                        pairs::value(
                            headers,
                            path.strip_prefix("response\0headers\0")?.as_bytes(),
                        )
                        .ok()
                    }
                }
            }
            "source" if path == "source\0address" => Some(b"192.0.2.10:40000".to_vec()),
            "source" if path == "source\0port" => Some(number(40_000)),
            "connection" if path == "connection\0mtls" => Some(vec![0]),
            "connection" if path == "connection\0id" => Some(number(1)),
            _ => stream.properties.value(path),
        }
    }

    fn kong_attribute(&self, state: &State, path: &str) -> Option<Vec<u8>> {
        if path == "plugin_root_id" {
            return Some(Vec::new());
        }
        let stream = state.stream()?;
        match path {
            "request\0path" => {
                let sent = stream.flows.request.unwritten.as_ref()?;
                sent.path().map(<[u8]>::to_vec)
            }
            "request\0host" => Some(b"machine.kong.internal".to_vec()),
            "connection\0mtls" => Some(b"false".to_vec()),
            "source\0address" => Some(b"192.0.2.10".to_vec()),
            "source\0port" => Some(b"40000".to_vec()),
            "request\0protocol" => Some(b"HTTP/1.1".to_vec()),
            "request\0size" => Some(size_of(&stream.flows.request).to_string().into_bytes()),
            "response\0code" => status(stream).map(|code| code.to_string().into_bytes()),
            "response\0size" => Some(size_of(&stream.flows.response).to_string().into_bytes()),
            _ => request_text(stream.flows.request.headers.as_ref(), path)
                .or_else(|| stream.properties.value(path)),
        }
    }
}

/// What Envoy says went wrong with a response that it had begun to send: the upstream's connection
/// ended before it did.
fn response_flags(stream: &Stream) -> u64 {
    const UPSTREAM_CONNECTION_TERMINATION: u64 = 1 << 6;
    let has_begun = stream.flows.response.headers.is_some() && stream.local_reply.is_none();
    if stream.logging && has_begun && !stream.flows.response.received_end {
        UPSTREAM_CONNECTION_TERMINATION
    } else {
        0
    }
}

/// The attributes that come from the request headers.
fn request_text(headers: Option<&super::HeaderPairs>, path: &str) -> Option<Vec<u8>> {
    let headers = headers?;
    let header = |name: &str| pairs::value(headers, name.as_bytes()).ok();
    let raw_path = || header(":path");
    match path.strip_prefix("request\0")? {
        "path" => raw_path(),
        "url_path" => raw_path().map(|path| until(&path, b'?')),
        "query" => {
            let path = raw_path()?;
            let place = path.iter().position(|byte| *byte == b'?');
            Some(
                place
                    .and_then(|place| path.get(place.saturating_add(1)..))
                    .unwrap_or_default()
                    .to_vec(),
            )
        }
        "host" => header(":authority").or_else(|| header("host")),
        "scheme" => header(":scheme"),
        "method" => header(":method"),
        "useragent" => header("user-agent"),
        "referer" => header("referer"),
        "id" => header("x-request-id"),
        other => header(other.strip_prefix("headers\0")?),
    }
}

fn nginx_variable(state: &State, name: &str) -> Option<Vec<u8>> {
    if name == "plugin_root_id" {
        return Some(Vec::new());
    }
    let stream = state.stream()?;
    let headers = stream.flows.request.headers.as_ref()?;
    let header = |name: &str| pairs::value(headers, name.as_bytes()).ok();
    match name {
        "remote_addr" => Some(b"192.0.2.10".to_vec()),
        "remote_port" => Some(b"40000".to_vec()),
        "request_method" => header(":method"),
        "request_uri" => header(":path"),
        "uri" => header(":path").map(|path| until(&path, b'?')),
        "scheme" => header(":scheme").or_else(|| Some(b"http".to_vec())),
        "host" => header("host").or_else(|| header(":authority")),
        "server_protocol" => Some(b"HTTP/1.1".to_vec()),
        "args" => {
            let path = header(":path")?;
            let place = path.iter().position(|byte| *byte == b'?')?;
            path.get(place.saturating_add(1)..).map(<[u8]>::to_vec)
        }
        "connection" => Some(b"1".to_vec()),
        "body_bytes_sent" => Some(size_of(&stream.flows.response).to_string().into_bytes()),
        "request_id" => Some(b"5f0c7a3d9b1e4c2f8a6d0e9b7c5a3f11".to_vec()),
        "request_length" => Some(size_of(&stream.flows.request).to_string().into_bytes()),
        "status" => status(stream).map(|code| code.to_string().into_bytes()),
        _ if BODY_SWITCHES.contains(&name) => stream.properties.value(name),
        _ => header(&name.strip_prefix("http_")?.replace('_', "-")),
    }
}

fn until(bytes: &[u8], end: u8) -> Vec<u8> {
    bytes
        .iter()
        .copied()
        .take_while(|byte| *byte != end)
        .collect()
}

fn number(value: u64) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

fn size_of(flow: &Flow) -> u64 {
    let sizes = flow.sent.chunks.iter().map(Vec::len);
    let sum = sizes.fold(0_usize, usize::saturating_add);
    u64::try_from(sum).unwrap_or(u64::MAX)
}

fn status(stream: &Stream) -> Option<u64> {
    let headers = stream.flows.response.headers.as_ref()?;
    let status = pairs::value(headers, b":status").ok()?;
    std::str::from_utf8(&status).ok()?.parse().ok()
}

fn code_details(stream: &Stream) -> Option<Vec<u8>> {
    match &stream.local_reply {
        Some(reply) => Some(reply.details.clone()),
        None => stream
            .flows
            .response
            .headers
            .as_ref()
            .map(|_| b"via_upstream".to_vec()),
    }
}

/// The variables by which a plugin asks APISIX for bodies.
pub(super) const BODY_SWITCHES: [&str; 2] = ["wasm_process_req_body", "wasm_process_resp_body"];
