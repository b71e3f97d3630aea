//! Documents in strings: who reads them has to count them too, so they are measured while they stream by.

use std::rc::Rc;

use super::Watch;
use crate::bytes::{Position as _, at, count_while, part, rest};
use crate::json::escapes::{CODE_UNIT_BYTES, decoded};
use crate::limits::{Excess, measure};
use crate::tally::Tally;

/// What is in a string.
#[derive(Debug, Default)]
pub(super) struct Inside {
    content: Content,
    /// An escape, as far as it is there.
    escape: Vec<u8>,
}

#[derive(Debug, Default)]
enum Content {
    /// No document, or nobody asks.
    #[default]
    Other,
    /// Nothing but white space so far.
    Blank,
    Document(Box<Watch>),
}

impl Watch {
    /// Begins a string.
    pub(super) fn begin_inside(&mut self) {
        let measures = |plan: &crate::plan::Plan| {
            plan.nests_json() && plan.watched().is_some_and(|watched| watched.measures())
        };
        if measures(&self.plan) {
            self.inside.content = Content::Blank;
        }
    }

    /// Takes the next bytes of a string, as they are spelled.
    pub(super) fn look_inside(&mut self, raw: &[u8], tally: &mut Tally) {
        let mut position = 0;
        while position < raw.len() && !matches!(self.inside.content, Content::Other) {
            let ahead = rest(raw, position);
            if self.inside.escape.is_empty() {
                let plain = memchr::memchr(b'\\', ahead).unwrap_or(ahead.len());
                self.inside_text(part(ahead, 0, plain), tally);
                self.inside.escape.extend(ahead.get(plain));
                position = position.plus(plain).plus(1);
                continue;
            }
            self.inside.escape.push(at(ahead, 0));
            position = position.plus(1);
            let is_unit = self.inside.escape.get(1) == Some(&b'u');
            if is_unit && self.inside.escape.len() < CODE_UNIT_BYTES {
                continue;
            }
            match decoded(&std::mem::take(&mut self.inside.escape)) {
                Some(text) => self.inside_text(&text, tally),
                // Nobody can say what a reader makes of it that reads on.
                None => self.cannot_measure_inside(tally),
            }
        }
    }

    /// Takes what the spelling says.
    fn inside_text(&mut self, mut text: &[u8], tally: &mut Tally) {
        if let Content::Blank = self.inside.content {
            let is_space = |byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
            text = rest(text, count_while(text, 0, is_space));
            match text.first() {
                None => return,
                Some(b'{' | b'[') if self.level >= MAX_LEVELS => {
                    return self.cannot_measure_inside(tally);
                }
                Some(b'{' | b'[') => {
                    let watch = Self {
                        level: self.level.saturating_add(1),
                        may_be_text: true,
                        holds: false,
                        ..Self::new(Rc::clone(&self.plan))
                    };
                    self.inside.content = Content::Document(Box::new(watch));
                }
                Some(_) => self.inside.content = Content::Other,
            }
        }
        if let Content::Document(watch) = &mut self.inside.content {
            watch.read(text, tally);
        }
    }

    fn cannot_measure_inside(&mut self, tally: &mut Tally) {
        self.inside = Inside::default();
        if let Some(watched) = self.plan.watched() {
            measure(watched.limits(), Excess::Unmeasured, 1, tally);
        }
    }
}

/// In so many strings, one in the other, documents are measured.
const MAX_LEVELS: u8 = 4;
