//! Parameters of the query, and which names of parameters and cookies some server takes for one.

use crate::values;

/// The decoded values of a query parameter in a `:path`, in order.
#[must_use]
pub fn query_parameters(path: &str, name: &str) -> Vec<String> {
    query_pairs(path)
        .filter(|(found, _)| form_decoded(found) == name)
        .map(|(_, value)| form_decoded(value))
        .collect()
}

/// Whether there is a query parameter in a `:path` that some servers take for the one of this name,
/// beside those that [`query_parameters`] finds.
#[must_use]
pub fn has_other_spelling_of_parameter(path: &str, name: &str) -> bool {
    let query = query_of(path);
    let is_alike = |pair: &&str| {
        let found = form_decoded_name(pair);
        parameters_alike(found.as_bytes(), name.as_bytes())
    };
    let alike = query.split(['&', ';']).filter(is_alike).count();
    let usual = query
        .split('&')
        .filter(|pair| form_decoded_name(pair) == name);
    alike > usual.count()
}

/// The `:path` without the query parameters that some server takes for the one of this name, the
/// rest byte for byte. Some servers take `;` for `&`.
#[must_use]
pub fn without_query_parameter(path: &str, name: &str) -> String {
    let Some((before, query)) = path.split_once('?') else {
        return path.to_owned();
    };
    let (query, fragment) = match query.split_once('#') {
        Some((query, fragment)) => (query, Some(fragment)),
        None => (query, None),
    };
    let is_other = |pair: &&str| {
        let found = form_decoded_name(pair);
        !parameters_alike(found.as_bytes(), name.as_bytes())
    };
    let mut kept: Vec<String> = Vec::new();
    for parameter in query.split('&') {
        let parts: Vec<&str> = parameter.split(';').filter(is_other).collect();
        if !parts.is_empty() {
            kept.push(parts.join(";"));
        }
    }
    let mut result = before.to_owned();
    if !kept.is_empty() {
        result.push('?');
        result.push_str(&kept.join("&"));
    }
    if let Some(fragment) = fragment {
        result.push('#');
        result.push_str(fragment);
    }
    result
}

/// Whether some server takes a parameter or cookie of a request, `found`, for the one that a configuration calls `name`.
///
/// ASP.NET ignores case. PHP takes `.`, space and `[` for `_`, drops spaces in front and all from a zero byte on;
/// `URLSearchParams` drops a second `?` in front. To
/// many `name[]` or `name[0]` is an item of `name`; Rack (up to 2) and qs (Express 4) also drop brackets in front of a
/// name, and whatever stands behind a single one. The name `page[size]` stands for that member of `page`, and its items.
#[must_use]
pub fn parameters_alike(found: &[u8], name: &[u8]) -> bool {
    if found == name {
        return true;
    }
    let found = found.split(|byte| *byte == 0).next().unwrap_or(found);
    let found = without_front(found);
    let is_bracket = |byte: &u8| matches!(*byte, b'[' | b']');
    let parts = |name| <[u8]>::split(name, is_bracket).filter(|part: &&[u8]| !part.is_empty());
    if name.iter().any(is_bracket) {
        let mut of_found = parts(found);
        return parts(name)
            .all(|part| of_found.next().is_some_and(|found| fold_alike(found, part)));
    }
    let inner = found.iter().skip(1).position(|byte| *byte == b'[');
    let item_of = inner.and_then(|inner| found.get(..inner.saturating_add(1)));
    fold_alike(found, name)
        || item_of.is_some_and(|base| fold_alike(base, name))
        || found.iter().any(is_bracket)
            && parts(found)
                .next()
                .is_some_and(|base| fold_alike(base, name))
}

