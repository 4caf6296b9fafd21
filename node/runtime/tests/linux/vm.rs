//! The same checks on a kernel with cgroup v2 alone: Debian's, under software emulation.
//!
//! This program packs itself into a disk, boots it as the first process, and reads from the serial line what its checks say.
//! `cargo xtask test` fetches the kernel to `target/tools/linux`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::mount::{MsFlags, mount};

use super::sys;

/// Says to the host that all checks passed; a kernel that stopped half way does not say it.
const PASSED: &str = "on cgroup v2 alone: 0 failed";
/// Emulation is about twenty times slower than the machine, and that machine may build something else meanwhile.
const LIMIT: Duration = Duration::from_mins(10);
/// Size of the disk: the program with its debug information, and what the checks write.
const DISK: &str = "512M";
/// Memory of the machine, in MiB: the checks use 100 at most.
const MEMORY: &str = "1024";

/// Boots, and passes on what the checks say.
pub(crate) fn every_check_passes_on_cgroup_v2_alone() {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools/linux");
    let needed = [tools.join("vmlinuz"), tools.join("overlay.ko")];
    let missing: Vec<_> = needed.iter().filter(|file| !file.is_file()).collect();
    assert!(missing.is_empty(), "{missing:?} is missing: `cargo xtask test` fetches it");
    let dir = tempfile::tempdir().unwrap();
    let disk = disk(dir.path(), &needed[1]);
    let mut machine = Command::new("timeout")
        .args(["--kill-after=5", &LIMIT.as_secs().to_string(), "qemu-system-x86_64"])
        .args(["-machine", "q35", "-cpu", "max", "-accel", "tcg,thread=multi", "-smp", "1", "-m", MEMORY])
        .args(["-nodefaults", "-no-user-config", "-nographic", "-serial", "stdio", "-no-reboot", "-kernel"])
        .arg(&needed[0])
        .args(["-append", "console=ttyS0 loglevel=1 panic=-1 root=/dev/nvme0n1 rw init=/init"])
        .args(["-device", "nvme,serial=root,drive=root", "-drive"])
        .arg(format!("if=none,id=root,format=raw,cache=unsafe,file={}", disk.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("qemu-system-x86_64 (package qemu-system-x86) boots a kernel with cgroup v2 alone");
    let lines = BufReader::new(machine.stdout.take().unwrap()).split(b'\n').map(|line| line.unwrap());
    let said: Vec<String> = lines.map(|line| String::from_utf8_lossy(&line).trim_end().to_owned()).collect();
    machine.wait().unwrap();
    assert!(said.iter().any(|line| line == PASSED), "the machine said:\n{}", said.join("\n"));
    said.iter().filter(|line| line.contains(" ... ")).for_each(|line| println!("v2: {line}"));
}

/// A disk that holds this program, what it needs, and nothing else.
fn disk(dir: &Path, overlay: &Path) -> PathBuf {
    let root = dir.join("root");
    for name in ["bin", "dev", "proc", "sys", "tmp", "etc"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    let own = std::env::current_exe().unwrap();
    fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
    for applet in ["sh", "insmod", "dmesg"] {
        symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
    fs::copy(overlay, root.join("overlay.ko")).unwrap();
    for library in libraries(&own) {
        let place = root.join(library.strip_prefix("/").unwrap());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(&library, place).unwrap();
    }
    fs::copy(&own, root.join("init")).unwrap();
    let disk = dir.join("disk");
    let made = Command::new("mke2fs").args(["-q", "-t", "ext4", "-d"]).arg(&root).arg(&disk).arg(DISK).output();
    let made = made.expect("mke2fs (package e2fsprogs) makes the machine's disk");
    assert!(made.status.success(), "mke2fs: {}", String::from_utf8_lossy(&made.stderr));
    disk
}

/// The shared libraries of a program and its loader, by their paths.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let listed = Command::new("ldd").arg(program).output().expect("ldd tells what a program needs");
    let text = String::from_utf8(listed.stdout).unwrap();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

/// Whether this program is the first process of the machine that it booted.
pub(crate) fn is_first_process() -> bool {
    std::process::id() == 1
}

/// What a first process does before anything else.
pub(crate) fn set_up() {
    let none: Option<&str> = None;
    for (kind, place) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("cgroup2", "/sys/fs/cgroup")] {
        mount(Some(kind), place, Some(kind), MsFlags::empty(), none).unwrap();
    }
    let console = File::options().read(true).write(true).open("/dev/console").unwrap();
    nix::unistd::dup2_stdin(&console).unwrap();
    nix::unistd::dup2_stdout(&console).unwrap();
    nix::unistd::dup2_stderr(&console).unwrap();
    let loaded = Command::new("/bin/insmod").arg("/overlay.ko").status().unwrap();
    assert!(loaded.success(), "the overlay file system cannot be loaded");
    // The first process of a machine has no environment of a user's.
    sys::set_variable("PATH", "/bin");
    sys::set_variable("RUST_BACKTRACE", "0");
    // As systemd and its like do: processes stand in leaves of the tree, or no controller could be passed on.
    fs::create_dir("/sys/fs/cgroup/init").unwrap();
    fs::write("/sys/fs/cgroup/init/cgroup.procs", "0").unwrap();
    assert!(runtime::cgroup::Hierarchy::detect().unwrap().is_unified(), "this machine has more than cgroup v2");
}

/// Tells the host and ends the machine.
pub(crate) fn end(failed: u32) -> ! {
    println!("on cgroup v2 alone: {failed} failed");
    sys::restart_machine()
}
