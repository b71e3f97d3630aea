//! Members that say what the member beside them is: `{"name":"DB_PASSWORD","value":"…"}`, an attribute of SAML, a
//! header in a HAR file, an identifier of FHIR, `<input name="ssn" value="…">`.

/// What a member is to those beside it, by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    #[default]
    None,
    /// Its text names the value beside it.
    Name,
    /// The text is a value.
    Value,
    /// Its text names the value beside it, and if it is an object, what FHIR has in it does.
    Type,
    /// The list of codes in a type of FHIR.
    Coding,
    /// A code or a text in one of them: it names the value beside the type.
    Code,
    /// What is secret of a JSON Web Key (RFC 7517), if a type of key stands beside it.
    KeyPart,
    /// The number of a document, an account or the like, if the type of one stands beside it.
    Number,
    /// The same, where nearly everything has one: only behind its type.
    Id,
    /// The value behind a path to a member, but for objects and arrays.
    Datum,
    /// Any name: of a person, if something stands beside it that only people have.
    AnyName,
    /// The same, and its text names the value beside it.
    OwnName,
    /// Only people have it, so that any name beside it is a person's.
    OfPerson,
}

impl Role {
    /// The role of a member with these words in its name, in a member of this role.
    pub(crate) fn of(words: &[String], parent: Self) -> Self {
        let Some((last, before)) = words.split_last() else {
            return Self::None;
        };
        let is_in = |list: &[&str], word: &String| list.contains(&word.as_str());
        match (parent, last.as_str()) {
            (Self::Type, "coding") if before.is_empty() => return Self::Coding,
            (Self::Type | Self::Coding, "code" | "text" | "display") if before.is_empty() => {
                return Self::Code;
            }
            (Self::Coding, _) | (Self::Type, "system") => return Self::None,
            (_, "type" | "kind" | "code") if before.is_empty() => return Self::Type,
            (_, "name") if before.is_empty() => return Self::OwnName,
            (_, "data") if before.is_empty() => return Self::Datum,
            (_, "number" | "no") if before.iter().all(|word| is_in(DOCUMENTS, word)) => {
                return Self::Number;
            }
            (_, "type") if before.iter().all(|word| is_in(DOCUMENTS, word)) => return Self::Type,
            (_, "id" | "identifier") if before.is_empty() => return Self::Id,
            (_, "d" | "p" | "q" | "dp" | "dq" | "qi" | "k") if before.is_empty() => {
                return Self::KeyPart;
            }
            _ => {}
        }
        let joined = words.concat();
        if ANY_NAME.contains(&&*joined) {
            return Self::AnyName;
        }
        if OF_PEOPLE.contains(&&*joined) {
            return Self::OfPerson;
        }
        let is_of_pair =
            |word| is_in(NAMING, word) || is_in(QUALIFYING, word) || is_in(STATES, word);
        // `valueString`, `valueDate` and the like of FHIR.
        if let [value, form, ..] = words
            && value == "value"
            && is_in(FORMS, form)
        {
            Self::Value
        } else if !before.iter().all(is_of_pair) {
            Self::None
        } else if is_in(VALUES, last)
            || before.is_empty() && (is_in(STATES, last) || is_in(REPEATED, last))
        {
            Self::Value
        } else if is_in(NAMING, last) {
            Self::Name
        } else {
            Self::None
        }
    }

    /// Whether its text names something.
    pub(crate) const fn names(self) -> bool {
        matches!(
            self,
            Self::Name | Self::Type | Self::Code | Self::OwnName | Self::OfPerson
        )
    }

    /// Whether it may be the name of a person.
    pub(crate) const fn is_any_name(self) -> bool {
        matches!(self, Self::AnyName | Self::OwnName)
    }

    /// What stands before a line that says what the value beside a member in this role is.
    const fn mark(self, text: &[u8]) -> Option<u8> {
        match (self, text) {
            (Self::Type, _) => Some(OF_TYPE),
            (Self::Name, [b'/', ..]) => Some(OF_PATH),
            _ => None,
        }
    }

