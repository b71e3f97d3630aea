//! What stands in the place of a value without quotes in a document that a text holds: JSON in a page, in a string, in
//! a field of a form, in a call or in a line of a log; YAML and TOML. A number or a plain word needs no quotes
//! there and a label does, or nobody could read the document any more.

use crate::action::Replacement;
use crate::bytes::{Position as _, at, before, count_while, count_while_back, part, rest};
use crate::json::is_json_number;
use crate::redaction::Redaction;
use crate::steps::step;

/// The quotes that a replacement needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quotes {
    /// Where the value begins and ends of which the match is a part: `-4111111111111111.0`.
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) style: Style,
}

/// How the quotes are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Like those that end the name before the value, escapes included: they stand from one place to another.
    Like(usize, usize),
    /// Double quotes; the value has none inside.
    Double,
    /// Single quotes, which scripts and attributes of pages need not escape.
    Single,
    /// Single quotes around all of a plain scalar of YAML that begins with the match; those inside are doubled.
    Scalar,
}

/// The quotes of what is the value of a member of JSON, or an item of one, and stands in no quotes.
pub(crate) fn of_member(text: &[u8], (start, end): (usize, usize)) -> Option<Quotes> {
    let start = start.less(usize::from(matches!(before(text, start), b'-' | b'+')));
    let place = back(text, start, MAX_BLANKS, is_blank);
    let colon = match before(text, place) {
        b':' => place,
        b'[' | b',' => before_array(text, place)?,
        _ => return None,
    };
    let behind_quote = back(text, colon.less(1), MAX_BLANKS, is_blank);
    if !matches!(before(text, behind_quote), b'"' | b'\'') {
        return None;
    }
    let quote = back(text, behind_quote.less(1), MAX_ESCAPES, |byte| {
        byte == b'\\'
    });
    let ends_name =
        |byte: u8| byte.is_ascii_alphanumeric() || b"_-$]".contains(&byte) || byte >= 0x80;
    if !ends_name(before(text, quote)) {
        return None;
    }
    let more = count_while(part(text, 0, end.plus(MAX_REST_BYTES)), end, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-')
    });
    let end = end.plus(more);
    let blanks = count_while(part(text, 0, end.plus(MAX_BLANKS)), end, is_blank);
    let behind = end.plus(blanks);
    let ends = behind >= text.len() || matches!(at(text, behind), b',' | b'}' | b']' | b'\\');
    ends.then_some(Quotes {
        start,
        end,
        style: Style::Like(quote, behind_quote),
    })
}

/// The quotes of what is the value of a member of a program, whose names have none: `{phone: 4155550123}`, `let phone =
/// 4155550123;`.
pub(crate) fn of_program(text: &[u8], (start, end): (usize, usize)) -> Option<Quotes> {
    let start = start.less(usize::from(before(text, start) == b'-'));
    let sign = back(text, start, MAX_BLANKS, is_blank);
    let behind_name = back(text, sign.less(1), MAX_BLANKS, is_blank);
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    let name = back(text, behind_name, MAX_NAME_BYTES, is_of_name);
    let head = part(text, name.less(MAX_OBJECT_BYTES), name);
    let is_value = name < behind_name
        && match before(text, sign) {
            b':' => {
                let opening = memchr::memrchr2(b'{', b'}', head);
                let is_member = matches!(head.trim_ascii_end().last(), Some(b'{' | b','));
                is_member && opening.is_some_and(|place| at(head, place) == b'{')
            }
            b'=' => [&b"var "[..], b"let ", b"const "]
                .iter()
                .any(|word| head.ends_with(word)),
            _ => false,
        };
    let blanks = count_while(part(text, 0, end.plus(MAX_BLANKS)), end, is_blank);
    let behind = end.plus(blanks);
    let ends = behind >= text.len() || matches!(at(text, behind), b',' | b'}' | b';');
    (is_value && ends).then_some(Quotes {
        start,
        end,
        style: Style::Single,
    })
}

/// Where the name of an array ends, behind its colon, of which an item begins at a place behind others that have no
/// quotes either.
fn before_array(text: &[u8], place: usize) -> Option<usize> {
    let first = back(text, place, MAX_ARRAY_BYTES, |byte| {
        byte.is_ascii_digit() || is_blank(byte) || b",.-+eE[".contains(&byte)
    });
    let opening = first.plus(count_while(part(text, 0, place), first, is_blank));
    (at(text, opening) == b'[' && before(text, first) == b':').then_some(first)
}

