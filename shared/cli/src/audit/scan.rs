//! Reads the record of a request in one pass over its bytes, without building a tree.
//!
//! This is the fast way to the answer that [`Record::check_text`] gives. It takes only what it is
//! sure of: canonical text with the members in the places that the format gives them. All else
//! (records about chains, which are few, and whatever looks strange) it leaves to that function,
//! whose word counts; a property test holds the two together.
//!
//! [`Record::check_text`]: audit::record::Record::check_text

use audit::Group;

/// Where a value stands in the text of its record; empty if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The text, if there is any.
    #[must_use]
    pub fn of(self, text: &str) -> Option<&str> {
        let value = text.get(self.start as usize..self.end as usize)?;
        (!value.is_empty()).then_some(value)
    }

    /// The text of a string, without its quotation marks and with its escapes as they are.
    #[must_use]
    pub fn string(self, text: &str) -> Option<&str> {
        self.of(text)?.strip_prefix('"')?.strip_suffix('"')
    }
}

/// What of a record is read: where its values stand.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the format")]
pub struct Fields {
    pub actor: Span,
    pub app_uid: Span,
    pub user_uid: Span,
    pub user_name: Span,
    pub api: Span,
    pub operation: Span,
    pub authorizations: Span,
    pub action_id: u64,
    pub code: u64,
    pub http_headers: Span,
    pub path: Span,
    pub query: Span,
    pub user_agent: Span,
    pub resources: Span,
    pub src_endpoint: Span,
    pub src_ip: Span,
    pub src_name: Span,
    pub status_id: u64,
    pub time: u64,
    pub has_time: bool,
    pub sequence: u64,
    pub uid: Span,
    pub consent: Span,
    pub class: Span,
    pub expires: Option<u64>,
    pub stage: Span,
    pub chain_uid: Span,
    pub fingerprint: Span,
    pub previous: Span,
    pub version: u64,
    pub commitments: [Span; 4],
    pub salts: [Span; 4],
    cuts: [Span; 12],
    cut_count: usize,
}

impl Fields {
    /// Where the parts stand that do not belong to the core, in order.
    pub(crate) fn cuts(&self) -> impl Iterator<Item = (usize, usize)> {
        let cuts = self.cuts.iter().take(self.cut_count);
        cuts.map(|cut| (cut.start as usize, cut.end as usize))
    }

    /// The values of a group, in the order of [`Group::pointers`].
    pub(crate) fn members(&self, group: Group) -> [Span; 3] {
        let none = Span::default();
        match group {
            Group::Consent => [self.consent, none, none],
            Group::Source => [self.http_headers, self.user_agent, self.src_endpoint],
            Group::Subject => [self.actor, none, none],
            Group::Url => [self.path, self.query, none],
        }
    }

    fn cut(&mut self, start: usize, end: usize) -> Option<()> {
        *self.cuts.get_mut(self.cut_count)? = span(start, end)?;
        self.cut_count += 1;
        Some(())
    }
}

/// Reads a record of a request. `None`: this needs a closer look.
#[must_use]
pub fn scan(text: &str) -> Option<Fields> {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        at: 0,
        fields: Fields::default(),
    };
    if scanner.peek()? != b'{' {
        return None;
    }
    scanner.object(Node::Root, 0)?;
    (scanner.at == text.len()).then_some(scanner.fields)
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
    fields: Fields,
}

/// Places in a record whose members are looked at by name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    Root,
    Actor,
    ActorUser,
    Api,
    HttpRequest,
    HttpResponse,
    Url,
    Metadata,
    Source,
    Unmapped,
    Integrity,
    Commitments,
    Salts,
    Retention,
    Other,
}

/// What is done with a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    None,
    Actor,
    AppUid,
    UserUid,
    UserName,
    Operation,
    Authorizations,
    ActionId,
    Code,
    HttpHeaders,
    Path,
    Query,
    UserAgent,
    Resources,
    SrcEndpoint,
    SrcIp,
    SrcName,
    StatusId,
    Time,
    Sequence,
    Uid,
    Consent,
    Class,
    Expires,
    Stage,
    ChainUid,
    Fingerprint,
    Previous,
    Version,
    Commitment(u8),
    Salt(u8),
    /// An object with a member for each group.
    Groups,
}

/// A name of a member: its text, and its first eight bytes as a number, which tells most names apart.
#[derive(Clone, Copy, Default)]
struct Name<'t> {
    text: &'t [u8],
    prefix: u64,
}

