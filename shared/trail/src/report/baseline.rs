//! What is unlike the weeks before: a period compared with the same hours of the same weekdays of the last
//! n weeks.
//!
//! A count is out of range if it is further from the median of the weeks than three times their scaled
//! median absolute deviation (1.4826 × MAD, which is the standard deviation where counts are normally
//! distributed, and which one odd week does not move), than half of the median, and than ten. With
//! fewer than three weeks of records nothing is said about counts.

use std::collections::BTreeMap;

use audit::Group;
use serde::{Deserialize, Serialize};

use super::classes::{found, seen};
use super::refusals::refusals;
use super::table::{Table, Weight};
use crate::chains::Trail;
use crate::item::Item;
use crate::pipeline::{HeldBack, Observer};
use crate::scan::Fields;

/// A period and the weeks before it.
#[derive(Clone, Copy, Debug)]
pub struct Weeks {
    from_ms: u64,
    to_ms: u64,
    /// From the beginning of one to that of the next: whole weeks.
    step_ms: u64,
    count: usize,
}

/// What is unlike the weeks before.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Anomalies {
    /// Weeks before the period that have records.
    pub weeks: u64,
    /// The anomalies, the most conspicuous first.
    pub rows: Vec<Anomaly>,
    /// There were too many names to keep all in mind, so what is new is not said.
    pub too_many_names: bool,
}

/// Something that is unlike the weeks before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Anomaly {
    /// The kind of anomaly.
    pub kind: Kind,
    /// The subject, route or class that it is about.
    pub of: String,
    /// How often in the period.
    pub count: u64,
    /// How often in the weeks before, in the median.
    pub usual: u64,
}

/// The kinds of anomalies that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A caller saw data of a class that he did not see in the weeks before.
    NewCallerOfClass,
    /// A caller saw far more or far fewer values of a class than usual.
    DataOutOfRange,
    /// A rule refused far more than usual.
    RefusalsSurge,
    /// A caller sent far more or far fewer requests than usual.
    CallerOutOfRange,
    /// An operation was asked for far more or far less often than usual.
    RouteOutOfRange,
    /// An operation that only one caller ever used, in all the weeks.
    RouteOfOneCaller,
    /// An operation that several callers used, all of them in a role that not everybody has.
    RouteOfOneRole,
}

impl Kind {
    /// A description of the kind for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NewCallerOfClass => "new caller of a class of data",
            Self::DataOutOfRange => "values of a class out of range",
            Self::RefusalsSurge => "refusals surge",
            Self::CallerOutOfRange => "caller out of range",
            Self::RouteOutOfRange => "operation out of range",
            Self::RouteOfOneCaller => "operation of one caller only",
            Self::RouteOfOneRole => "operation of one role only",
        }
    }
}

/// Counts, of the period and of each week before it.
type Counts = [u64; MAX_WEEKS + 1];

#[derive(Debug, Default)]
struct Row(Counts);

impl Weight for Row {
    fn weight(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    fn add(&mut self, other: Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }
}

/// Counts while records are read.
#[derive(Debug)]
pub struct Comparison {
    weeks: Weeks,
    has_keys: bool,
    /// By kind and name, one on each line.
    rows: Table<Row>,
    requests: Row,
    held: HeldBack<Event>,
}

/// What is counted of a request.
#[derive(Debug)]
struct Event {
    week: usize,
    subject: String,
    route: String,
    refusals: Vec<String>,
    /// The roles of the caller. `None`: nobody knows who it was any more, or the request was refused.
    roles: Option<Vec<String>>,
    /// The classes of data, each with its number of values.
    classes: Vec<(String, u64)>,
}

impl Weeks {
    /// A period and so many weeks before it, [`MAX_WEEKS`] at most. `None`: it has no length.
    #[must_use]
    pub fn new(from_ms: u64, to_ms: u64, count: usize) -> Option<Self> {
        let length_ms = to_ms.checked_sub(from_ms).filter(|length| *length > 0)?;
        Some(Self {
            from_ms,
            to_ms,
            step_ms: length_ms.div_ceil(WEEK_MS).saturating_mul(WEEK_MS),
            count: count.min(MAX_WEEKS),
        })
    }

