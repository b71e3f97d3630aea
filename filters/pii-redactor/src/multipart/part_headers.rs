//! The headers of a part.

use super::head::{Line, lines};
use super::parameters::Parameters;
use crate::media::{Framing, Media};
use crate::pipeline::Coding;

/// What the headers of a part say.
#[derive(Debug)]
pub(super) struct PartHeaders {
    /// The name of the field, as every reader may find it; a part of another multipart type has none.
    pub(super) names: Vec<Vec<u8>>,
    pub(super) media: Media,
    pub(super) encoding: TransferEncoding,
    /// A field and no file: whoever reads the form takes it for text, whatever its type says.
    pub(super) is_field: bool,
    /// Readers may find different names or different types.
    pub(super) is_ambiguous: bool,
}

/// The `content-transfer-encoding` (RFC 2045 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransferEncoding {
    /// The bytes are the content.
    Identity,
    QuotedPrintable,
    Base64,
    /// One that is not known, or several that differ.
    Other,
}

impl TransferEncoding {
    fn of(value: &str) -> Self {
        match value.trim().to_ascii_lowercase().as_str() {
            "" | "7bit" | "8bit" | "binary" => Self::Identity,
            "quoted-printable" => Self::QuotedPrintable,
            "base64" => Self::Base64,
            _ => Self::Other,
        }
    }
}

impl PartHeaders {
    /// Reads the delimiter and the headers behind it.
    pub(super) fn read(head: &[u8], delimiter: &[u8]) -> Self {
        let mut types: Vec<String> = Vec::new();
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut encodings: Vec<TransferEncoding> = Vec::new();
        let mut is_file = false;
        let mut has_empty_filename = false;
        let mut is_ambiguous = false;
        let mut is_coded = false;
        for line in lines(head, delimiter) {
            let Line::Header { name, value } = line else {
                continue;
            };
            let value = value.unfolded(head);
            match name.as_str() {
                "content-disposition" => {
                    let parameters = Parameters::of(&value);
                    let first = names.len();
                    // A backslash escapes what follows, or is one of a careless sender.
                    for name in parameters.named("name") {
                        is_ambiguous |= names.first().is_some_and(|known| *known != name.text());
                        names.extend([name.text(), name.unescaped()]);
                    }
                    is_ambiguous |= first > 0 && names.len() == first;
                    for filename in parameters.named("filename") {
                        is_file = true;
                        has_empty_filename |= filename.text().is_empty();
                    }
                }
                "content-type" => types.push(policy::text::lossy(&value).into_owned()),
                "content-transfer-encoding" => {
                    encodings.push(TransferEncoding::of(&policy::text::lossy(&value)));
                }
                // A message of HTTP in a part, and parts of some forms.
                "content-encoding" => {
                    let coding = Coding::of(&policy::text::lossy(&value));
                    is_coded |= coding != Some(Coding::Identity);
                }
                _ => {}
            }
        }
        names.dedup();
        // RFC 7578 section 4.4: text, where nothing else is said; but a file may be anything.
        let media = if types.is_empty() && !is_file {
            Media::of("text/plain")
        } else {
            Media::of(&types.join(","))
        };
        let encoding = match encodings.as_slice() {
            // What is of an unknown type is binary as its first bytes say.
            _ if is_coded && media.framing != Some(Framing::Unknown) => TransferEncoding::Other,
            [] => TransferEncoding::Identity,
            [first, others @ ..] if others.iter().all(|other| other == first) => *first,
            _ => TransferEncoding::Other,
        };
        Self {
            is_ambiguous: is_ambiguous || media.is_ambiguous,
            // Some readers take a file without a name for a field.
            is_field: !names.is_empty() && (!is_file || has_empty_filename),
            names,
            media,
            encoding,
        }
    }

    /// How the part is taken apart; `None` for a binary file.
    pub(super) fn framing(&self) -> Option<Framing> {
        match self.media.framing.clone() {
            None if self.is_field => Some(Framing::Unknown),
            framing => framing,
        }
    }

    /// Whether the part can have members of its own.
    pub(super) const fn has_members(&self) -> bool {
        matches!(
            self.media.framing,
            Some(
                Framing::Json
                    | Framing::JsonLines
                    | Framing::Events
                    | Framing::Form
                    | Framing::Multipart(_)
                    | Framing::Csv(_)
            )
        )
    }
}
