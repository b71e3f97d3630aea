//! What a condition on a header may find, read once however many conditions ask for it: a client chooses how long
//! a header is.

/// The values of a header, as servers read them that take its name as it is, and as those do that fold names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderReadings {
    own: HeaderValues,
    with_folded: Option<HeaderValues>,
}

/// The values of a header that a condition may find: its first, its last or any line, and all of them joined
/// (RFC 9110 section 5.3).
///
/// Blanks around a line are not part of the value (RFC 9110 section 5.5): HTTP/2 carries them, and on
/// the way to an upstream with HTTP/1.1 they are lost. Other white space is, to some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderValues {
    /// In order, each once.
    values: Vec<String>,
    /// The items of lists, one of which may count as the value where no list is expected. In order, each once.
    items: Vec<String>,
}

impl HeaderReadings {
    /// Reads the lines of a header, and of those that some servers take for it: [`crate::http::folds_alike`].
    #[must_use]
    pub fn of(lines: Vec<String>, folded: Vec<String>) -> Self {
        let own = HeaderValues::of(&lines);
        let with_folded = (!folded.is_empty()).then(|| HeaderValues::of(&[lines, folded].concat()));
        Self { own, with_folded }
    }

    /// Each reading: one, unless there is a header with a name that some servers fold.
    pub fn iter(&self) -> impl Iterator<Item = &HeaderValues> {
        std::iter::once(&self.own).chain(&self.with_folded)
    }
}

impl HeaderValues {
    fn of(lines: &[String]) -> Self {
        let mut values = Vec::with_capacity(lines.len());
        let mut items = Vec::new();
        for line in lines {
            let line = line.trim_matches([' ', '\t']);
            let stripped = stripped(line);
            values.extend((stripped != line).then(|| stripped.to_owned()));
            values.push(line.to_owned());
            if line.contains(',') {
                items.extend(line.split(',').map(|item| item.trim().to_owned()));
            }
        }
        if let [_, _, ..] = lines {
            let lines = lines.iter().map(|line| line.trim_matches([' ', '\t']));
            let lines: Vec<&str> = lines.collect();
            values.extend([lines.join(","), lines.join(", ")]);
        }
        for list in [&mut values, &mut items] {
            crate::sort::by(list, Ord::cmp);
            list.dedup();
        }
        Self { values, items }
    }

    /// Whether the header is not there.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        self.values.is_empty()
    }

    /// The values, each once.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(String::as_str)
    }

    /// Whether some value is this one, and whether every value is.
    #[must_use]
    pub fn are(&self, expected: &str) -> (bool, bool) {
        let is_some = |list: &[String]| {
            let found = list.binary_search_by(|value| value.as_str().cmp(expected));
            found.is_ok()
        };
        let is_only = |list: &[String]| list.iter().all(|value| value == expected);
        if expected.contains(',') {
            return (is_some(&self.values), is_only(&self.values));
        }
        let some = is_some(&self.values) || is_some(&self.items);
        (some, is_only(&self.values) && is_only(&self.items))
    }
}

/// A line without what frameworks take for white space around it.
fn stripped(line: &str) -> &str {
    line.trim_matches(|character: char| character.is_whitespace() || character.is_control())
}
