//! YAML and JSON as a tree that knows where each value stands.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle};
use policy::config::join;
use policy::json::Json;

/// A value and its place in the text.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// The types of values in JSON and YAML.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<Member>),
}

/// A member of a map.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) name_span: Range<usize>,
    pub(super) value: Tree,
}

/// Something about the text itself.
#[derive(Clone, Debug)]
pub(super) struct Remark {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) is_error: bool,
}

/// The documents of a text, and what is wrong with the text.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub(super) trees: Vec<Tree>,
    pub(super) remarks: Vec<Remark>,
}

/// As many values as aliases may make of a text: enough for any manifest, too few to fill a memory.
const MAX_NODES: usize = 2_000_000;
const MAX_DEPTH: usize = 128;

/// Reads all documents of a text; after a mistake those that follow are read on.
pub(super) fn read(text: &str) -> Documents {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
        documents: Documents::default(),
    };
    loop {
        match reader.document() {
            Ok(true) => {}
            Ok(false) => break,
            Err(remark) => {
                reader.documents.remarks.push(remark);
                reader.anchors.clear();
                if !matches!(reader.parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
    }
    reader.documents
}

struct Reader<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    anchors: HashMap<usize, Tree>,
    nodes: usize,
    documents: Documents,
}

type Next<'t> = (Event<'t>, Range<usize>);

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Option<Next<'t>>, Remark> {
        loop {
            return match self.parser.next() {
                None => Ok(None),
                Some(Ok((Event::Comment(..), _))) => continue,
                Some(Ok((event, span))) => Ok(Some((event, span.byte_range().unwrap_or(0..0)))),
                Some(Err(error)) => {
                    let at = error.marker().byte_offset().unwrap_or(0);
                    Err(Remark {
                        span: at..at,
                        message: format!("neither YAML nor JSON: {}", error.info()),
                        is_error: true,
                    })
                }
            };
        }
    }

    /// One document, or `false` at the end.
    fn document(&mut self) -> Result<bool, Remark> {
        match self.next()? {
            None | Some((Event::StreamEnd, _)) => Ok(false),
            Some((Event::DocumentStart(..), _)) => {
                self.anchors.clear();
                if let Some((event, span)) = self.next()? {
                    let tree = self.node(event, span, 0)?;
                    self.documents.trees.push(tree);
                }
                Ok(true)
            }
            Some(_) => Ok(true),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Range<usize>, depth: usize) -> Result<Tree, Remark> {
        self.count(1, &span)?;
        if depth > MAX_DEPTH {
            return Err(wrong(span, format!("nested deeper than {MAX_DEPTH}")));
        }
        let (tree, anchor) = match event {
            Event::Scalar(value, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain
                    || tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let kind = if is_text {
                    Kind::Text(value.into_owned())
                } else {
                    self.plain(&value, &span)
                };
                (Tree { kind, span }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                let end = loop {
                    match self.expect(&span)? {
                        (Event::SequenceEnd, end) => break end,
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                };
                let span = span.start..end.end.max(span.end);
                let kind = Kind::List(items);
                (Tree { kind, span }, anchor)
            }
            Event::MappingStart(_, anchor, _) => (self.map(span, depth)?, anchor),
            Event::Alias(id) => {
                let Some(target) = self.anchors.get(&id) else {
                    return Err(wrong(
                        span,
                        "an alias inside of what it stands for".to_owned(),
                    ));
                };
                let target = Tree {
                    kind: target.kind.clone(),
                    span: span.clone(),
                };
                self.count(size(&target), &span)?;
                (target, 0)
            }
            _ => {
                let kind = Kind::Null;
                (Tree { kind, span }, 0)
            }
        };
        if anchor != 0 {
            self.anchors.insert(anchor, tree.clone());
            self.count(size(&tree), &tree.span)?;
        }
        Ok(tree)
    }

    fn map(&mut self, span: Range<usize>, depth: usize) -> Result<Tree, Remark> {
        let mut members: Vec<Member> = Vec::new();
        let mut merged: Vec<Tree> = Vec::new();
        let mut names: HashMap<String, ()> = HashMap::new();
        let end = loop {
            let (event, name_span) = match self.expect(&span)? {
                (Event::MappingEnd, end) => break end,
                next => next,
            };
            let name = match event {
                Event::Scalar(name, ..) => name.into_owned(),
                _ => return Err(wrong(name_span, "a key that is not a text".to_owned())),
            };
            let (event, value_span) = self.expect(&span)?;
            let value = self.node(event, value_span, depth + 1)?;
            if name == "<<" {
                match value.kind {
                    Kind::List(items) => merged.extend(items),
                    _ => merged.push(value),
                }
                continue;
            }
            if names.insert(name.clone(), ()).is_some() {
                self.documents
                    .remarks
                    .push(wrong(name_span.clone(), format!("duplicate key {name:?}")));
            }
            members.push(Member {
                name,
                name_span,
                value,
            });
        };
        for tree in merged {
            let Kind::Map(inherited) = tree.kind else {
                let message = "<< takes in a map, or a list of maps".to_owned();
                self.documents.remarks.push(wrong(tree.span, message));
                continue;
            };
            for member in inherited {
                if names.insert(member.name.clone(), ()).is_none() {
                    members.push(member);
                }
            }
        }
        let span = span.start..end.end.max(span.end);
        Ok(Tree {
            kind: Kind::Map(members),
            span,
        })
    }

    fn expect(&mut self, around: &Range<usize>) -> Result<Next<'t>, Remark> {
        self.next()?
            .ok_or_else(|| wrong(around.clone(), "the text ends before this does".to_owned()))
    }

    fn count(&mut self, more: usize, span: &Range<usize>) -> Result<(), Remark> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values, aliases counted where they stand");
            return Err(wrong(span.clone(), message));
        }
        Ok(())
    }

    /// A scalar without quotes, as Kubernetes and Envoy read it.
    fn plain(&mut self, value: &str, span: &Range<usize>) -> Kind {
        match value {
            "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
            "true" | "True" | "TRUE" => Kind::Bool(true),
            "false" | "False" | "FALSE" => Kind::Bool(false),
            "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "no" | "No" | "NO" | "off" | "Off"
            | "OFF" => {
                let is_true = value.eq_ignore_ascii_case("yes") || value.eq_ignore_ascii_case("on");
                self.documents.remarks.push(Remark {
                    span: span.clone(),
                    message: format!(
                        "{value} without quotes is {is_true} in YAML 1.1 (Kubernetes) and a text in YAML 1.2; write {is_true}, or \"{value}\""
                    ),
                    is_error: false,
                });
                Kind::Bool(is_true)
            }
            _ if is_number(value) => Kind::Number(value.to_owned()),
            _ => Kind::Text(value.to_owned()),
        }
    }
}

