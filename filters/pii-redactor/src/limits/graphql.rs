//! How deep a GraphQL document goes and how many fields it asks for, without its schema.
//!
//! The document is read once, into what each operation and each fragment asks for by itself; fragments
//! are then added up, each once, so that what brings one in a thousand times costs no more to measure
//! than what brings it in once. What the grammar does not allow is not measured but refused.

/// What a document asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measured {
    /// Levels of fields of the deepest operation.
    pub(super) depth: u64,
    /// Fields of the operation with the most of them.
    pub(super) cost: u64,
    /// It has a field that tells about the schema.
    pub(super) introspects: bool,
    /// It gives a field another name in the response.
    pub(super) renames: bool,
}

/// A step through what a definition asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'d> {
    /// A field, and what it is called in the response.
    Field {
        name: &'d [u8],
        shown: &'d [u8],
    },
    /// A spread of the fragment with this name.
    Spread(&'d [u8]),
    /// What the last field is asked for, up to its `Close`.
    Open,
    Close,
}

/// An operation or a fragment.
#[derive(Debug, Default)]
struct Definition<'d> {
    /// The name of a fragment; `None` for an operation.
    fragment: Option<&'d [u8]>,
    depth: u64,
    cost: u64,
    /// The fragments that it brings in, each with the level of its fields.
    spreads: Vec<(&'d [u8], u64)>,
    /// All of it, where the reader keeps it.
    steps: Vec<Step<'d>>,
}

/// The steps of a definition, with the name of a fragment.
pub(super) type Steps<'d> = (Option<&'d [u8]>, Vec<Step<'d>>);

/// The operations and fragments of a document; `None` if it is none.
pub(super) fn steps(document: &[u8]) -> Option<Vec<Steps<'_>>> {
    let mut reader = Reader::new(document, true);
    let mut all = Vec::new();
    while let Some(definition) = reader.definition()? {
        all.push((definition.fragment, definition.steps));
    }
    Some(all)
}

/// Measures a document; `None` if it is none.
pub(super) fn measure(document: &[u8]) -> Option<Measured> {
    if document.len() > MAX_DOCUMENT_BYTES {
        return None;
    }
    let mut reader = Reader::new(document, false);
    let mut fragments = Vec::new();
    let mut operations = Vec::new();
    while let Some(definition) = reader.definition()? {
        match definition.fragment {
            None => operations.push(definition),
            Some(name) => {
                fragments.push((name, Fragment::New(definition)));
                if fragments.len() > MAX_FRAGMENTS {
                    return None;
                }
            }
        }
    }
    policy::sort::by(&mut fragments, |left, right| left.0.cmp(right.0));
    let names: Vec<&[u8]> = fragments.iter().map(|(name, _)| *name).collect();
    if names.windows(2).any(|pair| pair.first() == pair.last()) {
        return None;
    }
    for name in names {
        total_of(&mut fragments, name)?;
    }
    let mut measured = Measured {
        introspects: reader.introspects,
        renames: reader.renames,
        ..Measured::default()
    };
    if operations.is_empty() {
        return None;
    }
    for operation in &operations {
        let (depth, cost) = total(&mut fragments, operation)?;
        measured.depth = measured.depth.max(depth);
        measured.cost = measured.cost.max(cost);
    }
    Some(measured)
}

/// How far a fragment has been added up.
#[derive(Debug)]
enum Fragment<'d> {
    New(Definition<'d>),
    /// It is being added up: who asks for it goes in a circle.
    Open,
    Done(u64, u64),
}

/// Fragments in the order of their names.
type Fragments<'d> = [(&'d [u8], Fragment<'d>)];

fn total_of<'d>(fragments: &mut Fragments<'d>, name: &[u8]) -> Option<(u64, u64)> {
    let place = fragments.binary_search_by(|(known, _)| (*known).cmp(name));
    let place = place.ok()?;
    let (_, fragment) = fragments.get_mut(place)?;
    match std::mem::replace(fragment, Fragment::Open) {
        Fragment::New(definition) => {
            let (depth, cost) = total(fragments, &definition)?;
            fragments.get_mut(place)?.1 = Fragment::Done(depth, cost);
            Some((depth, cost))
        }
        Fragment::Open => None,
        Fragment::Done(depth, cost) => {
            *fragment = Fragment::Done(depth, cost);
            Some((depth, cost))
        }
    }
}

