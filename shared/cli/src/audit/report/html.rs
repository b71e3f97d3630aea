//! The report as one page that needs nothing else: it can be sent, printed and kept.

use maud::{Markup, html};
use trail::report::{Report, Rows};
use trail::time;

use super::svg::{self, Bar, Names};
use crate::audit::format::{printable, thousands};

/// The page.
pub(super) fn page(report: &Report) -> String {
    crate::page::page("Audit report", STYLE, &content(report))
}

fn content(report: &Report) -> Markup {
    html! {
        (head(report))
        (tiles(report))
        section {
            h2 { "Requests over time" }
            p .legend {
                i .allowed {} "allowed "
                i .refused {} "refused "
                i .failed {} "failed otherwise"
            }
            (svg::timeline(&report.timeline, report.point_ms))
        }
        (anomalies(report))
        (access(report))
        (findings(report))
        div .columns { (refusals(report)) (data(report)) }
        div .columns { (subjects(report)) (routes(report)) }
        div .columns { (consent(report)) (sources(report)) }
        (retention(report))
        (integrity(report))
        footer {
            "meshward " (env!("CARGO_PKG_VERSION")) " · " (time::format(report.made_ms))
            " · counts leave out repetitions, records that are not what they were and, where keys are given, "
            "what none of them vouches for"
        }
    }
}

fn anomalies(report: &Report) -> Markup {
    html! {
        @if let Some(anomalies) = &report.anomalies {
            section {
                h2 { "Unlike the weeks before" }
                p .note { (anomalies.weeks) " weeks have records" }
                @for note in super::anomaly_notes(anomalies) { p .note { (note) } }
                @for row in &anomalies.rows {
                    p {
                        b { (row.kind.words()) } ": " (printable(&row.of)) ": "
                        (thousands(row.count)) ", usually " (thousands(row.usual))
                    }
                }
            }
        }
    }
}

fn head(report: &Report) -> Markup {
    let span = match (report.first_ms, report.last_ms) {
        (Some(first), Some(last)) => {
            format!("{} to {} UTC", time::minute(first), time::minute(last))
        }
        _ => "no requests".to_owned(),
    };
    let verdict = &report.verification;
    let (class, word) = match verdict.exit_code {
        0 => ("verdict good", "Verified"),
        1 => ("verdict bad", "Not to be trusted"),
        _ => ("verdict fair", "Not complete"),
    };
    html! {
        header {
            h1 { "Audit report" }
            p { (span) }
            @if !report.filters.is_empty() {
                p { "Only " (printable(&report.filters.join(", "))) }
            }
            p class=(class) { (word) ": " (verdict.sentence) }
            @for note in super::notes(report) {
                p .note { (note) }
            }
        }
    }
}

fn tiles(report: &Report) -> Markup {
    let totals = &report.totals;
    let share = |part: u64| match totals.requests {
        0 => String::new(),
        all => {
            let tenths = part.saturating_mul(1000) / all;
            format!("{}.{} %", tenths / 10, tenths % 10)
        }
    };
    let values = report.data_classes.iter().map(|class| class.values);
    let values = values.fold(0, u64::saturating_add);
    let records = &report.verification.records;
    let missing = records.missing.saturating_add(records.declared);
    let opted_out = report.consent.opted_out;
    let tiles = [
        (
            "requests",
            totals.requests,
            format!("{} subjects", thousands(totals.subjects)),
        ),
        ("refused", totals.refused, share(totals.refused)),
        ("failed otherwise", totals.failed, share(totals.failed)),
        (
            "values seen",
            values,
            format!("{} classes", report.tables.data_classes.total),
        ),
        ("opted out", opted_out, share(opted_out)),
        (
            "records not here",
            missing,
            format!("{} explained", thousands(records.declared)),
        ),
    ];
    html! {
        div .tiles {
            @for (name, number, more) in tiles {
                div .tile { b { (thousands(number)) } span { (name) } small { (more) } }
            }
        }
    }
}

