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
    /// Where it hangs in its parent.
    pub(crate) fn child(&self) -> Child<'_> {
        match self {
            Self::Name(name) => Child::Name(name),
            Self::Index(index) => Child::Index(*index),
        }
    }
}

/// The members that a name stands for, from the outside in. `None` for a name that can only be read
/// as it is.
pub(crate) fn members(name: &[u8]) -> Option<Vec<Member>> {
    if !name.iter().any(|byte| matches!(byte, b'[' | b'.')) {
        return None;
    }
    let name = policy::text::lossy(name);
    let mut members = Vec::new();
    for (place, step) in name.split(['[', '.']).enumerate() {
        let step = step.strip_suffix(']').unwrap_or(step);
        match step.parse() {
            Ok(index) => members.push(Member::Index(index)),
            Err(_) if step.is_empty() && place > 0 => members.push(Member::Index(u64::MAX)),
            Err(_) => members.push(Member::Name(step.to_owned())),
        }
        // Deeper than any framework reads.
        if members.len() == MAX_DEPTH {
            break;
        }
    }
    Some(members)
}

const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::{Member, members};

    #[test]
    fn brackets_and_dots_name_members_of_members() {
        let read = |name: &str| {
            let members = members(name.as_bytes())?.into_iter();
            let texts = members.map(|member| match member {
                Member::Name(name) => name,
                Member::Index(u64::MAX) => "*".to_owned(),
                Member::Index(index) => index.to_string(),
            });
            Some(texts.collect::<Vec<_>>().join("/"))
        };
        for (name, expected) in [
            ("email", None),
            ("user[email]", Some("user/email")),
            ("user.email", Some("user/email")),
            ("users[0][email]", Some("users/0/email")),
            ("users[].email", Some("users/*/email")),
            ("tags[]", Some("tags/*")),
            ("a[b", Some("a/b")),
            ("[a]", Some("/a")),
            (".a", Some("/a")),
        ] {
            assert_eq!(read(name).as_deref(), expected, "{name}");
        }
        assert_eq!(members(&b"a.".repeat(1_000)).map(|m| m.len()), Some(32));
    }
}
