use std::rc::Rc;

use policy::config::Configuration as _;
use policy::finding::Direction;

use crate::fixtures::plan_of;
use crate::inflate::InflateLimits;
use crate::media::Media;
use crate::pipeline::{BodyPipeline, Coding};
use crate::tally::FOREIGN_OBJECT;

/// How a body left the filter.
#[derive(Debug, PartialEq)]
struct Outcome {
    body: String,
    foreign: u64,
    blocks: bool,
    unjudged: bool,
    people: Vec<String>,
}

fn watched_in_pieces(rule: &str, kind: &str, body: &str, piece: usize) -> Outcome {
    let plan = plan_of(&format!(r#"{{"rules":[{rule}]}}"#));
    let framing = Media::of(kind).framing.unwrap();
    let limits = InflateLimits::default();
    let mut pipeline = BodyPipeline::new(Rc::clone(&plan), &framing, Coding::Identity, limits);
    pipeline.watch_for(
        Direction::Response,
        vec![vec!["7".to_owned(), "me".to_owned()]],
    );
    let mut out = Vec::new();
    for chunk in body.as_bytes().chunks(piece) {
        pipeline.write(chunk, &mut out).unwrap();
    }
    pipeline.finish(&mut out).unwrap();
    let tally = pipeline.tally();
    let foreign = tally
        .counts()
        .iter()
        .filter(|count| count.entity == FOREIGN_OBJECT);
    let people = tally.people().iter().flat_map(|people| &people.values);
    Outcome {
        body: String::from_utf8(out).unwrap(),
        foreign: foreign.map(|count| count.number).sum(),
        blocks: tally.blocks,
        unjudged: tally.is_unjudged(),
        people: people.cloned().collect(),
    }
}

/// The same however the body is cut.
fn watched(rule: &str, kind: &str, body: &str) -> Outcome {
    let whole = watched_in_pieces(rule, kind, body, body.len().max(1));
    for piece in 1..body.len().min(80) {
        assert_eq!(watched_in_pieces(rule, kind, body, piece), whole, "{piece}");
    }
    whole
}

fn owner(path: &str, more: &str) -> String {
    format!(r#"{{"owner":[{{"path":"{path}","equals":{{"claim":"sub"}},"else":"remove"{more}}}]}}"#)
}

#[test]
fn objects_that_are_anothers_go_with_their_commas() {
    let rule = owner("$..owner_id", "");
    for (body, expected, foreign) in [
        (
            r#"[{"owner_id":7},{"owner_id":8}]"#,
            r#"[{"owner_id":7}]"#,
            1,
        ),
        (
            r#"[{"owner_id":8},{"owner_id":7}]"#,
            r#"[{"owner_id":7}]"#,
            1,
        ),
        (r#"[{"owner_id":8}, {"owner_id":9} ]"#, "[ ]", 2),
        (
            r#"[1, {"a":[{"b":1}],"owner_id":"x"} , {"owner_id":"me"}, 2]"#,
            r#"[1 , {"owner_id":"me"}, 2]"#,
            1,
        ),
        (r#"{"a":{"owner_id":8},"b":2}"#, r#"{"b":2}"#, 1),
        (r#"{"b":2,"a":{"owner_id":8}}"#, r#"{"b":2}"#, 1),
        (r#"{"b":2,"a":{"owner_id":8},"c":3}"#, r#"{"b":2,"c":3}"#, 1),
        (r#"{"id":1,"owner_id":8,"x":{"y":1}}"#, "null", 1),
        (
            r#"{"id":1,"owner_id":7,"x":{"y":1}}"#,
            r#"{"id":1,"owner_id":7,"x":{"y":1}}"#,
            0,
        ),
        // The innermost object goes, and what is around it stays.
        (
            r#"{"owner_id":7,"a":{"n":[{"owner_id":8}]}}"#,
            r#"{"owner_id":7,"a":{"n":[]}}"#,
            1,
        ),
        (r#"{"a":{"owner_id":7},"owner_id":8}"#, "null", 1),
        // However the name is spelled.
        (r#"[{"owner\u005fid":8},1]"#, "[1]", 1),
        // Whatever is no name of the caller is another's.
        (
            r#"[{"owner_id":null},{"owner_id":{"id":7}},{"owner_id":""}]"#,
            "[]",
            3,
        ),
        (
            r#"[{"owner_id":[8,"me"]},{"owner_id":[8,9]},{"owner_id":[]}]"#,
            r#"[{"owner_id":[8,"me"]}]"#,
            2,
        ),
        (r#"[{"id":1},"owner_id"]"#, r#"[{"id":1},"owner_id"]"#, 0),
        (" [ ] ", " [ ] ", 0),
        ("7", "7", 0),
    ] {
        let outcome = watched(&rule, "application/json", body);
        assert_eq!(outcome.body, expected, "{body}");
        assert_eq!(outcome.foreign, foreign, "{body}");
        assert!(!outcome.blocks && !outcome.unjudged, "{body}");
    }
}

#[test]
fn an_owner_that_is_there_twice_is_both() {
    let rule = owner("$..owner_id", "");
    let outcome = watched(
        &rule,
        "application/json",
        r#"[{"owner_id":8,"owner_id":7}]"#,
    );
    assert_eq!(outcome.body, "[]");
    // The beginning may have left by then.
    let body = r#"{"owner_id":7,"x":"0123456789","owner_id":8}"#;
    for piece in 1..body.len() {
        let outcome = watched_in_pieces(&rule, "application/json", body, piece);
        assert!(outcome.blocks || outcome.body == "null", "{outcome:?}");
    }
}

#[test]
fn lines_and_events_are_documents_of_their_own() {
    let rule = owner("$.owner_id", "");
    let lines = "{\"owner_id\":7}\n{\"owner_id\":8}\n{\"owner_id\":\"me\"}\n";
    let outcome = watched(&rule, "application/x-ndjson", lines);
    assert_eq!(
        outcome.body,
        "{\"owner_id\":7}\nnull\n{\"owner_id\":\"me\"}\n"
    );
    let events = "data: {\"owner_id\":8}\n\ndata: {\"owner_id\":\ndata: 7}\n\ndata: [{\"owner_id\":8}]\n\ndata: [DONE]\n\n";
    let rule = owner("$..owner_id", "");
    let outcome = watched(&rule, "text/event-stream", events);
    assert_eq!(
        outcome.body,
        "data: null\n\ndata: {\"owner_id\":\ndata: 7}\n\ndata: []\n\ndata: [DONE]\n\n"
    );
    assert_eq!(outcome.foreign, 2);
}

#[test]
fn the_object_that_goes_can_be_further_up() {
    let rule = owner(
        "$.orders[*].owner.id",
        r#","object":"$.orders[*]","if_missing":"else""#,
    );
    let body = r#"{"orders":[{"n":1,"owner":{"id":7}},{"n":2,"owner":{"id":8}},{"n":3}],"id":8}"#;
    let outcome = watched(&rule, "application/json", body);
    assert_eq!(
        outcome.body,
        r#"{"orders":[{"n":1,"owner":{"id":7}}],"id":8}"#
    );
    assert_eq!(outcome.foreign, 2);
}

#[test]
fn what_cannot_be_judged_goes_no_further() {
    let rule = owner("$..owner_id", "");
    for body in [
        r#"{"id":1"#,
        "{id:1}",
        r#"{"a":1}}"#,
        r#"{"a":1,}"#,
        "/* */ {}",
        "['owner_id']",
    ] {
        for piece in 1..=body.len() {
            let outcome = watched_in_pieces(&rule, "application/json", body, piece);
            assert!(outcome.unjudged, "{body}");
        }
    }
    let long = format!(r#"{{"a":"{}","owner_id":7}}"#, "x".repeat(1_200_000));
    let outcome = watched_in_pieces(&rule, "application/json", &long, 16_384);
    assert!(outcome.unjudged);
    assert_eq!(outcome.body, "");
    // With its owner in front the object need not be held.
    let long = format!(r#"{{"owner_id":7,"a":"{}"}}"#, "x".repeat(1_200_000));
    let outcome = watched_in_pieces(&rule, "application/json", &long, 16_384);
    assert!(!outcome.unjudged);
    assert_eq!(outcome.body, long);
}

/// In events, text that is no document passes nowhere: whoever takes the stream apart in another way could
/// find an object in it.
#[test]
fn text_in_events_cannot_be_judged() {
    let rule = owner("$.orders[*].owner_id", "");
    let foreign = r#"{"orders":[{"owner_id":8}]}"#;
    for events in [
        format!("data: x {foreign}\n\n"),
        format!("data: 'x' {foreign}\n\n"),
        format!("data: 7 x{foreign}\n\n"),
        format!("data: /**/ {foreign}\n\n"),
        "data: hello\n\n".to_owned(),
        "data: nobody".to_owned(),
        "data: <order owner=8/>\n\n".to_owned(),
        format!("event: {foreign}\ndata: {{}}\n\n"),
        "id: [\ndata: {}\n\n".to_owned(),
        format!("retry: 7 {foreign}\n"),
    ] {
        for piece in 1..=events.len() {
            let outcome = watched_in_pieces(&rule, "text/event-stream", &events, piece);
            assert!(outcome.unjudged, "{events} {piece}");
        }
    }
    // Receivers overlook comments and fields that they do not know.
    for (events, expected) in [
        (format!(": {foreign}\n\n"), ":\n\n"),
        (format!("foo: {foreign}\nbar\n\n"), "\n\n\n"),
        (
            "event: order-1\nid: 7/a\nretry: 10\ndata: 7\n\ndata: null\n\ndata:\n\ndata: [DONE]\n\n".to_owned(),
            "event: order-1\nid: 7/a\nretry: 10\ndata: 7\n\ndata: null\n\ndata:\n\ndata: [DONE]\n\n",
        ),
    ] {
        let outcome = watched(&rule, "text/event-stream", &events);
        assert_eq!(outcome.body, expected, "{events}");
        assert!(!outcome.unjudged, "{events}");
    }
    // A rule that only reports changes nothing.
    let reports = rule.replace("remove", "report");
    let events = format!(": {foreign}\ndata: x {foreign}\n\n");
    assert_eq!(watched(&reports, "text/event-stream", &events).body, events);
}

#[test]
fn a_document_that_is_a_word_is_text() {
    let rule = owner("$.owner_id", "");
    for body in [
        "hello",
        "x {}",
        "{} x",
        "-",
        "0x7",
        "truely",
        "\n\nSECRET\n",
    ] {
        for kind in ["application/json", "application/x-ndjson"] {
            for piece in 1..=body.len() {
                let outcome = watched_in_pieces(&rule, kind, body, piece);
                assert!(outcome.unjudged, "{body}");
                assert!(!outcome.body.contains(|at: char| at.is_ascii_uppercase()));
            }
        }
    }
    for body in ["7", "-7.5e3", "true", "null", "\"hello\"", " [] "] {
        let outcome = watched(&rule, "application/json", body);
        assert_eq!((outcome.body.as_str(), outcome.unjudged), (body, false));
    }
}

/// Where an object must have an owner, a text in its place has none.
#[test]
fn a_scalar_in_the_place_of_an_object_has_no_owner() {
    let more = r#","if_missing":"else""#;
    for (path, body, expected, foreign) in [
        ("$.owner_id", r#""SECRET""#, "null", 1),
        ("$.owner_id", " 536221234 ", " null ", 1),
        ("$.owner_id", "null", "null", 0),
        ("$.owner_id", r#"{"owner_id":7}"#, r#"{"owner_id":7}"#, 0),
        (
            "$[*].owner_id",
            r#"["SECRET", {"owner_id":7}, 12, null, "S\u0045CRET"]"#,
            r#"[ {"owner_id":7}, null]"#,
            3,
        ),
        (
            "$.a.owner_id",
            r#"{"a":"SECRET","b":"kept"}"#,
            r#"{"b":"kept"}"#,
            1,
        ),
        (
            "$.orders[*].owner_id",
            r#"{"a":"kept","orders":["SECRET"]}"#,
            r#"{"a":"kept","orders":[]}"#,
            1,
        ),
    ] {
        let outcome = watched(&owner(path, more), "application/json", body);
        assert_eq!(outcome.body, expected, "{path} {body}");
        assert_eq!(outcome.foreign, foreign, "{path} {body}");
        assert!(!outcome.blocks && !outcome.unjudged, "{path} {body}");
        // Without that, what has no owner stays.
        assert_eq!(
            watched(
                &owner(path, r#","if_missing":"keep""#),
                "application/json",
                body
            )
            .body,
            body
        );
    }
    let block = owner("$.owner_id", more).replace("remove", "block");
    assert!(watched(&block, "application/json", r#""SECRET""#).blocks);
    let lines = "{\"owner_id\":7}\n\"SECRET\"\n";
    let outcome = watched(&owner("$.owner_id", more), "application/x-ndjson", lines);
    assert_eq!(outcome.body, "{\"owner_id\":7}\nnull\n");
}

#[test]
fn reports_change_nothing_and_blocks_stop() {
    let body = r#"[{"owner_id":7},{"owner_id":8},{"owner_id":8,"owner_id":9}]"#;
    let report = r#"{"owner":[{"path":"$..owner_id","equals":{"claim":"sub"},"else":"report"}]}"#;
    let outcome = watched(report, "application/json", body);
    assert_eq!((outcome.body.as_str(), outcome.foreign), (body, 3));
    let report = format!(
        r#"{{"mode":"report",{}"#,
        owner("$..owner_id", "").trim_start_matches('{')
    );
    let outcome = watched(&report, "application/json", body);
    assert_eq!(outcome.body, body);
    let block = r#"{"owner":[{"path":"$..owner_id","equals":{"claim":"sub"},"else":"block"}]}"#;
    let outcome = watched(block, "application/json", r#"[{"owner_id":7}]"#);
    assert!(!outcome.blocks && outcome.body == r#"[{"owner_id":7}]"#);
    assert!(watched(block, "application/json", body).blocks);
}

#[test]
fn people_are_noted_while_the_body_streams() {
    let rule = r#"{"data_subject":[{"response":"$..patient.id"}]}"#;
    let body = r#"[{"patient":{"id":7}},{"patient":{"id":"a\u0062"}},{"patient":{"id":7}},
        {"patient":{"id":[8,9,{"id":1}]}},{"patient":{"id":null}},{"id":1}]"#;
    let outcome = watched(rule, "application/json", body);
    assert_eq!(outcome.body, body);
    assert_eq!(outcome.people, ["7", "ab", "8", "9"]);
    // What follows is searched all the same.
    let rule = r#"{"detect":["EMAIL"],"data_subject":{"response":"$.id"}}"#;
    let outcome = watched(rule, "application/json", r#"{"id":1,"m":"a@example.com"}"#);
    assert_eq!(outcome.body, r#"{"id":1,"m":"[EMAIL]"}"#);
    assert_eq!(outcome.people, ["1"]);
}

#[test]
fn people_in_objects_that_go_are_not_disclosed() {
    let rule = r#"{"owner":[{"path":"$[*].owner","equals":{"claim":"sub"},"else":"remove"}],
        "data_subject":[{"response":"$[*].patient"}]}"#;
    let body = r#"[{"patient":1,"owner":7},{"patient":2,"owner":8}]"#;
    let outcome = watched(rule, "application/json", body);
    assert_eq!(outcome.people, ["1"]);
}

#[test]
fn who_is_named_in_what_may_go_is_not_told_yet() {
    let rule = r#"{"owner":[{"path":"$[*].owner","equals":{"claim":"sub"},"else":"remove"}],
        "data_subject":[{"response":"$[*].patient"}]}"#;
    let plan = plan_of(&format!(r#"{{"rules":[{rule}]}}"#));
    let framing = Media::of("application/json").framing.unwrap();
    let limits = InflateLimits::default();
    let mut pipeline = BodyPipeline::new(plan, &framing, Coding::Identity, limits);
    pipeline.watch_for(Direction::Response, vec![vec!["7".to_owned()]]);
    let mut out = Vec::new();
    for (piece, expected) in [
        (r#"[{"patient":1,"#, &[][..]),
        (r#""owner":7},{"patient":2,"#, &["1"]),
        (r#""owner":8},{"patient":3"#, &["1"]),
        (r#","owner":7}]"#, &["1", "3"]),
    ] {
        pipeline.write(piece.as_bytes(), &mut out).unwrap();
        let people = pipeline.tally().settled_people();
        assert_eq!(people[0].values, expected, "{piece}");
    }
}

#[test]
fn ten_thousand_people_are_counted() {
    let ids: Vec<String> = (0..10_000).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    let body = format!("[{}]", ids.join(","));
    let rule = r#"{"data_subject":[{"response":"$[*].id"}]}"#;
    let outcome = watched_in_pieces(rule, "application/json", &body, 4_096);
    assert_eq!(
        outcome.people.len(),
        policy::data_subject::MAX_DATA_SUBJECTS
    );
    assert_eq!(outcome.body, body);
}

#[test]
fn rules_that_cannot_work_are_mistakes() {
    for (rule, expected) in [
        (
            r#"{"owner":[{"path":"$.a[*]","equals":{"claim":"sub"},"else":"remove"}]}"#,
            "by name",
        ),
        (
            r#"{"owner":[{"path":"$.a.id","object":"$.b","equals":{"claim":"sub"},"else":"remove"}]}"#,
            "must go on",
        ),
        (
            r#"{"owner":[{"path":"$..id","equals":{"claim":"sub"},"else":"remove","if_missing":"else"}]}"#,
            "every object",
        ),
        (
            r#"{"owner":[{"path":"$.id","equals":{"claim":"sub"}}]}"#,
            "missing",
        ),
        (
            r#"{"owner":[{"path":"$.id","equals":"jane","else":"remove"}]}"#,
            "expected an object",
        ),
        (r#"{"data_subject":[{"request":"$.id"}]}"#, "apply_to"),
        (r#"{"data_subject":[{"response":"id"}]}"#, "expected a path"),
    ] {
        let text = format!(r#"{{"rules":[{rule}]}}"#);
        let problems = crate::config::Config::parse(&text).unwrap_err().to_string();
        assert!(problems.contains(expected), "{rule}: {problems}");
    }
}