fn total<'d>(fragments: &mut Fragments<'d>, definition: &Definition<'d>) -> Option<(u64, u64)> {
    let (mut depth, mut cost) = (definition.depth, definition.cost);
    for (name, level) in &definition.spreads {
        let (more, fields) = total_of(fragments, name)?;
        depth = depth.max(level.saturating_sub(1).saturating_add(more));
        cost = cost.saturating_add(fields);
    }
    Some((depth, cost))
}

/// A token (GraphQL, September 2025, section 2.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'d> {
    Name(&'d [u8]),
    Sign(u8),
    Spread,
    Number,
    /// A string value.
    Text,
    End,
}

/// What an opening brace belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Field,
    /// A fragment without a name.
    Inline,
    Other,
}

struct Reader<'d> {
    text: &'d [u8],
    at: usize,
    introspects: bool,
    renames: bool,
    keeps_steps: bool,
}

impl<'d> Reader<'d> {
    const fn new(text: &'d [u8], keeps_steps: bool) -> Self {
        Self {
            text,
            at: 0,
            introspects: false,
            renames: false,
            keeps_steps,
        }
    }

    fn rest(&self) -> &'d [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, count: usize) -> &'d [u8] {
        let taken = self.rest().get(..count).unwrap_or_default();
        self.at = self.at.saturating_add(count);
        taken
    }

