//! What goes by the route in any part keeps headers that clients may not change from choosing it.

use host::route_config::goes_by_route;
use policy::json::Json;

use super::{Part, Split};

/// Tells "auth" to refuse requests with headers that only it may set, where any part goes by the route:
/// Envoy chooses the route anew when such a header is removed, and limits, redaction and records would
/// be those of the other route. The configuration of "auth" may say otherwise.
pub(super) fn hand_on(split: &mut Split) {
    let read = |json: &str| Json::parse(json.as_bytes()).unwrap_or(Json::Null);
    if !split
        .parts
        .iter()
        .any(|text| goes_by_route(&read(&text.json)))
    {
        return;
    }
    let auth = split.parts.iter_mut().find(|text| text.part == Part::Auth);
    let Some(auth) = auth else { return };
    if let Json::Object(mut members) = read(&auth.json)
        && !members.iter().any(|(name, _)| name == KEY)
    {
        members.push((KEY.to_owned(), Json::from("refuse")));
        auth.json = Json::Object(members).to_string();
    }
}

const KEY: &str = "managed_headers";
