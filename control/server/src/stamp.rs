//! The only place that gives objects what no client may choose: uid, time of creation, the end of a generated name.

use api::kind::{Kind, Subresource};
use seam::Seam;
use serde_json::{Map, Value};

/// Characters of generated suffixes: no vowels, so that no words come about, and nothing that is easily confused.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// Length of a generated suffix, as in Kubernetes.
const SUFFIX_LENGTH: usize = 5;
/// A generated name is cut so that it stays a DNS label.
const BASE_MAX: usize = 58;

/// A name that begins with `base`.
pub(crate) fn generate_name(base: &str, seam: &Seam) -> String {
    let mut name: String = base.chars().take(BASE_MAX).collect();
    for _ in 0..SUFFIX_LENGTH {
        let at = usize::try_from(seam.random().below(ALPHABET.len() as u64)).unwrap_or(0);
        name.push(char::from(ALPHABET[at]));
    }
    name
}

/// Gives a new object its identity and removes what only the server may say.
pub(crate) fn create(kind: &Kind, object: &mut Value, seam: &Seam) {
    let generation = has_generation(kind, object);
    let Some(meta) = metadata(object) else { return };
    for field in ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields"] {
        meta.remove(field);
    }
    meta.remove("generation");
    if generation {
        meta.insert("generation".into(), 1.into());
    }
    meta.insert("uid".into(), seam.uuid().to_string().into());
    meta.insert("creationTimestamp".into(), api::time::text(seam.now()).into());
}

/// Whether objects of the kind count changes of their spec. Kinds of the core group other than these do not, for history's sake.
pub(crate) fn has_generation(kind: &Kind, object: &Value) -> bool {
    let counts = !kind.group.is_empty() || matches!(&*kind.plural, "pods" | "replicationcontrollers");
    counts && kind.has(Subresource::Status) && object.get("spec").is_some()
}

/// `metadata` of an object.
pub(crate) fn metadata(object: &mut Value) -> Option<&mut Map<String, Value>> {
    object.get_mut("metadata").and_then(Value::as_object_mut)
}

/// A text field of `metadata`; empty when absent.
pub(crate) fn meta_text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}
