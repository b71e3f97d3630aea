//! A module that tells its host whenever one of its functions begins.

use wasm_encoder::{EntityType, Function, ImportSection, Instruction, TypeSection, ValType};
use wasmparser::Operator;

use crate::survey::{Survey, number};
use crate::walk::{Change, rewritten};
use crate::{COUNTER, Error};

/// The same module, but each of its functions begins with a call of [`COUNTER`] with its number
/// among the module's own functions.
///
/// # Errors
/// The module cannot be parsed.
pub fn counting(module: &[u8]) -> Result<Vec<u8>, Error> {
    let survey = Survey::of(module)?;
    rewritten(module, &Counting { survey: &survey })
}

struct Counting<'a> {
    survey: &'a Survey,
}

impl Change for Counting<'_> {
    /// The counter is the last of the imported functions.
    fn function_index(&self, function: u32) -> u32 {
        let is_own = function >= self.survey.imported;
        function.saturating_add(is_own.into())
    }

    /// Its numbers of functions are no longer those of the module.
    fn keeps_custom_sections(&self) -> bool {
        false
    }

    fn add_types(&self, types: &mut TypeSection) {
        types.ty().function([ValType::I32], []);
    }

    fn add_imports(&self, imports: &mut ImportSection) {
        let (module, name) = COUNTER;
        imports.import(module, name, EntityType::Function(self.survey.types));
    }

    fn write_code(
        &self,
        own_function: usize,
        code: &[(Operator<'_>, Instruction<'_>)],
        written: &mut Function,
    ) {
        let this = number(own_function).cast_signed();
        written.instruction(&Instruction::I32Const(this));
        written.instruction(&Instruction::Call(self.survey.imported));
        for (_, instruction) in code {
            written.instruction(instruction);
        }
    }
}
