//! Cards, accounts and what pays with them.

pub(crate) mod bitcoin;
pub(crate) mod card;
mod codes;
pub(crate) mod emv;
pub(crate) mod ethereum;
pub(crate) mod iban;
pub(crate) mod track;

pub(super) use codes::*;
