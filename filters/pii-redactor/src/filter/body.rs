//! Bodies in both directions: whether and how one is searched, by its headers.

use std::rc::Rc;

use host::{Action, Direction, HeaderMap, Host, HostKind};

use super::message::Message;
use super::reason::{NotSearched, Reason};
use super::report::HandedOver;
use super::{PiiRedactor, RedactedStream, RuleUse, report, upload};
use crate::config::{FailurePolicy, ParseErrorPolicy, Place};
use crate::media::{Charset, CsvFormat, Demands, Framing, Media};
use crate::pipeline::{BodyPipeline, Coding};
use crate::plan::Plan;

/// A body that is being rewritten.
pub(super) struct Work {
    pub(super) pipeline: BodyPipeline,
    pub(super) plan: Rc<Plan>,
    /// What the pipeline would have changed is counted, and the body stays.
    pub(super) changes: bool,
    /// What the pipeline writes takes the place of the body. Where a plan only lets bodies pass or stops them,
    /// their headers stay, and so must every byte: what is decoded would have another length than they say.
    pub(super) rewrites: bool,
    /// What breaks off may not be scanned as text, because its members decide.
    pub(super) relies_on_members: bool,
    /// A small body is kept here until it is complete, or too long; the host's buffer stays empty.
    pub(super) holds: bool,
    /// What has come of it.
    pub(super) kept: Vec<u8>,
    /// How much of what was found has been charged to budgets.
    pub(super) charged: HandedOver,
    /// How much of what was found has been handed over.
    pub(super) handed_over: HandedOver,
    /// How many of the people that it is about have been handed over.
    pub(super) people_told: usize,
    /// How much of what is too much has been told.
    pub(super) excesses_told: usize,
    /// What there is so far of a GraphQL document that is the body.
    pub(super) document: Option<Vec<u8>>,
    /// The end has been reported.
    pub(super) is_reported: bool,
    /// That the rest is not searched for its cost has been reported.
    pub(super) is_over_budget: bool,
    /// Why it is not searched, if it turns out to be binary.
    pub(super) binary: NotSearched,
    /// What the report header says about it.
    pub(super) report: &'static str,
    pub(super) finished: bool,
}

impl RedactedStream {
    /// The headers of the response are there: is there a body to search?
    pub(super) fn begin_response(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        end_of_stream: bool,
    ) -> Action {
        let message = Message::read(host, filter.capabilities, HeaderMap::ResponseHeaders);
        let status = message.text(":status").unwrap_or_default();
        let request = self.request.as_ref();
        let has_method = |method| request.is_some_and(|request| request.method(host) == method);
        let is_about_a_body = has_method("HEAD") || status == "304";
        // The end of the stream is a fact, and what the status promises is not.
        let has_body = if filter.capabilities.tells_ends() {
            !end_of_stream
        } else {
            !is_about_a_body
                && !matches!(status.as_str(), "101" | "204")
                && message.text("content-length").as_deref() != Some("0")
        };
        if !has_body {
            if is_about_a_body {
                self.correct_bodiless(filter, host, &message);
            }
            return Action::Continue;
        }
        // A client that asks for another protocol gets one only if the upstream agrees.
        let switches = status == "101" || has_method("CONNECT") && status.starts_with('2');
        if switches && self.asks_for_upgrade {
            let rules = self.rules_for_body(filter, host, Direction::Response);
            if !rules.is_empty() {
                let place = Place::ResponseBody;
                report::not_searched(filter, host, place, NotSearched::Upgrade, 1);
            }
            return Action::Continue;
        }
        if status == "206" {
            let rules = self.rules_for_body(filter, host, Direction::Response);
            if !filter.plan(&rules).is_idle() {
                // A part of a body: an upstream that ignores that nobody asked for it.
                let policy = filter.config.on_error.partial_content;
                return self.refuse(
                    filter,
                    host,
                    Direction::Response,
                    (policy, Reason::PartialContent),
                );
            }
        }
        self.begin_body(filter, host, Direction::Response)
    }

    /// A response to HEAD, or one that says that nothing has changed, has the headers of the body
    /// that GET would get (RFC 9110 sections 8.6 and 9.3.2).
    fn correct_bodiless(&self, filter: &PiiRedactor, host: &dyn Host, message: &Message<'_>) {
        let rules = self.rules_for_body(filter, host, Direction::Response);
        if !self.changes_bodies(filter, &rules, Direction::Response)
            || filter.plan(&rules).only_measures()
        {
            return;
        }
        let content_type = message.text("content-type").unwrap_or_default();
        let coding = Coding::of(&message.text("content-encoding").unwrap_or_default());
        if Media::of(&content_type).framing.is_some()
            && let Some(coding) = coding
        {
            message.prepare_for_change(coding);
            message.remove_digests();
        }
    }

