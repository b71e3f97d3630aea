//! An explanation as a person reads it.

use policy::decision::{Decision, Outcome};
use policy::explain::Condition;

use super::sections::{Charge, Explanation, Fate, RuleLine, Section};
use crate::color::{Colour, painted};
use crate::output::say;

/// Prints everything.
pub(super) fn print(explanation: &Explanation) {
    say!("{} from {}", explanation.request, explanation.client);
    for section in &explanation.filters {
        say!("\n{}", section.filter);
        self::section(section);
    }
    let seen = &explanation.seen;
    say!("\nresult");
    match &seen.upstream {
        None => say!("  the upstream receives nothing"),
        Some(headers) => {
            let path = headers.get(":path").map_or("", String::as_str);
            say!("  the upstream receives {path}");
            if !seen.upstream_body.is_empty() {
                say!("  {}", seen.upstream_body.trim_end());
            }
        }
    }
    let colour = if seen.status < 400 {
        Colour::Green
    } else {
        Colour::Red
    };
    say!(
        "  the client receives {}",
        painted(&seen.status.to_string(), colour)
    );
    if !seen.body.is_empty() {
        say!("  {}", seen.body.trim_end());
    }
    for record in &explanation.records {
        say!("\naudit record");
        let text = serde_json::to_string_pretty(record).unwrap_or_default();
        for line in text.lines() {
            say!("  {line}");
        }
    }
}

fn section(section: &Section) {
    if !section.is_reached {
        say!("  {}", painted("not reached", Colour::Dim));
        return;
    }
    let widest = section.rules.iter().map(|rule| rule.name.chars().count());
    let width = widest.max().unwrap_or(0).max("default".len());
    for rule in &section.rules {
        say!("  {:width$}  {}", rule.name, fate(rule));
    }
    if let Some(default) = section
        .default
        .as_ref()
        .filter(|_| section.falls_to_default())
    {
        say!("  {:width$}  decides: {default}", "default");
    }
    for condition in &section.lacks {
        say!("  it asks for {}", wanted(condition));
    }
    for charge in &section.charges {
        say!("  {}", counted(charge));
    }
    if section.decisions.is_empty() {
        say!("  -> {}", painted("the request passes", Colour::Green));
    }
    for decision in &section.decisions {
        say!("  -> {}", decided(decision));
        for finding in &decision.findings {
            say!(
                "     {} {} in {}: {}",
                finding.count,
                finding.kind,
                finding.place.as_str(),
                finding.outcome.as_str()
            );
        }
    }
}

fn fate(rule: &RuleLine) -> String {
    match &rule.fate {
        Fate::Applies if rule.places.is_empty() => painted("applies", Colour::Green),
        Fate::Applies => format!(
            "{} to {}",
            painted("applies", Colour::Green),
            rule.places.join(", ")
        ),
        Fate::Unclear(condition) => {
            format!("may apply, servers differ: {}", wanted(condition))
        }
        Fate::Fails(condition) => format!("no: {}", wanted(condition)),
        Fate::Exempts(condition) => format!("only counts: {}", wanted(condition)),
        Fate::NotReached => painted("not looked at", Colour::Dim),
    }
}

fn wanted(condition: &Condition) -> String {
    let Condition {
        key,
        expected,
        found,
    } = condition;
    format!("{key} {expected}, and there is {found}")
}

fn counted(charge: &Charge) -> String {
    let units = if charge.cost == 1 { "" } else { " units" };
    let mut text = format!(
        "limit {} counts {}{units} for {}",
        charge.limit, charge.cost, charge.key
    );
    for (window, remaining, quota) in &charge.windows {
        let requests = remaining.checked_div(charge.cost).unwrap_or(*remaining);
        let name = match window.split_once(':') {
            Some((_, number)) => format!("window {number}: "),
            None => String::new(),
        };
        text.push_str(&format!(
            "; {name}{requests} more requests ({remaining} of {quota} left)"
        ));
    }
    text
}

fn decided(decision: &Decision) -> String {
    let colour = match decision.outcome {
        Outcome::Denied | Outcome::Error => Colour::Red,
        _ => Colour::Green,
    };
    let mut text = painted(decision.outcome.as_str(), colour);
    if let Some(rule) = &decision.rule {
        text.push_str(&format!(" by {rule}"));
    }
    if !decision.reason.is_empty() {
        text.push_str(&format!(": {}", decision.reason));
    }
    if decision.report_only {
        text.push_str(" (report mode: nothing is done)");
    }
    text
}
