//! What has to be known of a module before it is rewritten.

use wasmparser::{
    ElementKind, KnownCustom, Name, Operator, Parser, Payload, TypeRef, ValidPayload, Validator,
};

use crate::Error;

/// The sizes and calls of a module's functions.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// How many types there are.
    pub(crate) types: u32,
    /// How many functions are imported; their numbers come before those of the module's own.
    pub(crate) imported: u32,
    /// The module's own functions in order.
    pub(crate) functions: Vec<Function>,
    /// The size of its one table, if it has one that it fills itself.
    pub(crate) table: Option<u32>,
}

/// A function of the module.
#[derive(Debug, Default)]
pub(crate) struct Function {
    /// The number of its type.
    pub(crate) type_index: u32,
    /// How long its body is.
    pub(crate) bytes: usize,
    /// The numbers of the functions that it calls directly, as often as it does.
    pub(crate) calls: Vec<u32>,
    /// Its name without hashes, empty if it has none.
    pub(crate) name: String,
}

impl Survey {
    pub(crate) fn of(module: &[u8]) -> Result<Self, Error> {
        let mut survey = Self::default();
        let mut bodies = 0;
        let mut tables = Vec::new();
        let mut is_filled = false;
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        let types = group?.into_types().count();
                        survey.types = survey.types.saturating_add(number(types));
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        match import?.ty {
                            TypeRef::Func(_) => survey.imported = survey.imported.saturating_add(1),
                            // Not the module's own, so nothing may be added.
                            TypeRef::Table(_) => tables.push(None),
                            _ => {}
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    for type_index in section {
                        survey.functions.push(Function {
                            type_index: type_index?,
                            ..Function::default()
                        });
                    }
                }
                Payload::TableSection(section) => {
                    for table in section {
                        tables.push(u32::try_from(table?.ty.initial).ok());
                    }
                }
                Payload::ElementSection(section) => {
                    for element in section {
                        is_filled |= matches!(element?.kind, ElementKind::Active { .. });
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let Some(function) = survey.functions.get_mut(bodies) else {
                        break;
                    };
                    bodies = bodies.saturating_add(1);
                    function.bytes = body.as_bytes().len();
                    for operator in body.get_operators_reader()? {
                        if let Operator::Call { function_index } = operator? {
                            function.calls.push(function_index);
                        }
                    }
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(names) = section.as_known() {
                        for part in names {
                            if let Name::Function(names) = part? {
                                survey.take_names(names)?;
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        survey.table = match tables.as_slice() {
            [size] if is_filled => *size,
            _ => None,
        };
        Ok(survey)
    }

    fn take_names(&mut self, names: wasmparser::NameMap<'_>) -> Result<(), Error> {
        for naming in names {
            let naming = naming?;
            let place = self.own(naming.index);
            if let Some(function) = place.and_then(|place| self.functions.get_mut(place)) {
                // The short form is without hashes, which differ from compiler to compiler.
                function.name = format!("{:#}", rustc_demangle::demangle(naming.name));
            }
        }
        Ok(())
    }

    /// The place in `functions` of a function that is not imported.
    pub(crate) fn own(&self, function_index: u32) -> Option<usize> {
        let place = function_index.checked_sub(self.imported)?;
        usize::try_from(place).ok()
    }

    pub(crate) fn has_names(&self) -> bool {
        self.functions
            .iter()
            .any(|function| !function.name.is_empty())
    }
}

/// The names of a module's own functions, in the order of the numbers by which a module that
/// [`counting`](crate::counting) made counts them.
///
/// # Errors
/// [`Error::Module`], and [`Error::NoNames`].
pub fn function_names(module: &[u8]) -> Result<Vec<String>, Error> {
    let survey = Survey::of(module)?;
    if !survey.has_names() {
        return Err(Error::NoNames);
    }
    let names = survey.functions.into_iter().map(|function| function.name);
    Ok(names.collect())
}

/// Checks that what was written is a module.
pub(crate) fn validated(module: Vec<u8>) -> Result<Vec<u8>, Error> {
    let mut validator = Validator::new();
    let mut allocations = wasmparser::FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(&module) {
        if let ValidPayload::Func(function, body) = validator.payload(&payload?)? {
            let mut function = function.into_validator(allocations);
            function.validate(&body)?;
            allocations = function.into_allocations();
        }
    }
    Ok(module)
}

/// Sizes in a module are 32-bit by its format.
pub(crate) fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
