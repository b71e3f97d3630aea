//! The United States.

pub(crate) mod dea;
pub(crate) mod driver_license;
pub(crate) mod ein;
pub(crate) mod itin;
pub(crate) mod license_plate;
pub(crate) mod mbi;
pub(crate) mod npi;
pub(crate) mod passport;
pub(crate) mod ssn;
pub(crate) mod ssn_last4;
pub(crate) mod vin;
