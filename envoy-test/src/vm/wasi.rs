//! The functions of WASI that compiled filters import: clocks, randomness, the environment, the
//! standard streams (they go to the log, as in Envoy), and the end.

use host::{Host, LogLevel};
use wasmi::{Caller, Error, Linker};

use super::memory::{Context, Guest, HostResult, Stop};

type Call<'a> = Caller<'a, Context>;

pub(super) fn define(linker: &mut Linker<Context>) -> Result<(), wasmi::errors::LinkerError> {
    linker.func_wrap(
        MODULE,
        "clock_time_get",
        |c: Call<'_>, clock: u32, _precision: u64, at: u32| {
            with(c, |guest| {
                let host = guest.host();
                host.note_call("clock_time_get");
                let time_ns = match clock {
                    0 => host.wall_clock_ns(),
                    1 => host.monotonic_ns(),
                    _ => return Err(Stop::Status(NOT_SUPPORTED)),
                };
                guest.write_u64(at, time_ns)
            })
        },
    )?;
    linker.func_wrap(MODULE, "random_get", |c: Call<'_>, at: u32, len: u32| {
        with(c, |guest| {
            let mut bytes = guest.read(at, len)?;
            guest.host().note_call("random_get");
            guest.host().fill_random(&mut bytes);
            guest.write(at, &bytes)
        })
    })?;
    linker.func_wrap(
        MODULE,
        "environ_sizes_get",
        |c: Call<'_>, count: u32, size: u32| {
            with(c, |guest| {
                let variables = variables(guest);
                let bytes: usize = variables.iter().map(Vec::len).sum();
                guest.write_u32(count, number(variables.len()))?;
                guest.write_u32(size, number(bytes))
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "environ_get",
        |c: Call<'_>, mut places: u32, mut at: u32| {
            with(c, |guest| {
                for variable in variables(guest) {
                    guest.write_u32(places, at)?;
                    guest.write(at, &variable)?;
                    places = places.wrapping_add(4);
                    at = at.wrapping_add(number(variable.len()));
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "args_sizes_get",
        |c: Call<'_>, count: u32, size: u32| {
            with(c, |guest| {
                guest.write_u32(count, 0)?;
                guest.write_u32(size, 0)
            })
        },
    )?;
    linker.func_wrap(MODULE, "args_get", |_: Call<'_>, _: u32, _: u32| -> u32 {
        0
    })?;
    linker.func_wrap(MODULE, "sched_yield", |_: Call<'_>| -> u32 { 0 })?;
    linker.func_wrap(
        MODULE,
        "fd_write",
        |c: Call<'_>, file: u32, vectors: u32, count: u32, written: u32| {
            with(c, |guest| {
                write_stream(guest, file, vectors, count, written)
            })
        },
    )?;
    linker.func_wrap(MODULE, "proc_exit", |_: Call<'_>, code: u32| {
        Err::<(), _>(Error::new(format!("the guest exited with code {code}")))
    })?;
    Ok(())
}

/// Everything else in the list of imports, files above all, is answered with this.
pub(super) const NOT_SUPPORTED: u32 = 52;

pub(super) const MODULE: &str = "wasi_snapshot_preview1";

fn with(
    caller: Call<'_>,
    body: impl FnOnce(&mut Guest<'_>) -> HostResult<()>,
) -> Result<u32, Error> {
    match body(&mut Guest::new(caller)) {
        Ok(()) => Ok(0),
        // Of the ABI's numbers only 6 can come here: a bad address.
        Err(Stop::Status(NOT_SUPPORTED)) => Ok(NOT_SUPPORTED),
        Err(Stop::Status(_)) => Ok(FAULT),
        Err(Stop::Trap(error)) => Err(error),
    }
}

fn write_stream(
    guest: &mut Guest<'_>,
    file: u32,
    vectors: u32,
    count: u32,
    written: u32,
) -> HostResult<()> {
    let level = match file {
        1 => LogLevel::Info,
        2 => LogLevel::Error,
        _ => return Err(Stop::Status(NOT_SUPPORTED)),
    };
    let mut text = Vec::new();
    for index in 0..count {
        let vector = vectors.wrapping_add(index.wrapping_mul(8));
        let (at, len) = (
            guest.read_u32(vector)?,
            guest.read_u32(vector.wrapping_add(4))?,
        );
        text.extend(guest.read(at, len)?);
    }
    let _ = guest.host().write_log(level, &text);
    guest.write_u32(written, number(text.len()))
}

fn variables(guest: &Guest<'_>) -> Vec<Vec<u8>> {
    let environment = guest.host().environment();
    environment
        .iter()
        .map(|(name, value)| format!("{name}={value}\0").into_bytes())
        .collect()
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

const FAULT: u32 = 21;
