//! The configuration: what is redacted in which messages, and what happens when it cannot be.

mod actions;
mod data_budget;
mod detectors;
mod fields;
mod limits;
mod on_error;
mod presets;
mod rule;
mod watched;

pub use data_budget::{DataBudget, PeopleLimit, Then};
pub use fields::Field;
pub use on_error::{FailurePolicy, OnError, ParseErrorPolicy, TrailersPolicy};
pub use rule::{Place, Places, Rule};

use std::rc::Rc;

use host::FactSources;
use host::route_config::{RoutePart, RouteSettings, goes_by_route};
use policy::config::{self, Configuration, Fields, Node, Problems};
use policy::explain::{self, Condition, RuleName, Step};
use policy::facts::Facts;
use policy::filters::PII_REDACTOR;
use policy::matching::{applies, may_apply};
use policy::mode::Mode;

use crate::action::Action;
use crate::custom::Custom;
use crate::detect::{CREDIT_CARD, Confidence};
use crate::inflate::InflateLimits;
use crate::lexicon::Announcement;
use crate::limits::PlannedLimits;
use crate::plan::watched::{MAX_TARGETS, Otherwise};
use crate::plan::{
    Allowed, Binding, FieldRule, Minimization, Parts, Plan, PlannedRule, RuleMode, Settings,
    TypePolicy,
};
use actions::{ActionTable, Keys};

/// The checked configuration of the filter.
#[derive(Debug)]
pub struct Config {
    /// The mode of rules that say nothing else.
    pub mode: Mode,
    /// Every rule that matches applies.
    pub rules: Vec<Rule>,
    /// The kinds that the configuration adds.
    pub customs: Rc<[Custom]>,
    /// What holds for all rules.
    pub settings: Rc<Settings>,
    /// What happens when a message cannot be redacted.
    pub on_error: OnError,
    /// Where identity and consent come from.
    pub sources: Rc<FactSources>,
    /// How much compressed bodies may become.
    pub inflate: InflateLimits,
    /// The response header that says what was found.
    pub report_header: Option<String>,
    /// The environment variable with the key of pseudonyms, where there are any.
    pub pseudonym_key_env: Option<String>,
    /// How much personal data each caller may get in clear.
    pub data_budgets: Vec<DataBudget>,
    /// How many keys all budgets together remember.
    pub budget_keys: u64,
    /// Which routes have configurations of their own.
    pub routes: RouteSettings,
    /// Anything here goes by the route.
    pub goes_by_route: bool,
}

/// A rule that is about a message, by its place in [`Config::rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RuleUse {
    /// The index of the rule.
    pub index: usize,
    /// The caller is one that sees everything: the rule only counts.
    pub is_exempt: bool,
}

/// Says which rule is looked at.
fn tell(rule: &Rule) {
    explain::note(|| Step::Rule(RuleName::Name(rule.name.clone())));
}

/// Pseudonyms get no usable key: [`Config::parse_with_key`] gives them theirs.
impl Configuration for Config {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Self::read_with_key(fields, &[0; 32])
    }
}

impl Config {
    /// What may differ by route: what is redacted where, not what happens when it cannot be.
    pub const ROUTE_PART: RoutePart = RoutePart::new(
        &["mode", "presets", "apply_to", "rules", "actions"],
        |text| Self::check(text).map(drop),
    );

