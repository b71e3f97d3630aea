//! Finds out what a converter accepts: it is run over the examples, over these with a part replaced,
//! taken away or put in, and over whatever of that made it ask something new.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use policy::config::describe::{Ask, Shape};
use policy::config::join;
use policy::json::Json;

/// What a converter did with a document.
pub(crate) struct Run {
    pub(crate) asks: Vec<Ask>,
    /// What it made of the document, as `Debug` writes it, or the paths of what is wrong.
    pub(crate) result: Result<String, Vec<String>>,
}

pub(crate) type Reader = fn(&Json) -> Run;

/// A document without some key, the path of the object that lacks it, and whether it was accepted.
pub(crate) type Without = (Json, String, String);

/// What is known about a converter.
#[derive(Default)]
pub(crate) struct Observed {
    /// What was asked of each place, each thing once, in the order in which it was first asked.
    pub(crate) shapes: BTreeMap<String, Vec<Shape>>,
    /// Probes that were accepted: as a whole, or at least without a word against this place.
    accepted: HashSet<(String, String)>,
    /// Those of them in documents that were accepted as a whole.
    proven: HashSet<(String, String)>,
    /// The keys of each object of documents that were accepted, each set once.
    objects: BTreeMap<String, BTreeSet<BTreeSet<String>>>,
    /// Keys that may be absent.
    optional: HashSet<(String, &'static str)>,
    /// Documents that were accepted, and what they were read as.
    pub(crate) good: Vec<(Json, String)>,
    /// Documents that were accepted without a key, and the path of the object that lacks it.
    pub(crate) without: BTreeMap<(String, &'static str), Vec<Without>>,
}

/// One value to put somewhere, and what it is called.
fn probes(shapes: &[Shape]) -> Vec<(String, Json)> {
    let text = |text: &str| Json::String(text.to_owned());
    let object = |name: &str, value: Json| Json::Object(vec![(name.to_owned(), value)]);
    let mut probes = vec![
        ("null".to_owned(), Json::Null),
        ("true".to_owned(), Json::Bool(true)),
        ("false".to_owned(), Json::Bool(false)),
        ("number".to_owned(), Json::from(5)),
        ("string".to_owned(), text("x")),
        ("empty array".to_owned(), Json::Array(Vec::new())),
        ("array".to_owned(), Json::Array(vec![text("x")])),
        (
            "objects".to_owned(),
            Json::Array(vec![Json::Object(Vec::new())]),
        ),
        ("object".to_owned(), Json::Object(Vec::new())),
        ("named".to_owned(), object("x", Json::Object(Vec::new()))),
        ("named string".to_owned(), object("x", text("x"))),
    ];
    for shape in shapes {
        match shape {
            Shape::Words(words) => {
                probes.extend(
                    words
                        .iter()
                        .map(|word| (format!("word {word}"), text(word))),
                );
            }
            Shape::Variant(words) => {
                for word in words {
                    probes.push((format!("word {word}"), text(word)));
                    for (kind, value) in [
                        ("object", Json::Object(Vec::new())),
                        ("number", Json::from(5)),
                        ("string", text("x")),
                        ("array", Json::Array(vec![text("x")])),
                        ("true", Json::Bool(true)),
                    ] {
                        probes.push((format!("{kind} in {word}"), object(word, value)));
                    }
                }
            }
            Shape::Duration(range) => probes.push((
                "good".to_owned(),
                text(&format!("{}ms", range.end().as_millis())),
            )),
            Shape::Size(range) => {
                probes.push(("good".to_owned(), text(&format!("{}B", range.end()))));
            }
            Shape::Integer(range) => probes.push(("good".to_owned(), Json::from(*range.end()))),
            Shape::Rate => probes.push(("good".to_owned(), text("5/s"))),
            _ => {}
        }
    }
    probes
}

/// Each value of a document by its path.
pub(crate) fn paths<'j>(json: &'j Json, path: &str, found: &mut Vec<(String, &'j Json)>) {
    found.push((path.to_owned(), json));
    match json {
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                paths(item, &format!("{path}[{index}]"), found);
            }
        }
        Json::Object(members) => {
            for (name, member) in members {
                paths(member, &join(path, name), found);
            }
        }
        _ => {}
    }
}

