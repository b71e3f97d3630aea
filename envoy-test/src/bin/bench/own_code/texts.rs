//! Short texts: digits, dates, names, fields of HTTP, small documents.

use std::borrow::Cow;
use std::hint::black_box;
use std::time::{Duration, UNIX_EPOCH};

use audit::canonical;
use envoy_test::Result;
use host::verify_signature::question;
use policy::json::Json;
use policy::{hex, nearest, timestamp, values};
use prost::Message as _;
use sfv::{KeyRef, ListSerializer, StringRef};
use token_bucket::ratelimit_headers::{LimitState, ietf_10};

use super::{Row, failed};

/// As long as the payload of an ordinary access token.
const PAYLOAD_BYTES: usize = 700;
/// A payload as identity providers write it.
const CLAIMS: &str = r#"{"iss":"https://idp.example.com/realms/shop","sub":"f3b1c2d4-5e6f-4a7b-8c9d-0e1f2a3b4c5d","aud":["orders-api","account"],"exp":1767225600,"iat":1767222000,"azp":"storefront","scope":"openid orders:read orders:write","realm_access":{"roles":["customer","offline_access"]},"email_verified":true,"preferred_username":"jane"}"#;
const SECONDS: i64 = 1_767_225_600;

/// What BoringSSL is asked in Envoy, as its `verify_signature` reads it.
#[derive(Clone, PartialEq, prost::Message)]
struct Question {
    #[prost(string, tag = "1")]
    hash: String,
    #[prost(bytes, tag = "2")]
    public_key: Vec<u8>,
    #[prost(bytes, tag = "3")]
    signature: Vec<u8>,
    #[prost(bytes, tag = "4")]
    text: Vec<u8>,
}

pub(super) fn rows() -> Result<Vec<Row<'static>>> {
    let mut rows = digits();
    rows.extend(dates());
    rows.extend(fields());
    rows.extend(documents()?);
    Ok(rows)
}

fn digits() -> Vec<Row<'static>> {
    let hash: [u8; 32] = std::array::from_fn(|place| place as u8 * 7);
    let lower = hex::encode(&hash);
    let (of_record, of_record_too) = (lower.clone(), lower);
    vec![
        Row {
            what: "a hash in hexadecimal digits, written and read",
            library: "hex",
            reason: "faster, 25 lines",
            ours: Box::new(move || {
                let digits = hex::encode(black_box(&hash));
                hex::decode::<32>(&digits) == Some(hash)
            }),
            theirs: Box::new(move || {
                let mut bytes = [0; 32];
                let digits = ::hex::encode(black_box(&hash));
                ::hex::decode_to_slice(digits, &mut bytes).is_ok()
            }),
        },
        Row {
            what: "a hash of a trail, read",
            library: "hex",
            reason: "faster still: a record has 500 digits",
            ours: Box::new(move || {
                trail::hex::decode::<32>(black_box(of_record.as_bytes())).is_some()
            }),
            theirs: Box::new(move || {
                let mut bytes = [0; 32];
                ::hex::decode_to_slice(black_box(&of_record_too), &mut bytes).is_ok()
            }),
        },
    ]
}

fn dates() -> Vec<Row<'static>> {
    let at = UNIX_EPOCH + Duration::from_secs(SECONDS.unsigned_abs());
    vec![
        Row {
            what: "a time of RFC 3339, written and read",
            library: "humantime",
            reason: "reads times of other zones, as people write them; configurations and reports, not requests",
            ours: Box::new(|| {
                let text = timestamp::format_timestamp(black_box(SECONDS));
                timestamp::parse_timestamp(&text) == Ok(SECONDS)
            }),
            theirs: Box::new(move || {
                let text = humantime::format_rfc3339_seconds(black_box(at)).to_string();
                humantime::parse_rfc3339(&text) == Ok(at)
            }),
        },
        Row {
            what: "a date of HTTP, written and read",
            library: "httpdate",
            reason: "the same calendar once more, 30 lines, and no index that can panic in the VM; `Retry-After` of a collector, not requests",
            ours: Box::new(|| {
                let text = timestamp::format_http_date(black_box(SECONDS));
                timestamp::parse_http_date(&text) == Some(SECONDS)
            }),
            theirs: Box::new(move || {
                let text = httpdate::fmt_http_date(black_box(at));
                httpdate::parse_http_date(&text).ok() == Some(at)
            }),
        },
    ]
}

