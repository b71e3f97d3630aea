//! The members of a record that are looked for, and where they are.

/// Places in a record whose members are looked at by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    None,
    Actor,
    AppUid,
    UserUid,
    UserName,
    UserGroups,
    Operation,
    Authorizations,
    ActionId,
    Code,
    HttpHeaders,
    Path,
    Query,
    UrlString,
    UserAgent,
    SrcEndpoint,
    SrcIp,
    SrcName,
    StatusId,
    Time,
    Sequence,
    Uid,
    Consent,
    DataSubject,
    Class,
    Expires,
    RequiredUntil,
    Findings,
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
pub(super) struct Name<'t> {
    pub(super) text: &'t [u8],
    pub(super) prefix: u64,
}

pub(super) const fn prefix(text: &[u8]) -> u64 {
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
    DataSubject = b"data_subject";
    Expires = b"expires";
    Findings = b"findings";
    Fingerprint = b"fingerprint";
    Groups = b"groups";
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
    RequiredUntil = b"required_until";
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
    UrlString = b"url_string";
    UserAgent = b"user_agent";
    Version = b"version";
}

impl Node {
    /// What a member is. `None`: not for this scanner.
    pub(super) fn member(self, name: Name<'_>) -> Option<(Self, Field, bool)> {
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
            (Self::Root, Known::SrcEndpoint) => Some((Self::Source, Field::SrcEndpoint, true)),
            (Self::Root, Known::StatusId) => of(Field::StatusId),
            (Self::Root, Known::Time) => of(Field::Time),
            (Self::Root, Known::Unmapped) => node(Self::Unmapped),
            (Self::Actor, Known::AppUid) => of(Field::AppUid),
            (Self::Actor, Known::User) => node(Self::ActorUser),
            (Self::ActorUser, Known::Groups) => of(Field::UserGroups),
            (Self::ActorUser, Known::Name) => of(Field::UserName),
            (Self::ActorUser, Known::Uid) => of(Field::UserUid),
            (Self::Api, Known::Operation) => of(Field::Operation),
            (Self::HttpRequest, Known::HttpHeaders) => cut(Field::HttpHeaders),
            (Self::HttpRequest, Known::Url) => node(Self::Url),
            (Self::HttpRequest, Known::UserAgent) => cut(Field::UserAgent),
            (Self::HttpResponse, Known::Code) => of(Field::Code),
            (Self::Url, Known::Path) => cut(Field::Path),
            (Self::Url, Known::QueryString) => cut(Field::Query),
            (Self::Url, Known::UrlString) => cut(Field::UrlString),
            (Self::Metadata, Known::Sequence) => of(Field::Sequence),
            (Self::Metadata, Known::Uid) => of(Field::Uid),
            (Self::Source, Known::Ip) => of(Field::SrcIp),
            (Self::Source, Known::Name) => of(Field::SrcName),
            (Self::Unmapped, Known::Consent) => cut(Field::Consent),
            (Self::Unmapped, Known::DataSubject) => cut(Field::DataSubject),
            (Self::Unmapped, Known::Findings) => of(Field::Findings),
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
            (Self::Retention, Known::RequiredUntil) => of(Field::RequiredUntil),
            _ => of(Field::None),
        }
    }
}

const fn group(known: Known) -> Option<u8> {
    match known {
        Known::Consent => Some(0),
        Known::DataSubject => Some(1),
        Known::Source => Some(2),
        Known::Subject => Some(3),
        Known::Url => Some(4),
        _ => None,
    }
}

/// Whether a member that is not looked at is the same in all records of an emitter.
pub(super) fn is_constant(node: Node, name: &[u8]) -> bool {
    match node {
        Node::Root => matches!(
            name,
            b"activity_id" | b"category_uid" | b"class_uid" | b"type_uid"
        ),
        Node::Metadata => matches!(name, b"product" | b"profiles" | b"version"),
        _ => false,
    }
}
