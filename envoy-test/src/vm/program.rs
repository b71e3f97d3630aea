//! A compiled module.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cold_calls::COUNTER;
use host::fake::Profile;
use wasmi::{Config, Engine, ExternType, Module};

use super::imports;

/// A module that is ready to be instantiated; cheap to clone.
#[derive(Clone)]
pub struct Program {
    pub(super) engine: Engine,
    pub(super) module: Arc<Module>,
    /// Of a module that counts, how often each of its functions has begun.
    pub(super) counts: Option<Counts>,
}

/// How often each function of a module has begun, in all VMs of a program.
#[derive(Clone, Debug)]
pub(super) struct Counts(Arc<[AtomicU64]>);

impl Counts {
    pub(super) fn count(&self, function: u32) {
        let place = usize::try_from(function).unwrap_or(usize::MAX);
        if let Some(count) = self.0.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Why a host does not run a module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read: most often it has not been built.
    #[error("{path}: {source}; build the filters first (`make build`)")]
    File {
        /// The path of the module.
        path: String,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// It is no module, or uses a feature that hosts do not have.
    #[error("not a module that hosts can run: {0}")]
    Module(String),
    /// It imports something that this host does not have.
    #[error("{profile} has no {missing}, which the module imports")]
    Imports {
        /// The host that was played.
        profile: &'static str,
        /// The imports that the host lacks.
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
            counts: None,
        })
    }

    /// Compiles a module so that its functions are counted; it needs to have their names.
    ///
    /// # Errors
    /// [`LoadError::Module`].
    pub fn counting(wasm: &[u8]) -> Result<(Self, Vec<String>), LoadError> {
        let failed = |error: cold_calls::Error| LoadError::Module(error.to_string());
        let names = cold_calls::function_names(wasm).map_err(failed)?;
        let mut program = Self::new(&cold_calls::counting(wasm).map_err(failed)?)?;
        let counts = names.iter().map(|_| AtomicU64::new(0)).collect();
        program.counts = Some(Counts(counts));
        Ok((program, names))
    }

    /// How often each function has begun since this was asked last, in the order of their names.
    #[must_use]
    pub fn take_counts(&self) -> Vec<u64> {
        let counts = self.counts.iter().flat_map(|counts| counts.0.iter());
        counts
            .map(|count| count.swap(0, Ordering::Relaxed))
            .collect()
    }

    /// Compiles the module in a file.
    ///
    /// # Errors
    /// [`LoadError::File`], [`LoadError::Module`].
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        Self::new(&read(path)?)
    }

    /// Compiles the module in a file so that it counts its instructions.
    ///
    /// # Errors
    /// [`LoadError::File`], [`LoadError::Module`].
    pub fn measuring(path: &Path) -> Result<Self, LoadError> {
        let measuring = cold_calls::measuring(&read(path)?);
        Self::new(&measuring.map_err(|error| LoadError::Module(error.to_string()))?)
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
                if self.counts.is_some() && (import.module(), import.name()) == COUNTER {
                    return false;
                }
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

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path).map_err(|source| LoadError::File {
        path: path.display().to_string(),
        source,
    })
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}
