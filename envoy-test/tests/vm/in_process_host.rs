//! The in-process host itself, with guests written for the purpose and one built with the public
//! SDK.

use envoy_test::paths;
use envoy_test::vm::{LoadError, Program, Vm};
use host::LogLevel;
use host::fake::{Profile, Request, Response};

/// A module around the given functions; `allocate` gives out memory from 64 KiB on.
fn program(functions: &str) -> Program {
    let text = format!(
        r#"(module
            (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
            (import "env" "proxy_get_property"
                (func $property (param i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_set_shared_data"
                (func $set (param i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 4)
            (global $next (mut i32) (i32.const 65536))
            (data (i32.const 0) "request\00path")
            (data (i32.const 32) "k")
            (func (export "proxy_abi_version_0_2_1"))
            (func $allocate (export "proxy_on_memory_allocate") (param i32) (result i32)
                global.get $next
                global.get $next
                local.get 0
                i32.add
                global.set $next)
            {functions})"#
    );
    Program::new(text.as_bytes()).unwrap()
}

/// Logs `status` as one digit, so that a test can see it.
const LOG_DIGIT: &str = r#"
    (func $digit (param i32)
        (i32.store8 (i32.const 100) (i32.add (i32.const 48) (local.get 0)))
        (drop (call $log (i32.const 2) (i32.const 100) (i32.const 1))))"#;

#[test]
fn answers_arrive_in_memory_of_the_guest() {
    let guest = program(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $property (i32.const 0) (i32.const 12) (i32.const 200) (i32.const 204)))
            (drop (call $log (i32.const 2) (i32.load (i32.const 200)) (i32.load (i32.const 204))))
            i32.const 0)"#,
    );
    let mut proxy = Vm::proxy(&guest, Profile::Envoy).unwrap();
    proxy.configure("").unwrap();
    let outcome = proxy.run(&Request::get("/päth"), &Response::new(200).body("b"));
    assert_eq!(outcome.trap, None);
    assert_eq!(outcome.logs[0].text, "/päth");
    assert_eq!(outcome.client().text(), "b");
}

#[test]
fn statuses_are_the_numbers_of_the_host() {
    for (profile, digit) in [
        (Profile::Envoy, "0"),
        (Profile::Apisix, "<"),
        (Profile::Kong, "8"),
    ] {
        // cas 5 on an absent key: created, not implemented (12), refused.
        let functions = format!(
            r#"{LOG_DIGIT}
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (call $digit (call $set (i32.const 32) (i32.const 1) (i32.const 32) (i32.const 1)
                    (i32.const 5)))
                i32.const 0)"#
        );
        let mut proxy = Vm::proxy(&program(&functions), profile).unwrap();
        proxy.configure("").unwrap();
        let outcome = proxy.run(&Request::get("/"), &Response::new(200));
        assert_eq!(outcome.logs[0].text, digit, "{profile:?}");
    }
}

/// Pointers to nowhere are the guest's fault and never the end of the test bed.
#[test]
fn addresses_are_checked() {
    for (arguments, what) in [
        (
            "(i32.const -1) (i32.const 4) (i32.const 200) (i32.const 204)",
            "path",
        ),
        (
            "(i32.const 0) (i32.const -1) (i32.const 200) (i32.const 204)",
            "path length",
        ),
        (
            "(i32.const 0) (i32.const 12) (i32.const 262143) (i32.const 204)",
            "data",
        ),
        (
            "(i32.const 0) (i32.const 12) (i32.const 200) (i32.const -4)",
            "length",
        ),
    ] {
        let functions = format!(
            r#"{LOG_DIGIT}
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (call $digit (call $property {arguments}))
                i32.const 0)"#
        );
        let mut proxy = Vm::proxy(&program(&functions), Profile::Envoy).unwrap();
        proxy.configure("").unwrap();
        let outcome = proxy.run(&Request::get("/"), &Response::new(200));
        assert_eq!(outcome.trap, None, "{what}");
        assert_eq!(outcome.logs[0].text, "6", "{what}");
    }
}

