//! JSON Schema 2020-12 of what is known about a converter.

use std::collections::BTreeMap;
use std::time::Duration;

use meshward_bundle::config::Part;
use policy::config::describe::Shape;
use policy::config::join;
use policy::json::Json;

use crate::explore::Observed;
use crate::folded;
use crate::reference::{Entry, Reference};

pub(crate) struct Emitter<'a> {
    pub(crate) observed: &'a Observed,
    pub(crate) own: &'a Reference,
    pub(crate) shared: &'a Reference,
}

pub(crate) type Members = Vec<(String, Json)>;

pub(crate) fn text(text: &str) -> Json {
    Json::String(text.to_owned())
}

pub(crate) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let members = members.map(|(name, value)| (name.to_owned(), value));
    Json::Object(members.into())
}

fn typed(kind: &str) -> Json {
    object([("type", text(kind))])
}

impl Emitter<'_> {
    /// The whole schema.
    pub(crate) fn document(&self, filter: &str, examples: Vec<Json>) -> Json {
        let Json::Object(mut root) = self.schema("") else {
            panic!("the configuration is an object");
        };
        if let Some((_, Json::Object(properties))) =
            root.iter_mut().find(|(name, _)| name == "properties")
        {
            let schema = object([
                ("type", text("string")),
                (
                    "description",
                    text("the address of this schema, for editors"),
                ),
            ]);
            let part = Part::of_filter(filter).expect("it is a filter");
            let own = folded::of_keys(properties, part.route_part().keys);
            folded::fill(properties, folded::rule(own));
            properties.insert(0, ("$schema".to_owned(), schema));
        }
        let mut document: Members = vec![
            (
                "$schema".to_owned(),
                text("https://json-schema.org/draft/2020-12/schema"),
            ),
            (
                "$id".to_owned(),
                text(&format!(
                    "https://raw.githubusercontent.com/meshward/meshward/main/filters/{filter}/schema.json"
                )),
            ),
            (
                "title".to_owned(),
                text(&format!("The configuration of {filter}")),
            ),
        ];
        document.append(&mut root);
        let (mut document, definitions) = shared_parts(Json::Object(document));
        if let Json::Object(members) = &mut document {
            members.push(("examples".to_owned(), Json::Array(examples)));
            members.push(("$defs".to_owned(), Json::Object(definitions)));
        }
        document
    }

    pub(crate) fn entry(&self, place: &str) -> Option<&Entry> {
        let own = self.own.find(place);
        match self.shared.find(place) {
            // The more exact one; what the filter says of itself comes first.
            Some(shared) if own.is_none_or(|own| own.key.len() < shared.key.len()) => Some(shared),
            _ => own,
        }
    }

    /// The place of each key, in the order in which converters ask for them.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for (place, shapes) in &self.observed.shapes {
            for shape in shapes {
                let names: Vec<&str> = match shape {
                    Shape::Key { name, .. } => vec![name],
                    Shape::Variant(words) => words.clone(),
                    Shape::Named(_) => vec!["*"],
                    _ => continue,
                };
                keys.extend(names.into_iter().map(|name| join(place, name)));
            }
        }
        keys
    }

    pub(crate) fn is_required(&self, place: &str) -> bool {
        let (parent, name) = place.rsplit_once('.').unwrap_or(("", place));
        let asked = self
            .observed
            .of(parent)
            .iter()
            .find_map(|shape| match shape {
                Shape::Key { name: key, .. } if *key == name => Some(*key),
                _ => None,
            });
        asked.is_some_and(|key| !self.observed.is_optional(parent, key))
    }

    /// What a key takes, with what is said about it.
    fn key(&self, place: &str, name: &'static str) -> Json {
        let place = join(place, name);
        let schema = self.schema(&place);
        let mut members: Members = Vec::new();
        if let Some(entry) = self.entry(&place) {
            let mut description = entry.plain();
            if let Some(range) = range(self.observed.of(&place)) {
                description.push_str(&range);
            }
            members.push(("description".to_owned(), Json::String(description)));
        }
        if let Json::Object(mut inner) = schema {
            members.append(&mut inner);
        }
        if let Some(default) = self.default_of(&place) {
            members.push(("default".to_owned(), default));
        }
        Json::Object(members)
    }

    /// The default: as the converter has it, or as the reference says, which a test compares.
    pub(crate) fn default_of(&self, place: &str) -> Option<Json> {
        if let Some(value) = self.entry(place).and_then(Entry::value) {
            return Some(value);
        }
        let (parent, name) = place.rsplit_once('.').unwrap_or(("", place));
        let defaults = self
            .observed
            .of(parent)
            .iter()
            .filter_map(|shape| match shape {
                Shape::Default { name: key, value } if *key == name => Some(value.clone()),
                _ => None,
            });
        let fits = |value: &Json| {
            let shapes = self.observed.of(place);
            shapes.iter().any(|shape| match (shape, value) {
                (Shape::Boolean, Json::Bool(_)) => true,
                (Shape::Duration(range), Json::String(text)) => {
                    let parsed = policy::units::parse_duration(text);
                    parsed.is_ok_and(|duration| range.contains(&duration))
                }
                (Shape::Integer(range), Json::Number(number)) => number
                    .as_u64()
                    .is_some_and(|number| range.contains(&number)),
                _ => false,
            })
        };
        defaults.into_iter().find(fits)
    }

    /// What a place takes.
    pub(crate) fn schema(&self, place: &str) -> Json {
        let shapes = self.observed.of(place);
        let mut forms: Vec<Json> = Vec::new();
        forms.extend(self.texts(place, shapes));
        if shapes.contains(&Shape::Boolean) {
            forms.push(
                match (self.proves(place, "true"), self.proves(place, "false")) {
                    (true, false) => object([("const", Json::Bool(true))]),
                    _ => typed("boolean"),
                },
            );
        }
        forms.extend(integers(shapes));
        forms.extend(self.list(place, shapes));
        forms.extend(self.objects(place, shapes));
        forms.extend(self.untyped(place, shapes, &forms));
        match forms.len() {
            0 => Json::Object(Vec::new()),
            1 => forms.remove(0),
            _ => object([("anyOf", Json::Array(forms))]),
        }
    }

    fn proves(&self, place: &str, label: &str) -> bool {
        self.observed.proves(place, label)
    }

    fn texts(&self, place: &str, shapes: &[Shape]) -> Option<Json> {
        let mut words: Vec<Json> = Vec::new();
        let mut open: Option<(u8, Json)> = None;
        let mut better = |rank: u8, schema: Json| {
            if open.as_ref().is_none_or(|(known, _)| *known < rank) {
                open = Some((rank, schema));
            }
        };
        let pattern =
            |pattern: &str| object([("type", text("string")), ("pattern", text(pattern))]);
        for shape in shapes {
            match shape {
                // Words that differ from document to document are names that the user chooses.
                Shape::Words(_) if has_chosen_words(shapes) => better(1, typed("string")),
                Shape::Words(listed) => words.extend(listed.iter().map(|word| text(word))),
                Shape::Variant(listed) => {
                    let alone = listed
                        .iter()
                        .filter(|word| self.observed.accepts(place, &format!("word {word}")));
                    words.extend(alone.map(|word| text(word)));
                }
                Shape::Text(_) => better(1, typed("string")),
                Shape::Name(most) => better(
                    2,
                    object([
                        ("type", text("string")),
                        ("minLength", 1.into()),
                        ("maxLength", u64::try_from(*most).unwrap().into()),
                    ]),
                ),
                Shape::NameOf("header" | "cookie") => {
                    better(3, pattern("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$"));
                }
                Shape::NameOf(_) => better(
                    3,
                    object([
                        ("type", text("string")),
                        ("minLength", 1.into()),
                        ("maxLength", 256.into()),
                    ]),
                ),
                Shape::Duration(_) => better(4, pattern("^[0-9]+(ms|s|m|min|h|d|y)$")),
                Shape::Size(_) => better(4, pattern("^[0-9]+(B|KiB|MiB|GiB)$")),
                Shape::Rate => better(4, pattern("^[0-9]+/(s|min|h|day)$")),
                _ => {}
            }
        }
        // A converter that asks for a text and then for one of its words takes the words.
        match (words.is_empty(), open) {
            (false, None | Some((1, _))) => Some(object([("enum", Json::Array(words))])),
            (true, Some((_, schema))) => Some(schema),
            (false, Some((_, schema))) => Some(object([(
                "anyOf",
                Json::Array(vec![object([("enum", Json::Array(words))]), schema]),
            )])),
            (true, None) => None,
        }
    }

    fn list(&self, place: &str, shapes: &[Shape]) -> Option<Json> {
        let mut lists = shapes.iter().filter_map(|shape| match shape {
            Shape::List {
                at_most,
                is_never_empty,
            } => Some((*at_most, *is_never_empty)),
            _ => None,
        });
        let first = lists.next()?;
        let (at_most, is_never_empty) = lists.fold(first, |(most, never), (other, also)| {
            (most.max(other), never || also)
        });
        let mut members: Members = vec![
            ("type".to_owned(), text("array")),
            ("items".to_owned(), self.schema(&format!("{place}[]"))),
        ];
        if is_never_empty && !self.proves(place, "empty array") {
            members.push(("minItems".to_owned(), 1.into()));
        }
        members.push((
            "maxItems".to_owned(),
            u64::try_from(at_most).unwrap().into(),
        ));
        Some(Json::Object(members))
    }

    fn objects(&self, place: &str, shapes: &[Shape]) -> Vec<Json> {
        let mut forms = Vec::new();
        if shapes.contains(&Shape::Object) {
            let mut properties: Members = Vec::new();
            let mut required = Vec::new();
            for shape in shapes {
                let Shape::Key { name, .. } = shape else {
                    continue;
                };
                if properties.iter().any(|(known, _)| known == name) {
                    continue;
                }
                properties.push(((*name).to_owned(), self.key(place, name)));
                if !self.observed.is_optional(place, name) {
                    required.push(text(name));
                }
            }
            let mut members: Members = vec![
                ("type".to_owned(), text("object")),
                ("properties".to_owned(), Json::Object(properties)),
            ];
            if !required.is_empty() {
                members.push(("required".to_owned(), Json::Array(required)));
            }
            members.push(("additionalProperties".to_owned(), Json::Bool(false)));
            forms.push(Json::Object(members));
        }
        for shape in shapes {
            match shape {
                Shape::Named(most) => forms.push(object([
                    ("type", text("object")),
                    ("additionalProperties", self.schema(&join(place, "*"))),
                    ("maxProperties", u64::try_from(*most).unwrap().into()),
                ])),
                Shape::Variant(words) => forms.extend(self.variant(place, words)),
                _ => {}
            }
        }
        forms
    }

    /// An object with one of these words as its only key.
    fn variant(&self, place: &str, words: &[&'static str]) -> Option<Json> {
        const KINDS: [&str; 5] = ["object", "number", "string", "array", "true"];
        let takes_more = |word: &&&'static str| {
            let is_asked = !self.observed.of(&join(place, word)).is_empty();
            is_asked
                || KINDS
                    .iter()
                    .any(|kind| self.proves(place, &format!("{kind} in {word}")))
        };
        let properties: Members = words
            .iter()
            .filter(takes_more)
            .map(|word| ((*word).to_owned(), self.key(place, word)))
            .collect();
        let form = object([
            ("type", text("object")),
            ("properties", Json::Object(properties.clone())),
            ("minProperties", 1.into()),
            ("maxProperties", 1.into()),
            ("additionalProperties", Json::Bool(false)),
        ]);
        (!properties.is_empty()).then_some(form)
    }

    /// Kinds that a converter takes as they are, without asking what is in them.
    fn untyped(&self, place: &str, shapes: &[Shape], forms: &[Json]) -> Vec<Json> {
        let takes_text = !forms.is_empty()
            && shapes.iter().any(|shape| {
                !matches!(
                    shape,
                    Shape::Raw
                        | Shape::Boolean
                        | Shape::Integer(_)
                        | Shape::List { .. }
                        | Shape::Object
                        | Shape::Named(_)
                        | Shape::Key { .. }
                        | Shape::Default { .. }
                )
            });
        let is_list = |shape: &Shape| matches!(shape, Shape::List { .. });
        let is_object =
            |shape: &Shape| matches!(shape, Shape::Object | Shape::Named(_) | Shape::Variant(_));
        let is_integer = |shape: &Shape| matches!(shape, Shape::Integer(_));
        let mut kinds = Vec::new();
        let mut add = |kind: &str, is_new: bool| {
            if is_new {
                kinds.push(typed(kind));
            }
        };
        add("string", !takes_text && self.proves(place, "string"));
        add(
            "number",
            !shapes.iter().any(is_integer) && self.proves(place, "number"),
        );
        add(
            "boolean",
            !shapes.contains(&Shape::Boolean)
                && self.proves(place, "true")
                && self.proves(place, "false"),
        );
        add("null", self.proves(place, "null"));
        let lists = ["array", "objects", "empty array"];
        add(
            "array",
            !shapes.iter().any(is_list) && lists.iter().any(|label| self.proves(place, label)),
        );
        let objects = ["object", "named", "named string"];
        add(
            "object",
            !shapes.iter().any(is_object) && objects.iter().any(|label| self.proves(place, label)),
        );
        kinds
    }
}

