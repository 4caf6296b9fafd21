//! From a pod's words and an image's defaults to a [`StartPlan`]. Pure.

use std::path::{Path, PathBuf};

use crate::contract::{ContainerConfig, ContainerId, Mount, Result, RuntimeError, SandboxConfig, SandboxKind};
use crate::images::{Content, StoredImage};
use crate::layout::PodDir;
use crate::protocol::{LinuxPlan, PlannedSandbox, StartPlan, WasmPlan};

/// Where programs are searched when neither image nor pod say so (containerd's default).
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What asks a process to end when its image names no signal.
const SIGTERM: i32 = 15;
/// The first real-time signal that programs may use; glibc keeps two for itself.
const SIGRTMIN: i32 = 34;
/// The last signal.
const SIGRTMAX: i32 = 64;

/// Everything that a plan is made of.
#[derive(Debug)]
pub(super) struct Materials<'a> {
    pub(super) id: &'a ContainerId,
    pub(super) config: &'a ContainerConfig,
    pub(super) sandbox: &'a SandboxConfig,
    pub(super) image: &'a StoredImage,
    pub(super) pod: &'a PodDir,
    pub(super) cgroup: String,
    pub(super) layers: Vec<PathBuf>,
    pub(super) writable: PathBuf,
    pub(super) worker_uid: u32,
}

/// Log file of a container.
pub(super) fn log_path(sandbox: &SandboxConfig, config: &ContainerConfig) -> PathBuf {
    sandbox.log_dir.join(&config.name).join(format!("{}.log", config.attempt))
}

fn refuse<T>(message: String) -> Result<T> {
    Err(RuntimeError::Start { reason: "CreateContainerError", message })
}

/// Resolves a container.
pub(super) fn plan(from: Materials<'_>) -> Result<StartPlan> {
    let kind = from.image.image.kind;
    let (forced, image) = (from.config.kind.unwrap_or(kind), &from.config.image);
    match (forced, kind) {
        (SandboxKind::Wasm, SandboxKind::Linux) => {
            return refuse(format!("runtimeClassName asks for the Wasm sandbox, but image {image} is a Linux image"));
        }
        (SandboxKind::Linux, SandboxKind::Wasm) => {
            return refuse(format!(
                "runtimeClassName asks for the Linux sandbox, but image {image} is a Wasm artifact"
            ));
        }
        (SandboxKind::Linux, SandboxKind::Linux) | (SandboxKind::Wasm, SandboxKind::Wasm) => {}
    }
    let argv = arguments(&from);
    if kind == SandboxKind::Linux && argv.is_empty() {
        return refuse(format!("no command: neither the container's command or args nor image {image} name one"));
    }
    let sandbox = match &from.image.content {
        Content::Linux { .. } => PlannedSandbox::Linux(linux(&from)),
        Content::Wasm { form, entry, .. } => PlannedSandbox::Wasm(wasm(&from, *form, *entry)?),
    };
    Ok(StartPlan {
        container: from.id.clone(),
        log: log_path(from.sandbox, from.config),
        stop_signal: stop_signal(&from)?,
        argv,
        env: environment(&from),
        stdin: from.config.stdin,
        tty: from.config.tty,
        sandbox,
        cgroup: from.cgroup,
    })
}

/// `command` replaces the entrypoint and with it the image's arguments; `args` replaces the arguments alone.
fn arguments(from: &Materials<'_>) -> Vec<String> {
    let process = &from.image.process;
    let (config, none) = (from.config, Vec::new());
    let entrypoint = process.entrypoint.as_ref().unwrap_or(&none);
    let defaults = process.cmd.as_ref().unwrap_or(&none);
    let (program, arguments) = match (config.command.is_empty(), config.args.is_empty()) {
        (false, _) => (&config.command, &config.args),
        (true, false) => (entrypoint, &config.args),
        (true, true) => (entrypoint, defaults),
    };
    let mut argv: Vec<String> = program.iter().chain(arguments).cloned().collect();
    // A bare artifact has no program name, and a guest's first argument is one.
    if from.image.image.kind == SandboxKind::Wasm && program.is_empty() && process.cmd.is_none() {
        argv.insert(0, config.name.clone());
    }
    argv
}

/// Defaults, then the image's, then the pod's; a later value of a name takes the place of the earlier.
fn environment(from: &Materials<'_>) -> Vec<(String, String)> {
    let mut env: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: &str| match env.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => value.clone_into(old),
        None => env.push((name.to_owned(), value.to_owned())),
    };
    if from.image.image.kind == SandboxKind::Linux {
        set("PATH", DEFAULT_PATH);
    }
    set("HOSTNAME", &from.sandbox.hostname);
    for entry in from.image.process.env.iter().flatten() {
        let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
        set(name, value);
    }
    from.config.env.iter().for_each(|(name, value)| set(name, value));
    env
}

