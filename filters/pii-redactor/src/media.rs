//! What a body is: one table of media types, for whole messages in both directions and for the
//! parts of multipart bodies alike.
//!
//! A content type says how a body is taken apart ([`Framing`]) and how its text is encoded
//! ([`Charset`]). A type that the table does not know is [`Framing::Unknown`]: its first bytes
//! decide, so that a new name for JSON is no way around the rules.

mod demands;

pub use demands::Demands;

/// How a body is taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// JSON, one document or several one after the other.
    Json,
    /// JSON, one document on each line or behind each record separator: what is malformed ends
    /// with its line.
    JsonLines,
    /// Server-sent events (`text/event-stream`).
    Events,
    /// A form (`application/x-www-form-urlencoded`).
    Form,
    /// Parts of a multipart body, with its boundary.
    Multipart(Vec<u8>),
    /// A message with headers of its own: a mail, or one of HTTP.
    Message,
    /// Rows of separated values.
    Csv(CsvFormat),
    /// XML or HTML: text with character references, or JSON if it begins like JSON.
    Markup,
    /// Text, or JSON if it begins like JSON.
    Text,
    /// Text in lines of names and values, or JSON if it begins like JSON.
    Lines,
    /// A GraphQL document, or JSON if it begins like JSON and unlike GraphQL.
    Graphql,
    /// A type that says nothing about the content: JSON, text or binary, as the first bytes say.
    Unknown,
    /// The messages of gRPC and streams of Connect, which are not searched; what begins like JSON is none.
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

/// The encodings of text that bodies may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// ASCII and what shares its bytes with it: UTF-8, ISO 8859, Windows code pages, and so on.
    #[default]
    AsciiCompatible,
    /// UTF-16 or UTF-32 in this form.
    Wide(Wide),
    /// UTF-16 or UTF-32; a byte order mark, or the first characters, say which end comes first.
    WideUnspecified {
        /// Whether it is UTF-32 rather than UTF-16.
        is_32: bool,
    },
    /// An encoding in which ASCII is spelled otherwise, and that is not decoded.
    Undecodable,
}

/// A form of UTF-16 or UTF-32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wide {
    /// Whether it is UTF-32 rather than UTF-16.
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
            (Some(Framing::Text | Framing::Lines | Framing::Markup | Framing::Graphql), known)
            | (known, Some(Framing::Text | Framing::Lines | Framing::Markup | Framing::Graphql)) => {
                (known, false)
            }
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
    Message,
    Csv(Option<u8>),
    Sheet,
    Markup,
    Text,
    Lines,
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
    ("application/yaml", Kind::Lines),
    ("application/x-yaml", Kind::Lines),
    ("application/toml", Kind::Lines),
    ("text/yaml", Kind::Lines),
    ("text/x-yaml", Kind::Lines),
    ("text/vcard", Kind::Lines),
    ("text/x-vcard", Kind::Lines),
    ("text/directory", Kind::Lines),
    ("text/calendar", Kind::Lines),
    ("text/ldif", Kind::Lines),
    ("text/x-ldif", Kind::Lines),
    ("application/ldif", Kind::Lines),
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
    ("message/rfc822", Kind::Message),
    ("message/global", Kind::Message),
    ("message/news", Kind::Message),
    ("message/http", Kind::Message),
    ("application/http", Kind::Message),
    ("application/pdf", Kind::Binary),
    ("application/x-7z-compressed", Kind::Binary),
    ("application/wasm", Kind::Binary),
    ("application/java-archive", Kind::Binary),
    ("application/vnd.android.package-archive", Kind::Binary),
    ("application/msword", Kind::Binary),
    ("application/ogg", Kind::Binary),
    ("application/mp4", Kind::Binary),
    ("application/dicom", Kind::Binary),
];

