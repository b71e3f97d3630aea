//! Budgets: what each caller may get in clear, and the ways in which he might get more.

use std::time::Duration;

use host::ContextId;
use host::fake::{Process, Request};
use proptest::prelude::*;

use super::*;

/// Callers with `phi:read` see everything, within ten values a day.
fn config(budget: &str) -> String {
    format!(
        r#"{{"identity_from":"property","rules":[{{"name":"patients","match":{{"paths":["/patients/**"]}},
        "apply_to":["response.body","response.headers"],"detect":["EMAIL","US_SSN"],
        "data_subject":[{{"response":"$[*].id"}}],"unless":{{"scopes":["phi:read"]}}}}],
        "budget":[{{"name":"ssn","key":["claim:client_id"],"class":"US_SSN",{budget}}}]}}"#
    )
}

const BLOCK: &str = r#""values":"10/day","then":"block""#;
const MASK: &str = r#""values":"10/day","then":"mask""#;

/// A request of a client that may see everything.
fn of(client: &str) -> Request {
    let identity = Identity {
        subject: Some("jane".to_owned()),
        client_id: Some(client.to_owned()),
        scopes: vec!["phi:read".to_owned()],
        ..Identity::default()
    };
    Request::get("/patients/list").identity(&identity)
}

/// So many people, from the first on, each with a number.
fn people(first: usize, count: usize) -> String {
    let each = (first..first + count).map(|person| {
        format!(
            r#"{{"id":"p{person}","ssn":"536-22-{:04}"}}"#,
            1000 + person % 9000
        )
    });
    format!("[{}]", each.collect::<Vec<_>>().join(","))
}

fn get(proxy: &mut Proxy, client: &str, count: usize) -> Outcome {
    let outcome = proxy.run(&of(client), &Response::json(people(0, count)));
    assert_eq!(outcome.trap, None);
    outcome
}

/// How many values a client gets in clear.
fn clear(outcome: &Outcome) -> usize {
    outcome.client().text().matches("536-22-").count()
}

fn spent(proxy: &Proxy, outcome: &str) -> i64 {
    let name = "meshward.pii-redactor.budget_spent_total";
    proxy
        .host()
        .metric(&format!("{name};budget=ssn;outcome={outcome}"))
}

#[test]
fn a_caller_gets_what_the_budget_says_and_then_a_refusal() {
    let mut proxy = proxy(Profile::Envoy, &config(BLOCK));
    assert_eq!(clear(&get(&mut proxy, "app", 6)), 6);
    assert_eq!(clear(&get(&mut proxy, "app", 4)), 4);
    let refused = get(&mut proxy, "app", 1);
    let client = refused.client();
    assert_eq!(client.status(), Some(429));
    assert_eq!(client.header("retry-after").as_deref(), Some("8640"));
    assert!(
        client.text().contains("data_budget_spent"),
        "{}",
        client.text()
    );
    let decisions = refused.decisions();
    assert_eq!(decisions[0].rule.as_deref(), Some("ssn"));
    assert_eq!(decisions[0].reason, "data_budget_spent");
    assert_eq!(spent(&proxy, "refused"), 1);
    assert_eq!(clear(&get(&mut proxy, "other", 10)), 10, "another client");
    proxy.advance(Duration::from_secs(8640));
    assert_eq!(clear(&get(&mut proxy, "app", 1)), 1);
    assert_eq!(get(&mut proxy, "app", 1).client().status(), Some(429));
    let elsewhere = Request::get("/orders").properties(&StreamProperties::default());
    let outcome = proxy.run(&elsewhere, &Response::json("{}"));
    assert_eq!(
        outcome.client().status(),
        Some(200),
        "nothing is detected there"
    );
}

