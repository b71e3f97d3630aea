//! The status that a host call returns.

use std::fmt;

/// Why a host call failed.
///
/// The ABI defines the numbers, hosts add their own: APISIX returns 12 for every call that it does
/// not implement. A number without a name is carried, never turned into an enum of the SDK, which
/// would be undefined behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The key, the property, the header or the function does not exist.
    NotFound,
    /// The host refuses an argument: an unknown cluster, an edit where none is possible.
    BadArgument,
    /// The host cannot encode the result.
    SerializationFailure,
    /// The host cannot read what it was given.
    ParseFailure,
    /// There is nothing to read.
    Empty,
    /// Somebody else wrote the value since it was read.
    CasMismatch,
    /// The host failed: no healthy endpoint, no such stream.
    InternalFailure,
    /// The host does not implement the call.
    Unimplemented,
    /// A number that the ABI does not define.
    Other(u32),
}

impl Status {
    /// Reads the raw result of a host call: 0 is success.
    ///
    /// # Errors
    /// Every other number.
    pub const fn check(raw: u32) -> Result<(), Self> {
        match raw {
            0 => Ok(()),
            1 => Err(Self::NotFound),
            2 => Err(Self::BadArgument),
            3 => Err(Self::SerializationFailure),
            4 => Err(Self::ParseFailure),
            7 => Err(Self::Empty),
            8 => Err(Self::CasMismatch),
            10 => Err(Self::InternalFailure),
            12 => Err(Self::Unimplemented),
            other => Err(Self::Other(other)),
        }
    }

    /// The number on the wire, the inverse of [`Status::check`].
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::NotFound => 1,
            Self::BadArgument => 2,
            Self::SerializationFailure => 3,
            Self::ParseFailure => 4,
            Self::Empty => 7,
            Self::CasMismatch => 8,
            Self::InternalFailure => 10,
            Self::Unimplemented => 12,
            Self::Other(code) => code,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::NotFound => "not found",
            Self::BadArgument => "bad argument",
            Self::SerializationFailure => "serialization failure",
            Self::ParseFailure => "parse failure",
            Self::Empty => "empty",
            Self::CasMismatch => "compare-and-swap mismatch",
            Self::InternalFailure => "internal failure",
            Self::Unimplemented => "not implemented by this host",
            Self::Other(code) => return write!(f, "host status {code}"),
        };
        f.write_str(name)
    }
}

impl std::error::Error for Status {}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn every_number_survives_the_round_trip() {
        for raw in 1..40 {
            assert_eq!(Status::check(raw).unwrap_err().code(), raw);
        }
        assert_eq!(Status::check(0), Ok(()));
    }
}