fn stop_signal(from: &Materials<'_>) -> Result<i32> {
    // A worker turns SIGTERM into the end of its guest, which knows no signals.
    if from.image.image.kind == SandboxKind::Wasm {
        return Ok(SIGTERM);
    }
    let of_image = from.image.process.stop_signal.as_deref().filter(|name| !name.is_empty());
    let (who, name) = match (from.config.stop_signal.as_deref(), of_image) {
        (Some(name), _) => (format!("container {:?}", from.config.name), name),
        (None, Some(name)) => (format!("image {}", from.config.image), name),
        (None, None) => return Ok(SIGTERM),
    };
    let unknown = || refuse(format!("{who} names the stop signal {name:?}, which does not exist"));
    signal_number(name).map_or_else(unknown, Ok)
}

/// `SIGQUIT`, `QUIT`, `3`, `SIGRTMIN+3` and `SIGRTMAX-3`, as image configs and pods write them.
fn signal_number(name: &str) -> Option<i32> {
    if let Ok(number) = name.parse() {
        return Some(number).filter(|number| (1..=SIGRTMAX).contains(number));
    }
    let name = name.to_ascii_uppercase();
    let short = name.strip_prefix("SIG").unwrap_or(&name);
    if let Some(offset) = short.strip_prefix("RTMAX") {
        let offset: i32 = if offset.is_empty() { 0 } else { offset.strip_prefix('-')?.parse().ok()? };
        return Some(SIGRTMAX - offset).filter(|number| (SIGRTMIN..=SIGRTMAX).contains(number));
    }
    if let Some(offset) = short.strip_prefix("RTMIN") {
        let offset: i32 = if offset.is_empty() { 0 } else { offset.strip_prefix('+')?.parse().ok()? };
        return Some(SIGRTMIN + offset).filter(|number| (SIGRTMIN..=SIGRTMAX).contains(number));
    }
    format!("SIG{short}").parse::<nix::sys::signal::Signal>().ok().map(|signal| signal as i32)
}

fn linux(from: &Materials<'_>) -> LinuxPlan {
    let image_directory = from.image.process.working_dir.as_deref().filter(|directory| !directory.is_empty());
    let directory = from.config.working_dir.as_deref().or(image_directory).unwrap_or("/");
    LinuxPlan {
        layers: from.layers.clone(),
        writable: from.writable.clone(),
        mounts: mounts(from),
        working_dir: PathBuf::from(directory),
        image_user: from.image.image.user.clone(),
        security: from.config.security.clone(),
        oom_score_adj: from.config.oom_score_adj,
        processes_of: from.config.processes_of.clone(),
    }
}

/// The pod's files, unless the pod mounts something there itself, and the pod's mounts, the outer ones first.
fn mounts(from: &Materials<'_>) -> Vec<Mount> {
    let own = |host: PathBuf, container: &str, read_only| Mount::new(host, container, read_only);
    let mut mounts = vec![
        own(from.pod.hosts(), "/etc/hosts", false),
        own(from.pod.hostname(), "/etc/hostname", false),
        own(from.pod.resolv_conf(), "/etc/resolv.conf", false),
    ];
    if !from.config.termination_message_path.is_empty() {
        mounts.push(own(from.pod.termination_file(from.id), &from.config.termination_message_path, false));
    }
    let taken = |path: &Path| from.config.mounts.iter().any(|mount| mount.container == path);
    mounts.retain(|mount| !taken(&mount.container));
    mounts.extend(from.config.mounts.iter().cloned());
    // What lies inside another mount must come after it, or it would be covered.
    mounts.sort_by_key(|mount| mount.container.components().count());
    mounts
}

fn wasm(from: &Materials<'_>, form: wasm::Form, entry: wasm::Entry) -> Result<WasmPlan> {
    let (imports, exports) = (from.image.image.imports.clone(), from.image.image.exports.clone());
    let missing = wasm::unsatisfied(&wasm::Artifact { form, imports, exports, entry });
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
        return refuse(format!(
            "image {} imports what this node does not offer: {}; build it against WASI 0.2 or preview 1",
            from.config.image,
            names.join(", ")
        ));
    }
    if entry == wasm::Entry::Http && from.config.wasm.port.is_none() {
        return refuse(format!(
            "container {:?} serves HTTP, but the pod does not say where: name a containerPort",
            from.config.name
        ));
    }
    if from.config.tty {
        return refuse(format!("container {:?} asks for a tty, which a Wasm container cannot have", from.config.name));
    }
    if from.config.processes_of.is_some() {
        return refuse(format!(
            "container {:?} asks to see the processes of another, but a Wasm container sees none: leave out \
             targetContainerName",
            from.config.name
        ));
    }
    Ok(WasmPlan {
        form,
        entry,
        uid: from.worker_uid,
        groups: from.config.security.groups.iter().copied().chain(from.config.security.group).collect(),
        mounts: from.config.mounts.clone(),
        config: from.config.wasm.clone(),
        limits: from.config.limits,
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
