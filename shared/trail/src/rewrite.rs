//! Writes files anew without some records, or parts of them: a new file first, then in the place of
//! the old one, so that a crash leaves one of the two. Lines of which nothing changes stay to the
//! byte.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use audit::log_line;
use policy::json::Json;

use crate::scan::scan;

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Keep,
    /// It is taken away.
    Drop,
    /// This stands in its place.
    Replace(String),
}

/// What was done to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// Records taken away.
    pub dropped: u64,
    /// Records replaced.
    pub replaced: u64,
    /// Parts of records in a log that should have been changed and cannot be.
    pub parts: u64,
}

/// Why a file was not written anew. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// It cannot be read, or the new one not be written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// Somebody is writing to it.
    #[error(
        "{0}: somebody has written to it meanwhile, so it was left as it is; try it on a file that is finished"
    )]
    Changed(PathBuf),
}

/// Writes a file anew. `fate` is asked with the id and the text of each record.
///
/// # Errors
/// See [`RewriteError`].
pub fn rewrite(
    path: &Path,
    mut fate: impl FnMut(&str, &str) -> Fate,
) -> Result<Rewritten, RewriteError> {
    let io = |error| RewriteError::Io(path.to_owned(), error);
    // The file itself, not a link to it, is what is replaced.
    let target = fs::canonicalize(path).map_err(io)?;
    let file = File::open(&target).map_err(io)?;
    let before = file.metadata().map_err(io)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let fresh = target.with_file_name(format!(".{name}.meshward-new"));
    // One that is there already is of a command that runs, or was interrupted.
    let created =
        File::create_new(&fresh).map_err(|error| RewriteError::Io(fresh.clone(), error))?;
    let mut out = BufWriter::with_capacity(1 << 20, created);
    let result = copy(file, &mut out, &mut fate).and_then(|done| {
        out.flush()?;
        keep_owner(out.get_ref(), &before);
        out.get_ref().set_permissions(before.permissions())?;
        out.get_ref().sync_all()?;
        Ok(done)
    });
    let remove = || drop(fs::remove_file(&fresh));
    let done = result.map_err(|error| {
        remove();
        io(error)
    })?;
    if done.dropped == 0 && done.replaced == 0 {
        remove();
        return Ok(done);
    }
    let after = fs::metadata(&target).map_err(io)?;
    if after.len() != before.len() || after.modified().ok() != before.modified().ok() {
        remove();
        return Err(RewriteError::Changed(path.to_owned()));
    }
    fs::rename(&fresh, &target).map_err(|error| {
        remove();
        io(error)
    })?;
    if let Some(folder) = target.parent() {
        // The new name is on the disk when its folder is. Not every system can.
        drop(File::open(folder).and_then(|folder| folder.sync_all()));
    }
    Ok(done)
}

/// Where we may, which is as root; anybody else owns what they write anyway.
#[cfg(unix)]
fn keep_owner(file: &File, before: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    drop(fchown(file, Some(before.uid()), Some(before.gid())));
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &fs::Metadata) {}

fn copy(
    file: File,
    out: &mut impl io::Write,
    fate: &mut impl FnMut(&str, &str) -> Fate,
) -> io::Result<Rewritten> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut done = Rewritten::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(done);
        }
        let (text, end) = match line.strip_suffix(b"\n") {
            Some(text) => (text, "\n"),
            None => (line.as_slice(), ""),
        };
        let changed = match std::str::from_utf8(text) {
            Ok(text) => change(text, fate, &mut done),
            Err(_) => None,
        };
        match changed {
            None => out.write_all(&line)?,
            // A line of which nothing is left.
            Some(text) if text.is_empty() => {}
            Some(text) => {
                out.write_all(text.as_bytes())?;
                out.write_all(end.as_bytes())?;
            }
        }
    }
}

