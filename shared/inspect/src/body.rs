//! What pii-redactor finds in a body, and what it makes of it.

use std::rc::Rc;

use pii_redactor::config::{Config, FailurePolicy, ParseErrorPolicy, RuleUse};
use pii_redactor::limits::Excess;
use pii_redactor::media::{Charset, Demands, Framing, Media};
use pii_redactor::pipeline::{BodyPipeline, Coding};
use pii_redactor::plan::{Plan, RuleMode};
use pii_redactor::tally::{Finding, Tally};
use policy::json::Json;

use crate::printable::printable;

/// A body that was redacted.
#[derive(Debug)]
pub struct Redacted {
    /// The body as it leaves.
    pub body: Vec<u8>,
    /// What was found, in its order: each as [`finding`].
    pub findings: Vec<Json>,
    /// What the proxy would do otherwise, and what was not searched.
    pub remarks: Vec<String>,
}

/// Redacts a whole body by every rule of a configuration, whatever its `match`, `apply_to`, `unless` and
/// `when` say.
///
/// # Errors
/// The body is one that the filter does not search.
pub fn redacted(config: &Config, content_type: &str, body: &[u8]) -> Result<Redacted, String> {
    let acting = |index| RuleUse {
        index,
        is_exempt: false,
    };
    let uses: Vec<RuleUse> = (0..config.rules.len()).map(acting).collect();
    let plan = Rc::new(config.plan_of(&uses));
    let (framing, charset, coding) = readable(config, &plan, (content_type, ""))?;
    let pipeline =
        BodyPipeline::with_charset(Rc::clone(&plan), &framing, charset, coding, config.inflate);
    let mut pipeline = pipeline.explained();
    let mut out = Vec::new();
    let written = pipeline.write(body, &mut out);
    written
        .and_then(|()| pipeline.finish(&mut out))
        .map_err(|error| format!("the body cannot be decoded: {}", error.reason()))?;
    let found = pipeline.take_findings();
    Ok(Redacted {
        body: out,
        findings: found.iter().map(|found| finding(&plan, found)).collect(),
        remarks: remarks(config, content_type, (&plan, &pipeline))?,
    })
}

/// How a body of this type and coding is read by the rules of a plan.
///
/// # Errors
/// It is not searched: why, and what in `on_error` is about it.
pub fn readable(
    config: &Config,
    plan: &Plan,
    (content_type, content_encoding): (&str, &str),
) -> Result<(Framing, Charset, Coding), String> {
    let media = Media::of(content_type);
    if media.is_ambiguous && refuses_ambiguous(config) {
        return Err(format!(
            "{content_type:?} can be read in more than one way; on_error.ambiguous says what becomes of it"
        ));
    }
    let demands = Demands {
        minimizes: plan.minimizes_bodies(),
        judges: plan.judges_owners(),
        measures_graphql: false,
        blocks_types: config.on_error.unsupported_type == FailurePolicy::Block,
    };
    if media.framing.is_some() && demands.refuse(media.framing.as_ref(), !content_type.is_empty()) {
        let why = if demands.judges {
            "nobody can say whose the objects in it are"
        } else if demands.minimizes {
            "it has no members that allow_fields could let through"
        } else {
            "it is unknown, and on_error.unsupported_type is block"
        };
        return Err(format!("the proxy refuses {content_type:?}: {why}"));
    }
    let framing = media.framing.ok_or_else(|| {
        format!(
            "{content_type:?} is not searched; on_error.unsupported_type says what becomes of it"
        )
    })?;
    let coding = Coding::of(content_encoding)
        .filter(|_| media.charset != Charset::Undecodable)
        .ok_or_else(|| {
            "the content encoding or the charset is not decoded; on_error.unsupported_encoding says \
             what becomes of it"
                .to_owned()
        })?;
    Ok((framing, media.charset, coding))
}

fn refuses_ambiguous(config: &Config) -> bool {
    config.on_error.ambiguous == ParseErrorPolicy::Block
}

