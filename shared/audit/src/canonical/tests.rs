use proptest::prelude::*;

use super::*;

/// What records hold: strings, integers, booleans, arrays and objects.
fn documents() -> impl Strategy<Value = Json> {
    let scalars = prop_oneof![
        any::<bool>().prop_map(Json::Bool),
        (0..=MAX_INTEGER).prop_map(Json::from),
        any::<String>().prop_map(Json::String),
    ];
    scalars.prop_recursive(4, 40, 6, |inner| {
        let members = proptest::collection::btree_map("[ -!#-Z^-~]{0,9}", inner.clone(), 0..6);
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

/// Writes a tree; members whose name begins with `x` are ones that the core lacks.
fn write(writer: &mut Writer, json: &Json) {
    match json {
        Json::Null => writer.fragment("null"),
        Json::Bool(value) => writer.boolean(*value),
        Json::Number(number) => writer.number(number.as_u64().unwrap()),
        Json::String(text) => writer.string(text),
        Json::Array(items) => {
            writer.array(|writer| {
                for item in items {
                    writer.item(|writer| write(writer, item));
                }
            });
        }
        Json::Object(members) => writer.object(|writer| {
            for (name, value) in members {
                if name.starts_with('x') {
                    writer.cut_member(name, |writer| write(writer, value));
                } else {
                    writer.member(name, |writer| write(writer, value));
                }
            }
        }),
    }
}

fn without_x(json: &Json) -> Json {
    match json {
        Json::Array(items) => Json::Array(items.iter().map(without_x).collect()),
        Json::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !name.starts_with('x'));
            Json::Object(
                kept.map(|(name, value)| (name.clone(), without_x(value)))
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

    #[test]
    fn writing_is_sorting_and_cutting(json in documents()) {
        let json = sorted(&json);
        let mut writer = Writer::with_capacity(8);
        write(&mut writer, &json);
        prop_assert_eq!(writer.core().collect::<String>(), to_string(&without_x(&json)));
        prop_assert_eq!(writer.into_text(), to_string(&json));
    }
}

proptest! {
    #[test]
    fn numbers_are_their_digits(number in 0..=MAX_INTEGER) {
        let mut writer = Writer::default();
        writer.number(number);
        prop_assert_eq!(writer.into_text(), number.to_string());
    }

    /// Whether it is counted or not, the answer is the same.
    #[test]
    fn a_text_fits_where_its_longest_spelling_does(text in ".{0,40}", max_bytes in 0_usize..400) {
        let mut writer = Writer::default();
        writer.string(&text);
        let fits = writer.fits_escaped(max_bytes);
        prop_assert_eq!(fits, escaped_bytes(&writer.into_text()) <= max_bytes);
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
    for (value, expected) in [
        ("\u{8}\t\u{c}\r\u{7f}", "\"\\b\\t\\f\\r\u{7f}\""),
        ("€$\u{f}\nA'B\"\\\"/", r#""€$\u000f\nA'B\"\\\"/""#),
        ("\0\u{1f}", r#""\u0000\u001f""#),
    ] {
        let string = Json::String(value.to_owned());
        assert_eq!(to_string(&string), expected);
        let mut writer = Writer::default();
        writer.string(value);
        assert_eq!(writer.into_text(), expected);
    }
    let mut writer = Writer::default();
    writer.number(u64::MAX);
    assert_eq!(writer.into_text(), "9007199254740991");
}