fn access(report: &Report) -> Markup {
    let classes = report.data_classes.iter().map(|class| class.class.clone());
    let classes: Vec<String> = classes.take(COLUMNS).collect();
    let rows = report.access.iter().map(|access| {
        let count = |class: &String| {
            let found = access.data.iter().find(|count| count.name == *class);
            found.map_or(0, |count| count.count)
        };
        (access.subject.clone(), classes.iter().map(count).collect())
    });
    let rows: Vec<(String, Vec<u64>)> = rows.collect();
    let all_classes = report.tables.data_classes.total;
    let content = html! {
        @if rows.is_empty() {
            p .none { "Nobody saw classified data." }
        } @else {
            p .hint {
                "Values of the class that callers saw, by subject"
                @if all_classes > classes.len() as u64 {
                    "; " (classes.len()) " of " (all_classes) " classes shown, the most frequent"
                }
            }
            (svg::heat(&classes, &rows))
        }
    };
    section("Who saw which data", Some(report.tables.access), &content)
}

fn findings(report: &Report) -> Markup {
    let rows = report.findings.iter().map(|row| {
        [
            row.class.clone(),
            row.direction.clone(),
            row.outcome.clone(),
            thousands(row.requests),
            thousands(row.values),
        ]
    });
    let names = ["class", "in", "became", "requests", "values"];
    let content = table(names, rows, "Nothing was found.");
    section(
        "What became of data that was found",
        Some(report.tables.findings),
        &content,
    )
}

fn refusals(report: &Report) -> Markup {
    let rows = report.refusals.iter().map(|refusal| Bar {
        name: if refusal.reason.is_empty() {
            refusal.rule.clone()
        } else {
            format!("{} · {}", refusal.reason, refusal.rule)
        },
        parts: vec![(refusal.refused, "refused"), (refusal.reported, "reported")],
    });
    let rows: Vec<Bar> = rows.collect();
    let content = html! {
        @if rows.is_empty() {
            p .none { "Nothing was refused." }
        } @else {
            (svg::bars("Refusals by rule", &rows, Names::Above))
        }
    };
    section("Refusals by rule", Some(report.tables.refusals), &content)
}

fn data(report: &Report) -> Markup {
    let rows = report.data_classes.iter().map(|class| {
        [
            class.class.clone(),
            thousands(class.requests),
            thousands(class.values),
            thousands(class.subjects),
        ]
    });
    let names = ["class", "requests", "values", "subjects"];
    let content = table(names, rows, "None was seen.");
    section(
        "Classes of data that were seen",
        Some(report.tables.data_classes),
        &content,
    )
}

fn subjects(report: &Report) -> Markup {
    let rows = report.subjects.iter().map(|row| Bar {
        name: row.subject.clone(),
        parts: vec![
            (row.requests - row.refused.min(row.requests), "allowed"),
            (row.refused, "refused"),
        ],
    });
    let content = chart("Busiest subjects", rows.collect(), "There was none.");
    section("Busiest subjects", Some(report.tables.subjects), &content)
}

fn routes(report: &Report) -> Markup {
    let rows = report.routes.iter().map(|row| {
        let well = row
            .requests
            .saturating_sub(row.refused)
            .saturating_sub(row.failed);
        Bar {
            name: row.route.clone(),
            parts: vec![
                (well, "allowed"),
                (row.refused, "refused"),
                (row.failed, "failed"),
            ],
        }
    });
    let content = chart("Busiest routes", rows.collect(), "There was none.");
    section("Busiest routes", Some(report.tables.routes), &content)
}

fn consent(report: &Report) -> Markup {
    let consent = &report.consent;
    let bar = |name: String, count: u64, class: &'static str| Bar {
        name,
        parts: vec![(count, class)],
    };
    let mut rows = vec![
        bar(
            "opted out (Sec-GPC)".to_owned(),
            consent.opted_out,
            "refused",
        ),
        bar(
            "no such signal".to_owned(),
            consent.not_opted_out,
            "reported",
        ),
    ];
    if consent.erased > 0 {
        rows.push(bar("erased".to_owned(), consent.erased, "reported"));
    }
    let purposes = consent.purposes.iter();
    rows.extend(purposes.map(|purpose| {
        bar(
            format!("agreed to {}", purpose.name),
            purpose.count,
            "allowed",
        )
    }));
    let content = chart("Consent", rows, "");
    section("Consent by purpose", Some(report.tables.purposes), &content)
}

fn sources(report: &Report) -> Markup {
    let rows = report.sources.iter().map(|source| Bar {
        name: source.name.clone(),
        parts: vec![(source.count, "reported")],
    });
    let content = chart("Where from", rows.collect(), "Nobody knows.");
    section("Where from", Some(report.tables.sources), &content)
}

