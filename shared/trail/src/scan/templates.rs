//! Reads records that are built like others before them, which nearly all are: an emitter writes
//! the same members in the same order, and only their values differ.
//!
//! A template is what a record says apart from its values: all names, braces, commas, and the values
//! that never vary. Where the bytes of a template come again, what the scanner found about them when
//! it saw them first holds again, so they are compared and not read; each value between them is
//! read as always. Records of another template take the whole way, and leave their template behind.

use super::Fields;
use super::member::Field;
use super::scanner::{Scanner, Value};

/// The templates that were seen, as a tree: what they have in common in front is there once.
#[derive(Debug, Default)]
pub struct Templates {
    steps: Vec<Step>,
    /// What all steps compare with, one after the other.
    texts: Vec<u8>,
    marks: Vec<Mark>,
    /// The first of the steps that records begin with.
    first: Option<u32>,
    /// Where the values of the record were that is being learnt; kept for its memory.
    values: Vec<Value>,
}

/// A piece of a template, up to the next value.
#[derive(Clone, Copy, Debug)]
struct Step {
    text: (u32, u32),
    marks: (u32, u32),
    /// The value behind it; the record ends with it if there is none.
    value: Option<(Field, u8)>,
    /// What may come after the value.
    next: Option<u32>,
    /// What may come instead of this step.
    other: Option<u32>,
}

/// A place in a piece at which something begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    /// From the beginning of the piece.
    offset: u32,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    CutBegin,
    CutEnd,
    ActorBegin,
    ActorEnd,
    SourceBegin,
    SourceEnd,
}

impl Templates {
    /// Scans as [`super::scan`] does, and remembers the shape of the record.
    #[must_use]
    pub fn scan(&mut self, text: &str) -> Option<Fields> {
        if let Some(fields) = self.known(text) {
            return Some(fields);
        }
        let mut values = std::mem::take(&mut self.values);
        values.clear();
        let mut scanner = Scanner::new(text);
        scanner.values = Some(values);
        let (fields, values) = scanner.document()?;
        if let Some(values) = values {
            if text.len() <= MAX_RECORD_BYTES {
                // What cannot be learnt is read the whole way again.
                let _ = self.learn(text, &fields, &values);
            }
            self.values = values;
        }
        Some(fields)
    }

    /// Reads a record of a template that was seen before.
    fn known(&self, text: &str) -> Option<Fields> {
        let mut scanner = Scanner::new(text);
        let mut cut_begin = 0;
        let mut next = self.first;
        loop {
            let step = self.step(&scanner, next)?;
            let start = u32::try_from(scanner.at).ok()?;
            for mark in self.marks_of(step) {
                let at = start.checked_add(mark.offset)?;
                let fields = &mut scanner.fields;
                match mark.what {
                    What::CutBegin => cut_begin = at,
                    What::CutEnd => fields.cut(cut_begin as usize, at as usize)?,
                    What::ActorBegin => fields.actor.start = at,
                    What::ActorEnd => fields.actor.end = at,
                    What::SourceBegin => fields.src_endpoint.start = at,
                    What::SourceEnd => fields.src_endpoint.end = at,
                }
            }
            scanner.at += (step.text.1 - step.text.0) as usize;
            let Some((field, depth)) = step.value else {
                return (scanner.at == text.len()).then_some(scanner.fields);
            };
            let value = scanner.at;
            scanner.value_of(field, usize::from(depth))?;
            let end = scanner.at;
            if field != Field::None {
                scanner.note(field, value, end)?;
            }
            next = step.next;
        }
    }

    /// The step, of those from `next` on, that the record goes on with.
    fn step(&self, scanner: &Scanner<'_>, mut next: Option<u32>) -> Option<&Step> {
        let rest = scanner.bytes.get(scanner.at..)?;
        loop {
            let step = self.steps.get(next? as usize)?;
            if rest.starts_with(self.text_of(step)) {
                return Some(step);
            }
            next = step.other;
        }
    }