/// Whether the words of a place depend on the document, such as the names of providers.
pub(crate) fn has_chosen_words(shapes: &[Shape]) -> bool {
    let words = shapes
        .iter()
        .filter(|shape| matches!(shape, Shape::Words(_)));
    words.count() > 1
}

fn integers(shapes: &[Shape]) -> Option<Json> {
    let mut ranges = shapes.iter().filter_map(|shape| match shape {
        Shape::Integer(range) => Some((*range.start(), *range.end())),
        _ => None,
    });
    let first = ranges.next()?;
    let (least, most) = ranges.fold(first, |(least, most), (start, end)| {
        (least.min(start), most.max(end))
    });
    Some(object([
        ("type", text("integer")),
        ("minimum", least.into()),
        ("maximum", most.into()),
    ]))
}

/// ` From 1ms to 1m.`
pub(crate) fn range(shapes: &[Shape]) -> Option<String> {
    shapes.iter().find_map(|shape| match shape {
        Shape::Duration(range) => Some(format!(
            " (from {} to {})",
            duration(*range.start()),
            duration(*range.end())
        )),
        Shape::Size(range) => Some(format!(
            " (from {} to {})",
            size(*range.start()),
            size(*range.end())
        )),
        _ => None,
    })
}

pub(crate) fn duration(duration: Duration) -> String {
    policy::units::DurationText(duration).to_string()
}

