//! Short texts that stand in many objects, kept once.
//!
//! Headers of ten thousand pods name the same nine fields, label keys and node; one allocation for each would weigh as much as
//! the objects themselves. A small table for each thread remembers what it has seen lately. Sharing is never certain, and
//! nothing but memory depends on it.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Texts that a thread remembers, at most: more than the vocabulary of keys, fields and frequent values, and 16 kB.
const TEXTS_MAX: usize = 1024;
/// Longest text that is remembered, in bytes: that of a label's name.
const LENGTH_MAX: usize = 63;

thread_local! {
    /// Each text has one place; a newer one of the same place takes it.
    static TEXTS: RefCell<Vec<Option<Arc<str>>>> = RefCell::new(vec![None; TEXTS_MAX]);
}

/// The text, shared with earlier ones that are equal if this thread still remembers one.
pub(crate) fn shared(text: &str) -> Arc<str> {
    remembered(text, || text.into())
}

/// The same text, in an allocation that others have already if this thread still remembers one.
pub(crate) fn share(text: &mut Arc<str>) {
    *text = remembered(text, || Arc::clone(text));
}

fn remembered(text: &str, make: impl FnOnce() -> Arc<str>) -> Arc<str> {
    if text.len() > LENGTH_MAX {
        return make();
    }
    let mut hash = DefaultHasher::new();
    text.hash(&mut hash);
    let at = usize::try_from(hash.finish() % TEXTS_MAX as u64).unwrap_or_default();
    TEXTS.with_borrow_mut(|texts| match texts.get_mut(at) {
        Some(Some(known)) if **known == *text => Arc::clone(known),
        Some(place) => Arc::clone(place.insert(make())),
        None => make(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one() {
        let (first, second) = (shared("spec.nodeName"), shared("spec.nodeName"));
        assert!(Arc::ptr_eq(&first, &second));
        let mut third: Arc<str> = "spec.nodeName".into();
        share(&mut third);
        assert!(Arc::ptr_eq(&first, &third));
    }

    #[test]
    fn a_text_that_is_long_or_forgotten_is_still_itself() {
        let texts: Vec<String> = (0..10 * TEXTS_MAX).map(|nth| nth.to_string().repeat(1 + nth % 20)).collect();
        assert!(texts.iter().all(|text| *shared(text) == **text));
        assert!(texts.iter().all(|text| *shared(text) == **text));
    }
}
