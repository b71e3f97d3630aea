use super::*;

#[test]
fn the_subset() {
    for text in [
        "$.a",
        "$.a.b",
        "$.a[*].b",
        "$..ssn",
        "$['a b']",
        "$.a[0]",
        "$.*",
        "$[*]",
        "$..*",
        "$.a[1:3]",
        "$[:2]",
        "$[1:]",
        "$[::2]",
        "$['a','b']",
        "$[0, 2]",
        "$..['a']",
        "$..[0]",
        r#"$["it's"]"#,
        r"$['it\'s']",
    ] {
        assert!(Path::parse(text).is_ok(), "{text}");
    }
    for text in [
        "",
        "a",
        "$",
        "$.",
        "$a",
        "$.a[",
        "$.a[x]",
        "$.a[-1]",
        "$[1:-1]",
        "$.a[?@.b]",
        "$.[a]",
        "$.a.",
        "$...a",
        "$['a]",
        "$[1:2:3:4]",
        "$.a b",
        "$.l[::0]",
        "$.l[5:2]",
        "$.l[5:5]",
    ] {
        assert!(Path::parse(text).is_err(), "{text}");
    }
    assert!(Path::parse("$[-1]").unwrap_err().contains("not known"));
    assert!(Path::parse("$[?@.a]").unwrap_err().contains("filters"));
}

#[test]
fn a_child_costs_a_look_however_many_paths_there_are() {
    for form in ["$..f{}", "$.f{}.g", "$.a..f{}", "$..a.f{}"] {
        let path = |number: u16| Path::parse(&form.replace("{}", &number.to_string())).unwrap();
        let paths: Vec<Path> = (0..100).map(path).collect();
        let set = PathSet::new(paths.iter().zip(0..));
        let mut states = set.root().to_vec();
        let mut from = 0;
        for child in [
            Child::Name("a"),
            Child::Index(0),
            Child::Name("a"),
            Child::Index(1),
        ] {
            let to = states.len();
            assert!(to - from <= 2, "{form}: {} states", to - from);
            set.descend(&mut states, from, to, child, |_, _| {});
            from = to;
        }
    }
}

#[test]
fn paths_with_the_same_first_steps_reach_what_each_is_for() {
    let paths = [
        "$.a.b",
        "$.a..b",
        "$.a.b",
        "$['a','c'].b",
        "$.*.b",
        "$.a.b.c",
    ];
    let paths: Vec<Path> = paths
        .iter()
        .map(|path| Path::parse(path).unwrap())
        .collect();
    let set = PathSet::new(paths.iter().zip(0..));
    let mut states = set.root().to_vec();
    set.descend(&mut states, 0, 1, Child::Name("a"), |_, _| {});
    let (to, mut reached) = (states.len(), Vec::new());
    set.descend(&mut states, 1, to, Child::Name("b"), |target, _| {
        reached.push(target);
    });
    reached.sort_unstable();
    assert_eq!(reached, [0, 1, 2, 3, 4]);
}

/// Which of the children along `way` the path reaches.
fn reaches(path: &str, way: &[Child<'_>]) -> bool {
    let path = Path::parse(path).unwrap();
    let set = PathSet::new(std::iter::once((&path, 7)));
    let mut states = set.root().to_vec();
    let mut from = 0;
    let mut reached = false;
    for child in way {
        reached = false;
        let to = states.len();
        set.descend(&mut states, from, to, *child, |_, is_exact| {
            reached = is_exact;
        });
        from = to;
    }
    reached
}

#[test]
fn names_in_another_case_are_told_apart() {
    let path = Path::parse("$.user.role").unwrap();
    let set = PathSet::new(std::iter::once((&path, 7)));
    for (user, role, expected) in [
        ("user", "role", Some(true)),
        ("User", "role", Some(false)),
        ("user", "ROLE", Some(false)),
        ("u\u{17f}er", "role", Some(false)),
        ("user", "roles", None),
    ] {
        let mut states = set.root().to_vec();
        set.descend(&mut states, 0, 1, Child::Name(user), |_, _| {});
        let (to, mut reached) = (states.len(), None);
        set.descend(&mut states, 1, to, Child::Name(role), |_, is_exact| {
            reached = Some(is_exact);
        });
        assert_eq!(reached, expected, "{user}.{role}");
    }
}

#[test]
fn paths_reach() {
    use Child::{Index, Name};
    for (path, way, expected) in [
        ("$.a", vec![Name("a")], true),
        ("$.a", vec![Name("b")], false),
        ("$.a", vec![Name("a"), Name("a")], false),
        ("$..a", vec![Name("x"), Index(3), Name("a")], true),
        ("$..a.b", vec![Name("a"), Name("a"), Name("b")], true),
        ("$.l[1:4:2]", vec![Name("l"), Index(3)], true),
        ("$.l[1:4:2]", vec![Name("l"), Index(2)], false),
        ("$.l[1:4]", vec![Name("l"), Index(4)], false),
        ("$['a','b'][0]", vec![Name("b"), Index(0)], true),
        ("$..*", vec![Name("b"), Index(0)], true),
    ] {
        assert_eq!(reaches(path, &way), expected, "{path} {way:?}");
    }
}
