//! What is fuzzed: the configuration of the bundle. `tests/fuzz.rs` calls the same function with
//! random configurations on stable Rust.

use meshward_bundle::config::{self, Part};
use policy::json::Json;

/// A configuration, taken apart: each part is an object, stands once, in the order of the chain, and
/// what is wrong says so.
pub(crate) fn split(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let split = config::split(text);
    assert!(!split.parts.is_empty() || !split.problems.is_empty());
    let mut expected = Part::ALL.into_iter();
    for part in &split.parts {
        assert!(
            expected.any(|next| next == part.part),
            "out of order, or twice"
        );
        let json = Json::parse(part.json.as_bytes());
        assert!(matches!(json, Ok(Json::Object(_))), "{}", part.json);
    }
    for problem in &split.problems {
        assert!(!problem.to_string().is_empty());
    }
}
