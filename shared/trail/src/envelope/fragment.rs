//! Lines of a container's log. The runtimes cut long lines into pieces: docker's json-file leaves the
//! line feed out of all but the last, a CRI log marks them with `P` and the last with `F`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use super::members::Members;

/// What one line of a container's log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment<'l> {
    /// Which stream of the container.
    pub stream: Cow<'l, str>,
    /// What was written to it.
    pub text: Cow<'l, str>,
    /// The line that was written ends here.
    pub is_last: bool,
    /// Bytes of a character whose beginning stands in the piece before, and of one whose end in the next. They
    /// are not in the text.
    pub cut: (Vec<u8>, Vec<u8>),
}

impl Fragment<'_> {
    /// The same, of a line that does not stay.
    pub(crate) fn into_owned(self) -> Fragment<'static> {
        Fragment {
            stream: Cow::Owned(self.stream.into_owned()),
            text: Cow::Owned(self.text.into_owned()),
            is_last: self.is_last,
            cut: self.cut,
        }
    }

    /// The same, with the bytes of the line: a runtime counts bytes, and cuts within characters. Bytes that no
    /// neighbour completes are told from the text by nobody, and stay what they were taken for.
    pub(crate) fn cut_in(mut self, line: &[u8]) -> Fragment<'static> {
        let mut words = line.splitn(4, |byte| *byte == b' ');
        if let Some(text) = words.nth(3).filter(|_| !line.starts_with(b"{")) {
            let is_rest = |byte: &&u8| matches!(**byte, 0x80..=0xbf);
            let before = text.iter().take(3).take_while(is_rest).count();
            let (before, text) = text.split_at_checked(before).unwrap_or((&[], text));
            let is_beginning = |length: &usize| {
                let end = text
                    .len()
                    .checked_sub(*length)
                    .and_then(|at| text.get(at..));
                let read = end.map(std::str::from_utf8);
                matches!(read, Some(Err(error)) if error.error_len().is_none() && error.valid_up_to() == 0)
            };
            let behind = (1..=3).find(is_beginning).unwrap_or(0);
            let whole = text.len().saturating_sub(behind);
            let (text, behind) = text.split_at_checked(whole).unwrap_or((text, &[]));
            self.text = Cow::Owned(String::from_utf8_lossy(text).into_owned());
            self.cut = (before.to_vec(), behind.to_vec());
        }
        self.into_owned()
    }

    /// The text without what surrounds it.
    pub(crate) fn alone(&self) -> String {
        let mut pieces = JoinedLine::default();
        pieces.push(self);
        pieces.end()
    }
}

/// What there is of a line.
#[derive(Clone, Debug, Default)]
pub(crate) struct JoinedLine {
    text: String,
    /// Bytes of a character that is not whole.
    open: Vec<u8>,
}

impl JoinedLine {
    pub(crate) fn push(&mut self, fragment: &Fragment<'_>) {
        let (before, behind) = &fragment.cut;
        self.open.extend_from_slice(before);
        self.text.push_str(&String::from_utf8_lossy(&self.open));
        self.open.clone_from(behind);
        // What is longer is no record, and would not be read as a line either.
        if self.text.len() < MAX_BYTES {
            self.text.push_str(&fragment.text);
        }
    }

    pub(crate) fn end(mut self) -> String {
        self.text.push_str(&String::from_utf8_lossy(&self.open));
        self.text
    }
}

/// Reads a line of a container's log. `None`: it is none.
pub(super) fn of(line: &str) -> Option<Fragment<'_>> {
    if line.starts_with('{') {
        return docker(line);
    }
    let (time, rest) = line.split_once(' ')?;
    // 2026-11-24T21:00:00.000000000+01:00
    let is_time = time.len() >= 20
        && time.as_bytes().get(10) == Some(&b'T')
        && time.bytes().take(4).all(|byte| byte.is_ascii_digit());
    let (stream, rest) = rest.split_once(' ').filter(|_| is_time)?;
    if !matches!(stream, "stdout" | "stderr") {
        return None;
    }
    let (tags, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_last = match tags.split(':').next() {
        Some("F") => true,
        Some("P") => false,
        _ => return None,
    };
    Some(Fragment {
        stream: stream.into(),
        text: text.into(),
        is_last,
        cut: Default::default(),
    })
}

fn docker(line: &str) -> Option<Fragment<'_>> {
    // The members come in this order, and others are rarely begun so.
    if !line.starts_with(r#"{"log":"#) && !line.contains(r#""stream":"std"#) {
        return None;
    }
    let members = Members::read(line).ok()?;
    let stream = members
        .string("stream")
        .filter(|s| matches!(s.as_ref(), "stdout" | "stderr"))?;
    let text = members.string("log")?;
    let is_last = text.ends_with('\n');
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(mut text) => {
            text.truncate(text.trim_end_matches(['\n', '\r']).len());
            Cow::Owned(text)
        }
    };
    Some(Fragment {
        stream,
        text,
        is_last,
        cut: Default::default(),
    })
}

/// Puts pieces together, in the order of their lines and in bounded memory.
#[derive(Debug, Default)]
pub struct Fragments {
    /// Of each stream, what there is of a line.
    open: HashMap<String, JoinedLine>,
    /// Of each stream, the pieces of the first line in this file.
    first: HashMap<String, Pieces>,
    /// What files have begun with.
    heads: Vec<Edge<Pieces>>,
    /// What files have ended with, and that is no whole line.
    tails: Vec<Edge<JoinedLine>>,
    /// What files have of a line that neither began nor ended in them, as far as can be told.
    middles: Vec<Edge<Pieces>>,
    files: usize,
    bytes: usize,
}

