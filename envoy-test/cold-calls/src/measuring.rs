//! A module that counts the instructions that it runs.

use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, ExportKind, ExportSection, GlobalSection, GlobalType, Instruction,
    Module, ValType,
};
use wasmparser::{FunctionBody, Operator, Parser, Payload};

use crate::survey::{number, validated};
use crate::{Error, INSTRUCTIONS};

/// The same module, but it adds up in the exported global [`INSTRUCTIONS`] how many instructions it runs, its own
/// only. An interpreter's fuel is no such count: it is charged for branches that are not taken.
///
/// # Errors
/// The module cannot be parsed, or has no global of its own.
pub fn measuring(module: &[u8]) -> Result<Vec<u8>, Error> {
    let mut globals = 0_u32;
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let is_global = matches!(import?.ty, wasmparser::TypeRef::Global(_));
                    globals = globals.saturating_add(is_global.into());
                }
            }
            Payload::GlobalSection(section) => {
                globals = globals.saturating_add(section.count());
            }
            _ => {}
        }
    }
    let mut written = Module::new();
    Pass { counter: globals }.parse_core_module(&mut written, Parser::new(0), module)?;
    validated(written.finish())
}

struct Pass {
    /// The number of the global.
    counter: u32,
}

impl Reencode for Pass {
    type Error = std::convert::Infallible;

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_global_section(self, globals, section)?;
        let kind = GlobalType {
            val_type: ValType::I64,
            mutable: true,
            shared: false,
        };
        globals.global(kind, &ConstExpr::i64_const(0));
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_export_section(self, exports, section)?;
        exports.export(INSTRUCTIONS, ExportKind::Global, self.counter);
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), reencode::Error> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut run = Vec::new();
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            let ends_run = ends_run(&operator);
            run.push(self.instruction(operator)?);
            if ends_run {
                self.write(&mut function, &run);
                run.clear();
            }
        }
        self.write(&mut function, &run);
        code.function(&function);
        Ok(())
    }
}

impl Pass {
    /// Instructions that run one after the other, and before them their count.
    fn write(&self, function: &mut wasm_encoder::Function, run: &[Instruction<'_>]) {
        if run.is_empty() {
            return;
        }
        let count = i64::from(number(run.len()));
        function.instruction(&Instruction::GlobalGet(self.counter));
        function.instruction(&Instruction::I64Const(count));
        function.instruction(&Instruction::I64Add);
        function.instruction(&Instruction::GlobalSet(self.counter));
        for instruction in run {
            function.instruction(instruction);
        }
    }
}

/// Whether what comes behind may run another number of times.
const fn ends_run(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable
            | Operator::Call { .. }
            | Operator::CallIndirect { .. }
    )
}
