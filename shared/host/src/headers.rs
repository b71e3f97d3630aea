//! All headers of a message at once, in one piece of memory.
//!
//! On Envoy every call that returns bytes enters the VM once more to ask for memory, so one
//! call for all headers costs less than two calls for one header each.

use std::borrow::Cow;

use crate::{Action, Direction, HeaderMap, Host, Status};

/// Names and values of a header map, in the order of the message, names in lower case as the host
/// keeps them. Pseudo-headers such as `:path` are among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    bytes: Vec<u8>,
    /// There may be headers that are not listed.
    is_cut: bool,
}

impl Headers {
    /// Takes over pairs in the form of the ABI, see [`write_pairs`].
    ///
    /// # Errors
    /// [`Status::SerializationFailure`] for bytes that are not in that form.
    pub fn from_abi(bytes: Vec<u8>) -> Result<Self, Status> {
        let headers = Self {
            bytes,
            is_cut: false,
        };
        let (sizes, texts) = headers.parts().ok_or(Status::SerializationFailure)?;
        let promised = sizes.chunks_exact(4).try_fold(0_usize, |sum, size| {
            let (size, _) = number(size)?;
            sum.checked_add(size)?.checked_add(1)
        });
        if promised.is_some_and(|promised| promised <= texts.len()) {
            Ok(headers)
        } else {
            Err(Status::SerializationFailure)
        }
    }

    /// Makes headers from pairs of names and values, in order.
    #[must_use]
    pub fn from_pairs<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Self {
        Self {
            bytes: write_pairs(pairs),
            is_cut: false,
        }
    }

    /// The same, known not to be all that the message has.
    #[must_use]
    pub(crate) const fn cut(mut self) -> Self {
        self.is_cut = true;
        self
    }

    /// Whether these are all headers of the message. Some hosts list only so many; the others can be
    /// asked for by name.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        !self.is_cut
    }

    /// All names and values, in the order in which they were received.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        let (sizes, texts) = self.parts().unwrap_or_default();
        Iter { sizes, texts }
    }

    /// Whether there is no header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Whether there is a header of this name, in lower case.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// The first value of a header, by its name in lower case.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        let mut all = self.iter();
        all.find_map(|(found, value)| (found == name.as_bytes()).then_some(value))
    }

    /// The values of a header, by its name in lower case, each by itself.
    pub fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        self.iter()
            .filter(move |(found, _)| *found == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// The value of a header; several are joined by commas (RFC 9110 section 5.3), cookies by
    /// semicolons (RFC 9113 section 8.2.3).
    #[must_use]
    pub fn joined(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let mut values = self
            .iter()
            .filter(|(found, _)| *found == name.as_bytes())
            .map(|(_, value)| value);
        let first = values.next()?;
        let Some(second) = values.next() else {
            return Some(Cow::Borrowed(first));
        };
        let separator: &[u8] = if name == "cookie" { b"; " } else { b"," };
        let mut joined = first.to_vec();
        for value in std::iter::once(second).chain(values) {
            joined.extend_from_slice(separator);
            joined.extend_from_slice(value);
        }
        Some(Cow::Owned(joined))
    }

    /// The same without a header, by its name in lower case.
    #[must_use]
    pub(crate) fn without(&self, name: &str) -> Self {
        let pairs = self.iter().filter(|(found, _)| *found != name.as_bytes());
        Self {
            is_cut: self.is_cut,
            ..Self::from_pairs(&pairs.collect::<Vec<_>>())
        }
    }

    /// The same with one header of this name, in lower case, in place of all.
    #[must_use]
    pub(crate) fn with(&self, name: &str, value: &[u8]) -> Self {
        let mut pairs: Vec<(&[u8], &[u8])> = Vec::new();
        let mut is_there = false;
        for (found, kept) in self {
            if found != name.as_bytes() {
                pairs.push((found, kept));
            } else if !std::mem::replace(&mut is_there, true) {
                pairs.push((found, value));
            }
        }
        if !is_there {
            pairs.push((name.as_bytes(), value));
        }
        Self {
            is_cut: self.is_cut,
            ..Self::from_pairs(&pairs)
        }
    }

    /// The sizes of all names and values, and the texts behind them.
    fn parts(&self) -> Option<(&[u8], &[u8])> {
        if self.bytes.is_empty() {
            return Some((&[], &[]));
        }
        let (count, rest) = number(&self.bytes)?;
        rest.split_at_checked(count.checked_mul(8)?)
    }
}

