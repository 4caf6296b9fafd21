//! Which files hold which limits. Pure.

use super::Controller;
use crate::contract::Limits;

/// One file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// Whose tree the file is in.
    pub(super) controller: Controller,
    /// File name.
    pub(super) file: &'static str,
    /// Its new content.
    pub(super) value: String,
    /// Whether a kernel built without the feature may lack the file.
    pub(super) optional: bool,
}

impl Setting {
    fn new(controller: Controller, file: &'static str, value: &impl ToString) -> Self {
        Self { controller, file, value: value.to_string(), optional: false }
    }

    fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Whether the kernel gives a new group this value: no limit, and the period that we use. Weights are not among them:
    /// the kernel's is a whole core's, ours that of a container without a request.
    pub(super) fn is_default(&self) -> bool {
        let value = self.value.strip_suffix(&format!(" {CPU_PERIOD_MICROS}")).unwrap_or(&self.value);
        matches!(value, "max" | "-1") || (self.file == PERIOD_FILE && self.value == CPU_PERIOD_MICROS.to_string())
    }
}

/// Length of a CPU bandwidth period: Kubernetes' `cpuCFSQuotaPeriod` default.
const CPU_PERIOD_MICROS: u64 = 100_000;
/// The period's file in a v1 group.
const PERIOD_FILE: &str = "cpu.cfs_period_us";
/// The kernel accepts no shorter quota.
const CPU_QUOTA_MIN_MICROS: u64 = 1_000;
/// Bounds of `cpu.shares` in the kernel; the lower one is what a container without a request gets.
const SHARES: std::ops::RangeInclusive<u64> = 2..=262_144;

/// `cpu.shares` of a request: 1024 a core, as kubelet does.
fn shares(request_milli: Option<u64>) -> u64 {
    let wanted = request_milli.unwrap_or(0).saturating_mul(1024) / 1000;
    wanted.clamp(*SHARES.start(), *SHARES.end())
}

/// `cpu.weight` for `cpu.shares`: both ranges mapped linearly onto each other (KEP-2254).
fn weight(shares: u64) -> u64 {
    1 + (shares - SHARES.start()) * 9_999 / (SHARES.end() - SHARES.start())
}

/// Microseconds of CPU time a period.
fn quota(limit_milli: u64) -> u64 {
    (limit_milli.saturating_mul(CPU_PERIOD_MICROS) / 1000).max(CPU_QUOTA_MIN_MICROS)
}

fn or_max(limit: Option<u64>) -> String {
    limit.map_or_else(|| "max".to_owned(), |n| n.to_string())
}

fn or_minus_one(limit: Option<u64>) -> String {
    limit.map_or_else(|| "-1".to_owned(), |n| n.to_string())
}

/// The files of a v2 group, in the order of writing. Absent limits are written too, so that an update can lift them.
pub(super) fn unified(limits: &Limits) -> Vec<Setting> {
    let cpu_max = or_max(limits.cpu_limit_milli.map(quota));
    // A memory limit that the kernel may dodge by swapping is none.
    let swap = if limits.memory.is_some() { "0" } else { "max" };
    [
        Setting::new(Controller::Cpu, "cpu.weight", &weight(shares(limits.cpu_request_milli))),
        Setting::new(Controller::Cpu, "cpu.max", &format!("{cpu_max} {CPU_PERIOD_MICROS}")),
        Setting::new(Controller::Memory, "memory.swap.max", &swap).optional(),
        Setting::new(Controller::Memory, "memory.max", &or_max(limits.memory)),
        Setting::new(Controller::Pids, "pids.max", &or_max(limits.pids)),
    ]
    .into_iter()
    .chain(unified_huge(limits))
    .collect()
}

/// The files of huge pages in a v2 group. A kernel, or a machine, has not every size.
pub(super) fn unified_huge(limits: &Limits) -> Vec<Setting> {
    [("hugetlb.2MB.max", limits.huge_2mi), ("hugetlb.1GB.max", limits.huge_1gi)]
        .map(|(file, limit)| Setting::new(Controller::Hugetlb, file, &or_max(limit)).optional())
        .to_vec()
}

