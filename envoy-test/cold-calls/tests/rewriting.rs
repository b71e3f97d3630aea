//! What a rewritten module does, and what the pass refuses.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a failed test may panic"
)]

use std::sync::{Arc, Mutex};

use cold_calls::{
    COUNTER, Error, HotFunctions, INSTRUCTIONS, counting, fold, function_names, make_indirect,
    measuring,
};
use wasmi::{Engine, Linker, Module, Store};

/// Calls of every kind: of an imported function, direct and through the table, forwards, backwards
/// and of itself.
const MODULE: &str = r#"(module
    (import "host" "twice" (func $twice (param i32) (result i32)))
    (type $number (func (param i32) (result i32)))
    (table 2 2 funcref)
    (global (mut i32) (i32.const 0))
    (elem (i32.const 1) $one_more)
    (func $one_more (param i32) (result i32)
        local.get 0
        i32.const 1
        i32.add)
    (func $hot (export "run") (param i32) (result i32)
        local.get 0
        call $one_more
        call $twice
        call $cold
        i32.const 1
        call_indirect (type $number))
    (func $cold (param i32) (result i32)
        (if (result i32) (i32.gt_s (local.get 0) (i32.const 100))
            (then (call $one_more (local.get 0)))
            (else (call $cold (i32.mul (local.get 0) (i32.const 3)))))))"#;

fn module(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// What `run` returns, and the numbers of the functions that a counting module says began.
fn run(module: &[u8], argument: i32) -> (i32, Vec<u32>) {
    let (result, begun, _) = run_measured(module, argument);
    (result, begun)
}

/// As [`run`], and how many instructions a measuring module says that it ran.
fn run_measured(module: &[u8], argument: i32) -> (i32, Vec<u32>, Option<i64>) {
    let engine = Engine::default();
    let module = Module::new(&engine, module).unwrap();
    let mut linker = Linker::new(&engine);
    linker
        .func_wrap("host", "twice", |number: i32| number * 2)
        .unwrap();
    let begun = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&begun);
    let note = move |function: u32| noted.lock().unwrap().push(function);
    linker.func_wrap(COUNTER.0, COUNTER.1, note).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let result = run.call(&mut store, argument).unwrap();
    let begun = begun.lock().unwrap().clone();
    let counter = instance.get_global(&store, INSTRUCTIONS);
    let instructions = counter.and_then(|counter| counter.get(&store).i64());
    (result, begun, instructions)
}

#[test]
fn a_measuring_module_counts_what_it_runs_and_no_branch_that_it_does_not_take() {
    let plain = module(MODULE);
    let measuring = measuring(&plain).unwrap();
    // `hot` has 7 with its `end`, `one_more` 4 and runs three times, `cold` 8 when it has enough and
    // 10 when it calls itself first.
    for (argument, instructions) in [(60, 7 + 3 * 4 + 8), (20, 7 + 3 * 4 + 10 + 8)] {
        let (result, _, counted) = run_measured(&measuring, argument);
        assert_eq!(result, run(&plain, argument).0);
        assert_eq!(counted, Some(instructions), "{argument}");
    }
}

#[test]
fn a_rewritten_module_does_the_same() {
    let before = module(MODULE);
    for (hot, direct, indirect) in [
        ("", 0, 4),
        ("hot\none_more", 1, 3),
        ("# all\n\nhot\none_more\ncold\n", 4, 0),
        ("hot", 0, 4),
    ] {
        let rewritten = make_indirect(&before, &HotFunctions::parse(hot)).unwrap();
        assert_eq!(rewritten.direct_calls, direct, "{hot:?}");
        assert_eq!(rewritten.indirect_calls, indirect, "{hot:?}");
        for argument in [-7, 0, 1, 17, 99, 100, 101, 5_000] {
            let expected = run(&before, argument);
            assert_eq!(run(&rewritten.module, argument), expected);
            assert_eq!(run(&rewritten.with_names, argument), expected);
        }
    }
}