fn wrong(span: Range<usize>, message: String) -> Remark {
    Remark {
        span,
        message,
        is_error: true,
    }
}

fn is_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text).is_ok()
}

fn size(tree: &Tree) -> usize {
    match &tree.kind {
        Kind::List(items) => items.iter().map(size).sum::<usize>() + 1,
        Kind::Map(members) => members.iter().map(|m| size(&m.value)).sum::<usize>() + 1,
        _ => 1,
    }
}

impl Tree {
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A member, by its name in snake case or in camel case.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Kind::Map(members) = &self.kind else {
            return None;
        };
        let find = |name: &str| members.iter().find(|member| member.name == name);
        let found = find(name).or_else(|| find(&camel(name)));
        found.map(|member| &member.value)
    }

    /// The value at a path of member names.
    pub(super) fn at(&self, names: &[&str]) -> Option<&Self> {
        names.iter().try_fold(self, |tree, name| tree.get(name))
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn members(&self) -> &[Member] {
        match &self.kind {
            Kind::Map(members) => members,
            _ => &[],
        }
    }

    pub(super) fn json(&self) -> Json {
        self.json_with(&|number| Json::parse(number.as_bytes()).unwrap_or(Json::Null))
    }

    /// What the plugin gets of a structure in a manifest: numbers of a `google.protobuf.Struct` are floating, and whole
    /// ones are handed over as integers.
    pub(super) fn struct_json(&self) -> Json {
        self.json_with(&|number| {
            let value: f64 = number.parse().unwrap_or(f64::NAN);
            // As the proxy writes it: whole where that loses nothing.
            let text = match value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
                true => format!("{value:.0}"),
                false => number.to_owned(),
            };
            Json::parse(text.as_bytes()).unwrap_or(Json::Null)
        })
    }

    fn json_with(&self, number: &dyn Fn(&str) -> Json) -> Json {
        match &self.kind {
            Kind::Null => Json::Null,
            Kind::Bool(value) => Json::Bool(*value),
            Kind::Number(text) => number(text),
            Kind::Text(text) => Json::String(text.clone()),
            Kind::List(items) => {
                Json::Array(items.iter().map(|item| item.json_with(number)).collect())
            }
            Kind::Map(members) => {
                let mut seen: HashMap<&str, ()> = HashMap::new();
                let members = members
                    .iter()
                    .filter(|member| seen.insert(member.name.as_str(), ()).is_none())
                    .map(|member| (member.name.clone(), member.value.json_with(number)));
                Json::Object(members.collect())
            }
        }
    }

    /// Where a path is, or the nearest part of it that is there. `key`: the name, not the value.
    pub(super) fn span_of(&self, wanted: &str, key: bool) -> Range<usize> {
        let mut best = (self, self.span.clone());
        let mut path = String::new();
        'down: loop {
            if path == wanted {
                return best.1;
            }
            match &best.0.kind {
                Kind::Map(members) => {
                    for member in members {
                        let inner = join(&path, &member.name);
                        if leads(wanted, &inner) {
                            let is_last = inner == wanted;
                            let is_scalar =
                                !matches!(member.value.kind, Kind::List(_) | Kind::Map(_));
                            let span = if is_last && !key && is_scalar {
                                member.value.span.clone()
                            } else {
                                member.name_span.clone()
                            };
                            best = (&member.value, span);
                            path = inner;
                            continue 'down;
                        }
                    }
                }
                Kind::List(items) => {
                    for (index, item) in items.iter().enumerate() {
                        let inner = format!("{path}[{index}]");
                        if leads(wanted, &inner) {
                            best = (item, item.span.clone());
                            path = inner;
                            continue 'down;
                        }
                    }
                }
                _ => {}
            }
            return best.1;
        }
    }
}

