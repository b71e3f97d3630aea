//! What members of documents say about a person.

pub(crate) mod account;
pub(crate) mod age;
pub(crate) mod biometric;
pub(crate) mod city;
pub(crate) mod date;
pub(crate) mod device;
pub(crate) mod ethnicity;
pub(crate) mod genetic;
pub(crate) mod geo;
pub(crate) mod health;
pub(crate) mod health_plan;
pub(crate) mod licence;
pub(crate) mod medical_record;
pub(crate) mod message;
pub(crate) mod name;
pub(crate) mod nationality;
pub(crate) mod online_id;
pub(crate) mod photo;
pub(crate) mod politics;
pub(crate) mod postal_code;
pub(crate) mod religion;
pub(crate) mod sex_life;
pub(crate) mod street;
pub(crate) mod union;
pub(crate) mod username;
