//! One walk over the sections of a module, for all that rewrite it.

use std::borrow::Cow;
use std::convert::Infallible;

use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    CodeSection, CustomSection, ElementSection, ExportSection, Function, FunctionSection,
    GlobalSection, ImportSection, Instruction, Module, NameMap, NameSection, TableType,
    TypeSection,
};
use wasmparser::{
    CustomSectionReader, ElementSectionReader, ExportSectionReader, FunctionBody,
    FunctionSectionReader, GlobalSectionReader, ImportSectionReader, Operator, Parser,
    TypeSectionReader,
};

use crate::Error;
use crate::survey::validated;

/// What a rewriting changes; what it says nothing about stays as it is.
pub(crate) trait Change {
    /// The number that a function has from now on.
    fn function_index(&self, function: u32) -> u32 {
        function
    }

    /// Whether one of the module's own functions goes: `function_index` says what is called in its place.
    fn leaves_out(&self, _own_function: usize) -> bool {
        false
    }

    /// The names of functions where they are no longer those of the module.
    fn function_names(&self) -> Option<NameMap> {
        None
    }

    /// How many slots the table gets in addition.
    fn added_slots(&self) -> u32 {
        0
    }

    /// Whether names, and what else only tools read, still fit.
    fn keeps_custom_sections(&self) -> bool {
        true
    }

    /// Adds types behind those of the module.
    fn add_types(&self, _types: &mut TypeSection) {}

    /// Adds imports behind those of the module.
    fn add_imports(&self, _imports: &mut ImportSection) {}

    /// Adds globals behind those of the module.
    fn add_globals(&self, _globals: &mut GlobalSection) {}

    /// Adds exports behind those of the module.
    fn add_exports(&self, _exports: &mut ExportSection) {}

    /// Adds elements behind those of the module.
    fn add_elements(&self, _elements: &mut ElementSection) {}

    /// Writes the code of one of the module's own functions: each operator as it was read, and the
    /// instruction that it becomes if nothing is changed.
    fn write_code(
        &self,
        own_function: usize,
        code: &[(Operator<'_>, Instruction<'_>)],
        written: &mut Function,
    );
}

/// The module with a change.
pub(crate) fn rewritten(module: &[u8], change: &impl Change) -> Result<Vec<u8>, Error> {
    let mut written = Module::new();
    let mut walk = Walk {
        change,
        own_function: 0,
        declared: 0,
    };
    walk.parse_core_module(&mut written, Parser::new(0), module)?;
    validated(written.finish())
}

struct Walk<'c, C> {
    change: &'c C,
    /// The place of the function whose body comes next.
    own_function: usize,
    /// The place of the function that is declared next.
    declared: usize,
}

/// A section that stays as it is and gets something more.
macro_rules! extended {
    ($($parse:ident($section:ty, $reader:ty) $add:ident;)*) => {$(
        fn $parse(
            &mut self,
            section: &mut $section,
            reader: $reader,
        ) -> Result<(), reencode::Error> {
            utils::$parse(self, section, reader)?;
            self.change.$add(section);
            Ok(())
        }
    )*};
}

impl<C: Change> Reencode for Walk<'_, C> {
    type Error = Infallible;

    extended! {
        parse_type_section(TypeSection, TypeSectionReader<'_>) add_types;
        parse_import_section(ImportSection, ImportSectionReader<'_>) add_imports;
        parse_global_section(GlobalSection, GlobalSectionReader<'_>) add_globals;
        parse_export_section(ExportSection, ExportSectionReader<'_>) add_exports;
        parse_element_section(ElementSection, ElementSectionReader<'_>) add_elements;
    }

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        Ok(self.change.function_index(function))
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        for type_index in section {
            let type_index = self.type_index(type_index?)?;
            if !self.change.leaves_out(self.declared) {
                functions.function(type_index);
            }
            self.declared = self.declared.saturating_add(1);
        }
        Ok(())
    }

    fn table_type(&mut self, table: wasmparser::TableType) -> Result<TableType, reencode::Error> {
        let mut table = utils::table_type(self, table)?;
        let added = u64::from(self.change.added_slots());
        table.minimum = table.minimum.saturating_add(added);
        table.maximum = table.maximum.map(|most| most.saturating_add(added));
        Ok(table)
    }

    fn parse_function_body(
        &mut self,
        section: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), reencode::Error> {
        let own_function = self.own_function;
        self.own_function = own_function.saturating_add(1);
        if self.change.leaves_out(own_function) {
            return Ok(());
        }
        let mut written = self.new_function_with_parsed_locals(&body)?;
        let mut code = Vec::new();
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            code.push((operator.clone(), self.instruction(operator)?));
        }
        self.change.write_code(own_function, &code, &mut written);
        section.function(&written);
        Ok(())
    }

    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        if section.name() == "name"
            && let Some(functions) = self.change.function_names()
        {
            let mut names = NameSection::new();
            names.functions(&functions);
            module.section(&names);
        } else if self.change.keeps_custom_sections() {
            module.section(&CustomSection {
                name: Cow::Borrowed(section.name()),
                data: Cow::Borrowed(section.data()),
            });
        }
        Ok(())
    }
}
