//! The protobuf wire format (encoding spec of protobuf.dev): as much as host messages need.
//!
//! Reading is total: a length that does not fit, an unknown wire type or a varint that never ends
//! is an error, never a panic, and unknown fields are skipped by whoever reads.

/// Reads a message into `T`, field by field; `take` skips those that it does not know.
///
/// # Errors
/// It is no message, or `take` finds one inside it that is none.
pub fn read<'m, T: Default>(
    message: &'m [u8],
    mut take: impl FnMut(&mut T, (u32, Value<'m>)) -> Result<(), Malformed>,
) -> Result<T, Malformed> {
    let mut into = T::default();
    for field in fields(message) {
        take(&mut into, field?)?;
    }
    Ok(into)
}

/// Appends fields to a message.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A message that will have about so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
        }
    }

    /// A length-delimited field: bytes, a string or an encoded message.
    #[must_use]
    pub fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.key(field, WIRE_LEN);
        self.varint_bytes(u64::try_from(value.len()).unwrap_or(u64::MAX));
        self.bytes.extend_from_slice(value);
        self
    }

    /// A varint field: an integer, an enumeration or a boolean.
    #[must_use]
    pub fn varint(mut self, field: u32, value: u64) -> Self {
        self.key(field, WIRE_VARINT);
        self.varint_bytes(value);
        self
    }

    /// A number of 64 bits in fixed length.
    #[must_use]
    pub fn fixed64(mut self, field: u32, value: u64) -> Self {
        self.key(field, WIRE_FIXED64);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// A number of 32 bits in fixed length.
    #[must_use]
    pub fn fixed32(mut self, field: u32, value: u32) -> Self {
        self.key(field, WIRE_FIXED32);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// A message, which `write` writes: not built first and copied then.
    #[must_use]
    pub fn message(mut self, field: u32, write: impl FnOnce(Self) -> Self) -> Self {
        self.key(field, WIRE_LEN);
        let start = self.bytes.len();
        let mut writer = write(self);
        let end = writer.bytes.len();
        // The length stands in front and is known now: it is put behind, and turned to the front.
        writer.varint_bytes(u64::try_from(end.saturating_sub(start)).unwrap_or(u64::MAX));
        let digits = writer.bytes.len().saturating_sub(end);
        if let Some(message) = writer.bytes.get_mut(start..) {
            message.rotate_right(digits.min(message.len()));
        }
        writer
    }

    /// The encoded message, without a length in front.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn key(&mut self, field: u32, wire_type: u64) {
        self.varint_bytes(u64::from(field).wrapping_shl(3) | wire_type);
    }

    fn varint_bytes(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes
                .push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
            value >>= 7;
        }
        self.bytes.push(u8::try_from(value).unwrap_or_default());
    }
}

/// The value of a field as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A variable-length integer (wire type 0).
    Varint(u64),
    /// Eight bytes, little-endian (wire type 1).
    Fixed64([u8; 8]),
    /// Bytes with their length in front: a string, a message or a packed list (wire type 2).
    Bytes(&'a [u8]),
    /// Four bytes, little-endian (wire type 5).
    Fixed32([u8; 4]),
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads the fields of a message in order; the iterator ends after the first error.
#[must_use]
pub const fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

/// Iterates over the fields of a message: see [`fields`].
#[derive(Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or(Malformed))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u32, Value<'a>)> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok().filter(|number| *number > 0)?;
        let value = match key & 7 {
            WIRE_VARINT => Value::Varint(self.varint()?),
            WIRE_FIXED64 => Value::Fixed64(self.take(8)?.try_into().ok()?),
            WIRE_LEN => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            WIRE_FIXED32 => Value::Fixed32(self.take(4)?.try_into().ok()?),
            _ => return None,
        };
        Some((number, value))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits.wrapping_shl(shift);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

const WIRE_VARINT: u64 = 0;
const WIRE_FIXED64: u64 = 1;
const WIRE_LEN: u64 = 2;
const WIRE_FIXED32: u64 = 5;

#[cfg(test)]
mod tests;
