//! An explanation as a person reads it.

use host::fake::Profile;
use policy::decision::{Decision, Outcome};
use policy::explain::Condition;

use crate::printable::{printable, printable_lines};

use super::sections::{Budget, Charge, Explanation, Fate, RuleLine, Section};

/// What is told of one filter, of the result or of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// The title: `jwt-auth`, `result`, `audit record`.
    pub title: String,
    /// The lines of the chapter.
    pub lines: Vec<String>,
}

/// How a word is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something is right or allowed.
    Good,
    /// Something is wrong or refused.
    Bad,
    /// Something is said in passing.
    Aside,
}

/// Makes a word one of a tone, such as by a colour.
pub type Paint = fn(&str, Tone) -> String;

impl Explanation {
    /// The request that is explained, as a title.
    #[must_use]
    pub fn title(&self) -> String {
        let host = match self.host {
            Profile::Envoy => "",
            Profile::Apisix => ", on APISIX",
            Profile::Kong => ", on Kong",
        };
        printable(&format!("{} from {}{host}", self.request, self.client))
    }

    /// What each filter did, what came of it, and the records.
    #[must_use]
    pub fn chapters(&self, paint: Paint) -> Vec<Chapter> {
        let filters = self.filters.iter().map(|section| Chapter {
            title: section.filter.to_owned(),
            lines: self::section(section, paint),
        });
        let records = self.records.iter().map(|record| {
            let text = serde_json::to_string_pretty(record).unwrap_or_default();
            Chapter {
                title: "audit record".to_owned(),
                lines: text.lines().map(str::to_owned).collect(),
            }
        });
        let outages = (!self.outages.is_empty()).then(|| self.while_away(paint));
        let proxy = (!self.proxy.is_empty()).then(|| Chapter {
            title: "proxy".to_owned(),
            lines: self.proxy.iter().map(|line| printable(line)).collect(),
        });
        proxy
            .into_iter()
            .chain(filters)
            .chain([self.result(paint)])
            .chain(records)
            .chain(outages)
            .collect()
    }

    fn while_away(&self, paint: Paint) -> Chapter {
        let names = self.outages.iter().map(|outage| printable(&outage.service));
        let names: Vec<String> = names.collect();
        let width = names.iter().map(|name| name.chars().count()).max();
        let width = width.unwrap_or_default();
        let lines = self.outages.iter().zip(&names).map(|(outage, name)| {
            let reasons = outage.decisions.iter();
            let reasons = reasons.filter(|decision| !decision.reason.is_empty());
            let reasons: Vec<String> = reasons
                .map(|decision| format!("{}: {}", decision.filter, printable(&decision.reason)))
                .collect();
            let mut line = format!(
                "{name:width$}  the client receives {}",
                status(outage.status, paint)
            );
            if !reasons.is_empty() {
                line.push_str(&format!(" ({})", reasons.join(", ")));
            }
            if outage.record_waits {
                line.push_str("; the record waits in the queue");
            }
            line
        });
        Chapter {
            title: "while it cannot be reached".to_owned(),
            lines: lines.collect(),
        }
    }

    fn result(&self, paint: Paint) -> Chapter {
        let seen = &self.seen;
        let mut lines = Vec::new();
        match &seen.upstream {
            None => lines.push("the upstream receives nothing".to_owned()),
            Some(headers) => {
                let path = headers.get(":path").map_or("", String::as_str);
                lines.push(format!("the upstream receives {}", printable(path)));
                if !seen.upstream_body.is_empty() {
                    lines.push(printable_lines(seen.upstream_body.trim_end()));
                }
            }
        }
        let status = status(seen.status, paint);
        lines.push(format!("the client receives {status}"));
        if !seen.body.is_empty() {
            lines.push(printable_lines(seen.body.trim_end()));
        }
        Chapter {
            title: "result".to_owned(),
            lines,
        }
    }
}