const fn prefix(text: &[u8]) -> u64 {
    let mut number = 0_u64;
    let mut index = 0;
    while index < 8 {
        number <<= 8;
        if index < text.len() {
            #[expect(clippy::indexing_slicing, reason = "the compiler runs this")]
            {
                number |= text[index] as u64;
            }
        }
        index += 1;
    }
    number
}

macro_rules! known {
    ($($name:ident = $text:literal;)+) => {
        /// The names that are looked for.
        #[derive(Clone, Copy, PartialEq, Eq)]
        enum Known {
            $($name,)+
        }

        impl Known {
            #[expect(non_upper_case_globals, reason = "named like the variants")]
            fn of(name: Name<'_>) -> Option<Self> {
                $(
                    const $name: u64 = prefix($text);
                )+
                match name.prefix {
                    $($name if name.text == $text => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

known! {
    ActionId = b"action_id";
    Actor = b"actor";
    Api = b"api";
    AppUid = b"app_uid";
    Authorizations = b"authorizations";
    ChainUid = b"chain_uid";
    Class = b"class";
    Code = b"code";
    Commitments = b"commitments";
    Consent = b"consent";
    Control = b"control";
    Expires = b"expires";
    Fingerprint = b"fingerprint";
    HttpHeaders = b"http_headers";
    HttpRequest = b"http_request";
    HttpResponse = b"http_response";
    Ip = b"ip";
    Metadata = b"metadata";
    Name = b"name";
    Operation = b"operation";
    Path = b"path";
    Previous = b"previous";
    QueryString = b"query_string";
    RecordIntegrity = b"record_integrity";
    Resources = b"resources";
    Retention = b"retention";
    Salts = b"salts";
    Sequence = b"sequence";
    Signature = b"signature";
    Source = b"source";
    SrcEndpoint = b"src_endpoint";
    Stage = b"stage";
    StatusId = b"status_id";
    Subject = b"subject";
    Time = b"time";
    Uid = b"uid";
    Unmapped = b"unmapped";
    Url = b"url";
    User = b"user";
    UserAgent = b"user_agent";
    Version = b"version";
}

impl Node {
    /// What a member is. `None`: not for this scanner.
    fn member(self, name: Name<'_>) -> Option<(Self, Field, bool)> {
        let of = |field| Some((Self::Other, field, false));
        let node = |node| Some((node, Field::None, false));
        let cut = |field| Some((Self::Other, field, true));
        if self == Self::Other {
            return of(Field::None);
        }
        let Some(known) = Known::of(name) else {
            // A group that there is not.
            return match self {
                Self::Commitments | Self::Salts => None,
                _ => of(Field::None),
            };
        };
        match (self, known) {
            (Self::Root, Known::Actor) => Some((Self::Actor, Field::Actor, true)),
            (Self::Root, Known::ActionId) => of(Field::ActionId),
            (Self::Root, Known::Api) => node(Self::Api),
            (Self::Root, Known::Authorizations) => of(Field::Authorizations),
            (Self::Root, Known::HttpRequest) => node(Self::HttpRequest),
            (Self::Root, Known::HttpResponse) => node(Self::HttpResponse),
            (Self::Root, Known::Metadata) => node(Self::Metadata),
            (Self::Root, Known::Resources) => of(Field::Resources),
            (Self::Root, Known::SrcEndpoint) => Some((Self::Source, Field::SrcEndpoint, true)),
            (Self::Root, Known::StatusId) => of(Field::StatusId),
            (Self::Root, Known::Time) => of(Field::Time),
            (Self::Root, Known::Unmapped) => node(Self::Unmapped),
            (Self::Actor, Known::AppUid) => of(Field::AppUid),
            (Self::Actor, Known::User) => node(Self::ActorUser),
            (Self::ActorUser, Known::Name) => of(Field::UserName),
            (Self::ActorUser, Known::Uid) => of(Field::UserUid),
            (Self::Api, Known::Operation) => of(Field::Operation),
            (Self::HttpRequest, Known::HttpHeaders) => cut(Field::HttpHeaders),
            (Self::HttpRequest, Known::Url) => node(Self::Url),
            (Self::HttpRequest, Known::UserAgent) => cut(Field::UserAgent),
            (Self::HttpResponse, Known::Code) => of(Field::Code),
            (Self::Url, Known::Path) => cut(Field::Path),
            (Self::Url, Known::QueryString) => cut(Field::Query),
            (Self::Metadata, Known::Sequence) => of(Field::Sequence),
            (Self::Metadata, Known::Uid) => of(Field::Uid),
            (Self::Source, Known::Ip) => of(Field::SrcIp),
            (Self::Source, Known::Name) => of(Field::SrcName),
            (Self::Unmapped, Known::Consent) => cut(Field::Consent),
            (Self::Unmapped, Known::RecordIntegrity) => node(Self::Integrity),
            (Self::Unmapped, Known::Retention) => node(Self::Retention),
            (Self::Unmapped, Known::Stage) => of(Field::Stage),
            (Self::Unmapped, Known::Control) | (Self::Integrity, Known::Signature) => None,
            (Self::Integrity, Known::ChainUid) => of(Field::ChainUid),
            (Self::Integrity, Known::Commitments) => {
                Some((Self::Commitments, Field::Groups, false))
            }
            (Self::Integrity, Known::Fingerprint) => cut(Field::Fingerprint),
            (Self::Integrity, Known::Previous) => of(Field::Previous),
            (Self::Integrity, Known::Salts) => Some((Self::Salts, Field::Groups, true)),
            (Self::Integrity, Known::Version) => of(Field::Version),
            (Self::Commitments, known) => of(Field::Commitment(group(known)?)),
            (Self::Salts, known) => of(Field::Salt(group(known)?)),
            (Self::Retention, Known::Class) => of(Field::Class),
            (Self::Retention, Known::Expires) => of(Field::Expires),
            _ => of(Field::None),
        }
    }
}

const fn group(known: Known) -> Option<u8> {
    match known {
        Known::Consent => Some(0),
        Known::Source => Some(1),
        Known::Subject => Some(2),
        Known::Url => Some(3),
        _ => None,
    }
}

impl<'t> Scanner<'t> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn object(&mut self, node: Node, depth: usize) -> Option<()> {
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        let mut last = Name::default();
        let mut kept = false;
        loop {
            let start = self.at;
            let name = self.name()?;
            // An empty name, which is no name of ours, does not pass either.
            if name.prefix < last.prefix || name.prefix == last.prefix && name.text <= last.text {
                return None;
            }
            last = name;
            self.expect(b':')?;
            let value = self.at;
            let (child, field, cut) = node.member(name)?;
            self.value(child, depth)?;
            let end = self.at;
            if field != Field::None {
                self.note(field, value, end)?;
            }
            let more = match self.peek()? {
                b',' => true,
                b'}' => false,
                _ => return None,
            };
            self.at += 1;
            if !cut {
                kept = true;
            } else if kept {
                self.fields.cut(start - 1, end)?;
            } else {
                self.fields.cut(start, if more { end + 1 } else { end })?;
            }
            if !more {
                return Some(());
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.value(Node::Other, depth)?;
            let next = self.peek()?;
            self.at += 1;
            match next {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    fn value(&mut self, node: Node, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' if depth < MAX_DEPTH => self.object(node, depth + 1),
            b'[' if depth < MAX_DEPTH => self.array(depth + 1),
            b'0'..=b'9' => self.number(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        rest.starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        let digits = self.bytes.get(self.at..)?;
        let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
        let number = integer(digits.get(..count)?)?;
        if number > audit::canonical::MAX_INTEGER {
            return None;
        }
        self.at += count;
        Some(())
    }

    /// The name of a member: plain ASCII, as all names of the format are.
    fn name(&mut self) -> Option<Name<'t>> {
        self.expect(b'"')?;
        let bytes: &'t [u8] = self.bytes;
        let rest = bytes.get(self.at..)?;
        let length = plain_length(rest);
        let text = rest.get(..length)?;
        if rest.get(length) != Some(&b'"') || !text.is_ascii() {
            return None;
        }
        self.at += length + 1;
        let prefix = match rest.first_chunk::<8>() {
            Some(word) if length >= 8 => u64::from_be_bytes(*word),
            // The bytes after the name are shifted out, and zeros in.
            Some(word) if length > 0 => {
                let unused = 64 - 8 * u32::try_from(length).ok()?;
                u64::from_be_bytes(*word) >> unused << unused
            }
            _ => prefix(text),
        };
        Some(Name { text, prefix })
    }

    /// A string as the canonical form spells it.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let rest = self.bytes.get(self.at..)?;
            self.at += plain_length(rest);
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => {
                    self.at += 1;
                    match self.peek()? {
                        b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r' => self.at += 1,
                        b'u' => {
                            let code = self.bytes.get(self.at + 1..self.at + 5)?;
                            if !is_long_escape(code) {
                                return None;
                            }
                            self.at += 5;
                        }
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
    }

    fn note(&mut self, field: Field, start: usize, end: usize) -> Option<()> {
        let here = span(start, end)?;
        let text = self.bytes.get(start..end)?;
        let fields = &mut self.fields;
        let slot = match field {
            Field::None => return Some(()),
            // What `Record::check` reads must have the form that it wants; the others are optional
            // there too, and none if they are of another form.
            Field::Time => {
                fields.time = integer(text)?;
                fields.has_time = true;
                return Some(());
            }
            Field::Sequence => {
                fields.sequence = integer(text)?;
                return Some(());
            }
            Field::Version => {
                fields.version = integer(text)?;
                return Some(());
            }
            Field::Expires => {
                fields.expires = integer(text);
                return Some(());
            }
            Field::ActionId => {
                fields.action_id = integer(text).unwrap_or(0);
                return Some(());
            }
            Field::Code => {
                fields.code = integer(text).unwrap_or(0);
                return Some(());
            }
            Field::StatusId => {
                fields.status_id = integer(text).unwrap_or(0);
                return Some(());
            }
            Field::Groups => return (text.first() == Some(&b'{')).then_some(()),
            Field::Actor => &mut fields.actor,
            Field::AppUid => &mut fields.app_uid,
            Field::UserUid => &mut fields.user_uid,
            Field::UserName => &mut fields.user_name,
            Field::Operation => &mut fields.operation,
            Field::Authorizations => &mut fields.authorizations,
            Field::HttpHeaders => &mut fields.http_headers,
            Field::Path => &mut fields.path,
            Field::Query => &mut fields.query,
            Field::UserAgent => &mut fields.user_agent,
            Field::Resources => &mut fields.resources,
            Field::SrcEndpoint => &mut fields.src_endpoint,
            Field::SrcIp => &mut fields.src_ip,
            Field::SrcName => &mut fields.src_name,
            Field::Uid => &mut fields.uid,
            Field::Consent => &mut fields.consent,
            Field::Class => &mut fields.class,
            Field::Stage => &mut fields.stage,
            Field::ChainUid => &mut fields.chain_uid,
            Field::Fingerprint => &mut fields.fingerprint,
            Field::Previous => &mut fields.previous,
            Field::Commitment(group) => fields.commitments.get_mut(usize::from(group))?,
            Field::Salt(group) => fields.salts.get_mut(usize::from(group))?,
        };
        *slot = here;
        Some(())
    }
}

/// Bytes before the first that ends a string or must be looked at: eight at a time.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let mut length = 0;
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        // What is looked for is below 128, so a byte with its high bit set is none; and a byte
        // that is one borrows, which may mark bytes above it too, but never below.
        let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
        let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
        let control = word.wrapping_sub(ONES * 0x20);
        let found = (quote | backslash | control) & !word & HIGH;
        if found != 0 {
            return length + found.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let rest = bytes.get(length..).unwrap_or_default();
    let special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    length + rest.iter().position(special).unwrap_or(rest.len())
}

/// The four digits of an escape that has no shorter form.
fn is_long_escape(code: &[u8]) -> bool {
    let [b'0', b'0', high @ (b'0' | b'1'), low] = code else {
        return false;
    };
    let is_short = *high == b'0' && matches!(low, b'8' | b'9' | b'a' | b'c' | b'd');
    matches!(low, b'0'..=b'9' | b'a'..=b'f') && !is_short
}

/// An integer without zeros in front, as the canonical form has it.
fn integer(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 16 || (digits.len() > 1 && digits.first() == Some(&b'0'))
    {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u64::from(digit - b'0'))
    })
}

fn span(start: usize, end: usize) -> Option<Span> {
    Some(Span {
        start: u32::try_from(start).ok()?,
        end: u32::try_from(end).ok()?,
    })
}

/// Records are four deep.
const MAX_DEPTH: usize = 24;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn eight_at_a_time_is_one_at_a_time(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), 0x1f_u8..0x23], 0..40)) {
            let special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
            let expected = bytes.iter().position(special).unwrap_or(bytes.len());
            prop_assert_eq!(plain_length(&bytes), expected);
        }

        #[test]
        fn numbers_of_names_are_in_their_order(mut names in prop::collection::vec("[ -!#-\\[\\]-~]{1,12}", 2)) {
            let document = |one: &str, other: &str| format!(r#"{{"{one}":1,"{other}":2}}"#);
            names.sort();
            let ordered = document(&names[0], &names[1]);
            prop_assert_eq!(scan(&ordered).is_some(), names[0] != names[1]);
            prop_assert!(scan(&document(&names[1], &names[0])).is_none());
        }
    }
}
