//! One of something for each direction of an exchange.

use crate::Direction;

/// What there is once for the request and once for the response.
#[derive(Clone, Debug, Default)]
pub(crate) struct PerDirection<T> {
    pub(crate) request: T,
    pub(crate) response: T,
}

impl<T> PerDirection<T> {
    pub(crate) const fn get(&self, direction: Direction) -> &T {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    pub(crate) const fn get_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}
