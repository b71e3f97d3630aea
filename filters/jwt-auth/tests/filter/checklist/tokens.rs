//! What a token may look like and claim.

use serde_json::{Value, json};

use super::bed::{Bed, ISSUER, Signer, bearer, encode, in_every_host};

fn configuration(signer: &Signer) -> Value {
    json!({
        "providers": {
            "corp": {"issuer": ISSUER, "audiences": ["api"], "jwks": {"inline": signer.jwks()}},
            "strict": {
                "issuer": "https://strict.example.com", "audiences": ["api"],
                "jwks": {"inline": signer.jwks()}, "clock_skew": "0s",
                "max_lifetime": "10m", "max_age": "5m", "required_claims": ["tenant.id"],
            },
            "profile": {
                "issuer": "https://profile.example.com", "audiences": ["api"],
                "jwks": {"inline": signer.jwks()}, "profile": "rfc9068",
            },
        },
        "rules": [{"require": {"any_of": ["corp", "strict", "profile"], "scopes": ["orders:read"]}}],
        "deny": {"token_ids": ["stolen"], "subjects": ["mallory"]},
    })
}

type Case = (&'static str, String, &'static str);

fn refused(cases: impl Fn(&Bed, &Signer) -> Vec<Case>) {
    let signer = Signer::new("a", 7);
    in_every_host(&configuration(&signer), |bed| {
        let good = signer.token(&bed.claims(&json!({})));
        bed.passes("the good one", &bearer("/", &good), &good);
        for (line, token, code) in cases(bed, &signer) {
            let status = if code == "scope_missing" { 403 } else { 401 };
            bed.refuses(line, &bearer("/", &token), &token, (status, code));
        }
    });
}

