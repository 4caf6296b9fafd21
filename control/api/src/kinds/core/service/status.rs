//! Rules of what a load balancer reports of a Service.

use std::net::IpAddr;

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::service_spec::is_balanced;
use crate::{name, network};

/// Everything wrong with the `status`.
pub(super) fn rules(object: &Value) -> Errors {
    let ingress = Field::root(object).at("status").at("loadBalancer").at("ingress");
    if !is_balanced(&object["spec"]) && !ingress.is_empty() {
        return vec![ingress.forbidden("may only be used when `spec.type` is 'LoadBalancer'")];
    }
    let mut errors = Errors::new();
    for one in ingress.items() {
        let (ip, mode, host) = (one.at("ip"), one.at("ipMode"), one.at("hostname"));
        errors.extend((!ip.is_empty()).then(|| network::address(&ip)).flatten());
        if ip.is_empty() {
            errors.extend(mode.is_set().then(|| mode.forbidden("may not be specified when `ip` is not set")));
        } else if mode.is_set() {
            errors.extend(mode.one_of(&["Proxy", "VIP"]));
        } else {
            errors.push(mode.required("must be specified when `ip` is set"));
        }
        errors.extend(host.named(name::subdomain));
        let is_address = host.text().parse::<IpAddr>().is_ok();
        errors.extend(is_address.then(|| host.invalid("must be a DNS name, not an IP address")));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(kind: &str, ingress: &Value, expected: &Expect) {
        let object = json!({"spec": {"type": kind}, "status": {"loadBalancer": {"ingress": ingress}}});
        expected.assert_eq(&told(&rules(&object)));
    }

    #[test]
    fn a_balancer_reports_sound_addresses_and_names() {
        check("LoadBalancer", &json!([{"ip": "1.2.3.4", "ipMode": "Proxy"}, {"hostname": "a.b"}]), &expect![""]);
        check("ClusterIP", &json!([]), &expect![""]);
        let bad = json!([{"ip": "1.2", "ipMode": "Far"}, {"ip": "1.2.3.4"}, {"ipMode": "VIP", "hostname": "1.2.3.4"}]);
        check(
            "LoadBalancer",
            &bad,
            &expect![[r#"
                status.loadBalancer.ingress[0].ip: Invalid value: "1.2": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
                status.loadBalancer.ingress[0].ipMode: Unsupported value: "Far": supported values: "Proxy", "VIP"
                status.loadBalancer.ingress[1].ipMode: Required value: must be specified when `ip` is set
                status.loadBalancer.ingress[2].ipMode: Forbidden: may not be specified when `ip` is not set
                status.loadBalancer.ingress[2].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address"#]],
        );
        check(
            "ClusterIP",
            &bad,
            &expect!["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
        );
    }
}
