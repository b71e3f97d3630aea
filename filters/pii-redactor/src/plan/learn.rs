//! What names of members say: what they announce, and which rules are about them.

use std::cell::RefMut;
use std::rc::Rc;

use policy::finding::Category;

use super::{FieldRule, Plan};
use crate::bytes::Position as _;
use crate::detect::kind::{
    ACCOUNT_NUMBER, DEVICE_ID, GEO_COORDINATE, HEALTH_PLAN, LICENSE_NUMBER, MEDICAL_RECORD,
    ONLINE_ID, PERSON_NAME, PHOTO, RECORD_ID, STREET_ADDRESS, USERNAME,
};
use crate::entity::EntitySet;
use crate::names::{KeyInfo, NameCache};
use crate::role::Role;

impl Plan {
    /// What the name of a member says; known names are looked up. `parent` is the member that it is
    /// in: what its name says, and its name.
    #[inline]
    pub(crate) fn name_info(&self, parent: (&KeyInfo, &[u8]), name: &[u8]) -> KeyInfo {
        self.names
            .borrow_mut()
            .lookup(parent.0.id, name, || self.learn(parent, name))
    }

    /// What the name of a field says that is in nothing else.
    pub(crate) fn field_info(&self, name: &[u8]) -> KeyInfo {
        self.name_info((&KeyInfo::default(), b""), name)
    }

