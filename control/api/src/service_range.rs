//! ServiceCIDR: the ranges from which Services get their addresses (KEP-1880), and what of them may be had.

use std::net::IpAddr;

use serde_json::Value;

use crate::json;
use crate::range::{Range, bits};
use crate::service_spec::stacks::Family;

/// Group of ServiceCIDRs and of IPAddresses.
pub const GROUP: &str = "networking.k8s.io";
/// Resource of the ranges.
pub const PLURAL: &str = "servicecidrs";
/// Name of those that the server is configured with.
pub const DEFAULT: &str = "kubernetes";
/// Finalizer that keeps a ServiceCIDR while Services have addresses of it alone.
pub const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";
/// Type of the condition that allows addresses to be taken.
pub const READY: &str = "Ready";

/// Bounds of the static band, and the part of a range that it is.
const BAND_MIN: u128 = 16;
const BAND_MAX: u128 = 256;
const BAND_SHARE: u128 = 16;
/// Shortest prefix of a range of IPv6: Kubernetes gives no addresses of larger ones.
const V6_LENGTH_MIN: u8 = 64;

/// The addresses of a range that Services can have: all but the network's own and, of IPv4, the one for broadcasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The range.
    pub range: Range,
    first: u128,
    /// The first address that is given to those who choose none.
    middle: u128,
    last: u128,
}

impl Pool {
    /// What can be had of a range; none of one that is too small, or too large for IPv6.
    #[must_use]
    pub fn of(range: Range) -> Option<Self> {
        let v4 = range.address.is_ipv4();
        if !v4 && range.length < V6_LENGTH_MIN {
            return None;
        }
        let (network, end) = range.bounds();
        let (first, last) = (network + 1, if v4 { end.saturating_sub(1) } else { end });
        (first <= last).then(|| Self { range, first, middle: first + band(end - network + 1), last })
    }

    /// Its family.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::of(self.range.address)
    }

    /// Whether the address can be had of it, or could if nobody had it.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.range.address.is_ipv4() && (self.first..=self.last).contains(&bits(address))
    }

    /// The first address: the one of the API server's own Service.
    #[must_use]
    pub fn first(&self) -> IpAddr {
        self.range.at(self.first)
    }

    /// An address that nobody has. The lower band is left to those who choose theirs, until the rest is taken (KEP-3070).
    ///
    /// `below` draws a number that is less than the given one, which is never 0.
    pub fn free(&self, below: impl Fn(u64) -> u64, taken: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
        let from = |first: u128, last: u128| {
            let span = u64::try_from(last.checked_sub(first)?.saturating_add(1)).unwrap_or(u64::MAX);
            let start = first + u128::from(below(span));
            (start..=last).chain(first..start).map(|number| self.range.at(number)).find(|address| !taken(*address))
        };
        from(self.middle, self.last).or_else(|| from(self.first, self.middle.checked_sub(1)?.min(self.last)))
    }
}

/// How many addresses of a range of that size are left to those who choose theirs.
fn band(size: u128) -> u128 {
    if size <= BAND_MIN { 0 } else { (size / BAND_SHARE).clamp(BAND_MIN, BAND_MAX) }
}

/// A ServiceCIDR as those read it who take addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRange {
    /// Its name.
    pub name: String,
    /// What can be had of its ranges.
    pub pools: Vec<Pool>,
    /// Whether new addresses may be taken: it is not being deleted, and nobody says that it is not ready.
    pub open: bool,
    /// Whether it is being deleted.
    pub going: bool,
}

impl ServiceRange {
    /// Reads a ServiceCIDR.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let ranges = json::items(object, "/spec/cidrs").iter().filter_map(|one| Range::parse(one.as_str()?));
        let going = object.pointer("/metadata/deletionTimestamp").is_some();
        // One without the condition counts as ready: nobody may have come to it yet.
        let ready = ready(object).is_none_or(|condition| json::text(condition, "/status") == "True");
        Self {
            name: json::text(object, "/metadata/name").to_owned(),
            pools: ranges.filter_map(Pool::of).collect(),
            open: ready && !going,
            going,
        }
    }

    /// The pool that holds the address.
    #[must_use]
    pub fn pool(&self, address: IpAddr) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.holds(address))
    }
}

