//! What a body turned out to be: not what its content type says, or not searched in all its parts.

/// Where a body stops being what its content type says, and what is wrong there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The place in the decoded body.
    pub offset: u64,
    /// What is wrong, for logs and refusals.
    pub what: Fault,
}

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A byte that cannot stand there in JSON.
    UnexpectedByte,
    /// A word or number that JSON does not have.
    UnknownToken,
    /// Objects and arrays are nested too deep.
    TooDeep,
    /// It ends before it is complete.
    BreaksOff,
    /// The headers of a part have no end.
    EndlessPartHeaders,
    /// Behind the last part the closing delimiter is missing.
    MissingDelimiter,
    /// The row that may name the columns has no end.
    EndlessRow,
    /// Readers may disagree on where a part begins or what it is called.
    AmbiguousPart,
}

impl Fault {
    /// Whether receivers may read different things, so that what is searched here may not be what one
    /// of them reads.
    #[must_use]
    pub const fn is_ambiguous(self) -> bool {
        matches!(self, Self::AmbiguousPart)
    }

    /// A description of the fault for log lines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnexpectedByte => "unexpected character",
            Self::UnknownToken => "unknown literal",
            Self::TooDeep => "nested too deep",
            Self::BreaksOff => "incomplete",
            Self::EndlessPartHeaders => "part headers too long",
            Self::MissingDelimiter => "closing delimiter missing",
            Self::EndlessRow => "row of column names too long",
            Self::AmbiguousPart => "ambiguous part",
        }
    }
}

/// What was not searched in a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsearched {
    /// The body itself: its first bytes are binary.
    pub is_binary: bool,
    /// Binary parts of a multipart body.
    pub files: u64,
    /// Parts in a transfer encoding or charset that is not decoded.
    pub encoded_parts: u64,
}

impl Unsearched {
    /// Adds what was not searched in a part.
    pub(crate) const fn add_part(&mut self, part: Self) {
        self.files = self
            .files
            .saturating_add(part.files)
            .saturating_add(part.is_binary as u64);
        self.encoded_parts = self.encoded_parts.saturating_add(part.encoded_parts);
    }
}
