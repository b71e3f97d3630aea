//! Which names of headers, parameters and members usually stand for a secret: the one list for what
//! must not be in a record, a log or a metric, whichever filter writes it.
//!
//! Names are compared word by word, so that `x-author` is none although `auth` is, and
//! `cf-access-jwt-assertion` is one although nobody has listed it.

/// Whether what is called so is probably a credential, or gives access by itself.
///
/// Words are separated by anything but letters and digits, and by a capital after a small letter:
/// `X-Functions-Key`, `access_token`, `clientSecret`.
#[must_use]
pub fn names_secret(name: &str) -> bool {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    // Browsers have no other header for the token of a WebSocket.
    if has(&SECRET) || words.ends_with(&["websocket".to_owned(), "protocol".to_owned()]) {
        return true;
    }
    // A key is a secret unless the word before says what else it is.
    words.iter().enumerate().any(|(at, word)| {
        let before = at.checked_sub(1).and_then(|before| words.get(before));
        let harmless = before.is_some_and(|before| HARMLESS_KEYS.contains(&before.as_str()));
        KEYS.contains(&word.as_str()) && !harmless
    })
}

/// Whether the value is an address of a page, whose query may hold secrets of its own.
#[must_use]
pub fn holds_address(name: &str) -> bool {
    let words = words(name);
    words.iter().any(|word| ADDRESSES.contains(&word.as_str()))
}

/// The words of a name, in lower case. Few and short: a name is cut off at what a header may be.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for character in name.chars().take(MAX_CHARACTERS) {
        let starts = character.is_ascii_uppercase() && was_small;
        let is_part = character.is_ascii_alphanumeric();
        if starts || !is_part {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| is_part) {
            word.push(character.to_ascii_lowercase());
        }
        was_small = character.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

const MAX_CHARACTERS: usize = 256;

const SECRET: [&str; 53] = [
    "apikey",
    "assertion",
    "auth",
    "authentication",
    "authenticator",
    "authn",
    "authorization",
    "authtoken",
    "authz",
    "bearer",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "csrf",
    "dpop",
    "identity",
    "jsessionid",
    "jwt",
    "jws",
    "jwe",
    "mfa",
    "nonce",
    "oidc",
    "otp",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "phpsessid",
    "pin",
    "privatekey",
    "proof",
    "pwd",
    "remember",
    "saml",
    "secret",
    "secrets",
    "session",
    "sessionid",
    "sid",
    "sig",
    "signature",
    "signed",
    "sso",
    "ticket",
    "token",
    "tokens",
    "totp",
    "userinfo",
    "xsrf",
    "sessid",
];

const KEYS: [&str; 2] = ["key", "keys"];

/// What a key may be that opens nothing: `idempotency-key`, `surrogate-key`.
const HARMLESS_KEYS: [&str; 12] = [
    "cache",
    "correlation",
    "foreign",
    "idempotency",
    "group",
    "partition",
    "primary",
    "routing",
    "shard",
    "sort",
    "surrogate",
    "websocket",
];

const ADDRESSES: [&str; 7] = [
    "location", "referer", "referrer", "uri", "url", "href", "redirect",
];

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn names_that_stand_for_secrets() {
        for name in [
            "Authorization",
            "proxy-authorization",
            "cookie",
            "set-cookie",
            "x-api-key",
            "X_API_KEY",
            "apikey",
            "x-amz-security-token",
            "cf-access-jwt-assertion",
            "x-goog-iap-jwt-assertion",
            "ocp-apim-subscription-key",
            "x-functions-key",
            "x-passphrase",
            "x-credential",
            "dpop",
            "x-amzn-oidc-data",
            "x-vault-token",
            "x-hub-signature-256",
            "x-csrf-token",
            "x-session-id",
            "JSESSIONID",
            "clientSecret",
            "access_token",
            "x-meshward-identity",
            "x-jwt-payload",
            "x-userinfo",
            "sec-websocket-protocol-token",
            "sec-websocket-protocol",
            "x-sso",
            "x-remember-me",
        ] {
            assert!(names_secret(name), "{name}");
        }
        for name in [
            "x-author",
            "x-authored-by",
            "accept",
            "content-type",
            "x-request-id",
            "idempotency-key",
            "surrogate-key",
            "x-cache-key",
            "sec-websocket-key",
            "x-tenant",
            "x-keyboard",
            "x-secretary",
            "x-sidebar",
            "x-spinner",
            "user-agent",
            "referer",
            "",
        ] {
            assert!(!names_secret(name), "{name}");
        }
        assert!(holds_address("referer") && holds_address("x-original-url"));
        assert!(!holds_address("x-tenant"));
    }
}