/// Whether a path is this one, or goes on from it.
fn leads(wanted: &str, path: &str) -> bool {
    wanted
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// The place of `at`, an offset in a text that stands as a scalar at `span` of `source`: escapes,
/// indentation and quotes are stepped over.
pub(super) fn within(source: &str, span: &Range<usize>, text: &str, at: usize) -> usize {
    let Some(raw) = source.get(span.clone()) else {
        return span.start;
    };
    let bytes = raw.as_bytes();
    let quote = bytes
        .first()
        .copied()
        .filter(|byte| matches!(byte, b'"' | b'\''));
    let mut position = usize::from(quote.is_some());
    // The line with `|` or `>` is no part of the text.
    if matches!(bytes.first(), Some(b'|' | b'>')) {
        position = raw.find('\n').map_or(0, |end| end + 1);
    }
    for byte in text.as_bytes().iter().take(at) {
        if byte.is_ascii_whitespace() {
            // One white space of the text may be more in the source, or an escape.
            if bytes.get(position) == Some(&b'\\') {
                position += 2;
            } else if bytes.get(position).is_some_and(u8::is_ascii_whitespace) {
                position += 1;
            }
            continue;
        }
        while bytes
            .get(position)
            .is_some_and(|next| next.is_ascii_whitespace())
        {
            position += 1;
        }
        match (quote, bytes.get(position)) {
            (Some(b'"'), Some(b'\\')) => {
                position += match bytes.get(position + 1) {
                    Some(b'x') => 4,
                    Some(b'u') => 6,
                    _ => 2,
                };
            }
            (Some(b'\''), Some(b'\'')) => position += 2,
            _ => position += 1,
        }
    }
    while bytes
        .get(position)
        .is_some_and(|next| next.is_ascii_whitespace())
    {
        position += 1;
    }
    span.start + position.min(raw.len())
}

#[cfg(test)]
mod tests;
