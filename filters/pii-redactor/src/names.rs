//! What names of members say, remembered: the same few names come again and again.

use std::rc::Rc;

use crate::bytes::same;
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
#[derive(Debug, Default)]
pub(crate) struct NameCache {
    slots: Vec<Option<Slot>>,
    last_id: u32,
}

#[derive(Clone, Debug)]
struct Slot {
    parent: u32,
    name: Box<[u8]>,
    info: KeyInfo,
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
        let place = usize::try_from(hash(parent, name) % SLOTS_U64).unwrap_or(0);
        if let Some(Some(slot)) = self.slots.get(place)
            && slot.parent == parent
            && same(&slot.name, name)
        {
            return slot.info.clone();
        }
        self.learn(place, parent, name, learn)
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
        }
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Some(Slot {
                parent,
                name: name.into(),
                info: info.clone(),
            });
        }
        info
    }
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
const SLOTS_U64: u64 = 512;
const MAX_NAME_BYTES: usize = 64;
