//! One function in the place of all that are the same.
//!
//! Code that is written once is compiled for each type that it is used with, and what comes of it is often the same to
//! the byte. The compiler finds that within a crate only, and the linker not at all.

use std::collections::BTreeMap;
use std::convert::Infallible;

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{Function, Instruction, NameMap};
use wasmparser::{FunctionBody, Operator, Parser, Payload};

use crate::survey::{Survey, number};
use crate::walk::{Change, rewritten};
use crate::{Error, HotFunctions};

/// The same module, with one function for those that do the same. It is hot if one of them is.
///
/// # Errors
/// The module cannot be parsed.
pub fn fold(module: &[u8], hot: &HotFunctions) -> Result<Vec<u8>, Error> {
    let survey = Survey::of(module)?;
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CodeSectionEntry(body) = payload? {
            bodies.push(body);
        }
    }
    let mut folding = Folding {
        imported: survey.imported,
        same_as: (0..bodies.len()).collect(),
        new_places: Vec::new(),
    };
    // Callers are the same once what they call is.
    while folding.fold_once(&survey, &bodies)? {}
    folding.number_anew();
    rewritten(
        module,
        &Named {
            folding,
            survey: &survey,
            hot,
        },
    )
}

struct Folding {
    imported: u32,
    /// The first function that does the same, by place; that itself where it is the first.
    same_as: Vec<usize>,
    /// The place of each function that stays among those that stay.
    new_places: Vec<usize>,
}

impl Folding {
    /// Whether any function was found to do the same as another.
    fn fold_once(&mut self, survey: &Survey, bodies: &[FunctionBody<'_>]) -> Result<bool, Error> {
        let mut first = BTreeMap::new();
        let mut found = Vec::new();
        for (place, (body, function)) in bodies.iter().zip(&survey.functions).enumerate() {
            if self.same_as.get(place) != Some(&place) {
                continue;
            }
            let key = (function.type_index, self.code_of(body)?);
            match first.get(&key) {
                Some(same) => found.push((place, *same)),
                None => drop(first.insert(key, place)),
            }
        }
        for (place, same) in &found {
            for known in self.same_as.iter_mut().filter(|known| *known == place) {
                *known = *same;
            }
        }
        Ok(!found.is_empty())
    }

    /// A body in which calls name the first of those that are the same.
    fn code_of(&mut self, body: &FunctionBody<'_>) -> Result<Vec<u8>, Error> {
        let mut written = self.new_function_with_parsed_locals(body)?;
        for operator in body.get_operators_reader()? {
            let instruction = self.instruction(operator?)?;
            written.instruction(&instruction);
        }
        Ok(written.into_raw_body())
    }

    fn number_anew(&mut self) {
        let mut staying = 0_usize;
        for (place, same) in self.same_as.iter().enumerate() {
            self.new_places.push(staying);
            staying = staying.saturating_add(usize::from(place == *same));
        }
    }

    /// What stands for a function, by its number in the module.
    fn representative(&self, function: u32) -> Option<usize> {
        let place = usize::try_from(function.checked_sub(self.imported)?).ok()?;
        self.same_as.get(place).copied()
    }

    fn numbered(&self, place: usize) -> u32 {
        self.imported.saturating_add(number(place))
    }
}

impl Reencode for Folding {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        let same = self.representative(function);
        Ok(same.map_or(function, |place| self.numbered(place)))
    }
}

struct Named<'a> {
    folding: Folding,
    survey: &'a Survey,
    hot: &'a HotFunctions,
}

impl Change for Named<'_> {
    fn function_index(&self, function: u32) -> u32 {
        let same = self.folding.representative(function);
        let place = same.and_then(|same| self.folding.new_places.get(same));
        place.map_or(function, |place| self.folding.numbered(*place))
    }

    fn leaves_out(&self, own_function: usize) -> bool {
        self.folding.same_as.get(own_function) != Some(&own_function)
    }

    /// Each is called as the first hot one of those that it stands for.
    fn function_names(&self) -> Option<NameMap> {
        let mut chosen: BTreeMap<u32, &str> = BTreeMap::new();
        for (place, function) in self.survey.functions.iter().enumerate() {
            if function.name.is_empty() {
                continue;
            }
            let number = self.function_index(self.folding.numbered(place));
            let known = chosen.entry(number).or_insert(&function.name);
            if !self.hot.contains(known) && self.hot.contains(&function.name) {
                *known = &function.name;
            }
        }
        let mut names = NameMap::new();
        for (number, name) in chosen {
            names.append(number, name);
        }
        Some(names)
    }

    fn write_code(
        &self,
        _own_function: usize,
        code: &[(Operator<'_>, Instruction<'_>)],
        written: &mut Function,
    ) {
        for (_, instruction) in code {
            written.instruction(instruction);
        }
    }
}
