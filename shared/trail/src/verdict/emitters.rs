//! Which emitters are there, and which were expected.

use super::{Conclusion, Question, counted};
use crate::chains::Trail;
use crate::issue::Kind;

/// The emitters that are to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedEmitters {
    /// At least as many different ones.
    AtLeast(u64),
    /// These: the id of an emitter, or of the key with which it signs.
    Named(Vec<String>),
}

impl ExpectedEmitters {
    /// Reads a count (`4`) or ids with commas between them (`edge-1,edge-2`).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let is_count = text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(0) => Err("expected at least 1, or ids with commas between them".to_owned()),
            Ok(count) if is_count => Ok(Self::AtLeast(count)),
            _ => {
                let ids: Vec<String> = text.split(',').map(|id| id.trim().to_owned()).collect();
                if ids.iter().any(String::is_empty) {
                    return Err("expected a count, or ids with commas between them".to_owned());
                }
                Ok(Self::Named(ids))
            }
        }
    }
}

impl Conclusion {
    /// Emitters that shared nothing with one that is there leave no trace when all that they wrote is
    /// taken away. Only whoever runs them can say that they must be there.
    pub(super) fn check_emitters(&mut self, trail: &mut Trail, question: &Question) {
        self.emitters = trail.beside.present.iter().cloned().collect();
        self.emitters.sort_unstable();
        self.emitter_keys = trail.beside.keys.iter().cloned().collect();
        let mut missing = |place: &str, message: String| {
            trail
                .issues
                .add(Kind::MissingEmitter, || place.to_owned(), || message);
        };
        match &question.emitters {
            Some(ExpectedEmitters::AtLeast(count)) if (self.emitters.len() as u64) < *count => {
                let expected = counted(*count, "emitter");
                let here = self.emitters.len();
                missing(
                    "-",
                    format!("{expected} expected, and there are records of {here}"),
                );
            }
            Some(ExpectedEmitters::Named(ids)) => {
                for id in ids {
                    if !self.emitters.contains(id) && !self.emitter_keys.contains(id) {
                        let message = "no record is of an emitter or signed with a key of this id";
                        missing(id, message.to_owned());
                    }
                }
            }
            _ => {}
        }
        for id in &question.emitter_keys {
            if !self.emitter_keys.contains(id) {
                trail.issues.add(
                    Kind::IdleKey,
                    || id.clone(),
                    || {
                        "no record is signed with this key, which was given: its emitter wrote nothing, \
                         or to another place, or all of it was taken away; --emitters makes that a failure"
                            .to_owned()
                    },
                );
            }
        }
    }
}
