//! What a body is: one table of media types, for whole messages in both directions and for the
//! parts of multipart bodies alike.
//!
//! A content type says how a body is taken apart ([`Framing`]) and how its text is encoded
//! ([`Charset`]). A type that the table does not know is [`Framing::Unknown`]: its first bytes
//! decide, so that a new name for JSON is no way around the rules.

/// How a body is taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// JSON, one document or several one after the other.
    Json,
    /// JSON, one document on each line or behind each record separator: what is malformed ends
    /// with its line.
    JsonLines,
    /// Server-sent events.
    Events,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// Parts with this boundary.
    Multipart(Vec<u8>),
    /// Rows of cells.
    Csv(CsvFormat),
    /// XML or HTML: text with character references, or JSON if it begins like JSON.
    Markup,
    /// Text, or JSON if it begins like JSON.
    Text,
    /// A GraphQL document, or JSON if it begins like JSON and unlike GraphQL.
    Graphql,
    /// A type that says nothing about the content: JSON, text or binary, as the first bytes say.
    Unknown,
    /// The messages of gRPC, which are not searched; what begins like JSON is none.
    Grpc,
    /// What is known to be binary, in a request: servers that parse JSON whatever its type says find it
    /// there, so what begins like JSON is none.
    Binary,
}

/// What the content type says about the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CsvFormat {
    /// The delimiter, where the type fixes it; else it is detected in the first row.
    pub delimiter: Option<u8>,
    /// Whether the first row has names (RFC 4180 section 3, parameter `header`); else the row
    /// itself decides.
    pub header: Option<bool>,
    /// Files of spreadsheet programs have the same type: the first bytes say whether it is one.
    pub may_be_file: bool,
}

/// How text is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// ASCII and what shares its bytes with it: UTF-8, ISO 8859, Windows code pages, and so on.
    #[default]
    AsciiCompatible,
    /// UTF-16 or UTF-32 in this form.
    Wide(Wide),
    /// UTF-16 or UTF-32; a byte order mark, or the first characters, say which end comes first.
    WideUnspecified {
        /// UTF-32, not UTF-16.
        is_32: bool,
    },
    /// An encoding in which ASCII is spelled otherwise, and that is not decoded.
    Undecodable,
}

/// A form of UTF-16 or UTF-32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wide {
    /// UTF-32, not UTF-16.
    pub is_32: bool,
    /// The least significant byte comes first.
    pub is_little_endian: bool,
}

/// What a message or a part says about its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// How it is taken apart; `None` for what is known to be binary.
    pub framing: Option<Framing>,
    /// How its text is encoded.
    pub charset: Charset,
    /// Receivers may take it apart in different ways: the boundary is said twice, or two types
    /// contradict each other. The framing is that of text then.
    pub is_ambiguous: bool,
}

impl Media {
    /// Reads the value of `content-type`; several values are separated by commas (RFC 9110 section
    /// 5.3). If they differ, the strictest counts: what one of them lets search is searched. Two that
    /// are taken apart in different ways are ambiguous.
    #[must_use]
    pub fn of(content_type: &str) -> Self {
        let mut values = split_outside_quotes(content_type, b',')
            .map(str::trim)
            .filter(|value| !value.is_empty());
        let first = Self::of_one(values.next().unwrap_or_default());
        values.fold(first, |known, value| known.strictest(Self::of_one(value)))
    }

    fn of_one(value: &str) -> Self {
        let kind = Kind::of(&policy::http::media_type(value));
        let is_ambiguous = kind == Kind::Multipart && !has_one_boundary(value);
        let framing = if is_ambiguous {
            Some(Framing::Text)
        } else {
            kind.framing(value)
        };
        let is_json = matches!(
            framing,
            Some(Framing::Json | Framing::JsonLines | Framing::Unknown)
        );
        Self {
            framing,
            charset: charset(value, is_json),
            is_ambiguous,
        }
    }

    fn strictest(self, other: Self) -> Self {
        let (framing, contradict) = match (self.framing, other.framing) {
            (same, also) if same == also => (same, false),
            (None, Some(known)) | (Some(known), None) => (Some(known), false),
            (Some(Framing::Grpc), known) | (known, Some(Framing::Grpc)) => (known, false),
            (Some(Framing::Unknown), known) | (known, Some(Framing::Unknown)) => (known, false),
            (Some(Framing::Text | Framing::Markup | Framing::Graphql), known)
            | (known, Some(Framing::Text | Framing::Markup | Framing::Graphql)) => (known, false),
            (Some(Framing::JsonLines), Some(Framing::Json))
            | (Some(Framing::Json), Some(Framing::JsonLines)) => (Some(Framing::Json), false),
            _ => (Some(Framing::Text), true),
        };
        let is_ambiguous = self.is_ambiguous || other.is_ambiguous || contradict;
        Self {
            framing: if is_ambiguous {
                Some(Framing::Text)
            } else {
                framing
            },
            charset: self.charset.strictest(other.charset),
            is_ambiguous,
        }
    }
}

