//! Loading native code that [`crate::cache`] vouches for, and giving memory back.
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

/// How far below the running function its callees may be: what lies there is in use when they run.
const NEAR: usize = 8 * 1024;
/// How much of the stack below that is looked at: more than preparing a guest takes.
const FAR: usize = 128 * 1024;

/// Gives pages of the heap and of the stack that nothing uses back to the kernel: what preparing a guest took is more than what
/// stays.
pub(crate) fn give_back() {
    // SAFETY: it takes the allocator's own locks and touches free memory only. That there was nothing to give is no error.
    #[cfg(target_env = "gnu")]
    let _given = unsafe { libc::malloc_trim(0) };
    release_stack();
}

fn release_stack() {
    let Some(lowest) = lowest_of_stack() else { return };
    let here = std::ptr::from_ref(&lowest).addr();
    let page = 4096;
    let end = here.saturating_sub(NEAR) & !(page - 1);
    let start = end.saturating_sub(FAR).max(lowest.next_multiple_of(page));
    if start < end {
        // SAFETY: the range is part of this thread's stack, below all functions that run, by more than this call takes. Nothing
        // there is read before it is written. Parts that were never mapped are told as an error, which changes nothing.
        let _done = unsafe { libc::madvise(std::ptr::without_provenance_mut(start), end - start, libc::MADV_DONTNEED) };
    }
}

/// Where the stack of the running thread ends.
fn lowest_of_stack() -> Option<usize> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes are read only when the first call, which sets them, succeeded, and are given back once.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let found = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lowest, &raw mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        (found == 0).then(|| lowest.addr())
    }
}

#[cfg(test)]
mod tests {
    /// Recurses so that the stack is used far down.
    fn deep(levels: u32) -> u64 {
        let filled = std::hint::black_box([u64::from(levels); 256]);
        if levels == 0 { filled[0] } else { deep(levels - 1) + filled[255] }
    }

    #[test]
    fn what_is_given_back_can_be_used_again() {
        let kept: Vec<u64> = (0..10_000).collect();
        for _ in 0..3 {
            assert_eq!(deep(100), 100 * 101 / 2);
            super::give_back();
        }
        assert_eq!(kept.iter().sum::<u64>(), 9_999 * 10_000 / 2);
    }
}
