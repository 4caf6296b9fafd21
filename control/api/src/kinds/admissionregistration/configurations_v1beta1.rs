//! Webhook configurations of `v1beta1`: the same fields, with milder defaults and rules. What it took can be stored, and the
//! newer version bears with it in an old object.

use serde_json::{Value, json};

use super::webhook::{Demands, Webhooks};
use super::{GROUP, mutating_webhook_configuration, validating_webhook_configuration};
use crate::json;
use crate::kind::{Directions, Kind};
use crate::kinds::forms::form;

/// Seconds that a webhook has when nothing is said.
const TIMEOUT: i64 = 30;

/// It knew neither side effects nor unique names.
const DEMANDS: Demands = Demands { harmless: false, unique: false, ..Demands::ALL };

const DIRECTIONS: Directions = Directions { to_stored, from_stored: |_| {}, fields: &[] };

pub(in crate::kinds) fn mutating() -> Kind {
    const STRATEGY: Webhooks = Webhooks { demands: DEMANDS, ..mutating_webhook_configuration::STRATEGY };
    let schema = "io.k8s.api.admissionregistration.v1beta1.MutatingWebhookConfiguration";
    Kind { strategy: &STRATEGY, ..form(mutating_webhook_configuration::kind(), GROUP, "v1beta1", schema, DIRECTIONS) }
}

pub(in crate::kinds) fn validating() -> Kind {
    const STRATEGY: Webhooks = Webhooks { demands: DEMANDS, ..validating_webhook_configuration::STRATEGY };
    let schema = "io.k8s.api.admissionregistration.v1beta1.ValidatingWebhookConfiguration";
    Kind { strategy: &STRATEGY, ..form(validating_webhook_configuration::kind(), GROUP, "v1beta1", schema, DIRECTIONS) }
}

/// Fills what this version fills otherwise than the stored one.
fn to_stored(configuration: &mut Value) {
    for webhook in json::items_mut(configuration, "webhooks") {
        json::fill(webhook, "failurePolicy", "Ignore");
        json::fill(webhook, "matchPolicy", "Exact");
        json::fill(webhook, "sideEffects", "Unknown");
        json::fill(webhook, "timeoutSeconds", TIMEOUT);
        json::fill(webhook, "admissionReviewVersions", json!(["v1beta1"]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_filled_as_this_version_means_it() {
        let mut object = json!({"webhooks": [{"name": "a.b.c", "matchPolicy": "Equivalent"}]});
        validating().to_stored(&mut object);
        let webhook = json!({"name": "a.b.c", "failurePolicy": "Ignore", "matchPolicy": "Equivalent", "sideEffects": "Unknown",
            "timeoutSeconds": 30, "admissionReviewVersions": ["v1beta1"]});
        assert_eq!(object["webhooks"], json!([webhook]));
    }

    #[test]
    fn what_it_took_is_borne_with_in_the_newer_version() {
        let webhook = |effects: &str| {
            json!({"name": "a.b.c", "sideEffects": effects, "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": "https://a.b"}, "matchPolicy": "Exact"})
        };
        let object = |effects: &str| json!({"webhooks": [webhook(effects), webhook(effects)]});
        let (old, new) = (mutating().strategy, mutating_webhook_configuration::kind().strategy);
        assert_eq!(old.validate_create(&object("Some")), []);
        let told = crate::kinds::tests::told(&old.validate_create(&object("Much")));
        assert!(told.contains(r#"supported values: "None", "NoneOnDryRun", "Some", "Unknown""#), "{told}");
        assert_eq!(new.validate_create(&object("Some")).len(), 3);
        assert_eq!(new.validate_update(&object("Unknown"), &object("Some")), []);
        assert_eq!(new.validate_update(&object("Some"), &object("None")).len(), 2);
    }
}