impl<'h> IntoIterator for &'h Headers {
    type Item = (&'h [u8], &'h [u8]);
    type IntoIter = Iter<'h>;

    fn into_iter(self) -> Iter<'h> {
        self.iter()
    }
}

/// Keeps what a request header says from the upstream: removes it, or, where the host sends removed
/// headers on (Kong), overwrites it.
///
/// # Errors
/// The upstream would see it: the map cannot be changed, or the host can overwrite only one of
/// several headers of that name.
pub fn hide(host: &dyn Host, name: &str) -> Result<(), Status> {
    let map = HeaderMap::RequestHeaders;
    match host.remove_header(map, name) {
        Err(Status::Unimplemented) => host.set_header(map, name, HIDDEN),
        other => other,
    }
}

/// Keeps these trailers of the request from the upstream: some servers take trailers for headers. Where the
/// host cannot remove one, the request ends.
pub fn strip_trailers(host: &dyn Host, strips: impl Fn(&[u8]) -> bool) -> Action {
    let map = HeaderMap::RequestTrailers;
    let trailers = host.headers(map).unwrap_or_default();
    let mut stripped = trailers.iter().filter(|(name, _)| strips(name));
    let is_removed = stripped.all(|(name, _)| {
        let name = std::str::from_utf8(name);
        name.is_ok_and(|name| host.remove_header(map, name).is_ok())
    });
    if is_removed {
        return Action::Continue;
    }
    let _ = host.reset_stream(Direction::Request);
    Action::Pause
}

const HIDDEN: &[u8] = b"removed";

/// Iterates over names and values: see [`Headers::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'h> {
    sizes: &'h [u8],
    texts: &'h [u8],
}

impl<'h> Iterator for Iter<'h> {
    type Item = (&'h [u8], &'h [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name_len, rest) = number(self.sizes)?;
        let (value_len, rest) = number(rest)?;
        self.sizes = rest;
        Some((self.text(name_len)?, self.text(value_len)?))
    }
}

impl<'h> Iter<'h> {
    /// The next text and the zero byte behind it.
    fn text(&mut self, length: usize) -> Option<&'h [u8]> {
        let (found, rest) = self.texts.split_at_checked(length)?;
        self.texts = rest.get(1..)?;
        Some(found)
    }
}

/// Pairs as the ABI passes them: a count, the sizes of all names and values, then each with a zero
/// byte behind it, numbers as 32-bit little-endian.
#[must_use]
pub fn write_pairs<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
    bytes.extend(number(pairs.len()));
    for (name, value) in pairs {
        bytes.extend(number(name.as_ref().len()));
        bytes.extend(number(value.as_ref().len()));
    }
    for (name, value) in pairs {
        bytes.extend_from_slice(name.as_ref());
        bytes.push(0);
        bytes.extend_from_slice(value.as_ref());
        bytes.push(0);
    }
    bytes
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_the_form_of_the_abi() {
        let pairs: [(&str, &[u8]); 5] = [
            (":path", b"/"),
            ("x-a", b"1"),
            ("cookie", b"a=1"),
            ("x-a", b"\xff"),
            ("cookie", b"b=2"),
        ];
        let headers = Headers::from_abi(write_pairs(&pairs)).unwrap();
        let read: Vec<_> = headers.iter().collect();
        let written = pairs.map(|(name, value)| (name.as_bytes(), value));
        assert_eq!(read, written);
        assert_eq!(headers.joined("x-a").unwrap(), &b"1,\xff"[..]);
        assert_eq!(headers.joined("cookie").unwrap(), &b"a=1; b=2"[..]);
        assert_eq!(headers.joined(":path").unwrap(), &b"/"[..]);
        assert_eq!(headers.joined("x"), None);
        assert_eq!(headers.values("x-a").count(), 2);
        assert!(Headers::from_abi(Vec::new()).unwrap().is_empty());
    }

    #[test]
    fn bytes_that_promise_more_than_they_hold_are_refused() {
        let good = write_pairs(&[("a", "b")]);
        for length in 1..good.len() {
            let cut = good.get(..length).unwrap().to_vec();
            assert!(Headers::from_abi(cut).is_err(), "{length}");
        }
        let mut huge = good;
        huge.splice(..4, u32::MAX.to_le_bytes());
        assert!(Headers::from_abi(huge).is_err());
    }
}
