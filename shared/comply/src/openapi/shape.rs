//! What schemas let a document have: which members, and how much.
//!
//! Schemas that stand for one value (`allOf`, `oneOf`, subtypes, several media types) are looked at together: what
//! one of them names may be there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::document::{Document, Way};

/// What several schemas say of one value.
#[derive(Debug, Default)]
pub(super) struct View<'d> {
    /// Any members may be there.
    pub(super) is_open: bool,
    pub(super) members: BTreeMap<&'d str, Vec<&'d Value>>,
    /// Schemas of members with any name.
    pub(super) others: Vec<&'d Value>,
    pub(super) items: Vec<&'d Value>,
    /// Some of `others` have names that fit a pattern, which no path can say.
    pub(super) has_patterns: bool,
    pub(super) is_object: bool,
    pub(super) is_array: bool,
    pub(super) may_be_null: bool,
    pub(super) max_items: Most,
    /// A text, a number or a boolean, of so many bytes.
    pub(super) scalar: Option<Most>,
}

/// The largest of several bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Most {
    value: u64,
    is_unbounded: bool,
}

impl Most {
    pub(super) const fn of(bound: Option<u64>) -> Self {
        match bound {
            Some(value) => Self {
                value,
                is_unbounded: false,
            },
            None => Self {
                value: 0,
                is_unbounded: true,
            },
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            value: self.value.max(other.value),
            is_unbounded: self.is_unbounded || other.is_unbounded,
        }
    }

    pub(super) fn bound(self) -> Option<u64> {
        (!self.is_unbounded).then_some(self.value)
    }
}

impl<'d> Document<'d> {
    /// What may stand in the place of a schema with a discriminator: what builds on it, and on that.
    fn subtypes_of(&self, reference: &str, target: &Value) -> Vec<&'d Value> {
        let mut found: Vec<&'d Value> = Vec::new();
        if target.get("discriminator").is_none() {
            return found;
        }
        let mut ahead = vec![reference];
        while let Some(reference) = ahead.pop() {
            for (own, schema) in self.subtypes.get(reference).into_iter().flatten() {
                if !found.iter().any(|known| std::ptr::eq(*known, *schema)) {
                    found.push(schema);
                    ahead.push(own);
                }
            }
        }
        found
    }

    pub(super) fn view(&self, schemas: &[&'d Value], way: Way) -> View<'d> {
        let mut view = View::default();
        let mut visited = BTreeSet::new();
        for schema in schemas {
            if !self.collect(schema, way, &mut view, &mut visited) {
                view.is_open = true;
            }
        }
        view
    }

    /// Adds what a schema says of a value. `false`: it says nothing of what may be there.
    fn collect(
        &self,
        schema: &'d Value,
        way: Way,
        view: &mut View<'d>,
        visited: &mut BTreeSet<usize>,
    ) -> bool {
        if !visited.insert(address(schema)) {
            return true;
        }
        let Some(object) = schema.as_object() else {
            return *schema == Value::Bool(false);
        };
        let mut says = false;
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            // What cannot be found is told as a problem.
            let Some(target) = self.target(schema) else {
                return true;
            };
            says |= self.collect(target, way, view, visited);
            for subtype in self.subtypes_of(reference, target) {
                self.collect(subtype, way, view, visited);
            }
        }
        let parts = |keyword: &str| object.get(keyword).and_then(Value::as_array);
        for part in parts("allOf").into_iter().flatten() {
            says |= self.collect(part, way, view, visited);
        }
        for keyword in ["then", "else"] {
            if let Some(part) = object.get(keyword) {
                says |= self.collect(part, way, view, visited);
            }
        }
        // What they name may be there; that they name it says nothing of other members.
        let dependent = object.get("dependentSchemas").and_then(Value::as_object);
        let dependent = dependent.into_iter().flatten().map(|(_, part)| part);
        for part in object.get("if").into_iter().chain(dependent) {
            self.collect(part, way, view, visited);
        }
        let mut all_say = true;
        let alternatives = ["oneOf", "anyOf"].into_iter().filter_map(parts).flatten();
        let mut has_alternatives = false;
        for alternative in alternatives {
            has_alternatives = true;
            all_say &= self.collect(alternative, way, view, visited);
        }
        view.may_be_null |=
            has_type(object, "null") || object.get("nullable") == Some(&Value::Bool(true));
        says |= self.collect_object(object, way, view);
        says |= collect_array(object, view);
        says |= collect_scalar(object, view);
        says || has_alternatives && all_say
    }

    fn collect_object(
        &self,
        schema: &'d Map<String, Value>,
        way: Way,
        view: &mut View<'d>,
    ) -> bool {
        let hidden = match way {
            Way::Request => "readOnly",
            Way::Response => "writeOnly",
        };
        let mut says = false;
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, member) in properties.into_iter().flatten() {
            says = true;
            let Some(target) = self.target(member) else {
                continue;
            };
            let is_hidden = [member, target]
                .iter()
                .any(|one| one.get(hidden) == Some(&Value::Bool(true)));
            if !is_hidden {
                view.members.entry(name).or_default().push(member);
            }
        }
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        for (_, member) in patterns.into_iter().flatten() {
            says = true;
            view.has_patterns = true;
            view.others.push(member);
        }
        for keyword in ["additionalProperties", "unevaluatedProperties"] {
            let Some(more) = schema.get(keyword) else {
                continue;
            };
            says = true;
            match more {
                Value::Bool(false) => {}
                more if says_nothing(more) => view.is_open = true,
                more => view.others.push(more),
            }
        }
        view.is_object |= says;
        says
    }
}

