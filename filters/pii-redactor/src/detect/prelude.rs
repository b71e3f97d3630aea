//! What the modules of the detectors are written with.

pub(super) use super::checksum::*;
pub(super) use super::date;
pub(super) use super::preset::{CCPA, GDPR, HIPAA, PCI, SECRETS};
pub(super) use super::{Category, Detector, Form};
pub(super) use crate::bytes::{Position as _, at, digit, part};
pub(super) use crate::steps::step;
