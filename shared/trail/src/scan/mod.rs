//! Reads the record of a request in one pass over its bytes, without building a tree.
//!
//! This is the fast way to the answer that [`Record::check_text`] gives. It takes only what it is
//! sure of: canonical text with the members in the places that the format gives them. All else
//! (records about chains, which are few, and whatever looks strange) it leaves to that function,
//! whose word counts; a property test holds the two together. [`Templates`] is a yet faster way to the
//! same fields.
//!
//! [`Record::check_text`]: audit::record::Record::check_text

mod member;
mod scanner;
mod templates;
mod text;

use audit::Group;

use scanner::Scanner;
pub use templates::Templates;

/// Where a value stands in the text of its record; empty if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The text, if there is any.
    #[must_use]
    pub fn of(self, text: &str) -> Option<&str> {
        let value = text.get(self.start as usize..self.end as usize)?;
        (!value.is_empty()).then_some(value)
    }

    /// The text of a string, without its quotation marks and with its escapes as they are.
    #[must_use]
    pub fn string(self, text: &str) -> Option<&str> {
        self.of(text)?.strip_prefix('"')?.strip_suffix('"')
    }
}

/// What of a record is read: where its values stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the format")]
pub struct Fields {
    pub actor: Span,
    pub app_uid: Span,
    pub user_uid: Span,
    pub user_name: Span,
    pub user_groups: Span,
    pub api: Span,
    pub operation: Span,
    pub authorizations: Span,
    pub action_id: u64,
    pub code: u64,
    pub http_headers: Span,
    pub path: Span,
    pub query: Span,
    pub url_string: Span,
    pub user_agent: Span,
    pub findings: Span,
    pub src_endpoint: Span,
    pub src_ip: Span,
    pub src_name: Span,
    pub status_id: u64,
    pub time: u64,
    pub has_time: bool,
    pub sequence: u64,
    pub uid: Span,
    pub consent: Span,
    pub data_subject: Span,
    pub class: Span,
    pub expires: Option<u64>,
    pub required_until: Option<u64>,
    pub stage: Span,
    pub chain_uid: Span,
    pub fingerprint: Span,
    pub previous: Span,
    pub version: u64,
    pub commitments: [Span; Group::ALL.len()],
    pub salts: [Span; Group::ALL.len()],
    cuts: [Span; 14],
    cut_count: usize,
}

impl Fields {
    /// Where the parts stand that do not belong to the core, in order.
    pub(crate) fn cuts(&self) -> impl Iterator<Item = (usize, usize)> {
        let cuts = self.cuts.iter().take(self.cut_count);
        cuts.map(|cut| (cut.start as usize, cut.end as usize))
    }

    /// The values of a group, in the order of [`Group::pointers`].
    pub(crate) fn members(&self, group: Group) -> [Span; 3] {
        let none = Span::default();
        match group {
            Group::Consent => [self.consent, none, none],
            Group::DataSubject => [self.data_subject, none, none],
            Group::Source => [self.http_headers, self.user_agent, self.src_endpoint],
            Group::Subject => [self.actor, none, none],
            Group::Url => [self.path, self.query, self.url_string],
        }
    }

    fn cut(&mut self, start: usize, end: usize) -> Option<()> {
        *self.cuts.get_mut(self.cut_count)? = span(start, end)?;
        self.cut_count += 1;
        Some(())
    }
}

/// Reads a record of a request. `None`: this needs a closer look.
#[must_use]
pub fn scan(text: &str) -> Option<Fields> {
    Some(Scanner::new(text).document()?.0)
}

fn span(start: usize, end: usize) -> Option<Span> {
    Some(Span {
        start: u32::try_from(start).ok()?,
        end: u32::try_from(end).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_of_names_are_in_their_order(mut names in prop::collection::vec("[ -!#-\\[\\]-~]{1,12}", 2)) {
            let document = |one: &str, other: &str| format!(r#"{{"{one}":1,"{other}":2}}"#);
            names.sort();
            let ordered = document(&names[0], &names[1]);
            prop_assert_eq!(scan(&ordered).is_some(), names[0] != names[1]);
            prop_assert!(scan(&document(&names[1], &names[0])).is_none());
        }
    }
}
