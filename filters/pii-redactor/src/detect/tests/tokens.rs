use super::*;

#[test]
fn what_is_too_much_to_decode_counts_as_a_token() {
    let beginnings = "-eyJ".repeat(500);
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlc2lnbmF0dXJl";
    let text = format!("{beginnings}-{token}");
    let found = found(kind::JWT, &text, false);
    assert!(
        found.iter().any(|found| found.ends_with(token)),
        "{found:?}"
    );
}