    /// The rules about the body of the message at hand.
    fn rules_for_body(
        &self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
    ) -> Vec<RuleUse> {
        let place = match direction {
            Direction::Request => Place::RequestBody,
            Direction::Response => Place::ResponseBody,
        };
        let rules = self.at(filter, place);
        self.of_this_type(filter, host, rules, direction)
    }

    /// The headers of a message with a body are there.
    pub(super) fn begin_body(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
    ) -> Action {
        let (map, place) = match direction {
            Direction::Request => (HeaderMap::RequestHeaders, Place::RequestBody),
            Direction::Response => (HeaderMap::ResponseHeaders, Place::ResponseBody),
        };
        let rules = self.rules_for_body(filter, host, direction);
        if rules.is_empty() {
            return Action::Continue;
        }
        if direction == Direction::Request && self.asks_for_upgrade && !self.announces_body(host) {
            report::not_searched(filter, host, place, NotSearched::Upgrade, 1);
            return Action::Continue;
        }
        let message = Message::read(host, filter.capabilities, map);
        if let Some(action) = self.limit_size(filter, host, direction, (&message, &rules)) {
            return action;
        }
        let plan = filter.plan(&rules);
        if plan.is_idle() {
            // Bytes are counted as they come, whatever they are.
            return Action::Continue;
        }
        let content_type = message.text("content-type").unwrap_or_default();
        let media = Media::of(&content_type);
        // What is never searched cannot be missed either.
        if direction == Direction::Request
            && media.framing.is_some()
            && upload::is_piece(&message, &content_type)
        {
            let policy = filter.config.on_error.partial_content;
            let refused = (policy, Reason::PartialContent);
            let action = self.refuse(filter, host, direction, refused);
            if action == Action::Pause {
                return action;
            }
        }
        let enforces = filter.enforces(&rules);
        let graphql = match direction {
            Direction::Request => filter.graphql_rules(&rules),
            Direction::Response => Vec::new(),
        };
        let measures_graphql = filter.enforces(&graphql);
        let minimizes = filter.minimizes(&rules) && enforces;
        let judges = filter.judges_owners(&rules);
        let blocks_types = filter.config.on_error.unsupported_type == FailurePolicy::Block;
        let refused = (FailurePolicy::Block, Reason::UnsupportedType);
        let blocks_ambiguous = filter.config.on_error.ambiguous == ParseErrorPolicy::Block;
        if media.is_ambiguous && (blocks_ambiguous || plan.relies_on_members()) {
            let refused = (FailurePolicy::Block, Reason::Ambiguous);
            return self.refuse(filter, host, direction, refused);
        }
        let demands = Demands {
            minimizes,
            judges,
            measures_graphql,
            blocks_types,
        };
        if demands.refuse(media.framing.as_ref(), !content_type.is_empty()) {
            return self.refuse(filter, host, direction, refused);
        }
        // What servers make of a request is for them to say, whatever its type is.
        let sniffed = (direction == Direction::Request).then_some(Framing::Binary);
        let Some(framing) = media.framing.or(sniffed) else {
            report::not_searched(filter, host, place, NotSearched::ContentType, 1);
            return Action::Continue;
        };
        let is_document = framing == Framing::Graphql && !graphql.is_empty();
        let encoding = message.text("content-encoding").unwrap_or_default();
        let coding = Coding::of(&encoding)
            .filter(|_| media.charset != Charset::Undecodable && !message.is_chunked_within());
        let is_readable = |coding: &Coding| !is_document || *coding == Coding::Identity;
        let Some(coding) = coding.filter(is_readable) else {
            let policy = filter.config.on_error.unsupported_encoding;
            let refused = (policy, Reason::UnsupportedEncoding);
            return self.refuse(filter, host, direction, refused);
        };
        let changes = self.changes_bodies(filter, &rules, direction);
        let mut pipeline = BodyPipeline::with_charset(
            Rc::clone(&plan),
            &framing,
            media.charset,
            coding,
            filter.config.inflate,
        );
        if plan.watched().is_some()
            && let Some(request) = &self.request
        {
            let facts = request.facts(host, direction);
            pipeline.watch(place.direction(), &facts);
            // Paths lead into JSON alone.
            if matches!(
                framing,
                Framing::Message
                    | Framing::Text
                    | Framing::Lines
                    | Framing::Markup
                    | Framing::Grpc
                    | Framing::Form
                    | Framing::Csv(_)
            ) {
                pipeline.miss_people();
            }
        }
        if !graphql.is_empty() {
            pipeline.set_response_rules(self.response_rules(filter));
        }
        if direction == Direction::Response
            && let Some(key) = self.counts_people(filter)
        {
            pipeline.count_people(key);
        }
        // What only lets bodies pass or stops them leaves their headers alone.
        let rewrites = changes && !plan.only_measures();
        let work = Work {
            pipeline,
            relies_on_members: plan.relies_on_members(),
            changes,
            rewrites,
            holds: rewrites && holds(filter, host, &message, direction, (&framing, coding))
                || is_document && changes,
            excesses_told: 0,
            document: is_document.then(Vec::new),
            plan,
            kept: Vec::new(),
            charged: HandedOver::default(),
            handed_over: HandedOver::default(),
            people_told: 0,
            is_reported: false,
            is_over_budget: false,
            binary: match framing {
                Framing::Grpc => NotSearched::Grpc,
                Framing::Binary => NotSearched::ContentType,
                _ => NotSearched::Binary,
            },
            // Headers leave before the first bytes are there.
            report: match framing {
                Framing::Grpc | Framing::Binary => NOT_SEARCHED,
                Framing::Unknown
                | Framing::Csv(CsvFormat {
                    may_be_file: true, ..
                }) => "searched-unless-binary",
                _ => "searched",
            },
            finished: false,
        };
        if rewrites {
            message.prepare_for_change(coding);
            // What is binary has those of its sender, unless it lies about what it is.
            if work.report != NOT_SEARCHED {
                message.remove_digests();
            }
        }
        match direction {
            Direction::Request => self.request_work = Some(work),
            Direction::Response => self.response_work = Some(work),
        }
        Action::Continue
    }

