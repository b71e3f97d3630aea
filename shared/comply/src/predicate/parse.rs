//! Reads predicates.

use super::{Literal, Node, Operator, Path, Step};

/// Why a predicate cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at {at} ({rest:?}): {what}")]
pub struct SyntaxError {
    /// How many bytes are before it.
    pub at: usize,
    /// The rest of the text, from where parsing failed.
    pub rest: String,
    /// What was expected there.
    pub what: &'static str,
}

pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let node = parser.any()?;
    parser.space();
    if parser.rest().is_empty() {
        Ok(node)
    } else {
        Err(parser.expected("expected \"and\", \"or\" or the end"))
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, SyntaxError>;

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn expected(&self, what: &'static str) -> SyntaxError {
        SyntaxError {
            at: self.at,
            rest: self.rest().chars().take(20).collect(),
            what,
        }
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        self.space();
        let is_there = self.rest().starts_with(sign);
        if is_there {
            self.at += sign.len();
        }
        is_there
    }

    /// A word of the language, which no name goes on from.
    fn word(&mut self, word: &str) -> bool {
        self.space();
        let is_there = self
            .rest()
            .strip_prefix(word)
            .is_some_and(|after| !after.starts_with(is_name));
        if is_there {
            self.at += word.len();
        }
        is_there
    }

    fn any(&mut self) -> Parsed<Node> {
        let mut nodes = vec![self.all()?];
        while self.word("or") {
            nodes.push(self.all()?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn all(&mut self) -> Parsed<Node> {
        let mut nodes = vec![self.unary()?];
        while self.word("and") {
            nodes.push(self.unary()?);
        }
        Ok(one_or(nodes, Node::All))
    }

    fn unary(&mut self) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.expected("this is too deep"));
        }
        let node = if self.word("not") {
            Node::Not(Box::new(self.unary()?))
        } else if self.take("(") {
            let node = self.any()?;
            self.close(")", "expected \")\"")?;
            node
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn close(&mut self, sign: &str, what: &'static str) -> Parsed<()> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(self.expected(what))
        }
    }

    fn test(&mut self) -> Parsed<Node> {
        let path = self.path()?;
        let of_list = [("in", Operator::In), ("only", Operator::Only)];
        if let Some((_, operator)) = of_list.into_iter().find(|(word, _)| self.word(word)) {
            self.close("[", "expected \"[\"")?;
            let mut literals = vec![self.literal()?];
            while self.take(",") {
                literals.push(self.literal()?);
            }
            self.close("]", "expected \",\" or \"]\"")?;
            return Ok(Node::Test(path, Some((operator, literals))));
        }
        let operator = if self.word("begins") {
            Some(Operator::Begins)
        } else {
            let signs = SIGNS.iter().find(|(sign, _)| self.take(sign));
            signs.map(|(_, operator)| *operator)
        };
        match operator {
            None => Ok(Node::Test(path, None)),
            Some(operator) => {
                let literal = self.literal()?;
                Ok(Node::Test(path, Some((operator, vec![literal]))))
            }
        }
    }

    fn path(&mut self) -> Parsed<Path> {
        self.space();
        let mut steps = Vec::new();
        loop {
            if self.rest().starts_with("**") {
                self.at += 2;
                steps.push(Step::AnyDepth);
            } else if self.rest().starts_with('*') {
                self.at += 1;
                steps.push(Step::AnyName);
            } else {
                let length = self.rest().find(|c| !is_name(c));
                let name = self.rest().get(..length.unwrap_or(self.rest().len()));
                let name = name.unwrap_or_default();
                if name.is_empty() || ["and", "or", "not", "in", "only", "begins"].contains(&name) {
                    return Err(self.expected("expected a path, such as auth.rules.require"));
                }
                self.at += name.len();
                steps.push(Step::Name(name.to_owned()));
            }
            while self.rest().starts_with('[') {
                self.at += 1;
                let node = self.any()?;
                self.close("]", "expected \"]\"")?;
                steps.push(Step::Where(Box::new(node)));
            }
            if !self.rest().starts_with('.') {
                return Ok(Path(steps));
            }
            self.at += 1;
        }
    }

    fn literal(&mut self) -> Parsed<Literal> {
        if self.word("true") {
            return Ok(Literal::Boolean(true));
        }
        if self.word("false") {
            return Ok(Literal::Boolean(false));
        }
        self.space();
        const EXPECTED: &str = "expected a text in quotes, a number, a span of time, true or false";
        if let Some(text) = self.rest().strip_prefix('"') {
            let (text, _) = text
                .split_once('"')
                .ok_or_else(|| self.expected("expected a quote at the end"))?;
            self.at += text.len() + 2;
            return Ok(Literal::Text(text.to_owned()));
        }
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-');
        let word = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        let literal = if let Ok(number) = word.parse::<f64>() {
            Literal::Number(number)
        } else if let Ok(span) = policy::units::parse_duration(word) {
            Literal::Span(span)
        } else {
            return Err(self.expected(EXPECTED));
        };
        self.at += word.len();
        Ok(literal)
    }
}

fn one_or(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(node) if nodes.is_empty() => node,
        Some(node) => {
            nodes.push(node);
            many(nodes)
        }
        None => many(nodes),
    }
}

const fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '$'
}

/// The signs of operators; longer ones come first.
const SIGNS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::Greater),
];
const MAX_DEPTH: usize = 64;
