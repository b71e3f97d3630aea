//! Cards, accounts and what pays with them.

pub(crate) mod aba;
pub(crate) mod bic;
pub(crate) mod bitcoin;
pub(crate) mod card;
pub(crate) mod cvv;
pub(crate) mod ethereum;
pub(crate) mod expiry;
pub(crate) mod iban;
pub(crate) mod pin;
pub(crate) mod track;
pub(crate) mod us_bank;
