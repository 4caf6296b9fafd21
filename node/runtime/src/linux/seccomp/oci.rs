//! Profile files: the `seccomp` object of the OCI runtime specification, with Docker's `includes` and `excludes`.

use std::collections::BTreeMap;

use nix::errno::Errno;
use serde::Deserialize;

use super::super::LaunchError;
use super::{Action, Compare, Condition, Profile, Rule, table};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    default_action: String,
    default_errno_ret: Option<i32>,
    #[serde(default)]
    syscalls: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    names: Vec<String>,
    action: String,
    errno_ret: Option<i32>,
    #[serde(default)]
    args: Vec<Argument>,
    #[serde(default)]
    includes: Filters,
    #[serde(default)]
    excludes: Filters,
}

#[derive(Default, Deserialize)]
struct Filters {
    #[serde(default)]
    caps: Vec<String>,
    #[serde(default)]
    arches: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Argument {
    index: u8,
    value: u64,
    #[serde(default)]
    value_two: u64,
    op: String,
}

/// Reads a profile. Names of system calls that this architecture does not have are skipped, as every runtime does; unknown
/// actions and operators are refused. `has` says which capabilities the container holds.
///
/// # Errors
/// When the text is no profile.
pub fn parse(name: &str, text: &str, has: impl Fn(&str) -> bool) -> Result<Profile, LaunchError> {
    let failed = |problem: String| LaunchError::Seccomp { profile: name.to_owned(), problem };
    let file: File = serde_json::from_str(text).map_err(|error| failed(error.to_string()))?;
    let numbers: BTreeMap<&str, i64> = table::SYSCALLS.iter().copied().collect();
    let mut rules = Vec::new();
    for entry in file.syscalls.iter().filter(|entry| applies(entry, &has)) {
        let action = action(&entry.action, entry.errno_ret).map_err(failed)?;
        let conditions: Vec<_> = entry.args.iter().map(condition).collect::<Result<_, _>>().map_err(failed)?;
        let known = entry.names.iter().filter_map(|name| numbers.get(name.as_str()));
        rules.extend(known.map(|&syscall| Rule { syscall, conditions: conditions.clone(), action }));
    }
    let default = action(&file.default_action, file.default_errno_ret).map_err(failed)?;
    Ok(Profile { name: name.to_owned(), default, rules })
}

fn applies(entry: &Entry, has: impl Fn(&str) -> bool) -> bool {
    let arch = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
    let here = |arches: &[String]| arches.iter().any(|name| name == arch);
    let all_caps = entry.includes.caps.iter().all(|cap| has(cap));
    let right_arch = entry.includes.arches.is_empty() || here(&entry.includes.arches);
    all_caps && right_arch && !entry.excludes.caps.iter().any(|cap| has(cap)) && !here(&entry.excludes.arches)
}

fn action(name: &str, errno: Option<i32>) -> Result<Action, String> {
    match name {
        "SCMP_ACT_ALLOW" => Ok(Action::Allow),
        "SCMP_ACT_ERRNO" => Ok(Action::Refuse(errno.map_or(Errno::EPERM, Errno::from_raw))),
        "SCMP_ACT_TRAP" => Ok(Action::Trap),
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Ok(Action::KillThread),
        "SCMP_ACT_KILL_PROCESS" => Ok(Action::KillProcess),
        "SCMP_ACT_LOG" => Ok(Action::Log),
        other => Err(format!("action {other:?} is not supported")),
    }
}

fn condition(argument: &Argument) -> Result<Condition, String> {
    let compare = match argument.op.as_str() {
        "SCMP_CMP_EQ" => Compare::Equal,
        "SCMP_CMP_NE" => Compare::NotEqual,
        "SCMP_CMP_LT" => Compare::Less,
        "SCMP_CMP_LE" => Compare::LessOrEqual,
        "SCMP_CMP_GT" => Compare::Greater,
        "SCMP_CMP_GE" => Compare::GreaterOrEqual,
        "SCMP_CMP_MASKED_EQ" => Compare::Masked(argument.value),
        other => return Err(format!("operator {other:?} is not supported")),
    };
    // For the masked comparison `value` is the mask and `valueTwo` what is compared with.
    let value = if matches!(compare, Compare::Masked(_)) { argument.value_two } else { argument.value };
    Ok(Condition { argument: argument.index, compare, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_file() {
        let text = r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86_64"],"syscalls":[
            {"names":["read","no_such_call"],"action":"SCMP_ACT_ALLOW"},
            {"names":["clone"],"action":"SCMP_ACT_ALLOW",
             "args":[{"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]},
            {"names":["mount"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}},
            {"names":["write"],"action":"SCMP_ACT_KILL_PROCESS","excludes":{"caps":["CAP_SYS_ADMIN"]}}]}"#;
        let profile = parse("test", text, |_| false).unwrap();
        let rule = |syscall, conditions, action| Rule { syscall, conditions, action };
        let masked = Condition { argument: 0, compare: Compare::Masked(2_114_060_288), value: 0 };
        assert_eq!(
            profile,
            Profile {
                name: "test".to_owned(),
                default: Action::Refuse(Errno::ENOSYS),
                rules: vec![
                    rule(libc::SYS_read, vec![], Action::Allow),
                    rule(libc::SYS_clone, vec![masked], Action::Allow),
                    rule(libc::SYS_write, vec![], Action::KillProcess),
                ],
            }
        );
    }

    #[test]
    fn what_cannot_be_expressed_is_refused() {
        let error = parse("test", r#"{"defaultAction":"SCMP_ACT_NOTIFY"}"#, |_| false).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"decoding seccomp profile failed "test": action "SCMP_ACT_NOTIFY" is not supported"#
        );
    }
}
