//! Who may depend on whom. `ARCHITECTURE.md` says why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use super::check;
use super::files::root;

/// Our packages, and those of ours that each may use. The binary alone wires all of them.
const MAY_USE: [(&str, &[&str]); 15] = [
    ("api", &[]),
    ("seam", &[]),
    ("registry-client", &[]),
    ("cli", &[]),
    ("wasm", &[]),
    ("xtask", &[]),
    ("scheduler", &["api"]),
    ("controllers", &["api"]),
    ("network", &["api"]),
    ("store", &["api", "seam"]),
    ("server", &["api", "seam", "store"]),
    ("manager", &["api", "seam", "scheduler", "controllers"]),
    ("runtime", &["wasm", "registry-client"]),
    ("fuzz", &["api", "registry-client", "runtime"]),
    ("agent", &["api", "seam", "runtime", "network"]),
];
/// Packages that decide and do nothing, and what would let them act.
const PURE: [&str; 3] = ["api", "scheduler", "controllers"];
const ACTING: [&str; 6] = ["tokio", "hyper", "redb", "openraft", "rand", "socket2"];
/// Foreign packages, by the start of their names, that only one of ours names.
const ONE_USER: [(&str, &str); 3] = [("openraft", "store"), ("redb", "store"), ("wasmtime", "wasm")];

/// What cargo knows of the workspace, for the platform that this is.
pub(crate) fn metadata() -> &'static Metadata {
    static METADATA: OnceLock<Metadata> = OnceLock::new();
    METADATA.get_or_init(|| {
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let options = ["--locked", "--filter-platform", &platform].map(str::to_owned);
        MetadataCommand::new().manifest_path(root().join("Cargo.toml")).other_options(options).exec().unwrap()
    })
}

#[test]
fn our_packages_depend_in_one_direction() {
    let mut findings = Vec::new();
    let ours: BTreeSet<&str> = metadata().workspace_packages().iter().map(|package| package.name.as_str()).collect();
    for package in metadata().workspace_packages() {
        if package.name == "bireme" {
            continue;
        }
        let manifest = manifest(package);
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| package.name == *name) else {
            findings
                .push(format!("{manifest}: {} has no row in tests/tidy/dependencies.rs: give it one", package.name));
            continue;
        };
        let used = direct(package).filter(|name| ours.contains(name));
        findings.extend(used.filter(|name| !allowed.contains(name)).map(|name| {
            format!("{manifest}: {} may not use {name}: hand it what it needs from control/main.rs", package.name)
        }));
    }
    check(findings);
}

#[test]
fn a_foreign_library_with_one_user_has_no_other() {
    let mut findings = Vec::new();
    for package in metadata().workspace_packages() {
        for name in direct(package) {
            let user = ONE_USER.iter().find(|(start, _)| name.starts_with(start)).map(|(_, user)| *user);
            if let Some(user) = user.filter(|user| package.name != *user) {
                findings.push(format!("{}: only {user} may use {name}: ask for it there", manifest(package)));
            }
        }
    }
    check(findings);
}

#[test]
fn what_decides_cannot_act() {
    let mut findings = Vec::new();
    for package in metadata().workspace_packages().iter().filter(|package| PURE.contains(&package.name.as_str())) {
        for name in reached(&package.id).into_iter().filter(|name| ACTING.contains(&name.as_str())) {
            findings.push(format!(
                "{}: {} only decides, but reaches {name}: find who with `cargo tree -p {} -i {name}` and go without",
                manifest(package),
                package.name,
                package.name,
            ));
        }
    }
    check(findings);
}

#[test]
fn versions_are_pinned() {
    let versions: BTreeMap<&str, u64> =
        metadata().packages.iter().map(|package| (package.name.as_str(), package.version.major)).collect();
    let mut findings = Vec::new();
    for package in metadata().workspace_packages() {
        for dependency in package.dependencies.iter().filter(|dependency| dependency.path.is_none()) {
            let exact = dependency.req.to_string().starts_with('=');
            if versions.get(dependency.name.as_str()) == Some(&0) && !exact {
                let (name, requirement) = (&dependency.name, &dependency.req);
                findings.push(format!(
                    "{}: {name} {requirement} is before 1.0, where any release may break: pin it with `=`",
                    manifest(package)
                ));
            }
        }
    }
    for package in metadata().packages.iter().filter(|package| package.source.is_some()) {
        if !package.source.as_ref().unwrap().repr.starts_with("registry+") {
            findings.push(format!("Cargo.lock: {} comes from no registry: use a released version", package.name));
        }
    }
    check(findings);
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    let inherits = |package: &&Package| {
        let text = std::fs::read_to_string(&package.manifest_path).unwrap();
        text.split("[lints]").nth(1).is_some_and(|lints| lints.trim_start().starts_with("workspace = true"))
    };
    let without = metadata().workspace_packages().into_iter().filter(|package| !inherits(package));
    check(without.map(|package| format!("{}: add [lints] workspace = true", manifest(package))).collect());
}

fn manifest(package: &Package) -> String {
    package.manifest_path.strip_prefix(root()).unwrap().to_string()
}

/// Packages that it names, for itself or its build, not for its tests.
fn direct(package: &Package) -> impl Iterator<Item = &str> {
    let shipped = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
    shipped.map(|dependency| dependency.name.as_str())
}

/// All packages that end up in it.
fn reached(from: &PackageId) -> BTreeSet<String> {
    let nodes = &metadata().resolve.as_ref().unwrap().nodes;
    let nodes: BTreeMap<&PackageId, _> = nodes.iter().map(|node| (&node.id, node)).collect();
    let (mut seen, mut todo) = (BTreeSet::new(), vec![from]);
    while let Some(id) = todo.pop() {
        for dependency in &nodes[id].deps {
            let shipped = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            if shipped && seen.insert(&dependency.pkg) {
                todo.push(&dependency.pkg);
            }
        }
    }
    seen.into_iter().map(|id| metadata()[id].name.to_string()).collect()
}