/// What is to be said of a body that has gone through.
///
/// # Errors
/// It would not pass.
pub fn remarks(
    config: &Config,
    content_type: &str,
    (plan, pipeline): (&Plan, &BodyPipeline),
) -> Result<Vec<String>, String> {
    if pipeline.tally().is_unjudged() {
        return Err("nobody can say whose the objects in the body are: it is no JSON, or an object is too long".to_owned());
    }
    let mut remarks = Vec::new();
    if let Some(malformed) = pipeline.malformed() {
        let (what, offset) = (malformed.what.as_str(), malformed.offset);
        if malformed.what.is_ambiguous() && refuses_ambiguous(config) {
            return Err(format!(
                "{what} at byte {offset}; on_error.ambiguous says what becomes of it"
            ));
        }
        remarks.push(format!(
            "not {content_type}: {what} at byte {offset}; from there on searched as text"
        ));
    }
    if pipeline.is_over_budget() {
        remarks.push("searching costs more than it may; the rest was not searched".to_owned());
    }
    let unsearched = pipeline.unsearched();
    if unsearched.is_binary {
        remarks.push("the body is binary and was not searched".to_owned());
    }
    let parts = unsearched.files.saturating_add(unsearched.encoded_parts);
    if parts > 0 {
        remarks.push(format!("{parts} parts were not searched"));
    }
    let tally = pipeline.tally();
    let limits = tally.excesses().iter().filter_map(|(excess, rule)| {
        let rule = plan.rules.get(usize::from(*rule))?;
        Some(exceeds(&rule.name, rule.mode == RuleMode::Enforce, *excess))
    });
    remarks.extend(limits);
    if let Some(member) = tally.refused_member() {
        remarks.push(format!("{} is not in allow_fields", printable(member)));
    }
    remarks.extend(block(tally));
    Ok(remarks)
}

/// The limits on the length of a body that one of so many bytes exceeds.
#[must_use]
pub fn too_long(config: &Config, uses: &[RuleUse], bytes: u64) -> Vec<String> {
    let acting = uses.iter().filter(|used| !used.is_exempt);
    let rules = acting.filter_map(|used| config.rules.get(used.index));
    rules
        .filter(|rule| rule.limits.body_bytes.is_some_and(|most| bytes > most))
        .map(|rule| exceeds(&rule.name, rule.mode.enforces(), Excess::Body))
        .collect()
}

fn exceeds(rule: &str, enforces: bool, excess: Excess) -> String {
    let becomes = match enforces {
        true => "the proxy lets it go no further",
        false => "report mode only counts it",
    };
    format!(
        "more than rule {rule:?} allows: {}; {becomes}",
        excess.as_str()
    )
}

/// That a message would not pass because of what was found in it, where that is so.
#[must_use]
pub fn block(tally: &Tally) -> Option<String> {
    let would = tally.blocks;
    would.then(|| "a finding would block this message".to_owned())
}

/// What was found where, by which rule, and what takes its place.
#[must_use]
pub fn finding(plan: &Plan, finding: &Finding) -> Json {
    let kind = Tally::word(plan, finding.entity);
    let new = finding.new.as_deref().map(String::from_utf8_lossy);
    Json::Object(vec![
        ("offset".to_owned(), finding.offset.into()),
        ("length".to_owned(), finding.length.into()),
        ("type".to_owned(), kind.into()),
        ("rule".to_owned(), rule_of(plan, finding).into()),
        (
            "old".to_owned(),
            String::from_utf8_lossy(&finding.old).as_ref().into(),
        ),
        (
            "new".to_owned(),
            new.as_deref().map_or(Json::Null, Into::into),
        ),
    ])
}

/// The name of the rule that a finding is of.
#[must_use]
pub fn rule_of<'p>(plan: &'p Plan, finding: &Finding) -> &'p str {
    let rule = plan.rules.get(usize::from(finding.rule));
    rule.map_or("", |rule| rule.name.as_str())
}
