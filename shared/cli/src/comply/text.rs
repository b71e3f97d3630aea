//! The evidence pack in words.

use std::fmt::Write as _;

use comply::assessment::{Assessment, ControlResult, MeasureResult};
use trail::time;

use super::{measure_word, word};
use crate::audit::format::{printable, thousands};
use crate::color::{Colour, painted};

pub(super) fn page(assessment: &Assessment) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", assessment.title);
    for line in super::about(assessment) {
        let _ = writeln!(text, "{}", printable(&line));
    }
    for control in &assessment.controls {
        requirement(&mut text, control);
    }
    let counts = &assessment.counts;
    let _ = writeln!(
        text,
        "\n{} shown by records, {} set, {} partial, {} missing, {} beyond a gateway\n",
        counts.shown, counts.set, counts.partial, counts.missing, counts.beyond
    );
    text
}

fn requirement(text: &mut String, control: &ControlResult) {
    use comply::assessment::ControlState as State;
    let colour = match control.state {
        State::Shown | State::Set => Colour::Green,
        State::Partial => Colour::Red,
        State::Missing => Colour::Red,
        State::Beyond => Colour::Dim,
    };
    let state = format!("{:<8}", word(control.state));
    let _ = writeln!(
        text,
        "\n{} {} {}",
        painted(&state, colour),
        control.id,
        control.title
    );
    let _ = writeln!(text, "         {}", control.demands);
    for measure in &control.measures {
        one_measure(text, measure);
    }
    if !control.beyond.is_empty() {
        let _ = writeln!(text, "         no gateway can: {}", control.beyond);
    }
}

fn one_measure(text: &mut String, measure: &MeasureResult) {
    let _ = writeln!(
        text,
        "         - {} ({}): {}",
        measure.title,
        measure.id,
        measure_word(measure.state)
    );
    for gap in &measure.gaps {
        let _ = writeln!(text, "           {}", printable(gap));
    }
    if let Some(evidence) = &measure.evidence {
        let from = evidence.first_ms.map_or_else(String::new, |first| {
            let last = evidence.last_ms.unwrap_or(first);
            format!(", {} to {}", time::format(first), time::format(last))
        });
        let such = match evidence.examples.first() {
            Some(example) => format!(", such as {}", printable(example)),
            None => String::new(),
        };
        let _ = writeln!(
            text,
            "           {} records{from}{such}",
            thousands(evidence.records)
        );
    }
    if let Some(guidance) = &measure.guidance {
        let _ = writeln!(text, "           set: {guidance}");
    }
}
