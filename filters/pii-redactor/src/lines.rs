//! Texts whose lines are names and values: YAML, TOML, and by what they begin with vCard, iCalendar and LDIF. What a
//! name announces is searched once more, as the value of a member would be; how far a line is indented says what it
//! is a part of. Nothing is held: a name stands before its value.

use crate::bytes::{Position as _, at, count_while, part, rest};
use crate::detect::Span;
use crate::markup::search;
use crate::names::KeyInfo;
use crate::naming::Naming;
use crate::plan::Plan;
use crate::steps::step;

/// Reads a text line by line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    /// The members that what is read may be a part of, the innermost last.
    around: Vec<Member>,
    /// What members beside each other say, and how far these are indented.
    naming: Naming,
    indent: usize,
    /// What the line that is read has said of its value.
    info: KeyInfo,
    /// Whether the line before ends with a sign behind which a value comes, and whether this one does so far.
    is_awaited: bool,
    awaits: bool,
    /// The names that such a text has, if it is a vCard, a calendar or LDIF.
    known: Option<KnownNames>,
}

#[derive(Clone, Debug)]
struct Member {
    indent: usize,
    name: Vec<u8>,
    info: KeyInfo,
}

impl Lines {
    /// Reads what is between two places of a line, and adds what is found. `begins`: the line begins there; `ends`:
    /// it ends there.
    pub(crate) fn read(
        &mut self,
        (plan, text): (&Plan, &[u8]),
        (from, to): (usize, usize),
        (begins, ends): (bool, bool),
        found: &mut Vec<Span>,
    ) {
        step(to.less(from) / 4);
        if begins {
            self.is_awaited = self.awaits;
        }
        if let Some(last) = part(text, from, to).trim_ascii_end().last() {
            self.awaits = matches!(last, b':' | b'[' | b',');
        }
        let start = if begins {
            from.plus(self.begin(plan, part(text, from, to)))
        } else {
            from
        };
        let (start, end) = value(text, (start, to));
        self.naming.push(part(text, start, end));
        search(plan, text, (start, end), &self.info, found);
        if ends {
            self.naming.end();
        }
    }

    /// Whether it is a vCard, a calendar or LDIF, where values have no quotes.
    pub(crate) const fn is_record(&self) -> bool {
        self.known.is_some()
    }

    /// Whether the line is a value that the one before it announces: of a name, or in a list.
    pub(crate) const fn is_awaited(&self) -> bool {
        self.is_awaited
    }

    /// Reads the name that a line begins with. Returns where its value begins.
    fn begin(&mut self, plan: &Plan, line: &[u8]) -> usize {
        let mut place = count_while(line, 0, |byte| byte == b' ' || byte == b'\t');
        let mut item = None;
        while at(line, place) == b'-' && matches!(at(line, place.plus(1)), b' ' | 0) {
            item.get_or_insert(place);
            place = place.plus(1);
            place = place.plus(count_while(line, place, |byte| byte == b' '));
        }
        self.info = KeyInfo::default();
        let ahead = rest(line, place);
        if self.known.is_none() {
            self.known = [(&b"BEGIN:V"[..], PROPERTIES), (b"dn:", ATTRIBUTES)]
                .into_iter()
                .find(|(beginning, _)| ahead.starts_with(beginning))
                .map(|(_, known)| known);
        }
        if matches!(at(ahead, 0), 0 | b'#' | b'\r') || ahead.starts_with(b"---") {
            return line.len();
        }
        let Some((name, length)) = named(ahead, self.known) else {
            // A text that goes on, or an item of a list.
            let indent = item.map_or(place, |item| item.plus(1));
            self.leave(indent);
            if let Some(member) = self.around.last() {
                self.info.kinds.clone_from(&member.info.kinds);
            }
            return place;
        };
        self.leave(place);
        if self.indent != place || item.is_some() {
            self.naming.clear();
            self.indent = place;
        }
        let nothing = KeyInfo::default();
        let parent = self.around.last();
        let parent = parent.map_or((&nothing, &b""[..]), |member| (&member.info, &*member.name));
        let mut info = plan.name_info(parent, &name);
        self.naming.begin(&mut info, plan);
        self.info = info.clone();
        if self.around.len() >= MAX_MEMBERS {
            self.around.drain(..MAX_MEMBERS / 2);
        }
        self.around.push(Member {
            indent: place,
            name,
            info,
        });
        let value = place.plus(length);
        value.plus(count_while(line, value, |byte| byte == b' '))
    }

