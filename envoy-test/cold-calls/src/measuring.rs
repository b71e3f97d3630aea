//! A module that counts the instructions that it runs.

use wasm_encoder::{
    ConstExpr, ExportKind, ExportSection, Function, GlobalSection, GlobalType, Instruction, ValType,
};
use wasmparser::{Operator, Parser, Payload};

use crate::survey::number;
use crate::walk::{Change, rewritten};
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
    rewritten(module, &Measuring { counter: globals })
}

struct Measuring {
    /// The number of the global.
    counter: u32,
}

impl Change for Measuring {
    fn add_globals(&self, globals: &mut GlobalSection) {
        let kind = GlobalType {
            val_type: ValType::I64,
            mutable: true,
            shared: false,
        };
        globals.global(kind, &ConstExpr::i64_const(0));
    }

    fn add_exports(&self, exports: &mut ExportSection) {
        exports.export(INSTRUCTIONS, ExportKind::Global, self.counter);
    }

    /// Before instructions that run one after the other comes their count.
    fn write_code(
        &self,
        _own_function: usize,
        code: &[(Operator<'_>, Instruction<'_>)],
        written: &mut Function,
    ) {
        for run in code.split_inclusive(|(operator, _)| ends_run(operator)) {
            let count = i64::from(number(run.len()));
            written.instruction(&Instruction::GlobalGet(self.counter));
            written.instruction(&Instruction::I64Const(count));
            written.instruction(&Instruction::I64Add);
            written.instruction(&Instruction::GlobalSet(self.counter));
            for (_, instruction) in run {
                written.instruction(instruction);
            }
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