/// A body that goes beyond the budget by itself ends before the piece in which it does.
#[test]
fn a_body_beyond_the_budget_ends() {
    let mut proxy = proxy(Profile::Envoy, &config(BLOCK));
    let body = people(0, 40);
    let chunks = body.as_bytes().chunks(150).map(<[u8]>::to_vec);
    let outcome = proxy.run(&of("app"), &Response::json("").chunks(chunks));
    assert!(outcome.reset);
    assert!((4..=10).contains(&clear(&outcome)), "{}", clear(&outcome));
    let decisions = outcome.decisions();
    let seen: u64 = decisions
        .iter()
        .flat_map(|decision| &decision.findings)
        .filter(|finding| finding.outcome.is_clear())
        .map(|finding| finding.count)
        .sum();
    assert_eq!(
        seen,
        clear(&outcome) as u64,
        "the record says what was seen"
    );
    assert_eq!(get(&mut proxy, "app", 1).client().status(), Some(429));
    let whole = proxy.run(&of("other"), &Response::json(people(0, 11)));
    assert!(whole.reset && clear(&whole) == 0, "all in one piece");
}

/// Beyond the budget values are masked, from the very value on, whatever the rules say.
#[test]
fn a_body_is_masked_from_the_point_of_excess() {
    for cut in [7, 100, 100_000] {
        let mut proxy = proxy(Profile::Envoy, &config(MASK));
        let body = people(0, 25);
        let chunks = body.as_bytes().chunks(cut).map(<[u8]>::to_vec);
        let outcome = proxy.run(&of("app"), &Response::json("").chunks(chunks));
        assert_eq!(clear(&outcome), 10, "cut {cut}");
        assert_eq!(outcome.client().text().matches("[US_SSN]").count(), 15);
        assert!(
            outcome
                .decisions()
                .iter()
                .any(|decision| decision.reason == "data_budget_spent")
        );
        let next = get(&mut proxy, "app", 3);
        assert_eq!((next.client().status(), clear(&next)), (Some(200), 0));
        assert_eq!(spent(&proxy, "masked"), 2);
        assert_eq!(clear(&get(&mut proxy, "other", 3)), 3);
    }
}

