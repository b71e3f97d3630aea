use super::*;

#[test]
fn places_in_scalars_of_every_style() {
    for source in [
        "config: |\n    {\n      \"a\": 1,\n      \"b\": x\n    }\n",
        "config: '{\"a\": 1, \"b\": x}'\n",
        "config: \"{\\\"a\\\": 1, \\\"b\\\": x}\"\n",
        "config: >\n  {\"a\": 1,\n  \"b\": x}\n",
        "config: \"{\\n\\\"a\\\": 1,\\n\\\"b\\\": x}\"\n",
    ] {
        let documents = read(source);
        let tree = &documents.trees[0];
        let value = tree.get("config").unwrap();
        let text = value.text().unwrap();
        let at = text.find('x').unwrap();
        let found = within(source, &value.span, text, at);
        assert_eq!(source.find('x'), Some(found), "{source}");
    }
}

#[test]
fn aliases_merge_keys_and_words() {
    let source =
        "base: &b {a: 1, b: 2}\nuse:\n  <<: *b\n  b: 3\nno: off\nquoted: \"no\"\n---\nx: 0x10\n";
    let documents = read(source);
    assert_eq!(documents.trees.len(), 2);
    let json = documents.trees[0].json().to_string();
    assert_eq!(
        json,
        r#"{"base":{"a":1,"b":2},"use":{"b":3,"a":1},"no":false,"quoted":"no"}"#
    );
    assert_eq!(documents.remarks.len(), 1);
}

#[test]
fn cycles_and_bombs_are_refused() {
    let documents = read("a: &a [1, *a]\n---\nb: 1\n");
    assert!(
        documents.remarks[0].message.contains("alias"),
        "{documents:?}"
    );
    assert_eq!(documents.trees.len(), 1);
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        let items = vec![before; 9].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    let documents = read(&bomb);
    assert!(
        documents.remarks[0].message.contains("aliases"),
        "{:?}",
        documents.remarks
    );
    let deep = "[".repeat(100_000);
    assert!(!read(&deep).remarks.is_empty());
}

#[test]
fn whole_numbers_of_a_struct_are_integers() {
    let documents = read("a: [5.0, 5, 5.5, -2.00, 1.5e3]\nb: {c: 20.0, d: \"5.0\"}\n");
    let json = documents.trees[0].struct_json().to_string();
    assert_eq!(json, r#"{"a":[5,5,5.5,-2,1500],"b":{"c":20,"d":"5.0"}}"#);
    // A configuration by itself is what it is.
    let json = documents.trees[0].json().to_string();
    assert!(json.contains("5.0,5,"), "{json}");
}