impl Charset {
    /// What two labels of one text leave: where they differ, it is not decoded.
    const fn strictest(self, other: Self) -> Self {
        match (self, other) {
            (Self::AsciiCompatible, charset) | (charset, Self::AsciiCompatible) => charset,
            (Self::Wide(one), Self::Wide(two))
                if one.is_32 == two.is_32 && one.is_little_endian == two.is_little_endian =>
            {
                self
            }
            (Self::WideUnspecified { is_32 }, Self::WideUnspecified { is_32: also })
                if is_32 == also =>
            {
                self
            }
            _ => Self::Undecodable,
        }
    }
}

/// What a media type stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Json,
    JsonLines,
    Events,
    Form,
    Multipart,
    Csv(Option<u8>),
    Sheet,
    Markup,
    Text,
    Graphql,
    Unknown,
    Grpc,
    Binary,
}

/// The types by their full names. A new one is a line here.
const TYPES: &[(&str, Kind)] = &[
    ("", Kind::Unknown),
    ("application/json", Kind::Json),
    ("application/json5", Kind::Json),
    ("application/csp-report", Kind::Json),
    ("application/json-seq", Kind::JsonLines),
    ("application/x-json-stream", Kind::JsonLines),
    ("application/json-stream", Kind::JsonLines),
    ("application/stream+json", Kind::JsonLines),
    ("text/event-stream", Kind::Events),
    ("application/x-www-form-urlencoded", Kind::Form),
    ("text/csv", Kind::Csv(None)),
    ("text/x-csv", Kind::Csv(None)),
    ("text/comma-separated-values", Kind::Csv(None)),
    ("application/csv", Kind::Csv(None)),
    ("application/x-csv", Kind::Csv(None)),
    ("text/tab-separated-values", Kind::Csv(Some(b'\t'))),
    ("text/tsv", Kind::Csv(Some(b'\t'))),
    // What browsers send for a file in CSV where Excel is installed.
    ("application/vnd.ms-excel", Kind::Sheet),
    ("application/msexcel", Kind::Sheet),
    ("application/x-msexcel", Kind::Sheet),
    ("application/excel", Kind::Sheet),
    ("text/html", Kind::Markup),
    ("text/xml", Kind::Markup),
    ("application/xml", Kind::Markup),
    ("application/xml-dtd", Kind::Markup),
    ("application/yaml", Kind::Text),
    ("application/x-yaml", Kind::Text),
    ("application/toml", Kind::Text),
    ("application/graphql", Kind::Graphql),
    ("application/sql", Kind::Text),
    ("application/javascript", Kind::Text),
    ("application/x-javascript", Kind::Text),
    ("application/ecmascript", Kind::Text),
    ("application/typescript", Kind::Text),
    ("application/x-sh", Kind::Text),
    ("application/rtf", Kind::Text),
    ("application/hl7-v2", Kind::Text),
    ("application/edi-x12", Kind::Text),
    ("application/edifact", Kind::Text),
    ("application/jwt", Kind::Text),
    ("application/jose", Kind::Text),
    ("application/x-pem-file", Kind::Text),
    ("message/rfc822", Kind::Text),
    ("message/http", Kind::Text),
    ("application/http", Kind::Text),
    ("application/pdf", Kind::Binary),
    ("application/zip", Kind::Binary),
    ("application/gzip", Kind::Binary),
    ("application/x-gzip", Kind::Binary),
    ("application/x-tar", Kind::Binary),
    ("application/x-7z-compressed", Kind::Binary),
    ("application/zstd", Kind::Binary),
    ("application/wasm", Kind::Binary),
    ("application/java-archive", Kind::Binary),
    ("application/vnd.android.package-archive", Kind::Binary),
    ("application/msword", Kind::Binary),
    ("application/ogg", Kind::Binary),
    ("application/mp4", Kind::Binary),
    ("application/dicom", Kind::Binary),
    ("application/ocsp-response", Kind::Binary),
    // Messages with their lengths before them, whatever is in them.
    ("application/connect+json", Kind::Grpc),
    ("application/connect+proto", Kind::Grpc),
];