    /// 0 in the period, 1 in the week before it, and so on.
    fn of(&self, time_ms: u64) -> Option<usize> {
        if time_ms >= self.to_ms {
            return None;
        }
        // Weeks before the beginning, the broken one counted.
        let before = self.from_ms.saturating_sub(time_ms).div_ceil(self.step_ms);
        let shifted = time_ms.saturating_add(before.saturating_mul(self.step_ms));
        let week = usize::try_from(before)
            .ok()
            .filter(|week| *week <= self.count)?;
        (self.from_ms <= shifted && shifted < self.to_ms).then_some(week)
    }
}

impl Comparison {
    /// Nothing was counted yet. With keys, only that counts for which one of them vouches.
    #[must_use]
    pub fn new(weeks: Weeks, has_keys: bool) -> Self {
        Self {
            weeks,
            has_keys,
            rows: Table::default(),
            requests: Row::default(),
            held: HeldBack::default(),
        }
    }

    fn event(&self, item: &Item, text: &str, fields: Option<&Fields>) -> Option<Event> {
        let fields = fields.filter(|_| item.control.is_none())?;
        if fields.stage.string(text) == Some("received") {
            return None;
        }
        let week = self.weeks.of(item.time_ms)?;
        let subject = fields.user_uid.string(text);
        let subject = subject.or_else(|| fields.user_name.string(text));
        let found = fields.findings.of(text).map_or(Vec::new(), found);
        let refusals = refusals(fields.authorizations.of(text).unwrap_or_default());
        Some(Event {
            week,
            subject: subject.unwrap_or("unknown").to_owned(),
            route: fields
                .operation
                .string(text)
                .unwrap_or("unknown")
                .to_owned(),
            refusals: refusals
                .iter()
                .filter(|refusal| refusal.is_applied)
                .map(|refusal| format!("{} {}", refusal.rule, refusal.reason))
                .collect(),
            roles: roles(item, text, fields),
            classes: seen(&found)
                .iter()
                .map(|(class, values)| ((*class).to_owned(), *values))
                .collect(),
        })
    }

    fn count(&mut self, event: &Event) {
        let week = event.week;
        let mut add_some = |key: &str, by| self.rows.change(key, |row| bump(row, week, by));
        for (class, values) in &event.classes {
            add_some(&format!("data\n{class}\n{}", event.subject), *values);
        }
        let mut add = |key: &str| add_some(key, 1);
        add(&format!("caller\n{}", event.subject));
        add(&format!("route\n{}", event.route));
        add(&format!("use\n{}\n{}", event.route, event.subject));
        if let Some(roles) = &event.roles {
            add(&format!("granted\n{}", event.route));
            for role in roles {
                add(&format!("role\n{}\n{role}", event.route));
            }
        }
        for refusal in &event.refusals {
            add(&format!("refusal\n{refusal}"));
        }
        for (class, _) in &event.classes {
            add(&format!("class\n{class}\n{}", event.subject));
        }
        bump(&mut self.requests, week, 1);
    }

