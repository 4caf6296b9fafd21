//! Loading native code that [`crate::cache`] vouches for.
#![allow(unsafe_code, reason = "mapping native code is unsafe by nature; the cache proves where it came from")]

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::AsRawFd;

use wasmtime::component::Component;
use wasmtime::{Engine, Module, Result};

/// Maps a compiled component. The caller got `code` from [`crate::Cache`].
pub(crate) fn load_component(engine: &Engine, mut code: File) -> Result<Component> {
    let path = format!("/proc/self/fd/{}", code.as_raw_fd());
    if std::fs::metadata(&path).is_ok() {
        // SAFETY: the cache hands out only files that this node's compiler wrote and whose MAC it verified, opened
        // read-only in a directory that only the node's owner can write to.
        return unsafe { Component::deserialize_file(engine, &path) };
    }
    // Without /proc there is no path to map by; a private copy does the same at the cost of its size in memory.
    let mut bytes = Vec::new();
    code.rewind()?;
    code.read_to_end(&mut bytes)?;
    // SAFETY: as above.
    unsafe { Component::deserialize(engine, bytes) }
}

/// Maps a compiled module. The caller got `code` from [`crate::Cache`].
pub(crate) fn load_module(engine: &Engine, code: File) -> Result<Module> {
    // SAFETY: as for components.
    unsafe { Module::deserialize_open_file(engine, code) }
}
