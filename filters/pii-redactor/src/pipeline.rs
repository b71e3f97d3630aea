//! A body on its way through: decoded, taken apart, searched, and put together again.

use std::rc::Rc;

use policy::facts::Facts;
use policy::finding::Direction;

use crate::budget::{Budget, PIECE_BYTES};
use crate::data_budget::Ration;
use crate::inflate::{InflateError, InflateLimits, Inflater};
use crate::malformed::{Malformed, Unsearched};
use crate::media::{Charset, Framing};
use crate::plan::Plan;
use crate::rewriter::Rewriter;
use crate::tally::{Finding, Tally};

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// The body is not compressed.
    Identity,
    /// The body is compressed with gzip.
    Gzip,
    /// The body is compressed with zlib, or with bare deflate.
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

/// Rewrites one body: decodes, searches, replaces and encodes.
#[derive(Debug)]
pub struct BodyPipeline {
    decoder: Option<Inflater>,
    rewriter: Rewriter,
    tally: Tally,
    plan: Rc<Plan>,
    budget: Budget,
    /// The rest of the body is not searched.
    is_over_budget: bool,
    failed: Option<InflateError>,
}

impl BodyPipeline {
    /// A pipeline with this plan.
    #[must_use]
    pub fn new(plan: Rc<Plan>, framing: &Framing, coding: Coding, limits: InflateLimits) -> Self {
        Self::with_charset(plan, framing, Charset::default(), coding, limits)
    }

    /// A pipeline for text in a charset.
    #[must_use]
    pub fn with_charset(
        plan: Rc<Plan>,
        framing: &Framing,
        charset: Charset,
        coding: Coding,
        limits: InflateLimits,
    ) -> Self {
        Self {
            decoder: match coding {
                Coding::Identity => None,
                Coding::Gzip => Some(Inflater::new(true, limits)),
                Coding::Deflate => Some(Inflater::new(false, limits)),
            },
            rewriter: Rewriter::new(Rc::clone(&plan), framing.clone(), charset, 0),
            tally: Tally::default(),
            plan,
            budget: Budget::default(),
            is_over_budget: false,
            failed: None,
        }
    }

    /// Keeps every finding, with what was found: for trying rules out, never in a proxy.
    #[must_use]
    pub fn explained(mut self) -> Self {
        self.tally.findings = Some(Vec::new());
        self
    }

    /// The findings that are new since the last call, of a pipeline that is [`BodyPipeline::explained`].
    pub fn take_findings(&mut self) -> Vec<Finding> {
        let findings = self.tally.findings.as_mut();
        findings.map(std::mem::take).unwrap_or_default()
    }

    /// Watches the body for whose its objects are and about whom it is, where the plan has rules
    /// about that.
    pub fn watch(&mut self, direction: Direction, facts: &dyn Facts) {
        if let Some(watched) = self.plan.watched() {
            self.tally
                .watch(watched, direction, watched.expected(facts));
        }
    }

    /// Nobody reads in the body about whom it is.
    pub(crate) fn miss_people(&mut self) {
        self.tally.miss_people();
    }

    /// Counts the people whom the body names, for budgets, under hashes with this key.
    pub(crate) fn count_people(&mut self, key: [u8; 16]) {
        self.tally.count_people(key);
    }

    /// The people who have been named since the last time.
    pub(crate) fn take_named(&mut self) -> Vec<u64> {
        self.tally.take_named()
    }

    /// What may leave in clear of what is written next.
    pub(crate) fn set_ration(&mut self, ration: Option<Rc<Ration>>) {
        self.tally.set_ration(ration);
    }

    /// Whom aliases in GraphQL operations must not mislead: the rules about the response.
    pub(crate) fn set_response_rules(&mut self, plan: Option<Rc<Plan>>) {
        self.tally.set_response_rules(plan);
    }

    /// Measures the whole body as a GraphQL document.
    pub(crate) fn measure_graphql(&mut self, document: &[u8]) {
        if let Some(watched) = self.plan.watched() {
            crate::limits::measure_graphql(watched.limits(), document, &mut self.tally);
        }
    }

    /// As [`BodyPipeline::watch`], with who the owners must be.
    #[cfg(test)]
    pub(crate) fn watch_for(&mut self, direction: Direction, owners: Vec<Vec<String>>) {
        if let Some(watched) = self.plan.watched() {
            self.tally.watch(watched, direction, owners);
        }
    }

    /// Takes the next bytes of the body, and writes what can leave.
    ///
    /// # Errors
    /// It cannot be decoded; nothing more leaves then.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), InflateError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.plan.set_ration(self.tally.ration());
        let result = match self.decoder.take() {
            None => {
                self.rewrite(chunk, out);
                Ok(())
            }
            Some(mut decoder) => {
                let result = decoder.write(chunk, &mut |piece| self.rewrite(piece, out));
                self.decoder = Some(decoder);
                result
            }
        };
        self.plan.set_ration(None);
        self.failed = result.err();
        result
    }

    /// Takes decoded bytes. Once they have cost more than they may, the rest leaves as it came.
    fn rewrite(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for piece in bytes.chunks(PIECE_BYTES) {
            if self.is_over_budget {
                out.extend_from_slice(piece);
                continue;
            }
            let before = self.plan.looks();
            self.rewriter.write(piece, out, &mut self.tally);
            let looks = self.plan.looks().saturating_sub(before);
            self.budget.charge(piece.len(), looks);
            if self.budget.is_exceeded() {
                self.rewriter.finish(out, &mut self.tally);
                self.is_over_budget = true;
            }
        }
    }

    /// Whether searching the body cost more than it may, so that the rest was not searched.
    #[must_use]
    pub const fn is_over_budget(&self) -> bool {
        self.is_over_budget
    }

    #[cfg(test)]
    pub(crate) const fn budget(&self) -> &Budget {
        &self.budget
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
        if !self.is_over_budget {
            let before = self.plan.looks();
            self.plan.set_ration(self.tally.ration());
            self.rewriter.finish(out, &mut self.tally);
            self.plan.set_ration(None);
            // All of it has been searched by now, whatever it cost.
            let looks = self.plan.looks().saturating_sub(before);
            self.budget.charge(0, looks);
        }
        Ok(())
    }

    /// Bytes that are held at the moment.
    #[must_use]
    pub fn held(&self) -> usize {
        if self.is_over_budget {
            return 0;
        }
        self.rewriter.held()
    }

    /// Whether the body is compressed and not complete, so that its end would be missed.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.decoder
            .as_ref()
            .is_some_and(|decoder| decoder.finish().is_err())
    }

    /// Where the body stops being what its content type says, if it does.
    #[must_use]
    pub fn malformed(&self) -> Option<Malformed> {
        // What was cut off for its cost is not incomplete.
        self.rewriter.malformed().filter(|_| !self.is_over_budget)
    }

    /// Whether the body turned out not to be what it says it is.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        self.malformed().is_some()
    }

    /// What of the body was not searched.
    #[must_use]
    pub fn unsearched(&self) -> Unsearched {
        self.rewriter.unsearched()
    }

    /// What was found so far.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }
}