/// The document with `change` done to the value at a path.
pub(crate) fn changed(
    json: &Json,
    path: &str,
    target: &str,
    change: &dyn Fn(&Json) -> Json,
) -> Json {
    if path == target {
        return change(json);
    }
    match json {
        Json::Array(items) => {
            let items = items.iter().enumerate();
            let changed =
                |(index, item)| changed(item, &format!("{path}[{index}]"), target, change);
            Json::Array(items.map(changed).collect())
        }
        Json::Object(members) => {
            let members = members.iter().map(|(name, member)| {
                let member = changed(member, &join(path, name), target, change);
                (name.clone(), member)
            });
            Json::Object(members.collect())
        }
        scalar => scalar.clone(),
    }
}

pub(crate) fn with_member(object: &Json, name: &str, value: &Json) -> Json {
    let mut members = match object {
        Json::Object(members) => members.clone(),
        _ => Vec::new(),
    };
    members.retain(|(member, _)| member != name);
    members.push((name.to_owned(), value.clone()));
    Json::Object(members)
}

fn without_member(object: &Json, name: &str) -> Json {
    let mut members = match object {
        Json::Object(members) => members.clone(),
        _ => Vec::new(),
    };
    members.retain(|(member, _)| member != name);
    Json::Object(members)
}

struct Explorer {
    reader: Reader,
    observed: Observed,
    tried: HashMap<(String, String), usize>,
    waiting: VecDeque<Json>,
}

/// In how many surroundings a probe is tried.
const SURROUNDINGS: usize = 3;

/// Explores a converter from documents that it accepts.
pub(crate) fn explore(reader: Reader, seeds: Vec<Json>) -> Observed {
    let mut explorer = Explorer {
        reader,
        observed: Observed::default(),
        tried: HashMap::new(),
        waiting: VecDeque::new(),
    };
    for seed in seeds {
        explorer.run(&seed, None);
        explorer.waiting.push_back(seed);
    }
    while let Some(document) = explorer.waiting.pop_front() {
        explorer.vary(&document);
    }
    explorer.observed
}

impl Explorer {
    /// Runs the converter, and keeps the document if it made it ask something new.
    fn run(&mut self, document: &Json, probe: Option<(&str, &str, &str)>) {
        let run = (self.reader)(document);
        let mut is_new = false;
        for ask in &run.asks {
            let shapes = self.observed.shapes.entry(ask.place.clone()).or_default();
            if !shapes.contains(&ask.shape) {
                shapes.push(ask.shape.clone());
                is_new = true;
            }
        }
        self.note_optional(document, &run);
        if let Ok(debug) = &run.result {
            self.observed.good.push((document.clone(), debug.clone()));
        }
        if let Some((path, place, label)) = probe {
            let key = || (place.to_owned(), label.to_owned());
            let is_asked = run.asks.iter().any(|ask| ask.path == path);
            match &run.result {
                Ok(_) => {
                    self.observed.proven.insert(key());
                    self.observed.accepted.insert(key());
                }
                Err(paths) if is_asked && !paths.iter().any(|wrong| wrong == path) => {
                    self.observed.accepted.insert(key());
                }
                Err(_) => {}
            }
        }
        if is_new && probe.is_some() {
            self.waiting.push_back(document.clone());
        }
    }

