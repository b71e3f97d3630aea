//! `meshward explain`: what a code means.

use crate::check::codes;
use crate::exit;
use crate::output::say;

/// Says what a code of `meshward check` means, and what to do
#[derive(clap::Args)]
#[command(after_help = "Examples:
  meshward explain MW1203
  meshward explain fail_open")]
pub(crate) struct Arguments {
    /// The number or the name of a finding; without one all are listed
    code: Option<String>,
}

/// Explains.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    let Some(word) = &arguments.code else {
        for code in codes::ALL {
            say!("{} {}", code.id, code.name);
        }
        return exit::RIGHT;
    };
    let Some(code) = codes::find(word) else {
        let names = codes::ALL.iter().flat_map(|code| [code.id, code.name]);
        let near = policy::nearest(word, names);
        let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        eprintln!("meshward explain: no such code: {word}{hint}");
        return exit::USAGE;
    };
    say!("{} {}\n\n{}", code.id, code.name, code.about);
    exit::RIGHT
}
