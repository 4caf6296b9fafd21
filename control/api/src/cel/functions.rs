//! Every function that expressions of Kubernetes may call.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::libraries;
use super::signature::Overload;

/// The overloads of the function of that name; none when there is no such function.
pub(super) fn named(name: &str) -> Option<&'static [Overload]> {
    TABLE.get(name).map(Vec::as_slice)
}

static TABLE: LazyLock<HashMap<&'static str, Vec<Overload>>> = LazyLock::new(|| {
    let mut table: HashMap<_, Vec<_>> = HashMap::new();
    for (name, overload) in libraries::ALL.iter().copied().flatten().filter_map(|text| Overload::parse(text)) {
        table.entry(name).or_default().push(overload);
    }
    table
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_can_be_read() {
        let unread: Vec<_> =
            libraries::ALL.iter().copied().flatten().filter(|text| Overload::parse(text).is_none()).collect();
        assert_eq!(unread, Vec::<&&str>::new());
        assert!(named("_+_").is_some_and(|all| all.len() == 9) && named("sets.contains").is_some());
    }
}