/// A line of YAML or TOML that is read once, up to one match after the other.
#[derive(Debug)]
pub(crate) struct Line {
    read_to: usize,
    /// The quote of the string that is open; 0 for none.
    open: u8,
    /// A value may begin here.
    expects: bool,
    /// The value is a list or a map in brackets.
    is_flow: bool,
    /// Where the first colon with a blank behind it, and the first sign of a setting, are.
    colon: Option<usize>,
    equals: Option<usize>,
}

impl Line {
    pub(crate) const fn new() -> Self {
        Self {
            read_to: 0,
            open: 0,
            expects: true,
            is_flow: false,
            colon: None,
            equals: None,
        }
    }

    fn read(&mut self, line: &[u8], to: usize) {
        step(to.less(self.read_to));
        while self.read_to < to {
            let place = self.read_to;
            let byte = at(line, place);
            match byte {
                _ if self.open != 0 => {
                    if byte == self.open {
                        self.open = 0;
                    }
                }
                b'"' | b'\'' if self.expects => {
                    self.open = byte;
                    self.expects = false;
                }
                b'[' | b'{' if self.expects => self.is_flow = true,
                b',' if self.is_flow => self.expects = true,
                b':' if self.is_flow => self.expects = true,
                b'=' if self.equals.is_none() => {
                    self.equals = Some(place);
                    self.expects = true;
                }
                b' ' | b'\t' if before(line, place) == b':' && self.colon.is_none() => {
                    self.colon = Some(place.less(1));
                    self.expects = true;
                }
                _ if is_blank(byte) || byte == b'-' => {}
                _ => self.expects = false,
            }
            self.read_to = place.plus(1);
        }
    }
}

/// The quotes of what is a value in a line of YAML or TOML, or an item of one, and stands in none.
pub(crate) fn of_line(
    line: &[u8],
    read: &mut Line,
    (start, end): (usize, usize),
) -> Option<Quotes> {
    let start = start.less(usize::from(
        matches!(before(line, start), b'+' | b'-')
            && start > 1
            && before(line, start.less(1)) == b' ',
    ));
    read.read(line, start);
    if read.open != 0 {
        return None;
    }
    let mut place = back(line, start, MAX_BLANKS, is_blank);
    // An anchor and a tag belong to the value, and not to its text.
    for _ in 0..2 {
        let word = back(line, place, MAX_TAG_BYTES, |byte| !is_blank(byte));
        if matches!(at(line, word), b'&' | b'!') && word < place {
            place = back(line, word, MAX_BLANKS, is_blank);
        }
    }
    let has_blank = place < start;
    let is_first = |sign: Option<usize>| sign == place.checked_sub(1);
    let context = match before(line, place) {
        0 => Context::Flow,
        b'[' | b'{' | b',' | b':' if read.is_flow => Context::Flow,
        b'=' if is_first(read.equals) => Context::Setting,
        b':' if has_blank && is_first(read.colon) => Context::Block,
        b'-' if has_blank && back(line, place.less(1), MAX_BLANKS, is_blank) == 0 => Context::Block,
        _ => return None,
    };
    let end_of_blanks = |from: usize| {
        from.plus(count_while(
            part(line, 0, from.plus(MAX_BLANKS)),
            from,
            is_blank,
        ))
    };
    let behind = end_of_blanks(end);
    let ends_line = |place: usize| place >= line.len() || at(line, place) == b'#' && place > end;
    // A line of a list or a map that goes over several may end so.
    let ends_item = matches!(at(line, behind), b',' | b']' | b'}')
        && (context == Context::Flow || ends_line(end_of_blanks(behind.plus(1))));
    // The name of a member: a list can be none everywhere.
    let is_name = place == 0
        && at(line, end) == b':'
        && (end.plus(1) >= line.len() || is_blank(at(line, end.plus(1))));
    if is_name || ends_item || ends_line(behind) && place > 0 {
        return Some(Quotes {
            start,
            end,
            style: Style::Double,
        });
    }
    if context != Context::Block {
        return None;
    }
    let scalar = rest(line, start);
    let comment = memchr::memmem::find(scalar, b" #").unwrap_or(scalar.len());
    Some(Quotes {
        start,
        end: start.plus(part(scalar, 0, comment).trim_ascii_end().len()),
        style: Style::Scalar,
    })
}

