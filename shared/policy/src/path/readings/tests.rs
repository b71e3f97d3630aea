use proptest::prelude::*;

use super::*;
use crate::path::{SERVERS, Step};

fn step(text: &[u8], step: Step) -> Option<Vec<u8>> {
    match step {
        Step::Fragment => before(text, b"#"),
        Step::Semicolon => before(text, b";"),
        Step::Host => without_host(text),
        Step::Backslash => with_slashes(text),
        Step::Parameters => without_parameters(text),
        Step::LastParameters => without_last_parameters(text),
        Step::DecodeSlashes => replace(text, |b| matches!(b, b'/' | b'\\').then_some(b)),
        Step::Decode => replace(text, Some),
        Step::DecodeWithin => replace(text, within),
        Step::DecodeUnreserved => replace(text, |b| is_unreserved(b).then_some(b)),
        Step::DecodedQuery => before(text, b"?#"),
        Step::Merge => merged(text),
        Step::MergeLeading => one_in_front(text),
        Step::Dots => resolved(text, raw_dots),
        Step::EscapedDots => resolved(text, escaped_dots),
        Step::Trim => trimmed(text),
        Step::Blanks => without_blanks(text),
        Step::TrimSegments => with_trimmed_segments(text),
        Step::Sessions => without_sessions(text, false),
        // These are no readings: patterns look past them.
        Step::Extension | Step::Script => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_readings_are_those_of_the_known_servers_and_more(
        path in "(/|//|\\\\|%2f|%5c|;|;x|\\.|\\.\\.|%2e|%252e|%252f|%3f|#|%20|\\.%20|/\\(S\\(x\\)\\)/|admin|%61dmin|x|/\\.\\./){1,6}",
    ) {
        let path = format!("/{path}");
        let mut readings = Vec::new();
        if add_all(&path, &mut readings, &mut Work::default()).is_err() {
            return Ok(());
        }
        for server in SERVERS {
            let mut text = path.as_bytes().to_vec();
            for next in server.steps {
                text = step(&text, *next).unwrap_or(text);
            }
            // Patterns are written decoded, so what needs an escape is not told apart from one.
            if !server.steps.iter().any(|step| matches!(step, Step::Decode | Step::DecodeWithin)) {
                let needed = |byte| if is_unreserved(byte) { None } else { within(byte) };
                text = replace(&text, needed).unwrap_or(text);
            }
            let reading = Reading::of_text(&text, false);
            prop_assert!(readings.contains(&reading), "{path} {}: {reading:?} {readings:?}", server.name);
        }
    }
}
