//! Colours, for terminals and whoever asks for them.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use clap::ValueEnum;

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

static IS_ON: OnceLock<bool> = OnceLock::new();

/// Decides for the whole run.
pub(crate) fn choose(when: When) {
    let is_wanted = match when {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            // https://no-color.org: set and not empty.
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
            !refused && !dumb && std::io::stdout().is_terminal()
        }
    };
    let _ = IS_ON.set(is_wanted);
}

/// Whether this run colours its output.
pub(crate) fn is_on() -> bool {
    IS_ON.get().copied().unwrap_or(false)
}

/// Text in the colour of an outcome, where colours are on.
pub(crate) fn painted(text: &str, colour: Colour) -> String {
    if is_on() {
        format!("\u{1b}[{}m{text}\u{1b}[0m", colour.code())
    } else {
        text.to_owned()
    }
}

/// The colours that output has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Right, allowed.
    Green,
    /// Wrong, refused.
    Red,
    /// What stands beside.
    Dim,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Green => "32",
            Self::Red => "31",
            Self::Dim => "2",
        }
    }
}
