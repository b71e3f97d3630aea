//! Values that a request names: a segment of its path, a query parameter, a header, the host, or a
//! field of the client's certificate.
//!
//! Conditions compare them with claims (whose object is it?), and records keep them (about whom was
//! it?). Servers may read each of them in more than one way, so there is a value for each reading,
//! and one that a reading lacks is missing there.

use crate::config::{Fields, Node};
use crate::facts::Facts;
use crate::matching::{Ambiguity, Fit, Match};
use crate::path::PathVariable;
use crate::values::{MAX_VALUES, Values};

/// Where a value stands in a request: `{ "path": "/users/{id}/**" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestValue {
    /// One segment of the path.
    Path(PathVariable),
    /// A query parameter, by name.
    Query(String),
    /// A header, by name.
    Header(String),
    /// The host, or one label of it.
    Host(HostVariable),
    /// A field of the certificate that the client has shown.
    ClientCertificate(CertificateField),
}

/// The host, or the label of it that a pattern such as `{tenant}.example.com` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostVariable {
    name: String,
    before: String,
    after: String,
    /// The pattern is the variable alone: all of the host.
    is_whole: bool,
}

/// A field of a client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateField {
    /// Its first alternative name that is a URI.
    UriSan,
    /// Its first alternative name that is a DNS name.
    DnsSan,
    /// Its subject, as a distinguished name.
    Subject,
    /// Its SHA-256 digest, in hexadecimal.
    Sha256,
}

/// What a request names at one place, under every reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readings {
    /// The values, each once.
    pub values: Vec<String>,
    /// There is a reading without a value.
    pub is_missing_somewhere: bool,
    /// There may be other readings, which nobody knows.
    pub is_incomplete: bool,
    /// What the readings disagree about, if they do.
    pub ambiguity: Ambiguity,
}

impl RequestValue {
    /// The keys, one of which says where the value stands.
    pub const KEYS: [&'static str; 5] = ["path", "query", "header", "host", "client_certificate"];

    /// Reads an object with exactly one of [`RequestValue::KEYS`].
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let found = Self::read_some(fields);
            if found.len() != 1 {
                fields.node().reject(
                    r#"expected exactly one of "path", "query", "header", "host" and "client_certificate""#,
                );
                return None;
            }
            found.into_iter().next()?
        })
    }

    /// The places that an object names, which may have other keys; `None` for one that cannot be
    /// read.
    #[must_use]
    pub fn read_some(fields: &mut Fields<'_>) -> Vec<Option<Self>> {
        let mut found = Vec::new();
        found.extend(fields.optional("path").map(|n| {
            n.parsed(PathVariable::parse, "a path with one variable")
                .map(Self::Path)
        }));
        found.extend(
            fields
                .optional("query")
                .map(|n| n.parameter_name().map(Self::Query)),
        );
        found.extend(
            fields
                .optional("header")
                .map(|n| n.field_name().map(Self::Header)),
        );
        found.extend(fields.optional("host").map(|n| {
            n.parsed(HostVariable::parse, "a host with one variable")
                .map(Self::Host)
        }));
        found.extend(fields.optional("client_certificate").map(|n| {
            n.one_of(&CertificateField::WORDS)
                .map(Self::ClientCertificate)
        }));
        found
    }

    /// Takes over how the upstream of a rule routes paths. Rejects a place in the path that no request
    /// of the rule has: one with paths of another shape.
    pub fn check_within(&mut self, node: &Node<'_>, matches: &Match) {
        let Self::Path(variable) = self else {
            return;
        };
        variable.set_routing(matches.routing());
        if !matches.may_have_path(variable.pattern()) {
            node.reject_unseen(
                "no path of this rule's \"match\" has such a segment, so it would always be missing",
            );
        }
    }

    /// What a request names here.
    #[must_use]
    pub fn readings(&self, facts: &dyn Facts) -> Readings {
        let mut readings = Readings {
            values: Vec::new(),
            is_missing_somewhere: false,
            is_incomplete: false,
            ambiguity: self.ambiguity(),
        };
        match self {
            Self::Path(variable) => match facts.path() {
                Ok(path) => {
                    for reading in path.readings() {
                        readings.add(variable.value(reading));
                    }
                }
                Err(_) => readings.is_incomplete = true,
            },
            Self::Query(name) => {
                let queries = facts.queries();
                readings.is_incomplete =
                    queries.is_none() || (!facts.has_all_headers() && facts.raw_path().is_empty());
                for query in queries.iter().flat_map(|queries| queries.iter()) {
                    // Of several, some server takes the one that is empty.
                    if query.values(name).any(<[u8]>::is_empty) {
                        readings.is_missing_somewhere = true;
                    }
                    match Values::of_parameter(std::slice::from_ref(query), name) {
                        Values::Missing => readings.is_missing_somewhere = true,
                        Values::TooMany => {
                            readings.is_incomplete = true;
                            readings.add_some_of(query.values(name));
                        }
                        Values::Some(values) => {
                            for value in values {
                                readings.add(std::str::from_utf8(&value).ok());
                            }
                        }
                    }
                }
            }
            Self::Header(name) => {
                readings.is_incomplete = !facts.has_all_headers();
                let lines = facts.header_lines(name);
                let folded = facts.folded_lines(name);
                readings.add_header(&lines);
                if !folded.is_empty() {
                    // Some servers take the other spelling for the name, and some do not.
                    readings.add_header(&[lines, folded].concat());
                }
            }
            Self::Host(variable) => {
                let others = facts.other_hosts();
                readings.is_incomplete = others.is_any || !facts.has_all_headers();
                readings.add(variable.value(facts.host()));
                for other in others.names.iter().take(MAX_VALUES) {
                    readings.add(variable.value(other));
                }
            }
            Self::ClientCertificate(field) => {
                readings.add(facts.client_certificate(*field).as_deref());
            }
        }
        readings
    }

    /// The value, where every server reads the same one.
    #[must_use]
    pub fn only_value(&self, facts: &dyn Facts) -> Option<String> {
        let readings = self.readings(facts);
        let is_certain = !readings.is_missing_somewhere && !readings.is_incomplete;
        let mut values = readings.values.into_iter();
        match (values.next(), values.next()) {
            (Some(value), None) if is_certain => Some(value),
            _ => None,
        }
    }

    /// Where the value stands, and what is there, for explanations.
    #[must_use]
    pub fn told(&self, facts: &dyn Facts) -> String {
        let place = match self {
            Self::Path(variable) => format!("segment {} of the path", variable.number()),
            Self::Query(name) => format!("the query parameter {name:?}"),
            Self::Header(name) => format!("the header {name:?}"),
            Self::Host(variable) => format!("the host {:?}", variable.pattern()),
            Self::ClientCertificate(field) => {
                let words = CertificateField::WORDS.iter();
                let mut words = words.filter(|(_, known)| known == field);
                let word = words.next().map_or("", |(word, _)| word);
                format!("{word} of the client certificate")
            }
        };
        let readings = self.readings(facts);
        match readings.values.as_slice() {
            [] => format!("{place}, which the request lacks"),
            [one] if !readings.is_missing_somewhere => format!("{place}, which is {one:?}"),
            several => format!("{place}, which may be one of {several:?}"),
        }
    }

    const fn ambiguity(&self) -> Ambiguity {
        match self {
            // A certificate has one value or none.
            Self::Path(_) | Self::ClientCertificate(_) => Ambiguity::Path,
            Self::Query(_) => Ambiguity::Query,
            Self::Header(_) => Ambiguity::Header,
            Self::Host(_) => Ambiguity::Host,
        }
    }
}

