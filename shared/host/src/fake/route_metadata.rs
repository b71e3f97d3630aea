//! The metadata of routes, as a host hands it out.

use policy::json::Json;

use crate::protobuf::Writer;

/// `envoy.config.core.v3.Metadata` whose name spaces have a member `config` with these values.
#[must_use]
pub fn route_metadata(spaces: &[(&str, Json)]) -> Vec<u8> {
    let spaces = spaces.iter().map(|(name, value)| {
        let config = ("config".to_owned(), value.clone());
        (*name, Json::Object(vec![config]))
    });
    name_spaces(&spaces.collect::<Vec<_>>())
}

/// `envoy.config.core.v3.Metadata` whose name spaces are these objects.
#[must_use]
pub fn name_spaces(spaces: &[(&str, Json)]) -> Vec<u8> {
    let space = |writer: Writer, (name, value): &(&str, Json)| {
        let members = match value {
            Json::Object(members) => members.as_slice(),
            _ => &[],
        };
        entry(writer, name, &structure(members))
    };
    spaces.iter().fold(Writer::default(), space).finish()
}

fn entry(writer: Writer, name: &str, value: &[u8]) -> Writer {
    writer.message(1, |entry| entry.bytes(1, name.as_bytes()).bytes(2, value))
}

fn structure(members: &[(String, Json)]) -> Vec<u8> {
    let members = members.iter();
    let message = members.fold(Writer::default(), |writer, (name, value)| {
        entry(writer, name, &dynamic(value))
    });
    message.finish()
}

/// Encodes JSON as a `google.protobuf.Value`.
fn dynamic(value: &Json) -> Vec<u8> {
    let writer = Writer::default();
    let written = match value {
        Json::Null => writer.varint(1, 0),
        Json::Bool(bit) => writer.varint(4, u64::from(*bit)),
        Json::Number(number) => writer.fixed64(2, number.as_f64().unwrap_or_default().to_bits()),
        Json::String(text) => writer.bytes(3, text.as_bytes()),
        Json::Object(members) => writer.bytes(5, &structure(members)),
        Json::Array(items) => writer.message(6, |list| {
            let items = items.iter();
            items.fold(list, |list, item| list.bytes(1, &dynamic(item)))
        }),
    };
    written.finish()
}
