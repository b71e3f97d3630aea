//! The name of the member that is being read.

use super::members::unescaped;
use crate::bytes::{Position as _, part};
use crate::scan::TextScanner;
use crate::spelled::Spelling;

/// A name, as far as rules need it.
#[derive(Debug)]
pub(super) struct MemberName {
    /// Its spelling while it is read, then the name.
    pub(super) text: Vec<u8>,
    /// Where it is in the chunk, until it is saved.
    pub(super) place: Option<(usize, usize)>,
    /// It is longer than any rule names.
    pub(super) is_long: bool,
    /// Searches names, where they are searched too.
    pub(super) scanner: TextScanner,
}

impl Default for MemberName {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            place: None,
            is_long: false,
            scanner: TextScanner::new(Spelling::Name),
        }
    }
}

impl MemberName {
    /// The name is needed beyond what was looked up, or the chunk is over.
    pub(super) fn save(&mut self, chunk: &[u8]) {
        if let Some((start, length)) = self.place.take() {
            self.text.clear();
            self.text
                .extend_from_slice(part(chunk, start, start.plus(length)));
        }
    }

    /// The name that has been read, without its escapes; nothing of one that is longer than any rule names.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let spelled = std::mem::take(&mut self.text);
        if self.is_long {
            return Vec::new();
        }
        unescaped(&spelled)
    }

    /// A name begins that is not all in the chunk, or spelled with escapes.
    pub(super) fn begin(&mut self) {
        self.text.clear();
        self.place = None;
        self.is_long = false;
    }
}