    /// The names that are known.
    pub(crate) fn names(&self) -> RefMut<'_, NameCache> {
        self.names.borrow_mut()
    }

    /// What a name says that is not known yet.
    pub(crate) fn learn(&self, parent: (&KeyInfo, &[u8]), name: &[u8]) -> KeyInfo {
        if self.settings.search_names {
            return self.learn_and_search(parent, name);
        }
        // A label in a name is none that a redaction left there: it is a name in brackets.
        if name.contains(&b'[') {
            let plain: Vec<u8> = name
                .iter()
                .map(|byte| {
                    if matches!(byte, b'[' | b']') {
                        b' '
                    } else {
                        *byte
                    }
                })
                .collect();
            return self.learn_plain(parent, &plain, &plain);
        }
        self.learn_plain(parent, name, name)
    }

    /// `parent` and `announcing` are what announces, `name` is what rules go by.
    pub(super) fn learn_plain(
        &self,
        (around, parent): (&KeyInfo, &[u8]),
        announcing: &[u8],
        name: &[u8],
    ) -> KeyInfo {
        let mut announcement = self.lexicon.of_name(parent, announcing);
        if is_any_of(parent, LISTING) {
            announcement.kinds = self.without_named(&announcement.kinds);
        }
        // `PrvtId/Othr/Id` and `DbtrAcct/Id/Othr/Id` of ISO 20022.
        let is_other = name == b"Othr" || parent == b"Othr" && name == b"Id";
        if is_other && announcement.kinds.is_empty() {
            announcement.kinds = around.kinds.as_deref().copied().unwrap_or_default();
        } else if announcement.kinds.is_empty()
            && let Some(kinds) = around.kinds.as_deref()
            // `/user/login` is a path, and nobody's login.
            && !parent.contains(&b'/')
            && self.lexicon.may_be_part(announcing)
        {
            // All of a value is what its name says, whatever its parts are called.
            announcement.kinds = self.inherited(kinds, name);
        }
        // Readers that ignore case take these two letters for ASCII.
        let ascii = with_ascii_letters(name);
        let words = crate::lexicon::split(ascii.as_deref().unwrap_or(name));
        // Without case, nothing tells where a word of `callbackUrl` begins.
        let joined = words.concat();
        let first = self
            .named_fields
            .partition_point(|(name, _)| *name < joined);
        let named = self.named_fields.iter().skip(first);
        let named = named.take_while(|(name, _)| *name == joined);
        let mut fitting: Vec<u16> = named.map(|(_, index)| *index).collect();
        self.add_worded(&words, &mut fitting);
        let field = self.strictest_field(fitting);
        let role = if self.lexicon.is_empty() {
            Role::None
        } else {
            let role = Role::of(&words, around.role);
            if self.binding(PERSON_NAME).is_some() {
                role
            } else {
                role.without_people()
            }
        };
        KeyInfo {
            kinds: (!announcement.kinds.is_empty()).then(|| Rc::new(announcement.kinds)),
            negative: announcement.negative,
            removes: self.removed_for(&announcement.kinds, &words, parent),
            field,
            role,
            finds: false,
            id: 0,
            mark: 0,
        }
    }

    /// Adds the rules about names that have some words in a row. Each word is looked up among those that begin
    /// with the words before it.
    fn add_worded(&self, words: &[String], fitting: &mut Vec<u16>) {
        for start in 0..words.len() {
            let mut among = self.worded_fields.as_slice();
            for (place, word) in words.iter().skip(start).enumerate() {
                if among.is_empty() {
                    break;
                }
                crate::steps::step(1);
                let before = |phrase: &(Vec<String>, u16)| phrase.0.get(place) < Some(word);
                let from = among.partition_point(before);
                among = among.get(from..).unwrap_or_default();
                let until = among.partition_point(|phrase| phrase.0.get(place) == Some(word));
                among = among.get(..until).unwrap_or_default();
                let whole = among
                    .iter()
                    .take_while(|phrase| phrase.0.len() == place.plus(1));
                fitting.extend(whole.map(|(_, index)| *index));
            }
        }
    }

    /// Of the rules about members that fit one, by their places, the one that acts: of one rule of the
    /// configuration the first entry, of several rules the strictest.
    pub(crate) fn strictest_field(&self, mut fitting: Vec<u16>) -> Option<u16> {
        policy::sort::by(&mut fitting, Ord::cmp);
        let mut best: Option<(u16, &FieldRule)> = None;
        let mut last = None;
        for index in fitting {
            let field = self.fields.get(usize::from(index))?;
            let is_first = last.replace(field.rule) != Some(field.rule);
            let is_stricter =
                |(_, known): (u16, &FieldRule)| field.strictness() < known.strictness();
            if is_first && best.is_none_or(is_stricter) {
                best = Some((index, field));
            }
        }
        best.map(|(index, _)| index)
    }

    /// What a part of a value is whose name announces these kinds. Below what is called like a number or a secret
    /// stand settings and amounts (`"account": { "balance": 12345 }`, `"password": { "policy": "strong" }`), and
    /// the types of DynamoDB, which are letters.
    fn inherited(&self, kinds: &EntitySet, name: &[u8]) -> EntitySet {
        if name.len() <= 1 {
            let mut kinds = *kinds;
            // Of a picture or a plan.
            if matches!(name, b"x" | b"y" | b"z") {
                kinds.remove(GEO_COORDINATE);
            }
            return kinds;
        }
        let mut inherited = *kinds;
        let mut left = kinds.and(&self.whole);
        while let Some(entity) = left.first() {
            left.remove(entity);
            let has_no_parts =
                self.category(entity) == Category::Security || WITHOUT_PARTS.contains(&entity);
            let has_some = [PERSON_NAME, STREET_ADDRESS, PHOTO].contains(&entity);
            if has_no_parts
                || has_some && !may_be_part_of_a_name(name)
                || entity == GEO_COORDINATE && !may_be_part_of_a_place(name)
            {
                inherited.remove(entity);
            }
        }
        inherited
    }

    /// Without the kinds that a value is by its name alone, but for secrets.
    fn without_named(&self, kinds: &EntitySet) -> EntitySet {
        let mut left = *kinds;
        let mut named = kinds.and(&self.whole);
        while let Some(entity) = named.first() {
            named.remove(entity);
            if self.category(entity) != Category::Security {
                left.remove(entity);
            }
        }
        left
    }

    /// The kind for which a member goes that announces these, whatever its value. The state of a service is called
    /// like the health of a person, and declarations are called like members.
    fn removed_for(&self, kinds: &EntitySet, words: &[String], parent: &[u8]) -> Option<u8> {
        let is_state = words
            .last()
            .is_some_and(|word| ["status", "state", "treatment", "treatments"].contains(&&**word));
        let removed = kinds.and(&self.removing).first()?;
        (!is_state && !declares(parent)).then_some(removed)
    }
}

