//! JSON documents that are spread over lines, put on one line each: what a pretty printer makes, and
//! arrays with one item on each line. The items of an array are documents of their own.

use std::io::{self, Read};

/// Whether text that begins so is spread over lines: nothing but brackets stands on its first line,
/// or an item of an array with a comma behind it.
pub(super) fn is_spread(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    let Some(end) = head.iter().position(|byte| *byte == b'\n') else {
        return false;
    };
    let line = head.get(..end).unwrap_or_default().trim_ascii_end();
    match line {
        b"{" | b"[" | b"[{" => true,
        [b'[', item @ .., b','] => item.trim_ascii_start().starts_with(b"{"),
        _ => false,
    }
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
            b'\n' | b'\r' | b'\t' | b' ' => return,
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
        ] {
            assert!(is_spread(text.as_bytes()), "{text}");
            assert_eq!(lines(text), expected, "{text}");
        }
        for text in [
            "{\"a\":1}\n{\"b\":2}\n",
            "[{\"a\":1}]\n",
            "[2026-11-24] x\n",
            "{\"a\":",
            "",
        ] {
            assert!(!is_spread(text.as_bytes()), "{text}");
        }
    }
}
