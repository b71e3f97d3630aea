//! Findings one by one, and their sums.

use std::io::Write;

use pii_redactor::plan::Plan;
use pii_redactor::tally::{Became, Finding, Tally};

use super::Explain;
use crate::color::{Colour, painted};

/// What was found where, by which detector and rule, and what takes its place.
pub(super) fn write(
    plan: &Plan,
    findings: &[Finding],
    how: Explain,
    output: &mut dyn Write,
) -> std::io::Result<()> {
    for finding in findings {
        let kind = Tally::word(plan, finding.entity);
        let rule = plan
            .rules
            .get(usize::from(finding.rule))
            .map_or("", |rule| rule.name.as_str());
        let old = String::from_utf8_lossy(&finding.old);
        let new = finding.new.as_deref().map(String::from_utf8_lossy);
        match how {
            Explain::Json => {
                let object = policy::json::Json::Object(vec![
                    ("offset".to_owned(), finding.offset.into()),
                    ("length".to_owned(), finding.length.into()),
                    ("type".to_owned(), kind.into()),
                    ("rule".to_owned(), rule.into()),
                    ("old".to_owned(), old.as_ref().into()),
                    (
                        "new".to_owned(),
                        new.as_deref().map_or(policy::json::Json::Null, Into::into),
                    ),
                ]);
                writeln!(output, "{object}")?;
            }
            Explain::Diff => {
                let place = format!("@@ byte {}, {kind}, rule {rule:?} @@", finding.offset);
                writeln!(output, "{}", painted(&place, Colour::Dim))?;
                match new {
                    Some(new) => {
                        let (old, new) = (format!("-{old}"), format!("+{new}"));
                        writeln!(output, "{}", painted(&old, Colour::Red))?;
                        writeln!(output, "{}", painted(&new, Colour::Green))?;
                    }
                    None => writeln!(output, " {old}")?,
                }
            }
        }
    }
    output.flush()
}

/// How many values of which kind were found by which rule, and what became of them; on standard error,
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
