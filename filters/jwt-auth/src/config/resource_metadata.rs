//! Metadata of the protected resource (RFC 9728): where clients learn which authorization servers
//! to ask.

use policy::config::Node;
use policy::json::Json;
use policy::path::RequestPath;

use super::Endpoint;

/// The metadata document, where it is, and how challenges point to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceMetadata {
    /// The path at which the document is served (section 3.1), without escapes.
    pub path: String,
    /// Its address, for challenges (section 5.1).
    pub uri: String,
    /// The JSON document that is served.
    pub document: String,
}

impl ResourceMetadata {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let resource = fields
                .required("resource", "the address of the protected resource")
                .and_then(|n| {
                    n.parsed(Endpoint::split, "an address")
                        .map(|address| (n, address))
                });
            let servers = fields
                .required("authorization_servers", "an array of issuers")
                .and_then(|n| n.strings());
            let scopes = fields.or("scopes_supported", Vec::new(), |n| n.strings());
            let methods = fields.or("bearer_methods_supported", vec!["header".to_owned()], |n| {
                n.strings()
            });
            let documentation = fields.or("resource_documentation", None, |n| {
                n.name(1024).map(str::to_owned).map(Some)
            });
            let name = fields.or("resource_name", None, |n| {
                n.name(256).map(str::to_owned).map(Some)
            });
            let (node, (scheme, authority, path)) = resource?;
            if path.contains('?') {
                node.reject("expected an address without a query");
            }
            let path = format!("{WELL_KNOWN}{}", path.trim_end_matches('/'));
            // It is served under the one path that all servers read alike, and stands between quotes in
            // challenges.
            let served = RequestPath::parse(path.as_bytes()).ok();
            let served = served.filter(|path| path.readings().len() == 1);
            let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"\\<>#".contains(&byte);
            if served.is_none() || !authority.bytes().chain(path.bytes()).all(is_plain) {
                node.reject("expected an address that all servers read alike, with what is not ASCII escaped");
            }
            let list =
                |items: Vec<String>| Json::Array(items.into_iter().map(Json::String).collect());
            let mut members = vec![
                ("resource", Json::from(node.string()?)),
                ("authorization_servers", list(servers?)),
                ("bearer_methods_supported", list(methods)),
            ];
            if !scopes.is_empty() {
                members.push(("scopes_supported", list(scopes)));
            }
            members.extend(name.map(|name| ("resource_name", Json::String(name))));
            members.extend(
                documentation.map(|address| ("resource_documentation", Json::String(address))),
            );
            let members = members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            Some(Self {
                uri: format!("{scheme}://{authority}{path}"),
                path: served?.canonical(),
                document: Json::Object(members).to_string(),
            })
        })
    }
}

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
