//! How a person or a device is reached.

pub(crate) mod email;
pub(crate) mod imei;
pub(crate) mod ip;
pub(crate) mod mac;
pub(crate) mod phone;
mod tld;
pub(crate) mod url;
