//! Checks of the numbers of the European Union and its neighbours.

mod centre;
mod germany;
mod north;
mod south;
mod west;

pub(super) use centre::*;
pub(super) use germany::*;
pub(super) use north::*;
pub(super) use south::*;
pub(super) use west::*;