#[test]
fn numbers_and_kept_types_and_actions_that_only_detect_are_masked_too() {
    let rules = r#"{"type_policy":"keep","rules":[{"name":"r","detect":["US_SSN"],"actions":{"US_SSN":"detect"}}],
        "budget":[{"name":"ssn","key":["constant"],"class":["US_SSN"],"values":"1/day","then":"mask"}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let body = r#"{"ssn":536221234,"b":{"ssn":"536-22-1235"},"c":{"ssn":536221236}}"#;
    let outcome = run(&mut proxy, "/x", &Response::json(body));
    assert_eq!(
        outcome.client().text(),
        r#"{"ssn":536221234,"b":{"ssn":"[US_SSN]"},"c":{"ssn":null}}"#
    );
}

#[test]
fn what_is_masked_for_the_client_is_not_charged() {
    let mut proxy = proxy(Profile::Envoy, &config(BLOCK));
    for _ in 0..5 {
        let request = Request::get("/patients/list");
        let outcome = proxy.run(&request, &Response::json(people(0, 9)));
        assert_eq!((outcome.client().status(), clear(&outcome)), (Some(200), 0));
    }
    let charged = "meshward.pii-redactor.budget_values_total;budget=ssn";
    assert_eq!(proxy.host().metric(charged), 0);
    assert_eq!(clear(&get(&mut proxy, "app", 9)), 9);
    assert_eq!(proxy.host().metric(charged), 9);
}

#[test]
fn people_are_counted_once_and_only_beside_values() {
    let budget = r#""people":"20/day","then":"block""#;
    let mut proxy = proxy(Profile::Envoy, &config(budget));
    let mut list = |first, count| {
        let outcome = proxy.run(&of("app"), &Response::json(people(first, count)));
        (outcome.client().status(), clear(&outcome), outcome.reset)
    };
    for _ in 0..5 {
        assert_eq!(list(0, 12), (Some(200), 12, false), "the same people");
    }
    assert_eq!(list(0, 15).1, 15);
    let (_, clear, reset) = list(15, 30);
    assert!(reset && clear == 0, "{clear}");
    assert_eq!(list(0, 1).0, Some(429));
    proxy.advance(Duration::from_secs(86_400 / 4 * 5 + 1));
    let nobody = r#"[{"id":"a"},{"id":"b"}]"#;
    for _ in 0..30 {
        let outcome = proxy.run(&of("app"), &Response::json(nobody));
        assert_eq!(outcome.client().status(), Some(200));
    }
    let next = proxy.run(&of("app"), &Response::json(people(50, 10)));
    assert_eq!(next.client().status(), Some(200));
}

#[test]
fn data_of_further_people_is_masked() {
    let budget = r#""people":"20/day","then":"mask""#;
    let mut proxy = proxy(Profile::Envoy, &config(budget));
    let body = people(0, 2_000);
    let chunks = body.as_bytes().chunks(40).map(<[u8]>::to_vec);
    let outcome = proxy.run(&of("app"), &Response::json("").chunks(chunks));
    // The error of the count of people: 6.5 percent is one in twenty.
    assert!((17..=23).contains(&clear(&outcome)), "{}", clear(&outcome));
    let next = proxy.run(&of("app"), &Response::json(people(3_000, 2)));
    assert_eq!((next.client().status(), clear(&next)), (Some(200), 0));
    let whole = proxy.run(&of("other"), &Response::json(body));
    assert_eq!(
        clear(&whole),
        0,
        "all in one piece, of which no part is sure"
    );
}

#[test]
fn people_in_objects_that_go_are_not_charged() {
    let text = r#"{"identity_from":"property","rules":[{"name":"own","detect":["US_SSN"],"actions":{"US_SSN":"detect"},
        "owner":[{"path":"$[*].owner","equals":{"claim":"sub"},"else":"remove"}],
        "data_subject":[{"response":"$[*].id"}]}],
        "budget":[{"name":"people","key":["claim:client_id"],"class":"US_SSN","people":"5/day","then":"THEN"}]}"#;
    let one = |person: usize, owner: &str| {
        format!(
            r#"{{"id":"p{person}","ssn":"536-22-{}","owner":"{owner}"}}"#,
            1000 + person
        )
    };
    let foreign = (0..20).map(|person| one(person, "joe"));
    let all: Vec<_> = foreign
        .chain((20..23).map(|person| one(person, "jane")))
        .collect();
    let body = format!("[{}]", all.join(","));
    for then in ["mask", "block"] {
        let mut proxy = proxy(Profile::Envoy, &text.replace("THEN", then));
        for piece in [16, 100, body.len()] {
            let chunks = body.as_bytes().chunks(piece).map(<[u8]>::to_vec);
            let outcome = proxy.run(&of("app"), &Response::json("").chunks(chunks));
            assert_eq!(
                (clear(&outcome), outcome.reset),
                (3, false),
                "{then} {piece}"
            );
        }
    }
}

