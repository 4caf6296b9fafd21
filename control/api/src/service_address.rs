//! IPAddress: who has an address of a Service. There is one for every cluster address, of the address's name, so that nobody
//! has to look through all Services to know what is free (KEP-1880).

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::json;
use crate::meta::{Key, Resource};
use crate::service_range::GROUP;
use crate::service_spec::HEADLESS;
use crate::service_spec::stacks::Family;

/// Resource of the addresses.
pub const PLURAL: &str = "ipaddresses";
/// Label that names the family of an address.
pub const FAMILY: &str = "ipaddress.kubernetes.io/ip-family";
/// Label that tells who keeps an address.
pub const MANAGED_BY: &str = "ipaddress.kubernetes.io/managed-by";
/// Value of that label for those that are kept with Services.
pub const MANAGER: &str = "ipallocator.k8s.io";

/// Key of the object that says who has the address; none for what no key can hold, which no address is.
#[must_use]
pub fn key(address: IpAddr) -> Option<Key> {
    Key::new(&Resource::new(GROUP, PLURAL), "", &address.to_string()).ok()
}

/// The addresses that a Service has inside the cluster.
pub fn of_service(service: &Value) -> impl Iterator<Item = IpAddr> + '_ {
    let listed = json::items(service, "/spec/clusterIPs").iter().filter_map(Value::as_str);
    listed.filter(|text| *text != HEADLESS).filter_map(|text| text.parse().ok())
}

/// The object that says that a Service has the address.
#[must_use]
pub fn object(address: IpAddr, namespace: &str, service: &str) -> Value {
    json!({
        "metadata": {
            "name": address.to_string(),
            "labels": {FAMILY: Family::of(address).name(), MANAGED_BY: MANAGER},
        },
        "spec": {"parentRef": {"resource": "services", "namespace": namespace, "name": service}},
    })
}

/// Whose an address is, as its `spec.parentRef` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Group of the resource.
    pub group: String,
    /// Plural.
    pub resource: String,
    /// Namespace; empty for one of the cluster.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Parent {
    /// Reads an IPAddress.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let part = |name: &str| json::text(object, &format!("/spec/parentRef/{name}")).to_owned();
        Self { group: part("group"), resource: part("resource"), namespace: part("namespace"), name: part("name") }
    }

    /// Key of the Service that has the address, when it is one.
    #[must_use]
    pub fn service(&self) -> Option<Key> {
        let service = self.group.is_empty() && self.resource == "services";
        service.then(|| Key::new(&Resource::new("", "services"), &self.namespace, &self.name).ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    #[test]
    fn what_is_made_for_a_service_is_sound_and_leads_back() {
        let kind = kinds::stored(GROUP, PLURAL).unwrap();
        for text in ["10.0.0.1", "fd00::1"] {
            let object = object(text.parse().unwrap(), "n", "s");
            assert_eq!(kind.strategy.validate(&object), []);
            assert!(kind.strategy.name(text).is_empty());
            assert_eq!(Parent::of(&object).service().unwrap().as_str(), "/services/n/s");
        }
        let gateway = json!({"spec": {"parentRef": {"group": "g.io", "resource": "services", "name": "s"}}});
        assert_eq!(Parent::of(&gateway).service(), None);
    }

    #[test]
    fn headless_services_have_no_address() {
        let of = |list: Value| of_service(&json!({"spec": {"clusterIPs": list}})).count();
        assert_eq!((of(json!(["None"])), of(json!(["10.0.0.1", "fd00::1"])), of(Value::Null)), (0, 2, 0));
    }
}
