//! Families of addresses of a Service (KEP-563): what its writer may leave out, and what does not go together.

mod rules;

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{HEADLESS, has_address, is_headless};
use crate::field::{Errors, Field};
use crate::json;
use crate::validate::FieldError;
pub(crate) use rules::{rules, update};

/// A family of IP addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// 32 bits.
    V4,
    /// 128 bits.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// Its name in `ipFamilies`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::V4, Self::V6].into_iter().find(|family| family.name() == name)
    }

    fn other(self) -> Self {
        if self == Self::V4 { Self::V6 } else { Self::V4 }
    }
}

/// How many families a Service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Single,
    Prefer,
    Require,
}

impl Policy {
    fn name(self) -> &'static str {
        match self {
            Self::Single => "SingleStack",
            Self::Prefer => "PreferDualStack",
            Self::Require => "RequireDualStack",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Single, Self::Prefer, Self::Require].into_iter().find(|policy| policy.name() == name)
    }
}

/// Fills `ipFamilyPolicy` and `ipFamilies` of a Service in a cluster of these families, the usual one first, and lets go of
/// what a Service gives up that becomes one of a single family.
///
/// # Errors
/// Everything that does not go together.
pub fn settle(service: &mut Value, old: Option<&Value>, cluster: &[Family]) -> Result<(), Errors> {
    let before = old.map(|old| &old["spec"]);
    let Some(spec) = service.get_mut("spec").filter(|spec| spec.is_object() && spec["type"] != "ExternalName") else {
        return Ok(());
    };
    if before.is_some_and(|before| stands(spec, before)) {
        return Ok(());
    }
    if json::is_empty(&spec["ipFamilyPolicy"]) {
        let policy = usual_policy(spec, before);
        json::set(spec, "ipFamilyPolicy", policy);
    }
    let wrong = rules(&Field::root(spec).told_as("spec"));
    let policy = Policy::parse(json::text(spec, "/ipFamilyPolicy"));
    let Some(policy) = policy.filter(|_| wrong.is_empty()) else { return Err(wrong) };
    let mut stack = Stack::read(spec, policy);
    stack.follow(before)?;
    stack.choose(cluster)?;
    json::set(spec, "ipFamilies", stack.families.iter().map(|family| family.name()).collect::<Vec<_>>());
    if !stack.addresses.is_empty() {
        json::set(spec, "clusterIPs", stack.addresses);
    }
    Ok(())
}

/// Which of its families a settled Service has yet to get an address of, as places in `ipFamilies`.
#[must_use]
pub fn due(service: &Value, old: Option<&Value>) -> Vec<(usize, Family)> {
    let spec = &service["spec"];
    let families = families(spec);
    if !has_address(spec) || json::text(spec, "/clusterIP") == HEADLESS {
        return Vec::new();
    }
    let before = old.map(|old| &old["spec"]).filter(|before| has_address(before));
    let first = match before {
        None => 0,
        Some(before) if stands(spec, before) || json::text(before, "/clusterIP") == HEADLESS => return Vec::new(),
        Some(before) if json::items(before, "/ipFamilies").len() == 1 => 1,
        Some(_) => return Vec::new(),
    };
    families.into_iter().enumerate().skip(first).collect()
}

/// Whether a Service that would like two families is left as it is: it gains or loses one only when its writer says so, not
/// because the cluster did.
fn stands(spec: &Value, before: &Value) -> bool {
    let prefers = |spec: &Value| spec["ipFamilyPolicy"] == Policy::Prefer.name();
    let same = |name: &str| json::items(spec, name) == json::items(before, name);
    prefers(spec)
        && prefers(before)
        && spec["type"] == before["type"]
        && has_address(spec)
        && same("/clusterIPs")
        && same("/ipFamilies")
}

/// The policy of a Service whose writer named none: the one that it had. Who lists its endpoints by hand may list those of
/// both families.
fn usual_policy(spec: &Value, before: Option<&Value>) -> &'static str {
    let had = before.and_then(|before| Policy::parse(json::text(before, "/ipFamilyPolicy")));
    let by_hand = json::text(spec, "/clusterIP") == HEADLESS && json::is_empty(&spec["selector"]);
    had.unwrap_or(if by_hand { Policy::Require } else { Policy::Single }).name()
}

