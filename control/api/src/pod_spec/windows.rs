//! Rules of pods for Windows: what only they have, and what they cannot have.

use crate::field::{Errors, Field};
use crate::name;

use super::ALL_LISTS;

/// Largest credential specification, in KiB, and longest parts of a user's name.
const SPEC_KIB: usize = 64;
const DOMAIN_MAX: usize = 256;
const USER_MAX: usize = 104;
/// Longest NetBIOS name.
const NETBIOS_MAX: usize = 15;

const WHY: &str = "cannot be set for a windows pod";
/// Fields of contexts and of the spec that mean nothing to Windows.
const OF_POD: &[&str] = &[
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy",
];
const OF_SPEC: &[&str] = &["hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"];
const OF_CONTAINER: &[&str] = &[
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
];

/// Everything wrong with a spec that names an operating system.
pub(super) fn operating_system(spec: &Field<'_>) -> Errors {
    let os = spec.at("os");
    if !os.is_set() {
        return Errors::new();
    }
    let own = os.at("name");
    let contexts = || {
        let lists = ALL_LISTS.iter().flat_map(|list| spec.at(list).items());
        lists.map(|one| one.at("securityContext"))
    };
    match own.text() {
        "" => vec![own.required("cannot be empty")],
        "linux" => {
            let all = std::iter::once(spec.at("securityContext")).chain(contexts());
            let given = all.map(|context| context.at("windowsOptions")).filter(Field::is_set);
            given.map(|options| options.forbidden("windows options cannot be set for a linux pod")).collect()
        }
        "windows" => {
            let context = spec.at("securityContext");
            let mut given: Vec<Field<'_>> = OF_POD.iter().map(|name| context.at(name)).collect();
            given.extend(OF_SPEC.iter().map(|name| spec.at(name)).filter(|field| *field.value != false));
            for context in contexts() {
                given.extend(OF_CONTAINER.iter().map(|name| context.at(name)));
            }
            given.iter().filter(|field| field.is_set()).map(|field| field.forbidden(WHY)).collect()
        }
        _ => own.told_at(&os).one_of(&["linux", "windows"]).into_iter().collect(),
    }
}

/// Containers that run as processes of the host run all or none, on the network of the host.
pub(super) fn host_process(spec: &Field<'_>) -> Errors {
    let of = |context: &Field<'_>| context.at("securityContext").at("windowsOptions").at("hostProcess").value.as_bool();
    let pod = of(spec);
    let (mut all, mut hosted) = (0_usize, 0_usize);
    let mut errors = Errors::new();
    for one in ALL_LISTS.iter().flat_map(|list| spec.at(list).items()) {
        all += 1;
        let own = of(&one);
        if let (Some(pod), Some(own)) = (pod, own)
            && pod != own
        {
            let why = format!("pod hostProcess value must be identical if both are specified, was {pod}");
            errors.push(one.at("securityContext").at("windowsOptions").at("hostProcess").invalid(why));
        }
        hosted += usize::from(own.or(pod) == Some(true));
    }
    if hosted == 0 {
        return errors;
    }
    if hosted != all {
        let why = "If pod contains any hostProcess containers then all containers must be HostProcess containers";
        errors.push(spec.invalid_part("", why));
    }
    if !spec.at("hostNetwork").is_true() {
        let why = "hostNetwork must be true if pod contains any hostProcess containers";
        errors.push(spec.at("hostNetwork").invalid_part(false, why));
    }
    errors
}

/// Everything wrong with `windowsOptions`.
pub(super) fn options(options: &Field<'_>) -> Errors {
    let (spec_name, spec, user) =
        (options.at("gmsaCredentialSpecName"), options.at("gmsaCredentialSpec"), options.at("runAsUserName"));
    let mut errors = Errors::new();
    if spec_name.is_set() {
        errors.extend(name::subdomain(spec_name.text()).into_iter().map(|why| spec_name.invalid(why)));
    }
    if spec.is_set() && spec.is_empty() {
        errors.push(spec.invalid("gmsaCredentialSpec cannot be an empty string"));
    } else if spec.text().len() > SPEC_KIB * 1024 {
        errors.push(spec.invalid(format!("gmsaCredentialSpec size must be under {SPEC_KIB} KiB")));
    }
    if user.is_set() {
        errors.extend(user_name(user.text()).into_iter().map(|why| user.invalid(why)));
    }
    errors
}

/// Everything wrong with `DOMAIN\user`.
fn user_name(text: &str) -> Vec<String> {
    let told = |why: &str| format!("runAsUserName{why}");
    if text.is_empty() {
        return vec![told(" cannot be an empty string")];
    }
    if text.chars().any(char::is_control) {
        return vec![told(" cannot contain control characters")];
    }
    let (domain, user) = match text.split('\\').collect::<Vec<_>>().as_slice() {
        [user] => (None, *user),
        [domain, user] => (Some(*domain), *user),
        _ => return vec![told(" cannot contain more than one backslash")],
    };
    let mut wrong = Vec::new();
    if domain.is_some_and(|domain| domain.len() >= DOMAIN_MAX) {
        wrong.push(told(&format!("'s Domain length must be under {DOMAIN_MAX} characters")));
    }
    if domain.is_some_and(|domain| !is_domain(domain)) {
        wrong.push(told("'s Domain doesn't match the NetBios nor the DNS format"));
    }
    if user.is_empty() {
        wrong.push(told("'s User cannot be empty"));
    } else if user.len() > USER_MAX {
        wrong.push(told(&format!("'s User length must not be longer than {USER_MAX} characters")));
    }
    if !user.is_empty() && user.chars().all(|c| matches!(c, '.' | ' ')) {
        wrong.push(told("'s User cannot contain only periods or spaces"));
    }
    if user.contains(|c| r#""/\:;|=,+*?<>@[]"#.contains(c)) {
        wrong.push(told(r#"'s User cannot contain the following characters: "/\:;|=,+*?<>@[]"#));
    }
    wrong
}

fn is_domain(domain: &str) -> bool {
    let netbios = (1..=NETBIOS_MAX).contains(&domain.chars().count())
        && !domain.starts_with('.')
        && !domain.contains(|c| r#"\/:*?"<>|"#.contains(c));
    netbios || domain.split('.').all(|part| name::label(&part.to_ascii_lowercase()).is_empty())
}
