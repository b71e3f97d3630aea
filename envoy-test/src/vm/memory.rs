//! The memory of the guest, every access checked.

use host::Status;
use host::fake::HeaderPairs;
use host::fake::{Failure, FakeHost, Profile};
use wasmi::{Caller, Error, Memory, TypedFunc};

/// What the functions of the host have at hand.
pub(super) struct Context {
    pub(super) host: FakeHost,
    pub(super) memory: Option<Memory>,
    /// The guest's allocator: `proxy_on_memory_allocate`, or `malloc`.
    pub(super) allocate: Option<TypedFunc<u32, u32>>,
}

/// A host call in the middle of a guest.
pub(super) struct Guest<'a> {
    caller: Caller<'a, Context>,
}

/// Why a host function has no response.
pub(super) enum Stop {
    /// The guest is told by a number.
    Status(u32),
    /// The guest ends with this error.
    Trap(Error),
}

pub(super) type HostResult<T> = Result<T, Stop>;

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Status(status) => Self::Status(status.code()),
            Failure::Trap(reason) => Self::Trap(Error::new(reason)),
        }
    }
}

impl From<Status> for Stop {
    fn from(status: Status) -> Self {
        Self::Status(status.code())
    }
}

const INVALID_MEMORY: Stop = Stop::Status(6);

impl<'a> Guest<'a> {
    pub(super) const fn new(caller: Caller<'a, Context>) -> Self {
        Self { caller }
    }

    pub(super) fn host(&self) -> FakeHost {
        self.caller.data().host.clone()
    }

    pub(super) fn read(&self, start: u32, len: u32) -> HostResult<Vec<u8>> {
        self.check_pointer(start)?;
        let memory = self.memory()?;
        let start = offset(start);
        let bytes = memory.data(&self.caller);
        let end = start.checked_add(offset(len)).ok_or(INVALID_MEMORY)?;
        bytes
            .get(start..end)
            .map(<[u8]>::to_vec)
            .ok_or(INVALID_MEMORY)
    }

    /// Names and keys are text in the ABI; what is not UTF-8 names nothing.
    pub(super) fn read_text(&self, start: u32, len: u32) -> HostResult<String> {
        let bytes = self.read(start, len)?;
        String::from_utf8(bytes).map_err(|_| Status::BadArgument.into())
    }

    pub(super) fn read_pairs(&self, start: u32, len: u32) -> HostResult<HeaderPairs> {
        let bytes = self.read(start, len)?;
        if bytes.is_empty() {
            return Ok(HeaderPairs::new());
        }
        parse_pairs(&bytes).ok_or_else(|| Status::BadArgument.into())
    }

    pub(super) fn read_u32(&self, start: u32) -> HostResult<u32> {
        let bytes = self.read(start, 4)?;
        let bytes = bytes.try_into().map_err(|_| INVALID_MEMORY)?;
        Ok(u32::from_le_bytes(bytes))
    }

    pub(super) fn write(&mut self, start: u32, bytes: &[u8]) -> HostResult<()> {
        self.check_pointer(start)?;
        let memory = self.memory()?;
        let written = memory.write(&mut self.caller, offset(start), bytes);
        written.map_err(|_| INVALID_MEMORY)
    }

    pub(super) fn write_u32(&mut self, start: u32, value: u32) -> HostResult<()> {
        self.write(start, &value.to_le_bytes())
    }

    pub(super) fn write_u64(&mut self, start: u32, value: u64) -> HostResult<()> {
        self.write(start, &value.to_le_bytes())
    }

    /// Leaves bytes in memory that the guest allocates, and their place where it asked for it.
    pub(super) fn leave(&mut self, bytes: &[u8], data: u32, len: u32) -> HostResult<()> {
        let size = u32::try_from(bytes.len()).map_err(|_| INVALID_MEMORY)?;
        let mut place = 0;
        if size > 0 {
            let allocate = self.caller.data().allocate.ok_or(INVALID_MEMORY)?;
            self.host().note_entry();
            place = allocate.call(&mut self.caller, size).map_err(Stop::Trap)?;
            if place == 0 {
                return Err(INVALID_MEMORY);
            }
            self.write(place, bytes)?;
        }
        self.write_u32(data, place)?;
        self.write_u32(len, size)
    }

    /// Kong ends the VM for a null pointer, also where nothing is to be read.
    fn check_pointer(&self, start: u32) -> HostResult<()> {
        if start == 0 && self.caller.data().host.profile() == Profile::Kong {
            return Err(Stop::Trap(Error::new("a null pointer")));
        }
        Ok(())
    }

    fn memory(&self) -> HostResult<Memory> {
        self.caller.data().memory.ok_or(INVALID_MEMORY)
    }
}

/// The number that goes back to the guest.
pub(super) fn raw(response: HostResult<()>) -> Result<u32, Error> {
    match response {
        Ok(()) => Ok(0),
        Err(Stop::Status(status)) => Ok(status),
        Err(Stop::Trap(error)) => Err(error),
    }
}

/// Pairs as the ABI passes them: a count, the sizes of all names and values, then each with a zero
/// byte behind it.
pub(super) fn write_pairs(pairs: &HeaderPairs) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(text);
        bytes.push(0);
    }
    bytes
}

fn parse_pairs(bytes: &[u8]) -> Option<HeaderPairs> {
    let number = |place: usize| {
        let bytes = bytes.get(place..place.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    let count = number(0)?;
    let mut place = count.checked_mul(8)?.checked_add(4)?;
    let mut text = |len: usize| {
        let end = place.checked_add(len)?;
        let text = bytes.get(place..end)?.to_vec();
        place = end.checked_add(1)?;
        Some(text)
    };
    let mut pairs = HeaderPairs::new();
    for index in 0..count {
        let sizes = index.checked_mul(8)?.checked_add(4)?;
        let name = text(number(sizes)?)?;
        let value = text(number(sizes.checked_add(4)?)?)?;
        pairs.push((name, value));
    }
    Some(pairs)
}

fn offset(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_survive_and_malformed_ones_do_not() {
        let pairs = vec![
            (b":path".to_vec(), b"/".to_vec()),
            (b"x".to_vec(), Vec::new()),
            (b"y".to_vec(), vec![0xff, 0]),
        ];
        let bytes = write_pairs(&pairs);
        assert_eq!(parse_pairs(&bytes).unwrap(), pairs);
        for len in 0..bytes.len() - 1 {
            assert_eq!(parse_pairs(&bytes[..len]), None, "{len}");
        }
        assert_eq!(parse_pairs(&u32::MAX.to_le_bytes()), None);
    }
}