    fn take_while(&mut self, is: impl Fn(u8) -> bool) -> &'d [u8] {
        let count = crate::bytes::count_while(self.rest(), 0, is);
        self.take(count)
    }

    /// `None` for what is no token.
    fn next(&mut self) -> Option<Token<'d>> {
        loop {
            self.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b','));
            if self.rest().starts_with(BYTE_ORDER_MARK) {
                self.take(BYTE_ORDER_MARK.len());
                continue;
            }
            if self.rest().first() != Some(&b'#') {
                break;
            }
            self.take_while(|byte| !matches!(byte, b'\r' | b'\n'));
        }
        Some(match self.rest() {
            [] => Token::End,
            [b'A'..=b'Z' | b'a'..=b'z' | b'_', ..] => {
                Token::Name(self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
            }
            [b'0'..=b'9' | b'-', ..] => {
                self.take_while(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
                });
                Token::Number
            }
            [b'"', ..] => {
                self.string()?;
                Token::Text
            }
            [b'.', b'.', b'.', ..] => {
                self.take(3);
                Token::Spread
            }
            [
                sign @ (b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{'
                | b'|' | b'}'),
                ..,
            ] => {
                let sign = *sign;
                self.take(1);
                Token::Sign(sign)
            }
            _ => return None,
        })
    }

    fn string(&mut self) -> Option<()> {
        if self.rest().starts_with(b"\"\"\"") {
            self.take(3);
            loop {
                let quote = memchr::memchr(b'"', self.rest())?;
                let before = self.take(quote);
                match self.rest() {
                    [b'"', b'"', b'"', ..] if !before.ends_with(b"\\") => {
                        self.take(3);
                        return Some(());
                    }
                    // `\"""` stands for three quotes.
                    [b'"', b'"', b'"', ..] => self.take(3),
                    _ => self.take(1),
                };
            }
        }
        self.take(1);
        loop {
            self.take_while(|byte| !matches!(byte, b'"' | b'\\' | b'\n' | b'\r'));
            match self.rest().first()? {
                b'"' => {
                    self.take(1);
                    return Some(());
                }
                b'\\' => self.take(2),
                _ => return None,
            };
        }
    }

    /// The next operation or fragment; `Some(None)` at the end.
    #[allow(clippy::option_option, reason = "no document, or no more of it")]
    fn definition(&mut self) -> Option<Option<Definition<'d>>> {
        let mut definition = Definition::default();
        let mut token = self.next()?;
        // What is described has its keyword.
        let is_described = token == Token::Text;
        if is_described {
            token = self.next()?;
        }
        match token {
            Token::End if !is_described => return Some(None),
            Token::Sign(b'{') if !is_described => {}
            Token::Name(b"query" | b"mutation" | b"subscription") => token = self.next()?,
            Token::Name(b"fragment") => {
                let Token::Name(name) = self.next()? else {
                    return None;
                };
                definition.fragment = Some(name);
                token = self.next()?;
            }
            _ => return None,
        }
        // A name, variables, a type, directives.
        loop {
            match token {
                Token::Sign(b'{') => break,
                Token::Sign(b'(') => self.skip_parentheses()?,
                Token::Sign(b'@') | Token::Name(_) => {}
                _ => return None,
            }
            token = self.next()?;
        }
        self.selections(&mut definition)?;
        Some(Some(definition))
    }

    fn keep(&self, definition: &mut Definition<'d>, step: Step<'d>) {
        if self.keeps_steps {
            definition.steps.push(step);
        }
    }

    /// What is between parentheses, behind the opening one.
    fn skip_parentheses(&mut self) -> Option<()> {
        let mut open = 1_usize;
        while open > 0 {
            match self.next()? {
                Token::Sign(b'(') => open = open.saturating_add(1),
                Token::Sign(b')') => open = open.saturating_sub(1),
                Token::End | Token::Spread => return None,
                _ => {}
            }
        }
        Some(())
    }

    /// The fields of a definition, behind its opening brace. Fragments without a name add no level.
    fn selections(&mut self, definition: &mut Definition<'d>) -> Option<()> {
        let mut level = 1_u64;
        // Whether each set that is open is one of a field.
        let mut sets = vec![true];
        let mut last = Last::Other;
        let mut token = self.next()?;
        loop {
            let mut following = None;
            match token {
                Token::Name(shown) => {
                    let mut name = shown;
                    definition.cost = definition.cost.saturating_add(1);
                    definition.depth = definition.depth.max(level);
                    last = Last::Field;
                    let next = self.next()?;
                    if next == Token::Sign(b':') {
                        let Token::Name(field) = self.next()? else {
                            return None;
                        };
                        name = field;
                    } else {
                        following = Some(next);
                    }
                    self.introspects |= matches!(name, b"__schema" | b"__type");
                    self.renames |= name != shown;
                    self.keep(definition, Step::Field { name, shown });
                }
                Token::Spread => match self.next()? {
                    Token::Name(b"on") => {
                        let Token::Name(_) = self.next()? else {
                            return None;
                        };
                        last = Last::Inline;
                    }
                    Token::Name(name) => {
                        definition.spreads.push((name, level));
                        self.keep(definition, Step::Spread(name));
                        last = Last::Other;
                    }
                    next @ Token::Sign(b'@' | b'{') => {
                        last = Last::Inline;
                        following = Some(next);
                    }
                    _ => return None,
                },
                Token::Sign(b'@') => {
                    let Token::Name(_) = self.next()? else {
                        return None;
                    };
                    let next = self.next()?;
                    if next == Token::Sign(b'(') {
                        self.skip_parentheses()?;
                    } else {
                        following = Some(next);
                    }
                }
                Token::Sign(b'(') if last == Last::Field => self.skip_parentheses()?,
                Token::Sign(b'{') if last != Last::Other => {
                    let is_of_field = last == Last::Field;
                    sets.push(is_of_field);
                    if is_of_field {
                        self.keep(definition, Step::Open);
                    }
                    level = level.saturating_add(u64::from(is_of_field));
                    last = Last::Other;
                }
                Token::Sign(b'}') => {
                    let is_of_field = sets.pop()?;
                    if sets.is_empty() {
                        return Some(());
                    }
                    if is_of_field {
                        self.keep(definition, Step::Close);
                    }
                    level = level.saturating_sub(u64::from(is_of_field));
                    last = Last::Other;
                }
                _ => return None,
            }
            token = match following {
                Some(token) => token,
                None => self.next()?,
            };
        }
    }
}

