//! JSON documents that are spread over lines, put on one line each: what a pretty printer makes, and
//! arrays with one item on each line. The items of an array are documents of their own.

use std::io::{self, Read};

/// Whether text that begins so is spread over lines: its first line ends within a value, and the next one goes on
/// with it. A line that was cut off is no such one.
pub(super) fn is_spread(head: &[u8]) -> bool {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == RECORD_SEPARATOR;
    let start = head.iter().position(|byte| !is_blank(byte));
    let head = start
        .and_then(|start| head.get(start..))
        .unwrap_or_default();
    let Some((line, rest)) = head
        .iter()
        .position(|byte| *byte == b'\n')
        .and_then(|end| head.split_at_checked(end))
    else {
        return false;
    };
    let line = line.trim_ascii_end();
    let next = rest.trim_ascii_start().first();
    match line {
        b"{" | b"[" | b"[{" => true,
        [b'[', item @ .., b','] => item.trim_ascii_start().starts_with(b"{"),
        [b'{', .., b'[' | b'{' | b','] => match (innermost(line), line.last()) {
            (Some(b'{'), _) => matches!(next, Some(b'"' | b'}')),
            (Some(_), Some(b',')) => next == Some(&b'{'),
            (Some(_), _) => matches!(next, Some(b'{' | b'[' | b'"' | b']')),
            (None, _) => false,
        },
        _ => false,
    }
}

/// The innermost bracket that is open at the end of a line, unless that is within a string.
fn innermost(line: &[u8]) -> Option<u8> {
    let (mut open, mut in_string, mut after_backslash) = (Vec::new(), false, false);
    for byte in line {
        match byte {
            _ if after_backslash => after_backslash = false,
            b'\\' => after_backslash = in_string,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => open.push(*byte),
            b'}' | b']' => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop().filter(|_| !in_string)
}

/// Reads such text as lines.
pub(super) struct Documents<R> {
    reader: R,
    state: State,
    block: Vec<u8>,
    lines: Vec<u8>,
    /// How much of the lines was given.
    given: usize,
}

/// Where in the text it is.
#[derive(Default)]
struct State {
    /// Brackets that are open, without those of the outermost array.
    depth: u32,
    in_array: bool,
    in_string: bool,
    after_backslash: bool,
    /// Something of the document that is open was written.
    has_content: bool,
}

impl<R: Read> Documents<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            state: State::default(),
            block: vec![0; BLOCK_BYTES],
            lines: Vec::new(),
            given: 0,
        }
    }
}

impl<R: Read> Read for Documents<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given >= self.lines.len() {
            let read = self.reader.read(&mut self.block)?;
            self.lines.clear();
            self.given = 0;
            if read == 0 {
                return Ok(0);
            }
            for byte in self.block.get(..read).unwrap_or_default() {
                self.state.take(*byte, &mut self.lines);
            }
        }
        let rest = self.lines.get(self.given..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}

impl State {
    fn take(&mut self, byte: u8, lines: &mut Vec<u8>) {
        if self.in_string {
            match byte {
                // No string has one: the text is damaged, and what comes after it need not be.
                b'\n' => {
                    *self = Self {
                        in_array: self.in_array,
                        ..Self::default()
                    }
                }
                _ if self.after_backslash => self.after_backslash = false,
                b'\\' => self.after_backslash = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            lines.push(byte);
            return;
        }
        let is_outside = self.depth == 0 && !self.has_content;
        match byte {
            b'\n' | b'\r' | b'\t' | b' ' | RECORD_SEPARATOR => return,
            // Items of a list that has no brackets.
            b',' if is_outside && !self.in_array => return,
            b'[' if is_outside && !self.in_array => {
                self.in_array = true;
                return;
            }
            b']' if self.depth == 0 && self.in_array => {
                self.in_array = false;
                self.end(lines);
                return;
            }
            b',' if self.depth == 0 && self.in_array => {
                self.end(lines);
                return;
            }
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b'"' => self.in_string = true,
            _ => {}
        }
        self.has_content = true;
        lines.push(byte);
        // Documents that are not items have nothing but white space between them.
        if self.depth == 0 && !self.in_array && byte == b'}' {
            self.end(lines);
        }
    }

    fn end(&mut self, lines: &mut Vec<u8>) {
        if std::mem::take(&mut self.has_content) {
            lines.push(b'\n');
        }
    }
}

const BLOCK_BYTES: usize = 64 << 10;
/// What begins each document of a JSON text sequence (RFC 7464).
const RECORD_SEPARATOR: u8 = 0x1e;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> String {
        let mut lines = String::new();
        let read = Documents::new(text.as_bytes()).read_to_string(&mut lines);
        assert!(read.is_ok());
        lines
    }

    #[test]
    fn documents_are_put_on_lines() {
        for (text, expected) in [
            (
                "{\n  \"a\": [1, {\"b\": \"x, \\\" ]}\"}]\n}\n",
                "{\"a\":[1,{\"b\":\"x, \\\" ]}\"}]}\n",
            ),
            ("{\n}\n{\n\"a\": 1\n}", "{}\n{\"a\":1}\n"),
            (
                "[\n  {\"a\": 1},\n  {\"b\": [2]}\n]\n",
                "{\"a\":1}\n{\"b\":[2]}\n",
            ),
            ("[{\"a\":1},\r\n{\"b\":2}]\r\n", "{\"a\":1}\n{\"b\":2}\n"),
            // Cut off: what is there is there.
            ("[\n{\"a\":1},\n{\"b\":", "{\"a\":1}\n{\"b\":"),
            ("[\n]\n", ""),
            // One behind the other, with whatever between them.
            ("{\n\"a\":1\n}{\n\"b\":2\n}", "{\"a\":1}\n{\"b\":2}\n"),
            ("{\n\"a\":1\n},\n{\"b\":2}", "{\"a\":1}\n{\"b\":2}\n"),
            (
                "\u{1e}{\n \"a\": 1\n}\n\u{1e}{\n \"b\": 2\n}\n",
                "{\"a\":1}\n{\"b\":2}\n",
            ),
            // Not all on a line of its own.
            ("{\"a\": [\n{\"b\": 1},\n2]}\n", "{\"a\":[{\"b\":1},2]}\n"),
            ("{ \"a\": 1,\n  \"b\": 2 }\n", "{\"a\":1,\"b\":2}\n"),
        ] {
            assert!(is_spread(text.as_bytes()), "{text}");
            assert_eq!(lines(text), expected, "{text}");
        }
        for text in [
            "{\"a\":1}\n{\"b\":2}\n",
            "[{\"a\":1}]\n",
            "[2026-11-24] x\n",
            "{\"a\":",
            // Cut off.
            "{\"a\":1,\n{\"b\":2}\n",
            "{\"a\":[\nwords\n",
            "{\"a\":\"x,\n\"b\":2}\n",
            "",
        ] {
            assert!(!is_spread(text.as_bytes()), "{text}");
        }
    }
}
