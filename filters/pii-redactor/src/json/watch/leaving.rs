//! What leaves, and what is held until more is known.

use super::{Frame, Piece, State, Watch};
use crate::bytes::{Position as _, part, rest};

impl Watch {
    /// What may leave by now.
    pub(in crate::json) fn take(&mut self) -> Vec<Piece> {
        let ready = self.ready();
        let mut pieces = Vec::new();
        if ready == 0 {
            return pieces;
        }
        let later = self.held.split_off(ready);
        let now = std::mem::replace(&mut self.held, later);
        let mut from = 0;
        for (start, length) in &self.between {
            let start = start.less(self.left);
            if start >= ready {
                break;
            }
            if start > from {
                pieces.push(Piece::Document(part(&now, from, start).to_vec()));
            }
            from = start.plus(*length);
            pieces.push(Piece::Between(part(&now, start, from).to_vec()));
        }
        self.left = self.left.plus(ready);
        let left = self.left;
        self.between.retain(|(start, _)| *start >= left);
        if from < ready {
            pieces.push(Piece::Document(rest(&now, from).to_vec()));
        }
        pieces
    }

    /// How much of what is held may leave: all up to the outermost object that is not decided yet, or
    /// up to a child that may turn out to be one.
    pub(super) fn ready(&self) -> usize {
        if self.state == State::Lost {
            return 0;
        }
        let keeps_from = match (self.undecided(), self.frames.last()) {
            (Some(frame), _) => frame.start,
            (None, Some(frame)) if self.is_before_value() => frame.child_start,
            // It may be no JSON.
            (None, None) if self.state == State::InToken => self.position().less(self.text.len()),
            _ => self.position(),
        };
        keeps_from.less(self.left).min(self.held.len())
    }

    /// The outermost object that may turn out to be another's.
    pub(super) fn undecided(&self) -> Option<&Frame> {
        let mut frames = self.frames.iter();
        frames.find(|frame| frame.object_of & !frame.judged != 0)
    }

    const fn is_before_value(&self) -> bool {
        matches!(
            self.state,
            State::Value { .. } | State::Name { .. } | State::InName { .. } | State::Colon
        )
    }

    pub(super) const fn position(&self) -> usize {
        self.left.saturating_add(self.held.len())
    }

    pub(super) fn emit(&mut self, bytes: &[u8]) {
        if self.holds && self.removing.is_none() {
            self.held.extend_from_slice(bytes);
        }
    }
}