/// What the last part of a type's name says: the structured syntax suffix (RFC 6838 section 4.2.8),
/// and the words that types without one end with.
const SUFFIXES: &[(&str, Kind)] = &[
    ("json", Kind::Json),
    ("json5", Kind::Json),
    ("ndjson", Kind::JsonLines),
    ("jsonl", Kind::JsonLines),
    ("jsonlines", Kind::JsonLines),
    ("ldjson", Kind::JsonLines),
    ("jsonld", Kind::Json),
    ("seq", Kind::JsonLines),
    ("xml", Kind::Markup),
    ("xhtml", Kind::Markup),
    ("html", Kind::Markup),
    ("yaml", Kind::Text),
    ("yml", Kind::Text),
    ("csv", Kind::Csv(None)),
    ("cbor", Kind::Binary),
    ("proto", Kind::Binary),
    ("protobuf", Kind::Binary),
    ("msgpack", Kind::Binary),
    ("messagepack", Kind::Binary),
    ("bson", Kind::Binary),
    ("avro", Kind::Binary),
    ("parquet", Kind::Binary),
    ("thrift", Kind::Binary),
    ("smile", Kind::Binary),
    ("eventstream", Kind::Binary),
    ("pkcs12", Kind::Binary),
    ("zip", Kind::Binary),
    ("gzip", Kind::Binary),
    ("zstd", Kind::Binary),
    ("der", Kind::Binary),
    ("ber", Kind::Binary),
    ("wbxml", Kind::Binary),
    ("fastinfoset", Kind::Binary),
    ("sqlite3", Kind::Binary),
];

impl Kind {
    fn of(media_type: &str) -> Self {
        if let Some((_, kind)) = TYPES.iter().find(|(name, _)| *name == media_type) {
            return *kind;
        }
        let (top, sub) = media_type.split_once('/').unwrap_or((media_type, ""));
        if sub == "grpc" || sub.starts_with("grpc+") || sub.starts_with("grpc-") {
            return Self::Grpc;
        }
        if top == "multipart" {
            return Self::Multipart;
        }
        let suffix = |word: &str| SUFFIXES.iter().find(|(name, _)| *name == word);
        if let Some((_, structured)) = sub.rsplit_once('+') {
            let last = words(structured).last().and_then(suffix);
            if let Some((_, kind)) = last {
                return *kind;
            }
        }
        // `x-protobuf`, `vnd.google.protobuf`, `x-msgpack`, `x-amz-cbor`.
        let last = words(sub).last().and_then(suffix);
        if let Some((_, Self::Binary)) = last {
            return Self::Binary;
        }
        // `x-amz-json-1.1`, `vnd.api.json`, `x-ndjson`, `x-jsonlines`, `text/x-json`.
        let spells_json = |word: &&str| word.contains("json");
        if let Some((_, kind)) = words(sub).find(spells_json).and_then(suffix) {
            return *kind;
        }
        if matches!(
            top,
            "image" | "audio" | "video" | "font" | "model" | "haptics"
        ) {
            return Self::Binary;
        }
        if top == "text" || top == "message" {
            return Self::Text;
        }
        Self::Unknown
    }

    fn framing(self, content_type: &str) -> Option<Framing> {
        Some(match self {
            Self::Json => Framing::Json,
            Self::JsonLines => Framing::JsonLines,
            Self::Events => Framing::Events,
            Self::Form => Framing::Form,
            Self::Multipart => {
                let boundary = parameter(content_type, "boundary").unwrap_or_default();
                if (1..=MAX_BOUNDARY_BYTES).contains(&boundary.len()) {
                    Framing::Multipart(boundary.into_bytes())
                } else {
                    // Nothing says where parts begin: all of it is text.
                    Framing::Text
                }
            }
            Self::Csv(_) | Self::Sheet => Framing::Csv(CsvFormat {
                delimiter: match self {
                    Self::Csv(delimiter) => delimiter,
                    _ => None,
                },
                may_be_file: self == Self::Sheet,
                header: match parameter(content_type, "header").as_deref() {
                    Some("present") => Some(true),
                    Some("absent") => Some(false),
                    _ => None,
                },
            }),
            Self::Markup => Framing::Markup,
            Self::Text => Framing::Text,
            Self::Graphql => Framing::Graphql,
            Self::Unknown => Framing::Unknown,
            Self::Grpc => Framing::Grpc,
            Self::Binary => return None,
        })
    }
}

fn words(name: &str) -> impl DoubleEndedIterator<Item = &str> {
    name.split(['-', '.', '_', '+'])
}

/// The charset that a content type names; where it names several, they must agree.
fn charset(content_type: &str, is_json: bool) -> Charset {
    let charsets = parameters(content_type, "charset").map(|name| charset_named(&name, is_json));
    charsets
        .reduce(Charset::strictest)
        .unwrap_or(Charset::AsciiCompatible)
}

