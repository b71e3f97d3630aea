// What is fuzzed: whatever comes from outside. Run by `cargo fuzz run <name>` here, and, on random
// and on nearly right input, by `tests/entries.rs`.

/// A line of a trail.
pub(crate) fn record(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(record) = audit::record::Record::check_text(text) {
        // What is accepted stays acceptable after every erasure.
        assert!(record.chain_uid.len() == 32);
    }
}

/// A plugin configuration.
pub(crate) fn configuration(bytes: &[u8]) {
    use policy::config::Configuration as _;
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = audit_emitter::config::Config::parse(text);
    }
}

/// A response of a collector: the status, then the headers and the body.
pub(crate) fn response(bytes: &[u8]) {
    let Some((status, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    use audit_emitter::delivery::{Rejected, receipt};
    let status = Some(u16::from_le_bytes(*status));
    let _ = receipt(status, Rejected::in_json(rest));
    let _ = receipt(status, Rejected::in_protobuf(rest));
    if let Ok(text) = std::str::from_utf8(rest) {
        let _ = audit_emitter::delivery::retry_after_s(text, 1_800_000_000_000);
        let _ = audit::keys::secret_bytes(text);
        let _ = audit::keys::PublicKey::from_hex(text);
    }
}
