//! ValidatingWebhookConfiguration: webhooks that judge what is written.

use super::webhook::{self, Demands, Power, Webhooks};
use super::{CATEGORIES, GROUP, flags};
use crate::kind::{Kind, Scope};
use crate::kinds::base;

const PLURAL: &str = "validatingwebhookconfigurations";

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        categories: CATEGORIES,
        scope: Scope::Cluster,
        columns: webhook::COLUMNS,
        flags: flags(),
        schema: "io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration",
        ..base(GROUP, "ValidatingWebhookConfiguration", PLURAL, &STRATEGY)
    }
}

/// What is its own.
pub(super) const STRATEGY: Webhooks = Webhooks { plural: PLURAL, power: Power::Judges, demands: Demands::ALL };
