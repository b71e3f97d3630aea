//! Charts as inline SVG: no script, no font, nothing that is loaded.

use maud::{Markup, html};
use trail::report::Point;
use trail::time;

use crate::audit::format::{printable, thousands};

/// A bar of a chart: its name, and its parts as counts with the class of their colour.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) parts: Vec<(u64, &'static str)>,
}

/// Requests over time, stacked.
pub(super) fn timeline(points: &[Point], point_ms: u64) -> Markup {
    const WIDTH: u64 = 960;
    const HEIGHT: u64 = 220;
    const LEFT: u64 = 56;
    const BOTTOM: u64 = 26;
    const PLOT: u64 = HEIGHT - BOTTOM - 10;
    let total = |point: &Point| point.allowed + point.refused + point.failed;
    let top = nice(points.iter().map(total).max().unwrap_or(0));
    let count = points.len().max(1) as u64;
    // In hundredths, so that bars are evenly spread.
    let slot = (WIDTH - LEFT) * 100 / count;
    let x = |index: u64| LEFT * 100 + index * slot;
    let width = (slot * 85 / 100).max(60);
    let every = count.div_ceil(7).max(1);
    // The last would stand half outside.
    let has_label = |index: u64| index.is_multiple_of(every) && x(index) < (WIDTH - 70) * 100;
    let grid = (0..=4_u64).map(|step| (10 + PLOT - PLOT * step / 4, top * step / 4));
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label="Requests over time" {
            @for (y, value) in grid {
                line .grid x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                text .tick x=(LEFT - 8) y=(y + 4) text-anchor="end" { (short(value)) }
            }
            @for (index, point) in (0_u64..).zip(points) {
                g {
                    title {
                        (time::minute(point.at_ms)) " (" (time::duration(point_ms)) ")\n"
                        (thousands(point.allowed)) " allowed, " (thousands(point.refused)) " refused, "
                        (thousands(point.failed)) " failed"
                    }
                    @for (class, base, height) in stacked(point, top, (10 + PLOT) * 100, PLOT * 100) {
                        rect class=(class) x=(hundredths(x(index))) y=(hundredths(base))
                            width=(hundredths(width)) height=(hundredths(height)) {}
                    }
                }
            }
            @for (index, point) in (0_u64..).zip(points).filter(|(index, _)| has_label(*index)) {
                text .tick x=(hundredths(x(index))) y=(HEIGHT - 6) {
                    (label(point.at_ms, point_ms, count))
                }
            }
        }
    }
}

/// The parts of a bar, from below: class, upper edge and height, in hundredths.
fn stacked(point: &Point, top: u64, bottom: u64, plot: u64) -> Vec<(&'static str, u64, u64)> {
    let mut base = bottom;
    let parts = [
        (point.allowed, "allowed"),
        (point.refused, "refused"),
        (point.failed, "failed"),
    ];
    let parts = parts.into_iter().filter(|(value, _)| *value > 0);
    let rectangle = |(value, class): (u64, &'static str)| {
        // What there is must be seen.
        let height = (value.saturating_mul(plot) / top.max(1)).max(100);
        base = base.saturating_sub(height);
        (class, base, height)
    };
    parts.map(rectangle).collect()
}

/// The day where the span is of days, the time of the day where it is not.
fn label(ms: u64, point_ms: u64, count: u64) -> String {
    let span_ms = point_ms.saturating_mul(count);
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
pub(super) fn bars(title: &str, bars: &[Bar], names: Names) -> Markup {
    const WIDTH: u64 = 470;
    const NUMBER: u64 = 62;
    let (left, row_height, name_y, bar_y, room) = match names {
        Names::Beside => (212, 24, 16, 4, 27),
        Names::Above => (0, 40, 12, 18, 60),
    };
    let sum = |bar: &Bar| bar.parts.iter().map(|(value, _)| *value).sum::<u64>();
    let most = bars.iter().map(sum).max().unwrap_or(0).max(1);
    let height = row_height * bars.len() as u64 + 2;
    // What there is must be seen.
    let width = |value: u64| (value.saturating_mul((WIDTH - left - NUMBER) * 100) / most).max(100);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label=(title) {
            @for (row, bar) in (0_u64..).zip(bars) {
                @let y = row * row_height;
                @let parts = beside(&bar.parts, left * 100, width);
                @let end = parts.last().map_or(left * 100, |(_, x, width)| x + width);
                g {
                    title { (printable(&bar.name)) ": " (thousands(sum(bar))) }
                    text .name x="0" y=(y + name_y) { (printable(&cut(&bar.name, room))) }
                    @for (class, x, width) in parts {
                        rect class=(class) x=(hundredths(x)) y=(y + bar_y) width=(hundredths(width))
                            height="15" rx="1" {}
                    }
                    text .value x=(hundredths(end + 600)) y=(y + bar_y + 12) { (thousands(sum(bar))) }
                }
            }
        }
    }
}

