//! Where a credential is looked for.

use policy::config::Node;

/// Where a credential may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a header, behind a prefix such as `Bearer `.
    Header {
        /// The header's name, in lower case.
        name: String,
        /// Compared without regard to case: an authentication scheme is (RFC 9110 section 11.1).
        prefix: String,
    },
    /// In a query parameter of this name.
    Query(String),
    /// In a cookie of this name.
    Cookie(String),
}

/// A place where any provider looks for credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialPlace {
    /// The credential came in a header.
    Header {
        /// The header's name, in lower case.
        name: String,
        /// What stands in front of credentials there, the longest first.
        prefixes: Vec<String>,
    },
    /// The credential came in a query parameter of this name.
    Query(String),
    /// The credential came in a cookie of this name.
    Cookie(String),
}

impl CredentialPlace {
    /// All different ones among these locations.
    pub(super) fn all<'l>(locations: impl Iterator<Item = &'l Location>) -> Vec<Self> {
        let mut places: Vec<Self> = Vec::new();
        for location in locations {
            let place = match location {
                Location::Query(name) => Self::Query(name.clone()),
                Location::Cookie(name) => Self::Cookie(name.clone()),
                Location::Header { name, prefix } => {
                    let known = places.iter_mut().find_map(|place| match place {
                        Self::Header {
                            name: known,
                            prefixes,
                        } if known == name => Some(prefixes),
                        _ => None,
                    });
                    if let Some(prefixes) = known {
                        prefixes.push(prefix.clone());
                        policy::sort::by_key(prefixes, |prefix| std::cmp::Reverse(prefix.len()));
                        continue;
                    }
                    Self::Header {
                        name: name.clone(),
                        prefixes: vec![prefix.clone()],
                    }
                }
            };
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// Whether a location is here.
    #[must_use]
    pub fn has(&self, location: &Location) -> bool {
        match (self, location) {
            (Self::Header { name, .. }, Location::Header { name: other, .. })
            | (Self::Query(name), Location::Query(other))
            | (Self::Cookie(name), Location::Cookie(other)) => name == other,
            _ => false,
        }
    }
}

impl Location {
    /// The header `Authorization` with the scheme `Bearer`.
    #[must_use]
    pub fn authorization() -> Self {
        Self::Header {
            name: "authorization".to_owned(),
            prefix: "Bearer ".to_owned(),
        }
    }

    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let header = fields.optional("header");
            let query = fields.optional("query");
            let cookie = fields.optional("cookie");
            let prefix = fields.optional("prefix");
            match (header, query, cookie) {
                (Some(header), None, None) => {
                    let prefix = match prefix {
                        Some(prefix) => prefix.string()?.to_owned(),
                        None => String::new(),
                    };
                    Some(Self::Header { name: header.field_name()?, prefix })
                }
                (None, Some(query), None) if prefix.is_none() => {
                    query.parameter_name().map(Self::Query)
                }
                (None, None, Some(cookie)) if prefix.is_none() => {
                    cookie.cookie_name().map(Self::Cookie)
                }
                _ => {
                    fields.node().reject(
                        r#"expected exactly one of "header" (with "prefix" or without), "query" and "cookie""#,
                    );
                    None
                }
            }
        })
    }
}
