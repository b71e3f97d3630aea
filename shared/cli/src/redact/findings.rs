//! Findings one by one, and their sums.

use std::io::Write;

use inspect::body;
use pii_redactor::plan::Plan;
use pii_redactor::tally::{Became, Finding, Tally};

use super::Explain;
use crate::audit::format::printable_lines;
use crate::color::{Colour, painted};

/// What was found where, by which detector and rule, and what takes its place.
pub(super) fn write(
    plan: &Plan,
    findings: &[Finding],
    how: Explain,
    output: &mut dyn Write,
) -> std::io::Result<()> {
    for finding in findings {
        match how {
            Explain::Json => writeln!(output, "{}", body::finding(plan, finding))?,
            Explain::Diff => {
                let kind = Tally::word(plan, finding.entity);
                let rule = body::rule_of(plan, finding);
                let old = String::from_utf8_lossy(&finding.old);
                let new = finding.new.as_deref().map(String::from_utf8_lossy);
                let place = format!("@@ byte {}, {kind}, rule {rule:?} @@", finding.offset);
                writeln!(output, "{}", painted(&place, Colour::Dim))?;
                match new {
                    Some(new) => {
                        writeln!(output, "{}", painted(&marked('-', &old), Colour::Red))?;
                        writeln!(output, "{}", painted(&marked('+', &new), Colour::Green))?;
                    }
                    None => writeln!(output, "{}", marked(' ', &old))?,
                }
            }
        }
    }
    output.flush()
}

/// Each line behind a mark. What a message has must not move the cursor of a terminal.
fn marked(mark: char, text: &str) -> String {
    let lines = text
        .split('\n')
        .map(|line| format!("{mark}{}", printable_lines(line)));
    lines.collect::<Vec<_>>().join("\n")
}

/// How many values of which kind were found by which rule, and how they were handled; on standard error,
/// since the result is on standard output.
pub(super) fn sums(plan: &Plan, tally: &Tally, bytes: u64) {
    eprintln!("meshward redact: {bytes} bytes read");
    let mut lines: Vec<String> = tally
        .counts()
        .iter()
        .map(|count| {
            let rule = plan.rules.get(usize::from(count.rule));
            let became = match count.became {
                Became::Stayed => "only counted",
                Became::Masked => "masked",
                Became::Removed => "removed",
                Became::Blocked => "blocked",
            };
            format!(
                "meshward redact: {:>8} {:<20} {became} by {}",
                count.number,
                Tally::word(plan, count.entity),
                rule.map_or("", |rule| rule.name.as_str())
            )
        })
        .collect();
    lines.sort();
    if lines.is_empty() {
        eprintln!("meshward redact: nothing found");
    }
    for line in lines {
        eprintln!("{line}");
    }
}
