//! Takes entries out of a YAML text and puts some in, and leaves all else as it is, comments included.

/// The text without the entry whose first line begins with `first`: the line, what is indented below it,
/// and the comment right above. A text without such an entry stays as it is.
pub(super) fn without(text: &str, first: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = lines
        .iter()
        .position(|line| line.trim_start().starts_with(first));
    match at {
        Some(at) => without_lines(&lines, at),
        None => text.to_owned(),
    }
}

/// The text without a member of the map behind `key`.
pub(super) fn without_member(text: &str, key: &str, member: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    match member_at(&lines, key, member) {
        Some(at) => without_lines(&lines, at),
        None => text.to_owned(),
    }
}

/// Whether the map behind `key` has a member.
pub(super) fn has_member(text: &str, key: &str, member: &str) -> bool {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    member_at(&lines, key, member).is_some()
}

/// A member of the map behind `key`, with what is below it.
pub(super) fn member_of(text: &str, key: &str, member: &str) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = member_at(&lines, key, member)?;
    Some(lines.get(at..end_of(&lines, at))?.concat())
}

/// The text with lines at the end of the map behind `key`, as far indented as its members are.
pub(super) fn with_member(text: &str, key: &str, lines_of_member: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let Some(at) = lines.iter().position(|line| line.trim() == key) else {
        return text.to_owned();
    };
    let mut end = end_of(&lines, at);
    while end > at
        && lines
            .get(end - 1)
            .is_some_and(|line| line.trim().is_empty())
    {
        end -= 1;
    }
    let wanted = lines.get(at).map_or(0, |line| indent(line)) + 2;
    let first = lines_of_member.lines().find(|line| !line.trim().is_empty());
    let there = first.map_or(0, indent);
    let (before, after) = lines.split_at(end);
    let mut whole = before.concat();
    for line in lines_of_member.lines() {
        let line = line.get(there..).unwrap_or_default();
        whole.push_str(&" ".repeat(wanted));
        whole.push_str(line);
        whole.push('\n');
    }
    whole.push_str(&after.concat());
    whole
}

/// The documents of a text that `keeps` says.
pub(super) fn documents(text: &str, keeps: impl Fn(&str) -> bool) -> String {
    let kept = text.split("\n---\n").filter(|document| keeps(document));
    let kept: Vec<&str> = kept.collect();
    let mut text = kept.join("\n---\n");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn member_at(lines: &[&str], key: &str, member: &str) -> Option<usize> {
    let at = lines.iter().position(|line| line.trim() == key)?;
    let wanted = format!("{member}:");
    let inner = indent(lines.get(at)?) + 2;
    (at + 1..end_of(lines, at)).find(|place| {
        lines
            .get(*place)
            .is_some_and(|line| indent(line) == inner && line.trim_start().starts_with(&wanted))
    })
}

fn without_lines(lines: &[&str], at: usize) -> String {
    let end = end_of(lines, at);
    let own = lines.get(at).map_or(0, |line| indent(line));
    let mut start = at;
    while start > 0
        && lines
            .get(start - 1)
            .is_some_and(|line| indent(line) == own && line.trim_start().starts_with('#'))
    {
        start -= 1;
    }
    let before = lines.get(..start).unwrap_or_default();
    let after = lines.get(end..).unwrap_or_default();
    [before.concat(), after.concat()].concat()
}

/// The place behind all that is indented below a line.
fn end_of(lines: &[&str], at: usize) -> usize {
    let own = lines.get(at).map_or(0, |line| indent(line));
    let below = |line: &&str| line.trim().is_empty() || indent(line) > own;
    let rest = lines.get(at + 1..).unwrap_or_default();
    at + 1 + rest.iter().take_while(|line| below(line)).count()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a:\n  # of b\n  b:\n    c: 1\n\n  limits:\n    limits:\n      - 1\n# end\n";

    #[test]
    fn entries_go_with_what_belongs_to_them() {
        assert_eq!(
            without_member(TEXT, "a:", "b"),
            "a:\n  limits:\n    limits:\n      - 1\n# end\n"
        );
        assert_eq!(
            without_member(TEXT, "a:", "limits"),
            "a:\n  # of b\n  b:\n    c: 1\n\n# end\n"
        );
        assert_eq!(without_member(TEXT, "a:", "c"), TEXT);
        assert_eq!(
            without(TEXT, "- 1"),
            "a:\n  # of b\n  b:\n    c: 1\n\n  limits:\n    limits:\n# end\n"
        );
        assert!(has_member(TEXT, "a:", "b") && !has_member(TEXT, "b:", "b"));
    }

    #[test]
    fn members_are_put_in_at_the_depth_of_the_others() {
        let member = member_of(TEXT, "a:", "limits").unwrap();
        assert_eq!(
            with_member("x:\n  y:\n    z: 1\nw: 2\n", "y:", &member),
            "x:\n  y:\n    z: 1\n    limits:\n      limits:\n        - 1\nw: 2\n"
        );
    }

    #[test]
    fn documents_are_kept_whole() {
        assert_eq!(
            documents("a\n---\nb\n---\nc\n", |text| text != "b"),
            "a\n---\nc\n"
        );
        assert_eq!(documents("a\n---\nb\n", |text| text == "a"), "a\n");
    }
}
