use super::*;

#[test]
fn reads_what_it_writes() {
    let message = Writer::default()
        .bytes(1, b"sha256")
        .varint(2, 300)
        .varint(3, u64::MAX)
        .bytes(1000, &[0; 200])
        .finish();
    let read: Vec<_> = fields(&message).collect::<Result<_, _>>().unwrap();
    assert_eq!(
        read,
        [
            (1, Value::Bytes(b"sha256")),
            (2, Value::Varint(300)),
            (3, Value::Varint(u64::MAX)),
            (1000, Value::Bytes(&[0; 200])),
        ]
    );
}

#[test]
fn a_message_in_a_message_is_what_is_put_in_whole() {
    for length in [0, 1, 127, 128, 20_000] {
        let text = vec![b'x'; length];
        let inner = Writer::default()
            .fixed64(1, 0x0102_0304_0506_0708)
            .bytes(2, &text)
            .fixed32(3, 7)
            .finish();
        let whole = Writer::default().varint(1, 1).bytes(2, &inner).varint(3, 3);
        let written = Writer::default()
            .varint(1, 1)
            .message(2, |inner| {
                inner
                    .fixed64(1, 0x0102_0304_0506_0708)
                    .bytes(2, &text)
                    .fixed32(3, 7)
            })
            .varint(3, 3);
        assert_eq!(written.finish(), whole.finish(), "{length}");
    }
}

#[test]
fn malformed_messages_are_errors() {
    for message in [
        &b"\x0a\x05abc"[..],                                 // length beyond the end
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",     // huge length
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // varint too long
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",     // varint beyond 64 bits
        b"\x0b",                                             // group
        b"\x00\x01",                                         // field number 0
        b"\x08",                                             // no value
        b"\x09\x01",                                         // short fixed64
    ] {
        assert!(fields(message).any(|field| field.is_err()), "{message:?}");
        assert!(fields(message).count() < 8);
    }
}
