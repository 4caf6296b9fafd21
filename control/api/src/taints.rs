//! Taints and tolerations: the one rule that scheduler and node health share (core/v1 `Toleration.ToleratesTaint`).

/// A taint of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taint<'a> {
    /// Key.
    pub key: &'a str,
    /// Value.
    pub value: &'a str,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: &'a str,
}

/// A toleration of a pod. Empty key or effect means any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Toleration<'a> {
    /// Key.
    pub key: &'a str,
    /// Operator `Exists`; otherwise `Equal`.
    pub exists: bool,
    /// Value, for `Equal`.
    pub value: &'a str,
    /// Effect.
    pub effect: &'a str,
}

/// Whether the toleration covers the taint.
#[must_use]
pub fn tolerates(toleration: Toleration<'_>, taint: Taint<'_>) -> bool {
    let effect = toleration.effect.is_empty() || toleration.effect == taint.effect;
    let key = toleration.key == taint.key || (toleration.key.is_empty() && toleration.exists);
    effect && key && (toleration.exists || toleration.value == taint.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerations_cover_what_kubernetes_says() {
        let taint = Taint { key: "a", value: "1", effect: "NoSchedule" };
        let check = |key, exists, value, effect| tolerates(Toleration { key, exists, value, effect }, taint);
        assert!(check("a", false, "1", "NoSchedule"));
        assert!(check("a", true, "", ""));
        assert!(check("", true, "", ""));
        assert!(!check("", false, "1", ""));
        assert!(!check("a", false, "2", ""));
        assert!(!check("a", true, "", "NoExecute"));
    }
}
