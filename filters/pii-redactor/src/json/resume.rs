//! Where JSON goes on behind what is none: at the next member. That goes for what writers by hand leave out
//! or put in (`1,,`, `"a"=>"x"`, a quote in a string), and for what keeps browsers from running a document
//! as a script (`for(;;);{"a":1}`, `cb([{"a":1}])`).

use super::cursor::Cursor;
use super::{JsonRewriter, MAX_DEPTH, MAX_NAME_BYTES, Next, State, is_space};
use crate::names::KeyInfo;
use crate::plan::Plan;
use crate::tally::Tally;

/// The beginning of a member in a text: `,"name"` or `{"name"`, also behind `[`.
#[derive(Debug, Default)]
pub(super) struct MemberAhead {
    part: Part,
    /// As far as it has been read: a text, if it does not go on to a colon.
    held: Vec<u8>,
    /// Brackets of the text that have not been closed.
    opened: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Nothing,
    /// Behind this sign, and white space.
    Sign(u8),
    Name,
    BehindName,
}

impl MemberAhead {
    pub(super) const fn held(&self) -> usize {
        self.held.len()
    }

    /// Begins a text.
    pub(super) const fn begin(&mut self) {
        self.opened = 0;
    }

    /// What a byte makes of it; `None`: it is no beginning of a member.
    fn next(&self, byte: u8) -> Option<Part> {
        let has_room = self.held.len() < MAX_NAME_BYTES;
        let next = match (self.part, byte) {
            (Part::Nothing | Part::Sign(b'['), b'[' | b'{') | (Part::Nothing, b',') => {
                Some(Part::Sign(byte))
            }
            (Part::Sign(b',' | b'{'), b'"') => Some(Part::Name),
            (Part::Name, b'"') => Some(Part::BehindName),
            (Part::Name, b',' | b':' | b'{' | b'[' | b'}' | b']' | 0..=0x1f) => None,
            (part @ Part::Name, _) => Some(part),
            (part @ (Part::Sign(_) | Part::BehindName), _) if is_space(byte) => Some(part),
            _ => None,
        };
        next.filter(|_| has_room)
    }
}

impl JsonRewriter {
    /// Whether a text ends where a member begins.
    pub(super) const fn seeks_members(&self) -> bool {
        self.traits.seeks && self.traits.level == 0 && self.traits.minimizes.is_none()
    }

    /// Takes a byte of a text if it belongs to the beginning of a member, or is the colon behind one; `false`
    /// if it is text.
    pub(super) fn seek_member(
        &mut self,
        byte: u8,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) -> bool {
        let member = &mut self.recovery.member;
        if member.part == Part::BehindName && byte == b':' {
            self.resume(cursor, plan, tally);
            return true;
        }
        let Some(next) = member.next(byte) else {
            let was_text = member.part == Part::Nothing;
            self.release_member(cursor.out(), tally);
            return !was_text;
        };
        member.part = next;
        member.held.push(byte);
        cursor.advance();
        cursor.drop_read();
        self.recovery.at_line = super::is_line_end(byte);
        true
    }

    /// What is held is no beginning of a member.
    pub(super) fn release_member(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.recovery.member.part = Part::Nothing;
        if self.recovery.member.held.is_empty() {
            return;
        }
        let mut held = std::mem::take(&mut self.recovery.member.held);
        self.count_brackets(&held);
        self.recovery.text.write(&held, out, tally);
        held.clear();
        self.recovery.member.held = held;
    }

    /// Follows the brackets of a text, so that what comes behind it is where it belongs.
    pub(super) fn count_brackets(&mut self, text: &[u8]) {
        let opened = &mut self.recovery.member.opened;
        for byte in text {
            match byte {
                b'{' | b'[' => *opened = opened.saturating_add(1),
                b'}' | b']' if *opened > 0 => *opened = opened.saturating_sub(1),
                b'}' | b']' => self.stack.leave(),
                _ => {}
            }
        }
    }

    /// The text ends before what is held, which is read as JSON.
    fn resume(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        let member = std::mem::take(&mut self.recovery.member);
        self.recovery.text.finish(cursor.out(), tally);
        let is_behind_another = member.held.first() == Some(&b',');
        let is_in_object = self
            .stack
            .frames
            .last()
            .is_some_and(|frame| frame.is_object);
        if is_behind_another && !(is_in_object && member.opened == 0) {
            self.open_unknown();
        }
        if let Some(frame) = self.stack.frames.last_mut() {
            frame.written = true;
        }
        self.next = Next {
            allowed: true,
            states_from: self.stack.states.len(),
            ..Next::default()
        };
        self.committed = !is_behind_another;
        self.member_name.begin();
        self.state = if is_behind_another {
            State::AfterValue
        } else {
            State::Value { is_first: false }
        };
        let offset = self.offset;
        let back = u64::try_from(member.held.len()).unwrap_or(0);
        self.offset = self.place(cursor).saturating_sub(back);
        let mut held = Cursor::new(&member.held, Vec::new(), cursor.out());
        while let Some(byte) = held.peek() {
            self.step(byte, &mut held, plan, tally);
        }
        let tentative = held.finish();
        self.member_name.save(&member.held);
        self.offset = offset;
        if !tentative.is_empty() {
            cursor.begin_tentative();
            cursor.insert(&tentative);
        }
    }