    fn text_of(&self, step: &Step) -> &[u8] {
        let (start, end) = step.text;
        self.texts
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    fn marks_of(&self, step: &Step) -> &[Mark] {
        let (start, end) = step.marks;
        self.marks
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }
}

impl Templates {
    /// Takes in the template of a record that the scanner has read.
    fn learn(&mut self, text: &str, fields: &Fields, values: &[Value]) -> Option<()> {
        if self.steps.len() > MAX_STEPS || self.texts.len() > MAX_TEXT_BYTES {
            // Whoever writes records that are all different gains nothing here, and costs no memory.
            self.steps.clear();
            self.texts.clear();
            self.marks.clear();
            self.first = None;
        }
        let places = places(fields);
        let mut places = places.as_slice();
        let mut parent = None;
        let mut from = 0;
        let vary = values.iter().filter(|value| !value.is_constant);
        let ends = vary.map(|value| (value.start, value.end, Some((value.field, value.depth))));
        let end = (text.len(), text.len(), None);
        for (start, end, value) in ends.chain([end]) {
            let piece = text.as_bytes().get(from..start)?;
            let count = places.partition_point(|(at, _)| *at <= start);
            let (here, later) = places.split_at_checked(count)?;
            let marks: Option<Vec<Mark>> = here.iter().map(|place| mark(*place, from)).collect();
            parent = Some(self.follow(parent, piece, &marks?, value)?);
            places = later;
            from = end;
        }
        Some(())
    }

    /// The step behind `parent` that is this one; it is added if there is none.
    fn follow(
        &mut self,
        parent: Option<u32>,
        piece: &[u8],
        marks: &[Mark],
        value: Option<(Field, u8)>,
    ) -> Option<u32> {
        let mut last = None;
        let mut next = match parent {
            Some(parent) => self.steps.get(parent as usize)?.next,
            None => self.first,
        };
        while let Some(index) = next {
            let step = self.steps.get(index as usize)?;
            if self.text_of(step) == piece && step.value == value && self.marks_of(step) == marks {
                return Some(index);
            }
            last = Some(index);
            next = step.other;
        }
        let index = u32::try_from(self.steps.len()).ok()?;
        let step = Step {
            text: added(&mut self.texts, piece)?,
            marks: added(&mut self.marks, marks)?,
            value,
            next: None,
            other: None,
        };
        self.steps.push(step);
        let link = match (last, parent) {
            (Some(last), _) => &mut self.steps.get_mut(last as usize)?.other,
            (None, Some(parent)) => &mut self.steps.get_mut(parent as usize)?.next,
            (None, None) => &mut self.first,
        };
        *link = Some(index);
        Some(index)
    }
}

/// Where in a record something begins or ends that is no single value, in order.
fn places(fields: &Fields) -> Vec<(usize, What)> {
    let cuts = fields
        .cuts()
        .flat_map(|(start, end)| [(start, What::CutBegin), (end, What::CutEnd)]);
    let objects = [
        (fields.actor, What::ActorBegin, What::ActorEnd),
        (fields.src_endpoint, What::SourceBegin, What::SourceEnd),
    ];
    let objects = objects
        .into_iter()
        .filter(|(object, ..)| object.end > 0)
        .flat_map(|(object, begin, end)| {
            [(object.start as usize, begin), (object.end as usize, end)]
        });
    let mut places: Vec<(usize, What)> = cuts.chain(objects).collect();
    // Those of one place stay in their order: a cut ends before the next begins.
    places.sort_by_key(|(at, _)| *at);
    places
}

/// `None` if the place is in a value, where nothing begins or ends.
fn mark((at, what): (usize, What), from: usize) -> Option<Mark> {
    let offset = u32::try_from(at.checked_sub(from)?).ok()?;
    Some(Mark { offset, what })
}

fn added<T: Copy>(all: &mut Vec<T>, more: &[T]) -> Option<(u32, u32)> {
    let start = u32::try_from(all.len()).ok()?;
    all.extend_from_slice(more);
    Some((start, u32::try_from(all.len()).ok()?))
}

/// Longer ones are not learnt.
const MAX_RECORD_BYTES: usize = 64 << 10;
/// When there are more than so many steps, all are forgotten.
const MAX_STEPS: usize = 8192;
/// The same for what they compare with.
const MAX_TEXT_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use audit::{Group, canonical};
    use policy::json::Json;
    use proptest::prelude::*;

