//! The configurations in files of any kind.

use inspect::check::configured::{Configured, one};

use super::source;

/// The one configuration in a file, as [`one`].
///
/// # Errors
/// It cannot be read, or has no configuration or several.
pub(crate) fn read(file: &str, filter: Option<&str>) -> Result<Configured, String> {
    let source = source::read(file, true)
        .map_err(|error| format!("{} cannot be read: {}", error.name, error.reason))?;
    one(&source.text, filter).map_err(|error| format!("{file}: {error}"))
}