    /// An object of which only members are known: no path leads there.
    fn open_unknown(&mut self) {
        if self.stack.frames.len() >= MAX_DEPTH {
            self.stack.clear();
        }
        let states = self.stack.states.len();
        let info = KeyInfo::default();
        self.stack.enter_plain(true, true, info, Some(&[]), states);
    }
}

#[cfg(test)]
mod tests {
    use crate::fixtures::plan_of;
    use crate::json::JsonRewriter;
    use crate::tally::Tally;

    const RULES: &str = r#"{"rules":[{"detect":["PERSON_NAME","EMAIL"],
        "fields":[{"name":["secret"],"action":"remove"},{"path":"$[*].x.y","action":"null"}]}]}"#;

    fn left_of(input: &str, chunk: usize) -> String {
        let mut rewriter = JsonRewriter::new(plan_of(RULES));
        let (mut out, mut tally) = (Vec::new(), Tally::default());
        for bytes in input.as_bytes().chunks(chunk) {
            rewriter.write(bytes, &mut out, &mut tally);
        }
        rewriter.finish(&mut out, &mut tally);
        assert!(rewriter.malformed().is_some(), "{input}");
        assert_eq!(rewriter.held(), 0, "{input}");
        String::from_utf8(out).unwrap()
    }

    fn check(input: &str, expected: &str) {
        for chunk in [input.len(), 1, 7] {
            assert_eq!(left_of(input, chunk), expected, "pieces of {chunk}");
        }
    }

    #[test]
    fn prefixes_that_keep_scripts_away_hide_nothing() {
        for prefix in [
            "for(;;);",
            "while(1);",
            "while (true) {}\n",
            "{}&& ",
            "{} && ",
            "throw 1; <dont be evil>",
            "throw 'no'; ",
            "&&&START&&&",
            "cb(",
            "/**/cb(",
            "a.b['c'](",
            "var x = ",
            "\0",
        ] {
            check(
                &format!(r#"{prefix}{{"first_name":"Jane","secret":1,"a":"jane@example.com"}});"#),
                &format!(r#"{prefix}{{"first_name":"[PERSON_NAME]","a":"[EMAIL]"}});"#),
            );
            check(
                &format!(r#"{prefix}[{{"x":{{"y":1}},"secret":[2]}} , {{"secret":1}}])"#),
                &format!(r#"{prefix}[{{"x":{{"y":null}}}} , {{}}])"#),
            );
        }
    }

    #[test]
    fn members_go_on_behind_what_is_no_json() {
        for spot in [
            "\"a\":1,",
            "\"a\":1;",
            "\"a\":\"a\"b\"c\"",
            "\"a\"=\"x\"",
            "\"a\"=>\"x\"",
            ":a=>1",
            "\"a\":`x`",
            "\"a\":$1",
            "\"a\":(1)",
            "\"a\":@x",
            "\"a\":<a>",
            "\"a\":1_000",
            "\"a\":u'x'",
            "\"a\":a b",
            "\"a\":[1,,2]",
            "\"a\":[1,;{\"b\":2}]",
            "\"a\":{\"b\";1}",
            "\"a\":[[1}",
        ] {
            check(
                &format!(r#"{{{spot},"first_name":"Jane","secret":1, "secret" : 2,"b":2}}"#),
                &format!(r#"{{{spot},"first_name":"[PERSON_NAME]","b":2}}"#),
            );
        }
        check(
            r#"[{"l":[{"a":1}},{"first_name":"Jane","secret":1}]"#,
            r#"[{"l":[{"a":1}},{"first_name":"[PERSON_NAME]"}]"#,
        );
        check(
            r#"[{"x":{"z":1;}},{"x":{"y":1}}]"#,
            r#"[{"x":{"z":1;}},{"x":{"y":null}}]"#,
        );
    }

    #[test]
    fn what_never_becomes_a_member_stays_a_text() {
        for text in [
            "; , \"first_name\"",
            "{\"first_name\" x",
            ";[[{\"first_name",
            "; ,\"a\",\"b\",[,{,",
        ] {
            check(text, text);
        }
        let many = format!(";{}", "[,\"a\":1;".repeat(2_000));
        assert_eq!(left_of(&many, many.len()), many);
    }
}