/// The condition of a ServiceCIDR that says whether addresses may be taken.
#[must_use]
pub fn ready(object: &Value) -> Option<&Value> {
    json::items(object, "/status/conditions").iter().find(|condition| json::text(condition, "/type") == READY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pool(text: &str) -> Option<Pool> {
        Pool::of(Range::parse(text).unwrap())
    }

    #[test]
    fn the_lower_band_is_a_sixteenth_within_bounds() {
        for (range, expected) in
            [("10.0.0.0/28", 0), ("10.0.0.0/27", 16), ("10.0.0.0/23", 32), ("10.0.0.0/12", 256), ("fd00::/112", 256)]
        {
            let pool = pool(range).unwrap();
            assert_eq!(pool.middle - pool.first, expected, "{range}");
        }
    }

    #[test]
    fn network_and_broadcast_addresses_cannot_be_had() {
        for (range, address, held) in [
            ("10.0.0.0/29", "10.0.0.0", false),
            ("10.0.0.0/29", "10.0.0.1", true),
            ("10.0.0.0/29", "10.0.0.6", true),
            ("10.0.0.0/29", "10.0.0.7", false),
            ("fd00::/125", "fd00::", false),
            ("fd00::/125", "fd00::7", true),
            ("fd00::/125", "10.0.0.1", false),
        ] {
            assert_eq!(pool(range).unwrap().holds(address.parse().unwrap()), held, "{range} {address}");
        }
        for range in ["10.0.0.0/31", "10.0.0.1/32", "fd00::1/128", "fd00::/63"] {
            assert_eq!(pool(range), None, "{range}");
        }
        assert_eq!(pool("fd00::/127").unwrap().first().to_string(), "fd00::1");
    }

    /// The addresses in the order in which they are given when every draw is the lowest.
    fn order(range: &str) -> Vec<String> {
        let (pool, mut given) = (pool(range).unwrap(), Vec::new());
        while let Some(address) = pool.free(|_| 0, |address| given.contains(&address.to_string())) {
            given.push(address.to_string());
        }
        given
    }

    #[test]
    fn the_upper_part_is_given_first_and_then_the_lower() {
        let given = order("10.0.0.0/27");
        assert_eq!((given[0].as_str(), given[13].as_str(), given[14].as_str()), ("10.0.0.17", "10.0.0.30", "10.0.0.1"));
        assert_eq!((given.len(), given[29].as_str()), (30, "10.0.0.16"));
        assert_eq!(order("10.0.0.0/30"), ["10.0.0.1", "10.0.0.2"]);
        let late = pool("10.0.0.0/30").unwrap().free(|span| span - 1, |_| false);
        assert_eq!(late.unwrap().to_string(), "10.0.0.2");
        let taken = "10.0.0.2".parse::<IpAddr>().unwrap();
        let around = pool("10.0.0.0/30").unwrap().free(|span| span - 1, |address| address == taken);
        assert_eq!(around.unwrap().to_string(), "10.0.0.1");
        assert!(pool("fd00::/64").unwrap().free(|span| span - 1, |_| false).is_some());
    }

    #[test]
    fn addresses_are_taken_of_what_is_ready_and_stays() {
        let of = |meta: Value, status: Value| {
            ServiceRange::of(&json!({"metadata": meta, "spec": {"cidrs": ["10.0.0.0/24"]}, "status": status}))
        };
        let ready = |status: &str| json!({"conditions": [{"type": "Ready", "status": status}]});
        assert!(of(json!({"name": "a"}), json!({})).open && of(json!({}), ready("True")).open);
        assert!(!of(json!({}), ready("False")).open);
        let going = of(json!({"deletionTimestamp": "t"}), ready("True"));
        assert!(going.going && !going.open && going.pool("10.0.0.1".parse().unwrap()).is_some());
    }
}