fn status(status: u16, paint: Paint) -> String {
    let tone = if status < 400 { Tone::Good } else { Tone::Bad };
    paint(&status.to_string(), tone)
}

fn section(section: &Section, paint: Paint) -> Vec<String> {
    if !section.is_reached {
        return vec![paint("not reached", Tone::Aside)];
    }
    let widest = section.rules.iter().map(|rule| rule.name.chars().count());
    let width = widest.max().unwrap_or(0).max("default".len());
    let rules = section.rules.iter();
    let mut lines: Vec<String> = rules
        .map(|rule| format!("{:width$}  {}", rule.name, fate(rule, paint)))
        .collect();
    if let Some(default) = section
        .default
        .as_ref()
        .filter(|_| section.falls_to_default())
    {
        lines.push(format!("{:width$}  decides: {default}", "default"));
    }
    let heard = section.heard.iter();
    lines.extend(heard.map(|heard| {
        let (about, said) = (printable(&heard.about), printable(&heard.said));
        format!("{} says of {about}: {said}", heard.service)
    }));
    let lacks = section.lacks.iter();
    lines.extend(lacks.map(|condition| format!("it asks for {}", wanted(condition))));
    lines.extend(section.charges.iter().map(counted));
    lines.extend(section.budgets.iter().map(budgeted));
    if section.decisions.is_empty() {
        lines.push(format!("-> {}", paint("the request passes", Tone::Good)));
    }
    for decision in &section.decisions {
        lines.push(format!("-> {}", decided(decision, paint)));
        lines.extend(decision.findings.iter().map(|finding| {
            format!(
                "   {} {} in {}: {}",
                finding.count,
                finding.kind,
                finding.place.as_str(),
                finding.outcome.as_str()
            )
        }));
    }
    lines
}

fn fate(rule: &RuleLine, paint: Paint) -> String {
    match &rule.fate {
        Fate::Applies if rule.places.is_empty() => paint("applies", Tone::Good),
        Fate::Applies => format!(
            "{} to {}",
            paint("applies", Tone::Good),
            rule.places.join(", ")
        ),
        Fate::Unclear(condition) => {
            format!("may apply, servers differ: {}", wanted(condition))
        }
        Fate::Fails(condition) => format!("no: {}", wanted(condition)),
        Fate::Exempts(condition) => format!("only counts: {}", wanted(condition)),
        Fate::NotReached => paint("not looked at", Tone::Aside),
    }
}

fn wanted(condition: &Condition) -> String {
    let Condition {
        key,
        expected,
        found,
    } = condition;
    printable(&format!("{key} {expected}, and there is {found}"))
}

fn counted(charge: &Charge) -> String {
    let units = if charge.cost == 1 { "" } else { " units" };
    let mut text = format!(
        "limit {} counts {}{units} for {}",
        printable(&charge.limit),
        charge.cost,
        printable(&charge.key)
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

fn budgeted(budget: &Budget) -> String {
    let mut text = format!(
        "budget {} is for {}",
        printable(&budget.name),
        printable(&budget.key)
    );
    if budget.charged.is_empty() {
        text.push_str("; this response charges nothing to it");
    }
    for charged in &budget.charged {
        text.push_str(&format!(
            "; it is charged {} {} ({} of {} left)",
            charged.number, charged.unit, charged.remaining, charged.quota
        ));
    }
    text
}

fn decided(decision: &Decision, paint: Paint) -> String {
    let tone = match decision.outcome {
        Outcome::Denied | Outcome::Error => Tone::Bad,
        _ => Tone::Good,
    };
    let mut text = paint(decision.outcome.as_str(), tone);
    if let Some(rule) = &decision.rule {
        text.push_str(&format!(" by {}", printable(rule)));
    }
    if !decision.reason.is_empty() {
        text.push_str(&format!(": {}", printable(&decision.reason)));
    }
    if decision.report_only {
        text.push_str(" (report mode: nothing is done)");
    }
    text
}