    /// Reads the plugin configuration, with the key of pseudonyms.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse_with_key(text: &str, key: &[u8]) -> Result<Self, Problems> {
        config::read(text, |node| {
            node.object(|fields| Self::read_with_key(fields, key))
        })
    }

    /// What these rules do together; the indices are those of [`Config::rules`].
    #[must_use]
    pub fn plan(&self, indices: &[usize]) -> Plan {
        let acting = |index: &usize| RuleUse {
            index: *index,
            is_exempt: false,
        };
        self.plan_of(&indices.iter().map(acting).collect::<Vec<_>>())
    }

    /// The rules that are about a request, whatever the content types of its messages.
    #[must_use]
    pub fn rules_for(&self, facts: &dyn Facts) -> Vec<RuleUse> {
        let is_due = |rule: &Rule| {
            tell(rule);
            let consented = rule.when_consent.as_ref();
            may_apply(&rule.matches, facts)
                && consented.is_none_or(|condition| {
                    let holds = condition.holds(facts.consent());
                    if !holds {
                        let condition = || condition.told("when.consent", facts.consent());
                        explain::note(|| Step::Fails(condition()));
                    }
                    holds
                })
        };
        explain::note(|| Step::Choosing {
            filter: PII_REDACTOR,
            about: "request",
        });
        let rules = self.rules.iter().enumerate();
        rules
            .filter(|(_, rule)| is_due(rule))
            .map(|(index, rule)| {
                let is_exempt = rule.unless.holds(facts);
                if is_exempt {
                    explain::note(|| Step::Rule(RuleName::Name(rule.name.clone())));
                    explain::note(|| Step::Exempts(rule.unless.told(facts)));
                }
                RuleUse { index, is_exempt }
            })
            .collect()
    }

    /// Of these rules those that are about a place.
    #[must_use]
    pub fn rules_at(&self, uses: &[RuleUse], place: Place) -> Vec<RuleUse> {
        explain::note(|| Step::Choosing {
            filter: PII_REDACTOR,
            about: place.as_str(),
        });
        let is_about = |rule: &Rule| {
            tell(rule);
            let is_about = rule.places.has(place);
            if !is_about {
                let condition = || Condition::new("apply_to", rule.places.words(), place.as_str());
                explain::note(|| Step::Fails(condition()));
            }
            is_about
        };
        self.those(uses, is_about)
    }

    /// Of these rules those that are about the content type of the message at hand.
    #[must_use]
    pub fn rules_of_type(&self, uses: &[RuleUse], facts: &dyn Facts) -> Vec<RuleUse> {
        self.those(uses, |rule| {
            tell(rule);
            applies(&rule.matches, facts)
        })
    }

    /// The headers and trailers that these rules search; `None`: all that
    /// [`crate::headers::is_searched`] names.
    #[must_use]
    pub fn named_headers(&self, uses: &[RuleUse]) -> Option<Vec<&str>> {
        let mut rules = uses.iter().filter_map(|used| self.rules.get(used.index));
        rules.try_fold(Vec::new(), |mut all, rule| {
            all.extend(rule.headers.as_ref()?.iter().map(String::as_str));
            Some(all)
        })
    }

    fn those(&self, uses: &[RuleUse], keeps: impl Fn(&Rule) -> bool) -> Vec<RuleUse> {
        let kept = |used: &&RuleUse| self.rules.get(used.index).is_some_and(&keeps);
        uses.iter().filter(kept).copied().collect()
    }

    /// As [`Config::plan`], of rules some of which do not act on this caller.
    #[must_use]
    pub fn plan_of(&self, uses: &[RuleUse]) -> Plan {
        let rules = uses.iter().filter_map(|used| {
            let rule = self.rules.get(used.index)?;
            Some((rule, used.is_exempt))
        });
        let mut parts = Parts::default();
        for ((rule, is_exempt), place) in rules.zip(0_u8..) {
            let mode = match rule.mode {
                _ if is_exempt => RuleMode::Exempt,
                Mode::Enforce => RuleMode::Enforce,
                Mode::Report => RuleMode::Report,
            };
            let enforces = mode == RuleMode::Enforce;
            parts.rules.push(PlannedRule {
                name: rule.name.clone(),
                mode,
            });
            parts
                .bindings
                .extend(rule.detect.iter().map(|(entity, action)| {
                    let binding = Binding {
                        action: Rc::clone(action),
                        rule: place,
                        enforces,
                    };
                    (*entity, binding)
                }));
            parts
                .fields
                .extend(rule.fields.iter().map(|field| FieldRule {
                    selector: field.selector.clone(),
                    action: field.action.clone(),
                    hosts: field.hosts.clone(),
                    rule: place,
                    enforces,
                }));
            parts.finds_cards_in_ids |= rule.finds_cards_in_ids;
            parts.people.extend(rule.data_subject.iter().cloned());
            if !is_exempt && rule.limits.reads_documents() {
                parts.limits.push(PlannedLimits {
                    limits: rule.limits.clone(),
                    rule: place,
                    enforces,
                });
            }
            if !is_exempt {
                parts.owners.extend(rule.owner.iter().map(|owner| {
                    let mut owner = owner.clone();
                    if !enforces {
                        owner.otherwise = Otherwise::Report;
                    }
                    (owner, place)
                }));
            }
            if let Some(paths) = &rule.allow_fields {
                let minimization = Minimization {
                    rule: place,
                    enforces,
                    refuses: rule.refuses_fields,
                };
                match &mut parts.allowed {
                    // What one rule lets through, another may not: the first that enforces counts.
                    Some((_, known)) if known.enforces || !enforces => {}
                    slot => *slot = Some((paths.clone(), minimization)),
                }
            }
        }
        // The first rule that enforces acts, before those that only count.
        policy::sort::by_key(&mut parts.fields, |field| !field.enforces);
        Plan::new(parts, Rc::clone(&self.customs), Rc::clone(&self.settings))
    }

    /// Warns of texts in the place of values that are found again themselves: a second proxy would count and change them.
    fn warn_of_replacements(&self, node: &Node<'_>) {
        for (index, rule) in self.rules.iter().enumerate() {
            let replaced = || {
                rule.detect
                    .iter()
                    .filter_map(|(entity, action)| match &**action {
                        Action::Replace(text) => Some((*entity, text)),
                        _ => None,
                    })
            };
            if replaced().next().is_none() {
                continue;
            }
            let plan = self.plan(&[index]);
            for (entity, text) in replaced() {
                let mut spans = Vec::new();
                plan.search(
                    text.as_bytes(),
                    0,
                    &Announcement::default(),
                    false,
                    &mut spans,
                );
                if !spans.is_empty() {
                    let message = format_args!(
                        "the text in the place of {} is found itself: choose one that no kind of the rule fits",
                        plan.name(entity)
                    );
                    node.warn_at(&format!("rules[{index}]"), actions::NO_EFFECT, message);
                }
            }
        }
    }

    fn read_with_key(fields: &mut Fields<'_>, key: &[u8]) -> Option<Self> {
        let key_env = fields.or("pseudonym_key_env", None, |n| {
            n.name(256).map(str::to_owned).map(Some)
        });
        let keys = Keys::new(key, key_env.is_some());
        let customs = fields.or("detectors", Vec::new(), |n| detectors::read(&n));
        let kinds = detectors::Kinds::new(&customs);
        let actions = fields.or("actions", ActionTable::default(), |n| {
            ActionTable::read(&n, &kinds, &keys)
        });
        let mode = Mode::of_filter(fields);
        let presets = fields.or("presets", 0, |n| presets::read(&n));
        let default_places = fields.or("apply_to", Places::RESPONSE_BODY, |n| Places::read(&n));
        let scope = rule::Scope {
            kinds: &kinds,
            actions: &actions,
            keys: &keys,
            default_places,
            mode,
        };
        let mut rules = fields.or("rules", Vec::new(), |n| {
            n.non_empty_list(|rule| Rule::read(&rule, &scope))
        });
        if presets != 0 {
            rules.insert(0, Rule::of_presets(presets, &scope));
        }
        let watched = rules.iter().map(|rule: &Rule| {
            let owners = rule.owner.len();
            owners.saturating_add(rule.data_subject.len())
        });
        if watched.sum::<usize>() > MAX_TARGETS {
            fields.node().reject_unseen(format_args!(
                "expected at most {MAX_TARGETS} \"owner\" and \"data_subject\" entries in all rules"
            ));
        }
        let data_budgets = fields.or("budget", Vec::new(), |n| DataBudget::read_all(n, &kinds));
        data_budget::check(fields.node(), &data_budgets, &rules);
        // Where a budget counts them, they stay for it.
        let is_kept = presets::find_cards_in_ids(presets) && actions.keeps(CREDIT_CARD);
        if is_kept && data_budgets.is_empty() {
            fields.node().warn_at(
                "actions.CREDIT_CARD",
                actions::NO_EFFECT,
                r#"with "detect" card numbers stay in clear, which "pci" is to hide"#,
            );
        }
        let budget_keys = fields.or("budget_keys", DEFAULT_BUDGET_KEYS, |n| {
            n.integer(16..=16_777_216)
        });
        let has_rules = ["rules", "presets"]
            .iter()
            .any(|key| fields.node().json().member(key).is_some());
        if !has_rules {
            fields
                .node()
                .reject_unseen(r#"expected "rules" or "presets""#);
        }
        let settings = Settings {
            type_policy: fields.or("type_policy", TypePolicy::String, |n| {
                n.one_of(&[
                    ("string", TypePolicy::String),
                    ("zero", TypePolicy::Zero),
                    ("null", TypePolicy::Null),
                    ("keep", TypePolicy::Keep),
                ])
            }),
            min_confidence: fields.or("min_confidence", Confidence::Medium, |n| {
                n.one_of(&Confidence::WORDS)
            }),
            ignores_negative: !fields.or("negative_context", true, |n| n.boolean()),
            nested_json: fields.or("nested_json", false, |n| n.boolean()),
            search_names: fields.or("search_names", false, |n| n.boolean()),
            allowed: fields.or("allow", Allowed::default(), |n| detectors::read_allowed(&n)),
            ..Settings::default()
        };
        let inflate = fields.or("inflate", InflateLimits::default(), |n| read_inflate(&n));
        let config = Self {
            mode,
            rules,
            settings: Rc::new(settings),
            on_error: fields.or("on_error", OnError::default(), |n| OnError::read(&n)),
            sources: Rc::new(FactSources::read(fields)),
            inflate,
            report_header: fields.or("report_header", None, |n| {
                n.own_response_header_name().map(Some)
            }),
            pseudonym_key_env: key_env.filter(|_| keys.were_used()),
            data_budgets,
            budget_keys,
            routes: RouteSettings::read(fields, &Self::ROUTE_PART),
            goes_by_route: goes_by_route(fields.node().json()),
            customs: customs.into(),
        };
        limits::check_aliases(fields.node(), &config.rules);
        config.warn_of_replacements(fields.node());
        for (index, rule) in config.rules.iter().enumerate() {
            let mut earlier = config.rules.iter().take(index);
            if let Some(first) = earlier.position(|earlier| earlier.name == rule.name) {
                let message = format_args!(
                    "rules[{first}] has the name {:?} too; logs and records cannot tell them apart",
                    rule.name
                );
                let place = format!("rules[{index}]");
                fields
                    .node()
                    .warn_at(&place, "rule_name_duplicate", message);
            }
        }
        Some(config)
    }
}

fn read_inflate(node: &Node<'_>) -> Option<InflateLimits> {
    let default = InflateLimits::default();
    node.object(|fields| {
        Some(InflateLimits {
            max_bytes: fields.or("max_bytes", default.max_bytes, |n| n.size(1024..=1 << 40)),
            max_ratio: fields.or("max_ratio", default.max_ratio, |n| n.integer(2..=1100)),
        })
    })
}

const DEFAULT_BUDGET_KEYS: u64 = 65_536;

#[cfg(test)]
mod name_tests;
#[cfg(test)]
mod tests;