pub(crate) fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units
        .iter()
        .find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit));
    unit.map_or_else(
        || format!("{bytes}B"),
        |(unit, name)| format!("{}{name}", bytes / unit),
    )
}

/// Objects that stand at several places are said once.
fn shared_parts(document: Json) -> (Json, Members) {
    let mut counts: BTreeMap<String, (usize, String)> = BTreeMap::new();
    count(&document, "", &mut counts);
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (part, (times, name)) in &counts {
        if *times < 2 || part.len() < 300 {
            continue;
        }
        let mut unique = name.clone();
        let mut number = 2;
        while names.values().any(|known| *known == unique) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        names.insert(part.clone(), unique);
    }
    let mut definitions: Members = Vec::new();
    for (part, name) in &names {
        let part = Json::parse(part.as_bytes()).unwrap();
        let Json::Object(members) = part else {
            continue;
        };
        let members = members
            .into_iter()
            .map(|(name, value)| (name, referring(value, &names)));
        definitions.push((name.clone(), Json::Object(members.collect())));
    }
    definitions.sort_by(|a, b| a.0.cmp(&b.0));
    (referring(document, &names), definitions)
}

/// The part of a schema that does not say where it stands.
fn without_words(members: &Members) -> (Members, Members) {
    let is_word = |(name, _): &(String, Json)| name == "description" || name == "default";
    members.iter().cloned().partition(is_word)
}