fn retention(report: &Report) -> Markup {
    let day = |ms: Option<u64>| {
        let text = ms.map_or("-".to_owned(), time::minute);
        text.split(' ').next().unwrap_or_default().to_owned()
    };
    let names = [
        "class",
        "records",
        "oldest",
        "next expiry",
        "last expiry",
        "kept for ever",
        "past their time",
    ];
    let content = html! {
        @if report.retention.is_empty() {
            p .none { "There is no record." }
        } @else {
            table {
                thead { tr { @for name in names { th { (name) } } } }
                tbody {
                    @for class in &report.retention {
                        tr {
                            td { (printable(&class.class)) }
                            td { (thousands(class.requests)) }
                            td { (day(class.first_ms)) }
                            td { (day(class.next_expiry_ms)) }
                            td { (day(class.last_expiry_ms)) }
                            td { (thousands(class.for_ever)) }
                            td .warn[class.overdue > 0] { (thousands(class.overdue)) }
                        }
                    }
                }
            }
        }
    };
    section("Retention", Some(report.tables.retention), &content)
}

fn integrity(report: &Report) -> Markup {
    let verdict = &report.verification;
    let records = &verdict.records;
    let seen = &records.seen;
    let facts = [
        ("valid", seen.valid, false),
        ("invalid", records.invalid, true),
        ("missing, unexplained", records.missing, true),
        ("missing, declared", records.declared, true),
        ("forks", records.forks, true),
        ("not covered", records.uncovered, true),
        ("not vouched for", records.unvouched, true),
        ("unproven lines of logs", seen.unproven, false),
        ("re-serialised", seen.reserialised, false),
        ("repetitions", seen.duplicates, false),
        ("parts erased", seen.erased, false),
        ("removed", seen.removed, false),
        ("expired", records.expired, false),
        ("left out by sampling", records.sampled_out, false),
        ("chains", verdict.chain_count, false),
    ];
    let gaps = verdict.declared_gaps.iter().map(|gap| {
        [
            gap.reason.clone(),
            gap.kept.clone().unwrap_or("lost".to_owned()),
            thousands(gap.requests),
            time::minute(gap.from_ms),
            time::minute(gap.to_ms),
        ]
    });
    let gap_names = [
        "gap, declared by the emitter",
        "kept in",
        "requests",
        "from",
        "to",
    ];
    let found: u64 = verdict.issue_counts.values().sum();
    let content = html! {
        div .facts {
            @for (name, count, is_bad) in facts {
                span .warn[is_bad && count > 0] { b { (thousands(count)) } " " (name) }
            }
        }
        @if !verdict.declared_gaps.is_empty() {
            (table(gap_names, gaps, ""))
        }
        @if verdict.issues.is_empty() {
            p .none { "Nothing was found." }
        } @else {
            p .hint {
                (thousands(verdict.issues.len() as u64)) " of " (thousands(found))
                " findings shown, the first of each kind"
            }
            table {
                thead { tr { th { "found" } th { "where" } th { "what" } } }
                tbody {
                    @for issue in &verdict.issues {
                        tr {
                            td { (issue.kind.code()) }
                            td .place { (printable(&issue.place)) }
                            td .text { (printable(&issue.message)) }
                        }
                    }
                }
            }
        }
    };
    section("Integrity and gaps", None, &content)
}

fn section(title: &str, rows: Option<Rows>, content: &Markup) -> Markup {
    html! {
        section {
            h2 {
                (title)
                @if let Some(rows) = rows {
                    small { (super::cut_note(rows)) }
                }
            }
            (content)
        }
    }
}

fn chart(title: &str, bars: Vec<Bar>, none: &str) -> Markup {
    if bars.is_empty() {
        html! { p .none { (none) } }
    } else {
        svg::bars(title, &bars, Names::Beside)
    }
}

fn table<const N: usize>(
    names: [&str; N],
    rows: impl ExactSizeIterator<Item = [String; N]>,
    none: &str,
) -> Markup {
    if rows.len() == 0 {
        return html! { p .none { (none) } };
    }
    html! {
        table {
            thead { tr { @for name in names { th { (name) } } } }
            tbody {
                @for row in rows {
                    tr { @for cell in row { td { (printable(&cell)) } } }
                }
            }
        }
    }
}

/// Classes beside each other.
const COLUMNS: usize = 8;

const STYLE: &str = include_str!("report.css");
