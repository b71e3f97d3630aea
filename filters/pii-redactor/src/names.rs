//! What names of members say, remembered: the same few names come again and again.

use std::rc::Rc;

use crate::bytes::{Position as _, is_quote, rest, same};
use crate::entity::EntitySet;
use crate::lexicon::Announcement;
use crate::role::Role;

/// What the name of a member says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyInfo {
    /// The kinds that it announces; most names announce none, and are copied often.
    pub(crate) kinds: Option<Rc<EntitySet>>,
    /// Whether the name says that nothing personal follows: see [`Announcement::negative`].
    pub(crate) negative: bool,
    /// The rule about members with such a name.
    pub(crate) field: Option<u16>,
    /// The kind for which the member goes, name and all.
    pub(crate) removes: Option<u8>,
    /// What the member is to those beside it.
    pub(crate) role: Role,
    /// There is something in the name itself that detectors find.
    pub(crate) finds: bool,
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
            is_paired: self.role == Role::Value,
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
    /// By mark: what a guess needs, close together.
    links: Vec<Link>,
    last_id: u32,
}

#[derive(Clone, Debug)]
struct Slot {
    parent: u32,
    name: Box<[u8]>,
    info: KeyInfo,
}

/// A name as it is spelled most of the time, up to the value, and which names came next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// The first bytes of the name, with its closing quote and the colon.
    first: u128,
    /// Which bits of these count.
    mask: u128,
    parent: u32,
    /// How many bytes it takes up to the value.
    pub(crate) length: usize,
    /// The mark of the first name in the member.
    pub(crate) inside: u16,
    /// The mark of the name behind the member.
    pub(crate) behind: u16,
    /// It announces nothing, no rule is about it, and nothing is in it.
    pub(crate) is_plain: bool,
}

/// Where in an object a name stands: what a guess depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It is the first one in the member with this mark.
    Opening(u16),
    /// It comes behind the member with this mark.
    Member(u16),
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

    /// The name with this mark, if it is in this parent and these bytes begin with it.
    #[inline(always)]
    pub(crate) fn guess(&self, mark: u16, parent: u32, spelled: &[u8]) -> Option<&Link> {
        let link = self.links.get(usize::from(mark))?;
        let (first, others) = spelled.split_first_chunk::<FIRST_BYTES>()?;
        let is_here = u128::from_le_bytes(*first) & link.mask == link.first
            && link.parent == parent
            && (link.length <= FIRST_BYTES || self.goes_on(mark, others));
        is_here.then_some(link)
    }

    /// Whether the rest of a long name is here as well.
    #[inline(never)]
    fn goes_on(&self, mark: u16, others: &[u8]) -> bool {
        self.slot(mark).is_some_and(|slot| {
            let spelled = [&slot.name, NAME_END].concat();
            others.starts_with(rest(&spelled, FIRST_BYTES))
        })
    }

    /// Remembers which name came here, to be guessed the next time. `None`: it is too long.
    #[inline(never)]
    pub(crate) fn note(
        &mut self,
        after: After,
        parent: u32,
        name: &[u8],
        learn: impl FnOnce() -> KeyInfo,
    ) -> Option<u16> {
        let mark = self.lookup(parent, name, learn).mark;
        if mark == 0 {
            return None;
        }
        let (before, next) = match after {
            After::Opening(before) => (before, true),
            After::Member(before) => (before, false),
        };
        if let Some(link) = self.links.get_mut(usize::from(before)) {
            *(if next {
                &mut link.inside
            } else {
                &mut link.behind
            }) = mark;
        }
        Some(mark)
    }

    /// The link of a mark.
    #[inline]
    pub(crate) fn link(&self, mark: u16) -> Link {
        self.links
            .get(usize::from(mark))
            .copied()
            .unwrap_or(NO_NAME)
    }

    /// What the name with this mark says.
    pub(crate) fn info(&self, mark: u16) -> KeyInfo {
        self.slot(mark)
            .map(|slot| slot.info.clone())
            .unwrap_or_default()
    }

    fn slot(&self, mark: u16) -> Option<&Slot> {
        let place = usize::from(mark).checked_sub(1)?;
        self.slots.get(place)?.as_ref()
    }

    /// A number that no name has.
    pub(crate) fn next_id(&mut self) -> u32 {
        // A number that has come around is a number of a name that has long gone; 0 is the root.
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_id
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
        info.id = self.next_id();
        if name.len() > MAX_NAME_BYTES {
            return info;
        }
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, None);
            self.links.resize(SLOTS.plus(1), NO_NAME);
        }
        info.mark = u16::try_from(place.plus(1)).unwrap_or(0);
        if let Some(link) = self.links.get_mut(usize::from(info.mark)) {
            *link = Link::of(parent, name, &info);
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

impl Link {
    fn of(parent: u32, name: &[u8], info: &KeyInfo) -> Self {
        if name.iter().any(|byte| is_quote(*byte)) {
            // It is spelled with an escape.
            return NO_NAME;
        }
        let spelled = [name, NAME_END].concat();
        let (mut first, mut mask) = ([0; FIRST_BYTES], [0; FIRST_BYTES]);
        for ((to, masked), from) in first.iter_mut().zip(&mut mask).zip(&spelled) {
            (*to, *masked) = (*from, u8::MAX);
        }
        Self {
            first: u128::from_le_bytes(first),
            mask: u128::from_le_bytes(mask),
            parent,
            length: spelled.len(),
            is_plain: info.kinds.is_none()
                && info.field.is_none()
                && !info.finds
                && info.role.is_plain(),
            ..NO_NAME
        }
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
/// What a name ends with.
const NAME_END: &[u8] = b"\":";
/// Never guessed: no bits are equal to 1.
const NO_NAME: Link = Link {
    first: 1,
    mask: 0,
    parent: 0,
    length: 0,
    inside: 0,
    behind: 0,
    is_plain: false,
};
/// So much of a name is compared at once.
const FIRST_BYTES: usize = 16;
const SLOTS_U64: u64 = 512;
const MAX_NAME_BYTES: usize = 64;
