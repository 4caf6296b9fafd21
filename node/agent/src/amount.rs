//! Amounts of the API as numbers.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// Thousandths in an amount, rounded up; `None` when it is not one.
pub(crate) fn milli(quantity: &Quantity) -> Option<i128> {
    parsed(quantity).map(|quantity| i128::from(quantity.milli()))
}

/// Whole units in an amount, rounded up: bytes.
pub(crate) fn whole(quantity: &Quantity) -> Option<u64> {
    parsed(quantity).and_then(|quantity| u64::try_from(quantity.bytes()).ok())
}

fn parsed(quantity: &Quantity) -> Option<api::quantity::Quantity> {
    quantity.0.parse().ok()
}