fn collect_array<'d>(schema: &'d Map<String, Value>, view: &mut View<'d>) -> bool {
    let items = schema.get("items");
    let first = schema.get("prefixItems").and_then(Value::as_array);
    if items.is_none() && first.is_none() && !has_type(schema, "array") {
        return false;
    }
    let most = Most::of(schema.get("maxItems").and_then(Value::as_u64));
    view.max_items = match view.is_array {
        true => view.max_items.or(most),
        false => most,
    };
    view.is_array = true;
    view.items.extend(first.into_iter().flatten());
    match items {
        Some(items) => view.items.push(items),
        None if first.is_none() => view.is_open = true,
        None => {}
    }
    true
}

fn collect_scalar(schema: &Map<String, Value>, view: &mut View<'_>) -> bool {
    let mut found: Option<Most> = None;
    let mut add = |bound: Option<u64>| {
        let most = Most::of(bound);
        found = Some(found.map_or(most, |known| known.or(most)));
    };
    let values = schema.get("enum").and_then(Value::as_array);
    let values: Vec<&Value> = values
        .into_iter()
        .flatten()
        .chain(schema.get("const"))
        .collect();
    if values.is_empty() {
        if has_type(schema, "string") {
            add(text_bytes(schema));
        }
        if has_type(schema, "number") || has_type(schema, "integer") {
            add(Some(NUMBER_BYTES));
        }
        if has_type(schema, "boolean") {
            add(Some("false".len() as u64));
        }
    }
    for value in values {
        add(Some(MAX_ESCAPE * value.to_string().len() as u64));
    }
    let Some(found) = found else {
        // That it may be null says nothing of the members of an object.
        return has_type(schema, "null") && !has_type(schema, "object");
    };
    view.scalar = Some(view.scalar.map_or(found, |known| known.or(found)));
    true
}

/// The most bytes of a text in JSON.
fn text_bytes(schema: &Map<String, Value>) -> Option<u64> {
    let most = schema.get("maxLength").and_then(Value::as_u64);
    let of_format = match schema.get("format").and_then(Value::as_str) {
        Some("date" | "time" | "date-time" | "duration" | "uuid" | "ipv4" | "ipv6") => Some(64),
        _ => None,
    };
    let characters = most.or(of_format)?;
    Some(characters.saturating_mul(MAX_ESCAPE).saturating_add(2))
}

fn has_type(schema: &Map<String, Value>, wanted: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(word)) => word == wanted,
        Some(Value::Array(words)) => words.iter().any(|word| word == wanted),
        _ => false,
    }
}

/// Whether a schema allows everything: `true`, or `{}`.
fn says_nothing(schema: &Value) -> bool {
    *schema == Value::Bool(true) || schema.as_object().is_some_and(Map::is_empty)
}

pub(super) fn address(schema: &Value) -> usize {
    std::ptr::from_ref(schema).addr()
}

/// Of a character in JSON: the escapes of a pair of surrogates.
pub(super) const MAX_ESCAPE: u64 = 12;
const NUMBER_BYTES: u64 = 40;
