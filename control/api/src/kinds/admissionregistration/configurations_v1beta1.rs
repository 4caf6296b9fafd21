//! Webhook configurations of `v1beta1`: the same fields, with milder defaults.
//!
//! A webhook must still tell that it has no side effects: what the stored version refuses is refused here too.

use serde_json::{Value, json};

use super::{GROUP, mutating_webhook_configuration, validating_webhook_configuration};
use crate::json;
use crate::kind::{Directions, Kind};
use crate::kinds::forms::form;

/// Seconds that a webhook has when nothing is said.
const TIMEOUT: i64 = 30;

const DIRECTIONS: Directions = Directions { to_stored, from_stored: |_| {}, fields: &[] };

pub(in crate::kinds) fn mutating() -> Kind {
    let schema = "io.k8s.api.admissionregistration.v1beta1.MutatingWebhookConfiguration";
    form(mutating_webhook_configuration::kind(), GROUP, "v1beta1", schema, DIRECTIONS)
}

pub(in crate::kinds) fn validating() -> Kind {
    let schema = "io.k8s.api.admissionregistration.v1beta1.ValidatingWebhookConfiguration";
    form(validating_webhook_configuration::kind(), GROUP, "v1beta1", schema, DIRECTIONS)
}

/// Fills what this version fills otherwise than the stored one.
fn to_stored(configuration: &mut Value) {
    for webhook in json::items_mut(configuration, "webhooks") {
        json::fill(webhook, "failurePolicy", "Ignore");
        json::fill(webhook, "matchPolicy", "Exact");
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
        let webhook = json!({"name": "a.b.c", "failurePolicy": "Ignore", "matchPolicy": "Equivalent", "timeoutSeconds": 30,
            "admissionReviewVersions": ["v1beta1"]});
        assert_eq!(object["webhooks"], json!([webhook]));
    }
}
