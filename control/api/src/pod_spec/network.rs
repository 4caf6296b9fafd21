//! Rules of how a pod finds others, and is found.

use crate::field::{Errors, Field};
use crate::name;
use crate::network::canonical_address;

/// Most servers and domains, and longest list of domains, that libc bears with.
const SERVERS_MAX: usize = 3;
const SEARCHES_MAX: usize = 32;
const SEARCHES_LENGTH_MAX: usize = 2048;

/// Everything wrong with `dnsPolicy` and `dnsConfig`.
pub(super) fn policy(spec: &Field<'_>) -> Errors {
    let policy = spec.at("dnsPolicy");
    policy.must_be_one_of(&["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]).into_iter().collect()
}

/// Everything wrong with `dnsConfig`.
pub(super) fn dns(spec: &Field<'_>) -> Errors {
    let (policy, config) = (spec.at("dnsPolicy"), spec.at("dnsConfig"));
    let (servers, searches) = (config.at("nameservers"), config.at("searches"));
    if policy.text() == "None" {
        if !config.is_set() {
            return vec![config.required("must provide `dnsConfig` when `dnsPolicy` is None")];
        }
        if servers.is_empty() {
            return vec![servers.required("must provide at least one DNS nameserver when `dnsPolicy` is None")];
        }
    }
    let mut errors = Errors::new();
    if servers.items().count() > SERVERS_MAX {
        errors.push(servers.invalid(format!("must not have more than {SERVERS_MAX} nameservers")));
    }
    errors.extend(servers.items().flat_map(|server| canonical_address(&server)));
    if searches.items().count() > SEARCHES_MAX {
        errors.push(searches.invalid(format!("must not have more than {SEARCHES_MAX} search paths")));
    }
    let length: usize = searches.items().map(|search| search.text().len() + 1).sum();
    if length > SEARCHES_LENGTH_MAX + 1 {
        let why =
            format!("must not have more than {SEARCHES_LENGTH_MAX} characters (including spaces) in the search list");
        errors.push(searches.invalid(why));
    }
    for search in searches.items().filter(|search| search.text() != ".") {
        let domain = search.text().strip_suffix('.').unwrap_or(search.text());
        let wrong = name::subdomain_with_underscore(domain);
        errors.extend(wrong.into_iter().map(|why| search.invalid_part(domain, why)));
    }
    let nameless = config.at("options").items().filter(|option| option.at("name").is_empty());
    errors.extend(nameless.map(|option| option.required("must not be empty")));
    errors
}

/// Everything wrong with `hostAliases`.
pub(super) fn aliases(aliases: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for alias in aliases.items() {
        errors.extend(canonical_address(&alias.at("ip")));
        for host in alias.at("hostnames").items() {
            errors.extend(name::subdomain(host.text()).into_iter().map(|why| host.invalid(why)));
        }
    }
    errors
}
