//! The report as one page that needs nothing else: it can be sent, printed and kept.

use std::fmt::Write as _;

use super::svg::{self, Bar, Names, escaped};
use crate::audit::format::thousands;
use trail::report::Report;
use trail::time;

/// The page.
#[must_use]
pub(crate) fn page(report: &Report) -> String {
    let mut page = String::with_capacity(64 << 10);
    page.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    page.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.push_str("<title>Audit report</title>\n<style>");
    page.push_str(STYLE);
    page.push_str("</style></head><body><main>\n");
    head(&mut page, report);
    tiles(&mut page, report);
    section(&mut page, "Requests over time", |page| {
        page.push_str(r#"<p class="legend"><i class="allowed"></i>allowed <i class="refused"></i>refused <i class="failed"></i>failed otherwise</p>"#);
        page.push_str(&svg::timeline(&report.timeline, report.point_ms));
    });
    access(&mut page, report);
    columns(&mut page, |page| {
        refusals(page, report);
        data(page, report);
    });
    columns(&mut page, |page| {
        subjects(page, report);
        routes(page, report);
    });
    columns(&mut page, |page| {
        consent(page, report);
        sources(page, report);
    });
    retention(&mut page, report);
    integrity(&mut page, report);
    let _ = write!(
        page,
        "<footer>meshward {} · {} · counts leave out repetitions and records that are not what they were</footer>\n</main></body></html>\n",
        env!("CARGO_PKG_VERSION"),
        time::format(report.made_ms)
    );
    page
}

fn head(page: &mut String, report: &Report) {
    let span = match (report.first_ms, report.last_ms) {
        (Some(first), Some(last)) => {
            format!("{} to {} UTC", time::minute(first), time::minute(last))
        }
        _ => "no requests".to_owned(),
    };
    let _ = write!(page, "<header><h1>Audit report</h1><p>{span}</p>");
    if !report.filters.is_empty() {
        let _ = write!(page, "<p>Only {}</p>", escaped(&report.filters.join(", ")));
    }
    let (class, words) = match report.verification.exit_code {
        0 => (
            "good",
            "Verified: nothing was changed, nothing is missing, and signatures vouch for all of it",
        ),
        1 => (
            "bad",
            "Not to be trusted: something was changed, taken away or put in. See below",
        ),
        _ => (
            "fair",
            "Not complete: what is here was not changed, but not all is here or vouched for. See below",
        ),
    };
    let _ = writeln!(page, "<p class=\"verdict {class}\">{words}</p></header>");
}

fn tiles(page: &mut String, report: &Report) {
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
    page.push_str("<div class=\"tiles\">");
    for (name, number, more) in [
        (
            "requests",
            totals.requests,
            format!("{} subjects", thousands(totals.subjects)),
        ),
        ("refused", totals.refused, share(totals.refused)),
        ("failed otherwise", totals.failed, share(totals.failed)),
        (
            "classified values",
            values,
            format!("{} classes", report.data_classes.len()),
        ),
        (
            "opted out",
            report.consent.opted_out,
            share(report.consent.opted_out),
        ),
        (
            "records not here",
            missing,
            format!(
                "{} explained",
                thousands(report.verification.records.declared)
            ),
        ),
    ] {
        let _ = write!(
            page,
            "<div class=\"tile\"><b>{}</b><span>{name}</span><small>{more}</small></div>",
            thousands(number)
        );
    }
    page.push_str("</div>\n");
}

fn access(page: &mut String, report: &Report) {
    section(page, "Who saw which data", |page| {
        if report.access.is_empty() {
            page.push_str("<p class=\"none\">No answer held classified data.</p>");
            return;
        }
        let classes: Vec<String> = report
            .data_classes
            .iter()
            .take(8)
            .map(|c| c.class.clone())
            .collect();
        let rows: Vec<(String, Vec<u64>)> = report
            .access
            .iter()
            .take(SHOWN)
            .map(|access| {
                let count = |class: &String| {
                    let found = access.data.iter().find(|count| count.name == *class);
                    found.map_or(0, |count| count.count)
                };
                (access.subject.clone(), classes.iter().map(count).collect())
            })
            .collect();
        page.push_str(
            "<p class=\"hint\">Requests whose answer held data of the class, by subject</p>",
        );
        page.push_str(&svg::heat(&classes, &rows));
    });
}

fn refusals(page: &mut String, report: &Report) {
    section(page, "Refusals by rule", |page| {
        let rows = report.refusals.iter().take(SHOWN).map(|refusal| Bar {
            name: if refusal.reason.is_empty() {
                refusal.rule.clone()
            } else {
                format!("{} · {}", refusal.reason, refusal.rule)
            },
            parts: vec![(refusal.refused, "refused"), (refusal.reported, "reported")],
        });
        let rows: Vec<Bar> = rows.collect();
        if rows.is_empty() {
            page.push_str("<p class=\"none\">Nothing was refused.</p>");
        } else {
            page.push_str(&svg::bars("Refusals by rule", &rows, Names::Above));
        }
    });
}

fn data(page: &mut String, report: &Report) {
    section(page, "Classes of data", |page| {
        let rows: Vec<String> = report
            .data_classes
            .iter()
            .take(SHOWN)
            .map(|class| {
                format!(
                    "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                    escaped(&class.class),
                    thousands(class.requests),
                    thousands(class.values),
                    thousands(class.subjects)
                )
            })
            .collect();
        table(
            page,
            &["class", "requests", "values", "subjects"],
            &rows,
            "None was found.",
        );
    });
}

fn subjects(page: &mut String, report: &Report) {
    section(page, "Busiest subjects", |page| {
        let rows = report.subjects.iter().take(SHOWN).map(|row| Bar {
            name: row.subject.clone(),
            parts: vec![
                (row.requests - row.refused.min(row.requests), "allowed"),
                (row.refused, "refused"),
            ],
        });
        chart(page, "Busiest subjects", rows.collect(), "There was none.");
    });
}

fn routes(page: &mut String, report: &Report) {
    section(page, "Busiest routes", |page| {
        let rows = report.routes.iter().take(SHOWN).map(|row| {
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
        chart(page, "Busiest routes", rows.collect(), "There was none.");
    });
}

fn consent(page: &mut String, report: &Report) {
    section(page, "Consent", |page| {
        let consent = &report.consent;
        let mut rows = vec![
            Bar {
                name: "opted out (Sec-GPC)".to_owned(),
                parts: vec![(consent.opted_out, "refused")],
            },
            Bar {
                name: "no such signal".to_owned(),
                parts: vec![(consent.not_opted_out, "reported")],
            },
        ];
        if consent.erased > 0 {
            rows.push(Bar {
                name: "erased".to_owned(),
                parts: vec![(consent.erased, "reported")],
            });
        }
        rows.extend(consent.purposes.iter().take(SHOWN).map(|purpose| Bar {
            name: format!("agreed to {}", purpose.name),
            parts: vec![(purpose.count, "allowed")],
        }));
        chart(page, "Consent", rows, "");
    });
}

fn sources(page: &mut String, report: &Report) {
    section(page, "Where from", |page| {
        let rows = report.sources.iter().take(8).map(|source| Bar {
            name: source.name.clone(),
            parts: vec![(source.count, "reported")],
        });
        chart(page, "Where from", rows.collect(), "Nobody knows.");
    });
}

fn retention(page: &mut String, report: &Report) {
    section(page, "Retention", |page| {
        let day = |ms: Option<u64>| {
            ms.map_or("-".to_owned(), |ms| {
                time::minute(ms)
                    .split(' ')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
        };
        let rows: Vec<String> = report
            .retention
            .iter()
            .map(|class| {
                let mark = if class.overdue > 0 { " class=\"warn\"" } else { "" };
                format!(
                    "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td{mark}>{}</td></tr>",
                    escaped(&class.class),
                    thousands(class.requests),
                    day(class.first_ms),
                    day(class.next_expiry_ms),
                    day(class.last_expiry_ms),
                    thousands(class.for_ever),
                    thousands(class.overdue)
                )
            })
            .collect();
        let names = [
            "class",
            "records",
            "oldest",
            "next expiry",
            "last expiry",
            "kept for ever",
            "past their time",
        ];
        table(page, &names, &rows, "There is no record.");
    });
}

fn integrity(page: &mut String, report: &Report) {
    section(page, "Integrity and gaps", |page| {
        let verdict = &report.verification;
        let records = &verdict.records;
        let seen = &records.seen;
        page.push_str("<div class=\"facts\">");
        for (name, count, bad) in [
            ("valid", seen.valid, false),
            ("invalid", records.invalid, true),
            ("missing, unexplained", records.missing, true),
            ("missing, declared", records.declared, true),
            ("forks", records.forks, true),
            ("not covered", records.uncovered, true),
            ("repetitions", seen.duplicates, false),
            ("parts erased", seen.erased, false),
            ("removed", seen.removed, false),
            ("expired", records.expired, false),
            ("chains", verdict.chain_count, false),
        ] {
            let class = if bad && count > 0 {
                " class=\"warn\""
            } else {
                ""
            };
            let _ = write!(
                page,
                "<span{class}><b>{}</b> {name}</span>",
                thousands(count)
            );
        }
        page.push_str("</div>");
        if !verdict.declared_gaps.is_empty() {
            let rows: Vec<String> = verdict
                .declared_gaps
                .iter()
                .map(|gap| {
                    format!(
                        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                        escaped(&gap.reason),
                        escaped(gap.kept.as_deref().unwrap_or("lost")),
                        thousands(gap.requests),
                        time::minute(gap.from_ms),
                        time::minute(gap.to_ms)
                    )
                })
                .collect();
            table(
                page,
                &[
                    "gap, declared by the emitter",
                    "kept in",
                    "requests",
                    "from",
                    "to",
                ],
                &rows,
                "",
            );
        }
        let rows: Vec<String> = verdict
            .issues
            .iter()
            .take(40)
            .map(|issue| {
                format!(
                    "<tr><td>{}</td><td class=\"place\">{}</td><td class=\"text\">{}</td></tr>",
                    issue.kind.code(),
                    escaped(&issue.place),
                    escaped(&issue.message)
                )
            })
            .collect();
        table(
            page,
            &["found", "where", "what"],
            &rows,
            "Nothing was found.",
        );
    });
}

fn section(page: &mut String, title: &str, content: impl FnOnce(&mut String)) {
    let _ = write!(page, "<section><h2>{title}</h2>");
    content(page);
    page.push_str("</section>\n");
}

fn columns(page: &mut String, content: impl FnOnce(&mut String)) {
    page.push_str("<div class=\"columns\">");
    content(page);
    page.push_str("</div>\n");
}

fn chart(page: &mut String, title: &str, bars: Vec<Bar>, none: &str) {
    if bars.is_empty() {
        let _ = write!(page, "<p class=\"none\">{none}</p>");
    } else {
        page.push_str(&svg::bars(title, &bars, Names::Beside));
    }
}

fn table(page: &mut String, names: &[&str], rows: &[String], none: &str) {
    if rows.is_empty() {
        let _ = write!(page, "<p class=\"none\">{none}</p>");
        return;
    }
    page.push_str("<table><thead><tr>");
    for name in names {
        let _ = write!(page, "<th>{name}</th>");
    }
    page.push_str("</tr></thead><tbody>");
    page.extend(rows.iter().map(String::as_str));
    page.push_str("</tbody></table>");
}

/// Rows of a chart.
const SHOWN: usize = 12;

const STYLE: &str = include_str!("report.css");