    /// What is indented so far or further is over.
    fn leave(&mut self, indent: usize) {
        while self
            .around
            .last()
            .is_some_and(|member| member.indent >= indent)
        {
            self.around.pop();
        }
    }
}

/// The name at the beginning of a line, and how long it is with the sign behind it.
fn named(line: &[u8], known: Option<KnownNames>) -> Option<(Vec<u8>, usize)> {
    let line = part(line, 0, MAX_NAME_BYTES);
    if let quote @ (b'"' | b'\'') = at(line, 0) {
        let end = memchr::memchr(quote, rest(line, 1))?.plus(1);
        let sign = end
            .plus(1)
            .plus(count_while(line, end.plus(1), |byte| byte == b' '));
        let is_name = matches!(at(line, sign), b':' | b'=');
        return is_name.then(|| (part(line, 1, end).to_vec(), sign.plus(1)));
    }
    let end = count_while(line, 0, |byte| {
        byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte) || byte >= 0x80
    });
    let name = part(line, 0, end).trim_ascii_end();
    let words = name.split(|byte| *byte == b' ').count();
    if name.is_empty() || words > MAX_WORDS {
        return None;
    }
    if let Some(known) = known
        && matches!(at(line, end), b':' | b';')
    {
        let sign = end.plus(memchr::memchr(b':', rest(line, end))?);
        // `item1.TEL`: before the dot is what it belongs together with.
        let property = name.rsplit(|byte| *byte == b'.').next().unwrap_or(name);
        let words = known
            .iter()
            .find(|(called, _)| called.as_bytes().eq_ignore_ascii_case(property))
            .map_or(property, |(_, words)| words.as_bytes());
        let signs = count_while(line, sign, |byte| byte == b':');
        return Some((words.to_vec(), sign.plus(signs)));
    }
    let is_name = match at(line, end) {
        b':' => at(line, end.plus(1)) <= b' ',
        b'=' => words == 1,
        _ => false,
    };
    is_name.then(|| (name.to_vec(), end.plus(1)))
}

/// A value without its quotes, its anchor, its tag and what is remarked behind it.
fn value(text: &[u8], (mut from, mut to): (usize, usize)) -> (usize, usize) {
    while matches!(at(text, from), b'&' | b'!') && from < to {
        let length = count_while(part(text, 0, to), from, |byte| byte > b' ');
        from = from.plus(length);
        from = from.plus(count_while(part(text, 0, to), from, |byte| byte == b' '));
    }
    to = from.plus(part(text, from, to).trim_ascii_end().len());
    let quote = at(text, from);
    if matches!(quote, b'"' | b'\'') && from < to {
        let inner = part(text, from.plus(1), to);
        let end = memchr::memrchr(quote, inner).unwrap_or(inner.len());
        return (from.plus(1), from.plus(1).plus(end));
    }
    if let Some(remark) = memchr::memmem::find(part(text, from, to), b" #") {
        to = from.plus(part(text, from, from.plus(remark)).trim_ascii_end().len());
    }
    // What follows in the lines below, or stands elsewhere.
    if matches!(
        part(text, from, to),
        [b'|' | b'>', ..] | [b'*', ..] | [b'{'] | [b'[']
    ) {
        return (to, to);
    }
    (from, to)
}

/// Names in any case, and what they would be called in a document.
type KnownNames = &'static [(&'static str, &'static str)];
/// Properties of vCard (RFC 6350).
const PROPERTIES: KnownNames = &[
    ("FN", "full name"),
    ("N", "full name"),
    ("BDAY", "dob"),
    ("DEATHDATE", "death date"),
    ("ADR", "home address"),
    ("TEL", "phone"),
];
/// Attributes of LDAP (RFC 4519).
const ATTRIBUTES: KnownNames = &[
    ("cn", "full name"),
    ("sn", "surname"),
    ("l", "city"),
    ("uid", "username"),
];
const MAX_NAME_BYTES: usize = 128;
/// More of them are prose.
const MAX_WORDS: usize = 3;
const MAX_MEMBERS: usize = 64;

