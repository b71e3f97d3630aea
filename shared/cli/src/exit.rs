//! The exit statuses of all commands.

/// What was asked for is done, and nothing is wrong.
pub(crate) const RIGHT: u8 = 0;
/// What was asked for is done, and something is wrong: a mistake in a configuration, a trail that was
/// changed, an order that was refused.
pub(crate) const FOUND: u8 = 1;
/// It could not be done, or not all of it: a file that cannot be read, a trail that is not complete.
pub(crate) const NOT_DONE: u8 = 2;
/// The command line is wrong (`EX_USAGE` of sysexits.h).
pub(crate) const USAGE: u8 = 64;

/// For help.
pub(crate) const TABLE: &str = "\
Exit status of all commands:
   0  done, and nothing is wrong
   1  done, and something is wrong: a mistake in a configuration, a trail that was changed, an order that was refused
   2  not done, or not all of it: a file that cannot be read, a trail that is not complete or not vouched for
  64  wrong usage";