impl Readings {
    /// Whether a test holds for the value: under every reading, under some, or under none.
    #[must_use]
    pub fn fit(&self, test: impl Fn(&str) -> bool) -> Fit {
        let values = self.values.iter().map(|value| test(value));
        let missing = self.is_missing_somewhere.then_some(false);
        match Fit::over(values.chain(missing), self.ambiguity) {
            _ if self.is_incomplete => Fit::Maybe(self.ambiguity),
            fit => fit,
        }
    }

    /// An empty value names nothing, and neither does one that is not text.
    fn add(&mut self, value: Option<&str>) {
        let value = value.filter(|value| !value.is_empty() && !value.contains('\u{fffd}'));
        match value {
            None => self.is_missing_somewhere = true,
            Some(value) if self.values.iter().any(|known| known == value) => {}
            Some(_) if self.values.len() >= MAX_READINGS => self.is_incomplete = true,
            Some(value) => self.values.push(value.to_owned()),
        }
    }

    /// The first and the last of more values than anybody needs: servers that take one take one of these.
    fn add_some_of<'v>(&mut self, mut values: impl Iterator<Item = &'v [u8]>) {
        let first: Vec<&[u8]> = values.by_ref().take(MAX_VALUES).collect();
        for value in first.into_iter().chain(values.last()) {
            self.add(std::str::from_utf8(value).ok());
        }
    }

    /// Each line, all of them joined, and the items of lists: servers take any of these.
    fn add_header(&mut self, lines: &[String]) {
        if lines.is_empty() {
            self.is_missing_somewhere = true;
        }
        if lines.len() > 1 {
            self.add(Some(&lines.join(",")));
            self.add(Some(&lines.join(", ")));
        }
        for line in lines {
            self.add(Some(line.trim()));
            if line.contains(',') {
                for item in line.split(',').take(MAX_READINGS.saturating_add(1)) {
                    self.add(Some(item.trim()));
                }
            }
        }
    }
}

impl HostVariable {
    /// Reads `{host}`, or a name with one label such as `{tenant}`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.to_ascii_lowercase();
        let (before, rest) = text.split_once('{').ok_or(HOST_EXPECTED)?;
        let (name, after) = rest.split_once('}').ok_or(HOST_EXPECTED)?;
        let is_name = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        };
        let is_label = (before.is_empty() || before.ends_with('.'))
            && (after.is_empty() || after.starts_with('.'));
        if !is_label || !is_name(before) || !is_name(after) || !is_variable_name(name) {
            return Err(HOST_EXPECTED);
        }
        Ok(Self {
            name: name.to_owned(),
            is_whole: before.is_empty() && after.is_empty(),
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    /// The pattern as it is written, for who may not say the host itself.
    #[must_use]
    pub fn pattern(&self) -> String {
        [&self.before, "{", &self.name, "}", &self.after].concat()
    }

    fn value<'h>(&self, host: &'h str) -> Option<&'h str> {
        if self.is_whole {
            return Some(host);
        }
        let label = host
            .strip_prefix(self.before.as_str())?
            .strip_suffix(self.after.as_str())?;
        (!label.contains('.')).then_some(label)
    }
}

impl CertificateField {
    const WORDS: [(&'static str, Self); 4] = [
        ("uri_san", Self::UriSan),
        ("dns_san", Self::DnsSan),
        ("subject", Self::Subject),
        ("sha256", Self::Sha256),
    ];
}

/// Whether a variable may be called so: the name is for people alone.
pub(crate) fn is_variable_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(is_plain)
}

/// More values under different readings have no honest use.
const MAX_READINGS: usize = 2 * MAX_VALUES;
const HOST_EXPECTED: &str =
    "expected \"{host}\" for the whole host, or one label of it as in \"{tenant}.example.com\"";

#[cfg(test)]
mod tests;