#[test]
fn there_is_one_spelling_of_a_token() {
    refused(|bed, signer| {
        let claims = bed.claims(&json!({})).to_string();
        let good = signer.sign(r#"{"alg":"ES256","kid":"a"}"#, &claims);
        let parts: Vec<&str> = good.split('.').collect();
        let (header, payload, signature) = (parts[0], parts[1], parts[2]);
        // 64 bytes leave four bits of the last character unused.
        let last = signature.chars().last().unwrap();
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let place = alphabet.find(last).unwrap();
        let stray = &alphabet[place + 1..place + 2];
        let stray = format!("{}{stray}", &good[..good.len() - 1]);
        let malformed = "token_malformed";
        vec![
            ("two parts", format!("{header}.{payload}"), malformed),
            ("four parts", format!("{good}.x"), malformed),
            ("five parts, as of JWE", format!("{good}.x.y"), malformed),
            (
                "an empty header",
                format!(".{payload}.{signature}"),
                malformed,
            ),
            (
                "an empty payload",
                format!("{header}..{signature}"),
                malformed,
            ),
            ("padding", format!("{good}=="), malformed),
            ("stray bits", stray, malformed),
            (
                "the other alphabet",
                format!("{header}.{payload}.{}+/", &signature[2..]),
                malformed,
            ),
            ("a space within", good.replacen('.', ". ", 1), malformed),
            (
                "bytes that are no base64",
                good.replacen('.', ".!", 1),
                malformed,
            ),
            (
                "JSON serialization",
                json!({"payload": payload}).to_string(),
                malformed,
            ),
            (
                "a header that is no object",
                signer.sign("[]", &claims),
                malformed,
            ),
            (
                "claims that are no object",
                signer.sign(r#"{"alg":"ES256","kid":"a"}"#, "[]"),
                malformed,
            ),
            (
                "claims that are no JSON",
                signer.sign(r#"{"alg":"ES256","kid":"a"}"#, "iss"),
                malformed,
            ),
            (
                "something after the claims",
                signer.sign(r#"{"alg":"ES256","kid":"a"}"#, &format!("{claims}{{}}")),
                malformed,
            ),
        ]
    });
}

#[test]
fn no_member_stands_twice() {
    refused(|bed, signer| {
        let header = r#"{"alg":"ES256","kid":"a"}"#;
        let claims = bed.claims(&json!({})).to_string();
        let with = |more: &str| format!("{},{more}}}", &claims[..claims.len() - 1]);
        vec![
            (
                "alg twice",
                signer.sign(r#"{"alg":"ES256","alg":"none","kid":"a"}"#, &claims),
                "token_malformed",
            ),
            (
                "sub twice",
                signer.sign(header, &with(r#""sub":"admin""#)),
                "token_malformed",
            ),
            (
                "an escaped name twice",
                signer.sign(header, &with(r#""s\u0075b":"admin""#)),
                "token_malformed",
            ),
            (
                "a custom claim twice",
                signer.sign(header, &with(r#""x":1,"x":2"#)),
                "token_malformed",
            ),
            (
                "deep within",
                signer.sign(header, &with(r#""x":[{"y":{"z":1,"z":2}}]"#)),
                "token_malformed",
            ),
        ]
    });
}

#[test]
fn sizes_are_bounded() {
    refused(|bed, signer| {
        let claims = bed.claims(&json!({})).to_string();
        let large = bed.claims(&json!({"x": "x".repeat(17_000)}));
        let wide = json!({"alg": "ES256", "kid": "a", "x": "x".repeat(4_000)});
        let deep = format!(
            "{},\"x\":{}{}}}",
            &claims[..claims.len() - 1],
            "[".repeat(32),
            "]".repeat(32)
        );
        vec![
            ("16 KiB", signer.token(&large), "token_too_large"),
            ("no token at all", "x".repeat(60_000), "token_too_large"),
            (
                "a header of 4 KiB",
                signer.sign(&wide.to_string(), &claims),
                "token_too_large",
            ),
            (
                "depth 32",
                signer.sign(r#"{"alg":"ES256","kid":"a"}"#, &deep),
                "token_malformed",
            ),
            (
                "a signature of another length",
                format!(
                    "{}AAAA",
                    signer.sign(r#"{"alg":"ES256","kid":"a"}"#, &claims)
                ),
                "signature_invalid",
            ),
        ]
    });
}

#[test]
fn the_key_says_which_algorithm() {
    let secret = encode(b"any secret");
    refused(move |bed, signer| {
        let claims = bed.claims(&json!({})).to_string();
        let sign = |header: &str| signer.sign(header, &claims);
        let unsigned = |name: &str| {
            let header = json!({"alg": name, "kid": "a"}).to_string();
            format!("{}.{}.", encode(header), encode(&claims))
        };
        let disallowed = "algorithm_not_allowed";
        vec![
            ("none", unsigned("none"), disallowed),
            ("None", unsigned("None"), disallowed),
            ("nOnE", unsigned("nOnE"), disallowed),
            (
                "none, but signed",
                sign(r#"{"alg":"none","kid":"a"}"#),
                disallowed,
            ),
            ("no signature", unsigned("ES256"), "signature_invalid"),
            ("no alg", sign(r#"{"kid":"a"}"#), "token_malformed"),
            (
                "alg is a list",
                sign(r#"{"alg":["ES256"],"kid":"a"}"#),
                "token_malformed",
            ),
            (
                "another case",
                sign(r#"{"alg":"es256","kid":"a"}"#),
                disallowed,
            ),
            ("unknown", sign(r#"{"alg":"ES256K","kid":"a"}"#), disallowed),
            (
                "a secret's",
                sign(r#"{"alg":"HS256","kid":"a"}"#),
                disallowed,
            ),
            (
                "a code in place of a signature",
                format!(
                    "{}.{}.{secret}",
                    encode(r#"{"alg":"HS256","kid":"a"}"#),
                    encode(&claims)
                ),
                disallowed,
            ),
            (
                "another curve's",
                sign(r#"{"alg":"ES384","kid":"a"}"#),
                "key_unknown",
            ),
            (
                "another kind's",
                sign(r#"{"alg":"RS256","kid":"a"}"#),
                "key_unknown",
            ),
            (
                "no such kid",
                sign(r#"{"alg":"ES256","kid":"b"}"#),
                "key_unknown",
            ),
            (
                "kid is a number",
                sign(r#"{"alg":"ES256","kid":5}"#),
                "token_malformed",
            ),
        ]
    });
}

#[test]
fn where_keys_are_is_not_for_a_token_to_say() {
    let ours = Signer::new("a", 7);
    let theirs = Signer::new("a", 9);
    let elsewhere = |key: &Signer| {
        json!({
            "alg": "ES256", "kid": "a", "jku": "https://evil.test/jwks", "jwk": key.jwk(),
            "x5u": "https://evil.test/x5u", "x5c": ["MIIB"], "x5t": "abc",
        })
        .to_string()
    };
    in_every_host(&configuration(&ours), |bed| {
        let calls = bed.responses(|_| panic!("it asked somebody"));
        let claims = bed.claims(&json!({})).to_string();
        let forged = theirs.sign(&elsewhere(&theirs), &claims);
        let expected = (401, "signature_invalid");
        bed.refuses("its own key", &bearer("/", &forged), &forged, expected);
        let ignored = ours.sign(&elsewhere(&theirs), &claims);
        bed.passes("they are ignored", &bearer("/", &ignored), &ignored);
        assert_eq!(*calls.borrow(), 0);
    });
}

#[test]
fn extensions_are_refused() {
    refused(|bed, signer| {
        let claims = bed.claims(&json!({})).to_string();
        let with = |member: &str| {
            signer.sign(&format!(r#"{{"alg":"ES256","kid":"a",{member}}}"#), &claims)
        };
        let extension = "token_extension";
        vec![
            ("crit", with(r#""crit":["exp"],"exp":1"#), extension),
            ("an empty crit", with(r#""crit":[]"#), extension),
            ("crit of null", with(r#""crit":null"#), extension),
            ("b64", with(r#""b64":false"#), extension),
            ("b64 as usual", with(r#""b64":true"#), extension),
            ("zip", with(r#""zip":"DEF""#), extension),
        ]
    });
}

#[test]
fn claims_are_checked() {
    refused(|bed, signer| {
        let now = bed.now();
        let token = |changes: Value| signer.token(&bed.claims(&changes));
        let strict = |mut changes: Value| {
            changes["iss"] = json!("https://strict.example.com");
            token(changes)
        };
        let profile = token(json!({"iss": "https://profile.example.com"}));
        let typ = |typ: &str| {
            let header = format!(r#"{{"alg":"ES256","kid":"a","typ":{typ}}}"#);
            signer.sign(&header, &bed.claims(&json!({})).to_string())
        };
        vec![
            ("no iss", token(json!({"iss": null})), "issuer_unknown"),
            (
                "another iss",
                token(json!({"iss": "https://evil.test"})),
                "issuer_unknown",
            ),
            (
                "iss and a slash",
                token(json!({"iss": format!("{ISSUER}/")})),
                "issuer_unknown",
            ),
            (
                "iss in capitals",
                token(json!({"iss": ISSUER.to_uppercase()})),
                "issuer_unknown",
            ),
            ("no aud", token(json!({"aud": null})), "audience_mismatch"),
            (
                "another aud",
                token(json!({"aud": "apis"})),
                "audience_mismatch",
            ),
            (
                "an empty aud",
                token(json!({"aud": []})),
                "audience_mismatch",
            ),
            (
                "other auds",
                token(json!({"aud": ["a", "ap"]})),
                "audience_mismatch",
            ),
            ("no exp", token(json!({"exp": null})), "expiration_missing"),
            ("exp", token(json!({"exp": now - 60})), "token_expired"),
            (
                "exp is text",
                token(json!({"exp": "9999999999"})),
                "token_malformed",
            ),
            (
                "exp is endless",
                token(json!({"exp": 1e300})),
                "token_malformed",
            ),
            (
                "exp is negative",
                token(json!({"exp": -1})),
                "token_malformed",
            ),
            (
                "nbf",
                token(json!({"nbf": now + 61})),
                "token_not_yet_valid",
            ),
            (
                "iat",
                token(json!({"iat": now + 61})),
                "token_not_yet_valid",
            ),
            (
                "no skew",
                strict(json!({"exp": now, "tenant": {"id": 1}})),
                "token_expired",
            ),
            (
                "too long",
                strict(json!({"exp": now + 601, "tenant": {"id": 1}})),
                "lifetime_too_long",
            ),
            (
                "too old",
                strict(json!({"iat": now - 301, "exp": now + 10, "tenant": {"id": 1}})),
                "token_too_old",
            ),
            ("a claim", strict(json!({})), "claim_missing"),
            ("the profile's type", profile, "token_type"),
            ("another type", typ(r#""secevent+jwt""#), "token_type"),
            ("a proof", typ(r#""dpop+jwt""#), "token_type"),
            (
                "an identity of another",
                typ(r#""application/logout+jwt""#),
                "token_type",
            ),
            ("typ is a number", typ("5"), "token_malformed"),
            ("jti", token(json!({"jti": "stolen"})), "token_revoked"),
            ("sub", token(json!({"sub": "mallory"})), "token_revoked"),
            (
                "cnf",
                token(json!({"cnf": {"x5t#S256": encode([1; 32])}})),
                "binding_mismatch",
            ),
            (
                "cnf of DPoP",
                token(json!({"cnf": {"jkt": "abc"}})),
                "binding_unsupported",
            ),
            (
                "scope",
                token(json!({"scope": "orders:readonly orders"})),
                "scope_missing",
            ),
        ]
    });
}

#[test]
fn a_remembered_token_is_looked_at_again() {
    let signer = Signer::new("a", 7);
    in_every_host(&configuration(&signer), |bed| {
        let token = signer.token(&bed.claims(&json!({})));
        let request = bearer("/", &token);
        bed.passes("new", &request, &token);
        bed.passes("remembered", &request, &token);
        bed.wait(std::time::Duration::from_secs(361));
        bed.refuses(
            "expired meanwhile",
            &request,
            &token,
            (401, "token_expired"),
        );
        let bits = format!("{}A", &token[..token.len() - 1]);
        let other = format!("{}B", &token[..token.len() - 1]);
        for changed in [bits, other] {
            let outcome = bed.run(&bearer("/", &changed), &changed);
            assert_eq!(outcome.client().status(), Some(401));
        }
    });
}