    /// Puts together what several threads have counted.
    #[must_use]
    pub fn anomalies(all: Vec<Self>) -> Anomalies {
        let mut rows: Table<Row> = Table::default();
        let mut requests = Row::default();
        let mut count = 0;
        for comparison in all {
            count = comparison.weeks.count;
            rows.merge(comparison.rows);
            requests.add(comparison.requests);
        }
        // Weeks without any record are not weeks in which nobody asked: they are not there.
        let is_there = |week: &usize| requests.0.get(*week).is_some_and(|count| *count > 0);
        let weeks: Vec<usize> = (1..=count).filter(is_there).collect();
        let mut anomalies = Anomalies {
            weeks: weeks.len() as u64,
            rows: Vec::new(),
            too_many_names: rows.rest_names > 0,
        };
        let mut users: BTreeMap<&str, (u64, &str, u64)> = BTreeMap::new();
        let sorted = rows.sorted();
        let in_roles = match anomalies.too_many_names {
            true => BTreeMap::new(),
            false => routes_of_one_role(&sorted),
        };
        for (key, row) in &sorted {
            let (kind, of) = key.split_once('\n').unwrap_or((key, ""));
            if kind == "use" {
                let (route, subject) = of.split_once('\n').unwrap_or((of, ""));
                let known = users.entry(route).or_insert((0, subject, 0));
                known.0 += 1;
                known.2 = known.2.saturating_add(row.weight());
                continue;
            }
            if kind == "granted" || kind == "role" {
                continue;
            }
            anomalies.rows.extend(unusual(kind, of, &row.0, &weeks));
        }
        for (route, (callers, subject, requests)) in users {
            let (kind, by) = match in_roles.get(route) {
                _ if callers == 1 => (Kind::RouteOfOneCaller, subject.to_owned()),
                Some(roles) => (Kind::RouteOfOneRole, roles.join(", ")),
                None => continue,
            };
            if requests >= MIN_REQUESTS && !weeks.is_empty() {
                anomalies.rows.push(Anomaly {
                    kind,
                    of: format!("{route} by {by}"),
                    count: requests,
                    usual: requests,
                });
            }
        }
        if anomalies.too_many_names {
            let is_new = |row: &Anomaly| row.kind == Kind::NewCallerOfClass;
            anomalies.rows.retain(|row| !is_new(row));
        }
        anomalies
            .rows
            .sort_by_key(|row| (row.kind, std::cmp::Reverse(row.count.abs_diff(row.usual))));
        anomalies
    }
}

/// The roles that all who may use an operation have, and that somebody who uses another has not.
fn routes_of_one_role<'r>(rows: &[(&'r str, &Row)]) -> BTreeMap<&'r str, Vec<&'r str>> {
    let (mut granted, mut in_role) = (BTreeMap::new(), BTreeMap::<&str, u64>::new());
    let mut all = 0_u64;
    for (key, row) in rows {
        match key.split_once('\n') {
            Some(("granted", route)) => {
                granted.insert(route, row.weight());
                all = all.saturating_add(row.weight());
            }
            Some(("role", of)) => {
                let (_, role) = of.split_once('\n').unwrap_or((of, ""));
                let count = in_role.entry(role).or_default();
                *count = count.saturating_add(row.weight());
            }
            _ => {}
        }
    }
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, row) in rows {
        if let Some(("role", of)) = key.split_once('\n')
            && let Some((route, role)) = of.split_once('\n')
            && granted.get(route) == Some(&row.weight())
            && in_role.get(role).is_some_and(|count| *count < all)
        {
            found.entry(route).or_default().push(role);
        }
    }
    found
}

/// The roles of who sent a request that was not refused.
fn roles(item: &Item, text: &str, fields: &Fields) -> Option<Vec<String>> {
    if fields.action_id == 2 || item.erased.has(Group::Subject) {
        return None;
    }
    let groups = fields.user_groups.of(text).unwrap_or("[]");
    let groups: Vec<Role> = serde_json::from_str(groups).ok()?;
    let mut names: Vec<String> = groups.into_iter().map(|role| role.name).collect();
    names.sort_unstable();
    names.dedup();
    Some(names)
}

#[derive(Deserialize)]
struct Role {
    name: String,
}

fn bump(row: &mut Row, week: usize, by: u64) {
    if let Some(count) = row.0.get_mut(week) {
        *count = count.saturating_add(by);
    }
}

fn unusual(kind: &str, of: &str, counts: &Counts, weeks: &[usize]) -> Option<Anomaly> {
    let [now, ..] = *counts;
    let mut before: Vec<u64> = weeks
        .iter()
        .filter_map(|week| counts.get(*week).copied())
        .collect();
    let usual = median(&mut before);
    let found = |kind| Anomaly {
        kind,
        of: of.replace('\n', " by "),
        count: now,
        usual,
    };
    let is_new = now > 0 && !before.is_empty() && before.iter().all(|count| *count == 0);
    if kind == "class" {
        return is_new.then(|| found(Kind::NewCallerOfClass));
    }
    if before.len() < MIN_WEEKS {
        return None;
    }
    let margin = margin(usual, &before);
    let is_high = now > usual.saturating_add(margin);
    let is_low = now.saturating_add(margin) < usual;
    match kind {
        // Who is new to a class has been named already.
        "data" if is_new => None,
        "data" if is_high || is_low => Some(found(Kind::DataOutOfRange)),
        "refusal" if is_high => Some(found(Kind::RefusalsSurge)),
        "caller" if is_high || is_low => Some(found(Kind::CallerOutOfRange)),
        "route" if is_high || is_low => Some(found(Kind::RouteOutOfRange)),
        _ => None,
    }
}

