//! Lines of containers' logs, of which a long one is there in pieces: they are held until all are
//! there, changed as one, and then put into the place of the last.

use std::io;

use policy::json::Json;

use super::change::{Changed, Changer};
use super::{Beside, Fate};
use crate::envelope::{self, Fragment, JoinedLine, Line};

/// A line of a container's log, as text and as it is.
pub(super) fn fragment<'l>(text: &'l str, line: &[u8]) -> Option<Fragment<'l>> {
    match envelope::read(text, &[]) {
        Line::Fragment(fragment) if text.as_bytes() == line => Some(fragment),
        Line::Fragment(fragment) => Some(fragment.cut_in(line)),
        _ => None,
    }
}

/// Lines that are not written yet.
#[derive(Default)]
pub(super) struct Pieces {
    lines: Vec<Vec<u8>>,
    /// Streams of which a line is not whole: what there is of it, and in which lines.
    open: Vec<(String, JoinedLine, Vec<usize>)>,
}

impl Pieces {
    pub(super) fn push(&mut self, line: Vec<u8>) {
        self.lines.push(line);
    }

    /// Whether no line is in want of a piece; or there are so many that none will come.
    pub(super) fn are_whole(&self) -> bool {
        self.open.is_empty() || self.lines.len() > MAX_LINES
    }

    pub(super) fn write(&mut self, out: &mut impl io::Write) -> io::Result<()> {
        self.open.clear();
        for line in self.lines.drain(..) {
            out.write_all(&line)?;
        }
        Ok(())
    }

    pub(super) fn add<F: FnMut(&str, &str) -> Fate>(
        &mut self,
        line: &[u8],
        fragment: &Fragment<'_>,
        beside: Beside,
        changer: &mut Changer<'_, F>,
    ) {
        let at = self.lines.len();
        self.lines.push(line.to_vec());
        let known = self
            .open
            .iter()
            .position(|(stream, ..)| *stream == fragment.stream);
        let (stream, mut text, mut lines) = match known {
            Some(known) => self.open.swap_remove(known),
            None => (
                fragment.stream.clone().into_owned(),
                JoinedLine::default(),
                Vec::new(),
            ),
        };
        text.push(fragment);
        lines.push(at);
        if fragment.is_last {
            self.change(&text.end(), &lines, beside, changer);
        } else {
            self.open.push((stream, text, lines));
        }
    }

    /// Ends the input: pieces that are still open are decided.
    pub(super) fn end<F: FnMut(&str, &str) -> Fate>(
        &mut self,
        beside: Beside,
        changer: &mut Changer<'_, F>,
    ) {
        for (_, text, lines) in std::mem::take(&mut self.open) {
            self.change(&text.end(), &lines, beside, changer);
        }
    }

    fn change<F: FnMut(&str, &str) -> Fate>(
        &mut self,
        text: &str,
        lines: &[usize],
        beside: Beside,
        changer: &mut Changer<'_, F>,
    ) {
        let changed = changer.text(text);
        changer.look_beside(beside, text, &changed);
        let changed = match changed {
            Changed::Not => return,
            Changed::To(changed) => Some(changed),
            Changed::Gone => None,
        };
        let Some((last, before)) = lines.split_last() else {
            return;
        };
        for line in before {
            if let Some(line) = self.lines.get_mut(*line) {
                line.clear();
            }
        }
        if let Some(line) = self.lines.get_mut(*last) {
            *line = changed
                .and_then(|text| with_text(line, &text))
                .unwrap_or_default();
        }
    }
}

/// The last line of some pieces, with the whole text in it.
fn with_text(line: &[u8], text: &str) -> Option<Vec<u8>> {
    let line = String::from_utf8_lossy(line);
    if line.starts_with('{') {
        let mut json = Json::parse(line.trim_ascii().as_bytes()).ok()?;
        let Json::Object(members) = &mut json else {
            return None;
        };
        let (_, log) = members.iter_mut().find(|(name, _)| name == "log")?;
        *log = Json::String(format!("{text}\n"));
        return Some(format!("{json}\n").into_bytes());
    }
    // The time, the stream and the tag stand before the text.
    let mut words = line.splitn(4, ' ');
    let (time, stream) = (words.next()?, words.next()?);
    Some(format!("{time} {stream} F {text}\n").into_bytes())
}

const MAX_LINES: usize = 10_000;
