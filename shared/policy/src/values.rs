//! Every value that a server might read where a request names something more than once.
//!
//! Of two lines `x-api-key` one server takes the first, another one the last, a third one both
//! joined. A limit that went by one of these readings would give a fresh bucket to everybody who
//! sends a second line. So a limit counts under all of them, and a request with more values than
//! anybody needs is refused. Values are bytes: what is not UTF-8 is told apart like anything else.

use std::borrow::Cow;

use crate::path::replace;
use crate::{hex, http};

/// The values of one name in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// It is not there, or empty.
    Missing,
    /// Each value under any reading, once.
    Some(Vec<Vec<u8>>),
    /// There are more than [`MAX_VALUES`].
    TooMany,
}

/// More different values of one name have no honest use.
pub const MAX_VALUES: usize = 8;

/// What is decoded more often than this is too ambiguous to be a path.
const MAX_DECODED: usize = 3;

impl Values {
    /// A single value, if it is there.
    #[must_use]
    pub fn single(value: Option<Vec<u8>>) -> Self {
        match value {
            Some(value) if !value.is_empty() => Self::Some(vec![value]),
            _ => Self::Missing,
        }
    }

    /// Several texts, each of which some server takes for the value.
    pub fn of_texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let bytes = texts.into_iter().map(str::as_bytes);
        Self::collected(bytes.map(Cow::Borrowed))
    }

    /// The values of a header by its lines.
    ///
    /// Spaces around a value and around commas in it make no difference, as lines may be joined
    /// with or without them on the way (RFC 9110 section 5.3).
    pub fn of_lines<'l>(lines: impl IntoIterator<Item = &'l [u8]>) -> Self {
        Self::with_joined(lines.into_iter().map(without_list_spaces))
    }

    /// The values of a query parameter, decoded. Of several queries a server takes one.
    ///
    /// Some servers take `;` for `&`, and other names for this one: [`http::parameters_alike`].
    #[must_use]
    pub fn of_parameter(queries: &[Query], name: &str) -> Self {
        let readings = queries.iter().flat_map(Query::readings);
        readings.fold(Self::Missing, |found, reading| {
            let values = reading.of(name.as_bytes()).into_iter();
            found.and(Self::with_joined(values.map(Cow::Borrowed)))
        })
    }

    /// The values of a cookie in the lines of `Cookie`.
    ///
    /// Some servers decode `%41` and `+` in a value and some do not, so a value counts as decoded. Some
    /// undo `\101` and `\A` within quotes (Python), so a value counts with and without.
    /// Other names count too where some server takes them for this one, and cookies behind a blank or a comma.
    #[must_use]
    pub fn of_cookie(cookies: &Cookies, name: &str) -> Self {
        let readings = |value: &[u8]| {
            let quoted = value
                .strip_prefix(b"\"")
                .and_then(|inner| inner.strip_suffix(b"\""));
            let unescaped = quoted.filter(|inner| inner.contains(&b'\\')).map(unescaped);
            let plain = form_decoded(quoted.unwrap_or(value));
            let unescaped = unescaped.map(|value| form_decoded(&value));
            std::iter::once(plain).chain(unescaped)
        };
        let values = cookies.0.of(name.as_bytes()).into_iter();
        Self::collected(values.flat_map(readings).map(Cow::Owned))
    }

    /// Each value, and all of them joined by commas, as some servers read them.
    fn with_joined<'v>(values: impl Iterator<Item = Cow<'v, [u8]>>) -> Self {
        let mut joined: Vec<u8> = Vec::new();
        let mut count = 0_usize;
        let values = values.filter(|value| !value.is_empty());
        let each = values.inspect(|value| {
            // Nobody reads what is too much anyway.
            if count <= MAX_VALUES {
                if count > 0 {
                    joined.push(b',');
                }
                joined.extend_from_slice(value);
            }
            count = count.saturating_add(1);
        });
        let values = Self::collected(each);
        if count < 2 {
            return values;
        }
        values.and(Self::single(Some(joined)))
    }

    fn collected<'v>(values: impl Iterator<Item = Cow<'v, [u8]>>) -> Self {
        let mut distinct: Vec<Vec<u8>> = Vec::new();
        for value in values {
            if value.is_empty() || distinct.iter().any(|known| **known == *value) {
                continue;
            }
            if distinct.len() >= MAX_VALUES {
                return Self::TooMany;
            }
            distinct.push(value.into_owned());
        }
        if distinct.is_empty() {
            Self::Missing
        } else {
            Self::Some(distinct)
        }
    }

    /// The values of `self` and of `other`.
    #[must_use]
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::TooMany, _) | (_, Self::TooMany) => Self::TooMany,
            (Self::Missing, values) | (values, Self::Missing) => values,
            (Self::Some(one), Self::Some(two)) => {
                Self::collected(one.into_iter().chain(two).map(Cow::Owned))
            }
        }
    }
}

