//! The only place that gives objects what no client may choose: uid, time of creation, the end of a generated name.

use api::kind::{Generation, Kind, Subresource};
use api::metadata;
use seam::Seam;
use serde_json::{Map, Value};

/// A name that begins with `base`.
pub(crate) fn generate_name(base: &str, seam: &Seam) -> String {
    let mut random = [0; metadata::SUFFIX_LENGTH];
    seam.random().fill(&mut random);
    metadata::generated_name(base, &metadata::suffix(random))
}

/// Gives a new object its identity and removes what only the server may say.
pub(crate) fn create(kind: &Kind, object: &mut Value, seam: &Seam) {
    let generation = kind.flags.generation == Generation::One || has_generation(kind, object);
    let Some(meta) = metadata(object) else { return };
    for field in ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
        meta.remove(field);
    }
    meta.remove("generation");
    if generation {
        meta.insert("generation".into(), 1.into());
    }
    meta.insert("uid".into(), seam.uuid().to_string().into());
    meta.insert("creationTimestamp".into(), api::time::text(seam.now()).into());
}

/// Whether objects of the kind count their changes. Kinds of the core group other than these do not, for history's sake.
pub(crate) fn has_generation(kind: &Kind, object: &Value) -> bool {
    let counts = !kind.group.is_empty() || matches!(&*kind.plural, "pods" | "replicationcontrollers");
    match kind.flags.generation {
        Generation::BySpec => counts && kind.has(Subresource::Status) && object.get("spec").is_some(),
        Generation::Always => true,
        Generation::Never | Generation::One => false,
    }
}

/// `metadata` of an object.
pub(crate) fn metadata(object: &mut Value) -> Option<&mut Map<String, Value>> {
    object.get_mut("metadata").and_then(Value::as_object_mut)
}

/// A text field of `metadata`; empty when absent.
pub(crate) fn meta_text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}
