//! Selectors of lists and watches, and those inside objects.

use api::kinds;
use api::selector::{FieldSelector, LabelSelector};

/// A label selector says the same when it is read from what it is shown as.
pub(crate) fn labels(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(selector) = LabelSelector::parse(text) {
        comes_back(&selector);
    }
}

/// So does one that was read from an object.
pub(crate) fn labels_of_object(data: &[u8]) {
    let Ok(value) = serde_json::from_slice(data) else { return };
    if let Ok(selector) = LabelSelector::from_value(&value) {
        comes_back(&selector);
    }
}

fn comes_back(selector: &LabelSelector) {
    let shown = selector.to_string();
    let again = LabelSelector::parse(&shown).unwrap_or_else(|error| panic!("{shown:?}: {error}"));
    assert_eq!(again.to_string(), shown);
    for label in [None, Some(""), Some("1"), Some("a")] {
        assert_eq!(again.matches(|_| label), selector.matches(|_| label), "{shown:?} of {label:?}");
    }
}

/// An empty term at the end of a field selector says nothing.
pub(crate) fn fields(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for kind in kinds::all().iter().filter(|kind| ["Pod", "ConfigMap", "Event"].contains(&&*kind.kind)) {
        if let Ok(selector) = FieldSelector::parse(text, kind) {
            assert_eq!(FieldSelector::parse(&format!("{text},"), kind), Ok(selector));
        }
    }
}
