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
            (_, "d" | "p" | "q" | "dp" | "dq" | "qi" | "k") if before.is_empty() => {
                return Self::KeyPart;
            }
            _ => {}
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
        matches!(self, Self::Name | Self::Type | Self::Code)
    }

    /// Whether a value in this role is read as any other.
    pub(crate) const fn is_plain(self) -> bool {
        matches!(self, Self::None | Self::Coding)
    }

    /// What a text in this role calls the value, in words.
    pub(crate) fn read(self, text: &[u8]) -> &[u8] {
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

/// What the type of a key says that is beside it.
pub(crate) const JWK: &str = "jwk";