    /// The line that a text in this role says of the value beside it.
    pub(crate) fn line(self, text: &[u8]) -> impl Iterator<Item = u8> + '_ {
        let said = self.read(text).iter().copied();
        self.mark(text).into_iter().chain(said).chain(*b"\n")
    }

    /// Whether a line may say what a value in this role is.
    pub(crate) fn heeds(self, line: &[u8]) -> bool {
        match self {
            Self::Number | Self::Id => line.first() == Some(&OF_TYPE),
            Self::Datum => line.first() == Some(&OF_PATH),
            Self::KeyPart => line == JWK.as_bytes(),
            Self::AnyName | Self::OwnName => line == PERSON.as_bytes(),
            _ => !line.is_empty(),
        }
    }

    /// Whether a member beside it may say what it is.
    pub(crate) const fn is_named(self) -> bool {
        self.is_held() || matches!(self, Self::Id | Self::Datum)
    }

    /// Whether a value is held for a line that may follow.
    pub(crate) const fn is_held(self) -> bool {
        matches!(self, Self::Value | Self::KeyPart | Self::Number) || self.is_any_name()
    }

    /// What it is where no names of people are looked for.
    pub(crate) const fn without_people(self) -> Self {
        match self {
            Self::OwnName => Self::Name,
            Self::AnyName | Self::OfPerson => Self::None,
            other => other,
        }
    }

    /// Whether a value in this role is read as any other.
    pub(crate) const fn is_plain(self) -> bool {
        matches!(self, Self::None | Self::Coding)
    }

    /// What a text in this role calls the value, in words.
    pub(crate) fn read(self, text: &[u8]) -> &[u8] {
        if self == Self::OfPerson {
            return PERSON.as_bytes();
        }
        if let Some(path) = text.strip_prefix(b"/")
            && let Some(last) = path.rsplit(|byte| *byte == b'/').find(|step| {
                !step
                    .iter()
                    .all(|byte| byte.is_ascii_digit() || *byte == b'-')
            })
        {
            return last;
        }
        let codes = if self == Self::Code { CODES } else { SYSTEMS };
        let known = codes.iter().find(|(code, _)| code.as_bytes() == text);
        known.map_or(text, |(_, words)| words.as_bytes())
    }
}

#[rustfmt::skip]
const NAMING: &[&str] = &[
    "name", "key", "field", "label", "title", "question", "attribute", "attr", "header", "param", "parameter",
    "property", "prop", "variable", "var", "system", "type", "kind", "trait", "claim", "setting", "tag",
    // Changes of documents (RFC 6902, SCIM) and of rows.
    "path", "column", "url", "root", "kty",
    // Errors about what has been sent.
    "loc", "pointer",
];
/// What identifies people: `document_type`, `idNumber`.
const DOCUMENTS: &[&str] = &[
    "document",
    "doc",
    "id",
    "identity",
    "identification",
    "identifier",
];
/// What anything is called.
const ANY_NAME: &[&str] = &[
    "displayname",
    "nombre",
    "nom",
    "nome",
    "naam",
    "navn",
    "namn",
];
/// What only people have, or nearly so.
#[rustfmt::skip]
const OF_PEOPLE: &[&str] = &[
    "givenname", "familyname", "firstname", "lastname", "middlename", "surname", "userprincipalname", "email", "emailaddress",
    "emails", "mail", "dob", "birthdate", "dateofbirth", "birthday", "ssn", "apellido", "apellidos", "cognome", "sobrenome",
    "prenom", "prénom", "vorname", "nachname", "voornaam", "achternaam", "fornavn", "efternavn", "förnamn", "efternamn",
];
const VALUES: &[&str] = &["value", "values", "val", "answer", "answers", "extension"];
const FORMS: &[&str] = &[
    "string",
    "date",
    "integer",
    "decimal",
    "boolean",
    "code",
    "coding",
    "codeable",
    "human",
    "contact",
    "identifier",
    "address",
];
/// What a value was or will be: `old_value`, `from`.
const STATES: &[&str] = &[
    "old", "new", "previous", "original", "default", "from", "to", "before", "after",
];
/// What an error calls the value that it is about.
const REPEATED: &[&str] = &["input", "received"];
const QUALIFYING: &[&str] = &[
    "string", "text", "raw", "current", "entry", "item", "output", "invalid", "rejected",
    "instance",
];

/// Types of identifiers (HL7 v2, table 0203).
const CODES: &[(&str, &str)] = &[
    ("SS", "ssn"),
    ("MR", "mrn"),
    ("MRT", "mrn"),
    ("PI", "patient id"),
    ("PT", "patient id"),
    ("VN", "encounter number"),
    ("DL", "drivers license"),
    ("PPN", "passport number"),
    ("TAX", "tax id"),
    ("MC", "member number"),
    ("MA", "medicaid number"),
    ("MB", "member number"),
    ("SN", "subscriber number"),
    ("HC", "insurance number"),
    ("AN", "account number"),
    ("BC", "card number"),
    ("EI", "employee number"),
];

/// Systems of identifiers that are numbers.
const SYSTEMS: &[(&str, &str)] = &[
    ("urn:oid:2.16.840.1.113883.4.1", "ssn"),
    ("2.16.840.1.113883.4.1", "ssn"),
    ("RSA", JWK),
    ("EC", JWK),
    ("OKP", JWK),
    ("oct", JWK),
    (
        "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
        "race",
    ),
    (
        "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity",
        "ethnicity",
    ),
    ("urn:oid:2.16.840.1.113883.4.572", "mbi"),
    ("urn:oid:2.16.840.1.113883.4.6", "npi"),
];

/// What a member says of any name beside it that only people have; it announces nothing.
pub(crate) const PERSON: &str = "of somebody";

/// Before what a type says, and before the last step of a path; neither is in a word.
const OF_TYPE: u8 = 1;
const OF_PATH: u8 = 2;

/// What the type of a key says that is beside it.
pub(crate) const JWK: &str = "jwk";
