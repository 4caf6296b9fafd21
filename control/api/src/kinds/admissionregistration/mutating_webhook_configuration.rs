//! MutatingWebhookConfiguration: webhooks that change what is written.

use serde_json::Value;

use super::webhook::{self, Power};
use super::{CATEGORIES, GROUP, flags, not_enforced};
use crate::kind::{Kind, Scope, Strategy};
use crate::kinds::base;
use crate::meta::Timestamp;
use crate::validate::FieldError;

const PLURAL: &str = "mutatingwebhookconfigurations";

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        categories: CATEGORIES,
        scope: Scope::Cluster,
        columns: webhook::COLUMNS,
        flags: flags(),
        schema: "io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration",
        ..base(GROUP, "MutatingWebhookConfiguration", PLURAL, &MutatingWebhookConfiguration)
    }
}

#[derive(Debug)]
pub(super) struct MutatingWebhookConfiguration;

impl Strategy for MutatingWebhookConfiguration {
    fn default(&self, object: &mut Value) {
        webhook::default(object, Power::Changes);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        webhook::validate(object, Power::Changes)
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        not_enforced(PLURAL)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        webhook::cells(object, now)
    }
}