    /// Whether the request has a body of its own, and not only what follows in another protocol.
    fn announces_body(&self, host: &dyn Host) -> bool {
        let Some(request) = self.request.as_ref() else {
            return false;
        };
        let length = request.header(host, "content-length");
        match request.method(host) {
            "CONNECT" => false,
            "GET" => length.is_some_and(|length| length.trim() != "0"),
            _ => {
                length.is_some_and(|length| length.trim() != "0")
                    || request.header(host, "transfer-encoding").is_some()
            }
        }
    }

    /// Whether the body of a message is changed, on this host.
    fn changes_bodies(
        &self,
        filter: &PiiRedactor,
        rules: &[RuleUse],
        direction: Direction,
    ) -> bool {
        self.acts(filter, rules, direction) && filter.capabilities.rewrites_bodies()
    }
}

/// Whether a small body is kept until it is complete: where something is held at its end, and
/// trailers may come, behind which nothing can be written any more.
fn holds(
    filter: &PiiRedactor,
    host: &dyn Host,
    message: &Message<'_>,
    direction: Direction,
    (framing, coding): (&Framing, Coding),
) -> bool {
    if filter.capabilities.kind() != HostKind::Envoy {
        return false;
    }
    // Nothing is held behind a document or an event, and messages of an unknown type may be a
    // conversation.
    let streams = match framing {
        Framing::Json | Framing::JsonLines => coding == Coding::Identity,
        Framing::Events | Framing::Unknown | Framing::Grpc | Framing::Binary => true,
        Framing::Form
        | Framing::Multipart(_)
        | Framing::Message
        | Framing::Csv(_)
        | Framing::Markup
        | Framing::Graphql
        | Framing::Lines
        | Framing::Text => false,
    };
    if streams {
        return false;
    }
    if message.text("trailer").is_some() {
        return true;
    }
    let length = message.text("content-length");
    let length = length.and_then(|length| length.trim().parse::<usize>().ok());
    match (direction, length) {
        // Over HTTP/1.1 a message with a length has no trailers.
        (_, Some(length)) => length <= HELD_BYTES && !is_http1(host),
        // A text that streams without a length is not held back, unless trailers are announced.
        (Direction::Response, None) => false,
        // Envoy drops the trailers of HTTP/1.1 unless it is told otherwise, and what arrives there in
        // one read while the body is held may be more than its buffer takes.
        (Direction::Request, None) => !is_http1(host),
    }
}

/// Whether the request came over HTTP/1. That of the upstream is not known.
fn is_http1(host: &dyn Host) -> bool {
    let protocol = host.property(&["request", "protocol"]).unwrap_or_default();
    protocol.starts_with(b"HTTP/1")
}

/// What the report header says about a body that is not searched.
pub(super) const NOT_SEARCHED: &str = "not-searched";
/// So much of a body is kept.
pub(super) const HELD_BYTES: usize = 16 * 1024;
