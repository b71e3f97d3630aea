//! URL_PASSWORD: a user name and a password, or a password alone, in the address of a service.

use crate::detect::prelude::*;

/// The span of `user:password` before the sign at `sign`, with a scheme before it.
pub(crate) fn find(text: &[u8], sign: usize) -> Option<(usize, usize)> {
    let is_part = |byte: u8| {
        let separates = matches!(
            byte,
            b'/' | b'@' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\'
        );
        byte > b' ' && byte < 0x7f && !separates
    };
    let head = part(text, sign.less(512), sign);
    let length = crate::bytes::count_while_back(head, head.len(), is_part);
    let begin = sign.less(length);
    step(length / 8);
    let named = part(text, begin, sign);
    let colon = memchr::memchr(b':', named)?;
    let scheme = part(text, begin.less(3), begin);
    // Redis and the like have a password and no user name: `redis://:s3cr3t@cache`.
    (scheme == b"://" && colon.plus(1) < named.len()).then_some((begin, sign))
}
