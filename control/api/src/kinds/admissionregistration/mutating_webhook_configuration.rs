//! MutatingWebhookConfiguration: webhooks that change what is written.

use super::webhook::{self, Demands, Power, Webhooks};
use super::{CATEGORIES, GROUP, flags};
use crate::kind::{Kind, Scope};
use crate::kinds::base;

const PLURAL: &str = "mutatingwebhookconfigurations";

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        categories: CATEGORIES,
        scope: Scope::Cluster,
        columns: webhook::COLUMNS,
        flags: flags(),
        schema: "io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration",
        ..base(GROUP, "MutatingWebhookConfiguration", PLURAL, &STRATEGY)
    }
}

/// What is its own.
pub(super) const STRATEGY: Webhooks = Webhooks { plural: PLURAL, power: Power::Changes, demands: Demands::ALL };
