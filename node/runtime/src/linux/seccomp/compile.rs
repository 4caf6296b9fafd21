//! From a profile to BPF programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::super::error::errno_of;
use super::super::{LaunchError, sys};
use super::{Action, Compare, Condition, Profile, Rule, default_profile, oci};
use crate::contract::{Seccomp, Security};

/// A profile file beyond this is not one; Docker's has 20 KiB.
const PROFILE_MAX: u64 = 1 << 20;

/// Programs to load, in this order.
#[derive(Debug, Default)]
pub struct Filter {
    programs: Vec<BpfProgram>,
}

impl Filter {
    /// The filter of a container; `has` says which capabilities it holds, because our own profile allows what they are for.
    ///
    /// # Errors
    /// When a profile file cannot be read or understood.
    pub fn of(security: &Security, has: impl Fn(&str) -> bool) -> Result<Self, LaunchError> {
        match &security.seccomp {
            _ if security.privileged => Ok(Self::default()),
            Seccomp::Unconfined => Ok(Self::default()),
            Seccomp::RuntimeDefault => Self::compile(&default_profile(has)),
            Seccomp::Localhost(path) => {
                let name = path.display().to_string();
                let failed = |problem: String| LaunchError::Seccomp { profile: name.clone(), problem };
                let missing = |error| LaunchError::NoSeccomp { profile: name.clone(), source: errno_of(&error) };
                let size = fs::metadata(path).map_err(missing)?.len();
                if size > PROFILE_MAX {
                    return Err(failed(format!("it has {size} bytes, more than {PROFILE_MAX}")));
                }
                let text = fs::read_to_string(path).map_err(missing)?;
                Self::compile(&oci::parse(&name, &text, has)?)
            }
        }
    }

    /// Whether a container's own profile can be used, before anything of the container is made.
    ///
    /// # Errors
    /// As [`Filter::of`].
    pub fn verify(security: &Security) -> Result<(), LaunchError> {
        match security.seccomp {
            Seccomp::Localhost(_) => Self::of(security, |_| true).map(drop),
            Seccomp::RuntimeDefault | Seccomp::Unconfined => Ok(()),
        }
    }

    /// Compiles a profile. A `seccompiler` filter knows one action for what matches and one for what does not, so a profile
    /// becomes several: the kernel runs all and takes the strictest answer. One lets every ruled call pass and does the
    /// default to the others; then one for each other action does it to its calls and lets the rest pass.
    ///
    /// # Errors
    /// When a rule cannot be expressed.
    pub fn compile(profile: &Profile) -> Result<Self, LaunchError> {
        let failed = |problem: String| LaunchError::Seccomp { profile: profile.name.clone(), problem };
        let mut programs = Vec::new();
        if profile.default != Action::Allow {
            // A call that another filter refuses must pass here, or the default would hide that answer.
            let compiled = program(profile.rules.iter(), profile.default, Action::Allow).map_err(failed)?;
            programs.push((!decides_loading(profile.rules.iter()), compiled));
        }
        let mut others: Vec<Action> = Vec::new();
        for action in profile.rules.iter().map(|rule| rule.action) {
            if action != Action::Allow && !others.contains(&action) {
                others.push(action);
            }
        }
        for action in others {
            let rules = profile.rules.iter().filter(|rule| rule.action == action);
            let last = decides_loading(rules.clone());
            programs.push((last, program(rules, Action::Allow, action).map_err(failed)?));
        }
        // The one that refuses to load more filters goes last.
        programs.sort_by_key(|(last, _)| *last);
        Ok(Self { programs: programs.into_iter().map(|(_, program)| program).collect() })
    }

    /// Loads it for this process and all that it becomes. Needs `CAP_SYS_ADMIN` or no-new-privileges.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn load(&self) -> Result<(), LaunchError> {
        self.programs
            .iter()
            .try_for_each(|p| sys::load_filter(p))
            .map_err(LaunchError::system("load the seccomp filter"))
    }
}

/// Whether one of the rules is about loading filters.
fn decides_loading<'a>(mut rules: impl Iterator<Item = &'a Rule>) -> bool {
    rules.any(|rule| rule.syscall == libc::SYS_seccomp)
}

fn program<'a>(rules: impl Iterator<Item = &'a Rule>, mismatch: Action, matched: Action) -> Result<BpfProgram, String> {
    let mut chains: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let mut unconditional = BTreeSet::new();
    for rule in rules {
        if rule.conditions.is_empty() {
            unconditional.insert(rule.syscall);
            chains.insert(rule.syscall, Vec::new());
        } else if !unconditional.contains(&rule.syscall) {
            let conditions = rule.conditions.iter().map(condition).collect::<Result<_, _>>()?;
            let rule_bpf = SeccompRule::new(conditions).map_err(|error| error.to_string())?;
            chains.entry(rule.syscall).or_default().push(rule_bpf);
        }
    }
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let filter =
        SeccompFilter::new(chains, action(mismatch), action(matched), arch).map_err(|error| error.to_string())?;
    BpfProgram::try_from(filter).map_err(|error| error.to_string())
}

fn condition(condition: &Condition) -> Result<SeccompCondition, String> {
    let compare = match condition.compare {
        Compare::Equal => SeccompCmpOp::Eq,
        Compare::NotEqual => SeccompCmpOp::Ne,
        Compare::Less => SeccompCmpOp::Lt,
        Compare::LessOrEqual => SeccompCmpOp::Le,
        Compare::Greater => SeccompCmpOp::Gt,
        Compare::GreaterOrEqual => SeccompCmpOp::Ge,
        Compare::Masked(mask) => SeccompCmpOp::MaskedEq(mask),
    };
    SeccompCondition::new(condition.argument, SeccompCmpArgLen::Qword, compare, condition.value)
        .map_err(|e| e.to_string())
}

fn action(action: Action) -> SeccompAction {
    match action {
        Action::Allow => SeccompAction::Allow,
        Action::Refuse(errno) => SeccompAction::Errno((errno as i32).unsigned_abs()),
        Action::Trap => SeccompAction::Trap,
        Action::KillProcess => SeccompAction::KillProcess,
        Action::KillThread => SeccompAction::KillThread,
        Action::Log => SeccompAction::Log,
    }
}
