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

#[test]
fn tokens_of_providers_go_and_what_only_begins_like_one_stays() {
    let plan = crate::fixtures::plan_of(r#"{"presets":["gdpr","secrets"]}"#);
    // Letters and digits in the alphabets of the providers, as long as theirs.
    let letters = |count: usize| {
        "0a1B2c3D4e5F6g7H8i9Jk"
            .chars()
            .cycle()
            .take(count)
            .collect::<String>()
    };
    let hex = |count: usize| {
        "0a1b2c3d4e5f"
            .chars()
            .cycle()
            .take(count)
            .collect::<String>()
    };
    let tokens = [
        format!("dapi{}", hex(32)),
        format!("ATATT3xFfGF0{}_-{}=1A2B3C4D", letters(80), letters(60)),
        format!("NRAK-{}", letters(27).to_ascii_uppercase()),
        format!("PMAK-{}-{}", hex(24), hex(34)),
        format!("pul-{}", hex(40)),
        format!("dop_v1_{}", hex(64)),
        format!("shpat_{}", hex(32)),
        format!("SG.{}.{}", letters(22), letters(43)),
        format!("EAAC{}", letters(120)),
        format!("sq0csp-{}", letters(43)),
        format!("sq0atp-{}", letters(22)),
        format!("figd_{}", letters(40)),
        format!("lin_api_{}", letters(40)),
        format!("ntn_{}", letters(46)),
        format!("hvs.{}", letters(90)),
        format!("tskey-auth-{}-{}", letters(16), letters(32)),
        format!("npm_{}", letters(36)),
        format!("pypi-AgEIcHlwaS5vcmc{}", letters(80)),
        format!("hf_{}", letters(34)),
        format!("sk-ant-api03-{}AA", letters(93)),
        format!("sk-proj-{}", letters(60)),
        format!("sk-or-v1-{}", hex(64)),
        format!("gsk_{}", letters(52)),
        format!("AGE-SECRET-KEY-1{}", letters(58).to_ascii_uppercase()),
        format!("glc_eyJ{}==", letters(60)),
        format!("pplx-{}", letters(48)),
        format!("nvapi-{}", letters(64)),
        format!("xkeysib-{}-{}", hex(64), letters(16)),
        format!("dt0c01.{}.{}", letters(24), letters(64)),
        format!("pat{}.{}", letters(14), hex(64)),
        format!("pat-na1-{}", "01234567-89ab-cdef-0123-456789abcdef"),
        format!("oy2{}", letters(43).to_ascii_lowercase()),
        format!("squ_{}", hex(40)),
        format!("dp.st.prd.{}", letters(43)),
        format!(
            "access-production-{}",
            "01234567-89ab-cdef-0123-456789abcdef"
        ),
        format!("sb_secret_{}", letters(31)),
        format!("HRKU-AA{}", letters(58)),
        format!("LTAI{}", letters(20)),
    ];
    let mut kept = Vec::new();
    for token in tokens {
        for (before, behind) in [("", ""), ("the key ", ", and"), ("k=", "\\n"), ("(", ")")] {
            let body = format!(r#"{{"x":"{before}{token}{behind}"}}"#);
            let out = crate::fixtures::redacted(&plan, "application/json", &body);
            if out != format!(r#"{{"x":"{before}[PROVIDER_TOKEN]{behind}"}}"#) {
                kept.push(out);
            }
        }
    }
    assert!(kept.is_empty(), "{}", kept.join("\n"));
    let uuid = "01234567-89ab-4cde-8123-456789abcdef";
    let stays = [
        format!("pul-{}", hex(12)),
        format!("{}dapi{}", "my", hex(32)),
        "dapi-gateway-service-in-europe-west1-production".to_owned(),
        "ATATT3 is how tokens of Atlassian begin".to_owned(),
        "NRAK-12 and PMAK-12 are names of things in rooms 12".to_owned(),
        "tskey-auth is followed by a long word, see section 12".to_owned(),
        format!("access-production-{}", "access-log-of-the-shop-2024"),
        format!("pat-{uuid}"),
        format!("path/{uuid}"),
        "pattern-recognition-service-v2.internal.example.com".to_owned(),
        "oy2-module".to_owned(),
        "sl.production.example.com".to_owned(),
        format!("sha256:{}", hex(64)),
        "AKIDs and LTAIs are ids of keys, 2024".to_owned(),
        "EAAC: European Association of Computing 2024".to_owned(),
        format!("squ_{}", hex(39)),
        format!("pat{}", hex(64)),
        "AGE-SECRET-KEY-1 is a prefix of age 1.2".to_owned(),
        "dose0123456789 mg".to_owned(),
        "glrt-agent".to_owned(),
        "access-sandbox-deployment-2024-01-01-eu-west".to_owned(),
    ];
    for text in stays {
        crate::fixtures::assert_keeps(
            &plan,
            "application/json",
            &[&format!(r#"{{"x":"{text}"}}"#)],
        );
    }
}
