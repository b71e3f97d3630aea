//! What a shell and `man` want to know of the command line: `meshward completions`, `meshward man`.

use std::path::PathBuf;

use clap_complete::Shell;

use crate::exit;
use crate::output::{or_end, say};

/// Prints the script that completes commands, options and their values
#[derive(clap::Args)]
#[command(after_help = "Examples:
  meshward completions bash >meshward.bash
  meshward completions fish >meshward.fish")]
pub(crate) struct Completions {
    /// Whose script
    shell: Shell,
}

/// Prints a manual page, or writes all of them
#[derive(clap::Args)]
#[command(after_help = "Examples:
  meshward man >meshward.1
  meshward man audit verify >meshward-audit-verify.1
  meshward man --output-dir man")]
pub(crate) struct Man {
    /// A folder for the pages of all commands, which is made if it is not there
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    output_dir: Option<PathBuf>,
    /// The command, as `audit verify`; by default meshward itself
    command: Vec<String>,
}

/// Prints the script.
pub(crate) fn completions(arguments: &Completions, mut all: clap::Command) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut all, "meshward", &mut script);
    or_end(std::io::Write::write_all(&mut std::io::stdout(), &script));
    exit::RIGHT
}

/// Prints or writes pages.
pub(crate) fn man(arguments: &Man, all: clap::Command) -> u8 {
    // `help` has a page for each command that says what the command's own says.
    let mut all = all.disable_help_subcommand(true);
    all.build();
    if let Some(folder) = &arguments.output_dir {
        let written =
            std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(all, folder));
        return match written {
            Ok(()) => exit::RIGHT,
            Err(error) => {
                eprintln!("meshward man: {}: {error}", folder.display());
                exit::NOT_DONE
            }
        };
    }
    let mut command = &all;
    for word in &arguments.command {
        let Some(inner) = command.find_subcommand(word) else {
            let known: Vec<&str> = command
                .get_subcommands()
                .map(clap::Command::get_name)
                .collect();
            eprintln!(
                "meshward man: no command {word:?}; expected one of {}",
                known.join(", ")
            );
            return exit::USAGE;
        };
        command = inner;
    }
    let mut page = Vec::new();
    or_end(clap_mangen::Man::new(command.clone()).render(&mut page));
    say!("{}", String::from_utf8_lossy(&page).trim_end());
    exit::RIGHT
}
