//! JSON as people write configurations: what fits in a line stands in one.

use policy::json::Json;

pub(super) fn object(members: impl IntoIterator<Item = (&'static str, Json)>) -> Json {
    let members = members.into_iter();
    Json::Object(
        members
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

pub(super) fn text(text: &str) -> Json {
    Json::String(text.to_owned())
}

pub(super) fn texts<'t>(all: impl IntoIterator<Item = &'t str>) -> Json {
    Json::Array(all.into_iter().map(text).collect())
}

pub(super) fn number(number: u64) -> Json {
    Json::Number(number.into())
}

/// The text of a document.
pub(in crate::init) fn pretty(json: &Json) -> String {
    let mut out = String::new();
    write(&mut out, json, 0, 0);
    out.push('\n');
    out
}

fn write(out: &mut String, json: &Json, indent: usize, before: usize) {
    let line = spaced(json);
    if before + line.len() <= WIDTH && indent > 0 {
        out.push_str(&line);
        return;
    }
    let inner = indent + 2;
    let (open, close, count) = match json {
        Json::Object(members) => ('{', '}', members.len()),
        Json::Array(items) => ('[', ']', items.len()),
        _ => return out.push_str(&line),
    };
    if count == 0 {
        return out.push_str(&line);
    }
    out.push(open);
    let next = |out: &mut String, place: usize, name: Option<&String>, value: &Json| {
        out.push_str(if place == 0 { "\n" } else { ",\n" });
        out.push_str(&" ".repeat(inner));
        let start = out.len();
        if let Some(name) = name {
            policy::json::push_string(out, name);
            out.push_str(": ");
        }
        let before = inner + (out.len() - start);
        write(out, value, inner, before);
    };
    match json {
        Json::Object(members) => {
            for (place, (name, value)) in members.iter().enumerate() {
                next(out, place, Some(name), value);
            }
        }
        Json::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                next(out, place, None, value);
            }
        }
        _ => {}
    }
    out.push('\n');
    out.push_str(&" ".repeat(indent));
    out.push(close);
}

/// In one line, with spaces between.
fn spaced(json: &Json) -> String {
    match json {
        Json::Object(members) if !members.is_empty() => {
            let member = |(name, value): &(String, Json)| {
                let mut member = String::new();
                policy::json::push_string(&mut member, name);
                member + ": " + &spaced(value)
            };
            let members: Vec<String> = members.iter().map(member).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(spaced).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

const WIDTH: usize = 110;
