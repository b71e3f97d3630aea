use super::*;

#[test]
fn reads_traceparent() {
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert_eq!(parse_traceparent(good).unwrap().span_id, "00f067aa0ba902b7");
    for flags in ["00", "01", "03", "ff"] {
        let sent = format!("{}{flags}", good.strip_suffix("01").unwrap());
        assert_eq!(parse_traceparent(&sent).unwrap().to_string(), sent);
    }
    for bad in [
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-x-00f067aa0ba902b7-01",
    ] {
        assert_eq!(parse_traceparent(bad), None, "{bad}");
    }
}

#[test]
fn a_path_without_reading_is_kept_without_its_secrets() {
    for (raw, expected) in [
        (b"/a/%zz?token=s".as_slice(), Some("/a/%zz")),
        (b"/a%00/b#s", Some("/a%00/b")),
        (b"http://user:pw@shop.example/%zz?s", Some("/%zz")),
        (b"http://user:pw@shop%zz", None),
        (b"user:pw", None),
        (b"user:pw@shop.example/x?s", Some("/x")),
        (b"\\%zz", Some("\\%zz")),
        (b"/\xff\xfe", Some("/\u{fffd}\u{fffd}")),
        (b"", None),
        (
            b"/a;x=1;jsessionid=s3cret/b;token=s",
            Some("/a;x=1;jsessionid=…/b;token=…"),
        ),
    ] {
        assert_eq!(path_as_sent(raw).as_deref(), expected, "{raw:?}");
    }
}

#[test]
fn numbers_come_in_two_forms() {
    for (value, expected) in [
        (7_u64.to_le_bytes().as_slice(), Some(7)),
        (b"200", Some(200)),
        (b"12345678", Some(12_345_678)),
        (b"", None),
        (b"-", None),
        (b"99999999999999999999999", None),
    ] {
        assert_eq!(parse_number(value), expected, "{value:?}");
    }
}

#[test]
fn a_name_is_found_in_whatever_spelling_and_not_in_a_longer_word() {
    for (value, is_named) in [
        ("https://app.example/patients/jane-doe/edit", true),
        ("host=JANE-DOE.clinic.example;proto=https", true),
        ("https://idp/login?next=%2Fpatients%2Fjane%2Ddoe", true),
        (
            "https://idp/login?next=%252Fpatients%252Fjane%252Ddoe",
            true,
        ),
        ("https://app.example/patients/jane-doefried", false),
        ("https://app.example/start", false),
        ("", false),
    ] {
        assert_eq!(hide::names(value, "jane-doe"), is_named, "{value}");
    }
}
