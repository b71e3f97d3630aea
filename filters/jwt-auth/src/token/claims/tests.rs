use std::time::Duration;

use super::*;
use crate::config::TokenTypes;

const NOW: f64 = 1_800_000_000.0;

fn policy() -> ClaimPolicy {
    ClaimPolicy {
        issuer: "https://idp".to_owned(),
        audiences: Some(vec!["api".to_owned()]),
        clock_skew: Duration::from_secs(60),
        require_expiration: true,
        check_issued_at: true,
        max_lifetime: None,
        max_age: None,
        required_claims: Vec::new(),
        types: TokenTypes::default(),
    }
}

fn header(kind: Option<&str>) -> Header {
    Header {
        algorithm: Some(crate::jose::Algorithm::Rs256),
        key_id: None,
        kind: kind.map(str::to_owned),
    }
}

fn check(policy: &ClaimPolicy, members: &str) -> Result<(), Reason> {
    let text = format!(r#"{{"iss":"https://idp"{members}}}"#);
    let claims = Json::parse(text.as_bytes()).unwrap();
    policy.check(&header(None), &claims, NOW).map(drop)
}

#[test]
fn claims_are_checked() {
    for (members, expected) in [
        (r#","aud":"api","exp":1800000001"#, Ok(())),
        (r#","aud":["other","api"],"exp":1800000001.5"#, Ok(())),
        (r#","aud":"api","exp":1799999941"#, Ok(())),
        (
            r#","aud":"api","exp":1799999940"#,
            Err(Reason::TokenExpired),
        ),
        (r#","aud":"api","exp":0"#, Err(Reason::TokenExpired)),
        (r#","aud":"api""#, Err(Reason::ExpirationMissing)),
        (r#","aud":"api","exp":null"#, Err(Reason::TokenMalformed)),
        (
            r#","aud":"api","exp":"1800000001""#,
            Err(Reason::TokenMalformed),
        ),
        (r#","aud":"api","exp":-1"#, Err(Reason::TokenMalformed)),
        (r#","aud":"api","exp":1e300"#, Err(Reason::TokenMalformed)),
        (
            r#","aud":"apis","exp":1800000001"#,
            Err(Reason::AudienceMismatch),
        ),
        (r#","exp":1800000001"#, Err(Reason::AudienceMismatch)),
        (
            r#","aud":[],"exp":1800000001"#,
            Err(Reason::AudienceMismatch),
        ),
        (
            r#","aud":{"api":1},"exp":1800000001"#,
            Err(Reason::TokenMalformed),
        ),
        (
            r#","aud":["api",5],"exp":1800000001"#,
            Err(Reason::TokenMalformed),
        ),
        (r#","aud":"api","exp":1800000001,"nbf":1800000060"#, Ok(())),
        (
            r#","aud":"api","exp":1800000001,"nbf":1800000061"#,
            Err(Reason::TokenNotYetValid),
        ),
        (
            r#","aud":"api","exp":1800000001,"iat":1900000000"#,
            Err(Reason::TokenNotYetValid),
        ),
        (
            r#","aud":"api","exp":1800000001,"sub":5"#,
            Err(Reason::TokenMalformed),
        ),
    ] {
        assert_eq!(check(&policy(), members), expected, "{members}");
    }
    let other = ClaimPolicy {
        issuer: "https://idp/".to_owned(),
        ..policy()
    };
    let good = r#","aud":"api","exp":1800000001"#;
    assert_eq!(check(&other, good), Err(Reason::IssuerUnknown));
    let any = ClaimPolicy {
        audiences: None,
        require_expiration: false,
        ..policy()
    };
    assert_eq!(check(&any, ""), Ok(()));
    let short = ClaimPolicy {
        max_lifetime: Some(Duration::from_secs(60)),
        ..any
    };
    assert_eq!(check(&short, ""), Err(Reason::ExpirationMissing));
    assert_eq!(
        check(&short, r#","iat":1799999990,"exp":1800000050"#),
        Ok(())
    );
    assert_eq!(
        check(&short, r#","iat":1799999990,"exp":1800000051"#),
        Err(Reason::LifetimeTooLong)
    );
}

#[test]
fn scopes_and_roles_come_from_the_usual_places() {
    let claims = br#"{"sub":"jane","scope":"a b","scp":["b","c"],"realm_access":{"roles":["r"]},"azp":"app"}"#;
    let claims = Json::parse(claims).unwrap();
    let mapping = policy::identity::IdentityMapping::default();
    let identity = mapping.identity("corp", AuthenticationMethod::Jwt, claims);
    assert_eq!(identity.scopes, ["a", "b", "c"]);
    assert_eq!(identity.roles, ["r"]);
    assert_eq!(identity.client_id.as_deref(), Some("app"));
}

#[test]
fn kinds_ages_and_required_claims() {
    let claims = Json::parse(
        br#"{"iss":"https://idp","aud":"api","exp":1800000100,"iat":1799999000,"a":{"b":1},"n":null}"#,
    )
    .unwrap();
    for (kind, expected) in [
        (None, true),
        (Some("JWT"), true),
        (Some("at+JWT"), true),
        (Some("application/at+jwt"), true),
        (Some("dpop+jwt"), false),
        (Some("JOSE"), false),
        (Some("logout+jwt"), false),
        (Some(""), false),
        (Some("application/x/at+jwt"), false),
    ] {
        let checked = policy().check(&header(kind), &claims, NOW);
        let expected = if expected {
            Ok(())
        } else {
            Err(Reason::TokenType)
        };
        assert_eq!(checked.map(drop), expected, "{kind:?}");
    }
    let with = |required: &[&str], age_s: Option<u64>| {
        let policy = ClaimPolicy {
            required_claims: required.iter().map(|&claim| claim.to_owned()).collect(),
            max_age: age_s.map(Duration::from_secs),
            ..policy()
        };
        policy.check(&header(None), &claims, NOW)
    };
    assert_eq!(
        with(&["a.b", "aud"], None).map(|v| v.until_s),
        Ok(1_800_000_160.0)
    );
    for missing in ["jti", "n", "a.c"] {
        assert_eq!(with(&[missing], None), Err(Reason::ClaimMissing));
    }
    assert_eq!(
        with(&[], Some(1000)).map(|v| v.until_s),
        Ok(1_800_000_060.0)
    );
    assert_eq!(with(&[], Some(940)), Err(Reason::TokenTooOld));
}

#[test]
fn bindings_are_to_one_certificate_or_to_something_else() {
    let binding = |members: &str| {
        let claims = Json::parse(format!("{{{members}}}").as_bytes()).unwrap();
        bound_certificate(&claims).map(|digest| digest.map(str::to_owned))
    };
    assert_eq!(binding(""), Ok(None));
    assert_eq!(
        binding(r#""cnf":{"x5t#S256":"abc"}"#),
        Ok(Some("abc".to_owned()))
    );
    for other in [
        r#""cnf":{"jkt":"abc"}"#,
        r#""cnf":{}"#,
        r#""cnf":{"x5t#S256":5}"#,
        r#""cnf":{"x5t#S256":"abc","jkt":"abc"}"#,
    ] {
        assert_eq!(binding(other), Err(Reason::BindingUnsupported), "{other}");
    }
    assert_eq!(binding(r#""cnf":"abc""#), Err(Reason::TokenMalformed));
}
