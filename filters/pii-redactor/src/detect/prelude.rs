//! What checks and scanners are written with.

pub(super) use super::checksum::*;
pub(super) use super::date;
pub(super) use crate::bytes::{Position as _, at, digit, part};
pub(super) use crate::steps::step;
