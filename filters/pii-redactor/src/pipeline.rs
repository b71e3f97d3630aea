//! A body on its way through: decoded, taken apart, searched, and put together again.

use std::rc::Rc;

use crate::inflate::{InflateError, InflateLimits, Inflater};
use crate::json::JsonRewriter;
use crate::multipart::{MultipartRewriter, parameter};
use crate::pairs::{PairsRewriter, Syntax};
use crate::plan::Plan;
use crate::sse::SseRewriter;
use crate::tally::Tally;
use crate::text::TextRewriter;

/// What a body is, as far as it is taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// JSON, one document or several.
    Json,
    /// Server-sent events.
    Events,
    /// A form.
    Form,
    /// Parts with this boundary.
    Multipart(Vec<u8>),
    /// Lines of text.
    Text,
    /// Something that may well be JSON, although nothing or `text/plain` is all that it says: read as
    /// JSON as long as it is, and as text from there on.
    Unsaid,
}

impl Framing {
    /// The framing of a content type; `None` for what is not searched.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        let kind = policy::http::media_type(content_type);
        let kind = kind.as_str();
        match kind {
            "application/json"
            | "text/json"
            | "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-json"
            | "application/json-seq"
            | "application/jsonlines" => Some(Self::Json),
            "" | "text/plain" => Some(Self::Unsaid),
            "text/event-stream" => Some(Self::Events),
            "application/x-www-form-urlencoded" => Some(Self::Form),
            "multipart/form-data"
            | "multipart/mixed"
            | "multipart/related"
            | "multipart/alternative" => {
                let boundary = parameter(content_type, "boundary")?;
                (1..=MAX_BOUNDARY_BYTES)
                    .contains(&boundary.len())
                    .then(|| Self::Multipart(boundary.into_bytes()))
            }
            "application/xml"
            | "application/xhtml+xml"
            | "application/javascript"
            | "application/graphql"
            | "application/yaml"
            | "application/x-yaml"
            | "application/csv"
            | "application/sql"
            | "application/x-javascript"
            | "image/svg+xml"
            | "message/rfc822" => Some(Self::Text),
            _ if kind.ends_with("+json") => Some(Self::Json),
            _ if kind.starts_with("text/") || kind.ends_with("+xml") || kind.ends_with("+yaml") => {
                Some(Self::Text)
            }
            _ => None,
        }
    }
}

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// gzip.
    Gzip,
    /// zlib, or bare deflate.
    Deflate,
}

impl Coding {
    /// The coding of a `content-encoding`; `None` for what cannot be decoded.
    #[must_use]
    pub fn of(content_encoding: &str) -> Option<Self> {
        let mut codings = content_encoding
            .split(',')
            .map(str::trim)
            .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"));
        let coding = codings.next().map(str::to_ascii_lowercase);
        match (coding.as_deref(), codings.next()) {
            (None, _) => Some(Self::Identity),
            (Some("gzip" | "x-gzip"), None) => Some(Self::Gzip),
            (Some("deflate"), None) => Some(Self::Deflate),
            _ => None,
        }
    }
}

/// Rewrites one body.
#[derive(Debug)]
pub struct BodyPipeline {
    decoder: Option<Inflater>,
    rewriter: Rewriter,
    tally: Tally,
    failed: Option<InflateError>,
    /// It did not say that it is JSON.
    is_unsaid: bool,
}

#[derive(Debug)]
enum Rewriter {
    Json(Box<JsonRewriter>),
    Events(Box<SseRewriter>),
    Pairs(Box<PairsRewriter>),
    Multipart(Box<MultipartRewriter>),
    Text(Box<TextRewriter>),
}

