//! Texts that cost most to search, for tests, fuzzing and benchmarks: the beginnings of something that is
//! looked for, again and again.

use crate::detect::DETECTORS;

/// What is repeated. Most are the beginnings of something, again and again.
#[must_use]
pub fn beginnings() -> Vec<String> {
    let mut units: Vec<String> = [
        "1 ",
        "12 ",
        "123 ",
        "1234 ",
        "9 9 9 ",
        "1-",
        "1.",
        "1/",
        "1:",
        "1,",
        "1\t",
        "(1",
        "(1) ",
        "+1 ",
        "+1",
        "+1 (",
        "+12 ",
        "+49 1 ",
        "+999 ",
        "4111 ",
        "4111-",
        "4111.",
        "4111/",
        "411 ",
        "4111 1",
        "41111111 ",
        "4111111111111111 ",
        "4111111111111112 ",
        "411111111111 ",
        "5555 5555-",
        "123-45-6789 ",
        "123-45-",
        "123-",
        "1-212-",
        "212-555-0147 ",
        "1.1.1.1 ",
        "1.1.",
        "::",
        ":",
        "1:1:1:",
        "a:",
        "a1:",
        "fe::",
        "11:11:",
        "aa:",
        "a1-",
        "a1b2.",
        "a1b2.c3d4.",
        "00-1b-",
        "DE1 ",
        "DE11 ",
        "DE11",
        "DE12 3456 ",
        "GB82 WEST ",
        "IT10 ",
        "@",
        "a@",
        "a@a@",
        "a@a.",
        "a@b.c",
        "a@b.co ",
        "a@b.com",
        "a.a@a.a",
        "ab@cd.ef-",
        "é@é.",
        "é1 ",
        "%",
        "%4",
        "%40",
        "%25",
        "%2540",
        "&",
        "&#",
        "&#6",
        "&#64;",
        "&amp;",
        "&nbsp;1",
        "\u{a0}1",
        "\u{2009}",
        "\u{2013}1",
        "\u{ff11}",
        "\u{ff20}",
        "ﾃ1",
        "://a:b@",
        "a:b@",
        "http://a:1@",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\\n",
        "-----BEGIN PRIVATE KEY-----MIIB ",
        "-----END ",
        "-",
        "--",
        "- ",
        "eyJ",
        "-eyJ",
        " eyJ",
        "-eyJ.",
        "-eyJhbGciOiJI",
        "eyJhbGciOiJIUzI1NiJ9.",
        "Basic ",
        "Basic a",
        "Basic YTpi ",
        "Bearer ",
        "a1 ",
        "a1",
        "1a",
        "1a ",
        "A1 ",
        "AB 12 ",
        "A-1 ",
        "A 1 A ",
        "A-A 1 ",
        "AB-AB 1234 ",
        "B4111111111111111^",
        "%B4111111111111111^A^",
        ";4111111111111111=",
        "4111111111111111=",
        "4111111111111111D",
        "0x1",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa ",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD ",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq ",
        "phone 1 ",
        "phone ",
        "phone",
        "Phone1",
        "tel 12 ",
        "call 12345 ",
        "call 1234567 ms ",
        "id 1 ",
        "tax id 123456789 ",
        "A_1 ",
        "A_",
        "AbAb",
        "ABAB ",
        "aB1",
        "[A",
        "[A]",
        "[EMAIL] 1 ",
        "EMAIL_a 1 ",
        "password=",
        "password: 1",
        "password: a1 ",
        "pwd=1;",
        "a=1;",
        "a:1 ",
        "\"a\":",
        "a=",
        "cvv: 1 ",
        "M10 10L20 20Z",
        "m 1.5,2.25 c 0,0 1.1,3.3 -4,4 ",
        "0.1 ",
        "0,1 ",
        "1,234,567 ",
        "1e5 ",
        "#1",
        "#1 ",
        "01.02.1970 ",
        "2026-04-16T08:04:48Z ",
        "2026-04-16T",
        "1519b9ab-a034-4fb7-a3aa-00007b855d9a ",
        "1519b9ab-",
        "a_1-b.2 ",
        "ssn ssn 1 ",
        "card 4111 ",
        "hooks.slack.com/",
        "/hooks.slack.com/services/",
        "\u{3a9}1 ",
        "日1",
        "日本 ",
        "ß",
        "İ1",
        "x",
        " ",
        "\\u0031",
        "\\n1",
        "\\\\",
    ]
    .map(str::to_owned)
    .into();
    for prefix in [
        "AKIA",
        "AIza",
        "GOCSPX-",
        "ghp_",
        "github_pat_",
        "glpat-",
        "gldt-",
        "xoxb-",
        "xapp-",
        "sk_live_",
        "shpat_",
        "sk-ant-",
        "sk-",
        "rk_live_",
        "whsec_",
        "npm_",
        "pypi-",
        "SG.",
        "hf_",
        "dop_v1_",
        "dp.pt.",
        "lin_api_",
    ] {
        units.extend([
            prefix.to_owned(),
            format!("{prefix}1"),
            format!("{prefix}1 "),
            format!("-{prefix}a"),
        ]);
    }
    units
}

/// Every detector, every word that announces it, and its examples and counterexamples.
#[must_use]
pub fn of_detectors() -> Vec<String> {
    let mut units = Vec::new();
    for detector in &DETECTORS {
        for text in detector.examples.iter().chain(detector.counterexamples) {
            for sign in ["", " ", ",", "-"] {
                units.push(format!("{text}{sign}"));
            }
            // All but the last byte: what fails late.
            let cut = text.char_indices().last().map_or(0, |(place, _)| place);
            let cut = text.get(..cut).unwrap_or_default();
            units.push(cut.to_owned());
            units.push(format!("{cut} "));
            if let Some(word) = detector.words.first() {
                units.push(format!("{word} {text} "));
            }
        }
        for word in detector.words {
            units.push(format!("{word} 1 "));
            units.push(format!("{word}:1 "));
        }
    }
    units.retain(|unit| !unit.is_empty());
    units.sort_unstable();
    units.dedup();
    units
}

/// A unit again and again, at least so many bytes.
#[must_use]
pub fn repeated(unit: &str, bytes: usize) -> String {
    let times = bytes.checked_div(unit.len()).unwrap_or(0);
    unit.repeat(times.saturating_add(1))
}
