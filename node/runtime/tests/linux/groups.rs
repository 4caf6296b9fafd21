//! Control groups hold what they promise.

use runtime::contract::Limits;

use crate::pod::{Fixture, pipes, reap};

pub(crate) fn limits_are_written_and_lifted() {
    let tight = Limits {
        cpu_request_milli: Some(500),
        cpu_limit_milli: Some(1000),
        memory: Some(64 << 20),
        pids: Some(20),
        ..Limits::default()
    };
    let fixture = Fixture::with_limits(&tight);
    fixture.group.update(&Limits { memory: Some(32 << 20), ..tight }).unwrap();
    fixture.group.update(&tight).unwrap();
    fixture.group.update(&Limits::default()).unwrap();
    fixture.check("echo runs", "runs");
    let usage = fixture.group.usage().unwrap();
    assert!(usage.cpu_nanos > 100_000, "{usage:?}");
}

pub(crate) fn kill_reaches_all_processes() {
    let fixture = Fixture::new();
    let started = fixture.start(&["sh", "-c", "sleep 1000 & sleep 1000 & wait"], pipes().1).unwrap();
    while fixture.group.procs().unwrap().len() < 3 {
        std::thread::yield_now();
    }
    fixture.group.kill_all().unwrap();
    assert_eq!(reap(started.pid), 137);
    fixture.group.remove().unwrap();
    assert!(!fixture.group.exists());
}

pub(crate) fn freeze_stops_and_thaw_continues() {
    let fixture = Fixture::new();
    let started = fixture.start(&["sh", "-c", "while true; do true; done"], pipes().1).unwrap();
    fixture.group.freeze().unwrap();
    let before = fixture.group.usage().unwrap().cpu_nanos;
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(fixture.group.usage().unwrap().cpu_nanos, before, "a frozen loop consumed time");
    fixture.group.thaw().unwrap();
    while fixture.group.usage().unwrap().cpu_nanos <= before {
        std::thread::yield_now();
    }
    fixture.group.kill_all().unwrap();
    assert_eq!(reap(started.pid), 137);
}

pub(crate) fn removal_is_idempotent() {
    let fixture = Fixture::new();
    fixture.group.remove().unwrap();
    fixture.group.remove().unwrap();
    fixture.group.kill_all().unwrap();
    assert_eq!(fixture.group.procs().unwrap(), Vec::<i32>::new());
}

pub(crate) fn memory_limit_kills() {
    let fixture = Fixture::with_limits(&Limits { memory: Some(32 << 20), ..Limits::default() });
    let outcome = fixture.run(&["dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1"]).unwrap();
    assert_eq!((outcome.code, fixture.group.oom_kills().unwrap()), (137, 1));
}

pub(crate) fn process_limit_refuses_forks() {
    let fixture = Fixture::with_limits(&Limits { pids: Some(8), ..Limits::default() });
    let outcome =
        fixture.run(&["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 5 & done; echo all started"]).unwrap();
    assert!(outcome.output.contains("Resource temporarily unavailable"), "{outcome:?}");
}
