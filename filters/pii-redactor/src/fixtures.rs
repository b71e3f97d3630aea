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
    let framing = Media::of(content_type).framing.unwrap();
    let mut pipeline = BodyPipeline::new(
        Rc::clone(plan),
        &framing,
        Coding::Identity,
        InflateLimits::default(),
    );
    let mut out = Vec::new();
    pipeline.write(body.as_bytes(), &mut out).unwrap();
    pipeline.finish(&mut out).unwrap();
    String::from_utf8_lossy(&out).into_owned()
}

/// Each body becomes what stands beside it.
#[track_caller]
pub(crate) fn assert_redacts(plan: &Rc<Plan>, content_type: &str, rows: &[(&str, &str)]) {
    for (body, expected) in rows {
        assert_eq!(redacted(plan, content_type, body), *expected, "{body}");
    }
}

/// Of none of these bodies anything goes.
#[track_caller]
pub(crate) fn assert_keeps(plan: &Rc<Plan>, content_type: &str, bodies: &[&str]) {
    for body in bodies {
        assert_eq!(redacted(plan, content_type, body), *body);
    }
}
