//! One spelling for each JSON document (RFC 8785, JSON Canonicalization Scheme): the bytes that are
//! kept, sent and, one day, hashed.
//!
//! Records hold strings, integers, booleans, arrays and objects only, so the number rules of the
//! standard do not come up.

use policy::json::Json;

/// Canonical text: members sorted by name, no white space.
#[must_use]
pub fn to_string(json: &Json) -> String {
    sorted(json).to_string()
}

fn sorted(json: &Json) -> Json {
    match json {
        Json::Array(items) => Json::Array(items.iter().map(sorted).collect()),
        Json::Object(members) => {
            let mut members: Vec<(String, Json)> = members
                .iter()
                .map(|(name, value)| (name.clone(), sorted(value)))
                .collect();
            // By UTF-16 code units (section 3.2.3).
            members.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
            Json::Object(members)
        }
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What records hold: strings, integers, booleans, arrays and objects.
    fn documents() -> impl Strategy<Value = Json> {
        let scalars = prop_oneof![
            any::<bool>().prop_map(Json::Bool),
            any::<u64>().prop_map(Json::from),
            any::<String>().prop_map(Json::String),
        ];
        scalars.prop_recursive(4, 40, 6, |inner| {
            let members = proptest::collection::btree_map(any::<String>(), inner.clone(), 0..6);
            prop_oneof![
                proptest::collection::vec(inner, 0..6).prop_map(Json::Array),
                members.prop_map(|members| Json::Object(members.into_iter().collect())),
            ]
        })
    }

    fn reversed(json: &Json) -> Json {
        match json {
            Json::Array(items) => Json::Array(items.iter().map(reversed).collect()),
            Json::Object(members) => {
                let members = members.iter().rev();
                Json::Object(
                    members
                        .map(|(name, value)| (name.clone(), reversed(value)))
                        .collect(),
                )
            }
            scalar => scalar.clone(),
        }
    }

    proptest! {
        #[test]
        fn one_document_has_one_spelling_on_one_line(json in documents()) {
            let text = to_string(&json);
            prop_assert_eq!(&to_string(&reversed(&json)), &text);
            let again = Json::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(&again, &sorted(&json));
            prop_assert_eq!(&to_string(&again), &text);
            prop_assert!(!text.contains(|c: char| c < ' '));
        }
    }

    /// The sorting example of RFC 8785 section 3.2.3, and its string example of 3.2.2.2.
    #[test]
    fn follows_the_standard() {
        let text = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew","1":"One","\ud83d\ude00":"Emoji","\u0080":"Control","\u00f6":"O"}"#;
        let order: Vec<String> = match sorted(&Json::parse(text.as_bytes()).unwrap()) {
            Json::Object(members) => members.into_iter().map(|(name, _)| name).collect(),
            _ => panic!(),
        };
        assert_eq!(order, ["\r", "1", "\u{80}", "ö", "€", "😀", "\u{fb33}"]);
        let string = Json::String("\u{8}\t\u{c}\r\u{7f}".to_owned());
        assert_eq!(to_string(&string), "\"\\b\\t\\f\\r\u{7f}\"");
        let string = Json::String("€$\u{f}\nA'B\"\\\"/".to_owned());
        assert_eq!(to_string(&string), r#""€$\u000f\nA'B\"\\\"/""#);
    }
}