    fn note_optional(&mut self, document: &Json, run: &Run) {
        let mut asked: BTreeMap<(&str, &'static str), (&str, bool)> = BTreeMap::new();
        for ask in &run.asks {
            if let Shape::Key { name, is_required } = &ask.shape {
                let entry = asked.entry((ask.path.as_str(), name));
                entry.or_insert((ask.place.as_str(), false)).1 |= *is_required;
            }
        }
        let mut values = Vec::new();
        paths(document, "", &mut values);
        let present: HashMap<&str, &Json> = values
            .iter()
            .map(|(path, value)| (path.as_str(), *value))
            .collect();
        if run.result.is_ok() {
            for ask in &run.asks {
                if let Some(value) = present.get(ask.path.as_str()) {
                    let label = match value {
                        Json::Null => "null",
                        Json::Bool(true) => "true",
                        Json::Bool(false) => "false",
                        Json::Number(_) => "number",
                        Json::String(_) => "string",
                        Json::Array(_) => "array",
                        Json::Object(_) => "object",
                    };
                    let proof = (ask.place.clone(), label.to_owned());
                    self.observed.proven.insert(proof);
                }
            }
            let objects = run.asks.iter().filter(|ask| ask.shape == Shape::Object);
            for object in objects {
                let Some(Json::Object(members)) = present.get(object.path.as_str()) else {
                    continue;
                };
                let keys = members.iter().map(|(name, _)| name.clone()).collect();
                let sets = self.observed.objects.entry(object.place.clone());
                sets.or_default().insert(keys);
            }
        }
        for ((path, name), (place, is_required)) in asked {
            let is_absent = !present.contains_key(join(path, name).as_str());
            if is_absent && (!is_required || run.result.is_ok()) {
                self.observed.optional.insert((place.to_owned(), name));
            }
            if let (true, Ok(debug)) = (is_absent, &run.result) {
                let key = (place.to_owned(), name);
                let documents = self.observed.without.entry(key).or_default();
                if documents.len() < SURROUNDINGS {
                    documents.push((document.clone(), path.to_owned(), debug.clone()));
                }
            }
        }
    }

    fn is_due(&mut self, place: &str, label: &str) -> bool {
        let count = self.tried.entry((place.to_owned(), label.to_owned()));
        let count = count.or_default();
        *count += 1;
        *count <= SURROUNDINGS
    }

    fn vary(&mut self, document: &Json) {
        let run = (self.reader)(document);
        let mut values = Vec::new();
        paths(document, "", &mut values);
        let mut seen = HashSet::new();
        for ask in &run.asks {
            if let Shape::Key { name, .. } = &ask.shape {
                let (path, place) = (join(&ask.path, name), join(&ask.place, name));
                if seen.insert(path.clone()) {
                    self.vary_key((document, &ask.path), name, (&path, &place));
                }
            } else if seen.insert(ask.path.clone()) {
                self.vary_value(document, &ask.path, &ask.place);
            }
        }
    }

    fn probes_of(&self, place: &str) -> Vec<(String, Json)> {
        let shapes = self.observed.shapes.get(place);
        probes(shapes.map_or(&[], Vec::as_slice))
    }

    fn vary_value(&mut self, document: &Json, path: &str, place: &str) {
        for (label, value) in self.probes_of(place) {
            if self.is_due(place, &label) {
                let mutant = changed(document, "", path, &|_| value.clone());
                self.run(&mutant, Some((path, place, &label)));
            }
        }
    }

    fn vary_key(
        &mut self,
        (document, object): (&Json, &str),
        name: &str,
        (path, place): (&str, &str),
    ) {
        for (label, value) in self.probes_of(place) {
            if self.is_due(place, &label) {
                let mutant = changed(document, "", object, &|old| with_member(old, name, &value));
                self.run(&mutant, Some((path, place, &label)));
            }
        }
        if self.is_due(place, "taken away") {
            let mutant = changed(document, "", object, &|old| without_member(old, name));
            self.run(&mutant, None);
        }
    }
}

impl Observed {
    pub(crate) fn of(&self, place: &str) -> &[Shape] {
        self.shapes.get(place).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn is_optional(&self, place: &str, name: &'static str) -> bool {
        let sets = self.objects.get(place).into_iter().flatten();
        let is_absent = sets.into_iter().any(|keys| !keys.contains(name));
        is_absent || self.optional.contains(&(place.to_owned(), name))
    }

    pub(crate) fn accepts(&self, place: &str, label: &str) -> bool {
        self.accepted
            .contains(&(place.to_owned(), label.to_owned()))
    }

    pub(crate) fn proves(&self, place: &str, label: &str) -> bool {
        self.proven.contains(&(place.to_owned(), label.to_owned()))
    }
}
