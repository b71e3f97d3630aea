//! What is written here although a library does it too, beside that library, on one thread, native.
//! Behind each row stands why the code is ours.
//!
//! What no library does, or does in another way than the filters need, has no row: bodies are redacted
//! while they stream and leave byte for byte as they came, so the readers of CSV, multipart forms,
//! server-sent events and UTF-16 keep what parsers of such formats drop.

mod bodies;
mod signatures;
mod texts;

use std::hint::black_box;
use std::time::Instant;

use envoy_test::{Error, Result};

use crate::load::median;

/// Each row is measured so often, ours and the library's in turn.
const ROUNDS: usize = 9;
/// A measurement takes at least so long.
const ROUND_NS: f64 = 20e6;

/// A piece of code and the library that does the same.
struct Row<'w> {
    what: &'static str,
    library: &'static str,
    /// Why the code is ours.
    reason: &'static str,
    ours: Box<dyn Fn() -> bool + 'w>,
    theirs: Box<dyn Fn() -> bool + 'w>,
}

pub(crate) fn run() -> Result<()> {
    println!("| own code | library | ours, ns | library, ns | ratio | why it is ours |");
    println!("| --- | --- | ---: | ---: | ---: | --- |");
    for row in texts::rows()? {
        row.measure()?;
    }
    bodies::measure()?;
    signatures::measure()
}

impl Row<'_> {
    /// Measures both; both must do the work.
    fn measure(&self) -> Result<()> {
        if !(self.ours)() || !(self.theirs)() {
            return Err(failed(self.what));
        }
        let (mut our_ns, mut their_ns) = (Vec::new(), Vec::new());
        let (our_times, their_times) = (times(&self.ours), times(&self.theirs));
        for _ in 0..ROUNDS {
            our_ns.push(nanoseconds(our_times, &self.ours));
            their_ns.push(nanoseconds(their_times, &self.theirs));
        }
        let (our_ns, their_ns) = (median(&our_ns), median(&their_ns));
        println!(
            "| {} | {} | {our_ns:.0} | {their_ns:.0} | {:.2} | {} |",
            self.what,
            self.library,
            our_ns / their_ns,
            self.reason
        );
        Ok(())
    }
}

/// How often something is done until it has taken [`ROUND_NS`].
fn times(work: &dyn Fn() -> bool) -> u32 {
    let mut times = 1_u32;
    loop {
        let took_ns = nanoseconds(times, work) * f64::from(times);
        if took_ns >= ROUND_NS || times > u32::MAX / 2 {
            return times;
        }
        times *= 2;
    }
}

#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
fn nanoseconds(times: u32, work: &dyn Fn() -> bool) -> f64 {
    let began = Instant::now();
    for _ in 0..times {
        black_box(work());
    }
    began.elapsed().as_nanos() as f64 / f64::from(times)
}

fn failed(reason: impl ToString) -> Error {
    Error::Crypto {
        action: "comparing own code with libraries".to_owned(),
        reason: reason.to_string(),
    }
}