fn charset_named(name: &str, is_json: bool) -> Charset {
    let name = name.trim().to_ascii_lowercase().replace('_', "-");
    let wide = |is_32, is_little_endian| {
        Charset::Wide(Wide {
            is_32,
            is_little_endian,
        })
    };
    match name.as_str() {
        "utf-16" | "utf16" | "ucs-2" | "iso-10646-ucs-2" | "csunicode" | "unicode" => {
            Charset::WideUnspecified { is_32: false }
        }
        "utf-32" | "utf32" | "ucs-4" | "iso-10646-ucs-4" => {
            Charset::WideUnspecified { is_32: true }
        }
        "utf-16le" | "utf16le" | "ucs-2le" => wide(false, true),
        "utf-16be" | "utf16be" | "ucs-2be" => wide(false, false),
        "utf-32le" | "utf32le" => wide(true, true),
        "utf-32be" | "utf32be" => wide(true, false),
        "utf-7" | "utf7" | "unicode-1-1-utf-7" | "utf-7-imap" | "scsu" | "bocu-1" | "utf-1"
        | "hz-gb-2312" => Charset::Undecodable,
        "shift-jis" | "shift-jis-2004" | "shiftjis" | "sjis" | "x-sjis" | "ms-kanji" | "windows-31j" | "cswindows31j"
        | "cp932" | "ms932" | "windows-932" | "gbk" | "gb2312" | "gb-2312-80" | "csgb2312" | "cp936" | "ms936"
        | "windows-936" | "gb18030" | "big5" | "big5-hkscs" | "cn-big5" | "csbig5" | "x-x-big5" | "cp950" | "ms950"
        | "windows-950" | "johab" | "cp1361" | "uhc" | "cp949" | "ms949" | "windows-949" | "ks-c-5601-1987"
        | "x-gbk" | "gb-2312" | "chinese" | "iso-ir-58" | "csiso58gb231280" | "csshiftjis" | "big5hkscs"
            // The second byte of a character may be a backslash, behind which a quote would be none.
            if is_json =>
        {
            Charset::Undecodable
        }
        other => {
            // ISO 2022 switches sets by escapes, and EBCDIC has other bytes for letters and digits.
            let is_other = other.starts_with("iso-2022-")
                || other.contains("ebcdic")
                || other.starts_with("ibm037")
                || other.starts_with("ibm11")
                || [
                    "cp037", "cp273", "cp500", "cp1047", "ibm273", "ibm500", "ibm1047", "cp875", "cp1026",
                ]
                .contains(&other);
            if is_other {
                Charset::Undecodable
            } else {
                Charset::AsciiCompatible
            }
        }
    }
}

/// The pieces of a header value between separators, without looking into quoted strings.
fn split_outside_quotes(value: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut in_quotes = false;
    let mut escaped = false;
    value.split(move |character: char| {
        match character {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            other => return !in_quotes && other == char::from(separator),
        }
        false
    })
}

/// A parameter of a header value, quoted or not (RFC 9110 section 5.6.6): the first of this name.
#[must_use]
pub fn parameter(value: &str, name: &str) -> Option<String> {
    parameters(value, name).next()
}

/// All parameters of this name, in order.
fn parameters(value: &str, name: &str) -> impl Iterator<Item = String> {
    split_outside_quotes(value, b';')
        .skip(1)
        .filter_map(move |pair| {
            let (found, text) = pair.split_once('=')?;
            let is_named = found.trim().eq_ignore_ascii_case(name);
            is_named.then(|| unquoted(text.trim()))
        })
}

fn unquoted(text: &str) -> String {
    let Some(quoted) = text.strip_prefix('"') else {
        return text.to_owned();
    };
    let mut unquoted = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => unquoted.extend(characters.next()),
            other => unquoted.push(other),
        }
    }
    unquoted
}

/// Whether every reader finds the same boundary. Extended parameters (RFC 2231) are decoded by some
/// readers and overlooked by others.
fn has_one_boundary(content_type: &str) -> bool {
    let is_extended = split_outside_quotes(content_type, b';')
        .skip(1)
        .any(|pair| {
            let name = pair.trim_start().to_ascii_lowercase();
            name.starts_with("boundary*")
        });
    let mut boundaries = parameters(content_type, "boundary");
    let first = boundaries.next();
    !is_extended && boundaries.all(|other| Some(other) == first)
}

/// RFC 2046 section 5.1.1.
const MAX_BOUNDARY_BYTES: usize = 70;

#[cfg(test)]
mod tests;
