//! What a message may ask of those who read it: bytes, levels and members of JSON, and what a GraphQL
//! operation costs.

mod aliases;
mod graphql;

pub(crate) use graphql::MAX_DOCUMENT_BYTES;

use crate::plan::Plan;
use crate::tally::Tally;

/// What the messages of a rule may ask for at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body, as it is sent.
    pub body_bytes: Option<u64>,
    /// Levels of objects and arrays in a JSON document.
    pub depth: Option<u64>,
    /// Members of objects and items of arrays, all together, in a JSON document.
    pub members: Option<u64>,
    /// Limits on GraphQL operations.
    pub graphql: Option<GraphqlLimits>,
}

/// What GraphQL operations may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphqlLimits {
    /// The most levels of fields in an operation.
    pub depth: Option<u64>,
    /// Fields of all operations of a request, each counted as often as fragments bring it in.
    pub cost: Option<u64>,
    /// Whether they may ask what the schema is.
    pub introspection: bool,
    /// Whether they may come over another protocol, where they are not measured.
    pub passes_upgrades: bool,
    /// Whether they may give members of the response names that the rules about it read otherwise.
    pub passes_aliases: bool,
}

/// Limits with the rule that they are from.
#[derive(Clone, Debug)]
pub struct PlannedLimits {
    /// The limits themselves.
    pub limits: Limits,
    /// The rule, by its place in the plan.
    pub rule: u8,
    /// Whether the limits refuse; `false` counts only.
    pub enforces: bool,
}

/// The limits that a message can exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excess {
    /// The body is too long.
    Body,
    /// Too many levels of JSON.
    Depth,
    /// Too many members and items.
    Members,
    /// It is not strictly JSON, so nobody can say.
    Unmeasured,
    /// Too many levels of fields of GraphQL.
    GraphqlDepth,
    /// Too many fields of GraphQL.
    GraphqlCost,
    /// It asks for the schema.
    GraphqlIntrospection,
    /// It gives members of the response names that hide them from the rules about it.
    GraphqlAlias,
    /// GraphQL comes over another protocol, where it cannot be measured.
    GraphqlUpgrade,
    /// It is no GraphQL, or its fragments lead in a circle or nowhere.
    GraphqlUnreadable,
}

impl Excess {
    /// The code in metrics, decisions and refusals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body_too_large",
            Self::Depth => "json_too_deep",
            Self::Members => "json_too_many_members",
            Self::Unmeasured => "json_unreadable",
            Self::GraphqlDepth => "graphql_too_deep",
            Self::GraphqlCost => "graphql_too_costly",
            Self::GraphqlIntrospection => "graphql_introspection",
            Self::GraphqlAlias => "graphql_alias",
            Self::GraphqlUpgrade => "graphql_over_websocket",
            Self::GraphqlUnreadable => "graphql_unreadable",
        }
    }

    /// What the sender of a request is told.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Body => "The body is too large.",
            Self::Depth => "The JSON of the request is nested too deeply.",
            Self::Members => "The JSON of the request has too many members.",
            Self::Unmeasured => "The body of the request is not the JSON that is expected here.",
            Self::GraphqlDepth => "The GraphQL operation is nested too deeply.",
            Self::GraphqlCost => "The GraphQL operations ask for too many fields.",
            Self::GraphqlIntrospection => "The GraphQL schema cannot be asked for here.",
            Self::GraphqlAlias => "An alias of the GraphQL operation cannot be used here.",
            Self::GraphqlUpgrade => "GraphQL over a WebSocket is not allowed here.",
            Self::GraphqlUnreadable => "The GraphQL document cannot be read.",
        }
    }
}

impl Limits {
    /// Whether documents are read for them.
    pub(crate) const fn reads_documents(&self) -> bool {
        self.depth.is_some() || self.members.is_some() || self.graphql.is_some()
    }

