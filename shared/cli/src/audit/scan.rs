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

impl Node {
    /// What a member is. `None`: not for this scanner.
    fn member(self, name: &[u8]) -> Option<(Self, Field, bool)> {
        let of = |field| Some((Self::Other, field, false));
        let node = |node| Some((node, Field::None, false));
        let cut = |field| Some((Self::Other, field, true));
        match (self, name) {
            (Self::Root, b"actor") => Some((Self::Actor, Field::Actor, true)),
            (Self::Root, b"action_id") => of(Field::ActionId),
            (Self::Root, b"api") => node(Self::Api),
            (Self::Root, b"authorizations") => of(Field::Authorizations),
            (Self::Root, b"http_request") => node(Self::HttpRequest),
            (Self::Root, b"http_response") => node(Self::HttpResponse),
            (Self::Root, b"metadata") => node(Self::Metadata),
            (Self::Root, b"resources") => of(Field::Resources),
            (Self::Root, b"src_endpoint") => Some((Self::Source, Field::SrcEndpoint, true)),
            (Self::Root, b"status_id") => of(Field::StatusId),
            (Self::Root, b"time") => of(Field::Time),
            (Self::Root, b"unmapped") => node(Self::Unmapped),
            (Self::Actor, b"app_uid") => of(Field::AppUid),
            (Self::Actor, b"user") => node(Self::ActorUser),
            (Self::ActorUser, b"name") => of(Field::UserName),
            (Self::ActorUser, b"uid") => of(Field::UserUid),
            (Self::Api, b"operation") => of(Field::Operation),
            (Self::HttpRequest, b"http_headers") => cut(Field::HttpHeaders),
            (Self::HttpRequest, b"url") => node(Self::Url),
            (Self::HttpRequest, b"user_agent") => cut(Field::UserAgent),
            (Self::HttpResponse, b"code") => of(Field::Code),
            (Self::Url, b"path") => cut(Field::Path),
            (Self::Url, b"query_string") => cut(Field::Query),
            (Self::Metadata, b"sequence") => of(Field::Sequence),
            (Self::Metadata, b"uid") => of(Field::Uid),
            (Self::Source, b"ip") => of(Field::SrcIp),
            (Self::Source, b"name") => of(Field::SrcName),
            (Self::Unmapped, b"consent") => cut(Field::Consent),
            (Self::Unmapped, b"record_integrity") => node(Self::Integrity),
            (Self::Unmapped, b"retention") => node(Self::Retention),
            (Self::Unmapped, b"stage") => of(Field::Stage),
            (Self::Unmapped, b"control") | (Self::Integrity, b"signature") => None,
            (Self::Integrity, b"chain_uid") => of(Field::ChainUid),
            (Self::Integrity, b"commitments") => Some((Self::Commitments, Field::Groups, false)),
            (Self::Integrity, b"fingerprint") => cut(Field::Fingerprint),
            (Self::Integrity, b"previous") => of(Field::Previous),
            (Self::Integrity, b"salts") => Some((Self::Salts, Field::Groups, true)),
            (Self::Integrity, b"version") => of(Field::Version),
            (Self::Commitments, name) => of(Field::Commitment(group(name)?)),
            (Self::Salts, name) => of(Field::Salt(group(name)?)),
            (Self::Retention, b"class") => of(Field::Class),
            (Self::Retention, b"expires") => of(Field::Expires),
            _ => of(Field::None),
        }
    }
}

fn group(name: &[u8]) -> Option<u8> {
    match name {
        b"consent" => Some(0),
        b"source" => Some(1),
        b"subject" => Some(2),
        b"url" => Some(3),
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
        let mut last: &[u8] = &[];
        let mut kept = false;
        loop {
            let start = self.at;
            let name = self.name()?;
            // An empty name, which is no name of ours, does not pass either.
            if name <= last {
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
    fn name(&mut self) -> Option<&'t [u8]> {
        self.expect(b'"')?;
        let bytes: &'t [u8] = self.bytes;
        let rest = bytes.get(self.at..)?;
        let length = rest.iter().position(|byte| {
            !(byte.is_ascii_graphic() || *byte == b' ') || matches!(byte, b'"' | b'\\')
        })?;
        if rest.get(length) != Some(&b'"') {
            return None;
        }
        self.at += length + 1;
        rest.get(..length)
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
        // A byte of these has its high bit set in one of the differences and not in itself; above
        // the first such byte a borrow may set others, which does not matter.
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        let found = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let found = found & HIGH;
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
