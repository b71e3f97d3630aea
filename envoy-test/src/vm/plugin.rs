//! An instance of a module as a [`Plugin`].

use host::fake::{FakeHost, Process, Profile, Proxy};
use host::{Action, CallToken, ContextId, HeaderMap, Plugin, ResponseSizes};
use wasmi::{ExternType, Func, Global, Instance, Linker, Store, Val};

use super::memory::Context;
use super::program::{LoadError, Program};
use super::{abi, wasi};

/// A compiled module in a VM of its own.
pub struct Vm {
    store: Store<Context>,
    instance: Instance,
    /// Where a module that was made for it counts its instructions.
    instructions: Option<Global>,
}

/// How many units of fuel one callback may use: about as many instructions, some seconds of time.
/// A callback that needs more hangs.
const FUEL_OF_A_CALLBACK: u64 = 4_000_000_000;

impl Vm {
    /// Starts a VM on `host`.
    ///
    /// # Errors
    /// The host would not load the module, or it traps while it starts.
    pub fn start(program: &Program, host: &FakeHost) -> Result<Self, LoadError> {
        program.check_imports(host.profile())?;
        let context = Context {
            host: host.clone(),
            memory: None,
            allocate: None,
        };
        let mut store = Store::new(&program.engine, context);
        let linker = linker(program, host.profile())?;
        let start_error = |error: wasmi::Error| LoadError::Start(error.to_string());
        store.set_fuel(FUEL_OF_A_CALLBACK).map_err(start_error)?;
        let instance = linker
            .instantiate_and_start(&mut store, &program.module)
            .map_err(start_error)?;
        let memory = instance.get_memory(&store, "memory");
        let allocate = ["proxy_on_memory_allocate", "malloc"]
            .iter()
            .find_map(|name| instance.get_typed_func(&store, name).ok());
        let context = store.data_mut();
        context.memory = memory;
        context.allocate = allocate;
        let instructions = instance.get_global(&store, cold_calls::INSTRUCTIONS);
        let mut vm = Self {
            store,
            instance,
            instructions,
        };
        for name in ["_initialize", "_start"] {
            if let Some(function) = vm.instance.get_func(&vm.store, name) {
                vm.run(function, &[], &mut []).map_err(start_error)?;
                break;
            }
        }
        Ok(vm)
    }

    /// A proxy of the given kind around a fresh VM.
    ///
    /// # Errors
    /// See [`Vm::start`].
    pub fn proxy(program: &Program, profile: Profile) -> Result<Proxy, LoadError> {
        Self::worker(program, &Process::new(profile))
    }

    /// One more worker of `process`, with a VM of its own.
    ///
    /// # Errors
    /// See [`Vm::start`].
    pub fn worker(program: &Program, process: &Process) -> Result<Proxy, LoadError> {
        let host = FakeHost::in_process(process);
        let vm = Self::start(program, &host)?;
        Ok(Proxy::new(host, Box::new(vm)))
    }

    fn run(
        &mut self,
        function: Func,
        arguments: &[Val],
        results: &mut [Val],
    ) -> Result<(), wasmi::Error> {
        self.store.data().host.note_entry();
        self.store.set_fuel(FUEL_OF_A_CALLBACK)?;
        let called = function.call(&mut self.store, arguments, results);
        if let Some(counter) = self.instructions
            && let Val::I64(count) = counter.get(&self.store)
        {
            let host = &self.store.data().host;
            host.note_instructions(count.cast_unsigned());
        }
        called
    }

    /// Calls an export; `otherwise` when the module does not have it, or traps.
    fn callback(&mut self, name: &str, arguments: &[u32], otherwise: u32) -> u32 {
        let Some(function) = self.instance.get_func(&self.store, name) else {
            let host = &self.store.data().host;
            if host.profile().calls_blindly().contains(&name) {
                let trap = format!("segmentation fault: the module does not export {name}");
                host.record_trap(&trap);
            }
            return otherwise;
        };
        let has_result = !function.ty(&self.store).results().is_empty();
        let mut results = [Val::I32(0)];
        let results = if has_result {
            &mut results[..]
        } else {
            &mut []
        };
        let arguments: Vec<_> = arguments
            .iter()
            .map(|argument| Val::I32(argument.cast_signed()))
            .collect();
        if let Err(error) = self.run(function, &arguments, results) {
            let host = &self.store.data().host;
            host.record_trap(&format!("{name}: {error}"));
            return otherwise;
        }
        match results.first() {
            Some(Val::I32(value)) => value.cast_unsigned(),
            _ => otherwise,
        }
    }

    fn action(&mut self, name: &str, arguments: &[u32]) -> Action {
        match self.callback(name, arguments, Action::Continue as u32) {
            0 => Action::Continue,
            _ => Action::Pause,
        }
    }

