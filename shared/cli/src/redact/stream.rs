//! A body, taken through the engine piece by piece.

use std::io::{Read, Write as _};

use pii_redactor::inflate::InflateError;
use pii_redactor::pipeline::BodyPipeline;
use pii_redactor::plan::Plan;

use super::{CHUNK_BYTES, Explain, findings};
use crate::output::or_end;
use crate::progress::Progress;

/// Takes the whole body through, piece by piece.
pub(super) fn stream(
    pipeline: &mut BodyPipeline,
    first: &[u8],
    input: &mut dyn Read,
    (plan, how, blocks): (&Plan, Option<Explain>, bool),
    progress: &Progress,
) -> Result<(Result<(), InflateError>, u64), String> {
    let mut output = std::io::stdout().lock();
    let mut out = Vec::new();
    let mut bytes = 0_u64;
    let mut chunk = first.to_vec();
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let last = chunk.is_empty();
        bytes = bytes.saturating_add(chunk.len() as u64);
        progress.at(bytes);
        let result = if last {
            pipeline.finish(&mut out)
        } else {
            pipeline.write(&chunk, &mut out)
        };
        if blocks && pipeline.is_over_budget() {
            return Err(
                "searching the body costs more than it may; on_error.budget_exceeded says what becomes \
                 of it"
                    .to_owned(),
            );
        }
        match how {
            None => or_end(output.write_all(&out)),
            // As they come: a stream may have no end.
            Some(how) => or_end(findings::write(
                plan,
                &pipeline.take_findings(),
                how,
                &mut output,
            )),
        }
        out.clear();
        if last || result.is_err() {
            output.flush().map_err(|error| error.to_string())?;
            return Ok((result, bytes));
        }
        let length = input.read(&mut buffer).map_err(|error| error.to_string())?;
        chunk.clear();
        chunk.extend_from_slice(buffer.get(..length).unwrap_or_default());
    }
}
