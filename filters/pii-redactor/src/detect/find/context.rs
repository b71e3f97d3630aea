//! What the name of a member, and the words around a place, say about a number there.

use super::Search;
use super::lists::listed;
use crate::entity::EntitySet;

impl Search<'_, '_> {
    /// Whether the name or any word of the text announces something, or matches without a word count.
    #[inline]
    pub(super) fn announces(&mut self) -> bool {
        if let Some(announces) = self.announces {
            return announces;
        }
        let all = self.near.all(self.text.lexicon, self.text.bytes);
        let announces = !all.is_empty();
        self.announces = Some(announces);
        announces
    }

    /// What was announced for the list that the text before this one ends with.
    fn listed_before(&self) -> EntitySet {
        self.text.list.map_or(EntitySet::EMPTY, |(_, kinds)| kinds)
    }

    /// Whether the name or any word of the text announces this kind.
    pub(super) fn announces_anywhere(&mut self, entity: u8) -> bool {
        let text = self.text;
        self.announces()
            && (text.announcement.kinds.has(entity)
                || self.listed_before().has(entity)
                || self.has_letters && self.near.all(text.lexicon, text.bytes).has(entity))
    }

    /// Whether the name or any word of the text announces one of these kinds.
    pub(super) fn announces_any_of(&mut self, kinds: &EntitySet) -> bool {
        let text = self.text;
        self.announces()
            && (text.announcement.kinds.meets(kinds)
                || self.listed_before().meets(kinds)
                || self.has_letters && self.near.all(text.lexicon, text.bytes).meets(kinds))
    }

    /// Everything that the name, the words around a place or the list that it is in may announce.
    pub(super) fn announceable(&mut self, start: usize) -> &EntitySet {
        if self.announceable.0 != start {
            let (lexicon, bytes) = (self.text.lexicon, self.text.bytes);
            let mut kinds = self.text.announcement.kinds;
            if self.has_letters {
                kinds = kinds.or(&self.near.nearby(lexicon, bytes, start));
                if let Some(listed) = listed(self.list.as_ref(), bytes, start) {
                    kinds = kinds.or(listed);
                }
            }
            self.announceable = (start, kinds);
        }
        &self.announceable.1
    }

    /// The name of the member, or words around the place, announce the kind.
    pub(super) fn is_announced(&mut self, entity: u8, start: usize, end: usize) -> bool {
        if self.text.announcement.kinds.has(entity) {
            return true;
        }
        if !self.has_letters {
            return false;
        }
        let (lexicon, bytes) = (self.text.lexicon, self.text.bytes);
        let mut around = self.near.announced(lexicon, bytes, start, end);
        if let Some(listed) = listed(self.list.as_ref(), bytes, start) {
            around = around.or(listed);
        }
        let is_announced = around.has(entity);
        if is_announced {
            self.list = Some((end, around));
            if end <= self.text.cut {
                self.last_list = self.list;
            }
        }
        is_announced
    }

    /// Nothing speaks against a match that has no form but its digits: it is announced, or neither
    /// the name nor the words before call it an id, a time, a version or the like.
    pub(super) fn is_plausible(&mut self, entity: u8, start: usize, end: usize) -> bool {
        if !self.text.heeds_negative {
            return true;
        }
        // Text right before: `v`, `version`, `order no.`
        let negative = self.text.announcement.negative
            || self.has_letters
                && start > 0
                && self
                    .near
                    .is_negative_before(self.text.lexicon, self.text.bytes, start);
        !negative || self.is_announced(entity, start, end)
    }

    /// The same for a match with a form of its own, which a word before it says nothing against. A member
    /// that is called an id may hold a code of letters and digits of any shape.
    pub(super) fn is_plausible_alone(&mut self, entity: u8, start: usize, end: usize) -> bool {
        !(self.text.heeds_negative && self.text.announcement.negative)
            || self.is_announced(entity, start, end)
    }

    /// The words beside a number call it an id, or say what it counts.
    pub(super) fn is_counted(&mut self, begin: usize, end: usize) -> bool {
        let (lexicon, bytes) = (self.text.lexicon, self.text.bytes);
        self.has_letters
            && (self.near.is_negative_before(lexicon, bytes, begin)
                || self.near.is_unit_behind(lexicon, bytes, end))
    }
}
