//! Comments of JSON5, and of writers that do not mind: white space with a text in it. The text is
//! searched, and where only named members pass it goes, for it has no members.

use super::cursor::Cursor;
use super::{JsonRewriter, MAX_HELD_BYTES, State};
use crate::bytes::{Position as _, part, rest};
use crate::malformed::Fault;
use crate::plan::Plan;
use crate::redaction::{Found, Redaction};
use crate::tally::Tally;

/// How far a comment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comment {
    /// Behind the slash that may begin one.
    Begins,
    /// A comment to the end of the line, behind `//`.
    Line,
    /// Behind `/*`; the last byte was an asterisk.
    Block { after_asterisk: bool },
}

impl Comment {
    /// Where it goes on behind this byte; `None`: it is over, with this byte or before it.
    pub(super) const fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Begins, b'/') => Some(Self::Line),
            (Self::Begins, b'*') => Some(Self::Block {
                after_asterisk: false,
            }),
            (Self::Begins, _)
            | (Self::Line, b'\n' | b'\r')
            | (
                Self::Block {
                    after_asterisk: true,
                },
                b'/',
            ) => None,
            (Self::Line, _) => Some(Self::Line),
            (Self::Block { .. }, _) => Some(Self::Block {
                after_asterisk: byte == b'*',
            }),
        }
    }
}

impl JsonRewriter {
    /// A slash where white space may stand.
    pub(super) fn begin_comment(&mut self, cursor: &mut Cursor<'_>) {
        if self.is_before_child(self.state, cursor) {
            cursor.begin_tentative();
        }
        self.member_name.save(cursor.chunk);
        cursor.park();
        cursor.advance();
        cursor.drop_read();
        self.behind_comment = self.state;
        self.token.clear();
        self.token.push(b'/');
        self.state = State::InComment(Comment::Begins);
    }

    /// A slash has been read behind a number, and belongs to a comment.
    pub(super) fn begin_comment_behind_slash(&mut self, cursor: &mut Cursor<'_>) {
        cursor.drop_read();
        self.behind_comment = self.state;
        self.state = State::InComment(Comment::Begins);
    }

    pub(super) fn in_comment(
        &mut self,
        comment: Comment,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        if self.is_before_child(self.behind_comment, cursor) {
            cursor.begin_tentative();
        }
        let ahead = rest(cursor.chunk, cursor.at);
        match (comment, ahead.first()) {
            (Comment::Begins, Some(byte)) => {
                let Some(next) = comment.next(*byte) else {
                    // A slash and nothing else: it is text, with what follows.
                    self.state = self.behind_comment;
                    return self.break_off(Fault::UnexpectedByte, cursor, plan, tally);
                };
                cursor.advance();
                self.token.clear();
                if !self.drops_comment(cursor, tally) {
                    cursor.insert(if next == Comment::Line { b"//" } else { b"/*" });
                }
                cursor.drop_read();
                self.comment_text.begin_at(self.place(cursor));
                self.state = State::InComment(next);
            }
            (Comment::Line, _) => {
                let length = memchr::memchr2(b'\n', b'\r', ahead).unwrap_or(ahead.len());
                self.comment_piece(length, cursor, tally);
                if length < ahead.len() {
                    self.end_comment(b"", cursor, tally);
                }
            }
            (Comment::Block { after_asterisk }, first) => {
                if after_asterisk && first == Some(&b'/') {
                    cursor.advance();
                    cursor.drop_read();
                    return self.end_comment(b"*/", cursor, tally);
                }
                if after_asterisk {
                    // It was one of the text.
                    self.comment_bytes(b"*", cursor, tally);
                }
                let length = memchr::memchr(b'*', ahead);
                self.comment_piece(length.unwrap_or(ahead.len()), cursor, tally);
                if length.is_some() {
                    cursor.advance();
                    cursor.drop_read();
                }
                self.state = State::InComment(Comment::Block {
                    after_asterisk: length.is_some(),
                });
            }
            (Comment::Begins, None) => {}
        }
        if cursor.is_tentative() && cursor.tentative_bytes() > MAX_HELD_BYTES {
            self.committed = true;
            self.keep(cursor);
        }
    }

    /// Whether comments do not leave.
    fn drops_comments(&self) -> bool {
        self.traits
            .minimizes
            .is_some_and(|minimization| minimization.enforces)
    }

    /// Counts a comment that goes because it has no members.
    fn drops_comment(&self, cursor: &Cursor<'_>, tally: &mut Tally) -> bool {
        let Some(minimization) = self.traits.minimizes else {
            return false;
        };
        let redaction = Redaction::of_minimization(minimization);
        let new = redaction.removes_member.then_some(&b""[..]);
        let found = Found {
            offset: self.place(cursor),
            length: 0,
            old: b"//",
            new,
        };
        redaction.record(tally, found);
        new.is_some()
    }

    fn comment_piece(&mut self, length: usize, cursor: &mut Cursor<'_>, tally: &mut Tally) {
        let piece = part(cursor.chunk, cursor.at, cursor.at.plus(length));
        cursor.at = cursor.at.plus(length);
        cursor.drop_read();
        self.comment_bytes(piece, cursor, tally);
    }

    fn comment_bytes(&mut self, bytes: &[u8], cursor: &mut Cursor<'_>, tally: &mut Tally) {
        if !self.drops_comments() {
            let mut new = Vec::new();
            self.comment_text.write(bytes, &mut new, tally);
            cursor.insert(&new);
        }
    }

    /// A comment is over, with this.
    fn end_comment(&mut self, end: &[u8], cursor: &mut Cursor<'_>, tally: &mut Tally) {
        if !self.drops_comments() {
            let mut new = Vec::new();
            self.comment_text.finish(&mut new, tally);
            new.extend_from_slice(end);
            cursor.insert(&new);
        }
        self.state = self.behind_comment;
    }

    /// The document breaks off in a comment.
    pub(super) fn release_comment(&mut self, cursor: &mut Cursor<'_>, tally: &mut Tally) {
        if let State::InComment(comment) = self.state {
            let end: &[u8] = match comment {
                Comment::Block {
                    after_asterisk: true,
                } => b"*",
                _ => b"",
            };
            self.end_comment(end, cursor, tally);
        }
    }
}
