//! The small steps that the models are made of. None is the crate's own: a mistake there must not
//! be made here as well.

/// The value of `%XX` at the beginning of `text`.
pub(crate) fn escape(text: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(text.get(1..3)?).ok()?;
    let valid = text[0] == b'%' && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    valid.then(|| u8::from_str_radix(digits, 16).unwrap())
}

/// Decodes the escapes of bytes that `which` names; others, and what is no escape, stay.
pub(crate) fn unescape(text: &str, which: impl Fn(u8) -> bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match escape(&bytes[at..]) {
            Some(byte) if which(byte) => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Decodes everything.
pub(crate) fn decoded(text: &str) -> String {
    unescape(text, |_| true)
}

/// `text` up to the first of `ends`.
pub(crate) fn until<'t>(text: &'t str, ends: &[char]) -> &'t str {
    text.find(ends).map_or(text, |end| &text[..end])
}

/// One slash for each run of them.
pub(crate) fn squeezed(text: &str) -> String {
    let mut squeezed = text.to_owned();
    while squeezed.contains("//") {
        squeezed = squeezed.replace("//", "/");
    }
    squeezed
}

/// Each segment without what follows its first semicolon.
pub(crate) fn without_parameters(text: &str) -> String {
    let names: Vec<&str> = text
        .split('/')
        .map(|segment| until(segment, &[';']))
        .collect();
    names.join("/")
}

/// `remove_dot_segments` of RFC 3986 section 5.2.4, letter by letter: input and output buffer. An
/// empty segment is a segment. `None` when it leads above the root and the server minds.
pub(crate) fn without_dots(path: &str, minds_root: bool) -> Option<String> {
    let mut input = path.to_owned();
    let mut output = String::new();
    while !input.is_empty() {
        if input.starts_with("/./") {
            input.replace_range(..2, "");
        } else if input == "/." {
            input = "/".to_owned();
        } else if input.starts_with("/../") || input == "/.." {
            input = if input == "/.." {
                "/".to_owned()
            } else {
                input[3..].to_owned()
            };
            match output.rfind('/') {
                Some(slash) => output.truncate(slash),
                None if minds_root => return None,
                None => {}
            }
        } else {
            let end = input[1..].find('/').map_or(input.len(), |slash| slash + 1);
            output.push_str(&input[..end]);
            input.replace_range(..end, "");
        }
    }
    Some(output)
}

/// `path.posix.normalize` of Node, `path.Clean` of Go, `posixpath.normpath` of Python: runs of
/// slashes are one, dot segments are resolved, and nothing is above the root.
pub(crate) fn cleaned(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            name => kept.push(name),
        }
    }
    format!("/{}", kept.join("/"))
}

/// What `pieces.txt` lists: what stands between names, and names.
pub(crate) fn pieces(file: &'static str) -> (Vec<&'static str>, Vec<&'static str>) {
    let (_, pieces) = file.split_once("\nbetween\n").unwrap();
    let (separators, names) = pieces.split_once("\nnames\n").unwrap();
    (separators.lines().collect(), names.lines().collect())
}
