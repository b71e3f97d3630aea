//! Which rules a body of a type can answer, for the proxy and for `meshward redact` alike.

use super::Framing;

/// What rules ask of a body that only some types can answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Demands {
    /// Only the members of `allow_fields` may pass.
    pub minimizes: bool,
    /// Each object has to belong to its caller (`owner`).
    pub judges: bool,
    /// Operations of GraphQL are measured (`graphql`).
    pub measures_graphql: bool,
    /// A type that is not known to be searched is refused (`on_error.unsupported_type`).
    pub blocks_types: bool,
}

impl Demands {
    /// Whether a body that is taken apart in this way, or not at all, goes no further. `is_typed`: something says of
    /// which type it is.
    #[must_use]
    pub fn refuse(self, framing: Option<&Framing>, is_typed: bool) -> bool {
        let Some(framing) = framing else {
            return self.minimizes || self.judges || self.measures_graphql || self.blocks_types;
        };
        // Only documents have members that could be allowed.
        let has_no_members = matches!(
            framing,
            Framing::Message
                | Framing::Text
                | Framing::Lines
                | Framing::Markup
                | Framing::Graphql
                | Framing::Unknown
                | Framing::Grpc
        );
        // Only JSON has objects whose owners are known.
        let is_json = matches!(
            framing,
            Framing::Json | Framing::JsonLines | Framing::Events
        );
        // Operations of GraphQL come in JSON, in a part of a form with files, or by themselves.
        let is_graphql = matches!(
            framing,
            Framing::Json | Framing::Multipart(_) | Framing::Graphql
        );
        self.judges && !is_json
            || self.minimizes && has_no_members
            || self.measures_graphql && !is_graphql
            || self.blocks_types && is_typed && *framing == Framing::Unknown
    }
}
