//! Calls through the table.

use std::borrow::Cow;
use std::collections::BTreeMap;

use wasm_encoder::{ConstExpr, ElementSection, Elements, Function, Instruction};
use wasmparser::Operator;

use crate::survey::{Survey, number};
use crate::walk::{Change, rewritten};
use crate::{Error, HotFunctions};

/// A callee that is longer is called through the table even where it runs with requests: a copy of it in
/// each caller costs more when the module starts than a call costs when it runs.
const LONGEST_INLINED: usize = 150;

/// A module that was rewritten.
#[derive(Clone, Debug)]
pub struct Rewritten {
    /// The module, without names and other custom sections.
    pub module: Vec<u8>,
    /// The same code with its custom sections, for profilers.
    pub with_names: Vec<u8>,
    /// How many calls go through the table now.
    pub indirect_calls: usize,
    /// How many calls of the module's own functions are as they were.
    pub direct_calls: usize,
    /// How many of its functions run with requests.
    pub hot_functions: usize,
}

/// Makes every call indirect that is not one from a hot function to a short hot function.
///
/// # Errors
/// The module cannot be parsed, has no names, or has no table of its own.
pub fn make_indirect(module: &[u8], hot: &HotFunctions) -> Result<Rewritten, Error> {
    let survey = Survey::of(module)?;
    if !survey.has_names() {
        return Err(Error::NoNames);
    }
    let table = survey.table.ok_or(Error::NoTable)?;
    let functions = survey.functions.iter();
    let is_hot: Vec<bool> = functions.map(|f| hot.contains(&f.name)).collect();
    let mut change = Indirect {
        survey: &survey,
        is_hot: &is_hot,
        table,
        slots: BTreeMap::new(),
        keeps_custom_sections: true,
    };
    let (mut indirect_calls, mut direct_calls) = (0_usize, 0_usize);
    let mut slot = table;
    for (caller, function) in survey.functions.iter().enumerate() {
        for callee in &function.calls {
            if change.is_direct(caller, *callee) {
                let is_own = survey.own(*callee).is_some();
                direct_calls = direct_calls.saturating_add(usize::from(is_own));
                continue;
            }
            indirect_calls = indirect_calls.saturating_add(1);
            change.slots.entry(*callee).or_insert_with(|| {
                let this = slot;
                slot = slot.saturating_add(1);
                this
            });
        }
    }
    let with_names = rewritten(module, &change)?;
    change.keeps_custom_sections = false;
    Ok(Rewritten {
        module: rewritten(module, &change)?,
        with_names,
        indirect_calls,
        direct_calls,
        hot_functions: is_hot.iter().filter(|is_hot| **is_hot).count(),
    })
}

struct Indirect<'a> {
    survey: &'a Survey,
    is_hot: &'a [bool],
    /// The size of the table before.
    table: u32,
    /// The slot that each function has that is called through the table, beginning at `table`.
    slots: BTreeMap<u32, u32>,
    keeps_custom_sections: bool,
}

impl Indirect<'_> {
    fn is_direct(&self, caller: usize, callee: u32) -> bool {
        // What the host offers is not in the module and cannot be inlined.
        let Some(callee) = self.survey.own(callee) else {
            return true;
        };
        let is_hot = |place: usize| self.is_hot.get(place) == Some(&true);
        let callee_bytes = self.survey.functions.get(callee).map_or(0, |f| f.bytes);
        is_hot(caller) && is_hot(callee) && callee_bytes <= LONGEST_INLINED
    }

    /// The functions of the new slots, in the order of the slots.
    fn added(&self) -> Vec<u32> {
        let mut added: Vec<(u32, u32)> = self.slots.iter().map(|(f, slot)| (*slot, *f)).collect();
        added.sort_unstable();
        added.into_iter().map(|(_, function)| function).collect()
    }
}

impl Change for Indirect<'_> {
    fn added_slots(&self) -> u32 {
        number(self.slots.len())
    }

    fn keeps_custom_sections(&self) -> bool {
        self.keeps_custom_sections
    }

    fn add_elements(&self, elements: &mut ElementSection) {
        let start = ConstExpr::i32_const(self.table.cast_signed());
        let added = Elements::Functions(Cow::Owned(self.added()));
        elements.active(None, &start, added);
    }

    fn write_code(
        &self,
        own_function: usize,
        code: &[(Operator<'_>, Instruction<'_>)],
        written: &mut Function,
    ) {
        for (operator, instruction) in code {
            let callee = match operator {
                Operator::Call { function_index } => Some(*function_index),
                _ => None,
            };
            let through = callee
                .filter(|callee| !self.is_direct(own_function, *callee))
                .and_then(|callee| {
                    let own = self.survey.functions.get(self.survey.own(callee)?)?;
                    Some((own.type_index, *self.slots.get(&callee)?))
                });
            match through {
                Some((type_index, slot)) => {
                    written.instruction(&Instruction::I32Const(slot.cast_signed()));
                    written.instruction(&Instruction::CallIndirect {
                        type_index,
                        table_index: 0,
                    });
                }
                None => {
                    written.instruction(instruction);
                }
            }
        }
    }
}
