//! The host calls of the other filters, by themselves. What they answer is thrown away.

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{Bytes, MapType};

/// Which calls to make.
#[derive(Clone)]
pub(crate) enum Calls {
    None,
    /// Those of jwt-auth: `jwt-auth`, and after it such as `RS256=<hexadecimal>`: the argument of
    /// `verify_signature` for requests whose path ends with that name.
    JwtAuth(Rc<[(String, Bytes)]>),
    /// Those of token-bucket with a limit on the client's address: `token-bucket`, or
    /// `token-bucket silent` without headers in the response.
    TokenBucket {
        headers: bool,
    },
}

impl Calls {
    pub(crate) fn read(configuration: &[u8]) -> Self {
        let text = String::from_utf8_lossy(configuration);
        let mut words = text.split(' ');
        match words.next() {
            Some("jwt-auth") => {
                let argument = |word: &str| {
                    let (name, hexadecimal) = word.split_once('=')?;
                    Some((name.to_owned(), bytes(hexadecimal)?))
                };
                Self::JwtAuth(words.filter_map(argument).collect())
            }
            Some("token-bucket") => Self::TokenBucket {
                headers: words.next().is_none(),
            },
            _ => Self::None,
        }
    }

    pub(crate) fn at_request_headers(&self) {
        match self {
            Self::None => {}
            Self::JwtAuth(arguments) => {
                let map = MapType::HttpRequestHeaders;
                let headers = hostcalls::get_map_bytes(map).unwrap_or_default();
                let _ = hostcalls::get_current_time();
                let path = headers.iter().find(|(name, _)| name == ":path");
                let path = path.map(|(_, value)| value.as_slice()).unwrap_or_default();
                let argument = arguments
                    .iter()
                    .find(|(name, _)| path.ends_with(name.as_bytes()));
                if let Some((_, argument)) = argument {
                    let _ = hostcalls::call_foreign_function("verify_signature", Some(argument));
                }
                let _ = hostcalls::set_property(vec!["meshward.identity"], Some(&IDENTITY));
                let _ = hostcalls::remove_map_value(map, "authorization");
            }
            Self::TokenBucket { .. } => {
                let _ = hostcalls::get_property(vec!["source", "address"]);
                let _ = hostcalls::get_current_time();
                let cas = hostcalls::get_shared_data(SET)
                    .ok()
                    .and_then(|(_, cas)| cas);
                let _ = hostcalls::set_shared_data(SET, Some(&[7; SET_BYTES]), cas);
                let _ = hostcalls::set_property(vec!["meshward.within_limits"], Some(b"1"));
            }
        }
    }

    pub(crate) fn at_response_headers(&self) {
        if let Self::TokenBucket { headers: true } = self {
            let map = MapType::HttpResponseHeaders;
            let _ = hostcalls::get_map_value(map, "x-ratelimit-remaining");
            for (name, value) in [
                (
                    "x-ratelimit-limit",
                    "1000000, 1000000;w=1;name=\"per-client\"",
                ),
                ("x-ratelimit-remaining", "999999"),
                ("x-ratelimit-reset", "1"),
            ] {
                let _ = hostcalls::set_map_value(map, name, Some(value));
            }
        }
    }
}

fn bytes(hexadecimal: &str) -> Option<Bytes> {
    let pairs = hexadecimal.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}

/// As long as the identity of the benchmark's tokens.
const IDENTITY: [u8; 450] = [b'x'; 450];
const SET: &str = "meshward/token-bucket/per-client/0123456789abcdef/0000";
/// A set with one bucket.
const SET_BYTES: usize = 40;