/// The parts of a bar from the left: class, edge and width, in hundredths.
fn beside(
    parts: &[(u64, &'static str)],
    left: u64,
    width: impl Fn(u64) -> u64,
) -> Vec<(&'static str, u64, u64)> {
    let mut x = left;
    let parts = parts.iter().filter(|(value, _)| *value > 0);
    let rectangle = |(value, class): &(u64, &'static str)| {
        let (at, width) = (x, width(*value));
        x += width;
        (*class, at, width)
    };
    parts.map(rectangle).collect()
}

/// A table of counts in which more is darker: who saw what.
pub(super) fn heat(columns: &[String], rows: &[(String, Vec<u64>)]) -> Markup {
    const WIDTH: u64 = 960;
    const NAME: u64 = 300;
    const ROW: u64 = 26;
    const HEAD: u64 = 28;
    let cell = ((WIDTH - NAME) / columns.len().max(1) as u64).min(132);
    let height = HEAD + ROW * rows.len() as u64;
    let room = usize::try_from(cell / 8).unwrap_or(10);
    let counts = rows.iter().flat_map(|(_, counts)| counts);
    let most = counts.copied().max().unwrap_or(0).max(1);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label="Who saw which data" {
            @for (column, name) in (0_u64..).zip(columns) {
                text .tick x=(NAME + column * cell + cell / 2) y="18" text-anchor="middle" {
                    (printable(&cut(name, room)))
                }
            }
            @for (row, (name, counts)) in (0_u64..).zip(rows) {
                @let y = HEAD + row * ROW;
                text .name x="0" y=(y + 17) { (printable(&cut(name, 42))) }
                @for ((column, class), count) in (0_u64..).zip(columns).zip(counts) {
                    @let x = NAME + column * cell;
                    @let shade = shade(*count, most);
                    @let tone = if shade > 70 { "cell-dark" } else { "cell-light" };
                    g {
                        title { (printable(name)) " / " (printable(class)) ": " (thousands(*count)) " requests" }
                        rect .heat x=(x + 1) y=(y + 1) width=(cell - 2) height=(ROW - 2) rx="2"
                            fill-opacity=(hundredths(shade)) {}
                        text class=(tone) x=(x + cell / 2) y=(y + 17) text-anchor="middle" {
                            @if *count > 0 { (thousands(*count)) }
                        }
                    }
                }
            }
        }
    }
}

/// How dark a count is, by the root, so that small ones can be told from none.
const fn shade(count: u64, most: u64) -> u64 {
    if count == 0 {
        return 0;
    }
    let share = (count.saturating_mul(10_000) / most).isqrt();
    let share = if share > 100 { 100 } else { share };
    12 + share * 88 / 100
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
        let safe = html! { (printable(hostile)) }.into_string();
        assert!(!safe.contains(['<', '>', '"', '\u{202e}', '\n']), "{safe}");
        let chart = bars(
            "x",
            &[Bar {
                name: hostile.to_owned(),
                parts: vec![(3, "allowed")],
            }],
            Names::Above,
        );
        let chart = chart.into_string();
        assert!(!chart.contains("<script"), "{chart}");
        let chart = heat(&[hostile.to_owned()], &[(hostile.to_owned(), vec![1])]).into_string();
        assert!(!chart.contains("<script"), "{chart}");
    }

    #[test]
    fn nothing_is_a_picture_too() {
        for svg in [
            timeline(&[], 1000),
            bars("x", &[], Names::Beside),
            heat(&[], &[]),
        ] {
            let svg = svg.into_string();
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
        }
        assert_eq!((nice(0), nice(5), nice(1_234)), (4, 8, 1_600));
        assert_eq!(
            (short(999), short(1_500), short(2_000_000)),
            ("999".to_owned(), "1.5k".to_owned(), "2M".to_owned())
        );
    }
}
