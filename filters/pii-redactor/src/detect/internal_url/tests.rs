//! Spellings of addresses, and what only looks like one.

use super::find;
use crate::fixtures::{plan_of, redacted};

fn found(text: &str) -> usize {
    let mut count = 0;
    find(text.as_bytes(), 0, |_, _| count += 1);
    count
}

#[test]
fn another_spelling_of_a_host_is_no_way_around() {
    for text in [
        "http://%31%32%37.0.0.1/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com\\@127.0.0.1#x",
        "see http://a@b@10.0.0.1:80?x for more",
        "http:localhost",
        "https:/localhost",
        "\\\\127.0.0.1\\share",
        "http://127.0.0.1%2f@example.com/",
        "http://127.0.0.1%5C@example.com/",
        "http://127.0.0.1%23@example.com/",
        "http://10.0.0.1:80%3f@example.com/",
        "http://127.0.0.1%00.example.com/",
        "http://user%40127.0.0.1/",
        "http://user:word%40localhost/",
    ] {
        assert_eq!(found(text), 1, "{text}");
    }
}

#[test]
fn tabs_line_ends_and_blanks_are_no_way_around() {
    for text in [
        "http://169.25\t4.169.254/",
        "http://169.25\n4.169.254/",
        "http:\t//169.254.169.254/",
        "http:/\t/169.254.169.254/",
        "ht\r\ntp://metadata.goo\tgle.internal/",
        "http\t:\t169.254.169.254/",
        "\u{1}http:169.254.169.254/",
        " \u{1f}\u{a0}\u{feff}http:localhost",
        "/\t/169.254.169.254/",
        "///169.254.169.254/",
        "\\\t\\169.254.169.254/",
        "http://a \"<b>|@169.254.169.254/",
        "file:etc/passwd",
        "fi\tle:etc/passwd",
        "file: /etc/passwd",
        "file: x/../etc/passwd",
        "netdoc:etc/passwd",
        "http://127.0.0.1\u{a0}",
        "http://127.0.0.1\u{3000}\u{feff}",
    ] {
        assert_eq!(found(text), 1, "{text:?}");
    }
}

#[test]
fn a_scheme_is_not_needed_before_a_port_or_a_path() {
    for text in [
        "localhost:8080/admin",
        "localhost:8080",
        "127.0.0.1:9000/x",
        "169.254.169.254/latest/meta-data/",
        "metadata.google.internal/computeMetadata",
        "[::1]:8080/admin",
        "user@10.0.0.5:80/x",
        "loc\talhost:80",
    ] {
        assert_eq!(found(text), 1, "{text}");
    }
    for text in [
        "localhost",
        "127.0.0.1",
        "10.0.0.0/8",
        "10:30",
        "10.5:30",
        "example.com:8080/admin",
        "localhost:8080 is where it listens",
        "10.0/beta",
        "internal/docs",
        "local:x",
    ] {
        assert_eq!(found(text), 0, "{text}");
    }
}

#[test]
fn characters_that_are_mapped_to_a_host_are_no_way_around() {
    for text in [
        "http://local\u{ad}host/",
        "http://127.0.0\u{200b}.1/",
        "http://169.254.169\u{2060}.254/",
        "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
        "http://𝟏𝟐𝟕.0.0.1/",
        "http://¹²⁷.0.0.1/",
        "http://⑩.0.0.1/",
        "http://⒑0.0.1/",
        "http://localhoﬆ/",
        "http://127%E3%80%820.0.1/",
        "http://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1/",
        "http://user＠127.0.0.1/",
        "see http://metadata.google.inter%C2%ADnal/x here",
        "http://168.63.129.16/",
    ] {
        assert_eq!(found(text), 1, "{text}");
    }
}

#[test]
fn length_is_no_way_around() {
    let plan =
        plan_of(r#"{"rules":[{"detect":["INTERNAL_URL"],"actions":{"INTERNAL_URL":"remove"}}]}"#);
    for (begin, unit, end) in [
        ("http://", "a.", "@169.254.169.254/x"),
        ("http://", "a;", "@169.254.169.254/x"),
        ("see http://", "a,", "@169.254.169.254/x"),
        ("http:", "/", "169.254.169.254/x"),
        ("http:/", "\\t", "/169.254.169.254/x"),
        ("http://169.25", "\\n", "4.169.254/x"),
        ("", "/", "169.254.169.254/x"),
        ("", "\\u0001", "http:169.254.169.254/x"),
        ("http://example.com#", "a", "@169.254.169.254/x"),
    ] {
        for count in [210, 900, 1_700, 2_500, 5_000] {
            // What stands before may reach to the end of what is held.
            for ahead in [0, 1_000, 2_500, 3_500] {
                let text = format!("{}{begin}{}{end}", " ".repeat(ahead), unit.repeat(count));
                let body = format!("{{\"callback\":\"{text}\"}}");
                let out = redacted(&plan, "application/json", &body);
                assert!(out != body, "{begin}{unit}... {count} {ahead}");
            }
        }
    }
}

#[test]
fn names_of_other_things_are_no_hosts() {
    for text in [
        "myapp://callback",
        "s3://my-bucket/key",
        "gs://bucket/x",
        "otpauth://totp/Example:ada@example.com?secret=X",
        "chrome-extension://abcdefgh/page.html",
        "android-app://com.example.app/x",
        "order://42",
        "//title",
        "//TODO: fix",
        "// TODO: ask @bob",
        "//////////////////////////////////////////////////////////////////////////// x",
        "\\\\hline",
        "C:\\\\Users",
        "The jar: full of it",
        "jar: empty",
        "https:443",
        "ws:open",
        "https://example.com?via=@bob",
        "https://example.com, says @bob",
        "https://example.com/\n10.0.0.1 is a host",
        "File: report of 2026",
        "file:",
    ] {
        assert_eq!(found(text), 0, "{text}");
    }
}

#[test]
fn what_only_looks_like_an_address_leads_nowhere() {
    for text in [
        "C:\\Users\\ada",
        "volume:/data",
        "see http:localhost for more",
        "https://example.com/%2f@127.0.0.1",
        "https://example.com%2fpath",
        "https://user%40example.com/",
    ] {
        assert_eq!(found(text), 0, "{text}");
    }
}

#[test]
fn names_of_services_and_groups_of_hosts_are_inside() {
    for text in [
        "http://metadata.goog/",
        "http://consul.service.consul/",
        "http://224.0.0.1/",
        "http://239.255.255.250:1900/",
        "http://[ff02::1]/",
    ] {
        assert_eq!(found(text), 1, "{text}");
    }
    for text in [
        "http://consul.io/",
        "http://223.255.0.1/",
        "http://example.goog/",
    ] {
        assert_eq!(found(text), 0, "{text}");
    }
}
