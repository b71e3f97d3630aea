//! What names of members say, remembered: the same few names come again and again.

use std::rc::Rc;

use crate::bytes::{Position as _, is_quote, rest, same};
use crate::entity::EntitySet;
use crate::lexicon::Announcement;

/// What the name of a member says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyInfo {
    /// The kinds that it announces; most names announce none, and are copied often.
    pub(crate) kinds: Option<Rc<EntitySet>>,
    /// See [`Announcement::negative`].
    pub(crate) negative: bool,
    /// The rule about members with such a name.
    pub(crate) field: Option<u16>,
    /// The number of the name within its parents: what children are looked up by.
    pub(crate) id: u32,
    /// Its place in the table, counted from 1; 0 for the root, and for a name that is not there.
    pub(crate) mark: u16,
}

impl KeyInfo {
    /// What the name says about the value.
    #[inline]
    pub(crate) fn announcement(&self) -> Announcement {
        Announcement {
            kinds: self.kinds.as_deref().copied().unwrap_or_default(),
            negative: self.negative,
        }
    }
}

/// A fixed number of names; a new one takes the place of an older one. Names are chosen by whoever
/// sends the body, so the table has a size, and a name that is in it is compared in full.
///
/// Members of one kind of object come in one order, nearly always. So the table also remembers what
/// came next, and a guess that turns out right needs no search at all.
#[derive(Debug, Default)]
pub(crate) struct NameCache {
    slots: Vec<Option<Slot>>,
    /// For each mark, the place of the first name in it, then of the name behind it.
    next: Vec<u16>,
    last_id: u32,
}

#[derive(Clone, Debug)]
struct Slot {
    parent: u32,
    name: Box<[u8]>,
    opening: Opening,
    info: KeyInfo,
}

/// Where in an object a name stands: what a guess depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It is the first one in the member with this mark.
    Opening(u16),
    /// It comes behind the member with this mark.
    Member(u16),
}

/// A name as it is spelled most of the time, up to the value: with its closing quote and the colon.
#[derive(Clone, Debug)]
struct Opening {
    /// The first bytes of it.
    first: u128,
    /// Which bits of these count.
    mask: u128,
    /// The others.
    rest: Box<[u8]>,
    length: usize,
}

impl NameCache {
    /// `parent` is the id of the member that it is in; 0 at the root.
    #[inline]
    pub(crate) fn lookup(
        &mut self,
        parent: u32,
        name: &[u8],
        learn: impl FnOnce() -> KeyInfo,
    ) -> KeyInfo {
        let place = place_of(parent, name);
        if let Some(Some(slot)) = self.slots.get(place)
            && slot.parent == parent
            && same(&slot.name, name)
        {
            return slot.info.clone();
        }
        self.learn(place, parent, name, learn)
    }

    /// The name that came here the last time, if these bytes begin with it: what it says, and how
    /// many bytes it takes with its closing quote and the colon.
    #[inline(always)]
    pub(crate) fn guess(
        &self,
        after: After,
        parent: u32,
        spelled: &[u8],
    ) -> Option<(&KeyInfo, usize)> {
        let place = *self.next.get(after.place())?;
        let slot = self.slots.get(usize::from(place))?.as_ref()?;
        let is_here = slot.parent == parent && slot.opening.begins(spelled);
        is_here.then_some((&slot.info, slot.opening.length))
    }

    /// What a name says that came here, to be guessed the next time. `None`: it is too long.
    pub(crate) fn note(
        &mut self,
        after: After,
        parent: u32,
        name: &[u8],
        learn: impl FnOnce() -> KeyInfo,
    ) -> Option<&KeyInfo> {
        if name.len() > MAX_NAME_BYTES {
            return None;
        }
        let place = place_of(parent, name);
        self.lookup(parent, name, learn);
        if let Some(next) = self.next.get_mut(after.place()) {
            *next = u16::try_from(place).unwrap_or(0);
        }
        self.slots.get(place)?.as_ref().map(|slot| &slot.info)
    }

    #[inline(never)]
    fn learn(
        &mut self,
        place: usize,
        parent: u32,
        name: &[u8],
        learn: impl FnOnce() -> KeyInfo,
    ) -> KeyInfo {
        let mut info = learn();
        // A number that has come around is a number of a name that has long gone; 0 is the root.
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        info.id = self.last_id;
        if name.len() > MAX_NAME_BYTES {
            return info;
        }
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, None);
            self.next.resize(MARKS, 0);
        }
        info.mark = u16::try_from(place.plus(1)).unwrap_or(0);
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Some(Slot {
                parent,
                name: name.into(),
                opening: Opening::of(name),
                info: info.clone(),
            });
        }
        info
    }
}

impl After {
    #[inline(always)]
    fn place(self) -> usize {
        match self {
            Self::Opening(mark) => usize::from(mark) << 1,
            Self::Member(mark) => usize::from(mark) << 1 | 1,
        }
    }
}

impl Opening {
    fn of(name: &[u8]) -> Self {
        if name.iter().any(|byte| is_quote(*byte)) {
            // Spelled with an escape, so never like this: no bits are equal to 1.
            return Self {
                first: 1,
                mask: 0,
                rest: Box::default(),
                length: 0,
            };
        }
        let spelled = [name, b"\":"].concat();
        let (mut first, mut mask) = ([0; FIRST_BYTES], [0; FIRST_BYTES]);
        for ((to, masked), from) in first.iter_mut().zip(&mut mask).zip(&spelled) {
            (*to, *masked) = (*from, u8::MAX);
        }
        Self {
            first: u128::from_le_bytes(first),
            mask: u128::from_le_bytes(mask),
            rest: rest(&spelled, FIRST_BYTES).into(),
            length: spelled.len(),
        }
    }

    #[inline(always)]
    fn begins(&self, spelled: &[u8]) -> bool {
        let Some((first, others)) = spelled.split_first_chunk::<FIRST_BYTES>() else {
            return false;
        };
        u128::from_le_bytes(*first) & self.mask == self.first
            && (self.rest.is_empty() || others.starts_with(&self.rest))
    }
}

#[inline]
fn place_of(parent: u32, name: &[u8]) -> usize {
    usize::try_from(hash(parent, name) % SLOTS_U64).unwrap_or(0)
}

/// Eight bytes at a time, multiplied and folded; names are compared in full, so collisions only cost
/// time.
#[inline]
fn hash(parent: u32, bytes: &[u8]) -> u64 {
    let mut hash = u64::from(parent).wrapping_mul(0xcbf2_9ce4_8422_2325);
    let (words, rest) = bytes.as_chunks::<8>();
    let last = rest
        .iter()
        .fold(1_u64, |last, byte| last << 8 | u64::from(*byte));
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    for word in words.chain(std::iter::once(last)) {
        hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
    }
    hash
}

const SLOTS: usize = 512;
/// Two for each place, and for the root.
const MARKS: usize = 2 * (SLOTS + 1);
/// So much of a name is compared at once.
const FIRST_BYTES: usize = 16;
const SLOTS_U64: u64 = 512;
const MAX_NAME_BYTES: usize = 64;
