//! What the controller of Higress makes of a `WasmPlugin`.

use std::borrow::Cow;

use super::tree::{Kind, Member, Tree};

/// The configuration that the plugin gets, each value at its place in the manifest: `pluginConfig` as it
/// is, or `defaultConfig` with `matchRules` as `_rules_`. `None` where the plugin has none.
pub(super) fn folded(spec: &Tree) -> Option<Cow<'_, Tree>> {
    let whole = spec.get("pluginConfig").filter(|config| is_said(config));
    if whole.is_some() {
        return whole.map(Cow::Borrowed);
    }
    let whole = spec
        .get("defaultConfig")
        .filter(|config| is_said(config) && !is_true(spec, "defaultConfigDisable"));
    let list = spec.get("matchRules").filter(|rules| is_said(rules));
    let rules = list.and_then(folded_rules);
    let is_map = whole.is_none_or(|whole| matches!(whole.kind, Kind::Map(_)));
    let Some((list, rules)) = list.zip(rules).filter(|_| is_map) else {
        return whole.map(Cow::Borrowed);
    };
    let own = whole.map_or(&[][..], Tree::members).iter();
    let own = own.filter(|member| member.name != RULES);
    let rules = Member {
        name: RULES.to_owned(),
        name_span: list.span.start..list.span.start,
        value: rules,
    };
    Some(Cow::Owned(Tree {
        kind: Kind::Map(own.cloned().chain([rules]).collect()),
        span: whole.map_or_else(|| list.span.clone(), |whole| whole.span.clone()),
    }))
}

/// Whether nothing of a plugin is to run: the controller hands it to no proxy.
pub(super) fn is_off(spec: &Tree) -> bool {
    is_true(spec, "defaultConfigDisable") && folded(spec).is_none()
}

/// The rules that are on. What has another form than the controller reads stays as it is, for the reader
/// of the filter to say so.
fn folded_rules(list: &Tree) -> Option<Tree> {
    let Kind::List(items) = &list.kind else {
        return Some(list.clone());
    };
    let items = items.iter().filter(|rule| !is_true(rule, "configDisable"));
    let items: Vec<Tree> = items.map(rule).collect();
    (!items.is_empty()).then(|| Tree {
        kind: Kind::List(items),
        span: list.span.clone(),
    })
}

/// A rule as the plugin gets it: what differs, beside what it is about.
fn rule(rule: &Tree) -> Tree {
    let is_map = |tree: &&Tree| matches!(tree.kind, Kind::Map(_));
    let config = rule.get("config").filter(|config| is_said(config));
    let wrong = std::iter::once(rule)
        .chain(config)
        .find(|tree| !is_map(tree));
    if let Some(wrong) = wrong {
        return wrong.clone();
    }
    let named = rule.members().iter().filter_map(|member| {
        let (_, key) = MATCHES.iter().find(|(name, _)| *name == member.name)?;
        let is_empty = matches!(&member.value.kind, Kind::List(items) if items.is_empty());
        (!is_empty && is_said(&member.value)).then(|| Member {
            name: (*key).to_owned(),
            ..member.clone()
        })
    });
    let mut members: Vec<Member> = named.collect();
    let own = config.map_or(&[][..], Tree::members).iter();
    // What a rule is about is said beside its configuration, and replaces what is said there.
    let own = own.filter(|own| !members.iter().any(|member| member.name == own.name));
    let own: Vec<Member> = own.cloned().collect();
    members.extend(own);
    Tree {
        kind: Kind::Map(members),
        span: rule.span.clone(),
    }
}

fn is_said(config: &Tree) -> bool {
    !matches!(config.kind, Kind::Null)
}

fn is_true(owner: &Tree, key: &str) -> bool {
    matches!(
        owner.get(key).map(|value| &value.kind),
        Some(Kind::Bool(true))
    )
}

const RULES: &str = "_rules_";
/// The keys of `matchRules`, and what they become.
const MATCHES: [(&str, &str); 3] = [
    ("ingress", "_match_route_"),
    ("domain", "_match_domain_"),
    ("service", "_match_service_"),
];

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    /// What the plugin gets of a specification in YAML.
    fn gets(spec: &str) -> Option<String> {
        let documents = tree::read(spec);
        let folded = folded(documents.trees.first().unwrap());
        folded.map(|config| config.json().to_string())
    }

    #[test]
    fn the_configuration_of_a_plugin_leaves_no_room_for_rules() {
        let spec = "{pluginConfig: {a: 1}, defaultConfig: {a: 2}, matchRules: [{ingress: [r], config: {a: 3}}]}";
        assert_eq!(gets(spec).unwrap(), r#"{"a":1}"#);
    }

    #[test]
    fn what_is_switched_off_is_not_there() {
        let spec = "{defaultConfig: {a: 1}, matchRules: [{ingress: [r], configDisable: true}]}";
        assert_eq!(gets(spec).unwrap(), r#"{"a":1}"#);
        let spec =
            "{defaultConfig: {a: 1}, defaultConfigDisable: true, matchRules: [{ingress: [r]}]}";
        assert_eq!(
            gets(spec).unwrap(),
            r#"{"_rules_":[{"_match_route_":["r"]}]}"#
        );
    }

    #[test]
    fn a_plugin_that_is_off_needs_no_configuration() {
        let check = |rules: &str| {
            let text = format!(
                "apiVersion: extensions.higress.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: token-bucket}}\nspec: {{{rules}}}\n"
            );
            let source = crate::check::Source {
                name: "off.yaml".to_owned(),
                text,
                is_named: true,
            };
            let found = crate::check::check(&source, None, host::fake::Profile::Envoy, 0).findings;
            found
                .iter()
                .map(|finding| finding.code.name)
                .collect::<Vec<_>>()
        };
        let off = "defaultConfigDisable: true, defaultConfig: {mode: nonsense}, matchRules: [{configDisable: true}]";
        assert!(check(off).is_empty(), "{:?}", check(off));
        assert_eq!(check("matchRules: []"), ["config_missing"]);
    }

    #[test]
    fn an_empty_list_names_nothing_and_names_beside_a_rule_replace_those_in_it() {
        let spec =
            "{matchRules: [{ingress: [], domain: [a], config: {_match_domain_: [b], c: 1}}]}";
        assert_eq!(
            gets(spec).unwrap(),
            r#"{"_rules_":[{"_match_domain_":["a"],"c":1}]}"#
        );
    }
}
