//! Calls through the table.

use std::borrow::Cow;
use std::collections::BTreeMap;

use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, ElementSection, Elements, Instruction, Module, TableType,
};
use wasmparser::{FunctionBody, Operator, Parser};

use crate::survey::{Survey, number, validated};
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
    let mut pass = Pass {
        survey: &survey,
        is_hot: &is_hot,
        table,
        slots: BTreeMap::new(),
        at: 0,
        keeps_custom_sections: true,
    };
    let (mut indirect_calls, mut direct_calls) = (0_usize, 0_usize);
    let mut slot = table;
    for (caller, function) in survey.functions.iter().enumerate() {
        for callee in &function.calls {
            if pass.is_direct(caller, *callee) {
                let is_own = survey.own(*callee).is_some();
                direct_calls = direct_calls.saturating_add(usize::from(is_own));
                continue;
            }
            indirect_calls = indirect_calls.saturating_add(1);
            pass.slots.entry(*callee).or_insert_with(|| {
                let this = slot;
                slot = slot.saturating_add(1);
                this
            });
        }
    }
    let with_names = pass.run(module)?;
    pass.keeps_custom_sections = false;
    Ok(Rewritten {
        module: pass.run(module)?,
        with_names,
        indirect_calls,
        direct_calls,
        hot_functions: is_hot.iter().filter(|is_hot| **is_hot).count(),
    })
}

struct Pass<'a> {
    survey: &'a Survey,
    is_hot: &'a [bool],
    /// The size of the table before.
    table: u32,
    /// The slot that each function has that is called through the table, beginning at `table`.
    slots: BTreeMap<u32, u32>,
    /// The place of the function whose body comes next.
    at: usize,
    keeps_custom_sections: bool,
}

impl Pass<'_> {
    fn run(&mut self, module: &[u8]) -> Result<Vec<u8>, Error> {
        self.at = 0;
        let mut written = Module::new();
        self.parse_core_module(&mut written, Parser::new(0), module)?;
        validated(written.finish())
    }

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

impl Reencode for Pass<'_> {
    type Error = std::convert::Infallible;

    fn table_type(&mut self, table: wasmparser::TableType) -> Result<TableType, reencode::Error> {
        let mut table = utils::table_type(self, table)?;
        let added = u64::from(number(self.slots.len()));
        table.minimum = table.minimum.saturating_add(added);
        table.maximum = table.maximum.map(|most| most.saturating_add(added));
        Ok(table)
    }

    fn parse_element_section(
        &mut self,
        elements: &mut ElementSection,
        section: wasmparser::ElementSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_element_section(self, elements, section)?;
        let start = ConstExpr::i32_const(self.table.cast_signed());
        let added = Elements::Functions(Cow::Owned(self.added()));
        elements.active(None, &start, added);
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), reencode::Error> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            let callee = match operator {
                Operator::Call { function_index } => Some(function_index),
                _ => None,
            };
            let through = callee
                .filter(|callee| !self.is_direct(self.at, *callee))
                .and_then(|callee| {
                    let own = self.survey.functions.get(self.survey.own(callee)?)?;
                    Some((own.type_index, *self.slots.get(&callee)?))
                });
            match through {
                Some((type_index, slot)) => {
                    function.instruction(&Instruction::I32Const(slot.cast_signed()));
                    function.instruction(&Instruction::CallIndirect {
                        type_index,
                        table_index: 0,
                    });
                }
                None => {
                    function.instruction(&self.instruction(operator)?);
                }
            }
        }
        code.function(&function);
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        if self.keeps_custom_sections {
            module.section(&CustomSection {
                name: Cow::Borrowed(section.name()),
                data: Cow::Borrowed(section.data()),
            });
        }
        Ok(())
    }
}
