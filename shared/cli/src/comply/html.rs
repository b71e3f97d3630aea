//! The evidence pack as one page that needs nothing else.

use comply::assessment::{Assessment, ControlResult, ControlState, MeasureResult};
use maud::{Markup, html};
use trail::time;

use super::{about, measure_word, word};
use crate::audit::format::{printable, thousands};

pub(super) fn page(assessments: &[Assessment]) -> String {
    let content = html! { @for assessment in assessments { (content(assessment)) } };
    crate::page::page("Evidence pack", STYLE, &content)
}

fn content(assessment: &Assessment) -> Markup {
    let counts = &assessment.counts;
    html! {
        header {
            h1 { (assessment.title) }
            @for line in about(assessment) { p .note { (printable(&line)) } }
            p {
                (counts.shown) " shown by records, " (counts.set) " set, " (counts.partial) " partial, "
                (counts.missing) " missing, " (counts.beyond) " beyond a gateway"
            }
        }
        table {
            thead { tr { th { "requirement" } th { "state" } th { "by what" } th { "what no gateway can do" } } }
            tbody { @for control in &assessment.controls { (requirement(control)) } }
        }
    }
}

fn requirement(control: &ControlResult) -> Markup {
    let class = match control.state {
        ControlState::Shown | ControlState::Set => "good",
        ControlState::Partial => "fair",
        ControlState::Missing => "bad",
        ControlState::Beyond => "beyond",
    };
    html! {
        tr {
            td { b { (control.id) " " (control.title) } br; (control.demands) }
            td { span class=(class) { (word(control.state)) } }
            td { @for measure in &control.measures { (one_measure(measure)) } }
            td { (control.beyond) }
        }
    }
}

fn one_measure(measure: &MeasureResult) -> Markup {
    html! {
        p {
            b { (measure.title) } ": " (measure_word(measure.state)) br;
            "setting: " code { (measure.setting) }
            @for gap in &measure.gaps { br; (printable(gap)) }
            @if let Some(evidence) = &measure.evidence {
                br; (thousands(evidence.records)) " records"
                @if let (Some(first), Some(last)) = (evidence.first_ms, evidence.last_ms) {
                    ", " (time::minute(first)) " to " (time::minute(last))
                }
                @for example in &evidence.examples { br; code { (printable(example)) } }
            }
            @if let Some(guidance) = &measure.guidance { br; i { "to set: " (guidance) } }
            @for test in &measure.tests { br; span .note { "test: " (test) } }
        }
    }
}

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;color:#1c2733;background:#fff;margin:0}
main{max-width:1200px;margin:0 auto;padding:24px}
table{border-collapse:collapse;width:100%}
th,td{border-top:1px solid #d5dbe1;padding:8px;text-align:left;vertical-align:top}
td p{margin:0 0 8px}
code{font-size:13px;overflow-wrap:anywhere}
.note{color:#5b6b7a;font-size:13px;margin:0}
.good,.fair,.bad,.beyond{border-radius:4px;padding:2px 8px;white-space:nowrap}
.good{background:#d9f2e1}.fair{background:#fdf0cc}.bad{background:#fbdcd9}.beyond{background:#e6e9ed}
@media print{main{max-width:none}}
";
