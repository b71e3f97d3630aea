//! Where the value of a secret ends in a text: at the quote that closes it, or with what stands together.

use super::boundary::{is_word, separates_values};
use crate::bytes::{Position as _, at, before, count_while, count_while_back, part, rest};
use crate::steps::step;

/// The ends of values in one text, each looked for once however many names stand before it.
#[derive(Debug, Default)]
pub(super) struct SecretEnds {
    /// Of what stands together without a blank.
    bare: usize,
    /// The next of each sort of quotes.
    quotes: [usize; 4],
    /// The position of the next digit.
    digit: usize,
}

impl SecretEnds {
    /// The end of a value without quotes.
    pub(super) fn bare(&mut self, text: &[u8], start: usize) -> usize {
        if start >= self.bare {
            let mut end = start;
            loop {
                end = end.plus(count_while(text, end, |byte| byte > b' ' && !may_end(byte)));
                if end >= text.len() || at(text, end) <= b' ' || ends(text, end) {
                    break;
                }
                end = end.plus(1);
            }
            self.bare = end;
        }
        // Signs of what is around it.
        let value = part(text, start, self.bare);
        let closing = match at(text, self.bare) {
            b'>' => count_while_back(value, value.len(), |byte| {
                matches!(byte, b'-' | b']' | b'?' | b'/')
            }),
            _ => 0,
        };
        self.bare.less(closing)
    }

    /// Whether a value has a digit.
    pub(super) fn has_digit(&mut self, text: &[u8], start: usize, end: usize) -> bool {
        if self.digit < start {
            let none = rest(text, start)
                .iter()
                .take_while(|byte| !byte.is_ascii_digit());
            self.digit = start.plus(none.count());
            step(self.digit.less(start) / 4);
        }
        (start..end).contains(&self.digit) && at(text, self.digit).is_ascii_digit()
            || at(text, start).is_ascii_digit()
    }

    /// The quote that closes a value which begins behind one.
    pub(super) fn quoted(&mut self, text: &[u8], start: usize) -> Option<usize> {
        let quote = before(text, start);
        if !matches!(quote, b'"' | b'\'' | b'`') {
            return None;
        }
        let is_escaped = before(text, start.less(1)) == b'\\';
        let place = usize::from(quote == b'"').plus(usize::from(is_escaped).saturating_mul(2));
        let known = self.quotes.get_mut(place)?;
        if *known < start {
            let mut end = start;
            while let Some(next) = memchr::memchr(quote, rest(text, end)) {
                step(1);
                end = end.plus(next);
                let signs = count_while_back(part(text, start, end), end.less(start), |byte| {
                    byte == b'\\'
                });
                if is_escaped && signs == 1 || !is_escaped && signs % 2 == 0 {
                    break;
                }
                end = end.plus(1);
            }
            step(end.less(start) / 4);
            *known = if end < text.len() && at(text, end) == quote {
                end
            } else {
                usize::MAX
            };
        }
        let end = known.less(usize::from(is_escaped));
        let is_closed = *known < text.len() && at(text, *known) == quote;
        (is_closed && end >= start && end.less(start) <= LONGEST_QUOTED_BYTES).then_some(end)
    }
}

const fn may_end(byte: u8) -> bool {
    separates_values(byte) || matches!(byte, b'&' | b'\\' | b'`' | b'*')
}

/// Whether a sign ends the value before it: nothing of it follows, or another name does.
fn ends(text: &[u8], place: usize) -> bool {
    let sign = at(text, place);
    let next = at(text, place.plus(1));
    step(1);
    if next <= b' ' || may_end(next) && next != b'\\' || place.plus(1) >= text.len() {
        return true;
    }
    match sign {
        b'\\' => matches!(next, b'n' | b'r' | b't' | b'\\'),
        // A tag.
        b'<' => {
            matches!(next, b'/' | b'!' | b'?')
                || next.is_ascii_alphabetic() && {
                    let tag = part(text, place.plus(1), place.plus(LONGEST_TAG_BYTES));
                    let name =
                        count_while(tag, 0, |byte| byte.is_ascii_alphanumeric() || byte == b'/');
                    matches!(at(tag, name), b'>' | b' ')
                }
        }
        b'>' => matches!(before(text, place), b'-' | b']' | b'?' | b'/'),
        b'.' => false,
        _ => begins_name(part(text, place.plus(1), place.plus(LONGEST_NAME_BYTES))),
    }
}

