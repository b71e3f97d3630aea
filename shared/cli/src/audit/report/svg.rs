//! Charts as inline SVG: no script, no font, nothing that is loaded.

use std::fmt::Write as _;

use crate::audit::format::thousands;
use trail::report::Point;
use trail::time;

/// A bar of a chart: its name, and its parts as counts with the class of their colour.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) parts: Vec<(u64, &'static str)>,
}

/// Text that stands for itself in HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // A client's words must not turn the page around.
            control if control.is_control() || is_directional(control) => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

const fn is_directional(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Requests over time, stacked.
pub(super) fn timeline(points: &[Point], point_ms: u64) -> String {
    const WIDTH: u64 = 960;
    const HEIGHT: u64 = 220;
    const LEFT: u64 = 56;
    const BOTTOM: u64 = 26;
    let total = |point: &Point| point.allowed + point.refused + point.failed;
    let top = nice(points.iter().map(total).max().unwrap_or(0));
    let plot = HEIGHT - BOTTOM - 10;
    let mut svg = format!(
        r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Requests over time">"#
    );
    for step in 0..=4_u64 {
        let y = 10 + plot - plot * step / 4;
        let value = top * step / 4;
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y}" y2="{y}"/><text class="tick" x="{}" y="{}" text-anchor="end">{}</text>"#,
            LEFT - 8,
            y + 4,
            short(value)
        );
    }
    let count = points.len().max(1) as u64;
    // In hundredths, so that bars are evenly spread.
    let slot = (WIDTH - LEFT) * 100 / count;
    for (index, point) in (0_u64..).zip(points) {
        let x = LEFT * 100 + index * slot;
        let width = (slot * 85 / 100).max(60);
        let _ = write!(
            svg,
            "<g><title>{} ({})\n{} allowed, {} refused, {} failed</title>",
            time::minute(point.at_ms),
            time::duration(point_ms),
            thousands(point.allowed),
            thousands(point.refused),
            thousands(point.failed)
        );
        let mut base = (10 + plot) * 100;
        for (value, class) in [
            (point.allowed, "allowed"),
            (point.refused, "refused"),
            (point.failed, "failed"),
        ] {
            let height = value.saturating_mul(plot * 100) / top.max(1);
            if value == 0 {
                continue;
            }
            // What there is must be seen.
            let height = height.max(100);
            base = base.saturating_sub(height);
            let _ = write!(
                svg,
                r#"<rect class="{class}" x="{}" y="{}" width="{}" height="{}"/>"#,
                hundredths(x),
                hundredths(base),
                hundredths(width),
                hundredths(height)
            );
        }
        svg.push_str("</g>");
    }
    // The days where the span is of days, the times of the day where it is not.
    let span_ms = point_ms.saturating_mul(count);
    let label = |ms: u64| {
        let text = time::minute(ms);
        let (day, clock) = text.split_once(' ').unwrap_or((&text, ""));
        if span_ms > 5 * 86_400_000 {
            day.to_owned()
        } else if span_ms > 86_400_000 {
            format!("{} {clock}", day.get(5..).unwrap_or(day))
        } else if point_ms < 60_000 {
            let exact = time::format(ms - ms % 1000);
            exact.get(11..19).unwrap_or(clock).to_owned()
        } else {
            clock.to_owned()
        }
    };
    let every = count.div_ceil(7).max(1);
    for (index, point) in (0_u64..).zip(points) {
        let x = LEFT * 100 + index * slot;
        // The last would stand half outside.
        if index.is_multiple_of(every) && x < (WIDTH - 70) * 100 {
            let _ = write!(
                svg,
                r#"<text class="tick" x="{}" y="{}">{}</text>"#,
                hundredths(x),
                HEIGHT - 6,
                label(point.at_ms)
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// Where the name of a bar stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// In front of it: short ones.
    Beside,
    /// On a line of its own.
    Above,
}

/// Bars from the left, one below the other.
pub(super) fn bars(title: &str, bars: &[Bar], names: Names) -> String {
    const WIDTH: u64 = 470;
    const NUMBER: u64 = 62;
    let (left, row_height, name_y, bar_y, room) = match names {
        Names::Beside => (212, 24, 16, 4, 27),
        Names::Above => (0, 40, 12, 18, 60),
    };
    let sum = |bar: &Bar| bar.parts.iter().map(|(value, _)| *value).sum::<u64>();
    let most = bars.iter().map(sum).max().unwrap_or(0).max(1);
    let height = row_height * bars.len() as u64 + 2;
    let mut svg = format!(
        r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{}">"#,
        escaped(title)
    );
    for (row, bar) in (0_u64..).zip(bars) {
        let y = row * row_height;
        let _ = write!(
            svg,
            r#"<g><title>{}: {}</title><text class="name" x="0" y="{}">{}</text>"#,
            escaped(&bar.name),
            thousands(sum(bar)),
            y + name_y,
            escaped(&cut(&bar.name, room))
        );
        let mut x = left * 100;
        for (value, class) in &bar.parts {
            let width = value.saturating_mul((WIDTH - left - NUMBER) * 100) / most;
            if *value == 0 {
                continue;
            }
            let width = width.max(100);
            let _ = write!(
                svg,
                r#"<rect class="{class}" x="{}" y="{}" width="{}" height="15" rx="1"/>"#,
                hundredths(x),
                y + bar_y,
                hundredths(width)
            );
            x += width;
        }
        let _ = write!(
            svg,
            r#"<text class="value" x="{}" y="{}">{}</text></g>"#,
            hundredths(x + 600),
            y + bar_y + 12,
            thousands(sum(bar))
        );
    }
    svg.push_str("</svg>");
    svg
}

/// A table of counts in which more is darker: who saw what.
pub(super) fn heat(columns: &[String], rows: &[(String, Vec<u64>)]) -> String {
    const NAME: u64 = 300;
    const ROW: u64 = 26;
    const HEAD: u64 = 28;
    let width = 960_u64;
    let cell = (width - NAME) / columns.len().max(1) as u64;
    let cell = cell.min(132);
    let height = HEAD + ROW * rows.len() as u64;
    let most = rows
        .iter()
        .flat_map(|(_, counts)| counts)
        .copied()
        .max()
        .unwrap_or(0)
        .max(1);
    let mut svg = format!(
        r#"<svg viewBox="0 0 {width} {height}" role="img" aria-label="Who saw which data">"#
    );
    for (column, name) in (0_u64..).zip(columns) {
        let room = usize::try_from(cell / 8).unwrap_or(10);
        let _ = write!(
            svg,
            r#"<text class="tick" x="{}" y="18" text-anchor="middle">{}</text>"#,
            NAME + column * cell + cell / 2,
            escaped(&cut(name, room))
        );
    }
    for (row, (name, counts)) in (0_u64..).zip(rows) {
        let y = HEAD + row * ROW;
        let _ = write!(
            svg,
            r#"<text class="name" x="0" y="{}">{}</text>"#,
            y + 17,
            escaped(&cut(name, 42))
        );
        for (column, count) in (0_u64..).zip(counts) {
            // By the root, so that small counts can be told from none.
            let share = (count * 10_000 / most).isqrt().min(100);
            let shade = if *count == 0 {
                0
            } else {
                12 + share * 88 / 100
            };
            let x = NAME + column * cell;
            let tone = if shade > 70 {
                "cell-dark"
            } else {
                "cell-light"
            };
            let _ = write!(
                svg,
                r#"<g><title>{} / {}: {} requests</title><rect class="heat" x="{}" y="{}" width="{}" height="{}" rx="2" fill-opacity="{}"/><text class="{tone}" x="{}" y="{}" text-anchor="middle">{}</text></g>"#,
                escaped(name),
                columns
                    .get(usize::try_from(column).unwrap_or(0))
                    .map(|c| escaped(c))
                    .unwrap_or_default(),
                thousands(*count),
                x + 1,
                y + 1,
                cell - 2,
                ROW - 2,
                hundredths(shade),
                x + cell / 2,
                y + 17,
                if *count == 0 {
                    String::new()
                } else {
                    thousands(*count)
                }
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// `12.34` of 1234.
fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

/// The beginning of a long name.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{beginning}…")
}

/// A round number that is not below and has round quarters.
fn nice(number: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for factor in [4, 8, 12, 16, 20, 24, 28, 32, 36] {
            if unit.saturating_mul(factor) >= number {
                return unit.saturating_mul(factor);
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// `1.5k`.
fn short(number: u64) -> String {
    for (unit, name) in [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")] {
        if number >= unit {
            let tenths = number / (unit / 10);
            let (whole, tenth) = (tenths / 10, tenths % 10);
            return if tenth == 0 {
                format!("{whole}{name}")
            } else {
                format!("{whole}.{tenth}{name}")
            };
        }
    }
    number.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_write_is_text() {
        let hostile = "<script>alert(1)</script>&\"'\u{202e}\n";
        let safe = escaped(hostile);
        assert!(
            !safe.contains(['<', '>', '"', '\'', '\u{202e}', '\n']),
            "{safe}"
        );
        let chart = bars(
            "x",
            &[Bar {
                name: hostile.to_owned(),
                parts: vec![(3, "allowed")],
            }],
            Names::Above,
        );
        assert!(!chart.contains("<script"), "{chart}");
        let chart = heat(&[hostile.to_owned()], &[(hostile.to_owned(), vec![1])]);
        assert!(!chart.contains("<script"), "{chart}");
    }

    #[test]
    fn nothing_is_a_picture_too() {
        for svg in [
            timeline(&[], 1000),
            bars("x", &[], Names::Beside),
            heat(&[], &[]),
        ] {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
        }
        assert_eq!((nice(0), nice(5), nice(1_234)), (4, 8, 1_600));
        assert_eq!(
            (short(999), short(1_500), short(2_000_000)),
            ("999".to_owned(), "1.5k".to_owned(), "2M".to_owned())
        );
    }
}