/// The files of a v1 group, in the order of writing.
pub(super) fn legacy(limits: &Limits) -> Vec<Setting> {
    let memory = or_minus_one(limits.memory);
    vec![
        Setting::new(Controller::Cpu, "cpu.shares", &shares(limits.cpu_request_milli)),
        Setting::new(Controller::Cpu, PERIOD_FILE, &CPU_PERIOD_MICROS),
        Setting::new(Controller::Cpu, "cpu.cfs_quota_us", &or_minus_one(limits.cpu_limit_milli.map(quota))),
        // The kernel refuses memory+swap below memory at any moment: lift the first, set the second, then both are equal.
        Setting::new(Controller::Memory, "memory.memsw.limit_in_bytes", &"-1").optional(),
        Setting::new(Controller::Memory, "memory.limit_in_bytes", &memory),
        Setting::new(Controller::Memory, "memory.memsw.limit_in_bytes", &memory).optional(),
        Setting::new(Controller::Pids, "pids.max", &or_max(limits.pids)),
    ]
}

/// The files of huge pages in a v1 group. A hybrid host may have this controller in its v2 tree instead, with other names.
pub(super) fn legacy_huge(limits: &Limits) -> Vec<Setting> {
    [("hugetlb.2MB.limit_in_bytes", limits.huge_2mi), ("hugetlb.1GB.limit_in_bytes", limits.huge_1gi)]
        .map(|(file, limit)| Setting::new(Controller::Hugetlb, file, &or_minus_one(limit)).optional())
        .to_vec()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(settings: &[Setting], expected: &Expect) {
        let lines: Vec<_> = settings.iter().map(|s| format!("{} = {}\n", s.file, s.value)).collect();
        expected.assert_eq(&lines.concat());
    }

    const FULL: Limits = Limits {
        cpu_request_milli: Some(250),
        cpu_limit_milli: Some(1500),
        memory: Some(64 << 20),
        pids: Some(32),
        huge_2mi: Some(4 << 20),
        huge_1gi: None,
    };

    #[test]
    fn v2_with_limits() {
        check(
            &unified(&FULL),
            &expect![[r#"
                cpu.weight = 10
                cpu.max = 150000 100000
                memory.swap.max = 0
                memory.max = 67108864
                pids.max = 32
                hugetlb.2MB.max = 4194304
                hugetlb.1GB.max = max
            "#]],
        );
    }

    #[test]
    fn v2_without_limits() {
        check(
            &unified(&Limits::default()),
            &expect![[r#"
                cpu.weight = 1
                cpu.max = max 100000
                memory.swap.max = max
                memory.max = max
                pids.max = max
                hugetlb.2MB.max = max
                hugetlb.1GB.max = max
            "#]],
        );
    }

    #[test]
    fn v1_with_limits() {
        check(
            &legacy(&FULL),
            &expect![[r#"
                cpu.shares = 256
                cpu.cfs_period_us = 100000
                cpu.cfs_quota_us = 150000
                memory.memsw.limit_in_bytes = -1
                memory.limit_in_bytes = 67108864
                memory.memsw.limit_in_bytes = 67108864
                pids.max = 32
            "#]],
        );
    }

    #[test]
    fn v1_without_limits() {
        check(
            &legacy(&Limits::default()),
            &expect![[r#"
                cpu.shares = 2
                cpu.cfs_period_us = 100000
                cpu.cfs_quota_us = -1
                memory.memsw.limit_in_bytes = -1
                memory.limit_in_bytes = -1
                memory.memsw.limit_in_bytes = -1
                pids.max = max
            "#]],
        );
    }

    #[test]
    fn a_new_group_is_told_only_what_it_has_not() {
        let told = |settings: Vec<Setting>| settings.into_iter().filter(|s| !s.is_default()).collect::<Vec<_>>();
        check(&told(unified(&Limits::default())), &expect!["cpu.weight = 1\n"]);
        check(&told(legacy(&Limits::default())), &expect!["cpu.shares = 2\n"]);
        check(
            &told(legacy(&FULL)),
            &expect![[r#"
                cpu.shares = 256
                cpu.cfs_quota_us = 150000
                memory.limit_in_bytes = 67108864
                memory.memsw.limit_in_bytes = 67108864
                pids.max = 32
            "#]],
        );
    }

    #[test]
    fn requests_stay_inside_the_kernels_bounds() {
        assert_eq!(shares(Some(u64::MAX)), 262_144);
        assert_eq!(weight(shares(Some(u64::MAX))), 10_000);
        assert_eq!(weight(shares(Some(0))), 1);
        assert_eq!(quota(1), 1_000);
    }
}
