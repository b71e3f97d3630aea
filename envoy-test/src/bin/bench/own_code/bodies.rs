//! Bodies on their way through pii-redactor.

use std::cell::RefCell;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::rc::Rc;

use envoy_test::Result;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use pii_redactor::config::Config;
use pii_redactor::inflate::{InflateLimits, Inflater};
use pii_redactor::media::Framing;
use pii_redactor::pipeline::{BodyPipeline, Coding};
use policy::config::Configuration as _;

use super::{Row, failed};

/// A list of orders in which nothing is personal.
const BODY_BYTES: usize = 64 * 1024;
const ORDER: &str = r#"{"id":"A-1042","status":"shipped","lines":[{"sku":"mug-blue","count":2,"price":12.5},{"sku":"tray","count":1,"price":31.0}],"note":"left at the back door, as agreed","total":56.0},"#;

pub(super) fn measure() -> Result<()> {
    let orders = ORDER.repeat(BODY_BYTES / ORDER.len());
    let body = format!("[{orders}null]");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body.as_bytes()).map_err(failed)?;
    let zipped = encoder.finish().map_err(failed)?;
    let config = Config::parse(r#"{"rules":[{"fields":[{"name":["ssn"],"action":"remove"}]}]}"#);
    let config = config.map_err(failed)?;
    let plan = Rc::new(config.plan(&[0]));
    let limits = InflateLimits::default();
    let redacted = RefCell::new(Vec::new());
    let rows = [
        Row {
            what: "64 KiB of JSON, a member looked for and not found",
            library: "serde_json",
            reason: "bytes leave as they came, also where a body comes in pieces; memory does not grow with it",
            ours: Box::new(|| {
                let mut out = redacted.borrow_mut();
                out.clear();
                let (plan, framing) = (Rc::clone(&plan), &Framing::Json);
                let mut pipeline = BodyPipeline::new(plan, framing, Coding::Identity, limits);
                let written = pipeline.write(black_box(body.as_bytes()), &mut out);
                let written = written.and_then(|()| pipeline.finish(&mut out));
                written.is_ok() && out.len() == body.len()
            }),
            theirs: Box::new(|| {
                let mut out = redacted.borrow_mut();
                out.clear();
                let read = serde_json::from_slice::<serde_json::Value>(black_box(body.as_bytes()));
                read.and_then(|tree| serde_json::to_writer(&mut *out, &tree))
                    .is_ok()
            }),
        },
        Row {
            what: "the same 64 KiB in gzip, decoded",
            library: "flate2, `MultiGzDecoder`",
            reason: "flate2 with zlib-rs does the work; ours are the limits, deflate in both forms and what stands between members",
            ours: Box::new(|| {
                let mut bytes = 0;
                let mut inflater = Inflater::new(true, limits);
                let read = inflater.write(black_box(&zipped), &mut |piece| bytes += piece.len());
                read.and_then(|()| inflater.finish()).is_ok() && bytes == body.len()
            }),
            theirs: Box::new(|| {
                let mut out = redacted.borrow_mut();
                out.clear();
                let read = MultiGzDecoder::new(black_box(zipped.as_slice())).read_to_end(&mut out);
                read.is_ok_and(|bytes| bytes == body.len())
            }),
        },
    ];
    rows.iter().try_for_each(Row::measure)
}
