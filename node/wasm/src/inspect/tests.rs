//! Artifacts and what is pushed by mistake.

use super::*;

fn parsed(text: &str) -> Artifact {
    inspect(&wat::parse_str(text).unwrap()).unwrap()
}

fn check_refused(bytes: &[u8], message: &str) {
    let error = inspect(bytes).unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
}

#[test]
fn a_module_is_a_command_by_its_start_function() {
    let artifact = parsed(
        r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))) (import "env" "log" (func))
            (func (export "_start")) (memory (export "memory") 1))"#,
    );
    assert_eq!(artifact.form, Form::Module);
    assert_eq!(artifact.entry, Entry::Command);
    assert_eq!(artifact.imports, ["wasi_snapshot_preview1::proc_exit", "env::log"]);
    assert_eq!(artifact.exports, ["_start", "memory"]);
    assert_eq!(unsatisfied(&artifact), [Import { name: "env::log".to_owned() }]);
    assert_eq!(parsed("(module)").entry, Entry::Reactor);
}

#[test]
fn a_component_is_what_it_exports() {
    let exports = |name: &str| parsed(&format!(r#"(component (instance $i) (export "{name}" (instance $i)))"#)).entry;
    assert_eq!(exports("wasi:cli/run@0.2.0"), Entry::Command);
    assert_eq!(exports("wasi:http/incoming-handler@0.2.12"), Entry::Http);
    assert_eq!(exports("wasi:http/handler@0.3.0"), Entry::Reactor);
    assert_eq!(exports("example:things/greet"), Entry::Reactor);
}

#[test]
fn imports_of_nested_modules_are_not_the_components() {
    let artifact = parsed(
        r#"(component (import "wasi:cli/stdout@0.2.3" (instance)) (core module (import "inner" "f" (func)) (func (export "g"))))"#,
    );
    assert_eq!(artifact.form, Form::Component);
    assert_eq!(artifact.imports, ["wasi:cli/stdout@0.2.3"]);
    assert_eq!(artifact.exports, Vec::<String>::new());
}

#[test]
fn only_interfaces_that_the_host_has_are_satisfied() {
    let artifact = parsed(
        r#"(component (import "wasi:io/streams@0.2.0" (instance)) (import "wasi:io/streams@0.2.99" (instance))
            (import "wasi:http/outgoing-handler@0.2.3" (instance)) (import "wasi:http/handler@0.3.0" (instance))
            (import "wasi:keyvalue/store@0.2.0-draft" (instance)) (import "wasi:io/other@0.2.0" (instance))
            (import "host" (func)))"#,
    );
    let missing: Vec<String> = unsatisfied(&artifact).into_iter().map(|import| import.name).collect();
    assert_eq!(missing, ["wasi:http/handler@0.3.0", "wasi:keyvalue/store@0.2.0-draft", "wasi:io/other@0.2.0", "host"]);
}

#[test]
fn whatever_else_is_pushed_is_refused_with_a_remedy() {
    check_refused(b"", "0 bytes and no WebAssembly header");
    check_refused(b"\0asm\x01", "5 bytes and no WebAssembly header");
    check_refused(b"\x7fELF\x02\x01\x01", "precompiled WebAssembly");
    check_refused(b"(module)", "wasm-tools parse");
    check_refused(b"#!/bin/sh", "[23, 21, 2f, 62]");
    let whole = wat::parse_str(r#"(module (func (export "_start")))"#).unwrap();
    for length in 9..whole.len() - 1 {
        // Cut between two sections, a file can still be a smaller valid one.
        if inspect(&whole[..length]).is_err() {
            check_refused(&whole[..length], "damaged or cut off at byte");
        }
    }
    check_refused(&whole[..whole.len() - 1], "damaged or cut off at byte");
}