/// What a word in a type's name says: the structured syntax suffix (RFC 6838 section 4.2.8), the words
/// that types without one end with, and formats whose values have a length before them, which a
/// replacement would make untrue.
const WORDS: &[(&str, Kind)] = &[
    ("json", Kind::Json),
    ("json5", Kind::Json),
    ("ndjson", Kind::JsonLines),
    ("jsonl", Kind::JsonLines),
    ("jsonlines", Kind::JsonLines),
    ("ldjson", Kind::JsonLines),
    ("jsonld", Kind::Json),
    ("xml", Kind::Markup),
    ("xhtml", Kind::Markup),
    ("html", Kind::Markup),
    ("yaml", Kind::Lines),
    ("yml", Kind::Lines),
    ("csv", Kind::Csv(None)),
    ("zip", Kind::Binary),
    ("gzip", Kind::Binary),
    ("zstd", Kind::Binary),
    ("tar", Kind::Binary),
    ("gtar", Kind::Binary),
    ("der", Kind::Binary),
    ("ber", Kind::Binary),
    ("tlv", Kind::Binary),
    ("wbxml", Kind::Binary),
    ("fastinfoset", Kind::Binary),
    ("sqlite3", Kind::Binary),
    ("cbor", Kind::Binary),
    ("cose", Kind::Binary),
    ("cwt", Kind::Binary),
    ("protobuf", Kind::Binary),
    ("protobuffer", Kind::Binary),
    ("protobuffers", Kind::Binary),
    ("proto", Kind::Binary),
    ("msgpack", Kind::Binary),
    ("messagepack", Kind::Binary),
    ("bson", Kind::Binary),
    ("ubjson", Kind::Binary),
    ("avro", Kind::Binary),
    ("parquet", Kind::Binary),
    ("thrift", Kind::Binary),
    ("smile", Kind::Binary),
    ("flatbuffers", Kind::Binary),
    ("flexbuffers", Kind::Binary),
    ("capnp", Kind::Binary),
    ("arrow", Kind::Binary),
    ("orc", Kind::Binary),
    ("eventstream", Kind::Binary),
    ("hessian", Kind::Binary),
    ("hessian2", Kind::Binary),
    ("amf", Kind::Binary),
    ("pkcs12", Kind::Binary),
    ("ocsp", Kind::Binary),
];