/// How far from the median is still usual.
fn margin(usual: u64, before: &[u64]) -> u64 {
    let mut deviations: Vec<u64> = before.iter().map(|count| count.abs_diff(usual)).collect();
    // Three times 1.4826.
    let spread = median(&mut deviations).saturating_mul(44_478) / 10_000;
    spread.max(usual / 2).max(MIN_REQUESTS)
}

fn median(counts: &mut [u64]) -> u64 {
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied().unwrap_or(0)
}

impl Observer for Comparison {
    const WANTS_VOUCHED: bool = true;

    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        match self.event(item, text, fields) {
            Some(event) if self.has_keys => self.held.add(item, event),
            Some(event) => self.count(&event),
            None => {}
        }
    }

    fn observe_vouched(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        if let Some(event) = self.event(item, text, fields) {
            self.count(&event);
        }
    }

    fn held_back(&self) -> usize {
        self.held.len()
    }

    fn settle(&mut self, trail: &Trail) {
        let vouched = self.held.take_vouched(trail);
        vouched.iter().for_each(|event| self.count(event));
    }
}

/// As many weeks as can be compared with.
pub const MAX_WEEKS: usize = 12;
const MIN_WEEKS: usize = 3;
const MIN_REQUESTS: u64 = 10;
const WEEK_MS: u64 = 7 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = WEEK_MS / 7;

    #[test]
    fn the_same_hours_of_the_same_weekdays() {
        let begin = 100 * WEEK_MS;
        let day = Weeks::new(begin, begin + DAY_MS, 3).unwrap();
        for (time_ms, week) in [
            (begin, Some(0)),
            (begin + DAY_MS - 1, Some(0)),
            (begin + DAY_MS, None),
            (begin - 1, None),
            (begin - 6 * DAY_MS - 1, Some(1)),
            (begin - 7 * DAY_MS, Some(1)),
            (begin - 7 * DAY_MS - 1, None),
            (begin - 21 * DAY_MS, Some(3)),
            (begin - 28 * DAY_MS, None),
            (0, None),
        ] {
            assert_eq!(day.of(time_ms), week, "{time_ms}");
        }
        // A longer period is compared with whole weeks that do not overlap.
        let ten_days = Weeks::new(begin, begin + 10 * DAY_MS, 3).unwrap();
        assert_eq!(ten_days.of(begin - 14 * DAY_MS), Some(1));
        assert_eq!(ten_days.of(begin - 7 * DAY_MS), Some(1));
        assert_eq!(ten_days.of(begin - 1), None);
        assert!(Weeks::new(begin, begin, 3).is_none());
    }

    #[test]
    fn one_odd_week_moves_nothing() {
        let of = |now: u64, before: &[u64]| {
            let mut counts = Counts::default();
            counts[0] = now;
            counts[1..=before.len()].copy_from_slice(before);
            let weeks: Vec<usize> = (1..=before.len()).collect();
            unusual("caller", "x", &counts, &weeks).map(|anomaly| anomaly.usual)
        };
        let usual = [100, 104, 96, 102, 5_000];
        assert_eq!(of(150, &usual), None);
        assert_eq!(of(160, &usual), Some(102));
        assert_eq!(of(40, &usual), Some(102));
        assert_eq!(of(60, &usual), None);
        // Few weeks, and few requests, tell nothing.
        assert_eq!(of(160, &usual[..2]), None);
        assert_eq!(of(9, &[0, 0, 0]), None);
        assert_eq!(of(11, &[0, 0, 0]), Some(0));
        // Where weeks differ much anyway, it takes more.
        assert_eq!(of(160, &[20, 100, 180, 60, 140]), None);
    }
}
