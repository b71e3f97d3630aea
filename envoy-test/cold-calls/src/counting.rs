//! A module that tells its host whenever one of its functions begins.

use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    CodeSection, EntityType, ImportSection, Instruction, Module, TypeSection, ValType,
};
use wasmparser::{FunctionBody, Parser};

use crate::survey::{Survey, number, validated};
use crate::{COUNTER, Error};

/// The same module, but each of its functions begins with a call of [`COUNTER`] with its number
/// among the module's own functions.
///
/// # Errors
/// The module cannot be parsed.
pub fn counting(module: &[u8]) -> Result<Vec<u8>, Error> {
    let survey = Survey::of(module)?;
    let mut pass = Pass {
        survey: &survey,
        at: 0,
    };
    let mut written = Module::new();
    pass.parse_core_module(&mut written, Parser::new(0), module)?;
    validated(written.finish())
}

struct Pass<'a> {
    survey: &'a Survey,
    /// The place of the function whose body comes next.
    at: usize,
}

impl Reencode for Pass<'_> {
    type Error = std::convert::Infallible;

    /// The counter is the last of the imported functions.
    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        let is_own = function >= self.survey.imported;
        Ok(function.saturating_add(is_own.into()))
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_type_section(self, types, section)?;
        types.ty().function([ValType::I32], []);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_import_section(self, imports, section)?;
        let (module, name) = COUNTER;
        imports.import(module, name, EntityType::Function(self.survey.types));
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), reencode::Error> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let this = number(self.at).cast_signed();
        function.instruction(&Instruction::I32Const(this));
        function.instruction(&Instruction::Call(self.survey.imported));
        for operator in body.get_operators_reader()? {
            function.instruction(&self.instruction(operator?)?);
        }
        code.function(&function);
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    fn parse_custom_section(
        &mut self,
        _module: &mut Module,
        _section: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        // Its numbers of functions are no longer those of the module.
        Ok(())
    }
}
