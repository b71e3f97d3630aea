//! One record on each line.

/// The body of a batch as lines of JSON.
pub(super) fn lines<'r>(records: impl Iterator<Item = &'r str>) -> String {
    let mut body = String::new();
    for record in records {
        body.push_str(record);
        body.push('\n');
    }
    body
}
