//! Whether the route that a proxy has chosen says where a request goes.

use super::{PathError, RequestPath};
use crate::config::Node;

/// Which requests go where the proxy's route says: the key `route_trust`.
///
/// A proxy chooses the route by one reading of the path, and only it knows the paths of its routes. A request
/// that is not trusted may belong to any route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RouteTrust {
    /// Those whose path every server takes for the same place. Where the place is divided into segments in
    /// different ways, as by `%2F` in an identifier, it is still that place.
    #[default]
    InPlace,
    /// Those whose path can be read in one way only.
    Unambiguous,
    /// The route is trusted for every request.
    Always,
}

impl RouteTrust {
    /// Reads the key `route_trust` from the configuration.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.one_of(&[
            ("in_place", Self::InPlace),
            ("unambiguous", Self::Unambiguous),
            ("always", Self::Always),
        ])
    }

    /// Whether a request with this path goes where its route says.
    #[must_use]
    pub fn covers(self, path: Result<&RequestPath, PathError>) -> bool {
        match (self, path) {
            // The route of a CONNECT goes by no path.
            (Self::Always, _) | (_, Err(PathError::Missing)) => true,
            (_, Err(_)) => false,
            (Self::InPlace, Ok(path)) => !path.strays,
            (Self::Unambiguous, Ok(path)) => !path.strays && path.readings.len() == 1,
        }
    }
}
