//! What an artifact is, from its bytes alone: nothing is compiled and nothing is believed that a manifest says about it.

mod host;

use serde::{Deserialize, Serialize};
use wasmparser::{Imports, Parser, Payload};

pub use host::{Import, unsatisfied};

/// Magic number of every Wasm binary.
const WASM_MAGIC: &[u8] = b"\0asm";

/// Magic number of an ELF file, which precompiled Wasm is too.
const ELF_MAGIC: &[u8] = b"\x7fELF";

/// How many imports or exports an artifact may list. Real components have tens; a limit keeps a hostile one from filling
/// the image record that is made from it.
const MAX_NAMES: usize = 10_000;

/// Which of the two binary formats an artifact has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A core module; it can be a WASI preview 1 command.
    Module,
    /// A component.
    Component,
}

/// How an artifact is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// It runs to its end: `wasi:cli/run` of a component, `_start` of a module.
    Command,
    /// It answers requests: `wasi:http/incoming-handler`.
    Http,
    /// A library: nothing that a container could start.
    Reactor,
}

/// What an artifact says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Binary format.
    pub form: Form,
    /// Imported interfaces of a component (`wasi:io/streams@0.2.0`); `module::name` pairs of a module.
    pub imports: Vec<String>,
    /// Exported interfaces or functions.
    pub exports: Vec<String>,
    /// How it is run.
    pub entry: Entry,
}

/// Why bytes are not an artifact that we run. Each message says what the bytes are and what to do.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Nothing, or too little to tell.
    #[error("the artifact has {0} bytes and no WebAssembly header: push the .wasm file again")]
    TooShort(usize),
    /// Native code. Loading it would run whatever its author wrote outside the sandbox.
    #[error(
        "the artifact is an ELF file (a native program or precompiled WebAssembly), which is never loaded from an image: \
         push the portable .wasm file; it is compiled on the node"
    )]
    Native,
    /// The text format.
    #[error("the artifact is WebAssembly text: convert it with `wasm-tools parse` and push the binary .wasm file")]
    Text,
    /// Anything else.
    #[error("the artifact is not WebAssembly (it begins with {0:02x?}): push a .wasm module or component")]
    NotWasm([u8; 4]),
    /// A Wasm header with a broken rest.
    #[error("the artifact is damaged or cut off at byte {offset} of {length}: push the .wasm file again")]
    Malformed {
        /// Where reading stopped.
        offset: usize,
        /// How many bytes there are.
        length: usize,
        /// What the parser found.
        #[source]
        cause: wasmparser::Error,
    },
    /// More names than any real artifact has.
    #[error("the artifact has more than {MAX_NAMES} imports or exports: split it")]
    TooManyNames,
}

/// Reads an artifact's kind, imports, exports and entry.
///
/// # Errors
/// [`InspectError`]: the bytes are no Wasm binary, or a damaged one. Validation of function bodies is left to the compiler.
pub fn inspect(bytes: &[u8]) -> Result<Artifact, InspectError> {
    recognise(bytes)?;
    let malformed = |cause: wasmparser::Error| InspectError::Malformed {
        offset: usize::try_from(cause.offset()).unwrap_or(usize::MAX),
        length: bytes.len(),
        cause,
    };
    let mut form = Form::Module;
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(malformed)? {
            Payload::Version { encoding, .. } if depth == 0 && encoding == wasmparser::Encoding::Component => {
                form = Form::Component;
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            // What nested modules import is satisfied inside the component.
            _ if depth > 0 => {}
            Payload::ImportSection(section) => {
                for group in section {
                    module_imports(group.map_err(malformed)?, &mut imports).map_err(malformed)?;
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    exports.push(export.map_err(malformed)?.name.to_owned());
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    imports.push(import.map_err(malformed)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    exports.push(export.map_err(malformed)?.name.name.to_owned());
                }
            }
            _ => {}
        }
        if imports.len() > MAX_NAMES || exports.len() > MAX_NAMES {
            return Err(InspectError::TooManyNames);
        }
    }
    let entry = entry(form, &exports);
    Ok(Artifact { form, imports, exports, entry })
}

/// Tells Wasm from everything that is pushed by mistake or on purpose.
fn recognise(bytes: &[u8]) -> Result<(), InspectError> {
    let Some(magic) = bytes.first_chunk::<4>() else {
        return Err(InspectError::TooShort(bytes.len()));
    };
    if magic == WASM_MAGIC {
        return if bytes.len() < 8 { Err(InspectError::TooShort(bytes.len())) } else { Ok(()) };
    }
    if magic == ELF_MAGIC {
        return Err(InspectError::Native);
    }
    let text = bytes.trim_ascii_start();
    if text.starts_with(b"(module") || text.starts_with(b"(component") || text.starts_with(b";;") {
        return Err(InspectError::Text);
    }
    Err(InspectError::NotWasm(*magic))
}

/// Names of one group of a module's imports.
fn module_imports(group: Imports<'_>, names: &mut Vec<String>) -> Result<(), wasmparser::Error> {
    match group {
        Imports::Single(_, import) => names.push(format!("{}::{}", import.module, import.name)),
        Imports::Compact1 { module, items } => {
            for item in items {
                names.push(format!("{module}::{}", item?.name));
            }
        }
        Imports::Compact2 { module, names: items, .. } => {
            for item in items {
                names.push(format!("{module}::{}", item?));
            }
        }
    }
    Ok(())
}

/// The entry that the exports offer. One that serves HTTP is a server even when it could also run to an end.
fn entry(form: Form, exports: &[String]) -> Entry {
    let has = |prefix: &str| exports.iter().any(|name| name.starts_with(prefix));
    match form {
        Form::Module if exports.iter().any(|name| name == "_start") => Entry::Command,
        Form::Component if has("wasi:http/incoming-handler@0.2.") => Entry::Http,
        Form::Component if has("wasi:cli/run@0.2.") => Entry::Command,
        Form::Module | Form::Component => Entry::Reactor,
    }
}
