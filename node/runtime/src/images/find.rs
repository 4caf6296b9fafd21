//! Looking for a program in unpacked layers, without mounting them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use registry_client::manifest::ProcessConfig;

/// First bytes of a Wasm binary.
const WASM_MAGIC: [u8; 4] = *b"\0asm";

/// The program that an image starts, as an absolute path; `None` when it is to be searched in `$PATH` or there is none.
pub(super) fn program(process: &ProcessConfig) -> Option<PathBuf> {
    let words = process.entrypoint.iter().chain(&process.cmd).flatten();
    let first = words.into_iter().next()?;
    let is_wasm = Path::new(first).extension() == Some(OsStr::new("wasm"));
    if !first.contains('/') && !is_wasm {
        return None;
    }
    let directory = process.working_dir.as_deref().filter(|directory| !directory.is_empty()).unwrap_or("/");
    Some(Path::new("/").join(directory).join(first))
}

/// Opens a file as the container would see it: in the topmost layer that has the path. No link leads out of a layer.
pub(super) fn open_in_layers(layers_lowest_first: &[PathBuf], path: &Path) -> io::Result<Option<File>> {
    for layer in layers_lowest_first.iter().rev() {
        let root = open(layer, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        let how = OpenHow::new()
            .flags(OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let file = match openat2(&root, path, how) {
            Ok(file) => File::from(file),
            Err(nix::errno::Errno::ENOENT | nix::errno::Errno::ENOTDIR) => continue,
            // A whiteout is a device that nobody can open: lower layers' files are hidden.
            Err(nix::errno::Errno::ENXIO | nix::errno::Errno::ENODEV) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let kind = file.metadata()?.file_type();
        return Ok((kind.is_file() && !kind.is_char_device()).then_some(file));
    }
    Ok(None)
}

/// Whether a file begins as Wasm does; the file is then at its start again.
pub(super) fn is_wasm(file: &mut File) -> io::Result<bool> {
    let mut magic = [0; 4];
    let found = match file.read_exact(&mut magic) {
        Ok(()) => magic == WASM_MAGIC,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
        Err(error) => return Err(error),
    };
    io::Seek::rewind(file)?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entrypoint: &[&str], cmd: &[&str], directory: &str) -> Option<String> {
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        let process = ProcessConfig {
            entrypoint: words(entrypoint),
            cmd: words(cmd),
            working_dir: Some(directory.to_owned()),
            ..ProcessConfig::default()
        };
        program(&process).map(|path| path.display().to_string())
    }

    #[test]
    fn the_program_is_the_first_word_of_entrypoint_or_command() {
        assert_eq!(check(&["/bin/app"], &["x"], "").as_deref(), Some("/bin/app"));
        assert_eq!(check(&[], &["app.wasm"], "/srv").as_deref(), Some("/srv/app.wasm"));
        assert_eq!(check(&["sh"], &[], "/"), None);
        assert_eq!(check(&[], &[], "/"), None);
    }

    #[test]
    fn the_topmost_layer_wins_and_links_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        let layers: Vec<PathBuf> = ["low", "high"].iter().map(|name| dir.path().join(name)).collect();
        layers.iter().for_each(|layer| std::fs::create_dir(layer).unwrap());
        std::fs::write(layers[0].join("app"), b"\0asm low").unwrap();
        std::fs::write(layers[1].join("other"), b"text").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", layers[1].join("escape")).unwrap();
        let find = |path: &str| open_in_layers(&layers, Path::new(path)).unwrap();
        assert!(is_wasm(&mut find("/app").unwrap()).unwrap());
        assert!(!is_wasm(&mut find("/other").unwrap()).unwrap());
        assert!(find("/escape").is_none());
        assert!(find("/missing").is_none());
    }
}