    /// The most of what would be an excess otherwise.
    const fn most(&self, excess: Excess) -> Option<u64> {
        match (excess, &self.graphql) {
            (Excess::Body, _) => self.body_bytes,
            (Excess::Depth, _) => self.depth,
            (Excess::Members, _) => self.members,
            (Excess::GraphqlDepth, Some(graphql)) => graphql.depth,
            (Excess::GraphqlCost, Some(graphql)) => graphql.cost,
            (Excess::GraphqlIntrospection, Some(graphql)) if !graphql.introspection => Some(0),
            (Excess::GraphqlAlias, Some(graphql)) if !graphql.passes_aliases => Some(0),
            (Excess::GraphqlUpgrade, Some(graphql)) if !graphql.passes_upgrades => Some(0),
            (Excess::GraphqlUnreadable, Some(_)) => Some(0),
            (Excess::Unmeasured, _) if self.reads_documents() => Some(0),
            _ => None,
        }
    }
}

/// Compares an amount with the limits of all rules.
pub(crate) fn measure(all: &[PlannedLimits], excess: Excess, amount: u64, tally: &mut Tally) {
    for planned in all {
        if planned
            .limits
            .most(excess)
            .is_some_and(|most| amount > most)
        {
            tally.exceed(excess, planned.rule);
        }
    }
}

/// Whether any of these is about GraphQL.
pub(crate) fn reads_graphql(all: &[PlannedLimits]) -> bool {
    let mut graphql = all.iter().map(|planned| &planned.limits.graphql);
    graphql.any(Option::is_some)
}

