//! The attributes that filters ask for, and what nginx hosts call them.
//!
//! Filters name attributes as Envoy does. An nginx host is asked only for what it knows:
//! each other one costs a line at level error in its log, and one of them ends the worker on Kong
//! (`plugin_name`).

use crate::HostKind;

/// An attribute and its names.
struct Attribute {
    envoy: &'static [&'static str],
    /// The nginx variable that has the same value in APISIX.
    apisix: Option<&'static str>,
    kong: Option<&'static [&'static str]>,
    form: Form,
}

/// How a host writes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As Envoy does, or as text in place of a number.
    Plain,
    /// `SUCCESS` or `true`, where Envoy has the byte 1.
    Boolean,
    /// Only a connection with TLS has it; asking on another one is an error in the log of APISIX.
    OfTls,
}

/// What an nginx host is asked in place of `path`; `None` if it has no such attribute.
pub(crate) fn on_nginx(kind: HostKind, path: &[&str]) -> Option<(&'static [&'static str], Form)> {
    let attribute = ATTRIBUTES.iter().find(|known| known.envoy == path)?;
    let name = match kind {
        HostKind::Envoy => attribute.envoy,
        HostKind::Apisix => std::slice::from_ref(attribute.apisix.as_ref()?),
        HostKind::Other => attribute.kong?,
    };
    Some((name, attribute.form))
}

/// The value as Envoy would write it.
pub(crate) fn as_on_envoy(form: Form, value: Vec<u8>) -> Vec<u8> {
    match form {
        Form::Plain | Form::OfTls => value,
        Form::Boolean => vec![u8::from(value == b"SUCCESS" || value == b"true")],
    }
}

const fn same(envoy: &'static [&'static str], apisix: Option<&'static str>) -> Attribute {
    Attribute {
        envoy,
        apisix,
        kong: Some(envoy),
        form: Form::Plain,
    }
}

const ATTRIBUTES: &[Attribute] = &[
    same(&["source", "address"], Some("remote_addr")),
    same(&["source", "port"], Some("remote_port")),
    same(&["request", "path"], Some("request_uri")),
    same(&["request", "url_path"], Some("uri")),
    same(&["request", "query"], Some("args")),
    same(&["request", "method"], Some("request_method")),
    same(&["request", "scheme"], Some("scheme")),
    same(&["request", "protocol"], Some("server_protocol")),
    same(&["request", "id"], Some("request_id")),
    same(&["request", "size"], Some("request_length")),
    // Kong gives the name of the machine.
    Attribute {
        envoy: &["request", "host"],
        apisix: Some("host"),
        kong: None,
        form: Form::Plain,
    },
    same(&["response", "code"], Some("status")),
    same(&["response", "size"], Some("body_bytes_sent")),
    same(&["upstream", "address"], None),
    same(&["connection", "id"], Some("connection")),
    Attribute {
        envoy: &["connection", "tls_version"],
        apisix: Some("ssl_protocol"),
        kong: Some(&["connection", "tls_version"]),
        form: Form::OfTls,
    },
    Attribute {
        envoy: &["connection", "mtls"],
        apisix: Some("ssl_client_verify"),
        kong: Some(&["connection", "mtls"]),
        form: Form::Boolean,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_host_is_asked_for_what_it_does_not_have() {
        for kind in [HostKind::Apisix, HostKind::Other] {
            for path in [
                &["plugin_name"][..],
                &["meshward.identity"],
                &["xds", "route_name"],
                &["response", "code_details"],
                &["connection", "sha256_peer_certificate_digest"],
            ] {
                assert_eq!(on_nginx(kind, path), None, "{path:?}");
            }
        }
        let address = &["source", "address"];
        let (name, _) = on_nginx(HostKind::Apisix, address).unwrap();
        assert_eq!(name, ["remote_addr"]);
        let (name, _) = on_nginx(HostKind::Other, address).unwrap();
        assert_eq!(name, address);
    }
}