/// Whether the text begins with a name and its separator: `name=`, `"name":`.
fn begins_name(text: &[u8]) -> bool {
    let name = count_while(text, 0, |byte| is_word(byte) || matches!(byte, b'-' | b'.'));
    let quote = usize::from(matches!(at(text, name), b'"' | b'\''));
    name > 0 && matches!(at(text, name.plus(quote)), b'=' | b':')
}

const LONGEST_QUOTED_BYTES: usize = 256;
const LONGEST_TAG_BYTES: usize = 24;
const LONGEST_NAME_BYTES: usize = 40;

#[cfg(test)]
mod tests {
    use crate::fixtures::{assert_keeps, assert_redacts, plan_of, redacted};

    #[test]
    fn a_word_is_a_secret_where_nothing_else_can_stand() {
        let plan = plan_of(r#"{"presets":["secrets"]}"#);
        for (text, expected) in [
            (
                "Server=h;Database=d;User Id=sa;Password=swordfish;",
                "Server=h;Database=d;User Id=sa;Password=[PASSWORD];",
            ),
            ("DB_PASSWORD=postgres", "DB_PASSWORD=[PASSWORD]"),
            (
                "MYSQL_ROOT_PASSWORD=\"swordfish\"",
                "MYSQL_ROOT_PASSWORD=\"[PASSWORD]\"",
            ),
            (
                "password=correct-horse-battery-staple",
                "password=[PASSWORD]",
            ),
            (
                "{\"password\": \"swordfish\"}",
                "{\"password\": \"[PASSWORD]\"}",
            ),
            (
                "GET /login?user=joe&password=swordfish HTTP/1.1",
                "GET /login?user=joe&password=[PASSWORD] HTTP/1.1",
            ),
            ("mysql --password=swordfish", "mysql --password=[PASSWORD]"),
            ("export AWS_SECRET=swordfish", "export AWS_SECRET=[API_KEY]"),
            ("api_key = 'swordfish'", "api_key = '[API_KEY]'"),
        ] {
            assert_eq!(
                redacted(&plan, "text/plain", &format!("x {text}")),
                format!("x {expected}")
            );
        }
        for text in [
            "password: required",
            "password=required",
            "password=$PASSWORD",
            "password=<password>",
            "password=***",
            "password=password",
            "\"password\": \"Password\"",
            "\"password\": \"string\"",
            "token=get_token()",
            "token = None",
            "The password is wrong: try again",
        ] {
            assert_eq!(
                redacted(&plan, "text/plain", &format!("x {text}")),
                format!("x {text}")
            );
        }
        let plan = plan_of(r#"{"presets":["ccpa"]}"#);
        assert_eq!(
            redacted(
                &plan,
                "text/plain",
                "GET /?lat=45.520247&lng=-122.674194&zoom=12.34567"
            ),
            "GET /?lat=45.52&lng=-122.67&zoom=12.34567"
        );
    }

    #[test]
    fn a_secret_goes_to_its_end() {
        let plan = plan_of(r#"{"presets":["secrets"]}"#);
        for (text, expected) in [
            (r#"password: "hun ter2""#, r#"password: "[PASSWORD]""#),
            (
                r#"DB_PASSWORD="correct horse battery staple""#,
                r#"DB_PASSWORD="[PASSWORD]""#,
            ),
            ("my_secret: 'a b c d' # x", "my_secret: '[API_KEY]' # x"),
            (r#"PASSWORD = "p@ss, w0rd!""#, r#"PASSWORD = "[PASSWORD]""#),
            (
                r#"password: "p\"q1", x: "y""#,
                r#"password: "[PASSWORD]", x: "y""#,
            ),
            (
                r#"{"password" : "hunter2 x"}"#,
                r#"{"password" : "[PASSWORD]"}"#,
            ),
            (
                r#"msg {\"password\":\"hun ter2\",\"a\":1}"#,
                r#"msg {\"password\":\"[PASSWORD]\",\"a\":1}"#,
            ),
            ("password: ab,cd1 x", "password: [PASSWORD] x"),
            ("password: ab;cd1", "password: [PASSWORD]"),
            ("password: a<b1cd", "password: [PASSWORD]"),
            ("password: ab|cd1", "password: [PASSWORD]"),
            ("password: ab\\cd1", "password: [PASSWORD]"),
            ("password: hunter2,Xy9secret", "password: [PASSWORD]"),
            ("password=hunter2,user=joe", "password=[PASSWORD],user=joe"),
            ("(password=hunter2), x", "(password=[PASSWORD]), x"),
            ("password=hunter2&a=b", "password=[PASSWORD]&a=b"),
            ("<b>password: hunter2</b>", "<b>password: [PASSWORD]</b>"),
            (r#"password := "hunter2""#, r#"password := "[PASSWORD]""#),
            ("'password' => 'hunter2',", "'password' => '[PASSWORD]',"),
            ("password: &a hunter2", "password: &a [PASSWORD]"),
            ("password: !!str hunter2", "password: !!str [PASSWORD]"),
            (
                "psql --password hunter2 --host x1",
                "psql --password [PASSWORD] --host x1",
            ),
            (
                "CREATE USER joe IDENTIFIED BY 'hunter2';",
                "CREATE USER joe IDENTIFIED BY '[PASSWORD]';",
            ),
            (
                "machine h1 login joe password hunter2",
                "machine h1 login joe password [PASSWORD]",
            ),
            (
                "UPDATE t SET [Password] = 'hunter2'",
                "UPDATE t SET [Password] = '[PASSWORD]'",
            ),
            (
                "Server=h;User Id=sa;Password=swordfish;",
                "Server=h;User Id=sa;Password=[PASSWORD];",
            ),
            ("DB_PASSWORD=postgres\n", "DB_PASSWORD=[PASSWORD]\n"),
            (
                "POSTGRES_PASSWORD=password\n",
                "POSTGRES_PASSWORD=[PASSWORD]\n",
            ),
            (
                r#"MYSQL_ROOT_PASSWORD="swordfish""#,
                r#"MYSQL_ROOT_PASSWORD="[PASSWORD]""#,
            ),
            (
                "password=correct-horse-battery-staple",
                "password=[PASSWORD]",
            ),
            (
                "user: joe\npassword: Swordfish!\nport: 1",
                "user: joe\npassword: [PASSWORD]\nport: 1",
            ),
            (
                r#"sent {\"user\":\"joe\",\"password\":\"sword fish\"}"#,
                r#"sent {\"user\":\"joe\",\"password\":\"[PASSWORD]\"}"#,
            ),
            (
                "jdbc:postgresql://h/db?user=joe&password=swordfish",
                "jdbc:postgresql://h/db?user=joe&password=[PASSWORD]",
            ),
            (
                "GET /cb?client_secret=abcdefgh HTTP/1.1",
                "GET /cb?client_secret=[API_KEY] HTTP/1.1",
            ),
            (
                "mysql --password=swordfish -u joe",
                "mysql --password=[PASSWORD] -u joe",
            ),
            ("export AWS_SECRET=swordfish", "export AWS_SECRET=[API_KEY]"),
            ("api_key = 'swordfish'", "api_key = '[API_KEY]'"),
            (
                "define('DB_PASSWORD', 'swordfish');",
                "define('DB_PASSWORD', '[PASSWORD]');",
            ),
            (
                "GET /x?X-Amz-Signature=0a1b2c3d&a=1",
                "GET /x?X-Amz-Signature=[API_KEY]&a=1",
            ),
        ] {
            let once = redacted(&plan, "text/plain", text);
            assert_eq!(once, expected);
            assert_eq!(redacted(&plan, "text/plain", &once), expected, "twice");
        }
        assert_keeps(
            &plan,
            "text/plain",
            &[
                "token=token, password=user_password, secret=settings.SECRET",
                "password=Password\nlogin.password = ${PASSWORD}\npassword: <your password>",
                "password=get_password() token={{ token }} password=$PASSWORD secret=%s",
                "Password: incorrect\nToken: expired",
                "Unexpected token: \"foo\", the password: \"letters\"",
                r#"["password","username"] ("user","password","email")"#,
                r#"sent {"password":"string","token":"****"}"#,
                "The password: use eight signs or more",
                "password: \"required\", token: \"\" + x",
                "if password == \"\" { return 1 }",
                "a password 2 is needed, the token 5 of 7",
            ],
        );
    }

    #[test]
    fn comments_and_sections_keep_their_ends() {
        let plan = plan_of(r#"{"presets":["secrets"]}"#);
        assert_redacts(
            &plan,
            "application/xml",
            &[
                (
                    "<a><!--password: hunter2--></a>",
                    "<a><!--password: [PASSWORD]--></a>",
                ),
                ("<!--api_key=0a1b2c3d-->", "<!--api_key=[API_KEY]-->"),
                ("<?x password: hunter2?>", "<?x password: [PASSWORD]?>"),
                (
                    "<password><![CDATA[hunter2]]>tail</password>",
                    "<password><![CDATA[[PASSWORD]]]>[PASSWORD]</password>",
                ),
                (
                    "<!--eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlc2lnbmF0dXJl-->",
                    "<!--[JWT]-->",
                ),
            ],
        );
    }
}
