//! What a node keeps for the machine and for itself.

use std::collections::BTreeMap;

use api::quantity::Quantity;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SettingError;

/// `kubeReserved` and `systemReserved` together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reserved {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes.
    pub memory: u64,
    /// Bytes.
    pub ephemeral_storage: u64,
    /// Process ids.
    pub pids: u64,
}

impl Reserved {
    pub(super) fn parse(
        kube: &BTreeMap<String, Value>,
        system: &BTreeMap<String, Value>,
    ) -> Result<Self, SettingError> {
        let mut reserved = Self::default();
        for (setting, wishes) in [("kubeReserved", kube), ("systemReserved", system)] {
            for (name, amount) in wishes {
                let path = format!("{setting}[{name}]");
                let unknown = || {
                    SettingError::new(&path, "there is no such resource: give cpu, memory, ephemeral-storage or pid")
                };
                let (place, milli) = match name.as_str() {
                    "cpu" => (&mut reserved.cpu_milli, true),
                    "memory" => (&mut reserved.memory, false),
                    "ephemeral-storage" => (&mut reserved.ephemeral_storage, false),
                    "pid" => (&mut reserved.pids, false),
                    _ => return Err(unknown()),
                };
                let parsed = Quantity::from_value(amount).ok();
                let number = parsed.map(|quantity| if milli { quantity.milli() } else { quantity.bytes() });
                let number = number.and_then(|number| u64::try_from(number).ok()).ok_or_else(|| {
                    SettingError::new(&path, format!("{amount} is no amount to keep: give a quantity such as 100Mi"))
                })?;
                *place = place.saturating_add(number);
            }
        }
        Ok(reserved)
    }
}
