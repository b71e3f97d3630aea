use host::protobuf::Writer;

use super::*;

fn request(body: &str) -> Vec<u8> {
    let log = Writer::default()
        .bytes(5, &Writer::default().bytes(1, body.as_bytes()).finish())
        .bytes(12, b"api_activity")
        .finish();
    let attribute = Writer::default()
        .bytes(1, b"service.name")
        .bytes(2, &Writer::default().bytes(1, b"edge").finish())
        .finish();
    let logs = Writer::default()
        .bytes(1, &Writer::default().bytes(1, &attribute).finish())
        .bytes(2, &Writer::default().bytes(2, &log).finish())
        .finish();
    Writer::default().bytes(1, &logs).finish()
}

fn lines(bytes: &[u8]) -> io::Result<String> {
    let framing = framing(bytes).ok_or_else(malformed)?;
    let mut text = String::new();
    Requests::new(bytes, framing).read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn requests_become_lines() {
    let (one, other) = (request("{\"a\":1}"), request(&"é".repeat(5_000)));
    let bare = lines(&[one.clone(), other.clone()].concat()).unwrap();
    assert_eq!(bare.lines().count(), 2);
    assert!(bare.starts_with(r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"edge"}}]},"#), "{bare}");
    assert!(
        bare.contains(r#""body":{"stringValue":"{\"a\":1}"}"#),
        "{bare}"
    );
    let with_length = |request: &[u8]| {
        let length = u32::try_from(request.len()).unwrap().to_be_bytes();
        [&length[..], request].concat()
    };
    let framed = [with_length(&one), with_length(&other)].concat();
    assert_eq!(framing(&framed), Some(Framing::Lengths));
    assert_eq!(lines(&framed).unwrap(), bare);
}

#[test]
fn what_is_cut_off_or_damaged_is_an_error_and_no_panic() {
    let whole = [request("{}"), request("{}")].concat();
    for end in 0..whole.len() {
        let read = lines(&whole[..end]);
        assert_eq!(read.is_ok(), end == whole.len() / 2, "{end}: {read:?}");
    }
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        drop(lines(&damaged));
    }
    // A value in a value, without end.
    let mut deep = Writer::default().bytes(1, b"x").finish();
    for _ in 0..10_000 {
        deep = Writer::default().bytes(1, &deep).finish();
        deep = Writer::default().bytes(5, &deep).finish();
    }
    assert_eq!(any_value(&deep, 0).err(), Some(Malformed));
}

/// What is said twice does not get lost on the way.
#[test]
fn what_comes_twice_is_kept_or_refused() {
    let attribute = |value: &str| {
        let value = Writer::default().bytes(1, value.as_bytes()).finish();
        Writer::default()
            .bytes(1, b"audit.uid")
            .bytes(2, &value)
            .finish()
    };
    let resource = |value: &str| Writer::default().bytes(1, &attribute(value)).finish();
    let body = Writer::default().bytes(1, b"{}").finish();
    let log = Writer::default().bytes(5, &body);
    let logs = |log: &[u8]| {
        let scope = Writer::default().bytes(3, &attribute("c")).finish();
        let scope = Writer::default().bytes(1, &scope).bytes(2, log).finish();
        let logs = Writer::default()
            .bytes(1, &resource("a"))
            .bytes(1, &resource("b"));
        Writer::default()
            .bytes(1, &logs.bytes(2, &scope).finish())
            .finish()
    };
    let text = lines(&logs(&log.finish())).unwrap();
    for value in ["a", "b", "c"] {
        assert!(
            text.contains(&format!(r#""stringValue":"{value}""#)),
            "{text}"
        );
    }
    let twice = Writer::default().bytes(5, &body).bytes(5, &body).finish();
    assert!(lines(&logs(&twice)).is_err());
}

#[test]
fn text_is_no_protobuf() {
    for text in [
        "",
        "\n",
        "\n\n\n\n\n\n\n\n\n\n\n",
        "\n{\"a\":1}\n",
        "{}",
        "[]",
        "\n \n\n{\"resourceLogs\":[]}",
        "\0\0\0\0\0",
        "\0\0\0\n\n\n\n\n\n",
    ] {
        assert_eq!(framing(text.as_bytes()), None, "{text:?}");
    }
}