/// What a line becomes; `None` if it stays.
fn change<'l>(
    line: &'l str,
    fate: &mut impl FnMut(&str, &str) -> Fate,
    done: &mut Rewritten,
) -> Option<Cow<'l, str>> {
    let mut ask = |text: &str, done: &mut Rewritten| {
        let fate = uid(text).map_or(Fate::Keep, |uid| fate(&uid, text));
        match fate {
            Fate::Keep => {}
            Fate::Drop => done.dropped += 1,
            Fate::Replace(_) => done.replaced += 1,
        }
        fate
    };
    if line.contains(log_line::MARK) {
        return change_log_line(line, fate, done);
    }
    if line.starts_with('{')
        && scan(line).is_none()
        && (line.contains("logRecords\"") || line.contains("log_records\""))
        || line.starts_with("[{")
    {
        let mut json = Json::parse(line.as_bytes()).ok()?;
        let changed = change_envelope(&mut json, &mut |text| ask(text, done));
        return changed.then(|| json.to_string().into());
    }
    match ask(line, done) {
        Fate::Keep => None,
        Fate::Drop => Some("".into()),
        Fate::Replace(text) => Some(text.into()),
    }
}

/// The line of a log stays; only what it says about a request is gone, or another.
fn change_log_line<'l>(
    line: &'l str,
    fate: &mut impl FnMut(&str, &str) -> Fate,
    done: &mut Rewritten,
) -> Option<Cow<'l, str>> {
    let mut changed = String::new();
    let mut copied = 0;
    for found in log_line::find(line) {
        if let Some(part) = found.part {
            if fate(part.uid, "") != Fate::Keep {
                done.parts += 1;
            }
            continue;
        }
        let Some(text) = found.text else { continue };
        let Some(uid) = uid(text) else { continue };
        let instead = match fate(&uid, text) {
            Fate::Keep => continue,
            Fate::Drop => {
                done.dropped += 1;
                log_line::REMOVED.to_owned()
            }
            Fate::Replace(text) => {
                done.replaced += 1;
                log_line::whole(&text, None)
            }
        };
        changed.push_str(line.get(copied..found.range.start)?);
        changed.push_str(&instead);
        copied = found.range.end;
    }
    changed.push_str(line.get(copied..)?);
    (copied > 0).then(|| changed.into())
}

/// Changes the records in a batch; answers whether any was.
fn change_envelope(json: &mut Json, ask: &mut impl FnMut(&str) -> Fate) -> bool {
    match json {
        // CloudEvents: an array of events.
        Json::Array(items) => {
            let mut changed = false;
            items.retain_mut(|item| {
                let Json::Object(members) = item else {
                    return true;
                };
                let Some((_, data)) = members.iter_mut().find(|(name, _)| name == "data") else {
                    return true;
                };
                match ask(&audit::canonical::to_string(data)) {
                    Fate::Keep => true,
                    Fate::Drop => {
                        changed = true;
                        false
                    }
                    Fate::Replace(text) => {
                        if let Ok(replaced) = Json::parse(text.as_bytes()) {
                            *data = replaced;
                            changed = true;
                        }
                        true
                    }
                }
            });
            changed
        }
        Json::Object(members) => {
            let mut changed = false;
            for (name, value) in members {
                let Json::Array(items) = value else { continue };
                match name.as_str() {
                    "resourceLogs" | "scopeLogs" | "resource_logs" | "scope_logs" => {
                        for item in items {
                            changed |= change_envelope(item, ask);
                        }
                    }
                    "logRecords" | "log_records" => items.retain_mut(|log| {
                        let Some(body) = body(log) else { return true };
                        match ask(body) {
                            Fate::Keep => true,
                            Fate::Drop => {
                                changed = true;
                                false
                            }
                            Fate::Replace(text) => {
                                *body = text;
                                changed = true;
                                true
                            }
                        }
                    }),
                    _ => {}
                }
            }
            changed
        }
        _ => false,
    }
}

fn body(log: &mut Json) -> Option<&mut String> {
    let value = member(member(log, &["body"])?, &["stringValue", "string_value"])?;
    match value {
        Json::String(text) => Some(text),
        _ => None,
    }
}

fn member<'j>(json: &'j mut Json, names: &[&str]) -> Option<&'j mut Json> {
    let Json::Object(members) = json else {
        return None;
    };
    let found = members
        .iter_mut()
        .find(|(name, _)| names.contains(&name.as_str()));
    found.map(|(_, value)| value)
}

fn uid(text: &str) -> Option<String> {
    if let Some(fields) = scan(text) {
        return fields.uid.string(text).map(str::to_owned);
    }
    let json = Json::parse(text.as_bytes()).ok()?;
    json.member("metadata")?
        .member("uid")?
        .as_str()
        .map(str::to_owned)
}
