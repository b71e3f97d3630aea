//! A compiled module.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use host::fake::Profile;
use wasmi::{Config, Engine, ExternType, Module};

use super::imports;

/// A module that is ready to be instantiated; cheap to clone.
#[derive(Clone)]
pub struct Program {
    pub(super) engine: Engine,
    pub(super) module: Arc<Module>,
}

/// Why a host does not run a module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read: most often it has not been built.
    #[error("{path}: {source}; build the filters first (`make build`)")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no module, or uses a feature that hosts do not have.
    #[error("not a module that hosts can run: {0}")]
    Module(String),
    /// It imports something that this host does not have.
    #[error("{profile} has no {missing}, which the module imports")]
    Imports {
        /// The host.
        profile: &'static str,
        /// All that is missing.
        missing: String,
    },
    /// It does not say which ABI it speaks, or speaks another one.
    #[error("the module does not export proxy_abi_version_0_2_1")]
    AbiVersion,
    /// It trapped while it started.
    #[error("the module trapped while it started: {0}")]
    Start(String),
}

impl Program {
    /// Compiles a module, binary or text.
    ///
    /// # Errors
    /// [`LoadError::Module`].
    pub fn new(wasm: &[u8]) -> Result<Self, LoadError> {
        let mut config = Config::default();
        config
            .consume_fuel(true)
            // What the V8 of Envoy and the wasmtime of the nginx hosts have in common.
            .wasm_multi_memory(false)
            .wasm_tail_call(false)
            .wasm_relaxed_simd(false);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, wasm);
        let module = module.map_err(|error| LoadError::Module(error.to_string()))?;
        if module.get_export("proxy_abi_version_0_2_1").is_none() {
            return Err(LoadError::AbiVersion);
        }
        Ok(Self {
            engine,
            module: Arc::new(module),
        })
    }

    /// Compiles the module in a file.
    ///
    /// # Errors
    /// [`LoadError::File`], [`LoadError::Module`].
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let wasm = std::fs::read(path).map_err(|source| LoadError::File {
            path: path.display().to_string(),
            source,
        })?;
        Self::new(&wasm)
    }

    /// What it imports, as `module.name`.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        let imports = self.module.imports();
        imports
            .map(|import| format!("{}.{}", import.module(), import.name()))
            .collect()
    }

    /// Whether it exports something of this name.
    #[must_use]
    pub fn exports(&self, name: &str) -> bool {
        self.module.get_export(name).is_some()
    }

    /// Whether the host could link it.
    ///
    /// # Errors
    /// [`LoadError::Imports`] names all that is missing.
    pub fn check_imports(&self, profile: Profile) -> Result<(), LoadError> {
        let missing: Vec<_> = self
            .module
            .imports()
            .filter(|import| {
                let function = matches!(import.ty(), ExternType::Func(_));
                !function || !imports::offers(profile, import.module(), import.name())
            })
            .map(|import| format!("{}.{}", import.module(), import.name()))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(LoadError::Imports {
            profile: profile.name(),
            missing: missing.join(", "),
        })
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}
