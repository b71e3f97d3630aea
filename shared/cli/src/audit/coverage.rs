//! `meshward audit coverage`.

use trail::coverage::{Coverage, Days, days};
use trail::time;
use trail::verdict::{Question, conclude};

use super::common::{Input, Result};
use super::format::thousands;
use super::unread::tell_unread;
use crate::exit;
use crate::output::say;

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,

    /// How far back: 12mo, 90d, 6y
    #[arg(long, value_name = "SPAN", default_value = "12mo")]
    last: String,

    /// Only records of this retention class
    #[arg(long)]
    class: Option<String>,

    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let input = &arguments.input;
    let keyring = input.keyring()?;
    let now_ms = input.now_ms()?;
    let from_ms = time::before(now_ms, &arguments.last)
        .map_err(|error| format!("--last {:?}: {error}", arguments.last))?;
    let (trail, seen) = input.read(&keyring, Days::default)?;
    let days = days(&trail, &seen, arguments.class.as_deref());
    let unread = tell_unread(&trail, exit::RIGHT);
    let verdict = conclude(
        trail,
        &Question {
            at_ms: now_ms,
            is_excerpt: true,
            ..Question::default()
        },
    );
    let coverage = Coverage::new(&days, from_ms, now_ms, arguments.class.clone());
    if arguments.json {
        let text = serde_json::to_string_pretty(&coverage).map_err(|error| error.to_string())?;
        say!("{text}");
    } else {
        tell(&coverage, keyring.is_empty());
    }
    Ok(match (verdict.exit_code, coverage.days_without) {
        (1, _) => {
            say!("The files do not verify: {}.", verdict.sentence);
            exit::FOUND
        }
        (_, 0) => unread,
        _ => exit::FOUND,
    })
}

fn tell(coverage: &Coverage, without_keys: bool) {
    let of_class = coverage.class.as_ref();
    let of_class = of_class.map_or(String::new(), |class| format!(" of the class {class:?}"));
    say!(
        "{} days, {} to {}{of_class}",
        thousands(coverage.days),
        day(coverage.from_ms),
        day(coverage.to_ms.saturating_sub(1))
    );
    say!("{:>6}  with requests", thousands(coverage.with_requests));
    say!(
        "{:>6}  without requests, on which an emitter said that it lives",
        thousands(coverage.with_signs_only)
    );
    say!(
        "{:>6}  without any record",
        thousands(coverage.days_without)
    );
    for (first, last) in coverage.without.iter().take(SHOWN) {
        match first == last {
            true => say!("        {}", day(*first)),
            false => say!("        {} to {}", day(*first), day(*last)),
        }
    }
    if coverage.without.len() > SHOWN {
        let more = coverage.without.len() - SHOWN;
        say!("        and {more} more; --json has all");
    }
    if without_keys {
        say!("No key was given (--key, --keys), so nobody vouches for any of these records.");
    }
}

fn day(ms: u64) -> String {
    time::format(ms).chars().take(10).collect()
}

const SHOWN: usize = 40;
const AFTER_HELP: &str = "\
Where keys are given, only records count for which one of them vouches. PCI DSS 10.5.1 asks for twelve
months, three of them at hand. Exit status: 0 every day has records, 1 some have none, or the files do
not verify, 2 not possible, or not all was read, 64 wrong usage.

Examples:
  meshward audit coverage --keys keys.json --last 12mo --class pci trail-*.ndjson";
