//! Lists over lines: `Phones:`, and the numbers in the lines below.

use super::Plan;
use crate::bytes::{Position as _, at, count_while, rest};
use crate::entity::EntitySet;

impl Plan {
    /// What a line announces for the lines below it: its last words, if it ends with a colon. Only kinds
    /// that have a form of their own.
    pub(crate) fn announced_below(&self, line: &[u8]) -> EntitySet {
        let line = line.trim_ascii_end();
        if line.last() != Some(&b':') {
            return EntitySet::EMPTY;
        }
        let scratch = &mut *self.scratch.borrow_mut();
        scratch.near.forget();
        let end = line.len();
        let kinds = scratch.near.announced(&self.lexicon, line, end, end);
        kinds.and(&self.wanted)
    }
}

/// Whether a line is an item of a list: it begins with a bullet, a number of its own, or what is listed.
pub(crate) fn is_item(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let number = count_while(line, 0, |byte| byte.is_ascii_digit());
    let without_bullet = match line {
        [b'-' | b'*', left @ ..] | [0xe2, 0x80, 0xa2, left @ ..] => left,
        _ if (1..=2).contains(&number) && matches!(at(line, number), b'.' | b')') => {
            rest(line, number.plus(1))
        }
        _ => line,
    };
    let first = at(without_bullet.trim_ascii_start(), 0);
    first.is_ascii_digit() || matches!(first, b'+' | b'(') || without_bullet.len() < line.len()
}

#[cfg(test)]
mod tests {
    use crate::fixtures::{assert_redacts, plan_of, redacted};

    #[test]
    fn a_line_announces_the_items_below_it() {
        let plan = plan_of(r#"{"presets":["gdpr"]}"#);
        assert_redacts(
            &plan,
            "text/plain",
            &[
                (
                    "Phones:\n- 030 901820\n- 040 1234567\n",
                    "Phones:\n- [PHONE]\n- [PHONE]\n",
                ),
                (
                    "Phone numbers:\r\n\r\n1. 030 901820\r\n2) 040 1234567\r\n",
                    "Phone numbers:\r\n\r\n1. [PHONE]\r\n2) [PHONE]\r\n",
                ),
                (
                    "Phones:\n030 901820\nand that is all\n040 1234567\n",
                    "Phones:\n[PHONE]\nand that is all\n040 1234567\n",
                ),
                ("Orders:\n- 030 901820\n", "Orders:\n- 030 901820\n"),
            ],
        );
    }

    #[test]
    fn a_list_of_any_length_is_announced() {
        let plan = plan_of(r#"{"presets":["hipaa"]}"#);
        let items = |between: &str, spell: &dyn Fn(usize) -> String| {
            let items: Vec<String> = (0..1000).map(spell).collect();
            items.join(between)
        };
        let ssn = |n: usize| format!("5362{:05}", n + 10_101);
        let phone = |n: usize| format!("030 90{n:04}");
        let dashes = |n: usize| format!("536\u{2013}22\u{2013}{:04}", n + 1001);
        for (head, between, spell) in [
            ("SSNs: ", ", ", &ssn as &dyn Fn(usize) -> String),
            ("SSNs: ", "; ", &dashes),
            ("Phones: ", ", ", &phone),
            ("Phones:\\n- ", "\\n- ", &phone),
            ("SSNs:\\n", "\\n", &ssn),
        ] {
            let text = format!("{head}{}", items(between, spell));
            let document = format!("[\"{text}\"]");
            let left = redacted(&plan, "application/json", &document);
            assert_eq!(left.matches('[').count(), 1001, "{head}: {}", &left[..200]);
            if !head.contains('\\') {
                let left = redacted(&plan, "text/plain", &text);
                assert_eq!(left.matches('[').count(), 1000, "{head}");
            }
            // What is no item any more is not announced.
            let last = spell(0).replace('\u{2013}', "");
            let end = format!("[\"{text} and the order {last}\"]");
            let left = redacted(&plan, "application/json", &end);
            assert!(left.ends_with(&format!("order {last}\"]")), "{head}");
        }
    }
}
