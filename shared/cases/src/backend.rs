//! What runs a case.

use super::{Case, CaseFile, Cuts, Failure, Result, Seen, Step};

/// A proxy that runs the exchanges of cases.
pub trait Backend {
    /// Starts with the configuration of `file`: with a fresh proxy if the filter remembers requests,
    /// or if records or counts of earlier cases may still come that `case` would take for its own.
    ///
    /// # Errors
    /// It is refused, or there is nothing to run.
    fn begin(&mut self, file: &CaseFile, case: &Case) -> Result<()>;

    /// Takes one exchange through.
    ///
    /// # Errors
    /// It cannot be sent, or the filter traps.
    fn exchange(&mut self, step: &Step, cuts: Cuts) -> Result<Seen>;

    /// The cuts that are worth trying with a body.
    fn cuts(&self, body: &[u8]) -> Vec<Cuts>;
}

/// Runs a case, by its place in the file. What differs in the same way however bodies are cut is told
/// once.
///
/// # Errors
/// There is no such case, or the backend cannot run it at all.
pub fn run(file: &CaseFile, place: usize, backend: &mut dyn Backend) -> Result<Vec<Failure>> {
    let Some(case) = file.cases.get(place) else {
        return Ok(Vec::new());
    };
    let bodies = case
        .steps
        .iter()
        .flat_map(|step| [step.request.body.bytes(), step.response.body.bytes()]);
    let longest = bodies.max_by_key(|body| body.len()).unwrap_or_default();
    let mut failures: Vec<Failure> = Vec::new();
    for cuts in backend.cuts(longest) {
        backend.begin(file, case)?;
        for (number, step) in case.steps.iter().enumerate() {
            let seen = backend.exchange(step, cuts)?;
            for difference in step.expect.differences(&seen) {
                let failure = Failure {
                    step: number + 1,
                    line: file.line_of(place, number, difference.key),
                    cuts,
                    key: difference.key,
                    message: difference.message,
                };
                let is_alike = |known: &Failure| {
                    known.step == failure.step && known.message == failure.message
                };
                if !failures.iter().any(is_alike) {
                    failures.push(failure);
                }
            }
        }
    }
    Ok(failures)
}