/// Stands anywhere and says nothing (section 2.1.1).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Longer documents are not read.
pub(crate) const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
/// More fragments are not added up.
const MAX_FRAGMENTS: usize = 256;

#[cfg(test)]
mod tests {
    use super::{MAX_FRAGMENTS, Measured, measure};

    fn measured(document: &str) -> Option<(u64, u64, bool)> {
        let Measured {
            depth,
            cost,
            introspects,
            ..
        } = measure(document.as_bytes())?;
        Some((depth, cost, introspects))
    }

    #[test]
    fn documents_are_as_deep_and_as_costly_as_their_fields() {
        for (document, expected) in [
            ("{a}", (1, 1, false)),
            ("{ a { b c { d } } }", (3, 4, false)),
            (
                "query Q($v: [Int!]! = [1] @d(x: 1)) @live { a(x: {y: [1, \"}\"]}) { b } }",
                (2, 2, false),
            ),
            ("{ x: a y: a z: a @skip(if: true) { b } }", (2, 4, false)),
            (
                "{ a { ... on T { b { c } } ... @include(if: $x) { d } ... { e } } }",
                (3, 5, false),
            ),
            ("{a{...F}} fragment F on T {b{c}}", (3, 3, false)),
            (
                "{...F ...F} fragment F on T {b{...G c}} fragment G on U @x {d e}",
                (2, 8, false),
            ),
            ("query A {a} query B {b{c}} mutation C {d}", (2, 2, false)),
            ("# {\n{ a(t: \"\"\"} \\\"\"\" {\"\"\") , b }", (1, 2, false)),
            ("{ __schema { types { name } } }", (3, 3, true)),
            ("{ a: __type(name: \"T\") { name } }", (2, 2, true)),
            ("{ __typename }", (1, 1, false)),
            (
                "\u{feff}subscription { on { fragment query } }",
                (2, 3, false),
            ),
            ("\u{feff}{a\u{feff},\u{feff}b}\u{feff}", (1, 2, false)),
            (
                "\"\"\"What {it} does\"\"\" query Q(\"Who\" $id: ID, \"\"\"n\"\"\" $n: Int = 1) {a{...F}} \"More\" fragment F on T {b}",
                (2, 2, false),
            ),
        ] {
            assert_eq!(measured(document), Some(expected), "{document}");
        }
    }

    #[test]
    fn what_is_no_document_is_not_measured() {
        for document in [
            "",
            "a",
            "{",
            "{a",
            "{a}}",
            "{a:}",
            "{a(}",
            "{a(x: \"}",
            "{a}{",
            "query",
            "{...F}",
            "{...F} fragment F on T {...F}",
            "{...F} fragment F on T {...G} fragment G on T {...F}",
            "{a} fragment F on T {...F}",
            "{...F} fragment F on T {a} fragment F on T {b}",
            "fragment F on T {a}",
            "{a} type T {b: Int}",
            "{a;b}",
            "{{a}}",
            "{a{b}{c}}",
            "{a ..b}",
            "{a(x: ...)}",
            "\"short\" {a}",
            "\"a\" \"b\" query {a}",
            "{a} \"nothing\"",
            "7 query {a}",
        ] {
            assert_eq!(measured(document), None, "{document}");
        }
        assert_eq!(measured(&format!("{{{}}}", "a ".repeat(40_000))), None);
    }

    #[test]
    fn fragments_that_multiply_are_added_up_once_each() {
        let mut document = "{...f0}".to_owned();
        for index in 0..MAX_FRAGMENTS - 1 {
            let next = index + 1;
            document.push_str(&format!("fragment f{index} on T{{...f{next} ...f{next}}}"));
        }
        document.push_str(&format!("fragment f{} on T{{a}}", MAX_FRAGMENTS - 1));
        assert_eq!(measured(&document), Some((1, u64::MAX, false)));
    }

    #[test]
    fn no_nesting_is_too_deep_to_be_measured() {
        let document = format!("{}a{}", "{a".repeat(20_000), "}".repeat(20_000));
        assert_eq!(measured(&document).map(|(depth, ..)| depth), Some(20_000));
    }
}
