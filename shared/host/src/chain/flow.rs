//! One message on its way through the parts.

use crate::Action;

/// Where a message stands, by step: the parts are passed one after the other, and step 0 is the
/// first in the direction of the message.
///
/// The host has one buffer for the body. What lies in it belongs to the parts in the order in which
/// it came: first what has passed all of them, then what the last one holds, and at its end what
/// the first one has just been given. So a body that is held stays with the host, under its limits.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Whether the headers of this direction have come.
    pub(super) has_begun: bool,
    /// The headers were the end of it.
    pub(super) ends_with_headers: bool,
    /// The step that holds the headers, and everything after them.
    pub(super) headers_held_at: Option<usize>,
    /// The step that holds the trailers.
    pub(super) trailers_held_at: Option<usize>,
    segments: Vec<Segment>,
    /// Bytes in front of the buffer that all have let pass, and that wait for those behind them.
    passed_bytes: usize,
}

/// What a step has of the body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Segment {
    pub(super) bytes: usize,
    /// The step has paused the body.
    pub(super) is_held: bool,
    /// The body ends with these bytes.
    pub(super) is_last: bool,
}

impl Flow {
    pub(super) fn new(steps: usize) -> Self {
        Self {
            segments: vec![Segment::default(); steps],
            ..Self::default()
        }
    }

    pub(super) fn segment(&self, step: usize) -> Segment {
        self.segments.get(step).copied().unwrap_or_default()
    }

    pub(super) fn segment_mut(&mut self, step: usize) -> Option<&mut Segment> {
        self.segments.get_mut(step)
    }

    /// Where the bytes of a step begin in the host's buffer.
    pub(super) fn offset(&self, step: usize) -> usize {
        let behind = self.segments.iter().skip(step.saturating_add(1));
        behind.fold(self.passed_bytes, |sum, segment| {
            sum.saturating_add(segment.bytes)
        })
    }

    /// How many bytes the host's buffer has, as far as the parts know.
    pub(super) fn total(&self) -> usize {
        let first = self.segments.first().copied().unwrap_or_default();
        self.offset(0).saturating_add(first.bytes)
    }

    /// The host shows `size` bytes: what is new belongs to the first step.
    pub(super) fn receive(&mut self, size: usize, is_last: bool) {
        let mut lost = self.total().saturating_sub(size);
        if lost > 0 {
            // A host that lets go of what it was to hold begins at the front.
            let steps = self
                .segments
                .iter_mut()
                .rev()
                .map(|segment| &mut segment.bytes);
            for bytes in std::iter::once(&mut self.passed_bytes).chain(steps) {
                let gone = lost.min(*bytes);
                *bytes = bytes.saturating_sub(gone);
                lost = lost.saturating_sub(gone);
            }
        }
        let new = size.saturating_sub(self.total());
        if let Some(first) = self.segments.first_mut() {
            first.bytes = first.bytes.saturating_add(new);
            first.is_last |= is_last;
        }
    }

    /// What a step has goes on to the next one, or has passed all of them.
    pub(super) fn pass(&mut self, step: usize) {
        let Some(segment) = self.segments.get_mut(step).map(std::mem::take) else {
            return;
        };
        match self.segments.get_mut(step.saturating_add(1)) {
            Some(next) => {
                next.bytes = next.bytes.saturating_add(segment.bytes);
                next.is_last |= segment.is_last;
            }
            None => self.passed_bytes = self.passed_bytes.saturating_add(segment.bytes),
        }
    }

    /// Whether any step holds something back.
    pub(super) fn is_held(&self) -> bool {
        self.headers_held_at.is_some()
            || self.trailers_held_at.is_some()
            || self.segments.iter().any(|segment| segment.is_held)
    }

    /// What the host is to do now. What it does not hold is gone.
    pub(super) fn action(&mut self) -> Action {
        if self.is_held() {
            return Action::Pause;
        }
        self.passed_bytes = 0;
        Action::Continue
    }
}
