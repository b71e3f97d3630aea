//! How refusals look.

use policy::config::{Fields, Node};

/// The form and the text of refusals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalFormat {
    /// The realm of challenges (RFC 9110 section 11.5): fixed, since one that echoes the request
    /// would echo a token in its query.
    pub realm: String,
    /// Bodies in place of problem details, by status.
    pub bodies: Vec<(u16, CustomBody)>,
}

/// A body of the user's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomBody {
    /// The media type of the body.
    pub content_type: String,
    /// Its text; `{status}`, `{code}` and `{request_id}` stand for the refusal's.
    pub text: String,
}

impl RefusalFormat {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let realm = fields.or("realm", "meshward".to_owned(), |n| realm(&n));
        let bodies = fields.or("responses", Vec::new(), |n| {
            let bodies = n.named(|status, body| {
                let known = STATUSES.iter().find(|known| known.to_string() == status);
                if known.is_none() {
                    body.reject_unseen("expected one of the statuses 400, 401, 403 and 503");
                }
                Some((*known?, CustomBody::read(&body)?))
            })?;
            Some(bodies.into_iter().map(|(_, body)| body).collect())
        });
        Self { realm, bodies }
    }

    /// The body for a status, if the user has set one.
    #[must_use]
    pub fn body(&self, status: u16) -> Option<&CustomBody> {
        self.bodies
            .iter()
            .find(|(known, _)| *known == status)
            .map(|(_, body)| body)
    }
}

impl CustomBody {
    fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let content_type = fields.name("content_type", "a media type", 128);
            let text = fields
                .required("body", "the text of the body")
                .and_then(|n| n.string().map(str::to_owned));
            Some(Self {
                content_type: content_type?,
                text: text?,
            })
        })
    }
}

/// Text that stands in a quoted string as it is.
fn realm(node: &Node<'_>) -> Option<String> {
    let text = node.name(128)?;
    let plain = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && !b"\"\\".contains(&byte);
    if !text.bytes().all(plain) {
        node.reject(r#"expected printable ASCII without " and \"#);
        return None;
    }
    Some(text.to_owned())
}

const STATUSES: [u16; 4] = [400, 401, 403, 503];
