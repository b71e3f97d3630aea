//! About whom a request is: where its rule says that the person stands.

use policy::config::{Fields, Node};
use policy::finding::Direction;
use policy::json_path::Path;
use policy::matching::Match;
use policy::request_value::RequestValue;

/// Where a rule finds the person whom a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataSubjectSource {
    /// In a claim of the caller, by its dotted path.
    Claim(String),
    /// In the path, the query, a header, the host or the client's certificate.
    Request(RequestValue),
    /// In a body, where pii-redactor finds it.
    Body {
        /// The way that the body goes.
        direction: Direction,
        /// The JSON path of the member that names the person.
        path: String,
    },
}

impl DataSubjectSource {
    /// One source, or a list of them. Bodies of requests come last: whoever writes hundreds of names into his
    /// leaves no place for those whom the response is about.
    pub(super) fn read_all(node: &Node<'_>, matches: &Match, has_key: bool) -> Option<Vec<Self>> {
        if !has_key {
            node.reject_unseen(
                "people are recorded by pseudonyms, which need a key: set subject.pseudonymize",
            );
        }
        let all = node
            .clone()
            .at_most(MAX_SOURCES)
            .one_or_more(|item| Self::read(&item, matches));
        let (asked, mut sources): (Vec<Self>, Vec<Self>) =
            all?.into_iter().partition(Self::is_request_body);
        sources.extend(asked);
        Some(sources)
    }

    const fn is_request_body(&self) -> bool {
        matches!(
            self,
            Self::Body {
                direction: Direction::Request,
                ..
            }
        )
    }

    fn read(node: &Node<'_>, matches: &Match) -> Option<Self> {
        node.object(|fields| {
            let mut found: Vec<Option<Self>> = RequestValue::read_some(fields)
                .into_iter()
                .map(|place| place.map(Self::Request))
                .collect();
            found.extend(
                fields
                    .optional("claim")
                    .map(|n| n.claim_path().map(Self::Claim)),
            );
            for direction in [Direction::Request, Direction::Response] {
                found.extend(read_body(fields, direction));
            }
            if found.len() != 1 {
                fields.node().reject(
                    r#"expected exactly one of "path", "query", "header", "host", "client_certificate", "claim", "request" and "response""#,
                );
                return None;
            }
            let mut source = found.into_iter().next()??;
            if let Self::Request(place) = &mut source {
                place.check_within(fields.node(), matches);
            }
            Some(source)
        })
    }
}

fn read_body(fields: &mut Fields<'_>, direction: Direction) -> Option<Option<DataSubjectSource>> {
    let node = fields.optional(direction.as_str())?;
    let path = node.parsed(
        |text| Path::parse(text).map(|_| text.to_owned()),
        "a path into the body",
    );
    Some(path.map(|path| DataSubjectSource::Body { direction, path }))
}

const MAX_SOURCES: usize = 8;
