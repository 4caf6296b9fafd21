//! What the system tells about this process, under the names that every Prometheus client uses.

use std::fmt;

use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{SysconfVar, sysconf};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Looks into `/proc` at every reading.
#[derive(Debug)]
pub(super) struct Process;

/// One reading of `/proc/self`.
struct Reading {
    cpu_seconds: f64,
    start_seconds: f64,
    virtual_bytes: f64,
    resident_bytes: f64,
}

impl Collector for Process {
    /// A figure that the system does not tell is left out.
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(reading) = read() {
            let cpu = ConstCounter::new(reading.cpu_seconds);
            show(&mut encoder, "process_cpu_seconds", "Total user and system CPU time spent in seconds", &cpu)?;
            let start = ConstGauge::new(reading.start_seconds);
            show(
                &mut encoder,
                "process_start_time_seconds",
                "Start time of the process since 1970 in seconds",
                &start,
            )?;
            let resident = ConstGauge::new(reading.resident_bytes);
            show(&mut encoder, "process_resident_memory_bytes", "Resident memory size in bytes", &resident)?;
            let whole = ConstGauge::new(reading.virtual_bytes);
            show(&mut encoder, "process_virtual_memory_bytes", "Virtual memory size in bytes", &whole)?;
        }
        if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
            // The directory that is being read is one of them.
            let open = i64::try_from(open.count().saturating_sub(1)).unwrap_or(i64::MAX);
            show(&mut encoder, "process_open_fds", "Number of open file descriptors", &ConstGauge::new(open))?;
        }
        if let Ok((most, _)) = getrlimit(Resource::RLIMIT_NOFILE) {
            let most = ConstGauge::new(i64::try_from(most).unwrap_or(i64::MAX));
            show(&mut encoder, "process_max_fds", "Maximum number of open file descriptors", &most)?;
        }
        Ok(())
    }
}

fn show(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

/// See `proc_pid_stat(5)`: fields count from 1, and those after the name, which may hold anything, from 3.
fn read() -> Option<Reading> {
    const FIRST: usize = 3;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - FIRST)?.parse::<f64>().ok();
    let boot = std::fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let ticks = system(SysconfVar::CLK_TCK)?;
    Some(Reading {
        cpu_seconds: (field(14)? + field(15)?) / ticks,
        start_seconds: boot + field(22)? / ticks,
        virtual_bytes: field(23)?,
        resident_bytes: field(24)? * system(SysconfVar::PAGE_SIZE)?,
    })
}

fn system(constant: SysconfVar) -> Option<f64> {
    sysconf(constant).ok().flatten().and_then(|value| i32::try_from(value).ok()).map(f64::from)
}
