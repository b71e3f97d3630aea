//! The report in words and columns.

use std::fmt::Write as _;

use trail::report::{Report, Rows};
use trail::time;

use crate::audit::format::{printable, thousands};

pub(super) fn page(report: &Report) -> String {
    let mut text = String::new();
    head(&mut text, report);
    anomalies(&mut text, report);
    let mut table = Table(&mut text);
    what_was_found(&mut table, report);
    what_was_asked(&mut table, report);
    consent_and_retention(&mut table, report);
    integrity(&mut text, report);
    text
}

fn head(text: &mut String, report: &Report) {
    let totals = &report.totals;
    let span = match (report.first_ms, report.last_ms) {
        (Some(first), Some(last)) => format!("{} to {}", time::format(first), time::format(last)),
        _ => "no requests".to_owned(),
    };
    let _ = writeln!(text, "Audit report: {span}");
    if !report.filters.is_empty() {
        let _ = writeln!(text, "Only {}", printable(&report.filters.join(", ")));
    }
    let _ = writeln!(
        text,
        "{} requests of {} subjects: {} allowed, {} refused, {} failed otherwise",
        thousands(totals.requests),
        thousands(totals.subjects),
        thousands(totals.allowed),
        thousands(totals.refused),
        thousands(totals.failed)
    );
    for note in super::notes(report) {
        let _ = writeln!(text, "{note}");
    }
}

fn anomalies(text: &mut String, report: &Report) {
    let Some(anomalies) = &report.anomalies else {
        return;
    };
    let _ = writeln!(
        text,
        "\nUnlike the weeks before ({}; {} weeks have records)",
        thousands(anomalies.rows.len() as u64),
        anomalies.weeks
    );
    for note in super::anomaly_notes(anomalies) {
        let _ = writeln!(text, "                {note}");
    }
    for row in &anomalies.rows {
        let _ = writeln!(
            text,
            "{:>14}  {} · {} · usually {}",
            thousands(row.count),
            row.kind.words(),
            printable(&row.of),
            thousands(row.usual)
        );
    }
}

fn what_was_found(table: &mut Table<'_>, report: &Report) {
    let tables = &report.tables;
    let names = ["values", "subject", "requests", "values by class"];
    table.head("Who saw which data", tables.access, &names);
    for access in &report.access {
        let data = access.data.iter();
        let data: Vec<String> = data
            .map(|class| format!("{} {}", class.name, thousands(class.count)))
            .collect();
        let requests = thousands(access.requests);
        table.row(
            access.values,
            &[&access.subject, &requests, &data.join(", ")],
        );
    }
    let names = ["requests", "class", "values", "subjects"];
    table.head(
        "Classes of data that were seen",
        tables.data_classes,
        &names,
    );
    for class in &report.data_classes {
        let (values, subjects) = (thousands(class.values), thousands(class.subjects));
        table.row(class.requests, &[&class.class, &values, &subjects]);
    }
    let names = ["requests", "class", "in", "became", "values"];
    table.head(
        "What became of data that was found",
        tables.findings,
        &names,
    );
    for row in &report.findings {
        let values = thousands(row.values);
        table.row(
            row.requests,
            &[&row.class, &row.direction, &row.outcome, &values],
        );
    }
}

fn what_was_asked(table: &mut Table<'_>, report: &Report) {
    let tables = &report.tables;
    let names = ["refused", "rule", "reason", "in report mode"];
    table.head("Refusals by rule", tables.refusals, &names);
    for refusal in &report.refusals {
        let reported = thousands(refusal.reported);
        table.row(
            refusal.refused,
            &[&refusal.rule, &refusal.reason, &reported],
        );
    }
    let names = ["requests", "subject", "refused", "last"];
    table.head("Busiest subjects", tables.subjects, &names);
    for row in &report.subjects {
        let (refused, last) = (thousands(row.refused), time::format(row.last_ms));
        table.row(row.requests, &[&row.subject, &refused, &last]);
    }
    let names = ["requests", "route", "refused", "failed", "with data"];
    table.head("Busiest routes", tables.routes, &names);
    for row in &report.routes {
        let numbers = [row.refused, row.failed, row.sensitive].map(thousands);
        let [refused, failed, sensitive] = &numbers;
        table.row(row.requests, &[&row.route, refused, failed, sensitive]);
    }
    table.head("Where from", tables.sources, &["requests", "source"]);
    for row in &report.sources {
        table.row(row.count, &[&row.name]);
    }
}

fn consent_and_retention(table: &mut Table<'_>, report: &Report) {
    let consent = &report.consent;
    table.head("Consent", report.tables.purposes, &["requests", "signal"]);
    table.row(consent.opted_out, &["opted out (Sec-GPC)"]);
    table.row(consent.not_opted_out, &["no such signal"]);
    if consent.erased > 0 {
        table.row(consent.erased, &["erased"]);
    }
    for purpose in &consent.purposes {
        table.row(purpose.count, &["agreed to", &purpose.name]);
    }
    let names = [
        "records",
        "class",
        "kept for ever",
        "past their time",
        "next expiry",
    ];
    table.head("Retention", report.tables.retention, &names);
    for class in &report.retention {
        let next = class.next_expiry_ms.map_or("-".to_owned(), time::format);
        let (for_ever, overdue) = (thousands(class.for_ever), thousands(class.overdue));
        table.row(class.requests, &[&class.class, &for_ever, &overdue, &next]);
    }
}

fn integrity(text: &mut String, report: &Report) {
    let verification = &report.verification;
    let records = &verification.records;
    let _ = writeln!(
        text,
        "\nIntegrity: {}: {}\n  {} valid, {} invalid, {} missing, {} declared missing, {} not covered; `meshward audit verify` says more",
        verification.result,
        verification.sentence,
        thousands(records.seen.valid),
        thousands(records.invalid),
        thousands(records.missing),
        thousands(records.declared),
        thousands(records.uncovered)
    );
    for gap in &verification.declared_gaps {
        let kept = gap.kept.as_deref().unwrap_or("lost");
        let _ = writeln!(
            text,
            "  gap: {} requests, {} ({kept}), {} to {}",
            thousands(gap.requests),
            printable(&gap.reason),
            time::format(gap.from_ms),
            time::format(gap.to_ms)
        );
    }
}

/// Rows below a title.
struct Table<'t>(&'t mut String);

impl Table<'_> {
    fn head(&mut self, title: &str, rows: Rows, names: &[&str]) {
        let _ = writeln!(self.0, "\n{title}{}", super::cut_note(rows));
        let (first, rest) = names.split_first().unwrap_or((&"", &[]));
        let _ = writeln!(self.0, "{first:>14}  {}", rest.join(" · "));
    }

    fn row(&mut self, count: u64, cells: &[&str]) {
        let cells: Vec<String> = cells.iter().map(|cell| printable(cell)).collect();
        let _ = writeln!(self.0, "{:>14}  {}", thousands(count), cells.join(" · "));
    }
}
