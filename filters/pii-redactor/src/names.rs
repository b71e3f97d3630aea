//! What names of members say, remembered: the same few names come again and again.

use crate::lexicon::Announcement;

/// What the name of a member says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyInfo {
    /// The kinds that it announces.
    pub(crate) announcement: Announcement,
    /// The rule about members with such a name.
    pub(crate) field: Option<u16>,
}

/// A fixed number of names; a new one takes the place of an older one. Names are chosen by whoever
/// sends the body, so the table has a size, and a name that is in it is compared in full.
#[derive(Debug, Default)]
pub(crate) struct NameCache {
    slots: Vec<Option<Slot>>,
}

#[derive(Clone, Debug)]
struct Slot {
    hash: u64,
    parent: Box<[u8]>,
    name: Box<[u8]>,
    info: KeyInfo,
}

impl NameCache {
    pub(crate) fn lookup(
        &mut self,
        parent: &[u8],
        name: &[u8],
        learn: impl FnOnce(&[u8], &[u8]) -> KeyInfo,
    ) -> KeyInfo {
        if name.len() > MAX_NAME_BYTES || parent.len() > MAX_NAME_BYTES {
            return learn(parent, name);
        }
        let hash = hash(parent).rotate_left(17) ^ hash(name);
        let place = usize::try_from(hash % SLOTS_U64).unwrap_or(0);
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, None);
        }
        let Some(slot) = self.slots.get_mut(place) else {
            return learn(parent, name);
        };
        if let Some(known) = slot
            && known.hash == hash
            && *known.name == *name
            && *known.parent == *parent
        {
            return known.info;
        }
        let info = learn(parent, name);
        *slot = Some(Slot {
            hash,
            parent: parent.into(),
            name: name.into(),
            info,
        });
        info
    }
}

/// Eight bytes at a time, multiplied and folded; the table is compared in full, so collisions only
/// cost time.
#[inline]
fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ u64::try_from(bytes.len()).unwrap_or(0);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0_u8; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    for word in words.iter().chain(std::iter::once(&last)) {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
    }
    hash
}

const SLOTS: usize = 512;
const SLOTS_U64: u64 = 512;
const MAX_NAME_BYTES: usize = 64;