#[test]
fn a_text_that_turns_out_to_be_no_document_is_charged_once() {
    let text =
        config(r#""values":"3/day","then":"mask""#).replacen('{', r#"{"nested_json":true,"#, 1);
    let mut proxy = proxy(Profile::Envoy, &text);
    let body = r#"{"a":"{ \"n\": \"ssn 536-22-1234\", ssn 536-22-1235","b":"ssn 536-22-1236"}"#;
    let outcome = proxy.run(&of("app"), &Response::json(body));
    assert_eq!(clear(&outcome), 3, "{}", outcome.client().text());
}

/// What a rule about members lets stay is of a class all the same.
#[test]
fn members_that_stay_are_charged() {
    let charged = "meshward.pii-redactor.budget_values_total;budget=ssn";
    for action in [r#"{"mask":{"keep_last":4}}"#, r#""remove""#, r#""detect""#] {
        let fields = format!(r#""fields":[{{"name":["ssn"],"action":{action}}}],"detect""#);
        let text = config(BLOCK).replacen(r#""detect""#, &fields, 1);
        let mut proxy = proxy(Profile::Envoy, &text);
        assert_eq!(clear(&get(&mut proxy, "app", 9)), 9, "{action}");
        assert_eq!(proxy.host().metric(charged), 9, "{action}");
        let number = proxy.run(&of("app"), &Response::json(r#"[{"ssn":536221234}]"#));
        assert_eq!(number.client().text(), r#"[{"ssn":536221234}]"#);
        assert_eq!(proxy.host().metric(charged), 10, "{action}");
    }
}

#[test]
fn report_mode_counts_and_records_only() {
    let report = config(r#""values":"10/day","then":"report""#);
    let quiet = config(BLOCK).replacen('{', r#"{"mode":"report","#, 1);
    for text in [report, quiet] {
        let mut proxy = proxy(Profile::Envoy, &text);
        for _ in 0..3 {
            let outcome = get(&mut proxy, "app", 9);
            assert_eq!((outcome.client().status(), clear(&outcome)), (Some(200), 9));
            assert!(outcome.client().header("content-length").is_none());
        }
        assert_eq!(
            (spent(&proxy, "reported"), spent(&proxy, "refused")),
            (2, 0)
        );
        let last = get(&mut proxy, "app", 0).decisions();
        assert!(last[0].report_only && last[0].reason == "data_budget_spent");
        // What was only counted is not owed.
        proxy.configure(config(BLOCK)).unwrap();
        assert_eq!(get(&mut proxy, "app", 1).client().status(), Some(429));
        proxy.advance(Duration::from_secs(8_640));
        assert_eq!(clear(&get(&mut proxy, "app", 1)), 1);
    }
}

#[test]
fn headers_are_charged_and_masked() {
    let response = Response::json("{}").header("x-ssn", "536-22-1234");
    let clear = |outcome: &Outcome| {
        outcome
            .client()
            .header("x-ssn")
            .is_some_and(|text| text.starts_with("536"))
    };
    let mut masking = proxy(Profile::Envoy, &config(r#""values":"2/day","then":"mask""#));
    let seen = (0..4).filter(|_| clear(&masking.run(&of("app"), &response)));
    assert_eq!(seen.count(), 2);
    let mut blocking = proxy(
        Profile::Envoy,
        &config(r#""values":"2/day","then":"block""#),
    );
    let two = response
        .clone()
        .header("x-b-ssn", "536-22-1235")
        .header("x-c-ssn", "536-22-1236");
    let outcome = blocking.run(&of("app"), &two);
    assert_eq!(outcome.client().status(), Some(429));
    assert_eq!(outcome.client().header("x-ssn"), None);
}

fn worker(process: &Process, text: &str) -> Proxy {
    let mut worker = Proxy::native_worker::<PiiRedactor>(process);
    worker.configure(text).unwrap();
    worker
}

/// Ten streams at once, over three workers: what is not there leaves on none of them.
#[test]
fn streams_at_once_and_other_workers_get_no_more() {
    let process = Process::new(Profile::Envoy);
    let mut workers: Vec<Proxy> = (0..3).map(|_| worker(&process, &config(BLOCK))).collect();
    let streams: Vec<(usize, ContextId)> = (0..10)
        .map(|number| {
            let stream = workers[number % 3].start(&of("app"));
            workers[number % 3].send(stream, &of("app"));
            (number % 3, stream)
        })
        .collect();
    for (worker, stream) in &streams {
        workers[*worker].respond(*stream, &Response::json(people(0, 4)));
    }
    let seen: usize = streams
        .iter()
        .map(|(worker, stream)| clear(&workers[*worker].finish(*stream)))
        .sum();
    assert_eq!(
        seen, 8,
        "two of ten, and the third would have been too much"
    );
}

/// Where values are masked, streams at once go over by what one piece of each has at the most, and
/// what is beyond is owed.
#[test]
fn endless_events_are_charged_one_by_one() {
    let mut proxy = proxy(Profile::Envoy, &config(MASK));
    let response = Response::new(200).header("content-type", "text/event-stream");
    let mut open = || {
        let stream = proxy.start(&of("app"));
        proxy.send(stream, &of("app"));
        proxy.respond_headers(stream, &response);
        stream
    };
    let streams = [open(), open(), open()];
    for _ in 0..6 {
        for stream in streams {
            proxy.respond_chunk(stream, b"data: {\"ssn\":\"536-22-1234\"}\n\n", false);
        }
    }
    // None of them has ended when they are counted, and none ever need to.
    let seen: usize = streams
        .iter()
        .map(|stream| clear(&proxy.finish(*stream)))
        .sum();
    assert_eq!(seen, 10);
}

#[test]
fn a_reload_and_another_worker_do_not_begin_anew() {
    let process = Process::new(Profile::Envoy);
    let mut first = worker(&process, &config(BLOCK));
    assert_eq!(clear(&get(&mut first, "app", 10)), 10);
    first
        .configure(config(BLOCK).replace("\"patients\"", "\"renamed\""))
        .unwrap();
    assert_eq!(get(&mut first, "app", 1).client().status(), Some(429));
    let mut second = worker(&process, &config(MASK));
    assert_eq!(clear(&get(&mut second, "app", 1)), 0);
    let text = format!("{:?}", process.shared_data());
    assert!(!text.contains("app\"") && !text.contains("536-22") && !text.contains("p0"));
}

#[test]
fn the_ways_around_are_closed() {
    let mut proxy = proxy(Profile::Envoy, &config(BLOCK));
    // A part of a body, or one in an encoding that is not decoded, cannot be counted.
    let request = of("app")
        .header("range", "bytes=0-9")
        .header("accept-encoding", "br");
    let part = Response::new(206)
        .header("content-type", "application/json")
        .body("536-22-1234");
    let outcome = proxy.run(&request, &part);
    assert_eq!(outcome.upstream().header("range"), None);
    assert_eq!(outcome.upstream().header("accept-encoding"), None);
    assert_eq!((outcome.client().status(), clear(&outcome)), (Some(502), 0));
    let brotli = Response::json("x").header("content-encoding", "br");
    assert_eq!(proxy.run(&of("app"), &brotli).client().status(), Some(502));
    // HEAD discloses nothing, and costs nothing.
    for _ in 0..20 {
        let head = Request::new("HEAD", "/patients/list");
        let head = head.identity(&Identity {
            client_id: Some("app".to_owned()),
            scopes: vec!["phi:read".to_owned()],
            ..Identity::default()
        });
        assert_eq!(
            proxy.run(&head, &Response::new(200)).client().status(),
            Some(200)
        );
    }
    // Whoever leaves in the middle has got what had left by then.
    for _ in 0..5 {
        let stream = proxy.start(&of("app"));
        proxy.send(stream, &of("app"));
        proxy.respond_headers(stream, &Response::json(""));
        proxy.respond_chunk(stream, people(0, 2).as_bytes(), false);
        proxy.finish(stream);
    }
    assert_eq!(get(&mut proxy, "app", 1).client().status(), Some(429));
    // A compressed body is counted as any other.
    let zipped = Response::json(gzip(&people(0, 11))).header("content-encoding", "gzip");
    let outcome = proxy.run(&of("zipped"), &zipped);
    assert!(outcome.reset && clear(&outcome) == 0);
}

/// Who cannot be told apart counts as one, and who names himself twice counts as both.
#[test]
fn a_key_that_is_missing_or_there_twice_gains_nothing() {
    let by_header = config(BLOCK).replace("claim:client_id", "header:x-app");
    let by_header = by_header.replace(
        r#","unless":{"scopes":["phi:read"]}"#,
        r#","actions":{"US_SSN":"detect"}"#,
    );
    let mut proxy = proxy(Profile::Envoy, &by_header);
    let mut seen = |apps: &[&str], count: usize| {
        let mut request = Request::get("/patients/list");
        for app in apps {
            request = request.header("x-app", app);
        }
        let outcome = proxy.run(&request, &Response::json(people(0, count)));
        (outcome.client().status(), clear(&outcome))
    };
    assert_eq!(seen(&[], 6).1, 6);
    assert_eq!(seen(&[], 4).1, 4);
    assert_eq!(seen(&[], 1).0, Some(429), "all that name nobody");
    assert_eq!(seen(&["a", "b"], 10).1, 10);
    assert_eq!(seen(&["a"], 1).0, Some(429));
    assert_eq!(seen(&["b"], 1).0, Some(429));
    let many: Vec<String> = (0..99).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(seen(&many, 1), (Some(400), 0));
    let denied = by_header.replace("\"then\"", "\"on_missing_key\":\"deny\",\"then\"");
    proxy.configure(denied).unwrap();
    let outcome = proxy.run(
        &Request::get("/patients/list"),
        &Response::json(people(0, 1)),
    );
    assert_eq!((outcome.client().status(), clear(&outcome)), (Some(429), 0));
}

#[test]
fn what_cannot_be_looked_up_is_refused_unless_it_may_pass() {
    for (then, on_error, status, seen) in [
        ("block", "block", 503, 0),
        ("mask", "block", 503, 0),
        ("block", "pass", 200, 3),
        ("report", "block", 200, 3),
    ] {
        let budget = format!(
            r#""values":"10/day","people":"5/day","then":"{then}","on_error":"{on_error}""#
        );
        for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
            let mut proxy = proxy(Profile::Envoy, &config(&budget));
            assert_eq!(clear(&get(&mut proxy, "app", 1)), 1);
            proxy.host().fail(call, Status::InternalFailure);
            let outcome = get(&mut proxy, "app", 3);
            let is_masked = then == "mask" && call == "proxy_set_shared_data";
            if call == "proxy_get_shared_data" && !is_masked {
                assert_eq!(outcome.client().status(), Some(status), "{then} {call}");
            }
            assert_eq!(clear(&outcome), seen, "{then} {on_error} {call}");
            let errors = proxy
                .host()
                .metric("meshward.pii-redactor.budget_errors_total;budget=ssn");
            assert!(errors > 0, "{then} {call}");
        }
    }
}

#[test]
fn hosts_without_shared_data_or_new_bodies_say_so() {
    for profile in [Profile::Apisix, Profile::Kong] {
        let mut proxy = Proxy::native::<PiiRedactor>(profile);
        let refused = proxy.configure(config(MASK));
        let text = refused
            .err()
            .map(|refused| refused.text())
            .unwrap_or_default();
        assert!(
            text.is_empty() || text.contains("budget[0].then"),
            "{profile:?}: {text}"
        );
        let lenient = config(BLOCK).replacen(
            '{',
            r#"{"on_error":{"host_readonly":"pass","unlisted_headers":"pass"},"#,
            1,
        );
        let mut proxy = Proxy::native::<PiiRedactor>(profile);
        proxy.configure(lenient).unwrap();
        assert_eq!(
            proxy.run(&of("app"), &Response::json(people(0, 3))).trap,
            None
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Never more in clear than an ideal bucket holds, whatever comes when, on whichever worker.
    #[test]
    fn never_more_than_an_ideal_bucket(
        masks in any::<bool>(),
        steps in proptest::collection::vec((0_usize..3, 0_usize..9, 0_u64..20_000), 1..40),
    ) {
        let process = Process::new(Profile::Envoy);
        let text = config(if masks { MASK } else { BLOCK });
        let mut workers: Vec<Proxy> = (0..3).map(|_| worker(&process, &text)).collect();
        let (mut elapsed, mut seen) = (0_u64, 0_usize);
        for (worker, count, wait) in steps {
            process.advance(Duration::from_secs(wait));
            elapsed += wait;
            seen += clear(&get(&mut workers[worker], "app", count));
            let due = 10 + elapsed / 8_640;
            prop_assert!(seen as u64 <= due, "{seen} of {due}");
        }
    }
}