    use super::*;
    use crate::scan::scan;
    use crate::synthetic::{Emitter, Random, Request};

    /// A record, with some of its groups erased.
    fn record(seed: u64, erased: &[Group]) -> String {
        let mut emitter = Emitter::new(seed, "hipaa", None);
        emitter.keep_ms = seed.is_multiple_of(3).then_some(1000);
        let mut request = Request::some(&mut Random(seed));
        if seed.is_multiple_of(5) {
            request.path = "\"\\".repeat(3);
        }
        let mut json = Json::parse(emitter.request(&request).text.as_bytes()).unwrap();
        for group in erased {
            group.erase(&mut json);
        }
        canonical::to_string(&json)
    }

    proptest! {
        /// Whatever was learnt before, the answer is that of the scanner.
        #[test]
        fn is_the_scanner(records in prop::collection::vec((
            0_u64..40,
            prop::sample::subsequence(Group::ALL.to_vec(), 0..5),
            prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_usize..16), 0..3),
        ), 1..12)) {
            let mut templates = Templates::default();
            let pieces = ["", "x", "\"", ",", "{", "}", "{}", "[]", "[1]", "1", "0", "null", "\"a\":1,", "\"a\":{\"b\":1}", ",\"z\":\"\"", "\\n"];
            for (seed, erased, edits) in records {
                let mut text = record(seed, &erased);
                for (at, length, piece) in edits {
                    let at = text.floor_char_boundary(at.index(text.len()));
                    let end = (at + length.index(6)).min(text.len());
                    text.replace_range(at..text.floor_char_boundary(end).max(at), pieces[piece]);
                }
                let simple = scan(&text);
                prop_assert_eq!(&templates.scan(&text), &simple, "{}", text);
                prop_assert_eq!(&templates.scan(&text), &simple, "again: {}", text);
            }
        }

        /// Values in the place of objects that are looked into, and objects in the place of values.
        #[test]
        fn is_the_scanner_for_any_members(documents in prop::collection::vec("\\{(\"(actor|api|http_request|src_endpoint|unmapped)\":(\\{\\}|1|\"a\"|\\{\"(app_uid|operation|ip|url|user|record_integrity)\":(\\{\\}|\\[\\]|2|\\{\"(commitments|path|uid)\":(3|\\{\\}|\\{\"(source|url)\":4\\})\\})\\}),?){0,3}\\}", 1..20)) {
            let mut templates = Templates::default();
            for document in documents {
                let document = document.replace(",}", "}");
                prop_assert_eq!(templates.scan(&document), scan(&document), "{}", document);
            }
        }
    }

    #[test]
    fn a_template_is_learnt_once() {
        let mut templates = Templates::default();
        for seed in 0..200 {
            let text = record(seed, &[]);
            let whole = scan(&text);
            assert_eq!(templates.scan(&text), whole);
            assert_eq!(templates.known(&text), whole, "{text}");
        }
        let steps = templates.steps.len();
        for seed in 0..200 {
            assert!(templates.scan(&record(seed, &[])).is_some());
        }
        assert_eq!(templates.steps.len(), steps);
    }

    #[test]
    fn what_it_keeps_in_mind_is_bounded() {
        let mut templates = Templates::default();
        for number in 0..3000 {
            let text = format!(r#"{{"a{number:05}":1,"b":"{number}","c{number:05}":2,"d":3}}"#);
            assert_eq!(templates.scan(&text), scan(&text));
            assert!(
                templates.steps.len() <= MAX_STEPS + 8,
                "{}",
                templates.steps.len()
            );
        }
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_RECORD_BYTES));
        assert!(templates.scan(&long).is_some());
        assert!(templates.known(&long).is_none());
    }
}
