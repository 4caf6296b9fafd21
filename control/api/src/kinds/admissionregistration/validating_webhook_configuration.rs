//! ValidatingWebhookConfiguration: webhooks that judge what is written.

use serde_json::Value;

use super::webhook::{self, Power};
use super::{CATEGORIES, GROUP, flags, not_enforced};
use crate::kind::{Kind, Scope, Strategy};
use crate::kinds::base;
use crate::meta::Timestamp;
use crate::validate::FieldError;

const PLURAL: &str = "validatingwebhookconfigurations";

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        categories: CATEGORIES,
        scope: Scope::Cluster,
        columns: webhook::COLUMNS,
        flags: flags(),
        schema: "io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration",
        ..base(GROUP, "ValidatingWebhookConfiguration", PLURAL, &ValidatingWebhookConfiguration)
    }
}

#[derive(Debug)]
pub(super) struct ValidatingWebhookConfiguration;

impl Strategy for ValidatingWebhookConfiguration {
    fn default(&self, object: &mut Value) {
        webhook::default(object, Power::Judges);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        webhook::validate(object, Power::Judges)
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        not_enforced(PLURAL)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        webhook::cells(object, now)
    }
}