fn count(json: &Json, name: &str, counts: &mut BTreeMap<String, (usize, String)>) {
    match json {
        Json::Object(members) => {
            if members.iter().any(|(name, _)| name == "properties") && !name.is_empty() {
                let (_, part) = without_words(members);
                let entry = counts.entry(Json::Object(part).to_string());
                entry.or_insert((0, name.to_owned())).0 += 1;
            }
            for (member, value) in members {
                let structural = ["properties", "items", "anyOf", "additionalProperties"];
                let name = if structural.contains(&member.as_str()) {
                    name
                } else {
                    member
                };
                count(value, name, counts);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| count(item, name, counts)),
        _ => {}
    }
}

fn referring(json: Json, names: &BTreeMap<String, String>) -> Json {
    match json {
        Json::Object(members) => {
            let (mut words, part) = without_words(&members);
            if let Some(name) = names.get(&Json::Object(part).to_string()) {
                words.push(("$ref".to_owned(), text(&format!("#/$defs/{name}"))));
                return Json::Object(words);
            }
            let members = members
                .into_iter()
                .map(|(name, value)| (name, referring(value, names)));
            Json::Object(members.collect())
        }
        Json::Array(items) => Json::Array(
            items
                .into_iter()
                .map(|item| referring(item, names))
                .collect(),
        ),
        other => other,
    }
}
