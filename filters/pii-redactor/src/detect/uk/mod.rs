//! The United Kingdom.

pub(crate) mod driving_licence;
pub(crate) mod nhs;
pub(crate) mod nino;
pub(crate) mod passport;
pub(crate) mod postcode;
pub(crate) mod vehicle;