#[test]
fn a_long_function_is_called_through_the_table_even_if_it_is_hot() {
    let long = "(local.set 0 (i32.add (local.get 0) (i32.const 1)))".repeat(50);
    let text = format!(
        r#"(module (table 1 1 funcref) (elem (i32.const 0) $long)
            (func $long (param i32) (result i32) {long} local.get 0)
            (func $run (export "run") (param i32) (result i32) local.get 0 call $long))"#
    );
    let hot = HotFunctions::parse("long\nrun");
    let rewritten = make_indirect(&module(&text), &hot).unwrap();
    assert_eq!((rewritten.direct_calls, rewritten.indirect_calls), (0, 1));
    assert_eq!(run(&rewritten.module, 2).0, 52);
}

#[test]
fn the_same_input_gives_the_same_bytes_and_only_one_of_them_has_names() {
    let hot = HotFunctions::parse("hot");
    let once = make_indirect(&module(MODULE), &hot).unwrap();
    let again = make_indirect(&module(MODULE), &hot).unwrap();
    assert_eq!(once.module, again.module);
    assert_eq!(once.with_names, again.with_names);
    assert!(function_names(&once.with_names).is_ok());
    assert!(matches!(function_names(&once.module), Err(Error::NoNames)));
}

#[test]
fn of_functions_that_are_the_same_one_stays_under_a_hot_name() {
    // `b` is `a`, so `of_b` is `of_a`; `other_type` and `other_number` are not.
    let text = r#"(module
        (table 3 3 funcref)
        (elem (i32.const 0) $b $other_type $of_b)
        (type $number (func (param i32) (result i32)))
        (func $other_type (param i32 i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func $a (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func $other_number (param i32) (result i32) (i32.add (local.get 0) (i32.const 2)))
        (func $b (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func $of_a (param i32) (result i32) (call $a (call $other_number (local.get 0))))
        (func $of_b (param i32) (result i32) (call $b (call $other_number (local.get 0))))
        (func $run (export "run") (param i32) (result i32)
            (i32.add
                (i32.mul (call $of_b (local.get 0)) (i32.const 10000))
                (i32.add
                    (i32.mul (call $of_a (local.get 0)) (i32.const 100))
                    (call_indirect (type $number) (local.get 0) (i32.const 0))))))"#;
    let before = module(text);
    let folded = fold(&before, &HotFunctions::parse("b")).unwrap();
    assert_eq!(
        function_names(&folded).unwrap(),
        ["other_type", "b", "other_number", "of_a", "run"]
    );
    for argument in [0, 7, 41] {
        assert_eq!(run(&folded, argument), run(&before, argument));
    }
    let again = fold(&folded, &HotFunctions::default()).unwrap();
    assert_eq!(again.len(), folded.len());
    let rewritten = make_indirect(&folded, &HotFunctions::default()).unwrap();
    assert_eq!(run(&rewritten.module, 7), run(&before, 7));
}

#[test]
fn what_cannot_be_rewritten_is_refused() {
    let hot = HotFunctions::default();
    let of = |text: &str| make_indirect(&module(text), &hot).map(drop);
    assert!(matches!(of("(module (func))"), Err(Error::NoNames)));
    assert!(matches!(of("(module (func $a))"), Err(Error::NoTable)));
    let imported =
        r#"(module (import "a" "b" (table 1 funcref)) (elem (i32.const 0) $a) (func $a))"#;
    assert!(matches!(of(imported), Err(Error::NoTable)));
    let truncated = module(MODULE);
    let truncated = &truncated[..truncated.len() / 2];
    assert!(matches!(
        make_indirect(truncated, &hot),
        Err(Error::Module(_))
    ));
}

#[test]
fn a_counting_module_tells_of_every_function_that_begins() {
    let before = module(MODULE);
    let (result, begun) = run(&counting(&before).unwrap(), 16);
    assert_eq!(result, run(&before, 16).0);
    let names = function_names(&before).unwrap();
    let begun: Vec<&str> = begun
        .iter()
        .map(|number| names[usize::try_from(*number).unwrap()].as_str())
        .collect();
    // 16 becomes 17, 34, 102 by calling itself, 103, and 104 through the table.
    assert_eq!(result, 104);
    assert_eq!(
        begun,
        ["hot", "one_more", "cold", "cold", "one_more", "one_more"]
    );
}