impl Kind {
    fn of(media_type: &str) -> Self {
        if let Some((_, kind)) = TYPES.iter().find(|(name, _)| *name == media_type) {
            return *kind;
        }
        let (top, sub) = media_type.split_once('/').unwrap_or((media_type, ""));
        // Streams of Connect have the same prefixes before their messages, whatever these are.
        if sub == "grpc"
            || ["grpc+", "grpc-", "connect+"]
                .iter()
                .any(|begin| sub.starts_with(begin))
        {
            return Self::Grpc;
        }
        if top == "multipart" {
            return Self::Multipart;
        }
        let kind_of = |word: &str| WORDS.iter().find(|(name, _)| *name == word);
        let suffix = sub.rsplit_once('+').and_then(|(_, suffix)| {
            let (_, kind) = words(suffix).last().and_then(kind_of)?;
            Some(*kind)
        });
        // `x-amz-json-1.1`, `vnd.api.json`, `x-ndjson`, `x-jsonlines`, `text/x-json`, `json+protobuf`.
        let spells_json = |word: &&str| word.contains("json");
        let json = words(sub).find(spells_json).and_then(kind_of);
        match suffix.filter(|kind| *kind != Self::Binary) {
            // `json-seq`, `geo+json-seq`.
            None if sub.ends_with("json-seq") => return Self::JsonLines,
            None => {}
            Some(kind) => return kind,
        }
        if let Some((_, kind)) = json {
            return *kind;
        }
        match top {
            // The source of a schema is a text: `text/x-protobuf`.
            "text" | "message" => return Self::Text,
            "image" | "audio" | "video" | "font" | "model" | "haptics" => return Self::Binary,
            _ => {}
        }
        let is_binary = |word| matches!(kind_of(word), Some((_, Self::Binary)));
        // What git sends has lengths before its lines.
        if words(sub).any(is_binary) || sub.starts_with("x-git-") {
            return Self::Binary;
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
            Self::Message => Framing::Message,
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
            Self::Lines => Framing::Lines,
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

/// What a label stands for: those of the WHATWG Encoding Standard, IANA, Java, Python and Windows, by
/// what they are made of. Spellings of one differ in case, hyphens and prefixes.
fn charset_named(name: &str, is_json: bool) -> Charset {
    let mut key: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    key.make_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| key.contains(word));
    let is = |names: &[&str]| names.contains(&key.as_str());
    let page = code_page(&key).unwrap_or(0);
    if says(&["utf8"]) {
        return Charset::AsciiCompatible;
    }
    // The EBCDIC pages of Windows have 20,000 more than those of IBM.
    let is_ebcdic = |page: u16| EBCDIC_PAGES.binary_search(&page).is_ok();
    if says(UNDECODABLE)
        || is(&["utf1", "iso10646utf1", "replacement"])
        || is_ebcdic(page)
        || page.checked_sub(20_000).is_some_and(is_ebcdic)
        || matches!(page, 50_220..=50_229 | 52_936 | 65_000)
    {
        return Charset::Undecodable;
    }
    let is_32 = says(&["utf32", "ucs4"]) || matches!(page, 12_000 | 12_001);
    if is_32
        || says(&[
            "utf16",
            "ucs2",
            "unicodefffe",
            "unicodefeff",
            "unicodelittle",
            "unicodebig",
        ])
        || is(&["unicode", "csunicode", "unicode11"])
        || matches!(page, 1200 | 1201)
    {
        let wide = |is_little_endian| {
            Charset::Wide(Wide {
                is_32,
                is_little_endian,
            })
        };
        return if says(&["16le", "2le", "4le", "feff", "little"]) || page == 12_000 {
            wide(true)
        } else if says(&["16be", "2be", "4be", "fffe", "big"]) || matches!(page, 1201 | 12_001) {
            wide(false)
        } else {
            Charset::WideUnspecified { is_32 }
        };
    }
    let has_ascii_within = || says(ASCII_WITHIN) || ASCII_WITHIN_PAGES.binary_search(&page).is_ok();
    if is_json && has_ascii_within() {
        return Charset::Undecodable;
    }
    Charset::AsciiCompatible
}

/// The number of a code page: `cp932`, `IBM-1047`, `windows-936`, `x-IBM930`, `CCSID00037`,
/// `ibm-1047_P100-1995`.
fn code_page(key: &str) -> Option<u16> {
    let number = key.trim_start_matches(|character: char| character.is_ascii_alphabetic());
    let prefix = key.strip_suffix(number)?;
    let prefix = prefix.strip_prefix('x').unwrap_or(prefix);
    let is_page = [
        "", "cp", "ibm", "csibm", "ms", "mscp", "mswin", "windows", "ccsid",
    ]
    .contains(&prefix);
    let end = number.find(|character: char| !character.is_ascii_digit());
    let digits = number.get(..end.unwrap_or(number.len()))?;
    digits.parse().ok().filter(|_| is_page)
}

/// What labels have in them whose text switches sets by escapes, or has other bytes for letters and digits.
const UNDECODABLE: &[&str] = &[
    "utf7",
    "scsu",
    "bocu",
    "hzgb",
    "iso2022",
    "ebcdic",
    "ibmthai",
    "jisencoding",
    "jisauto",
    "compoundtext",
];
/// The code pages that are EBCDIC.
const EBCDIC_PAGES: &[u16] = &[
    37, 38, 273, 274, 275, 277, 278, 280, 281, 284, 285, 290, 297, 300, 420, 423, 424, 500, 833,
    834, 838, 870, 871, 875, 880, 905, 918, 924, 930, 931, 933, 935, 937, 939, 1025, 1026, 1027,
    1047, 1097, 1112, 1122, 1123, 1130, 1132, 1137, 1140, 1141, 1142, 1143, 1144, 1145, 1146, 1147,
    1148, 1149, 1153, 1154, 1155, 1156, 1157, 1158, 1160, 1164, 1166, 1364, 1371, 1388, 1390, 1399,
    5026, 5035,
];
/// What labels have in them in whose text the second byte of a character may be a backslash, behind
/// which a quote would be none.
const ASCII_WITHIN: &[&str] = &[
    "sjis",
    "shiftjis",
    "mskanji",
    "windows31j",
    "xpck",
    "gbk",
    "gb2312",
    "gb18030",
    "chinese",
    "isoir58",
    "big5",
    "johab",
    "uhc",
    "ksc56011987",
];
/// The code pages of such texts.
const ASCII_WITHIN_PAGES: &[u16] = &[
    932, 936, 938, 942, 943, 944, 946, 947, 948, 949, 950, 951, 1361, 1363, 1370, 1375, 1380, 1381,
    1386, 1392, 10_001, 10_002, 10_008, 54_936,
];

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

/// The longest boundary in bytes (RFC 2046, section 5.1.1).
const MAX_BOUNDARY_BYTES: usize = 70;

#[cfg(test)]
mod tests;
