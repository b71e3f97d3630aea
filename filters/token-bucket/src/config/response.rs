//! The response to refused clients, as the user has written it.

use policy::config::{Node, names};
use policy::refusal::CustomResponse;

/// Reads a `refusal` key from the configuration.
pub(super) fn read(node: &Node<'_>) -> Option<CustomResponse> {
    node.object(|fields| {
        let status = fields.optional("status").map(|n| {
            let status = n.integer(400..=599)?;
            u16::try_from(status).ok()
        });
        let body = fields.optional("body").map(|n| body(&n));
        let media_type = fields.optional("content_type").map(|n| header_value(&n));
        let headers = fields.or("headers", Vec::new(), |n| {
            n.named(|name, value| {
                let known = header_name(name);
                if known.is_none() {
                    value.reject_unseen("expected the name of a header that this may set");
                }
                known.and_then(|_| header_value(&value))
            })
        });
        if media_type.is_some() && body.is_none() {
            fields.node().reject_unseen("a content_type needs a body");
        }
        let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
        let body = match body {
            None => None,
            Some(text) => {
                let media_type = media_type.unwrap_or_else(|| Some("text/plain".to_owned()));
                Some((media_type?, text?))
            }
        };
        Some(CustomResponse {
            status: match status {
                Some(read) => Some(read?),
                None => None,
            },
            body,
            headers: headers.into_iter().map(lower).collect(),
        })
    })
}

fn body(node: &Node<'_>) -> Option<String> {
    let text = node.string()?;
    if text.len() > MAX_BODY_BYTES {
        node.reject_unseen(format_args!("at most {MAX_BODY_BYTES} bytes"));
        return None;
    }
    Some(text.to_owned())
}

fn header_value(node: &Node<'_>) -> Option<String> {
    let value = node.name(1024)?;
    let visible = value
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if !visible {
        node.reject("expected visible ASCII characters");
        return None;
    }
    Some(value.to_owned())
}

/// Headers that say how a message is framed, or that the filter itself sets, are not for the user.
fn header_name(name: &str) -> Option<()> {
    let name = names::header_name(name).ok()?;
    let is_reserved = names::is_framing(&name) || name == "retry-after";
    (!is_reserved).then_some(())
}

const MAX_BODY_BYTES: usize = 65_536;
