//! What is searched for in names of members, and the action on what is found.

use super::Plan;
use crate::bytes::part;
use crate::entity::EntitySet;
use crate::lexicon::Announcement;
use crate::names::KeyInfo;
use crate::placeholder::{NOTHING, SOMETHING};

impl Plan {
    /// Whether names of members are searched.
    #[must_use]
    pub fn searches_names(&self) -> bool {
        self.settings.search_names
    }

    /// Where names are searched, what is found in one announces nothing, and neither does what took
    /// the place of something: `[EMAIL]` is no member called email.
    pub(super) fn learn_and_search(
        &self,
        (info, parent): (&KeyInfo, &[u8]),
        name: &[u8],
    ) -> KeyInfo {
        let announcement = self.announcement_of_names(info);
        let rest = self.without_matches(name, &announcement);
        let labels = self.lexicon.labels();
        KeyInfo {
            finds: rest != name,
            ..self.learn_plain(
                (info, &labels.taken_from(parent, NOTHING)),
                &labels.taken_from(&rest, NOTHING),
                &labels.taken_from(name, SOMETHING),
            )
        }
    }

    /// What the name of a member says of the names in it. Kinds that are whole values are none of
    /// them: in `name` there is `first`, and that is nobody's name.
    pub(crate) fn announcement_of_names(&self, info: &KeyInfo) -> Announcement {
        Announcement {
            kinds: info
                .kinds
                .as_deref()
                .map_or(EntitySet::EMPTY, |kinds| kinds.and(&self.wanted)),
            negative: info.negative,
            is_paired: false,
        }
    }

    /// A name without what is found in it.
    pub(crate) fn without_matches(&self, name: &[u8], announcement: &Announcement) -> Vec<u8> {
        let mut spans = Vec::new();
        self.search(name, 0, announcement, true, &mut spans);
        let mut rest = Vec::with_capacity(name.len());
        let mut position = 0;
        for span in &spans {
            rest.extend_from_slice(part(name, position, span.start));
            rest.extend_from_slice(NOTHING);
            position = span.end;
        }
        rest.extend_from_slice(part(name, position, name.len()));
        rest
    }
}