/// Reads a GraphQL document for the limits of all rules.
pub(crate) fn measure_graphql(all: &[PlannedLimits], document: &[u8], tally: &mut Tally) {
    if document.is_empty() {
        // None: the operation is one that the server knows by its hash.
        return;
    }
    let Some(measured) = graphql::measure(document) else {
        return measure(all, Excess::GraphqlUnreadable, 1, tally);
    };
    // What a batch costs, all of it costs.
    let cost = tally.add_cost(measured.cost);
    let hides = |plan: &Plan| measured.renames && aliases::mislead(document, plan);
    let hides = tally.response_rules().is_some_and(hides);
    for (excess, amount) in [
        (Excess::GraphqlDepth, measured.depth),
        (Excess::GraphqlCost, cost),
        (
            Excess::GraphqlIntrospection,
            u64::from(measured.introspects),
        ),
        (Excess::GraphqlAlias, u64::from(hides)),
    ] {
        measure(all, excess, amount, tally);
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::Excess;
    use crate::fixtures::plan_of;
    use crate::inflate::InflateLimits;
    use crate::media::Media;
    use crate::pipeline::{BodyPipeline, Coding};

    /// What is too much in a body; the same however it is cut.
    fn excesses(rule: &str, kind: &str, body: &str) -> Vec<&'static str> {
        let configuration =
            format!(r#"{{"nested_json":true,"rules":[{{"apply_to":["request.body"],{rule}}}]}}"#);
        let plan = plan_of(&configuration);
        let framing = Media::of(kind).framing.unwrap();
        let mut all = Vec::new();
        for piece in [1, 2, 3, 7, 64, body.len().max(1)] {
            let limits = InflateLimits::default();
            let mut pipeline =
                BodyPipeline::new(Rc::clone(&plan), &framing, Coding::Identity, limits);
            let mut out = Vec::new();
            for chunk in body.as_bytes().chunks(piece) {
                pipeline.write(chunk, &mut out).unwrap();
            }
            pipeline.finish(&mut out).unwrap();
            let found = pipeline.tally().excesses().iter();
            all.push(found.map(|(excess, _)| excess.as_str()).collect::<Vec<_>>());
        }
        all.dedup();
        assert_eq!(all.len(), 1, "{body}: {all:?}");
        all.pop().unwrap()
    }

    #[test]
    fn documents_have_so_many_levels_and_members() {
        let rule = r#""max_depth":3,"max_members":4"#;
        let deep = [Excess::Depth.as_str()];
        let wide = [Excess::Members.as_str()];
        for (body, expected) in [
            (r#"{"a":[{"b":1}]}"#, &[][..]),
            (r#"{"a":[{"b":[]}]}"#, &deep),
            (r#"[1,2,3,4]"#, &[]),
            (r#"[1,2,3,4,5]"#, &wide),
            (r#"{"a":1,"b":{"c":2,"d":[3]}}"#, &wide),
            // Each document by itself.
            ("[1,2,3]\n[1,2,3]\n", &[]),
            // Brackets in strings are none, and those of documents in strings are.
            (r#"{"a":"([[[[[","b":"\"[[[["}"#, &[]),
            (r#"{"a":"{\"b\":[[[1]]]}"}"#, &deep),
            (r#"{"a":"[1,2,3,4,5]"}"#, &wide),
            (r#"{"a":"\u005b1,2,3,4,5]"}"#, &wide),
            (r#"{"a":"[1] and more"}"#, &[]),
        ] {
            let found = excesses(rule, "application/json", body);
            assert_eq!(found, expected, "{body}");
        }
        // In a string, deeper than anything is read.
        let body = format!(r#"{{"a":"{}"}}"#, "[".repeat(600));
        let all = excesses(rule, "application/json", &body);
        assert_eq!(all, [deep[0], wide[0], Excess::Unmeasured.as_str()]);
        for kind in ["text/plain", "application/x-www-form-urlencoded"] {
            let body = r#"{"a":[{"b":[]}]}"#;
            assert_eq!(excesses(rule, kind, body), deep, "{kind}");
        }
        let part =
            "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n[[[[1]]]]\r\n--b--\r\n";
        assert_eq!(
            excesses(rule, "multipart/form-data; boundary=b", part),
            deep
        );
    }

    #[test]
    fn documents_in_strings_are_measured_to_their_ends() {
        let rule = r#""max_depth":3,"max_members":50"#;
        let deep = [Excess::Depth.as_str()];
        let wide = [Excess::Members.as_str()];
        let unmeasured = [Excess::Unmeasured.as_str()];
        let space = " ".repeat(70_000);
        let items = "1,".repeat(40_000);
        for (body, expected) in [
            (format!(r#"{{"a":"[{space}[[[[1]]]]]"}}"#), &deep[..]),
            (format!(r#"{{"a":"{space}[[[[1]]]]"}}"#), &deep),
            (format!(r#"{{"a":"[{items}1]"}}"#), &wide),
            (format!(r#"{{"a":"[1] {space} a long text"}}"#), &[]),
            // Strings in strings.
            (r#"{"a":"[\"[[[[1]]]]\"]"}"#.to_owned(), &deep),
            (r#"["[\"[\\\"[[[[1]]]]\\\"]\"]"]"#.to_owned(), &deep),
            (r#"["[\"\\u005b[[[1]]]]\"]"]"#.to_owned(), &deep),
            (
                serde_json::to_string(&[(0..6).fold("[1]".to_owned(), |inner, _| {
                    serde_json::to_string(&[inner]).unwrap()
                })])
                .unwrap(),
                &unmeasured,
            ),
            // An escape that is none.
            (r#"{"a":"[\x20[[[1]]]]"}"#.to_owned(), &unmeasured),
            (r#"{"a":"\[[[[1]]]]"}"#.to_owned(), &unmeasured),
            (r#"{"a":"[\"\\x\",[[1]]]"}"#.to_owned(), &unmeasured),
            (r#"{"a":"a pattern: \\d [[[["}"#.to_owned(), &[]),
        ] {
            let found = excesses(rule, "application/json", &body);
            assert_eq!(found, expected, "{}", body.get(..80).unwrap_or(&body));
        }
        // Deeper than anything is read, and then so many members.
        let text = format!("{}{items}", "[".repeat(600));
        let found = excesses(r#""max_members":40000"#, "text/plain", &text);
        assert_eq!(found, unmeasured);
    }

    #[test]
    fn what_is_not_strictly_json_is_not_measured() {
        for body in [
            "{a:[[[[1]]]]}",
            "{\"a\":1",
            "[1,]",
            "// x\n[[[[1]]]]",
            "[1}",
        ] {
            let found = excesses(r#""max_depth":3"#, "application/json", body);
            assert_eq!(found, [Excess::Unmeasured.as_str()], "{body}");
        }
        // A text is none, however it begins, and what nobody declares may be any.
        for (kind, body, expected) in [
            ("text/plain", "Dear {name}, [[[[", &[][..]),
            ("text/plain", "[07:54 UTC] see note 2", &[]),
            ("text/csv", "[a],b", &[]),
            ("", "[07:54 UTC] see note 2", &[Excess::Unmeasured.as_str()]),
        ] {
            let found = excesses(r#""max_depth":3"#, kind, body);
            assert_eq!(found, expected, "{kind} {body}");
        }
    }

    #[test]
    fn operations_of_graphql_are_measured_wherever_they_are() {
        let rule = r#""graphql":{"max_depth":2,"max_cost":3,"introspection":false}"#;
        let json = "application/json";
        let deep = [Excess::GraphqlDepth.as_str()];
        let costly = [Excess::GraphqlCost.as_str()];
        let unreadable = Excess::GraphqlUnreadable.as_str();
        for (body, expected) in [
            (r#"{"query":"{a{b}}"}"#, &[][..]),
            (r#"{"query":"{a{b{c}}}"}"#, &deep),
            (r#"{"variables":{"query":"{a{b{c}}}"},"query":"{a}"}"#, &[]),
            (r#"{"QUERY":"{a{b{c}}}"}"#, &deep),
            (r#"{"qu\u0065ry":"{a{b{\u0063}}}"}"#, &deep),
            (r#"{"query":"{x:a y:a z:a w:a}"}"#, &costly),
            (r#"[{"query":"{a b}"},{"query":"{c}"}]"#, &[]),
            (r#"[{"query":"{a b}"},{"query":"{c d}"}]"#, &costly),
            (r#"{"query":"","query":"{a{b{c}}}"}"#, &deep),
            (
                r#"{"query":"","extensions":{"persistedQuery":{"version":1}}}"#,
                &[],
            ),
            (r#"{"query":" "}"#, &[unreadable]),
            (
                r#"{"query":"{__schema{a}}"}"#,
                &[Excess::GraphqlIntrospection.as_str()],
            ),
            (
                r#"{"query":"{...F} fragment F on T {...F}"}"#,
                &[unreadable],
            ),
            (r#"{"query":null,"extensions":{}}"#, &[]),
        ] {
            assert_eq!(excesses(rule, json, body), expected, "{body}");
        }
        let long = format!(r#"{{"query":"{{{}}}"}}"#, "a ".repeat(60_000));
        assert_eq!(excesses(rule, json, &long), [unreadable]);
        let part = "--b\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n\
            {\"query\":\"{a{b{c}}}\"}\r\n--b--\r\n";
        let kind = "multipart/form-data; boundary=b";
        assert_eq!(excesses(rule, kind, part), deep);
    }

    #[test]
    fn data_of_events_may_be_a_text_and_is_measured_as_far_as_it_is_a_document() {
        let texts = "data: {{name}}\n\ndata: [1 of 3] loading\n\ndata: [INFO] started at 10:00\n\n\
                     data: {\n\ndata: \"\n\ndata: {\ndata: \"a\":1\n\ndata: [DONE]\n\n";
        let deep = [Excess::Depth.as_str()];
        for (events, expected) in [
            ("", &[][..]),
            ("data: [1,[[[1]]]]\n\n", &deep),
            ("data: {\"a\":\ndata: [{\"b\":[]}]}\n\n", &deep),
            ("data: [[[[\n\n", &deep),
        ] {
            let body = format!("{texts}{events}");
            let found = excesses(r#""max_depth":3"#, "text/event-stream", &body);
            assert_eq!(found, expected, "{events}");
        }
    }

    /// The excesses of a form with one part, which has these headers behind its name.
    fn excesses_of_part(rule: &str, name: &str, headers: &str, text: &str) -> Vec<&'static str> {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"{headers}\r\n\r\n{text}\r\n--b--\r\n"
        );
        excesses(rule, "multipart/form-data; boundary=b", &body)
    }

    #[test]
    fn fields_of_forms_are_measured_whatever_their_types_say() {
        let deep = [Excess::Depth.as_str()];
        for headers in [
            "",
            "\r\nContent-Type: image/png",
            "\r\nContent-Type: application/pdf",
            "\r\nContent-Type: application/grpc",
            "\r\nContent-Type: application/octet-stream",
            "\r\nContent-Type: application/x-www-form-urlencoded",
            "\r\nContent-Type: text/event-stream",
            "\r\nContent-Type: application/graphql",
            "; filename=\"\"\r\nContent-Type: image/png",
        ] {
            for text in ["[1,[[[1]]]]", "{\"a\":[{\"b\":[]}]}"] {
                let found = excesses_of_part(r#""max_depth":3"#, "a", headers, text);
                assert_eq!(found, deep, "{headers} {text}");
            }
        }
        // A file is what its type says.
        let png = "; filename=\"a.png\"\r\nContent-Type: image/png";
        let found = excesses_of_part(r#""max_depth":3"#, "a", png, "[[[[1]]]]");
        assert_eq!(found, [""; 0]);
        // So much white space that it is not waited for.
        let spaced = format!("{{{}\"a\":[[[1]]]}}", " ".repeat(5_000));
        let found = excesses(r#""max_depth":3"#, "application/graphql", &spaced);
        assert_eq!(found, deep);
    }

    #[test]
    fn bodies_that_are_said_to_be_forms_may_be_arrays() {
        let form = "application/x-www-form-urlencoded";
        for (body, expected) in [
            ("[[[[1]]]]", &[Excess::Depth.as_str()][..]),
            ("[{\"a\":[[1]]}]", &[Excess::Depth.as_str()]),
            ("[0].id=1&[1].id=2", &[]),
            ("[]=1&[]=2", &[]),
            ("[a.b]=1", &[]),
            ("[1,[[[1]]]]", &[Excess::Depth.as_str()]),
            ("[true,[[[1]]]]", &[Excess::Depth.as_str()]),
            ("[ 1 ,[[[1]]]]", &[Excess::Depth.as_str()]),
        ] {
            assert_eq!(excesses(r#""max_depth":3"#, form, body), expected, "{body}");
        }
    }

    #[test]
    fn operations_in_parts_are_read_or_refused() {
        let rule = r#""graphql":{"max_depth":2}"#;
        let deep = [Excess::GraphqlDepth.as_str()];
        let unmeasured = [Excess::Unmeasured.as_str()];
        let unreadable = Excess::GraphqlUnreadable.as_str();
        let operations = r#"{"query":"{a{b{c}}}"}"#;
        let batch = r#"[{"query":"{a{b{c}}}"}]"#;
        for headers in [
            "",
            "\r\nContent-Type: image/png",
            "\r\nContent-Type: application/x-www-form-urlencoded",
            "; filename=\"x\"\r\nContent-Type: image/png",
        ] {
            for (name, text, expected) in [
                ("operations", operations, &deep[..]),
                ("OPERATIONS", batch, &deep),
                ("operations", r#"{"query":"{a}"}"#, &[]),
                ("operations", "{a{b{c}}}", &unmeasured),
                ("operations", "query{a}", &unmeasured),
                ("query", "query{a{b{c}}}", &deep),
                ("query", "{a{b{c}}}", &deep),
                ("Query", "{a}", &[]),
                ("query", operations, &[deep[0], unreadable]),
            ] {
                let found = excesses_of_part(rule, name, headers, text);
                assert_eq!(found, expected, "{name} {headers} {text}");
            }
        }
        let long = format!("{{{}}}", "a ".repeat(40_000));
        assert_eq!(excesses_of_part(rule, "query", "", &long), [unreadable]);
        for encoding in ["quoted-printable", "base64", "x-other"] {
            let headers = format!("\r\nContent-Transfer-Encoding: {encoding}");
            for name in ["operations", "query"] {
                let found = excesses_of_part(rule, name, &headers, "e2F9");
                assert!(found.contains(&unreadable), "{name} {encoding}: {found:?}");
            }
        }
        // Without such limits they are parts like others.
        assert_eq!(
            excesses_of_part(r#""max_depth":9"#, "query", "", "{a{b{c}}}"),
            [""; 0]
        );
    }
}