/// Whether a member with this name has members that are called like those of a person, and hold what is declared
/// (JSON Schema), counted, translated or allowed.
pub(crate) fn declares(name: &[u8]) -> bool {
    matches!(name, b"properties" | b"definitions" | b"$defs") || is_any_of(name, LISTING)
}

fn is_any_of(name: &[u8], list: &[&str]) -> bool {
    !name.is_empty() && list.contains(&&*crate::lexicon::split(name).join(" "))
}

/// Whether a member is called like a part of a name, an address or a picture, a language, or a size: of whom or what they
/// are, much else is said beside them (`"recipient": { "role": "signer" }`).
fn may_be_part_of_a_name(name: &[u8]) -> bool {
    let words = crate::lexicon::split(name);
    words.iter().all(|word| {
        word.len() <= 2
            || word.bytes().any(|byte| byte.is_ascii_digit())
            || PARTS.contains(&word.as_str())
    })
}

#[rustfmt::skip]
const PARTS: &[&str] = &[
    "name", "names", "first", "last", "given", "family", "middle", "maiden", "second", "prefix", "suffix", "initials", "full",
    "legal", "text", "formatted", "value", "values", "display", "line", "lines", "street", "streets", "road", "avenue", "house",
    "building", "block", "floor", "unit", "apartment", "apt", "suite", "number", "num", "extra", "extended", "additional",
    "address", "addr", "care", "box", "area", "place", "locality", "url", "uri", "src", "original", "small", "medium", "large",
    "thumb", "thumbnail", "image", "images", "icon", "picture", "data", "content", "raw", "string", "plain", "clear", "home",
    "work", "current", "old", "new", "previous", "local", "native", "latin", "english",
];

/// Whether a member is called like what a position is written in, and not like a measure of its own:
/// `"long": { "averagePrice": 1.13 }`.
fn may_be_part_of_a_place(name: &[u8]) -> bool {
    let words = crate::lexicon::split(name);
    words.iter().all(|word| PLACES.contains(&word.as_str()))
}

const PLACES: &[&str] = &[
    "coordinates",
    "coordinate",
    "coords",
    "point",
    "position",
    "value",
    "values",
    "text",
    "string",
    "data",
    "degrees",
    "decimal",
    "wkt",
    "location",
];

/// What is one number or one word, whatever stands in an object that is called so.
const WITHOUT_PARTS: [u8; 8] = [
    ACCOUNT_NUMBER,
    DEVICE_ID,
    HEALTH_PLAN,
    LICENSE_NUMBER,
    MEDICAL_RECORD,
    ONLINE_ID,
    RECORD_ID,
    USERNAME,
];

/// What stands in them is about no person.
const LISTING: &[&str] = &[
    "facets",
    "facet fields",
    "facet counts",
    "aggregations",
    "aggs",
    "feature flags",
    "feature toggles",
    "toggles",
    "permissions",
    "sort",
    "sort by",
    "order by",
    "i18n",
    "translations",
];

/// A name with `s` and `k` for the letters that are these without their case; `None` if it has none.
fn with_ascii_letters(name: &[u8]) -> Option<Vec<u8>> {
    if name.is_ascii() {
        return None;
    }
    let text = policy::text::lossy(name);
    let folded = text.replace('\u{17f}', "s").replace('\u{212a}', "k");
    (*folded != *text).then(|| folded.into_bytes())
}