/// What a value without quotes stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    /// A list or a map in brackets.
    Flow,
    /// Behind the name or the dash of a line of YAML: it goes on to the end of the line.
    Block,
    /// Behind the `=` of TOML.
    Setting,
}

/// A place before which so many bytes at most are of a sort.
fn back(text: &[u8], place: usize, most: usize, is: impl Fn(u8) -> bool) -> usize {
    let from = place.less(most);
    place.less(count_while_back(
        part(text, from, place),
        place.less(from),
        is,
    ))
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether a replacement needs no quotes: a number that is less precise.
pub(crate) fn is_number(redaction: &Redaction) -> bool {
    matches!(&redaction.replacement, Replacement::Text(text)
        if redaction.generalizes && is_json_number(text.as_bytes()))
}

const MAX_ESCAPES: usize = 8;
const MAX_BLANKS: usize = 32;
const MAX_TAG_BYTES: usize = 24;
/// What of a number stands behind the match: `.0`.
const MAX_REST_BYTES: usize = 16;
const MAX_ARRAY_BYTES: usize = 96;
const MAX_NAME_BYTES: usize = 48;
/// So far back the brace is looked for that a member of a program is behind.
const MAX_OBJECT_BYTES: usize = 96;

#[cfg(test)]
mod tests {
    use crate::fixtures::{assert_redacts, plan_of, redacted_in_pieces};

    const PRESETS: &str = r#"{"presets":["gdpr","pci"]}"#;

    #[test]
    fn members_of_documents_in_texts_stay_values() {
        let plan = plan_of(PRESETS);
        assert_redacts(
            &plan,
            "text/html",
            &[
                (
                    r#"<script id="__NEXT_DATA__" type="application/json">{"props":{"ssn":536228145,"phone": 4155550123,"n":[4111111111111111,1]}}</script>"#,
                    r#"<script id="__NEXT_DATA__" type="application/json">{"props":{"ssn":"[US_SSN]","phone": "[PHONE]","n":["[CREDIT_CARD]",1]}}</script>"#,
                ),
                (
                    r#"<div data-page="{&quot;ssn&quot;:536228145}">x</div>"#,
                    r#"<div data-page="{&quot;ssn&quot;:&quot;[US_SSN]&quot;}">x</div>"#,
                ),
                (
                    r#"<script>push([1,"{\"ssn\":536228145,\"a\":1}"])</script>"#,
                    r#"<script>push([1,"{\"ssn\":\"[US_SSN]\",\"a\":1}"])</script>"#,
                ),
            ],
        );
        assert_redacts(
            &plan,
            "application/javascript",
            &[
                (r#"cb({"ssn":536228145});"#, r#"cb({"ssn":"[US_SSN]"});"#),
                (r#"cb({'ssn':536228145});"#, r#"cb({'ssn':'[US_SSN]'});"#),
                (
                    r#"cb({"n":-4111111111111111.0,"a":1});"#,
                    r#"cb({"n":"-[CREDIT_CARD].0","a":1});"#,
                ),
            ],
        );
        assert_redacts(
            &plan,
            "application/json",
            &[(
                r#"{"payload":"{\"n\":4111111111111111}"}"#,
                r#"{"payload":"{\"n\":\"[CREDIT_CARD]\"}"}"#,
            )],
        );
        assert_redacts(
            &plan,
            "application/x-www-form-urlencoded",
            &[(
                "payload=%7B%22n%22%3A4111111111111111%7D",
                "payload=%7B%22n%22%3A%22%5BCREDIT_CARD%5D%22%7D",
            )],
        );
        assert_redacts(
            &plan,
            "text/html",
            &[
                (
                    "<script>var u={a: 1, phone:4155550123, ssn: 536228145};let phone = 4155550123;</script>",
                    "<script>var u={a: 1, phone:'[PHONE]', ssn: '[US_SSN]'};let phone = '[PHONE]';</script>",
                ),
                (
                    "<i onclick=\"f({phone: 4155550123})\">phone: 4155550123</i>",
                    "<i onclick=\"f({phone: '[PHONE]'})\">phone: [PHONE]</i>",
                ),
            ],
        );
        // In prose, and behind a quoted word that ends a sentence, nothing is a member.
        assert_redacts(
            &plan,
            "text/plain",
            &[
                ("SSN: 536228145, bye", "SSN: [US_SSN], bye"),
                ("a, phone: 4155550123, b", "a, phone: [PHONE], b"),
                (
                    "he said \"ssn\": 536228145 then",
                    "he said \"ssn\": [US_SSN] then",
                ),
            ],
        );
    }

    #[test]
    fn values_of_yaml_and_toml_stay_values() {
        let plan = plan_of(PRESETS);
        assert_redacts(
            &plan,
            "application/yaml",
            &[
                (
                    "mail: jane@example.com is it's # a\nn: 1\n",
                    "mail: '[EMAIL] is it''s' # a\nn: 1\n",
                ),
                ("mail: jane@example.com\n", "mail: \"[EMAIL]\"\n"),
                ("- jane@example.com\r\n", "- \"[EMAIL]\"\r\n"),
                (
                    "list: [jane@example.com, x, joe@example.com]\n",
                    "list: [\"[EMAIL]\", x, \"[EMAIL]\"]\n",
                ),
                ("mail: \"jane@example.com\"\n", "mail: \"[EMAIL]\"\n"),
                (
                    "list: [\"ask, jane@example.com, or\"]\n",
                    "list: [\"ask, [EMAIL], or\"]\n",
                ),
                ("card: 4111111111111111\n", "card: \"[CREDIT_CARD]\"\n"),
                ("jane@example.com: 1\n  x: y\n", "\"[EMAIL]\": 1\n  x: y\n"),
                (
                    "a: {b: jane@example.com, c: 1}\n",
                    "a: {b: \"[EMAIL]\", c: 1}\n",
                ),
                ("  b: jane@example.com,\n", "  b: \"[EMAIL]\",\n"),
                (
                    "a: \"ask: jane@example.com now\"\n",
                    "a: \"ask: [EMAIL] now\"\n",
                ),
                (
                    "a: jane@example.com x # joe@example.com\n",
                    "a: '[EMAIL] x' # [EMAIL]\n",
                ),
                (
                    "note: write to jane@example.com\n",
                    "note: write to [EMAIL]\n",
                ),
            ],
        );
        assert_redacts(
            &plan,
            "application/toml",
            &[(
                "ssn = 536228145\ndob = 1980-01-02\n",
                "ssn = \"[US_SSN]\"\ndob = \"[PERSON_DATE]\"\n",
            )],
        );
        assert_redacts(
            &plan,
            "text/ldif",
            &[(
                "dn: ou=people\nmail: jane@example.com\n",
                "dn: ou=people\nmail: [EMAIL]\n",
            )],
        );
    }

    /// A long document is searched in windows, and a value may stand at the edge of one.
    #[test]
    fn values_at_the_edges_of_windows_get_the_same_quotes() {
        let plan = plan_of(PRESETS);
        let page = (
            "text/html",
            r#"<i>{"ssn":536228145,"a":-4111111111111111.0,"phone": 4155550123,"n":[4111111111111111,1]} "#,
            r#"<i>{"ssn":"[US_SSN]","a":"-[CREDIT_CARD].0","phone": "[PHONE]","n":["[CREDIT_CARD]",1]} "#,
        );
        let yaml = (
            "application/yaml",
            "mail: jane@example.com is it's # a\ncards: [4111111111111111, 1]\nn: \"x jane@example.com\"\n",
            "mail: '[EMAIL] is it''s' # a\ncards: [\"[CREDIT_CARD]\", 1]\nn: \"x [EMAIL]\"\n",
        );
        for (content_type, body, expected) in [page, yaml] {
            let (body, expected) = (body.repeat(2000), expected.repeat(2000));
            for size in [997, 4096, 16_384, body.len()] {
                let pieces: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
                let out = redacted_in_pieces(&plan, content_type, &pieces);
                let differs = out.bytes().zip(expected.bytes()).position(|(a, b)| a != b);
                let shown = differs.map(|at| out.get(at.saturating_sub(60)..at + 60));
                assert!(
                    out == expected,
                    "{content_type} {size}: {differs:?} {shown:?}"
                );
            }
        }
    }
}