fn families(spec: &Value) -> Vec<Family> {
    json::items(spec, "/ipFamilies").iter().filter_map(|one| Family::parse(one.as_str()?)).collect()
}

/// What a writer wants, while the rest is found.
struct Stack {
    policy: Policy,
    families: Vec<Family>,
    addresses: Vec<String>,
    selects: bool,
}

impl Stack {
    fn read(spec: &Value, policy: Policy) -> Self {
        let addresses = json::items(spec, "/clusterIPs").iter().filter_map(|one| Some(one.as_str()?.to_owned()));
        let selects = !json::is_empty(&spec["selector"]);
        Self { policy, families: families(spec), addresses: addresses.collect(), selects }
    }

    fn wrong(&self, why: &str) -> FieldError {
        FieldError::invalid("spec.ipFamilyPolicy", &self.policy.name().into(), why)
    }

    /// Lets go of the second family and address when the policy alone was changed to a single one, and says where lists and
    /// policy do not fit.
    fn follow(&mut self, before: Option<&Value>) -> Result<(), Errors> {
        let mut errors = Errors::new();
        if let Some(before) = before {
            let (addresses, families) = (json::items(before, "/clusterIPs"), families(before));
            if self.policy == Policy::Single {
                if addresses.iter().eq(self.addresses.iter().map(String::as_str)) {
                    self.addresses.truncate(1);
                }
                if families == self.families {
                    self.families.truncate(1);
                }
            } else {
                let fewer = |now: usize, then: usize| now > 0 && now < then;
                let told = [
                    (fewer(self.addresses.len(), addresses.len()), "cluster IP"),
                    (fewer(self.families.len(), families.len()), "IP family"),
                ];
                let told = told.iter().filter(|(less, _)| *less);
                let why = |what: &str| format!("must be 'SingleStack' to release the secondary {what}");
                errors.extend(told.map(|(_, what)| self.wrong(&why(what))));
            }
        }
        if self.policy == Policy::Single {
            let told = [(self.addresses.len(), "cluster IPs"), (self.families.len(), "IP families")];
            let told = told.iter().filter(|(count, _)| *count == 2);
            let why =
                |what| format!("must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified");
            errors.extend(told.map(|(_, what)| self.wrong(&why(*what))));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Finds the families that the addresses tell, and those that the cluster gives.
    fn choose(&mut self, cluster: &[Family]) -> Result<(), Errors> {
        self.infer(cluster)?;
        let usual = cluster.first().copied().unwrap_or(Family::V4);
        if self.addresses.first().is_some_and(|first| first == HEADLESS) && !self.selects {
            self.complete(usual, true);
            return Ok(());
        }
        let mut errors = Errors::new();
        if self.policy == Policy::Require && cluster.len() < 2 {
            errors.push(self.wrong("this cluster is not configured for dual-stack services"));
        }
        for (nth, family) in self.families.iter().enumerate().filter(|(_, family)| !cluster.contains(family)) {
            let path = format!("spec.ipFamilies[{nth}]");
            errors.push(FieldError::invalid(path, &family.name().into(), "not configured on this cluster"));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        self.complete(usual, cluster.len() == 2);
        Ok(())
    }

    fn infer(&mut self, cluster: &[Family]) -> Result<(), Errors> {
        let mut errors = Errors::new();
        for (nth, address) in self.addresses.iter().enumerate().skip(self.families.len()) {
            let Ok(address) = address.parse() else { break };
            let family = Family::of(address);
            if cluster.contains(&family) {
                self.families.push(family);
            } else {
                let why = format!("{} is not configured on this cluster", family.name());
                errors.push(FieldError::invalid(format!("spec.clusterIPs[{nth}]"), &json!(self.addresses), why));
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// The usual family when none was named, and the other one when two are wanted and can be had.
    fn complete(&mut self, usual: Family, both: bool) {
        if self.families.is_empty() {
            self.families.push(usual);
        }
        if let [only] = *self.families
            && both
            && self.policy != Policy::Single
        {
            self.families.push(only.other());
        }
    }
}

#[cfg(test)]
mod tests;
