//! The rules that act, as the filter would choose them.

use pii_redactor::config::{Config, Place, RuleUse};
use policy::facts::DescribedRequest;

use super::Arguments;
use super::request;

/// The request that the message belongs to, if one is given.
pub(super) fn tried(
    arguments: &Arguments,
    config: &Config,
    content_type: Option<&str>,
) -> Result<Option<DescribedRequest>, String> {
    let read = |line: &String| {
        request::read(
            line,
            &arguments.headers,
            arguments.claims.as_deref(),
            content_type,
            (&config.sources.consent, config.sources.overrides),
        )
    };
    arguments.request.as_ref().map(read).transpose()
}

/// The rules that act, as the filter chooses them.
pub(super) fn chosen(
    arguments: &Arguments,
    config: &Config,
    place: Place,
    request: Option<&DescribedRequest>,
) -> Result<Vec<RuleUse>, String> {
    let acting = |index| RuleUse {
        index,
        is_exempt: false,
    };
    let mut uses: Vec<RuleUse> = (0..config.rules.len()).map(acting).collect();
    let name = |used: &RuleUse| config.rules.get(used.index).map(|rule| rule.name.as_str());
    if !arguments.rules.is_empty() {
        uses.retain(|used| {
            name(used).is_some_and(|name| arguments.rules.iter().any(|wanted| wanted == name))
        });
        if uses.is_empty() {
            let names: Vec<&str> = config.rules.iter().map(|rule| rule.name.as_str()).collect();
            return Err(format!("no such rule; there are {}", names.join(", ")));
        }
    }
    let Some(request) = request else {
        return Ok(uses);
    };
    let mut due = config.rules_at(&config.rules_for(request), place);
    if matches!(place, Place::RequestBody | Place::ResponseBody) {
        due = config.rules_of_type(&due, request);
    }
    due.retain(|used| uses.iter().any(|wanted| wanted.index == used.index));
    let names = |is_exempt: bool| -> Vec<&str> {
        let these = due.iter().filter(|used| used.is_exempt == is_exempt);
        these.filter_map(name).collect()
    };
    let acting = names(false);
    if acting.is_empty() {
        eprintln!(
            "meshward redact: no rule acts on this request at {}",
            place.as_str()
        );
    } else {
        eprintln!("meshward redact: rules that act: {}", acting.join(", "));
    }
    let exempt = names(true);
    if !exempt.is_empty() {
        eprintln!(
            "meshward redact: rules that this caller is exempt from: {}",
            exempt.join(", ")
        );
    }
    Ok(due)
}