fn fields() -> Vec<Row<'static>> {
    const FORM: &str = "client_id=storefront&redirect_uri=https%3A%2F%2Fshop.example.com%2Fcallback%3Fa%3D1&scope=openid+orders%3Aread";
    let names = ["issuer", "audiences", "algorithms", "clock_skew", "forward"];
    let states: Vec<LimitState> = ["per-client", "search", "tenant"]
        .into_iter()
        .map(|name| LimitState {
            name: name.to_owned(),
            quota: 100,
            window: Some(Duration::from_secs(60)),
            remaining: 42,
            until_full: Duration::from_secs(30),
            until_more: Duration::from_secs(1),
            refuses: false,
        })
        .collect();
    let same_states = states.clone();
    vec![
        Row {
            what: "a percent-encoded form of 100 bytes",
            library: "percent-encoding",
            reason: "`+` is a space in the same pass; a broken escape stays",
            ours: Box::new(|| values::form_decoded(black_box(FORM.as_bytes())).len() > 80),
            theirs: Box::new(|| {
                let bytes = percent_encoding::percent_decode_str(black_box(FORM));
                Cow::from(bytes).len() > 80
            }),
        },
        Row {
            what: "`RateLimit` and `RateLimit-Policy` of three limits",
            library: "sfv",
            reason: "no slower, and two fields from one pass; nearly every response has them",
            ours: Box::new(move || ietf_10(black_box(&states)).len() == 2),
            theirs: Box::new(move || sfv_fields(black_box(&same_states)).is_some()),
        },
        Row {
            what: "the name that somebody meant, of five",
            library: "strsim",
            reason: "only for messages, and no index that can panic in the VM",
            ours: Box::new(move || nearest(black_box("clok_skew"), names.into_iter()).is_some()),
            theirs: Box::new(move || {
                let edits = names.map(|name| strsim::osa_distance(black_box("clok_skew"), name));
                edits.into_iter().any(|edits| edits == 1)
            }),
        },
        Row {
            what: "what BoringSSL is asked, in protobuf",
            library: "prost",
            reason: "faster, and nothing is derived",
            ours: Box::new(|| {
                let message = question("SHA256", &[1; 294], &[2; 256], &[3; PAYLOAD_BYTES]);
                black_box(message).len() > PAYLOAD_BYTES
            }),
            theirs: Box::new(|| {
                let question = Question {
                    hash: "SHA256".to_owned(),
                    public_key: vec![1; 294],
                    signature: vec![2; 256],
                    text: vec![3; PAYLOAD_BYTES],
                };
                black_box(question.encode_to_vec()).len() > PAYLOAD_BYTES
            }),
        },
    ]
}

fn sfv_fields(states: &[LimitState]) -> Option<(String, String)> {
    let (mut policies, mut limits) = (ListSerializer::new(), ListSerializer::new());
    let key = |name| KeyRef::from_str(name).ok();
    for state in states {
        let number = |number: u64| sfv::Integer::try_from(number).ok();
        let name = StringRef::from_str(&state.name).ok()?;
        policies
            .bare_item(name)
            .parameter(key("q")?, number(state.quota)?)
            .parameter(key("w")?, number(state.window?.as_secs())?);
        limits
            .bare_item(name)
            .parameter(key("r")?, number(state.remaining)?)
            .parameter(key("t")?, number(state.until_more.as_secs())?);
    }
    Some((policies.finish()?, limits.finish()?))
}

fn documents() -> Result<Vec<Row<'static>>> {
    let record = Json::parse(CLAIMS.as_bytes()).map_err(failed)?;
    let same: serde_json::Value = serde_json::from_str(CLAIMS).map_err(failed)?;
    Ok(vec![
        Row {
            what: "the claims of a token, as a tree",
            library: "serde_json",
            reason: "refuses a member that comes twice; the other path is serde_json's",
            ours: Box::new(|| Json::parse(black_box(CLAIMS.as_bytes())).is_ok()),
            theirs: Box::new(|| {
                serde_json::from_str::<serde_json::Value>(black_box(CLAIMS)).is_ok()
            }),
        },
        Row {
            what: "a record in its canonical form (RFC 8785)",
            library: "serde_json",
            reason: "orders members by UTF-16, as the RFC wants; serde_json by UTF-8",
            ours: Box::new(move || canonical::to_string(black_box(&record)).len() > 300),
            theirs: Box::new(move || black_box(&same).to_string().len() > 300),
        },
    ])
}
