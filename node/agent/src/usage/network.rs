//! What came and went over the interfaces of a network namespace.

/// Counters of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    /// Its name.
    pub name: String,
    /// What came.
    pub received: Traffic,
    /// What went.
    pub sent: Traffic,
}

/// Counters of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets that were damaged.
    pub errors: u64,
    /// Packets that were dropped.
    pub dropped: u64,
}

/// The interfaces that a process sees, without the loopback; none when it is gone.
pub(super) fn of_process(pid: u32) -> Vec<Interface> {
    std::fs::read_to_string(format!("/proc/{pid}/net/dev")).map(|text| parse(&text)).unwrap_or_default()
}

/// Understands `/proc/PID/net/dev`: a name, eight numbers of what came, eight of what went.
fn parse(text: &str) -> Vec<Interface> {
    let traffic = |numbers: &[u64]| match *numbers {
        [bytes, packets, errors, dropped, ..] => Some(Traffic { bytes, packets, errors, dropped }),
        _ => None,
    };
    let interface = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().map_while(|number| number.parse().ok()).collect();
        let (received, sent) = (traffic(numbers.get(..8)?)?, traffic(numbers.get(8..)?)?);
        Some(Interface { name: name.trim().to_owned(), received, sent })
    };
    text.lines().filter_map(interface).filter(|one| one.name != "lo").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_what_came_and_went() {
        let text = "Inter-|   Receive |  Transmit\n face |bytes packets errs\n    lo: 9 9 9 9 0 0 0 0 9 9 9 9 0 0 0 0\n  \
                    eth0:  100 2 3 4 0 0 0 0  200 5 6 7 0 0 0 0\n";
        let received = Traffic { bytes: 100, packets: 2, errors: 3, dropped: 4 };
        let sent = Traffic { bytes: 200, packets: 5, errors: 6, dropped: 7 };
        assert_eq!(parse(text), [Interface { name: "eth0".to_owned(), received, sent }]);
    }
}
