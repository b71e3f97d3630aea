//! The messages of the rate limit service, `envoy.service.ratelimit.v3`, as much as is needed of
//! them, in protobuf.

pub mod client;
pub mod json;

use std::time::Duration;

use host::protobuf::{Malformed, Value, Writer, read};

use crate::ratelimit_headers::LimitState;

/// The full name of the gRPC service.
pub const SERVICE: &str = "envoy.service.ratelimit.v3.RateLimitService";
/// The method of [`SERVICE`] that decides.
pub const METHOD: &str = "ShouldRateLimit";
/// A longer response is not read.
pub const MAX_RESPONSE_BYTES: usize = 1 << 16;

/// A question: may this request, described so, add so many hits?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitRequest<'r> {
    /// The domain, which tells the service whose limits are meant.
    pub domain: &'r str,
    /// Entries of keys and values; every descriptor must be within its limit.
    pub descriptors: &'r [Descriptor],
    /// How many units the request costs.
    pub hits: u64,
}

/// Keys and values that name a counter.
pub type Descriptor = Vec<(String, String)>;

/// The service's response (`RateLimitResponse`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceResponse {
    /// The decision about the whole request.
    pub code: Code,
    /// About each descriptor, in their order; some services send none.
    pub statuses: Vec<Status>,
    /// Headers to add to the response.
    pub response_headers: Vec<(String, Vec<u8>)>,
    /// Headers for the request on its way to the upstream.
    pub request_headers: Vec<(String, Vec<u8>)>,
    /// A body for a refused client.
    pub body: Vec<u8>,
}

impl ServiceResponse {
    /// Where the client stands by what the service says.
    pub fn limit_states(&self) -> impl Iterator<Item = LimitState> {
        self.statuses.iter().filter_map(Status::limit_state)
    }
}

/// What is said about one descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether it is within its limit.
    pub code: Code,
    /// The limit that applies to the descriptor.
    pub limit: Option<CurrentLimit>,
    /// Units left in the window of the limit.
    pub remaining: u64,
    /// How long until the counter begins anew.
    pub until_reset: Option<Duration>,
}

impl Status {
    /// Where the client stands in the limit, if the service says which it is.
    fn limit_state(&self) -> Option<LimitState> {
        let limit = self.limit.as_ref()?;
        let until_reset = self.until_reset.unwrap_or_default();
        Some(LimitState {
            name: limit.name.clone(),
            quota: limit.requests,
            window: limit.window,
            remaining: self.remaining,
            until_full: until_reset,
            until_more: until_reset,
            refuses: self.code == Code::OverLimit,
        })
    }
}

/// A limit as the service has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrentLimit {
    /// Its name, may be empty.
    pub name: String,
    /// How many units each window allows.
    pub requests: u64,
    /// The window, where it is a known one.
    pub window: Option<Duration>,
}

/// Whether a request may pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Code {
    /// The service does not say whether it may pass.
    #[default]
    Unknown,
    /// The request may pass.
    Ok,
    /// The request may not pass.
    OverLimit,
}

impl Code {
    /// The code of this number in `RateLimitResponse.Code`.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Ok,
            2 => Self::OverLimit,
            _ => Self::Unknown,
        }
    }
}

/// The window of a unit by its number.
#[must_use]
pub const fn window_of_unit(number: u64) -> Option<Duration> {
    let seconds = match number {
        1 => 1,
        2 => 60,
        3 => 3_600,
        4 => 86_400,
        5 => 30 * 86_400,
        6 => 365 * 86_400,
        7 => 7 * 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

impl RateLimitRequest<'_> {
    /// Encodes the message `RateLimitRequest` as protobuf.
    #[must_use]
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut message = Writer::default().bytes(1, self.domain.as_bytes());
        for entries in self.descriptors {
            let mut descriptor = Writer::default();
            for (key, value) in entries {
                let entry = Writer::default()
                    .bytes(1, key.as_bytes())
                    .bytes(2, value.as_bytes());
                descriptor = descriptor.bytes(1, &entry.finish());
            }
            message = message.bytes(2, &descriptor.finish());
        }
        // The field has 32 bits.
        message.varint(3, self.hits.min(u32::MAX.into())).finish()
    }
}

impl ServiceResponse {
    /// Reads the message `RateLimitResponse`. Unknown fields are skipped.
    ///
    /// # Errors
    /// It is no message, or longer than a service has reason to send.
    pub fn from_protobuf(message: &[u8]) -> Result<Self, Malformed> {
        if message.len() > MAX_RESPONSE_BYTES {
            return Err(Malformed);
        }
        read(message, |response: &mut Self, field| {
            match field {
                (1, Value::Varint(code)) => response.code = Code::from_number(code),
                (2, Value::Bytes(status)) => response.statuses.push(self::status(status)?),
                (3, Value::Bytes(header)) => response.response_headers.push(self::header(header)?),
                (4, Value::Bytes(header)) => response.request_headers.push(self::header(header)?),
                (5, Value::Bytes(body)) => response.body = body.to_vec(),
                _ => {}
            }
            Ok(())
        })
    }
}

fn status(message: &[u8]) -> Result<Status, Malformed> {
    read(message, |status: &mut Status, field| {
        match field {
            (1, Value::Varint(code)) => status.code = Code::from_number(code),
            (2, Value::Bytes(limit)) => status.limit = Some(current_limit(limit)?),
            (3, Value::Varint(remaining)) => status.remaining = remaining,
            (4, Value::Bytes(duration)) => status.until_reset = self::duration(duration)?,
            _ => {}
        }
        Ok(())
    })
}

fn current_limit(message: &[u8]) -> Result<CurrentLimit, Malformed> {
    read(message, |limit: &mut CurrentLimit, field| {
        match field {
            (1, Value::Varint(requests)) => limit.requests = requests,
            (2, Value::Varint(unit)) => limit.window = window_of_unit(unit),
            (3, Value::Bytes(name)) => {
                limit.name = policy::text::lossy(name).into_owned();
            }
            _ => {}
        }
        Ok(())
    })
}

/// A `google.protobuf.Duration`; a negative one is none.
fn duration(message: &[u8]) -> Result<Option<Duration>, Malformed> {
    let (seconds, nanos) = read(message, |(seconds, nanos): &mut (u64, u64), field| {
        match field {
            (1, Value::Varint(value)) => *seconds = value,
            (2, Value::Varint(value)) => *nanos = value,
            _ => {}
        }
        Ok(())
    })?;
    let sensible = seconds <= MAX_SECONDS && nanos < 1_000_000_000;
    let nanos = u32::try_from(nanos).unwrap_or(0);
    Ok(sensible.then(|| Duration::new(seconds, nanos)))
}

/// A `HeaderValue`: a key with a text or with bytes.
fn header(message: &[u8]) -> Result<(String, Vec<u8>), Malformed> {
    read(message, |(key, value): &mut (String, Vec<u8>), field| {
        match field {
            (1, Value::Bytes(bytes)) => *key = policy::text::lossy(bytes).into_owned(),
            (2 | 3, Value::Bytes(bytes)) if !bytes.is_empty() => *value = bytes.to_vec(),
            _ => {}
        }
        Ok(())
    })
}

/// What a protobuf duration can hold at most.
const MAX_SECONDS: u64 = 315_576_000_000;

#[cfg(test)]
mod tests;