/// The parameters in the query of a `:path`. They are read once, however many rules ask for one of them: a client
/// chooses how many there are.
#[derive(Clone, Debug)]
pub struct Query {
    usual: Parameters,
    /// With `;` for `&`, where there is one.
    split: Option<Parameters>,
}

/// The cookies that some server reads in a request, as they are; read once, as a [`Query`] is.
#[derive(Clone, Debug)]
pub struct Cookies(Parameters);

impl Cookies {
    /// Reads the lines of `Cookie`.
    pub fn of<'l>(lines: impl IntoIterator<Item = &'l [u8]>) -> Self {
        let cookies = lines.into_iter().flat_map(http::cookie_readings);
        let pairs =
            cookies.filter_map(|cookie| Some((cookie.name.to_vec(), cookie.value?.to_vec())));
        Self(Parameters::new(pairs.collect()))
    }
}

/// The parameters of a query as one kind of server reads it.
#[derive(Clone, Debug)]
struct Parameters {
    /// Decoded names and values, in the order in which they came.
    all: Vec<(Vec<u8>, Vec<u8>)>,
    /// The place of each parameter under each of its [`http::parameter_keys`], in the order of these.
    keys: Vec<(Vec<u8>, usize)>,
}

impl Query {
    /// Reads the query of a `:path`.
    #[must_use]
    pub fn of(path: &[u8]) -> Self {
        let query = query_of(path);
        Self {
            usual: Parameters::read(query, false),
            split: query.contains(&b';').then(|| Parameters::read(query, true)),
        }
    }

    /// All values of a parameter that some server may read, see [`parameter_values`].
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let readings = self.readings();
        readings.flat_map(move |reading| reading.of(name.as_bytes()))
    }

    fn readings(&self) -> impl Iterator<Item = &Parameters> {
        std::iter::once(&self.usual).chain(&self.split)
    }
}

impl Parameters {
    fn read(query: &[u8], semicolons: bool) -> Self {
        let pairs =
            pairs(query, semicolons).filter(|(name, value)| !(name.is_empty() && value.is_empty()));
        let all: Vec<_> = pairs
            .map(|(name, value)| (name, form_decoded(value)))
            .collect();
        Self::new(all)
    }

    fn new(all: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        let mut keys = Vec::with_capacity(all.len());
        for (place, (name, _)) in all.iter().enumerate() {
            keys.extend(
                http::parameter_keys(name)
                    .into_iter()
                    .map(|key| (key, place)),
            );
        }
        crate::sort::by(&mut keys, |one, other| one.0.cmp(&other.0));
        Self { all, keys }
    }

    /// The values of a parameter, in the order in which they came.
    fn of(&self, name: &[u8]) -> Vec<&[u8]> {
        let is_alike = |(found, _): &&(Vec<u8>, Vec<u8>)| http::parameters_alike(found, name);
        if name.iter().any(|byte| matches!(byte, b'[' | b']')) {
            let alike = self.all.iter().filter(is_alike);
            return alike.map(|(_, value)| value.as_slice()).collect();
        }
        let key = http::folded(name);
        let start = self.keys.partition_point(|(found, _)| *found < key);
        let from = self.keys.get(start..).unwrap_or_default();
        let end = from.partition_point(|(found, _)| *found == key);
        let places = from.get(..end).unwrap_or_default().iter();
        let found = places.filter_map(|(_, place)| self.all.get(*place));
        let alike = found.filter(is_alike);
        alike.map(|(_, value)| value.as_slice()).collect()
    }
}

/// All values of a query parameter in a `:path` that some server may read, decoded: with `&` and with
/// `;` between parameters.
pub fn parameter_values(path: &[u8], name: &str) -> impl Iterator<Item = Vec<u8>> {
    let query = query_of(path);
    let usual = parameters(query, name, false);
    let split = query.contains(&b';').then(|| parameters(query, name, true));
    usual.chain(split.into_iter().flatten())
}

