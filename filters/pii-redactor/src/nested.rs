//! Names of fields that stand for members of members: `user[email]` in PHP, Rails and Express,
//! `user.email` in Spring and ASP.NET, `tags[]` and `tags[0]` for items.

use crate::paths::Child;

/// One step into such a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    /// A member with this name.
    Name(String),
    /// An item, by its place; without one, any.
    Index(u64),
}

impl Member {
    /// Nothing between brackets is an item, whichever.
    fn or_any_item(self) -> Self {
        match self {
            Self::Name(name) if name.is_empty() => Self::Index(u64::MAX),
            other => other,
        }
    }

    /// Where it hangs in its parent.
    pub(crate) fn child(&self) -> Child<'_> {
        match self {
            Self::Name(name) => Child::Name(name),
            Self::Index(index) => Child::Index(*index),
        }
    }
}

/// The ways to a member that servers read in the name of a field, beside the name as it is written.
///
/// | server | reading |
/// | --- | --- |
/// | Spring, ASP.NET | `a.b` and `a[b]` are `b` in `a`; in Spring `!a` is the default of `a` |
/// | Express (qs), Rails (Rack) | `a[b]` is `b` in `a`, brackets around the first name make no difference: `[a]`, `]a`, `a]` |
/// | PHP | `a[b]` is `b` in `a`; spaces in front and all from a zero byte on are no part of the name; in the first name `.`, spaces and a `[` that nothing closes are `_` |
/// | classic ASP, ASP.NET | `%u0061` is `a` |
pub(crate) fn readings(name: &[u8]) -> Vec<Vec<Member>> {
    let is_plain = |byte: &u8| !matches!(byte, 0 | b' ' | b'!' | b'%' | b'.' | b'[' | b']');
    if name.iter().all(is_plain) {
        return Vec::new();
    }
    let name = with_wide_escapes(&policy::text::lossy(name));
    let name = name.split('\0').next().unwrap_or_default().trim_start();
    let bare = name.trim_start_matches([' ', '!', '[', ']']);
    let (head, inside) = match name.split_once('[') {
        Some((head, inside)) if inside.contains(']') => (head, Some(inside)),
        _ => (name, None),
    };
    let mut variable = vec![Member::Name(head.replace([' ', '.', '['], "_"))];
    if let Some(inside) = inside {
        variable.extend(members(inside, &['[']).into_iter().map(Member::or_any_item));
    }
    vec![members(bare, &['[', '.']), members(bare, &['[']), variable]
}

/// The members between these signs, from the outside in. What stands behind a bracket that closes is read by
/// nobody.
fn members(name: &str, signs: &[char]) -> Vec<Member> {
    // Deeper than any framework reads.
    let steps = name.split(signs).enumerate().take(MAX_DEPTH);
    let read = |(place, step): (usize, &str)| {
        let step = step.split(']').next().unwrap_or_default();
        let step = step.trim_start().trim_matches(['"', '\'']);
        let member = step
            .parse()
            .map_or_else(|_| Member::Name(step.to_owned()), Member::Index);
        if place > 0 {
            member.or_any_item()
        } else {
            member
        }
    };
    steps.map(read).collect()
}

/// With the characters that `%uXXXX` stands for.
fn with_wide_escapes(name: &str) -> String {
    let mut parts = name.split("%u");
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let escape = part.split_at_checked(4).and_then(|(digits, after)| {
            let is_digit = |byte: u8| byte.is_ascii_hexdigit();
            let code = digits.bytes().all(is_digit).then_some(digits)?;
            Some((char::from_u32(u32::from_str_radix(code, 16).ok()?)?, after))
        });
        match escape {
            Some((character, after)) => {
                decoded.push(character);
                decoded.push_str(after);
            }
            None => {
                decoded.push_str("%u");
                decoded.push_str(part);
            }
        }
    }
    decoded
}

const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, Member, readings};

    #[test]
    fn a_name_is_read_as_servers_read_it() {
        let read = |name: &str| {
            let shown = |member: &Member| match member {
                Member::Name(name) => name.clone(),
                Member::Index(u64::MAX) => "*".to_owned(),
                Member::Index(index) => index.to_string(),
            };
            let ways = readings(name.as_bytes()).into_iter();
            let ways = ways.map(|way| way.iter().map(shown).collect::<Vec<_>>().join("/"));
            ways.collect::<Vec<String>>()
        };
        assert!(read("email").is_empty());
        for (name, expected) in [
            ("user[email]", "user/email"),
            ("user.email", "user/email"),
            ("users[0][email]", "users/0/email"),
            ("users[].email", "users/*/email"),
            ("tags[]", "tags/*"),
            ("a[b", "a/b"),
            // Express and Rack.
            ("[a]", "a"),
            ("[a][]", "a/*"),
            ("][a]", "a"),
            ("a]", "a"),
            ("a.b[c]", "a.b/c"),
            // Spring.
            ("!a", "a"),
            ("a['b']", "a/b"),
            ("a[\"b\"].c", "a/b/c"),
            // PHP.
            ("a.b", "a_b"),
            ("a b", "a_b"),
            ("a[b", "a_b"),
            ("a.b[c.d]", "a_b/c.d"),
            ("a[ b]c[d]", "a/b/d"),
            ("  a", "a"),
            ("a\0b", "a"),
            // Classic ASP.
            ("%u0061b%u12", "ab%u12"),
        ] {
            let ways = read(name);
            assert!(ways.iter().any(|way| way == expected), "{name}: {ways:?}");
        }
        let deep = readings(&b"a.".repeat(1_000));
        assert!(deep.iter().all(|way| way.len() <= MAX_DEPTH));
    }
}
