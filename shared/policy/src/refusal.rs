//! The one shape of a refusal: problem details (RFC 9457), or a grpc-status for gRPC requests.

use crate::json::Json;

/// A response in place of the upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status: 400, 401, 403, 429, 502 or 503.
    pub status: u16,
    /// A stable snake_case code: the end of the problem type, the reason of the decision, the
    /// label of the metric.
    pub code: &'static str,
    /// What happened in one sentence for the caller; never anything that the caller sent.
    pub detail: String,
    /// Headers such as `www-authenticate` and `retry-after`.
    pub headers: Vec<(&'static str, String)>,
    /// More members of the problem details, such as the name of a limit: names and values of the
    /// configuration, never anything that the caller sent.
    pub members: Vec<(&'static str, String)>,
    /// What the user wants callers to get instead of problem details. gRPC callers get the
    /// grpc-status whatever it says.
    pub custom: Option<CustomResponse>,
}

/// A response that the user has written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomResponse {
    /// Instead of the status of the refusal.
    pub status: Option<u16>,
    /// Instead of problem details: a media type and a text.
    pub body: Option<(String, String)>,
    /// Headers beside those of the problem document.
    pub headers: Vec<(String, String)>,
}

impl Refusal {
    /// A refusal without extra headers.
    #[must_use]
    pub fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            headers: Vec::new(),
            members: Vec::new(),
            custom: None,
        }
    }

    /// Adds a member to the problem details.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    /// Adds a header to the refusal.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The body for HTTP: `application/problem+json`.
    #[must_use]
    pub fn problem_json(&self, request_id: Option<&str>) -> String {
        let text = |text: &str| Json::String(text.to_owned());
        let mut members = vec![
            ("type", text(&format!("{PROBLEM_TYPE_PREFIX}{}", self.code))),
            ("title", text(title(self.status))),
            ("status", Json::Number(self.status.into())),
            ("detail", text(&self.detail)),
        ];
        let mut own: Vec<_> = self.members.iter().collect();
        crate::sort::by_key(&mut own, |(name, _)| *name);
        members.extend(own.iter().map(|(name, value)| (*name, text(value))));
        members.extend(request_id.map(|id| ("request_id", text(id))));
        let named = members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Json::Object(named.collect()).to_string()
    }

    /// The grpc-status for gRPC requests.
    #[must_use]
    pub const fn grpc_status(&self) -> u32 {
        match self.status {
            400 => 3,        // INVALID_ARGUMENT
            401 => 16,       // UNAUTHENTICATED
            403 => 7,        // PERMISSION_DENIED
            413 | 429 => 8,  // RESOURCE_EXHAUSTED
            502..=504 => 14, // UNAVAILABLE
            _ => 2,          // UNKNOWN
        }
    }
}

/// The media type of [`Refusal::problem_json`].
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// A problem type is this and the code.
pub const PROBLEM_TYPE_PREFIX: &str = "urn:problem-type:meshward:";

/// Whether a content type is gRPC: `application/grpc`, `application/grpc+proto`, not `grpc-web`,
/// which browsers read as HTTP.
#[must_use]
pub fn is_grpc(media_type: &str) -> bool {
    media_type == "application/grpc" || media_type.starts_with("application/grpc+")
}

const fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        411 => "Length Required",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Refused",
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn one_shape() {
        let refusal = Refusal::new(401, "token_expired", "The token has \"expired\".")
            .header("www-authenticate", "Bearer");
        assert_eq!(
            refusal.problem_json(Some("r-1")),
            r#"{"type":"urn:problem-type:meshward:token_expired","title":"Unauthorized","status":401,"detail":"The token has \"expired\".","request_id":"r-1"}"#
        );
        assert!(!refusal.problem_json(None).contains("request_id"));
        let limited = Refusal::new(429, "rate_limited", "Used up.").member("limit", "per-client");
        assert_eq!(
            limited.problem_json(None),
            r#"{"type":"urn:problem-type:meshward:rate_limited","title":"Too Many Requests","status":429,"detail":"Used up.","limit":"per-client"}"#
        );
    }

    #[test]
    fn grpc_has_its_own_numbers() {
        for (status, grpc) in [
            (400, 3),
            (401, 16),
            (403, 7),
            (429, 8),
            (503, 14),
            (502, 14),
            (418, 2),
        ] {
            assert_eq!(Refusal::new(status, "x", "").grpc_status(), grpc);
        }
        assert!(is_grpc("application/grpc") && is_grpc("application/grpc+proto"));
        assert!(!is_grpc("application/grpc-web") && !is_grpc("application/json"));
    }
}