#[test]
fn a_trap_is_a_value() {
    for (body, reason) in [
        ("unreachable", "unreachable"),
        ("(loop $again (br $again))", "fuel"),
        ("(drop (i32.load (i32.const -1)))", "out of bounds"),
    ] {
        let guest = program(&format!(
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                {body}
                i32.const 0)
            (func (export "proxy_on_log") (param i32)
                (drop (call $log (i32.const 2) (i32.const 0) (i32.const 1))))"#
        ));
        let mut proxy = Vm::proxy(&guest, Profile::Envoy).unwrap();
        proxy.configure("").unwrap();
        let outcome = proxy.run(&Request::get("/"), &Response::new(200).body("secret"));
        assert_eq!(outcome.client().status(), Some(503));
        assert_eq!(outcome.upstream().headers, None);
        assert_eq!(outcome.client().text(), "");
        assert!(
            outcome.logs.is_empty(),
            "a trapped guest is not called again"
        );
        let trap = outcome.trap.unwrap();
        assert!(trap.contains("proxy_on_request_headers"), "{trap}");
        assert!(trap.contains(reason), "{trap}");
    }
}

#[test]
fn hosts_refuse_what_they_cannot_link() {
    let importing = |import: &str| {
        let text =
            format!(r#"(module (import {import}) (func (export "proxy_abi_version_0_2_1")))"#);
        Program::new(text.as_bytes()).unwrap()
    };
    for (import, hosts) in [
        (
            r#""env" "proxy_log" (func (param i32 i32 i32) (result i32))"#,
            [true, true, true],
        ),
        (
            r#""env" "proxy_get_log_level" (func (param i32) (result i32))"#,
            [true, false, true],
        ),
        (
            r#""env" "proxy_get_header_map_size" (func (param i32 i32) (result i32))"#,
            [true, false, false],
        ),
        (
            r#""env" "proxy_no_such_call" (func)"#,
            [false, false, false],
        ),
        (r#""env" "memory" (memory 1)"#, [false, false, false]),
        (
            r#""wasi_snapshot_preview1" "sock_send" (func)"#,
            [false, false, false],
        ),
        (
            r#""wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32))"#,
            [true, true, true],
        ),
    ] {
        for (profile, loads) in Profile::ALL.into_iter().zip(hosts) {
            let result = Vm::proxy(&importing(import), profile);
            match result {
                Ok(_) => assert!(loads, "{profile:?} {import}"),
                Err(LoadError::Imports { missing, .. }) => {
                    assert!(!loads, "{profile:?} {import}");
                    assert!(missing.starts_with("env.") || missing.starts_with("wasi_"));
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn what_is_no_plugin_is_refused() {
    assert!(matches!(Program::new(b"\0asm"), Err(LoadError::Module(_))));
    assert!(matches!(
        Program::new(b"(module)"),
        Err(LoadError::AbiVersion)
    ));
    let missing = Program::open(&paths::root().join("dist/no-such.wasm")).unwrap_err();
    assert!(missing.to_string().contains("make build"), "{missing}");
    let starting = r#"(module
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "_initialize") unreachable))"#;
    let error = Vm::proxy(&Program::new(starting.as_bytes()).unwrap(), Profile::Envoy).err();
    assert!(matches!(error, Some(LoadError::Start(_))));
}

/// A module that somebody else's code base would produce.
fn noop() -> Program {
    let path = paths::root().join("target/wasm32-wasip1/release/noop_filter.wasm");
    Program::open(&path).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_module_of_the_public_sdk_runs_on_all_hosts() {
    let program = noop();
    assert!(program.imports().len() > 30);
    for profile in Profile::ALL {
        let mut proxy = Vm::proxy(&program, profile).unwrap();
        proxy.configure("any").unwrap();
        let request = Request::new("POST", "/a?b=c")
            .header("x-bytes", b"\xff\x00\xfe")
            .chunks([b"ab".to_vec(), b"cd".to_vec()])
            .trailers(&[("x-t", "1")]);
        let response = Response::json("{}").header("x-r", "2").end_apart();
        for _ in 0..3 {
            let outcome = proxy.run(&request, &response);
            assert_eq!(outcome.trap, None, "{profile:?}");
            assert_eq!(outcome.upstream().text(), "abcd");
            assert_eq!(outcome.upstream().trailers.as_ref().unwrap().len(), 1);
            let headers = outcome.upstream().headers.as_ref().unwrap();
            assert!(headers.contains(&(b"x-bytes".to_vec(), b"\xff\x00\xfe".to_vec())));
            assert_eq!(outcome.client().header("x-r").unwrap(), "2");
            assert_eq!(outcome.client().text(), "{}");
            assert!(outcome.client().complete);
        }
        assert!(
            proxy
                .host()
                .logs()
                .iter()
                .all(|line| line.level < LogLevel::Error)
        );
        assert!(proxy.shut_down());
    }
}

/// The public SDK panics on statuses that it does not list; here that is a trap with a reason, so
/// the host would show the same mistake in a filter of this project.
#[test]
fn a_panic_of_a_guest_is_seen() {
    let program = noop();
    let mut proxy = Vm::proxy(&program, Profile::Envoy).unwrap();
    proxy.configure("").unwrap();
    let token = 77;
    proxy.respond_to_unknown(token, host::fake::CallResponse::http(200, ""));
    let trap = proxy.host().trap().expect("the SDK knows no such token");
    assert!(trap.contains("proxy_on_http_call_response"), "{trap}");
    let logs = proxy.host().logs();
    assert!(
        logs.iter().any(|line| line.text.contains("panicked")),
        "{logs:?}"
    );
}

/// The callbacks that Kong calls without looking whether they are there.
const CALLED_BLINDLY: &str = r#"
    (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) i32.const 0)
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) i32.const 0)
    (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) i32.const 0)
    (func (export "proxy_on_done") (param i32) (result i32) i32.const 1)
    (func (export "proxy_on_log") (param i32))"#;

#[test]
fn kong_ends_the_worker_where_a_callback_is_missing() {
    let exchange = |functions: &str, profile| {
        let mut proxy = Vm::proxy(&program(functions), profile).unwrap();
        proxy.configure("").unwrap();
        let request = Request::post("/", "a");
        proxy.run(&request, &Response::new(200).body("b")).trap
    };
    for profile in [Profile::Envoy, Profile::Apisix] {
        assert_eq!(exchange("", profile), None);
    }
    assert_eq!(exchange(CALLED_BLINDLY, Profile::Kong), None);
    for missing in Profile::Kong.calls_blindly() {
        let without: String = CALLED_BLINDLY
            .lines()
            .filter(|line| !line.contains(missing))
            .collect();
        let trap = exchange(&without, Profile::Kong).unwrap();
        assert!(trap.contains("segmentation fault"), "{trap}");
        assert!(trap.contains(missing), "{trap}");
    }
}

#[test]
fn every_module_of_ours_exports_what_kong_calls() {
    for filter in envoy_test::FILTERS {
        let program = Program::open(&paths::wasm(filter).unwrap()).unwrap();
        for name in Profile::Kong.calls_blindly() {
            assert!(program.exports(name), "{filter} does not export {name}");
        }
    }
}

#[test]
fn kong_ends_the_vm_for_a_null_pointer() {
    for (profile, traps) in [
        (Profile::Envoy, false),
        (Profile::Apisix, false),
        (Profile::Kong, true),
    ] {
        let functions = format!(
            r#"{CALLED_BLINDLY}
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (drop (call $log (i32.const 2) (i32.const 0) (i32.const 0)))
                i32.const 0)"#
        );
        let mut proxy = Vm::proxy(&program(&functions), profile).unwrap();
        proxy.configure("").unwrap();
        let trap = proxy.run(&Request::get("/"), &Response::new(200)).trap;
        assert_eq!(trap.is_some(), traps, "{profile:?} {trap:?}");
    }
}

/// APISIX says that it has defined a metric, and writes no number.
#[test]
fn a_metric_of_apisix_has_no_number() {
    for (profile, digit) in [(Profile::Envoy, "0"), (Profile::Apisix, "9")] {
        let text = format!(
            r#"(module
                (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
                (import "env" "proxy_define_metric"
                    (func $define (param i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 4)
                (data (i32.const 32) "m")
                (func (export "proxy_abi_version_0_2_1"))
                {LOG_DIGIT}
                (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                    (i32.store (i32.const 200) (i32.const 9))
                    (drop (call $define (i32.const 0) (i32.const 32) (i32.const 1) (i32.const 200)))
                    (call $digit (i32.load (i32.const 200)))
                    i32.const 0))"#
        );
        let mut proxy = Vm::proxy(&Program::new(text.as_bytes()).unwrap(), profile).unwrap();
        proxy.configure("").unwrap();
        let outcome = proxy.run(&Request::get("/"), &Response::new(200));
        assert_eq!(outcome.logs[0].text, digit, "{profile:?}");
    }
}