    fn count(&self, map: HeaderMap) -> u32 {
        number(self.store.data().host.header_count(map))
    }
}

impl Plugin for Vm {
    fn context_create(&mut self, context: ContextId, root: ContextId) {
        self.callback("proxy_on_context_create", &[context, root], 0);
    }

    fn vm_start(&mut self, root: ContextId) -> bool {
        self.callback("proxy_on_vm_start", &[root, 0], 1) != 0
    }

    fn configure(&mut self, root: ContextId, size: usize) -> bool {
        self.callback("proxy_on_configure", &[root, number(size)], 1) != 0
    }

    fn tick(&mut self, root: ContextId) {
        self.callback("proxy_on_tick", &[root], 0);
    }

    fn request_headers(&mut self, context: ContextId, end_of_stream: bool) -> Action {
        let count = self.count(HeaderMap::RequestHeaders);
        let arguments = [context, count, end_of_stream.into()];
        self.action("proxy_on_request_headers", &arguments)
    }

    fn request_body(&mut self, context: ContextId, size: usize, end_of_stream: bool) -> Action {
        let arguments = [context, number(size), end_of_stream.into()];
        self.action("proxy_on_request_body", &arguments)
    }

    fn request_trailers(&mut self, context: ContextId) -> Action {
        let count = self.count(HeaderMap::RequestTrailers);
        self.action("proxy_on_request_trailers", &[context, count])
    }

    fn response_headers(&mut self, context: ContextId, end_of_stream: bool) -> Action {
        let count = self.count(HeaderMap::ResponseHeaders);
        let arguments = [context, count, end_of_stream.into()];
        self.action("proxy_on_response_headers", &arguments)
    }

    fn response_body(&mut self, context: ContextId, size: usize, end_of_stream: bool) -> Action {
        let arguments = [context, number(size), end_of_stream.into()];
        self.action("proxy_on_response_body", &arguments)
    }

    fn response_trailers(&mut self, context: ContextId) -> Action {
        let count = self.count(HeaderMap::ResponseTrailers);
        self.action("proxy_on_response_trailers", &[context, count])
    }

    fn http_call_response(&mut self, context: ContextId, token: CallToken, sizes: ResponseSizes) {
        let trailers = self.count(HeaderMap::HttpCallResponseTrailers);
        let (headers, body) = (number(sizes.headers), number(sizes.body));
        let arguments = [context, token, headers, body, trailers];
        self.callback("proxy_on_http_call_response", &arguments, 0);
    }

    fn grpc_receive(&mut self, context: ContextId, token: CallToken, result: Result<usize, u32>) {
        match result {
            Ok(size) => self.callback("proxy_on_grpc_receive", &[context, token, number(size)], 0),
            Err(status) => self.callback("proxy_on_grpc_close", &[context, token, status], 0),
        };
    }

    fn done(&mut self, context: ContextId) -> bool {
        self.callback("proxy_on_done", &[context], 1) != 0
    }

    fn log(&mut self, context: ContextId) {
        self.callback("proxy_on_log", &[context], 0);
    }

    fn delete(&mut self, context: ContextId) {
        self.callback("proxy_on_delete", &[context], 0);
    }
}

/// All functions that are played, and an answer of the host's kind for the other ones that the
/// module imports.
fn linker(program: &Program, profile: Profile) -> Result<Linker<Context>, LoadError> {
    let mut linker = Linker::new(&program.engine);
    let defined = abi::define(&mut linker).and_then(|()| wasi::define(&mut linker));
    defined.map_err(|error| LoadError::Module(error.to_string()))?;
    if let Some(counts) = program.counts.clone() {
        let count = move |function: u32| counts.count(function);
        let (module, name) = cold_calls::COUNTER;
        let defined = linker.func_wrap(module, name, count);
        defined.map_err(|error| LoadError::Module(error.to_string()))?;
    }
    for import in program.module.imports() {
        let (module, name) = (import.module(), import.name());
        let ExternType::Func(kind) = import.ty() else {
            continue;
        };
        let status = if module == wasi::MODULE {
            wasi::NOT_SUPPORTED
        } else {
            12
        };
        let traps = profile == Profile::Kong && module != wasi::MODULE;
        let function = name.to_owned();
        // The functions that are defined above stay as they are.
        let _ = linker.func_new(module, name, kind.clone(), move |_, _, results| {
            if traps {
                let reason = format!("{function}: not yet implemented by the host");
                return Err(wasmi::Error::new(reason));
            }
            if let Some(result) = results.first_mut() {
                *result = Val::I32(status.cast_signed());
            }
            Ok(())
        });
    }
    Ok(linker)
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