#[cfg(test)]
mod tests {
    use crate::fixtures::{plan_of, redacted};

    #[test]
    fn names_of_yaml_announce_their_values() {
        let plan = plan_of(r#"{"presets":["hipaa","secrets"]}"#);
        for (text, expected) in [
            (
                "first_name: Jane\n\"last name\": 'Doe'\ndob: 1971-02-10 # day\n",
                "first_name: \"[PERSON_NAME]\"\n\"last name\": '[PERSON_NAME]'\ndob: 1971 # day\n",
            ),
            (
                "patient:\n  name: Jane\r\n  phones:\n  - 030 901820\n  - 030 901821\n  visits: 3\n",
                "patient:\n  name: \"[PERSON_NAME]\"\r\n  phones:\n  - \"[PHONE]\"\n  - \"[PHONE]\"\n  visits: 3\n",
            ),
            (
                "users:\n- login: jdoe\n  password: swordfish\n- login: &a !!str joe\n",
                "users:\n- login: \"[USERNAME]\"\n  password: \"[PASSWORD]\"\n- login: &a !!str \"[USERNAME]\"\n",
            ),
            (
                "env:\n- name: DB_PASSWORD\n  value: swordfish\n- name: LEVEL\n  value: debug\n",
                "env:\n- name: DB_PASSWORD\n  value: \"[PASSWORD]\"\n- name: LEVEL\n  value: debug\n",
            ),
            (
                "full_name: |\n  Jane Doe\nnote: Jane Doe\n",
                "full_name: |\n  [PERSON_NAME]\nnote: Jane Doe\n",
            ),
            ("city = \"Springfield\"\n", "city = \"[CITY]\"\n"),
            // Declarations of a deployment.
            (
                "kind: Secret\nmetadata:\n  name: web\ntype: Opaque\nname: x\n# password: none\n",
                "kind: Secret\nmetadata:\n  name: web\ntype: Opaque\nname: x\n# password: none\n",
            ),
        ] {
            assert_eq!(redacted(&plan, "application/yaml", text), expected);
        }
        let long = format!("full_name: {}\nnote: x\n", "Jane ".repeat(2000));
        let out = redacted(&plan, "application/yaml", &long);
        assert!(
            !out.contains("Jane") && out.ends_with("\nnote: x\n"),
            "{out}"
        );
    }

    #[test]
    fn names_of_cards_and_directories_announce_their_values() {
        let plan = plan_of(r#"{"presets":["hipaa","secrets"]}"#);
        for (content_type, text, expected) in [
            (
                "text/vcard",
                "BEGIN:VCARD\r\nFN:Jane Doe\r\nN:Doe;Jane;;;\r\nBDAY:19710210\r\nADR;TYPE=home:;;742 Evergreen Terrace;Springfield;;;\r\nTEL;TYPE=cell:030 901820\r\nEND:VCARD\r\n",
                "BEGIN:VCARD\r\nFN:[PERSON_NAME]\r\nN:[PERSON_NAME]\r\nBDAY:1971\r\nADR;TYPE=home:[STREET_ADDRESS]\r\nTEL;TYPE=cell:[PHONE]\r\nEND:VCARD\r\n",
            ),
            // As address books of Apple write them, and with names in small letters.
            (
                "text/vcard",
                "BEGIN:VCARD\r\nitem1.TEL;type=pref:030 901820\r\nitem2.fn:Jane Doe\r\nUID:5f1a-7\r\nEND:VCARD\r\n",
                "BEGIN:VCARD\r\nitem1.TEL;type=pref:[PHONE]\r\nitem2.fn:[PERSON_NAME]\r\nUID:5f1a-7\r\nEND:VCARD\r\n",
            ),
            (
                "text/ldif",
                "dn: ou=people\ncn: Jane Doe\nsn: Doe\nuserPassword:: e1NTSEF9\nobjectClass: person\n",
                "dn: ou=people\ncn: [PERSON_NAME]\nsn: [PERSON_NAME]\nuserPassword:: [PASSWORD]\nobjectClass: person\n",
            ),
        ] {
            assert_eq!(redacted(&plan, content_type, text), expected);
        }
    }
}