/// A `:path` as servers have it to which the query begins elsewhere: at an escaped `?`, where they decode the path
/// before they look for it, or at a `;` (Fastify).
#[must_use]
pub fn other_targets(target: &[u8]) -> Vec<Vec<u8>> {
    let end = target.iter().position(|byte| *byte == b'?');
    let (path, query) = target.split_at(end.unwrap_or(target.len()));
    let mut targets = Vec::new();
    let mut text = Cow::Borrowed(path);
    for _ in 0..=MAX_DECODED {
        let semicolon = text.iter().position(|byte| *byte == b';');
        if let Some((before, [_, after @ ..])) = semicolon.and_then(|at| text.split_at_checked(at))
        {
            targets.push([before, b"?", after, query].concat());
        }
        let Some(next) = replace(&text, Some) else {
            break;
        };
        if next.contains(&b'?') {
            targets.push([next.as_slice(), query].concat());
        }
        text = Cow::Owned(next);
    }
    targets
}

fn query_of(path: &[u8]) -> &[u8] {
    let query = path.splitn(2, |byte| *byte == b'?').nth(1).unwrap_or(b"");
    query.split(|byte| *byte == b'#').next().unwrap_or(query)
}

fn parameters(query: &[u8], name: &str, semicolons: bool) -> impl Iterator<Item = Vec<u8>> {
    let alike = move |(found, value): (Vec<u8>, &[u8])| {
        let alike = http::parameters_alike(&found, name.as_bytes());
        alike.then(|| form_decoded(value))
    };
    pairs(query, semicolons).filter_map(alike)
}

/// Decoded names with values as they were sent.
fn pairs(query: &[u8], semicolons: bool) -> impl Iterator<Item = (Vec<u8>, &[u8])> {
    let pairs = query.split(move |byte| *byte == b'&' || (semicolons && *byte == b';'));
    pairs.map(|pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let name = parts.next().unwrap_or_default();
        (form_decoded(name), parts.next().unwrap_or_default())
    })
}

/// Without spaces around the value and around the commas in it, and without empty items.
fn without_list_spaces(line: &[u8]) -> Cow<'_, [u8]> {
    let line = line.trim_ascii();
    if !line.contains(&b',') {
        return Cow::Borrowed(line);
    }
    let items: Vec<&[u8]> = line
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|item| !item.is_empty())
        .collect();
    Cow::Owned(items.join(&b','))
}

/// A quoted value without its escapes: `\101` is a byte in octal, and any other byte behind `\` is
/// itself.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let (byte, tail) = match after {
            [
                high @ b'0'..=b'3',
                middle @ b'0'..=b'7',
                low @ b'0'..=b'7',
                tail @ ..,
            ] if *first == b'\\' => {
                let digit = |byte: &u8| byte & 7;
                (digit(high) << 6 | digit(middle) << 3 | digit(low), tail)
            }
            [escaped, tail @ ..] if *first == b'\\' => (*escaped, tail),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = tail;
    }
    bytes
}

