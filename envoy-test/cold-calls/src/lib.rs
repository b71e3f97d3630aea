//! A pass over a linked module that keeps V8 from inlining what requests do not run.
//!
//! Envoy starts V8 without its baseline compiler, so every function of a module is compiled by the
//! optimising one before the first request. In that setting V8 inlines the targets of direct calls in
//! the order of the code, whether they ever run or not, until a budget is used up: most of the time until
//! a filter is ready goes into copies of functions that format messages. It never inlines the target of an
//! indirect call. So this pass keeps a direct call only where caller and callee run with requests and
//! the callee is short; every other call goes through the table of functions. Nothing else changes.
//!
//! Before that, [`fold`] leaves one of those functions that are the same.
//!
//! Which functions run with requests is data: [`HotFunctions`], one name a line, written by
//! `make hot-functions` from runs of the case files with the modules that [`counting`] makes.

mod counting;
mod folding;
mod indirect;
mod measuring;
mod survey;
mod walk;

use std::collections::BTreeSet;

use wasm_encoder::reencode;

pub use counting::counting;
pub use folding::fold;
pub use indirect::{Rewritten, make_indirect};
pub use measuring::measuring;
pub use survey::function_names;

/// The module and name of the function that a counting module calls.
pub const COUNTER: (&str, &str) = ("cold-calls", "enter");

/// The global in which a module that [`measuring`] makes counts its instructions.
pub const INSTRUCTIONS: &str = "cold-calls.instructions";

/// Why a module cannot be rewritten.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It cannot be parsed, or the result is no valid module.
    #[error(transparent)]
    Module(#[from] wasmparser::Error),
    /// The rewritten module cannot be encoded.
    #[error(transparent)]
    Encoding(#[from] reencode::Error),
    /// There is nothing to call through.
    #[error("the module has no table of functions of its own with a segment that fills it")]
    NoTable,
    /// The module has no name section, so hot functions cannot be found by name: it was stripped.
    #[error("the module has no names of functions; link it without stripping them")]
    NoNames,
}

/// The names of the functions that run with requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HotFunctions(BTreeSet<String>);

impl HotFunctions {
    /// Reads a list with one name a line; lines that begin with `#` say something to the reader.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim);
        let names = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(names.map(str::to_owned).collect())
    }

    /// Whether a function of this name runs with requests.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}
