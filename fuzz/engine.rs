//! One target under libFuzzer, the one that `BIREME_FUZZ_TARGET` names. `cargo xtask fuzz` builds and starts this.
#![no_main]
#![allow(missing_docs, clippy::panic, reason = "libFuzzer's own entry points; whoever starts this names a target")]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<&fuzz::Target> = OnceLock::new();

fn target() -> &'static fuzz::Target {
    let name = std::env::var("BIREME_FUZZ_TARGET").unwrap_or_default();
    fuzz::TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| {
        let names: Vec<&str> = fuzz::TARGETS.iter().map(|target| target.name).collect();
        panic!("BIREME_FUZZ_TARGET is \"{name}\": set it to one of {}", names.join(", "))
    })
}

fuzz_target!(|data: &[u8]| {
    (TARGET.get_or_init(target).run)(data);
});