impl BodyPipeline {
    /// A pipeline with this plan.
    #[must_use]
    pub fn new(plan: Rc<Plan>, framing: &Framing, coding: Coding, limits: InflateLimits) -> Self {
        let decoder = match coding {
            Coding::Identity => None,
            Coding::Gzip => Some(Inflater::new(true, limits)),
            Coding::Deflate => Some(Inflater::new(false, limits)),
        };
        let rewriter = match framing {
            Framing::Json | Framing::Unsaid => Rewriter::Json(Box::new(JsonRewriter::new(plan))),
            Framing::Events => Rewriter::Events(Box::new(SseRewriter::new(plan))),
            Framing::Form => Rewriter::Pairs(Box::new(PairsRewriter::new(plan, Syntax::Form))),
            Framing::Multipart(boundary) => {
                Rewriter::Multipart(Box::new(MultipartRewriter::new(plan, boundary)))
            }
            Framing::Text => Rewriter::Text(Box::new(TextRewriter::new(plan, false))),
        };
        Self {
            decoder,
            rewriter,
            tally: Tally::default(),
            failed: None,
            is_unsaid: *framing == Framing::Unsaid,
        }
    }

    /// Keeps every finding, with what was found: for trying rules out, never in a proxy.
    #[must_use]
    pub fn explained(mut self) -> Self {
        self.tally.findings = Some(Vec::new());
        self
    }

    /// Takes the next bytes of the body, and writes what can leave.
    ///
    /// # Errors
    /// It cannot be decoded; nothing more leaves then.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), InflateError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let Self {
            decoder,
            rewriter,
            tally,
            ..
        } = self;
        let result = match decoder {
            None => {
                rewriter.write(chunk, out, tally);
                Ok(())
            }
            Some(decoder) => decoder.write(chunk, &mut |piece| rewriter.write(piece, out, tally)),
        };
        self.failed = result.err();
        result
    }

    /// The body is complete: writes what is held.
    ///
    /// # Errors
    /// It breaks off in the middle of what is compressed.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), InflateError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if let Some(decoder) = &self.decoder {
            decoder.finish()?;
        }
        let tally = &mut self.tally;
        match &mut self.rewriter {
            Rewriter::Json(json) => json.finish(out, tally),
            Rewriter::Events(events) => events.finish(out, tally),
            Rewriter::Pairs(pairs) => pairs.finish(out, tally),
            Rewriter::Multipart(multipart) => multipart.finish(out, tally),
            Rewriter::Text(text) => text.finish(out, tally),
        }
        Ok(())
    }

    /// Bytes that are held at the moment.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.rewriter {
            Rewriter::Json(json) => json.held(),
            Rewriter::Events(events) => events.held(),
            Rewriter::Pairs(pairs) => pairs.held(),
            Rewriter::Multipart(multipart) => multipart.held(),
            Rewriter::Text(text) => text.held(),
        }
    }

    /// Whether the body is compressed and not complete, so that its end would be missed.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.decoder
            .as_ref()
            .is_some_and(|decoder| decoder.finish().is_err())
    }

    /// Whether the body turned out not to be what it says it is.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        match &self.rewriter {
            Rewriter::Json(json) => json.is_malformed() && !self.is_unsaid,
            Rewriter::Events(events) => events.is_malformed(),
            Rewriter::Multipart(multipart) => multipart.is_malformed(),
            Rewriter::Pairs(_) | Rewriter::Text(_) => false,
        }
    }

    /// Parts of a multipart body that were not searched: files, and what could not be read.
    #[must_use]
    pub fn unsearched_parts(&self) -> (u64, u64) {
        match &self.rewriter {
            Rewriter::Multipart(multipart) => (multipart.skipped_files(), multipart.unread_parts()),
            _ => (0, 0),
        }
    }

    /// What was found so far.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Rewriter {
    fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        match self {
            Self::Json(json) => json.write(chunk, out, tally),
            Self::Events(events) => events.write(chunk, out, tally),
            Self::Pairs(pairs) => pairs.write(chunk, out, tally),
            Self::Multipart(multipart) => multipart.write(chunk, out, tally),
            Self::Text(text) => text.write(chunk, out, tally),
        }
    }
}

/// RFC 2046 section 5.1.1.
const MAX_BOUNDARY_BYTES: usize = 70;
