//! Patches. An input is an object's line and the patch on the lines below it.

use api::decode::Patched;
use api::kinds;
use api::patch::PatchType;
use api::schema::Schema;
use serde_json::Value;

fn object_and_patch(data: &[u8]) -> Option<(Value, &str)> {
    let (object, patch) = crate::two(data)?;
    let object: Value = serde_json::from_str(object).ok()?;
    object.is_object().then_some((object, patch))
}

/// A list of tests changes nothing.
pub(crate) fn json(data: &[u8]) {
    let Some((object, patch)) = object_and_patch(data) else { return };
    let Ok(patched) = PatchType::Json.apply(&object, patch.as_bytes(), None) else { return };
    let operations: Value = serde_json::from_str(patch).unwrap();
    if operations.as_array().unwrap().iter().all(|operation| operation["op"] == "test") {
        assert_eq!(patched, object);
    }
}

/// A merge patch applied again changes nothing (RFC 7396).
pub(crate) fn merge(data: &[u8]) {
    let Some((object, patch)) = object_and_patch(data) else { return };
    applied_again_changes_nothing(PatchType::Merge, &object, patch);
}

/// Neither does a strategic one without directives; and what it makes of a Pod is a Pod or refused.
pub(crate) fn strategic(data: &[u8]) {
    let Some((object, patch)) = object_and_patch(data) else { return };
    if patch.contains('$') || patch.contains('\\') {
        drop(PatchType::Strategic.apply(&object, patch.as_bytes(), Schema::of_kind("", "v1", "Pod")));
    } else {
        applied_again_changes_nothing(PatchType::Strategic, &object, patch);
    }
}

fn applied_again_changes_nothing(how: PatchType, object: &Value, patch: &str) {
    let pod = kinds::find("", "v1", "pods").unwrap();
    let of = Schema::of_kind("", "v1", "Pod");
    let Ok(once) = how.apply(object, patch.as_bytes(), of) else { return };
    match how.apply(&once, patch.as_bytes(), of) {
        Ok(twice) => assert_eq!(once, twice),
        // A list that the patch brought first may lack the key by which it would be merged the second time.
        Err(error) => assert!(how == PatchType::Strategic, "{once}: {error}"),
    }
    let again = || once.clone();
    drop(Patched { form: how, text: patch.as_bytes(), again: &again }.check(once.clone(), pod));
}
