//! The files to check: by name, in folders, by patterns, from standard input.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use inspect::check::Source;

/// Why a file could not be read.
pub(crate) struct Unreadable {
    pub(crate) name: String,
    pub(crate) reason: String,
}

pub(crate) type Found = Result<Source, Unreadable>;

/// What the words on the command line stand for, in their order; of folders the files that end in one
/// of `extensions`.
pub(crate) fn find(words: &[String], extensions: &[&str]) -> Vec<Found> {
    let mut found = Vec::new();
    for word in words {
        let path = Path::new(word);
        if word == "-" {
            found.push(read(word, true));
        } else if path.is_dir() {
            let mut files = Vec::new();
            below(
                path,
                extensions,
                &mut BTreeSet::new(),
                &mut files,
                &mut found,
            );
            found.extend(
                files
                    .iter()
                    .map(|file| read(&file.to_string_lossy(), false)),
            );
        } else if !path.exists() && word.contains(['*', '?']) {
            let files = matching(word, extensions);
            if files.is_empty() {
                found.push(Err(unreadable(word, "no file fits this pattern")));
            }
            // A pattern takes what is there, as a folder does.
            found.extend(
                files
                    .iter()
                    .map(|file| read(&file.to_string_lossy(), false)),
            );
        } else {
            found.push(read(word, true));
        }
    }
    found
}

/// Manifests below a folder, each folder once: a link back is not followed for ever.
fn below(
    folder: &Path,
    extensions: &[&str],
    seen: &mut BTreeSet<PathBuf>,
    files: &mut Vec<PathBuf>,
    found: &mut Vec<Found>,
) {
    let real = match folder.canonicalize() {
        Ok(real) => real,
        Err(error) => {
            found.push(Err(unreadable(&folder.to_string_lossy(), error)));
            return;
        }
    };
    if !seen.insert(real) {
        return;
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            found.push(Err(unreadable(&folder.to_string_lossy(), error)));
            return;
        }
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let is_manifest = path
            .extension()
            .is_some_and(|extension| extensions.iter().any(|known| extension == *known));
        if is_hidden {
            continue;
        }
        if path.is_dir() {
            below(&path, extensions, seen, files, found);
        } else if is_manifest {
            files.push(path);
        }
    }
}

/// Files whose path fits a pattern with `*`, `?` and `**`.
fn matching(pattern: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let fixed: PathBuf = Path::new(pattern)
        .components()
        .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?']))
        .collect();
    let root = if fixed.as_os_str().is_empty() {
        Path::new(".")
    } else {
        fixed.as_path()
    };
    let mut files = Vec::new();
    below(
        root,
        extensions,
        &mut BTreeSet::new(),
        &mut files,
        &mut Vec::new(),
    );
    files.retain(|file| {
        let file = file.to_string_lossy();
        let file = file.strip_prefix("./").unwrap_or(&file);
        fits(
            pattern.strip_prefix("./").unwrap_or(pattern).as_bytes(),
            file.as_bytes(),
        )
    });
    files
}

/// `*` and `?` do not go beyond a slash, `**` does.
fn fits(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*', b'/', rest @ ..] => {
            fits(rest, path)
                || path
                    .iter()
                    .position(|byte| *byte == b'/')
                    .and_then(|slash| path.get(slash + 1..))
                    .is_some_and(|below| fits(pattern, below))
        }
        [b'*', rest @ ..] => {
            let end = path.iter().position(|byte| *byte == b'/');
            let end = end.unwrap_or(path.len());
            (0..=end).any(|taken| path.get(taken..).is_some_and(|left| fits(rest, left)))
        }
        [b'?', rest @ ..] => match path {
            [byte, left @ ..] if *byte != b'/' => fits(rest, left),
            _ => false,
        },
        [byte, rest @ ..] => match path {
            [found, left @ ..] if found == byte => fits(rest, left),
            _ => false,
        },
    }
}

fn unreadable(name: &str, reason: impl ToString) -> Unreadable {
    Unreadable {
        name: name.to_owned(),
        reason: reason.to_string(),
    }
}

pub(crate) fn read(name: &str, is_named: bool) -> Found {
    let mut bytes = Vec::new();
    let read = if name == "-" {
        std::io::stdin().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(name).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    let size = read.map_err(|error| unreadable(name, error))?;
    if u64::try_from(size).is_ok_and(|size| size > MAX_BYTES) {
        let help = "it has more than 64 MiB, and is read only up to there";
        return Err(unreadable(name, help));
    }
    let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let zeros = |from: usize| {
        let half = bytes.iter().take(64).skip(from).step_by(2);
        half.filter(|byte| **byte == 0).count() > 8
    };
    // Text has zeros in one half of its bytes; a file of zeros is none.
    if is_utf16 || zeros(0) != zeros(1) {
        let help = "it is UTF-16; save it as UTF-8: iconv -f UTF-16 -t UTF-8";
        return Err(unreadable(name, help));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        unreadable(name, format!("not UTF-8 from byte {at} on"))
    })?;
    Ok(Source {
        name: name.to_owned(),
        text,
        is_named,
    })
}

/// What is longer is no configuration, and a device never ends.
const MAX_BYTES: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, path, is_fit) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "b/a.yaml", false),
            ("**/*.yaml", "b/c/a.yaml", true),
            ("**/*.yaml", "a.yaml", true),
            ("a?.json", "ab.json", true),
            ("a?.json", "a/.json", false),
        ] {
            assert_eq!(
                fits(pattern.as_bytes(), path.as_bytes()),
                is_fit,
                "{pattern} {path}"
            );
        }
    }
}
