//! What the tests of the modules share.

use std::rc::Rc;

use crate::config::Config;
use crate::inflate::InflateLimits;
use crate::media::Media;
use crate::pipeline::{BodyPipeline, Coding};
use crate::plan::Plan;

/// The plan of all rules of a configuration.
pub(crate) fn plan_of(configuration: &str) -> Rc<Plan> {
    let config = Config::parse_with_key(configuration, &[7; 32])
        .unwrap_or_else(|problems| panic!("{problems}"));
    let all: Vec<usize> = (0..config.rules.len()).collect();
    Rc::new(config.plan(&all))
}

/// What is left of a body.
pub(crate) fn redacted(plan: &Rc<Plan>, content_type: &str, body: &str) -> String {
    redacted_in_pieces(plan, content_type, &[body.as_bytes()])
}

/// What is left of a body that comes in pieces.
pub(crate) fn redacted_in_pieces(plan: &Rc<Plan>, content_type: &str, pieces: &[&[u8]]) -> String {
    let framing = Media::of(content_type).framing.unwrap();
    let mut pipeline = BodyPipeline::new(
        Rc::clone(plan),
        &framing,
        Coding::Identity,
        InflateLimits::default(),
    );
    let mut out = Vec::new();
    for piece in pieces {
        pipeline.write(piece, &mut out).unwrap();
    }
    pipeline.finish(&mut out).unwrap();
    String::from_utf8_lossy(&out).into_owned()
}

/// Each body becomes what stands beside it, wherever it is cut on its way.
#[track_caller]
pub(crate) fn assert_redacts(plan: &Rc<Plan>, content_type: &str, rows: &[(&str, &str)]) {
    for (body, expected) in rows {
        assert_eq!(redacted(plan, content_type, body), *expected, "{body}");
        let bytes = body.as_bytes();
        let halves = (1..bytes.len()).map(|cut| bytes.split_at(cut));
        let cuts = halves.map(|(first, second)| vec![first, second]);
        for pieces in cuts.chain([bytes.chunks(1).collect()]) {
            let first = String::from_utf8_lossy(pieces[0]).into_owned();
            assert_eq!(
                redacted_in_pieces(plan, content_type, &pieces),
                *expected,
                "{body} cut behind {first}"
            );
        }
    }
}

/// Of none of these bodies anything goes.
#[track_caller]
pub(crate) fn assert_keeps(plan: &Rc<Plan>, content_type: &str, bodies: &[&str]) {
    for body in bodies {
        assert_eq!(redacted(plan, content_type, body), *body);
    }
}