/// Decodes `%41`, and `+` as a space; a broken escape stays as it is.
#[must_use]
pub fn form_decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let escape = after.split_first_chunk::<2>().filter(|_| *first == b'%');
        let escaped = escape.and_then(|(digits, tail)| Some((hex::value(*digits)?, tail)));
        let (byte, tail) = match (first, escaped) {
            (_, Some(escaped)) => escaped,
            (b'+', None) => (b' ', after),
            (other, None) => (*other, after),
        };
        bytes.push(byte);
        rest = tail;
    }
    bytes
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn some(values: &[&[u8]]) -> Values {
        Values::Some(values.iter().map(|value| value.to_vec()).collect())
    }

    #[test]
    fn lines_of_a_header() {
        let of = |lines: &[&'static [u8]]| Values::of_lines(lines.iter().copied());
        assert_eq!(of(&[]), Values::Missing);
        assert_eq!(of(&[b"", b"  "]), Values::Missing);
        assert_eq!(of(&[b" a "]), some(&[b"a"]));
        assert_eq!(of(&[b"", b"a"]), some(&[b"a"]));
        assert_eq!(of(&[b"a", b"a"]), some(&[b"a", b"a,a"]));
        assert_eq!(of(&[b"a", b"b"]), some(&[b"a", b"b", b"a,b"]));
        // However the lines are joined on the way, there is one value in common.
        for joined in [&b"a,b"[..], b"a, b", b"a ,b", b",a,,b,"] {
            assert_eq!(of(&[joined]), some(&[b"a,b"]));
        }
        assert_eq!(of(&[b"\xff"]), some(&[b"\xff"]));
        assert_ne!(of(&[b"\xff"]), of(&[b"\xfe"]));
        let many: Vec<Vec<u8>> = (0..9).map(|n: u8| vec![b'a' + n]).collect();
        assert_eq!(
            Values::of_lines(many.iter().map(Vec::as_slice)),
            Values::TooMany
        );
    }

    #[test]
    fn parameters_under_every_reading() {
        let of = |path: &'static str| {
            let query = Query::of(path.as_bytes());
            let all: Vec<Vec<u8>> = query.values("user").map(<[u8]>::to_vec).collect();
            let one_by_one: Vec<Vec<u8>> = parameter_values(path.as_bytes(), "user").collect();
            assert_eq!(all, one_by_one, "{path}");
            Values::of_parameter(&[query], "user")
        };
        assert_eq!(of("/p"), Values::Missing);
        assert_eq!(of("/p?users=a&x=user"), Values::Missing);
        assert_eq!(of("/p?user=a"), some(&[b"a"]));
        assert_eq!(of("/p?us%65r=%61"), some(&[b"a"]));
        assert_eq!(of("/p?user=a+b%2Bc#user=d"), some(&[b"a b+c"]));
        assert_eq!(of("/p?user=a&user=b"), some(&[b"a", b"b", b"a,b"]));
        assert_eq!(of("/p?user[]=a"), some(&[b"a"]));
        assert_eq!(of("/p?user%5B0%5D=a"), some(&[b"a"]));
        assert_eq!(of("/p?user=a;x=1"), some(&[b"a;x=1", b"a"]));
        assert_eq!(of("/p?x=1;user=a"), some(&[b"a"]));
        // ASP.NET ignores case, and PHP drops spaces in front and what follows a zero byte.
        assert_eq!(of("/p?User=a&+user=b"), some(&[b"a", b"b", b"a,b"]));
        assert_eq!(of("/p?user%00x=a"), some(&[b"a"]));
        assert_eq!(of("/p?user=%ff"), some(&[b"\xff"]));
        assert_eq!(of("/p?user=%zz%4"), some(&[b"%zz%4"]));
    }

    #[test]
    fn a_query_that_is_read_once_has_what_one_has_that_is_searched() {
        let query = "/p??a=0&a=1&[a]=2&[[A]]=3&a[]=4&a[x][y]=5&]a=6&a]=7&+a=8&%00a=9&a%00b=10&a.b=11&a[b=12&a[b]=13\
            &[a][b]=14&a_b=15&a+b[]=16;a=17&=18&[]=19&b=20&aa=21&A%5Bb%5D[]=22";
        let parsed = Query::of(query.as_bytes());
        for name in ["a", "A", "a_b", "a.b", "a[b]", "b", "aa", "c", ".a"] {
            let all: Vec<Vec<u8>> = parsed.values(name).map(<[u8]>::to_vec).collect();
            let searched: Vec<Vec<u8>> = parameter_values(query.as_bytes(), name).collect();
            assert_eq!(all, searched, "{name}");
        }
    }

    #[test]
    fn cookies_under_every_reading() {
        let of =
            |lines: &[&'static [u8]]| Values::of_cookie(&Cookies::of(lines.iter().copied()), "id");
        assert_eq!(of(&[b"a=1; ids=2"]), Values::Missing);
        assert_eq!(of(&[b"a=1; id=x ;b=2"]), some(&[b"x"]));
        assert_eq!(of(&[br#"id="x""#]), some(&[b"x"]));
        assert_eq!(of(&[b"id=%78"]), some(&[b"x"]));
        for spelled in [&br#"id="\170""#[..], br#"id="\x""#] {
            let Values::Some(values) = of(&[spelled]) else {
                panic!("there are values");
            };
            assert!(values.contains(&b"x".to_vec()), "{values:?}");
        }
        assert_eq!(of(&[b"id=x; id=y"]), some(&[b"x", b"y"]));
        assert_eq!(of(&[b"id=x", b"id=y"]), some(&[b"x", b"y"]));
        // Some servers end a cookie at a blank or a comma, others at semicolons only.
        assert_eq!(of(&[b"id=x id=y"]), some(&[b"x id=y", b"x", b"y"]));
        assert_eq!(of(&[b"a=1,id=y"]), some(&[b"y"]));
        assert_eq!(of(&[br#"id="a b""#]), some(&[b"a b"]));
    }

    #[test]
    fn thousands_of_values_cost_no_square() {
        let lines: Vec<Vec<u8>> = (0..100_000_u32).map(|n| n.to_be_bytes().to_vec()).collect();
        assert_eq!(
            Values::of_lines(lines.iter().map(Vec::as_slice)),
            Values::TooMany
        );
    }
}