/// The pieces of a line.
#[derive(Debug, Default)]
struct Pieces {
    pieces: Vec<Fragment<'static>>,
    is_whole: bool,
}

/// What a stream has at the beginning or at the end of a file.
#[derive(Debug)]
struct Edge<T> {
    file: usize,
    stream: String,
    text: T,
}

impl Fragments {
    /// Adds a piece. Returns the line, if this was its last.
    pub fn add(&mut self, fragment: &Fragment<'_>) -> Option<String> {
        self.note_first(fragment);
        if fragment.is_last && self.open.is_empty() {
            return Some(fragment.alone());
        }
        let mut pieces = self
            .open
            .remove(fragment.stream.as_ref())
            .unwrap_or_default();
        pieces.push(fragment);
        if fragment.is_last {
            return Some(pieces.end());
        }
        self.open
            .insert(fragment.stream.clone().into_owned(), pieces);
        None
    }

    fn note_first(&mut self, fragment: &Fragment<'_>) {
        let known = self.first.get(fragment.stream.as_ref());
        if known.is_some_and(|first| first.is_whole) || self.bytes > MAX_BYTES {
            return;
        }
        self.bytes = self.bytes.saturating_add(fragment.text.len());
        let stream = fragment.stream.clone().into_owned();
        let first = self.first.entry(stream).or_default();
        first.pieces.push(fragment.clone().into_owned());
        first.is_whole = fragment.is_last;
    }

    /// A file ends here. What has no end in it may have one in another: a runtime begins a new file between the
    /// pieces of a line.
    pub fn end_file(&mut self) {
        let file = self.files;
        for (stream, text) in self.first.drain() {
            let edges = match text.is_whole {
                true => &mut self.heads,
                false => &mut self.middles,
            };
            edges.push(Edge { file, stream, text });
        }
        let tails = self.open.drain();
        self.tails
            .extend(tails.map(|(stream, text)| Edge { file, stream, text }));
        self.files = self.files.saturating_add(1);
    }

    /// What has no end in its file. `is_line` says of what another file begins with whether it is a line by itself.
    pub(crate) fn end(&mut self, is_line: impl Fn(String) -> bool) -> Vec<OpenLine> {
        let mut heads = std::mem::take(&mut self.heads);
        let tails = std::mem::take(&mut self.tails);
        if !tails.is_empty() {
            heads.retain(|head| !is_line(joined(JoinedLine::default(), &head.text)));
        }
        let heads = Rc::new(heads);
        let middles = Rc::new(std::mem::take(&mut self.middles));
        let line = |tail| OpenLine {
            tail,
            heads: Rc::clone(&heads),
            middles: Rc::clone(&middles),
        };
        tails.into_iter().map(line).collect()
    }
}

fn joined(mut line: JoinedLine, pieces: &Pieces) -> String {
    pieces.pieces.iter().for_each(|piece| line.push(piece));
    line.end()
}

/// A line that has no end in its file.
#[derive(Debug)]
pub(crate) struct OpenLine {
    tail: Edge<JoinedLine>,
    heads: Rc<Vec<Edge<Pieces>>>,
    middles: Rc<Vec<Edge<Pieces>>>,
}

impl OpenLine {
    /// As it stands in its file.
    pub(crate) fn alone(&self) -> String {
        self.tail.text.clone().end()
    }

    /// Whether its file has nothing but pieces of this one line, so that it may have begun in another.
    pub(crate) fn is_middle(&self) -> bool {
        self.middle(self.tail.file).is_some()
    }

    fn middle(&self, file: usize) -> Option<&Pieces> {
        let is_meant = |edge: &&Edge<Pieces>| edge.file == file && edge.stream == self.tail.stream;
        self.middles.iter().find(is_meant).map(|edge| &edge.text)
    }

    /// With what stands in files that are all of it, and the beginning of the one behind them. The newest file may
    /// come first.
    fn through(&self, next: impl Fn(usize) -> Option<usize>) -> Option<String> {
        let Edge { file, stream, text } = &self.tail;
        let (mut file, mut line) = (next(*file)?, text.clone());
        for _ in 0..MAX_TRIES {
            let is_meant = |head: &&Edge<Pieces>| head.file == file && head.stream == *stream;
            if let Some(head) = self.heads.iter().find(is_meant) {
                return Some(joined(line, &head.text));
            }
            let middle = self.middle(file)?;
            middle.pieces.iter().for_each(|piece| line.push(piece));
            file = next(file)?;
        }
        None
    }

    /// With what other files begin with: the likeliest, which is the next file's, first, then the others', in whatever
    /// order they came.
    pub(crate) fn joined(&self) -> impl Iterator<Item = String> {
        let Edge { file, stream, text } = &self.tail;
        let next = file.saturating_add(1);
        let is_meant = move |head: &&Edge<Pieces>| head.stream == *stream && head.file != *file;
        let heads = self.heads.iter().filter(is_meant);
        let after = heads.clone().filter(move |head| head.file == next);
        let others = heads.filter(move |head| head.file != next);
        let likely = after.chain(others).take(MAX_TRIES);
        let likely = likely.map(|head| joined(text.clone(), &head.text));
        let forward = self.through(|file| file.checked_add(1));
        let backward = self.through(|file| file.checked_sub(1));
        forward.into_iter().chain(backward).chain(likely)
    }
}

const MAX_BYTES: usize = 64 << 20;
/// With how many files the end of one is compared.
const MAX_TRIES: usize = 1000;