/// The names without brackets for which [`parameters_alike`] may take a parameter of a request, folded: what is none of
/// them is no name of it. To find it among thousands.
pub(crate) fn parameter_keys(found: &[u8]) -> Vec<Vec<u8>> {
    let is_odd = |byte: &u8| matches!(byte, 0 | b'[' | b']');
    let has_front = || without_front(found).len() != found.len();
    if !has_front() && !found.iter().any(is_odd) {
        return vec![folded(found)];
    }
    let end = found.split(|byte| *byte == 0).next().unwrap_or(found);
    let trimmed = without_front(end);
    let inner = trimmed.iter().skip(1).position(|byte| *byte == b'[');
    let item_of = inner.and_then(|inner| trimmed.get(..inner.saturating_add(1)));
    let mut parts = trimmed.split(|byte| matches!(*byte, b'[' | b']'));
    let base = parts.find(|part| !part.is_empty());
    let mut keys = vec![folded(found)];
    for name in [Some(trimmed), item_of, base].into_iter().flatten() {
        let key = folded(name);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// Without what stands in front of a name: blanks (PHP), or the second `?` of a query, which `URLSearchParams` drops.
fn without_front(name: &[u8]) -> &[u8] {
    let name = name.strip_prefix(b"?").unwrap_or(name);
    name.trim_ascii_start()
}

/// A name as PHP and ASP.NET compare it.
pub(crate) fn folded(name: &[u8]) -> Vec<u8> {
    name.iter().map(folded_byte).collect()
}

const fn folded_byte(byte: &u8) -> u8 {
    match *byte {
        b'.' | b' ' | b'[' => b'_',
        other => other.to_ascii_lowercase(),
    }
}

/// Whether PHP makes one variable of two names, or ASP.NET reads one parameter.
fn fold_alike(name: &[u8], other: &[u8]) -> bool {
    let folded = |name| <[u8]>::iter(name).map(folded_byte);
    name.len() == other.len() && folded(name).eq(folded(other))
}

/// Decodes the form encoding (`+` is a space). A broken escape stays as it is, and bytes that are
/// not UTF-8 become U+FFFD: a value that is compared or verified, never trusted.
fn form_decoded(text: &str) -> String {
    crate::text::lossy(&values::form_decoded(text.as_bytes())).into_owned()
}

fn query_of(path: &str) -> &str {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    query.split('#').next().unwrap_or(query)
}

fn form_decoded_name(pair: &str) -> String {
    form_decoded(pair.split('=').next().unwrap_or(pair))
}

fn query_pairs(path: &str) -> impl Iterator<Item = (&str, &str)> {
    query_of(path)
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn query_parameters_decode_and_leave() {
        let path = "/p?access_token=a%2Eb&x=1+2&access%5Ftoken=c&y#access_token=d";
        assert_eq!(query_parameters(path, "access_token"), ["a.b", "c"]);
        assert_eq!(query_parameters(path, "x"), ["1 2"]);
        assert_eq!(query_parameters(path, "y"), [""]);
        assert_eq!(query_parameters("/p?x=%zz%4", "x"), ["%zz%4"]);
        assert_eq!(query_parameters("/p", "x"), Vec::<String>::new());
        assert_eq!(
            without_query_parameter(path, "access_token"),
            "/p?x=1+2&y#access_token=d"
        );
        assert_eq!(without_query_parameter("/p?t=1", "t"), "/p");
        assert_eq!(without_query_parameter("/p", "t"), "/p");
        let spelled = "/p?a_t=1&x=2;A.T=3&a_t[]=4&y=5;z";
        assert!(has_other_spelling_of_parameter(spelled, "a_t"));
        assert!(!has_other_spelling_of_parameter(
            "/p?a_t=1&x=a.t#A_T=1",
            "a_t"
        ));
        assert!(has_other_spelling_of_parameter(
            "/p?x=1;a_t=evil&a_t=good",
            "a_t"
        ));
        assert_eq!(without_query_parameter(spelled, "a_t"), "/p?x=2&y=5;z");
    }

    #[test]
    fn parameters_that_some_server_takes_for_one() {
        for other in [
            "access_token",
            "Access_Token",
            "access.token",
            "access token",
            " access_token",
            "access_token[]",
            "access.token[0]",
            "access_token\0x",
            "access[token",
            "access[token]",
            "[access_token]",
            "[[access.token]]",
            "]access_token",
            "access_token]",
            "access_token][x",
            "?access_token",
            "access_token[a][b]",
        ] {
            let expected = other != "access[token]";
            assert_eq!(
                parameters_alike(other.as_bytes(), b"access_token"),
                expected,
                "{other}"
            );
        }
        for other in [
            "access-token",
            "access_tokens",
            "accesstoken",
            "x[access_token]",
            "[x]access_token",
            "",
            "[]",
        ] {
            assert!(
                !parameters_alike(other.as_bytes(), b"access_token"),
                "{other}"
            );
        }
    }

    #[test]
    fn a_member_of_a_parameter_is_itself_and_no_other_member() {
        for other in [
            "page[size]",
            "Page[size]",
            "page[size][]",
            "[page][size]",
            "page[size",
        ] {
            assert!(parameters_alike(other.as_bytes(), b"page[size]"), "{other}");
        }
        for other in ["page", "page[number]", "page_size", "size", "page[]"] {
            assert!(
                !parameters_alike(other.as_bytes(), b"page[size]"),
                "{other}"
            );
        }
    }

    /// What PHP makes of the name of a parameter (Variables From External Sources, and `parse_str` of PHP 8).
    fn of_php(name: &str) -> String {
        let name = name.split('\0').next().unwrap_or_default();
        let name = name.trim_start_matches(' ');
        let mut base = String::new();
        let mut rest = name.chars();
        while let Some(letter) = rest.next() {
            let is_first = base.is_empty();
            let is_array = !is_first && letter == '[' && rest.as_str().contains(']');
            match letter {
                _ if is_array => return base,
                '.' | ' ' | '[' => base.push('_'),
                other => base.push(other),
            }
        }
        base
    }

    /// What Rack 2 makes of it (`normalize_params`: `\A[\[\]]*([^\[\]]+)\]*`).
    fn of_rack(name: &str) -> String {
        let brackets = ['[', ']'];
        let name = name.trim_start_matches(brackets);
        name.split(brackets).next().unwrap_or_default().to_owned()
    }

    /// What qs 6 makes of it: a segment in brackets is a key, also the first.
    fn of_qs(name: &str) -> String {
        let brackets = name.split_once('[').and_then(|(base, behind)| {
            let (first, _) = behind.split_once(']')?;
            Some((base, first))
        });
        let (base, first) = brackets.unwrap_or((name, ""));
        let key = if base.is_empty() { first } else { base };
        key.to_owned()
    }

    #[test]
    fn each_name_that_a_server_takes_for_the_parameter_is_alike() {
        let pieces = ["", "a", "_", ".", " ", "[", "]", "[]", "[0]", "\0", "x"];
        let mut taken = 0;
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    for fourth in pieces {
                        let name = [first, second, third, "b", fourth].concat();
                        for wanted in ["a_b", "b", "ab"] {
                            let servers = [of_php(&name), of_rack(&name), of_qs(&name)];
                            if servers.iter().any(|server| server == wanted) {
                                taken += 1;
                                assert!(
                                    parameters_alike(name.as_bytes(), wanted.as_bytes()),
                                    "{name:?} is {wanted:?} to one of PHP, Rack, qs: {servers:?}"
                                );
                            }
                        }
                    }
                }
            }
        }
        assert!(taken > 500, "{taken}");
    }
}
