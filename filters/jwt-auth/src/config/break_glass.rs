//! Access in an emergency.

use policy::config::Node;
use policy::identity::Identity;

/// Who may break the glass, and where the reason stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakGlass {
    /// The caller needs all of these.
    pub scopes: Vec<String>,
    /// The header with the reason, in lower case.
    pub header: String,
}

impl BreakGlass {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let scopes = fields
                .required("scopes", "the scopes of those who may")
                .and_then(|n| n.scopes());
            let header = fields.or("header", DEFAULT_HEADER.to_owned(), |n| n.header_name());
            Some(Self {
                scopes: scopes?,
                header,
            })
        })
    }

    /// The reason for which a caller breaks the glass. A header without a word is none.
    pub(crate) fn reason(&self, identity: &Identity, header: Option<String>) -> Option<String> {
        let may = self.scopes.iter().all(|scope| identity.has_scope(scope));
        let reason = header?;
        let reason = reason.trim();
        let letters = reason.chars().filter(|c| is_letter(*c));
        let is_reason = letters.map(char::len_utf8).sum::<usize>() >= MIN_REASON_BYTES;
        if !may || !is_reason {
            return None;
        }
        let end = reason.floor_char_boundary(MAX_REASON_BYTES);
        let reason = reason.get(..end).unwrap_or_default();
        Some(reason.chars().filter(|c| !c.is_control()).collect())
    }
}

/// Whether it is a letter that can be seen: the fillers of Hangul are letters, and empty.
fn is_letter(letter: char) -> bool {
    letter.is_alphabetic() && !matches!(letter, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

const DEFAULT_HEADER: &str = "x-break-glass";
/// A reason has at least so many bytes of letters that can be seen.
const MIN_REASON_BYTES: usize = 4;
const MAX_REASON_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_glass_is_broken_by_who_may_and_says_why() {
        let glass = BreakGlass {
            scopes: vec!["emergency".to_owned()],
            header: DEFAULT_HEADER.to_owned(),
        };
        let of = |scopes: &[&str]| Identity {
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            ..Identity::default()
        };
        let may = of(&["phi", "emergency"]);
        let reason =
            |identity: &Identity, text: &str| glass.reason(identity, Some(text.to_owned()));
        let said = reason(&may, " cardiac arrest,\tbed 4 ");
        assert_eq!(said.as_deref(), Some("cardiac arrest,bed 4"));
        assert_eq!(glass.reason(&may, None), None);
        assert_eq!(reason(&may, "心停").as_deref(), Some("心停"));
        let fillers = ["\u{3164}\u{3164}", "\u{115f}\u{1160}\u{ffa0}"];
        for nothing in ["", "  ", "yes", "1234", "....", "...a", "a 1 b 2"]
            .into_iter()
            .chain(fillers)
        {
            assert_eq!(reason(&may, nothing), None, "{nothing:?}");
        }
        assert_eq!(reason(&of(&["phi"]), "cardiac arrest"), None);
        let long = reason(&may, &"é".repeat(500)).unwrap();
        assert_eq!(long.len(), 256);
    }
}
